"""Weeks of a cabinet that is backed up and goes back, on real files: people come and are erased, backups of all kinds
are made, upstream hears now and then, and the cabinet is restored to some of them, on its own board or a blank one,
with a cut at any step. What happens is the seed's; keys and salts are not."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Final

from cabinet.acts import Hardware
from cabinet.backup import swap
from cabinet.backup.create import new_file, since_of, write_journal
from cabinet.backup.errors import BackupRefused
from cabinet.backup.journal_part import extents
from cabinet.backup.keys import make_identity, parse_recipient, read_identity
from cabinet.backup.restore import Restore
from cabinet.books import Books
from cabinet.config import Config, load
from cabinet.core.events import RosterFound
from cabinet.engine import Engine
from cabinet.journal.errors import JournalError
from cabinet.journal.key_walk import renamed
from cabinet.journal.leaf import glance
from cabinet.journal.note import Signer, Verifier
from cabinet.journal.reader import JournalReader
from cabinet.journal.schema import epochs
from cabinet.journal.verify import verify
from cabinet.offline import offline_call
from cabinet.vault.signing_key import open_or_create
from hal.system_clock import SystemClock
from hal.worker import InlineWorker
from simulator.harness.finding import Finding
from simulator.harness.witness import Hear, Violated
from simulator.types import seeded

ORIGIN: Final = "cabinet.demo/lobby-01"
SETTINGS: Final = '[cabinet]\nsite = "demo"\ndevice = "lobby-01"\nstate_dir = "state"\nsocket_dir = "run"\n[backup]\n'
LINES_KEPT: Final = 30
CUT_MAX: Final = 18
"""Steps of a replacement, and some more: then it is not cut."""


class PowerFails(Exception):
    """Nothing of the process goes on but what the simulation ends for it."""


class ComesBackRight:
    """The invariant; it is asked after each restore."""

    number = 45
    title = "a restore brings back what was there, nobody who was erased, and contradicts nothing that upstream holds"

    def hears(self) -> Mapping[type, Hear]:
        return {}

    def at_rest(self) -> None:
        """It is asked after each restore."""


CHECK: Final = ComesBackRight()


@dataclass(frozen=True, slots=True)
class Kept:
    """A backup: its file, those it goes on from, and who was there."""

    files: tuple[Path, ...]
    people: Mapping[str, str] | None
    """Pseudonym by id; None: without a roster."""
    journal: bool


@dataclass(slots=True)
class Weeks:
    """One life. `play` raises Violated."""

    seed: int
    folder: Path
    hear: Callable[[str], None] | None = None
    people: dict[str, str] = field(default_factory=dict)
    erased: set[str] = field(default_factory=set)
    kept: list[Kept] = field(default_factory=list)
    upstream: dict[str, list[bytes]] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    restored: int = 0
    _keys: dict[str, Verifier] = field(default_factory=dict)
    _number: int = 2000
    _files: int = 0

    def play(self, acts: int) -> None:
        random = seeded(self.seed, "restoring")
        recipient = make_identity(self.folder / "office")
        self._file.write_text(f'{SETTINGS}recipient = "{recipient}"\n')
        for _ in range(3):
            self._come(random)
        doings: list[tuple[int, Callable[[Random], None]]] = [
            *((5, self._come), (2, self._erase), (4, self._back_up), (4, self._send), (4, self._restore)),
        ]
        for _ in range(acts):
            [act] = random.choices([act for _, act in doings], [weight for weight, _ in doings])
            act(random)
        self._send(random)

    # -- what is done --------------------------------------------------------------------------------------------

    def _come(self, random: Random) -> None:
        self._number += 1
        person = str(self._number)
        self._call("roster.change", change={"kind": "person.put", "person": {"id": person, "name": f"Kim {person}"}})
        self.people = self._roster()
        self._tell(f"{person} comes")

    def _erase(self, random: Random) -> None:
        if not self.people:
            return
        person = random.choice(sorted(self.people))
        self.erased.add(self.people[person])
        self._call("person.erase", person=person, reason="has left")
        self.people = self._roster()
        self._tell(f"{person} is erased")

    def _back_up(self, random: Random) -> None:
        kind = random.choice(("both", "both", "more", "more", "journal", "roster"))
        fulls = [one for one in self.kept if one.journal and self._joins(one)]
        before = random.choice(fulls) if kind == "more" and fulls else None
        self._files += 1
        path = self.folder / f"{self._files}.kcb"
        with new_file(path) as file:
            if kind != "journal":
                file.write(self._call("backup.roster", at_once=True)["data"])
            if kind != "roster":
                since = since_of(before.files[-1]) if before is not None else None
                self._write_journal(file.write, since)
        people = dict(self.people) if kind != "journal" else None
        files = (*(before.files if before is not None else ()), path)
        self.kept.append(Kept(files, people, kind != "roster"))
        self._tell(f"{path.name} is made: {kind}{f', on {before.files[-1].name}' if before else ''}")

    def _send(self, random: Random) -> None:
        """All epochs go up, and are confirmed as far as they come."""
        for number in epochs(self._state):
            leaves, held = self._leaves(number), self.upstream.setdefault(origin_of(number), [])
            self._compare(number, leaves)
            held += leaves[len(held) :]
        self._tell(f"upstream holds {', '.join(f'{len(held)} of {origin}' for origin, held in self.upstream.items())}")

    def _restore(self, random: Random) -> None:
        if not self.kept:
            return
        kept, blank = random.choice(self.kept), random.random() < 0.3
        alone = kept.journal is False
        if blank and (alone or kept.people is None):
            return  # a blank board needs both
        steps = random.randrange(CUT_MAX)
        if blank:
            self._send(random)
            self._note_keys()
            shutil.rmtree(self._state)
            before, known = {}, [0]
        else:
            before, known = dict(self.people), epochs(self._state)
        wanted = dict(self.people if kept.people is None else kept.people)
        after = {person: label for person, label in wanted.items() if label not in self.erased}
        self._tell(f"{kept.files[-1].name} is restored on {'a blank' if blank else 'its'} board, cut at {steps}")
        config = self._config
        whole = False
        with suppress(PowerFails), _cut(steps):
            self._restored(config, kept, random, blank=blank)
            whole = True
        expected = [after] if whole or (self._state / swap.TODO).exists() else [before, after]
        self.restored += 1
        self._start(config)
        if not self._state.exists():  # a blank board that was cut too soon: once more
            self._restored(config, kept, random, blank=blank)
            self._start(config)
        self.people = self._roster()
        if self.people not in expected:
            due = " or ".join(", ".join(sorted(people)) or "nobody" for people in expected)
            raise Violated(CHECK, f"{', '.join(sorted(self.people)) or 'nobody'} of {due} are there")
        if back := self.erased & set(self.people.values()):
            raise Violated(CHECK, f"{len(back)} people are there again who were erased")
        if self.people == after != before and kept.journal and max(epochs(self._state)) <= max(known):
            raise Violated(CHECK, "the journal goes on in an epoch that was")
        self._verified()

    def _restored(self, config: Config, kept: Kept, random: Random, *, blank: bool) -> None:
        told = self._told_upstream() if blank else set()
        above = max((number_of(origin) for origin in self.upstream), default=0) if blank else 0
        restore = Restore(config, SystemClock(), read_identity(self.folder / "office" / "backup.identity"))
        try:
            restore.open(kept.files, lambda done, total: None)
            restore.apply("a drill", "Uma", told, above)
        except (BackupRefused, JournalError) as error:
            raise Violated(CHECK, f"{kept.files[-1].name} cannot be restored: {error}") from None
        finally:
            with suppress(PowerFails):
                restore.close()

    # -- what has to hold ----------------------------------------------------------------------------------------

    def _verified(self) -> None:
        """Each epoch by itself, against what upstream holds, and with the key that it had."""
        current = Signer(ORIGIN, open_or_create(self._state, journal_exists=True)).verifier
        for number in epochs(self._state):
            self._keys.setdefault(origin_of(number), renamed(current, origin_of(number)))
            with JournalReader(self._state, number) as reader:
                verdict = verify(reader, self._keys[origin_of(number)].vkey)
            if verdict.result != "verified":
                raise Violated(CHECK, f"{origin_of(number)}: {verdict.result} at {verdict.failed_at}: {verdict.rule}")
            self._compare(number, self._leaves(number))

    def _compare(self, number: int, leaves: list[bytes]) -> None:
        """What was confirmed of an epoch is what is there of it, as far as both go."""
        for n, (held, here) in enumerate(zip(self.upstream.get(origin_of(number), []), leaves, strict=False)):
            if held != here:
                raise Violated(CHECK, f"leaf {n} of {origin_of(number)} is another one than upstream has confirmed")

    # -- helpers -------------------------------------------------------------------------------------------------

    @property
    def _state(self) -> Path:
        return self.folder / "state"

    @property
    def _file(self) -> Path:
        return self.folder / "cabinet.toml"

    @property
    def _config(self) -> Config:
        return load(self._file, {})

    def _call(self, method: str, **params: object) -> Any:
        return offline_call(self._file, method, params)

    def _start(self, config: Config) -> None:
        if epochs(self._state) or (self._state / swap.TODO).exists():
            asyncio.run(_started(Books.open(config, SystemClock())))
        else:
            shutil.rmtree(self._state)

    def _roster(self) -> dict[str, str]:
        found: dict[str, str] = {}
        books = Books.open(self._config, SystemClock())
        try:
            for one in books.roster.people(None, 200)["people"]:  # type: ignore[attr-defined]
                found[one["id"]] = str(books.roster.pseudonym_of(one["id"]))
        finally:
            books.close()
        return found

    def _note_keys(self) -> None:
        current = Signer(ORIGIN, open_or_create(self._state, journal_exists=True)).verifier
        for number in epochs(self._state):
            self._keys.setdefault(origin_of(number), renamed(current, origin_of(number)))

    def _write_journal(self, write: Callable[[bytes], object], since: bytes | None) -> None:
        config = self._config
        assert config.backup.recipient is not None
        signer = Signer(ORIGIN, open_or_create(self._state, journal_exists=True))
        readers = [JournalReader(self._state, number) for number in epochs(self._state)]
        try:
            taken = extents(readers, ORIGIN, signer.verifier, since)
            recipient = parse_recipient(config.backup.recipient)
            write_journal(taken, ORIGIN, since, recipient, write, lambda done, total: None)
        finally:
            for reader in readers:
                reader.close()

    def _joins(self, kept: Kept) -> bool:
        """The cabinet still has what that backup ends with."""
        try:
            self._write_journal(lambda data: None, since_of(kept.files[-1]))
        except BackupRefused:
            return False
        return True

    def _told_upstream(self) -> set[str]:
        leaves = (glance(data) for held in self.upstream.values() for data in held)
        return {sub["p"] for leaf in leaves if leaf["ev"] == "person.erased" for sub in leaf["subs"]}

    def _leaves(self, number: int) -> list[bytes]:
        with JournalReader(self._state, number) as reader:
            return [one.data or one.hash for one in reader.leaves()]

    def _tell(self, line: str) -> None:
        if self.hear is not None:
            self.hear(line)
        self.lines.append(line)
        del self.lines[:-LINES_KEPT]


def live(seed: int, acts: int, replay: str, hear: Callable[[str], None] | None = None) -> tuple[Weeks, Finding | None]:
    """One life in a folder that is gone afterwards; `hear` is told each act. Blocks; never raises for what becomes of
    it."""
    folder = Path(tempfile.mkdtemp(prefix="kcr-"))
    weeks = Weeks(seed, folder, hear)
    try:
        weeks.play(acts)
    except Violated as violated:
        return weeks, _finding(weeks, str(violated), violated.check.number, replay)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is found
        return weeks, _finding(weeks, f"{type(error).__name__}: {error}", None, replay)
    finally:
        shutil.rmtree(folder)
    return weeks, None


async def _started(books: Books) -> None:
    """Until every erasure that is due is done."""
    engine = Engine(books, Hardware({}, {}, (), (), None, {}, _never_up), SystemClock(), lambda name: InlineWorker())
    loop = asyncio.create_task(engine.runner.run())
    engine.runner.inbox.post(RosterFound(books.roster.version, books.roster.digest))
    turn = engine.runner.next_turn()
    while engine.runner.state.ledger.erasures or engine.runner.inbox.waiting:
        await turn.wait()
        turn = engine.runner.next_turn()
    loop.cancel()
    await engine.close()


async def _never_up(device: str, within_s: float) -> bool:
    return False


def origin_of(number: int) -> str:
    return ORIGIN if number == 1 else f"{ORIGIN}/e{number}"


def number_of(origin: str) -> int:
    return int(origin.removeprefix(f"{ORIGIN}/e")) if origin != ORIGIN else 1


def _finding(weeks: Weeks, what: str, invariant: int | None, replay: str) -> Finding:
    trace = "\n".join(f"  {line}" for line in weeks.lines)
    report = f"VIOLATED {what}\nseed {weeks.seed}\nthe last {len(weeks.lines)} acts:\n{trace}\nreplay: {replay}"
    return Finding(what, invariant, report, replay)


@contextmanager
def _cut(steps: int) -> Iterator[None]:
    """Once a replacement has begun, so many of its steps happen."""
    real, left = swap.replace_all, [steps]
    names = ("rename", "replace", "unlink", "write_text", "mkdir")
    before = {name: getattr(Path, name) for name in names}

    def counted(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **named: Any) -> Any:
            left[0] -= 1
            if left[0] < 0:
                raise PowerFails
            return function(*args, **named)

        return call

    def replace_all(*args: Any) -> None:
        for name in names:
            setattr(Path, name, counted(before[name]))
        try:
            real(*args)
        finally:
            for name in names:
                setattr(Path, name, before[name])

    setattr(swap, "replace_all", replace_all)  # noqa: B010 - a function in the place of another
    try:
        yield
    finally:
        setattr(swap, "replace_all", real)  # noqa: B010
