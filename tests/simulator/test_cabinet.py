"""A whole simulated cabinet in memory, on virtual time: devices, world and commands together."""

from __future__ import annotations

import asyncio
import json
import random
from collections import defaultdict
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from drivers.ds2482_chip import Ds2482Chip
from hal.problems import ConfigError
from simulator.assembly import Assembly, BusLink, ChipLink, HubLink, NotSimulated, WiresLink
from simulator.cabinet import place_of
from simulator.configuration import read_table
from simulator.fobs import number_of
from simulator.gpio_chip import GpioChip, Holder, Input, Output
from simulator.harness.virtual_loop import run
from simulator.harness.wire.memory_i2c import MemoryI2c, MemoryWires
from simulator.i2c_wires import I2cWires
from simulator.keyboard_hub import KeyboardHub, Taker
from simulator.modbus_frames import crc16
from simulator.modbus_relay_board import ModbusRelayBoard
from simulator.world import World
from simulator.world_commands import USAGE, WorldCommands
from tests.simulator.lines import MemoryLine

CONFIG = Path(__file__).parents[2] / "config" / "simulated.toml"
EXAMPLE = CONFIG.with_name("cabinet.example.toml")
CAPTURE = b"\x02010063E9AE25\x03"
ROWS, COLUMNS, LAMPS, BUZZER = (5, 6, 13, 19), (16, 20, 21), (2, 3, 4, 17, 27, 22, 10, 9), 11


class Cabinet:
    """The cabinet of config/simulated.toml, seen from its links and from world.sock."""

    def __init__(self, config: Path = CONFIG) -> None:
        loop = asyncio.get_running_loop()
        table = read_table(config)
        self.chip = GpioChip(loop.time)
        self.holder = Holder(lambda edge: None)
        self.rs485, self.uart0, self.uart1, self.camera, self.plug = (MemoryLine() for _ in range(5))
        ports = defaultdict(MemoryLine, rs485=self.rs485, uart0=self.uart0, uart1=self.uart1, camera=self.camera)
        world = World((slot.number for slot in table.slots), loop.call_later)
        self.wires = I2cWires(loop.time)
        buses: dict[str, BusLink] = {"gpio0": ChipLink(self.chip, self.plug)}
        buses["i2c0"] = WiresLink(self.wires, MemoryLine())
        self.hub = KeyboardHub(loop.time)
        buses["input"] = HubLink(self.hub, MemoryLine())
        self.assembly = Assembly(table, world, ports, buses, {"camera": bytes(32)}, seed=1)
        self.assembly.start()
        self._commands = WorldCommands(self.assembly)

    async def say(self, line: str) -> str:
        return await self._commands.answer(line)

    async def show(self) -> dict[str, Any]:
        shown = json.loads(await self.say("show"))
        assert isinstance(shown, dict)
        return shown

    async def slot(self, number: int) -> dict[str, Any]:
        return dict(next(slot for slot in (await self.show())["slots"] if slot["slot"] == number))

    async def ask(self, body: str) -> bytes:
        """A Modbus request and its answer, both without CRC."""
        self.rs485.came.clear()
        request = bytes.fromhex(body)
        self.rs485.say(request + crc16(request))
        await asyncio.sleep(0.05)
        return self.rs485.stream[:-2]

    async def pulse(self, slot: int) -> None:
        assert await self.ask(f"01 05 02 {slot - 1:02X} 00 05") != b""

    async def sensors(self) -> str:
        return f"{(await self.ask('02 02 00 00 00 08'))[3]:08b}"[::-1]

    async def door_contact(self) -> bool:
        return bool((await self.ask("03 02 00 00 00 01"))[3])


def play(story: Callable[[Cabinet], Awaitable[None]], config: Path = CONFIG) -> None:
    async def on_the_loop() -> None:
        await story(Cabinet(config))

    run(on_the_loop())


