"""What comes from upstream, as far as the journal must know it."""

from __future__ import annotations

from typing import Final

from cabinet.core import junk
from cabinet.core.effects import OpenEpoch
from cabinet.core.events import InputRejected, LeavesMissed, UpstreamContradicts, UpstreamLink
from cabinet.core.turn import Turn

WAITS: Final = "epoch.waits"
BY_ITSELF_EVERY_MS: Final = 86_400_000


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
    waits = not _may_by_itself(turn)
    code = f"upstream.{event.kind}"
    turn.journal(code, size=event.size, root=event.root, waits=waits or None)
    turn.raise_alarm(code)
    if waits:
        turn.raise_alarm(WAITS)
    else:
        turn.act(OpenEpoch())


def _may_by_itself(turn: Turn) -> bool:
    """Once a day, by a clock that somebody vouches for: whoever could make upstream contradict again and again would
    have an epoch each time."""
    mark = turn.ledger.epoch.get("epoch")
    if mark is None or mark.by_itself_ms is None:
        return True
    return turn.now.wall_time_trusted and turn.now.wall_ms - mark.by_itself_ms >= BY_ITSELF_EVERY_MS
