"""What comes from upstream, as far as the journal must know it."""

from __future__ import annotations

from cabinet.core import junk
from cabinet.core.events import InputRejected, LeavesMissed, UpstreamContradicts, UpstreamLink
from cabinet.core.turn import Turn


def on_link(turn: Turn, event: UpstreamLink) -> None:
    """Said once each way. A cabinet that never had an upstream says nothing."""
    if event.up == turn.ledger.upstream.get("link", False):
        return
    turn.journal("sync.restored" if event.up else "sync.lost")


def on_rejected(turn: Turn, event: InputRejected) -> None:
    junk.refuse(turn, "input.rejected", cause=event.cause)


def on_missed(turn: Turn, event: LeavesMissed) -> None:
    turn.journal("sync.gap", first=event.first)


def on_contradiction(turn: Turn, event: UpstreamContradicts) -> None:
    """The last leaves of this origin: after them it is not extended, since upstream could never confirm it."""
    if turn.ledger.contradicted:
        return
    code = f"upstream.{event.kind}"
    turn.journal(code, size=event.size, root=event.root)
    turn.raise_alarm(code)
