"""How far the wall time is believed: by what vouches for it, or by who has confirmed it, and always on the strict side.

A time service that vouches is believed. A board's clock is, unless it was set while nothing vouched for it, or it is
behind what the journal knows. A confirmation holds until the clock is set again or the board starts anew: both change
the wall time at which the board would have started, and nothing else does."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from cabinet.core.effects import Answer
from cabinet.core.ledger import ClockMark
from cabinet.core.requests import ClockConfirmed
from cabinet.core.state import State
from cabinet.core.turn import Turn
from hal.clock import Now

STEP_MS = 2_000
"""What sets a clock moves it further; what only keeps it right does not."""
_LOOK_S = 60.0
_LOOK_DOUBTED_S = 10.0

Reason = Literal["no-source", "stepped", "behind"]


def judged(state: State, now: Now) -> Now:
    """This instant as it is believed: quality `none` where it is not, `rtc` where somebody has confirmed it."""
    if now.quality == "ntp":
        return now
    confirmed_ms = _mark(state).confirmed_ms
    if confirmed_ms is not None and abs(board_start_ms(now) - confirmed_ms) <= STEP_MS:
        return replace(now, quality="rtc")
    return now if doubt(state, now) is None else replace(now, quality="none")


def doubt(state: State, now: Now) -> Reason | None:
    """Why this instant would not be believed without a confirmation; None: it would."""
    if now.quality == "ntp":
        return None
    if now.quality == "none":
        return "no-source"
    if (known := _mark(state).doubt) is not None:
        return known
    if state.board_start_ms is not None and abs(board_start_ms(now) - state.board_start_ms) > STEP_MS:
        return "stepped"
    if state.newest_ms is not None and now.wall_ms < state.newest_ms - STEP_MS:
        return "behind"
    return None


def board_start_ms(now: Now) -> int:
    """When the board started, by its present wall time. Moves only when the clock is set."""
    return now.wall_ms - int(now.mono_s * 1000)


def watch(turn: Turn) -> None:
    """Before anything else of a step, and behind the start's own leaf: was the clock set, is it vouched for?"""
    started_ms = board_start_ms(turn.shown)
    known_ms = turn.state.board_start_ms
    why = doubt(turn.state, turn.shown)
    if known_ms is None or abs(started_ms - known_ms) > STEP_MS:
        if known_ms is not None:
            turn.journal("clock.adjusted", by_ms=started_ms - known_ms)
        turn.update(board_start_ms=started_ms)
    if turn.shown.quality == "ntp":
        if turn.ledger.clock or "clock.untrusted" in turn.ledger.alarms:
            turn.journal("clock.synced")
        if turn.state.newest_ms is not None:
            turn.update(newest_ms=None)
    if turn.state.clock_source != turn.shown.quality:
        turn.update(clock_source=turn.shown.quality)
    if turn.now.wall_time_trusted:
        turn.clear_alarm("clock.untrusted")
    elif "clock.untrusted" not in turn.ledger.alarms or (why != "no-source" and _mark(turn.state).doubt is None):
        turn.journal("clock.untrusted", reason=why)
        turn.raise_alarm("clock.untrusted")


def on_time(turn: Turn) -> None:
    if turn.state.clock_mono_s <= turn.now.mono_s:
        look_s = _LOOK_S if turn.now.wall_time_trusted else _LOOK_DOUBTED_S
        turn.update(clock_mono_s=turn.now.mono_s + look_s)


def next_due(state: State) -> float | None:
    """Somebody sets the clock, or begins to vouch for it, without a word."""
    return state.clock_mono_s


def on_confirmed(turn: Turn, event: ClockConfirmed) -> None:
    if turn.now.wall_time_trusted:
        turn.act(Answer(event.request, "the clock is trusted already; there is nothing to confirm"))
        return
    if event.dry_run:
        turn.act(Answer(event.request))
        return
    started_ms, why = board_start_ms(turn.shown), doubt(turn.state, turn.shown)
    n = turn.journal("clock.confirmed", board_start=started_ms, was=why, operator=event.operator, reason=event.reason)
    turn.update(newest_ms=None)
    turn.clear_alarm("clock.untrusted")
    turn.act(Answer(event.request, n=n))


def _mark(state: State) -> ClockMark:
    return state.ledger.clock.get("clock", ClockMark())
