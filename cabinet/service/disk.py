"""Requests while the disk fails."""

from __future__ import annotations

from cabinet.control.protocol import Code, ControlError, Params
from cabinet.control.session import Handler, Peer
from cabinet.journal.errors import JournalUnwritable
from cabinet.roster.store import RosterDiskError


def told(handler: Handler) -> Handler:
    """A disk that fails is no mistake inside: who asks is told what to look at."""

    async def handle(params: Params, peer: Peer) -> object:
        try:
            return await handler(params, peer)
        except (JournalUnwritable, RosterDiskError) as error:
            raise ControlError(Code.JOURNAL, str(error)) from None

    return handle