def test_it_begins_full_and_closed() -> None:
    async def story(cabinet: Cabinet) -> None:
        assert await cabinet.show() == {
            "door": "closed",
            "mains": "on",
            "slots": [
                {"slot": number, "fob": f"F-{number}", "bolt": "locked", "coil": "off", "lamp": "off"}
                for number in range(1, 9)
            ],
            "hands": [],
            "display": "",
            "buzzer": "off",
        }
        assert await cabinet.sensors() == "11111111"
        assert await cabinet.door_contact()

    play(story)


def test_take_and_return() -> None:
    async def story(cabinet: Cabinet) -> None:
        assert await cabinet.say("lift 7") == "error: held by bolt"
        await cabinet.pulse(7)
        assert (await cabinet.slot(7))["coil"] == "on"
        await asyncio.sleep(1)
        assert await cabinet.slot(7) == {"slot": 7, "fob": "F-7", "bolt": "unlocked", "coil": "off", "lamp": "off"}
        assert await cabinet.say("lift 7") == "ok"
        assert await cabinet.sensors() == "11111101"
        assert not await cabinet.door_contact()
        shown = await cabinet.show()
        assert (shown["door"], shown["hands"]) == ("open", ["F-7"])
        assert await cabinet.say("close door") == "ok"
        assert await cabinet.say("seat 7") == "ok"
        assert await cabinet.say("close door") == "ok"
        assert await cabinet.sensors() == "11111111"
        assert await cabinet.say("lift 7") == "error: held by bolt"

    play(story)


def test_a_card_in_the_field() -> None:
    async def story(cabinet: Cabinet) -> None:
        assert await cabinet.say("present card 0006547886") == "ok"
        await asyncio.sleep(0.3)
        assert set(cabinet.uart0.pieces) == {CAPTURE}
        assert await cabinet.say("remove card reader") == "ok"
        cabinet.uart0.came.clear()
        await asyncio.sleep(0.3)
        assert cabinet.uart0.came == []
        assert await cabinet.say("present card 010063E9AE reader") == "ok"
        assert cabinet.uart0.pieces == [CAPTURE]

    play(story)


def test_keys_are_pressed_when_ok_comes() -> None:
    async def story(cabinet: Cabinet) -> None:
        edges: list[int] = []
        holder = Holder(lambda edge: edges.append(edge.line))
        cabinet.chip.claim(holder, ROWS, Output("open-drain", high=False))
        cabinet.chip.claim(holder, COLUMNS, Input("up", edges=True))
        assert await cabinet.say("press 159# keypad") == "ok"
        assert list(dict.fromkeys(edges)) == [16, 20, 21]

    play(story)


