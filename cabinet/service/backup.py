"""backup.*: the roster, sealed before it leaves the daemon, and what was done with backups, for the journal.

The recipient is the configuration's alone: whoever may use the socket may not have the roster sealed to themselves."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping
from typing import Final, Literal, cast

from cabinet.backup import roster_part
from cabinet.backup.keys import parse_recipient
from cabinet.backup.roster_part import RosterImage
from cabinet.books import Books
from cabinet.control.protocol import Code, ControlError, Params
from cabinet.control.session import Handler, Peer
from cabinet.core.requests import BackupTold
from cabinet.runner import Runner
from cabinet.service.desk import Desk
from cabinet.service.parameters import choice, flag, integer, line
from cabinet.service.views import View, iso
from cabinet.vault.device_key import Random
from hal.worker import Worker

PIECE_BYTES: Final = 40_000
"""In base64 it has to fit into one line."""
_SIZE_MAX: Final = 2**53


class BackupService:
    """One roster at a time waits to be fetched, sealed; a new one drops it. Blocking work runs in `worker`, the
    roster's: nobody who badges waits for it."""

    def __init__(self, books: Books, runner: Runner, desk: Desk, worker: Worker, random: Random) -> None:
        self._books = books
        self._runner = runner
        self._desk = desk
        self._worker = worker
        self._random = random
        self._id = ""
        self._sealed = b""

    def methods(self) -> Mapping[str, Handler]:
        return {
            "backup.roster": self.roster,
            "backup.roster.piece": self.piece,
            "backup.told": self.told,
            "backup.last": self.last,
        }

    async def roster(self, params: Params, peer: Peer) -> View:
        """Seals it as it is now. `at_once` for a caller without the socket: the bytes; otherwise how many pieces."""
        recipient = self._books.config.backup.recipient
        if recipient is None:
            raise ControlError(Code.REFUSED, "cabinetd runs without [backup] recipient: set it, then restart cabinetd")
        sealed = await self._worker.run(self._seal, recipient)
        if flag(params, "at_once"):
            return {"data": sealed}
        self._id, self._sealed = secrets.token_hex(8), sealed
        return {"backup": self._id, "pieces": -(-len(sealed) // PIECE_BYTES)}

    async def piece(self, params: Params, peer: Peer) -> View:
        """The last one is the end of it."""
        if line(params, "backup", 64) != self._id:
            raise ControlError(Code.NOT_FOUND, "this backup is not open any more; begin it again")
        at = integer(params, "piece", 0, len(self._sealed) // PIECE_BYTES) * PIECE_BYTES
        data = self._sealed[at : at + PIECE_BYTES]
        if at + PIECE_BYTES >= len(self._sealed):
            self._id, self._sealed = "", b""
        return {"data": base64.b64encode(data).decode()}

    async def told(self, params: Params, peer: Peer) -> View:
        """Journals that one was made, tested or restored: how large, which digest, up to which checkpoint; of this
        `origin`, if it is given."""
        act = cast("Literal['made', 'tested', 'restored']", choice(params, "act", ("made", "tested", "restored")))
        parts = params.get("parts")
        if not isinstance(parts, list) or not parts or not set(parts) <= {"journal", "roster"}:
            raise ControlError(Code.BAD_PARAMS, "parts: a list of journal and roster is needed")
        size, digest = integer(params, "size", 0, _SIZE_MAX), line(params, "digest", 64)
        checkpoint = line(params, "checkpoint", 200) if params.get("checkpoint") is not None else None
        if params.get("origin") not in (None, self._books.config.origin):
            raise ControlError(Code.REFUSED, f"this backup is of another cabinet, {self._books.config.origin} here")
        answer = await self._desk.ask(
            lambda request: BackupTold(request, act, tuple(parts), size, digest, checkpoint, peer.user)
        )
        return {"n": answer.n}

    async def last(self, params: Params, peer: Peer) -> View:
        """When one was made, tested and restored the last time; null: never in this journal."""
        backups = self._runner.state.ledger.backups
        return {act: iso(backups.get(act)) for act in ("made", "tested", "restored")}

    def _seal(self, recipient: str) -> bytes:
        books = self._books
        version, digest, data = books.roster.image()
        image = RosterImage(version, digest, books.config.cabinet.site, data, books.keys.device)
        sealed = bytearray()
        roster_part.seal(image, books.config.origin, parse_recipient(recipient), sealed.extend, self._random)
        return bytes(sealed)
