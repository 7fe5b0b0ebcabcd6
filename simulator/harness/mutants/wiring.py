"""Planted bugs between the daemon and its devices, most of them where bytes are."""

from __future__ import annotations

from typing import Final

from simulator.harness.mutants.planting import Edit, Mutant
from simulator.harness.mutants.plots import answers_come_late
from simulator.harness.mutants.trials import Crashed, Plot

WIRING: Final = (
    Mutant(
        "coil-not-dropped-at-start",
        "a relay board is taken as it is found at the start",
        [Edit("drivers.modbus_relay_board:ModbusRelayBoard.start", "await self.all_off()", "pass")],
        [Crashed("foreign-current", level="wire")],
    ),
    Mutant(
        "foreign-current-left-on",
        "a coil that somebody else switched on stays on",
        [Edit("drivers.modbus_relay_board:ModbusRelayBoard._switch_off_forgotten", "if on and", "if False and")],
        [Crashed("foreign-current", level="wire")],
    ),
    Mutant(
        "opened-again-blindly",
        "a pulse whose answer is lost is sent once more",
        [
            Edit(
                "drivers.modbus_relay_board:ModbusRelayBoard._pulse",
                "            silent = error\n",
                "            silent = error\n"
                "            await self._line.write_coil(self._spec.unit, command.address, command.value)\n",
            )
        ],
        [Crashed("unheard-pulse", level="wire")],
    ),
    Mutant(
        "late-reply-accepted",
        "the answer to an earlier question is taken for the answer to this one",
        [Edit("hal.transactions:_Unit.still_owed", "return self._owed", "return {}")],
        [Plot(answers_come_late, "wire")],
    ),
    Mutant(
        "lost-for-good",
        "a device that was lost is not tried again",
        [
            Edit(
                "hal.kept_device:KeptDevice.keep",
                "                self.lose(error.hint)\n",
                "                self.lose(error.hint)\n                return\n",
            )
        ],
        [Crashed("dead-board")],
    ),
    Mutant(
        "jammed-key-untold",
        "a jammed key is ignored and nobody is told",
        [Edit("drivers.matrix_keypad:MatrixKeypad._tell_stuck", "if stuck == self._told:", "if True:")],
        [Crashed("jammed-key", level="wire")],
    ),
    Mutant(
        "foreign-keyboard-untold",
        "nobody is told of another keyboard",
        [Edit("drivers.keyboard_reader:KeyboardReader._look", "if found and not", "if False and not")],
        [Crashed("foreign-keyboard", level="wire")],
    ),
    Mutant(
        "suspect-for-ever",
        "the alarm of a device that was suspect stays when that is over",
        [
            Edit(
                "cabinet.core.machine:on_device_suspected",
                "        turn.clear_alarm(event.cause, device=event.device)\n",
                "",
            )
        ],
        [Crashed("jammed-key")],
    ),
)
