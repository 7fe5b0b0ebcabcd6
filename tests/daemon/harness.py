"""A whole cabinet as its users run it: `cabinetd` and `python -m simulator cabinet` as processes.

Nothing here sleeps: each wait looks at the world or the journal until it is so, and ends when the daemon does."""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Any, TypeVar

from cabinet.control.client import Client
from cabinet.control.protocol import ControlError
from tests.daemon.forked import Forked
from tests.daemon.lines import PATIENCE_S, Watch
from tests.daemon.people import Somebody
from tests.daemon.records import Records
from tests.simulator.processes import LineClient

T = TypeVar("T")

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
LOOK_AGAIN_S = 0.01
AWAY_S = 1.2
"""Longer than the reader needs to see that a card has left: its removal_ms and one repetition."""


def configured(**changes: str) -> str:
    """config/simulated.toml with short pulses; `changes` as key="value" replace the first such line."""
    text = (ROOT / "config" / "simulated.toml").read_text()
    for key, value in {"hold_s": "0.2", **changes}.items():
        lines = text.splitlines()
        at = next(index for index, line in enumerate(lines) if line.startswith(f"{key} = "))
        lines[at] = f"{key} = {value}"
        text = "\n".join(lines) + "\n"
    return text


class Ended(AssertionError):
    """The daemon ended while somebody waited for something."""


