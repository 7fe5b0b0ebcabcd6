"""journal.rotate_key: the signing key gives way to a new one, which the old one vouches for."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

from cabinet.control.protocol import Code, ControlError, Params
from cabinet.control.session import Handler, Peer
from cabinet.core.requests import RotationAsked
from cabinet.journal.errors import JournalUnwritable
from cabinet.journal.note import Signer
from cabinet.journal.store import Commit, Journal
from cabinet.service.desk import Desk
from cabinet.service.parameters import REASON_MAX, flag, line
from cabinet.service.views import View
from cabinet.vault.key_source import KeyFileError
from cabinet.vault.signing_key import SigningKeys
from hal.worker import Worker

log = logging.getLogger(__name__)


class Keys:
    """`worker` is the journal's own: one caller at a time."""

    def __init__(self, signing: SigningKeys, journal: Journal, worker: Worker, desk: Desk) -> None:
        self._signing = signing
        self._journal = journal
        self._worker = worker
        self._desk = desk
        self._one = asyncio.Lock()
        self._tidying: asyncio.Task[None] | None = None

    def methods(self) -> Mapping[str, Handler]:
        return {"journal.rotate_key": self.rotate}

    def committed(self, _: Commit) -> None:
        """From the runner, after each commit: what it found in the cache at its start is durable now."""
        if self._signing.next is not None and self._tidying is None and not self._one.locked():
            self._tidying = asyncio.create_task(self._tidy())

    async def rotate(self, params: Params, peer: Peer) -> View:
        """The new key is on the disk before the journal names it, and the old one is destroyed once it has."""
        reason, dry_run = line(params, "reason", REASON_MAX), flag(params, "dry_run")
        old = self._journal.verifier.vkey
        if dry_run:
            return {"n": None, "old": old, "vkey": None}
        async with self._one:
            try:
                old, vkey = await self._worker.run(self._prepare)
            except KeyFileError as error:
                raise ControlError(Code.REFUSED, str(error)) from None
            except JournalUnwritable as error:
                raise ControlError(Code.JOURNAL, error.hint) from None
            except OSError as error:
                raise ControlError(Code.JOURNAL, f"the new key cannot be written: {error.strerror}") from None
            answer = await self._desk.ask(lambda request: RotationAsked(request, old, vkey, reason, peer.user))
            await self._destroy_old()
        return {"n": answer.n, "old": old, "vkey": vkey}

    async def _tidy(self) -> None:
        async with self._one:
            await self._destroy_old()
        self._tidying = None

    async def _destroy_old(self) -> None:
        try:
            await self._worker.run(self._settle)
        except OSError as error:
            log.warning("the old signing key is not destroyed yet: %s", error)

    def _prepare(self) -> tuple[str, str]:
        self._settle()  # what was durable, and nobody waited for any more
        successor = Signer(self._journal.origin, self._signing.prepare())
        return self._journal.verifier.vkey, self._journal.prepare(successor).vkey

    def _settle(self) -> None:
        """Once the journal is signed with the next key, it is the only one."""
        following = self._signing.next
        if following is not None and Signer(self._journal.origin, following).vkey == self._journal.verifier.vkey:
            self._journal.settle()
            self._signing.settle(following)
