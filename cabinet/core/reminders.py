"""Documents that expire: told 30, 7 and 1 days before, and on the day after their last.

One alarm a document, raised anew at each threshold with fewer `days`. What was told stands in the alarm itself, so it
is told once, restarts or not, and never by a clock that nobody vouches for."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from cabinet.core.ledger import Alarm, alarm_id
from cabinet.core.messages import text
from cabinet.core.state import State
from cabinet.core.turn import Turn
from cabinet.policy.rights import Item

THRESHOLDS: Final = (30, 7, 1)
"""Days."""
EXPIRING: Final = "document.expiring"
EXPIRED: Final = "document.expired"
_DAY_MS: Final = 86_400_000


def on_time(turn: Turn) -> None:
    wall_ms, due_ms = turn.now.wall_ms, turn.state.remind_ms
    if not turn.now.wall_time_trusted or due_ms is None or due_ms > wall_ms:
        return
    for alarm in tuple(turn.ledger.alarms.values()):
        if alarm.code in (EXPIRING, EXPIRED) and not turn.full and not _holds(turn, alarm):
            turn.clear_alarm(alarm.code, item=alarm.item)
    if turn.full:
        return  # still due: the next step goes on
    coming = []
    for item in turn.rights.items.values():
        if item.expires_ms is None:
            continue
        if turn.full:
            return
        _look(turn, item, item.expires_ms)
        coming += [ms for days in (*THRESHOLDS, 0) if (ms := item.expires_ms - days * _DAY_MS) > wall_ms]
    turn.update(remind_ms=min(coming, default=None))


def next_due_wall_ms(state: State) -> int | None:
    return state.remind_ms


def has_expired(turn: Turn, item: Item) -> bool:
    """As far as a trusted clock tells."""
    return turn.now.wall_time_trusted and item.expires_ms is not None and item.expires_ms <= turn.now.wall_ms


def note(turn: Turn, item: Item) -> str:
    """A further line for who takes it, when it has expired or soon will."""
    if item.expires_ms is None or not turn.now.wall_time_trusted:
        return ""
    if item.expires_ms - THRESHOLDS[0] * _DAY_MS > turn.now.wall_ms:
        return ""
    last = datetime.fromtimestamp(item.expires_ms / 1000 - 1, tz=UTC).astimezone(turn.rights.zone)
    key = "expired" if has_expired(turn, item) else "expires"
    return "\n" + text(key, turn.language, day=f"{last:%Y-%m-%d}")


def _holds(turn: Turn, alarm: Alarm) -> bool:
    """The roster still has this item with this date."""
    item = turn.rights.items.get(alarm.item or "")
    return item is not None and item.expires_ms == alarm.expires_ms


def _look(turn: Turn, item: Item, expires_ms: int) -> None:
    alarms, wall_ms = turn.ledger.alarms, turn.now.wall_ms
    if alarm_id(EXPIRED, item=item.id) in alarms:
        return
    if expires_ms <= wall_ms:
        turn.clear_alarm(EXPIRING, item=item.id)
        turn.journal("alarm.raised", code=EXPIRED, item=item.id, expires=expires_ms)
        return
    reached = [days for days in THRESHOLDS if expires_ms - days * _DAY_MS <= wall_ms]
    told = alarms.get(alarm_id(EXPIRING, item=item.id))
    if reached and (told is None or told.days is None or min(reached) < told.days):
        turn.journal("alarm.raised", code=EXPIRING, item=item.id, days=min(reached), expires=expires_ms)