class Cabinet:
    """A context: simulator and daemon run inside it. `state`: a state folder to begin with, copied. `forked`: see
    tests/daemon/forked.py."""

    def __init__(
        self, config: str | None = None, state: Path | None = None, *, daemon: bool = True, forked: bool = False
    ) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="kcd-", dir="/tmp"))  # Unix sockets have short paths
        self.config = self.folder / "cabinet.toml"
        self.config.write_text(configured() if config is None else config)
        if state is not None:
            shutil.copytree(state, self.folder / "state")
        self.state = self.folder / "state"
        self.service = self.folder / "sockets" / "service.sock"
        self.uplink = self.folder / "sockets" / "uplink.sock"
        self.log = self.folder / "cabinetd.log"
        self.records = Records(self.folder)
        self.process: subprocess.Popen[bytes] | Forked | None = None
        self._with_daemon = daemon
        self._forked = forked
        self._simulator: subprocess.Popen[str] | None = None
        self._world: LineClient | None = None
        self._client: Client | None = None
        self._watch: Watch | None = None
        self._seen: list[dict[str, Any]] = []
        self._mark = 0
        self._told = 0
        self._card: str | None = None
        self._left_s: dict[str, float] = {}

    def __enter__(self) -> Cabinet:
        try:
            self.start_simulator()
            if self._with_daemon:
                self.start()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        log = self.log.read_text() if self.log.exists() else ""
        if kind is not None:
            print(log)
        self._end()
        if kind is None:
            assert "Traceback" not in log, log

    # -- processes -----------------------------------------------------------------------------------------------

    def start_simulator(self) -> None:
        command = [str(BIN / "python"), "-m", "simulator", "cabinet", "--config", str(self.config)]
        self._simulator = subprocess.Popen(
            [*command, "--run-dir", str(self.folder)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        assert self._simulator.stdout is not None
        assert select.select([self._simulator.stdout], [], [], PATIENCE_S)[0], "the simulator says nothing"
        assert self._simulator.stdout.readline().startswith("ready"), "the simulator did not start"
        self._world = LineClient(self.folder / "world.sock")

    def start(self, *, environ: Mapping[str, str] | None = None, command: Sequence[str] | None = None) -> None:
        """Starts the daemon and waits until it is ready."""
        self.launch(environ=environ, command=command)
        self.until(self.service.exists, "service.sock")
        self._client = self.until(self._connected, "a listener at service.sock")
        self._watch = Watch(self.service, len(self._seen))
        self.call("wait", {"for": "ready", "timeout_s": PATIENCE_S})

    def launch(self, *, environ: Mapping[str, str] | None = None, command: Sequence[str] | None = None) -> None:
        """Starts the daemon and waits for nothing."""
        assert self.process is None, "it runs already"
        if self._forked and environ is None and command is None:
            self.process = Forked(self.config, self.log)
            return
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*(command or [str(BIN / "cabinetd")]), "--config", str(self.config)],
                cwd=ROOT,
                env={**os.environ, **(environ or {})},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def kill(self) -> None:
        """Power off for the controller: no handler runs. No card is at the reader when it comes back."""
        self.end(signal.SIGKILL)
        self.take_card_away()

    def end(self, number: int = signal.SIGTERM) -> int:
        """The exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        code = self.process.wait(PATIENCE_S)
        self.process = None
        self._hang_up()
        return code

    def restart(self) -> None:
        self.kill()
        self.start()

    def run(self, *arguments: str, environ: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """A second `cabinetd` with this configuration, to its end."""
        command = [str(BIN / "cabinetd"), "--config", str(self.config), *arguments]
        return subprocess.run(
            command, capture_output=True, text=True, timeout=30, env={**os.environ, **(environ or {})}, check=False
        )

    def cabinetctl(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        command = [str(BIN / "cabinetctl"), "--config", str(self.config), *arguments]
        return subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=30, check=False)

    def cabinetctl_meanwhile(self, *arguments: str) -> subprocess.Popen[str]:
        """One that ends when somebody at the cabinet has done something."""
        command = [str(BIN / "cabinetctl"), "--config", str(self.config), *arguments]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    # -- control -------------------------------------------------------------------------------------------------

    def call(self, method: str, params: Mapping[str, object] | None = None) -> Any:
        assert self._client is not None, "the daemon is not started"
        return self._client.call(method, params, timeout_s=PATIENCE_S + 5)

    def refusal(self, method: str, params: Mapping[str, object] | None = None) -> ControlError:
        try:
            result = self.call(method, params)
        except ControlError as error:
            return error
        raise AssertionError(f"{method} was not refused but gave {result}")

    def change(self, kind: str, **fields: object) -> Any:
        return self.call("roster.change", {"change": {"kind": kind, **fields}})

    # -- the world -----------------------------------------------------------------------------------------------

    def world(self, command: str) -> None:
        """One act of a person, or a fault; it must be possible."""
        assert (answer := self.try_world(command)) == "ok", f"{command}: {answer}"

    def try_world(self, command: str) -> str:
        assert self._world is not None
        return self._world.ask(command)

    def show(self) -> dict[str, Any]:
        assert self._world is not None
        return self._world.show()

    def slot(self, number: int) -> dict[str, Any]:
        found: dict[str, Any] = next(slot for slot in self.show()["slots"] if slot["slot"] == number)
        return found

    def badge(self, card: str, kind: str = "card") -> None:
        """Held to the reader in place of any other, once the reader has forgotten that it was there before."""
        self.until(lambda: monotonic() - self._left_s.get(card, 0.0) > AWAY_S, "card away")
        self.world(f"present {kind} {card}")
        self._card_left()
        self._card = card

    def other_card(self, person: Somebody) -> str:
        """The one of the person's cards that left the reader longest ago."""
        return min((card for card in person.cards if card != self._card), key=lambda card: self._left_s.get(card, 0.0))

    def take_card_away(self) -> None:
        if self._card is not None:
            self.world("remove card")
            self._card_left()

    def _card_left(self) -> None:
        if self._card is not None:
            self._left_s[self._card] = monotonic()
            self._card = None

    def take(self, number: int) -> dict[str, Any]:
        """Lifts the fob once its bolt lets it, and gives the leaf that says so."""
        self.unlocked(number)
        self.world(f"lift {number}")
        return self.until_new("item.removed", slot=number)

    def put_back(self, number: int) -> dict[str, Any]:
        self.world(f"seat {number}")
        return self.until_new("item.returned", slot=number)

    def close_door(self) -> None:
        """The end of a visit, once the journal has it. A door that is open for less than a sweep is not seen."""
        self.until_kind("door.opened")
        self.world("close door")
        self.until_kind("door.closed")
        told = [leaf["ev"] for leaf in self.leaves() if leaf["ev"].startswith("door.")]
        assert told == ["door.opened", "door.closed"]

    def screen(self, expected: str) -> str:
        """What the display shows, once `expected` stands in it."""
        return self.until(lambda: text if expected in (text := str(self.show()["display"])) else None, expected)

    def unlocked(self, number: int) -> None:
        """Waits until the bolt of the slot holds nothing any more."""
        self.until(lambda: self.slot(number)["bolt"] == "unlocked", f"slot {number} unlocked")

    def open_slots(self) -> list[int]:
        return [slot["slot"] for slot in self.show()["slots"] if slot["bolt"] == "unlocked"]

    def coils_on(self) -> list[int]:
        return [slot["slot"] for slot in self.show()["slots"] if slot["coil"] == "on"]

    # -- the journal ---------------------------------------------------------------------------------------------

    def mark(self) -> None:
        """leaves() and until_kind() count from here on."""
        size = int(self.call("status")["journal_size"])
        self.until(lambda: len(self.all_leaves()) >= size, "all leaves until now")
        self._mark = size

    def forget(self) -> None:
        """All leaves so far: the journal goes on in another epoch."""
        self._seen.clear()
        self._mark = self._told = 0

    def all_leaves(self) -> list[dict[str, Any]]:
        """From the first one on, as `watch` tells them; the daemon need not be alive any more."""
        if self._watch is not None:
            self._seen += self._watch.arrived()
        return self._seen

    def leaves(self) -> list[dict[str, Any]]:
        """What was journaled since mark()."""
        return self.all_leaves()[self._mark :]

    def kinds(self) -> list[str]:
        """Without those of the door: its contact hangs on another board, so it may be read before or after."""
        return [leaf["ev"] for leaf in self.leaves() if not leaf["ev"].startswith("door.")]

    def until_kind(self, kind: str, **fields: object) -> dict[str, Any]:
        """The first leaf of this kind since mark() that has these fields."""
        return self._until_leaf(self._mark, kind, fields)

    def until_new(self, kind: str, **fields: object) -> dict[str, Any]:
        """The same, from the last one that was found so."""
        leaf = self._until_leaf(max(self._mark, self._told), kind, fields)
        self._told = int(leaf["n"]) + 1
        return leaf

    def _until_leaf(self, first: int, kind: str, fields: dict[str, object]) -> dict[str, Any]:
        def found() -> dict[str, Any] | None:
            of_kind = (leaf for leaf in self.all_leaves()[first:] if leaf["ev"] == kind)
            return next((leaf for leaf in of_kind if fields.items() <= leaf.items()), None)

        return self.until(found, f"{kind} {fields}")

    # -- waiting -------------------------------------------------------------------------------------------------

    def until(self, holds: Callable[[], T | None], what: str, within_s: float = PATIENCE_S) -> T:
        """Looks again and again until it is so, and gives what was found."""
        end_s = monotonic() + within_s
        while not (found := holds()):
            assert monotonic() < end_s, f"{what}: not within {within_s:g} s\n{self._situation()}"
            self._moment()
        return found

    def _moment(self) -> None:
        """A short one; a leaf cuts it shorter, the end of the daemon fails."""
        assert self.process is not None
        try:
            ended = os.pidfd_open(self.process.pid)
        except ProcessLookupError:
            raise Ended("cabinetd has ended") from None
        watched = [self._watch.fileno()] if self._watch is not None and not self._watch.ended else []
        try:
            ready, _, _ = select.select([ended, *watched], [], [], LOOK_AGAIN_S)
        finally:
            os.close(ended)
        if ended in ready:
            raise Ended(f"cabinetd ended with {self.process.wait()}:\n{self.log.read_text()}")

    def _situation(self) -> str:
        return f"{self.show()}\n{[leaf['ev'] for leaf in self._seen[self._mark :]]}"

    def at_rest(self) -> None:
        """What every story must leave behind: all seated, no coil on, a journal that says the same and verifies."""
        shown = self.show()
        assert [slot["slot"] for slot in shown["slots"] if slot["fob"] is None] == []
        self.until(lambda: not self.coils_on(), "all coils off")
        told = self.all_leaves()  # before the disk is read: what is told of is there
        assert told == self.records.agree(shown)[: len(told)], "watch told something else than the disk"

    # -- helpers -------------------------------------------------------------------------------------------------

    def _connected(self) -> Client | None:
        try:
            return Client(self.service)
        except ControlError:
            return None

    def _hang_up(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None
        if self._watch is not None:
            self._seen += self._watch.arrived()
            self._watch.close()
            self._watch = None

    def _end(self) -> None:
        self._hang_up()
        if self._world is not None:
            self._world.__exit__()
        for process in (self.process, self._simulator):
            if process is not None:
                process.kill()
                process.wait()
        if self._simulator is not None and self._simulator.stdout is not None:
            self._simulator.stdout.close()
        shutil.rmtree(self.folder)