def test_lamps_buzzer_and_display_are_seen() -> None:
    async def story(cabinet: Cabinet) -> None:
        cabinet.chip.claim(cabinet.holder, [*LAMPS, BUZZER], Output("push-pull", high=False))
        cabinet.chip.write(cabinet.holder, {LAMPS[6]: True, BUZZER: True})
        cabinet.uart1.say(b"\x1b[2J\x1b[HTake slot 7\r\n" + "请取".encode())
        shown = await cabinet.show()
        assert [slot["slot"] for slot in shown["slots"] if slot["lamp"] == "on"] == [7]
        assert shown["buzzer"] == "on"
        assert shown["display"] == "Take slot 7\n请取"

    play(story)


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("lift 9", "error: slot 9: no such slot"),
        ("lift -1", "error: slot -1: no such slot"),
        ("lift ²", "error: slot ²: no such slot"),
        ("lift 99999999999999999999", "error: slot 99999999999999999999: no such slot"),
        ("seat 7", "error: slot 7 is taken by F-7"),
        ("seat 7 F-8", "error: slot 7 is taken by F-7"),
        ("lift", "error: write: lift SLOT"),
        ("lift 1 2", "error: write: lift SLOT"),
        ("seat", "error: write: seat SLOT [FOB]"),
        ("open window", "error: write: open door"),
        ("present", "error: write: present card|desfire-ev1|desfire-ev2|ntag424 UID [READER]"),
        ("present ntag424 04782E21801D80", "error: there is no reader of secure cards in this cabinet"),
        ("issue ntag424 04782E21801D80", "error: there is no reader of secure cards in this cabinet"),
        ("spoil 04782E21801D80 forged", "error: no secure card with this UID was here"),
        ("present card 0006547886 keypad", "error: no reader 'keypad'; there are: reader"),
        ("remove card", "error: no card in the field"),
        ("press 12A#", "error: no key 'A' here; there are 123 456 789 *0#"),
        ("press 1 reader", "error: no keypad 'reader'; there are: keypad"),
        ("touch finger 7 keypad", "error: no finger reader 'keypad'; there are: finger"),
        ("clear relay", "error: no device 'relay'; there are: reader, finger, keypad, relays, inputs-a, "),
        ("fault relays", "error: write: fault DEVICE NAME[=ARG]"),
        ("fault relays late=x", "error: late=x: the argument is a number of ms, 1 to 600000"),
        ("fault reader busy", "error: fault 'busy' is not offered here; there are: noise, "),
        ("fault inputs-b forced-open=2", "error: nothing is wired to channel 2"),
        ("present card 1", "error: a card is ten decimal digits as printed"),
        ("present card 11223344", "error: a 125 kHz card has 5 bytes, this one 4"),
        (
            "",
            "error: no such command; there are: present, issue, spoil, remove, touch, press, look, lift, seat, force, ",
        ),
        ("dance", "error: no such command; there are: present, "),
        ("SHOW", "error: no such command; there are: present, "),
    ],
)
def test_what_does_not_work_is_said_and_changes_nothing(line: str, answer: str) -> None:
    async def story(cabinet: Cabinet) -> None:
        before = await cabinet.show()
        assert (await cabinet.say(line)).startswith(answer)
        assert await cabinet.show() == before

    play(story)


def test_every_command_has_a_usage() -> None:
    async def story(cabinet: Cabinet) -> None:
        for verb, usage in USAGE.items():
            assert usage.split()[0] == verb
            assert await cabinet.say(f"{verb} 1 2 3 4") == f"error: write: {usage}"

    play(story)


def test_doors_mains_and_violence() -> None:
    async def story(cabinet: Cabinet) -> None:
        assert [await cabinet.say(line) for line in ("open door", "open door", "cut mains", "force 3")] == ["ok"] * 4
        shown = await cabinet.show()
        assert (shown["door"], shown["mains"], shown["hands"]) == ("open", "off", ["F-3"])
        assert await cabinet.sensors() == "11011111"
        assert [await cabinet.say(line) for line in ("close door", "restore mains", "seat 3 F-3")] == ["ok"] * 3
        shown = await cabinet.show()
        assert (shown["door"], shown["mains"], shown["hands"]) == ("open", "on", [])
        assert await cabinet.say("force 9") == "error: slot 9: no such slot"

    play(story)


def test_bolt_faults_meet_the_world() -> None:
    async def story(cabinet: Cabinet) -> None:
        assert await cabinet.say("fault relays stuck-locked=2") == "ok"
        await cabinet.pulse(2)
        assert await cabinet.slot(2) | {"lamp": 0} == {
            "slot": 2,
            "fob": "F-2",
            "bolt": "locked",
            "coil": "on",
            "lamp": 0,
        }
        assert await cabinet.say("lift 2") == "error: held by bolt"
        assert await cabinet.say("fault relays forced-open=3") == "ok"
        assert await cabinet.say("lift 3") == "ok"
        assert await cabinet.say("fault relays stuck-on=4") == "ok"
        await cabinet.pulse(4)
        await asyncio.sleep(60)
        assert (await cabinet.slot(4))["coil"] == "on"
        assert await cabinet.say("clear relays") == "ok"
        assert (await cabinet.slot(4))["coil"] == "off"
        await cabinet.pulse(2)
        assert await cabinet.say("lift 2") == "ok"

    play(story)


