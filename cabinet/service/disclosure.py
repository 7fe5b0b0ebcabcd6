"""person.export, person.events: everything that is kept on somebody, for them.

The first journals that it is given and answers what the roster and the present state hold; the second goes through the
journal, epoch by epoch, and opens what is sealed for them and for nobody else. Each leaf comes with its proof against a
checkpoint, so that whoever gets it need not believe the cabinet."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar, cast

from cabinet.control.protocol import Code, ControlError, Params
from cabinet.control.session import Handler, Peer
from cabinet.core.requests import ExportAsked
from cabinet.journal.epoch import EpochFile
from cabinet.journal.errors import JournalDamaged
from cabinet.journal.leaf import glance
from cabinet.journal.opening import epoch_origin
from cabinet.journal.store import Journal
from cabinet.journal.tree import inclusion, leaf_hash
from cabinet.policy.rights import Pseudonym
from cabinet.roster.store import Roster
from cabinet.runner import Runner
from cabinet.service.desk import Desk
from cabinet.service.parameters import flag, integer, line
from cabinet.service.views import View, iso
from cabinet.vault.box import SealError
from cabinet.vault.sealing import open_sealed
from hal.worker import Worker

T = TypeVar("T")

_BYTES_MAX: Final = 40_000
"""Of a page: an answer is one line of at most 64 kB."""
_WINDOW: Final = 20_000
"""So many leaves are looked through at a time: a commit waits that long."""
_N_MAX: Final = 2**53


@dataclass(frozen=True, slots=True)
class _Export:
    """One at a time. `ends`: of each epoch its size, and the note that seals it."""

    person: Pseudonym
    ends: Mapping[int, tuple[int, bytes]]


class Disclosure:
    """`journal_worker` and `roster_worker` are those of the two databases."""

    def __init__(
        self,
        roster: Roster,
        roster_worker: Worker,
        journal: Journal,
        journal_worker: Worker,
        runner: Runner,
        desk: Desk,
        origin: str,
    ) -> None:
        """`origin` is that of the first epoch."""
        self._roster = roster
        self._roster_worker = roster_worker
        self._journal = journal
        self._journal_worker = journal_worker
        self._runner = runner
        self._desk = desk
        self._origin = origin
        self._open: tuple[int, _Export] | None = None
        """With the leaf that it was journaled by."""

    def methods(self) -> Mapping[str, Handler]:
        return {"person.export": self.begin, "person.events": self.events}

    async def begin(self, params: Params, peer: Peer) -> View:
        """`export` is what person.events wants, which a caller without the socket gets `at_once`; the checkpoints of
        `epochs`, signed by `vkeys`, are what its proofs lead to."""
        id_ = line(params, "person", 32)
        person = await self._roster_worker.run(self._roster.pseudonym_of, id_)
        if person is None:
            raise ControlError(Code.NOT_FOUND, f"there is no person {id_}; see `cabinetctl person list`")
        answer = await self._desk.ask(lambda request: ExportAsked(request, person, peer.user))
        n = cast("int", answer.n)
        ends, lost = await self._journal_worker.run(self._ends)
        self._open = n, _Export(person, ends)
        held = await self._roster_worker.run(self._roster.held_on, person)
        keys = [*self._journal.earlier_verifiers(), *self._journal.former, self._journal.verifier]
        told = {"events": await self._all(self._open[1])} if flag(params, "at_once") else {}
        return told | {
            "export": n,
            "person": (held or {}) | self._present(person),
            "epochs": [{"epoch": k, "size": size, "checkpoint": note.decode()} for k, (size, note) in ends.items()],
            "lost_epochs": lost,
            "vkeys": list(dict.fromkeys(key.vkey for key in keys)),
        }

    async def events(self, params: Params, peer: Peer) -> View:
        """From index `first` of `epoch` on; `next` are epoch and index to go on with, null at the end."""
        export = integer(params, "export", 0, _N_MAX)
        if self._open is None or self._open[0] != export:
            raise ControlError(Code.NOT_FOUND, "another export has begun meanwhile; export again")
        epoch, first = integer(params, "epoch", 1, _N_MAX), integer(params, "first", 0, _N_MAX)
        page, after = await self._page(self._open[1], epoch, first)
        return {"events": page, "next": after}

    async def _all(self, wanted: _Export) -> list[View]:
        found: list[View] = []
        after: tuple[int, int] | None = (1, 0)
        while after is not None:
            page, after = await self._page(wanted, *after)
            found += page
        return found

    async def _page(self, wanted: _Export, epoch: int, first: int) -> tuple[list[View], tuple[int, int] | None]:
        """And where to go on; None: that was all."""
        key = await self._roster_worker.run(self._roster.key_of, wanted.person)
        page: list[View] = []
        size = 0
        while epoch <= self._journal.epoch:
            end = wanted.ends[epoch][0] if epoch in wanted.ends else 0
            while first < end:
                until = min(first + _WINDOW, end)
                for n, leaf, sound, proof in await self._journal_worker.run(self._found, wanted, epoch, first, until):
                    opened = self._opened(wanted.person, key, epoch, leaf) if sound else None
                    event = _event(epoch, n, leaf, proof, opened)
                    size += len(json.dumps(event))
                    if page and size > _BYTES_MAX:
                        return page, (epoch, n)
                    page.append(event)
                first = until
            epoch, first = epoch + 1, 0
        return page, None

    def _opened(self, person: Pseudonym, key: bytes | None, epoch: int, leaf: bytes) -> list[View]:
        """What is sealed for them in it."""
        content, origin = glance(leaf), epoch_origin(self._origin, epoch)
        opened: list[View] = []
        for sub in content["subs"]:
            if sub["p"] == person and key is not None:
                try:
                    said = open_sealed(sub, origin=origin, salt=content["salt"], key=key)
                except SealError:
                    continue
                opened.append({"role": sub["r"], "said": said})
        return opened

    def _ends(self) -> tuple[dict[int, tuple[int, bytes]], list[int]]:
        """Of one moment, behind the leaf that told of it; and the epochs whose files are gone or broken."""
        ends: dict[int, tuple[int, bytes]] = {}
        lost = []
        for epoch in range(1, self._journal.epoch + 1):
            try:
                size, note = self._ask(epoch, _end)
            except JournalDamaged:
                lost.append(epoch)
                continue
            ends[epoch] = size, note or b""
        return ends, lost

    def _found(self, wanted: _Export, epoch: int, first: int, end: int) -> list[tuple[int, bytes, bool, list[bytes]]]:
        """Leaves that concern them, whether each is what was journaled, and its proof."""
        size = wanted.ends[epoch][0]
        return self._ask(
            epoch,
            lambda file: [
                (n, leaf, leaf_hash(leaf) == file.node(0, n), inclusion(n, size, file.node))
                for n, leaf in file.concerning(wanted.person, first, end)
            ],
        )

    def _ask(self, epoch: int, question: Callable[[EpochFile], T]) -> T:
        if epoch == self._journal.epoch:
            return self._journal.ask_durable(question)
        return self._journal.ask_epoch(epoch, question)

    def _present(self, person: Pseudonym) -> View:
        """What the cabinet has to do with them now."""
        ledger, rights = self._runner.state.ledger, self._runner.rights
        known = rights.people.get(person)
        mine = [
            right.id for act in ("take", "return", "door") for right in (rights.rights_of(known, act) if known else ())
        ]
        return {
            "rights": sorted(set(mine)),
            "holding": [
                {"item": out.item, "slot": slot, "since": iso(out.since_ms), "due": iso(out.due_ms)}
                for slot, out in sorted(ledger.outs.items())
                if out.holder == person
            ],
            "bookings": [
                {"booking": n, "item": one.item, "from": iso(one.starts_ms), "until": iso(one.until_ms)}
                for n, one in sorted(ledger.bookings.items())
                if one.holder == person
            ],
            "wrong_tries": ledger.failures[person].count if person in ledger.failures else 0,
            "incidents": [
                {"incident": n, "kind": one.kind, "item": one.item, "since": iso(one.since_ms)}
                for n, one in sorted(ledger.incidents.items())
                if one.whom == person
            ],
        }


def _event(epoch: int, n: int, leaf: bytes, proof: list[bytes], opened: list[View] | None) -> View:
    """`opened` None: its bytes are not those that were journaled, so nobody can tell what they said."""
    return {
        "epoch": epoch,
        "index": n,
        "leaf": b64encode(leaf).decode("ascii"),
        "damaged": opened is None,
        "proof": [b64encode(one).decode("ascii") for one in proof],
        "opened": opened or [],
    }


def _end(file: EpochFile) -> tuple[int, bytes | None]:
    """Size and note. Raises JournalDamaged for an epoch that was salvaged without its end: no proof leads there."""
    stored, size = file.sizes()
    if stored < size:
        raise JournalDamaged(f"leaves {stored} to {size} are missing")
    return size, file.newest_checkpoint()