def test_sensor_faults_meet_the_world() -> None:
    async def story(cabinet: Cabinet) -> None:
        assert await cabinet.say("fault inputs-a sensor-stuck=1") == "ok"
        assert await cabinet.say("force 1") == "ok"
        assert await cabinet.sensors() == "11111111"
        assert await cabinet.say("fault inputs-a forced-open=2") == "ok"
        assert (await cabinet.show())["hands"] == ["F-1", "F-2"]
        assert await cabinet.sensors() == "10111111"
        assert await cabinet.say("fault inputs-a forced-open=2") == "error: slot 2 is empty"
        await cabinet.say("close door")
        assert await cabinet.say("fault inputs-b forced-open") == "ok"
        assert (await cabinet.show())["door"] == "open"
        assert await cabinet.say("clear inputs-a") == "ok"
        assert await cabinet.sensors() == "00111111"

    play(story)


def test_the_reader_of_fobs_sees_what_hangs_in_each_slot() -> None:
    async def story(cabinet: Cabinet) -> None:
        bus = MemoryI2c(MemoryWires("i2c0", cabinet.wires))
        await bus.open()
        chip = Ds2482Chip("fobs", bus, 0x18)
        await chip.set_up()
        await chip.look(range(1, 9))
        await asyncio.sleep(0.05)
        assert (await chip.look(range(1, 9)))[0] == ["present"] * 4 + ["idle"] * 4  # slots 1 to 4 have a contact
        assert await chip.read_number(2) == number_of("F-2")
        assert [await cabinet.say(act) for act in ("force 2", "force 3", "seat 3 F-2")] == ["ok"] * 3
        await chip.look(range(1, 9))
        await asyncio.sleep(0.05)
        assert (await chip.look(range(1, 4)))[0] == ["present", "idle", "present"]
        assert await chip.read_number(3) == number_of("F-2")
        assert await cabinet.say("fault fobs short=1") == "ok"
        assert (await chip.look([1]))[0] == ["short"]
        assert await cabinet.say("clear fobs") == "ok"
        assert (await chip.look([1]))[0] == ["present"]

    play(story, EXAMPLE)


def test_what_types_is_plugged_in_where_the_configuration_says() -> None:
    async def story(cabinet: Cabinet) -> None:
        keys: list[int] = []
        program = Taker(lambda port, event: keys.append(event.code) if event.value else None, lambda port: None)
        cabinet.hub.take(program, 0xFFFF, 0x0035, "usb-0000:01:00.0-1.2/input0")
        assert await cabinet.say("present card 0006547886 desk-reader") == "ok"
        await asyncio.sleep(0.2)
        assert keys == [11, 11, 11, 7, 6, 5, 8, 9, 9, 7, 28]

    play(story, EXAMPLE)


def test_a_finger_is_on_the_reader_for_a_moment() -> None:
    async def story(cabinet: Cabinet) -> None:
        module = cabinet.assembly.device("finger").body
        image = bytes.fromhex("EF01FFFFFFFF 01 0003 01 0005")

        async def sees() -> bool:
            module.connect(answers.append)
            module.receive(image)
            await asyncio.sleep(0.3)
            return bool(answers.pop()[9] == 0)

        answers: list[bytes] = []
        touch = asyncio.create_task(cabinet.say("touch finger 7 finger"))
        await asyncio.sleep(0.1)
        assert await cabinet.say("touch finger 8") == "error: finger 7 is on finger"
        assert await sees()
        assert await touch == "ok"
        assert not await sees()
        assert await cabinet.say("touch finger 65536") == "error: finger 65536: allowed are 0 to 65535"
        assert await cabinet.say("touch finger 7 keypad") == "error: no finger reader 'keypad'; there are: finger"

    play(story, EXAMPLE)


def test_one_dead_board_leaves_the_others_on_the_line() -> None:
    async def story(cabinet: Cabinet) -> None:
        await cabinet.say("fault relays silent")
        assert await cabinet.ask("01 01 00 00 00 08") == b""
        assert await cabinet.sensors() == "11111111"
        await cabinet.say("fault lamps unplug")
        assert not cabinet.plug.plugged
        await cabinet.say("clear lamps")
        assert cabinet.plug.plugged

    play(story)


def test_inverted_contacts(tmp_path: Path) -> None:
    config = tmp_path / "cabinet.toml"
    config.write_text(CONFIG.read_text().replace("unit = 2\n", "unit = 2\ninverted = [2, 3]\n"))

    async def story(cabinet: Cabinet) -> None:
        assert await cabinet.sensors() == "10011111"
        await cabinet.say("force 2")
        assert await cabinet.sensors() == "11011111"

    play(story, config)


def test_conf_d_is_read_too(tmp_path: Path) -> None:
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "cabinet.toml").write_text(CONFIG.read_text())
    (tmp_path / "conf.d" / "more.toml").write_text(
        '[door]\nopen_s = 5\n[[device]]\nid = "bell"\ntype = "buzzer"\nlink = "gpio0"\nline = 12\n'
    )
    table = read_table(tmp_path / "cabinet.toml")
    assert [entry.spec.id for entry in table.devices][-1] == "bell"
    assert (table.door.open_s, str(table.door.contact)) == (5, "inputs-b:1")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[link", "cabinet.toml: "),
        ('[[link]]\nid = "a"\ntype = "token-ring"\n', "link.0.type: unknown type"),
    ],
)
def test_a_bad_configuration_is_told(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "cabinet.toml").write_text(text)
    with pytest.raises(ConfigError) as raised:
        read_table(tmp_path / "cabinet.toml")
    assert said in str(raised.value)
    with pytest.raises(ConfigError, match="no-such-file"):
        read_table(tmp_path / "no-such-file.toml")


def test_a_board_without_a_twin_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulator.assembly.MAKES", {"other-4": (4, ModbusRelayBoard)})

    async def story(cabinet: Cabinet) -> None: ...

    with pytest.raises(NotSimulated, match="profile waveshare-8 has no simulated twin; there are: other-4"):
        play(story)


@pytest.mark.parametrize(
    ("configured", "place"),
    [
        ("links/rs485", "links/rs485"),
        ("deep/er/rs485", "deep/er/rs485"),
        ("/dev/serial/by-id/usb-1a86", "rs485"),
        ("../rs485", "rs485"),
        ("links/../../rs485", "rs485"),
        (".", "rs485"),
    ],
)
def test_links_stay_under_the_run_directory(configured: str, place: str, tmp_path: Path) -> None:
    table = read_table(CONFIG)
    link = table.links[0].model_copy(update={"port": configured})
    assert place_of(link, tmp_path) == tmp_path / place
    inside = table.links[0].model_copy(update={"port": str(tmp_path / "mine")})
    assert place_of(inside, tmp_path) == tmp_path / "mine"


def test_any_sequence_of_commands_leaves_each_fob_in_one_place() -> None:
    rng = random.Random(7)
    fobs = [f"F-{number}" for number in range(1, 9)]
    words = ["lift", "seat", "force", "open door", "close door", "fault relays forced-open=", "clear relays"]

    async def story(cabinet: Cabinet) -> None:
        for _ in range(400):
            word, number = rng.choice(words), rng.randint(1, 9)
            fob = f" {rng.choice(fobs)}" if word == "seat" and rng.random() < 0.5 else ""
            separator = "" if word.endswith("=") else " "
            line = word if " door" in word or word.startswith("clear") else f"{word}{separator}{number}{fob}"
            answer = await cabinet.say(line)
            assert answer == "ok" or answer.startswith("error: ")
            shown = await cabinet.show()
            seated = [slot["fob"] for slot in shown["slots"] if slot["fob"]]
            assert sorted(seated + shown["hands"]) == fobs

    play(story)
