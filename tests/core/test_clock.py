"""Whose word the wall time is: a time service's, a board's clock's while nobody sets it, a custodian's."""

from __future__ import annotations

from dataclasses import replace
from datetime import time

from cabinet.core.clock import judged
from cabinet.core.effects import Answer
from cabinet.core.events import JournalFailed, JournalRecovered, Started, TimePassed
from cabinet.core.ledger_rows import from_rows
from cabinet.core.requests import ClockConfirmed
from cabinet.core.state import State
from cabinet.policy.rights import Schedule, Window
from tests.core.cabinet import ADA, ADA_CARD, CARD, Cabinet, right, rights

HOUR_MS = 3_600_000
DAY = Schedule("day", (Window(frozenset(range(7)), time(8), time(18)),))
TIMED = rights(right(ADA, "K-0001", factors=(CARD,), schedule="day"), schedules=(DAY,))


def cabinet(quality: str) -> Cabinet:
    made = Cabinet(TIMED, start=False)
    made.now = replace(made.now, quality=quality)  # type: ignore[arg-type]
    made.boot()
    return made


def set_clock(one: Cabinet, by_ms: int, quality: str | None = None) -> None:
    one.now = replace(one.now, wall_ms=one.now.wall_ms + by_ms, quality=quality or one.now.quality)
    one.send(TimePassed())


def opens(one: Cabinet) -> bool:
    before = len(one.pulses())
    one.badge(ADA_CARD)
    return len(one.pulses()) > before


def restart(one: Cabinet) -> None:
    """With the time of the newest leaf, as the daemon hands it over."""
    newest_ms = one.journal[-1][0]
    one.state = State(one.setup, from_rows(one.rows), len(one.journal), newest_ms=newest_ms)
    one.send(Started(len(one.journal)))


def clock_leaves(one: Cabinet) -> list[tuple[str, object]]:
    told = ("reason", "by_ms", "was")
    return [
        (leaf.ev, next((leaf.fields[key] for key in told if key in leaf.fields and leaf.ev != "clock.confirmed"), None))
        for _, leaf in one.journal
        if leaf.ev.startswith("clock.")
    ]


def test_a_time_service_that_vouches_is_believed_whatever_the_clock_does() -> None:
    one = cabinet("ntp")
    set_clock(one, -5 * HOUR_MS)
    assert clock_leaves(one) == [("clock.adjusted", -5 * HOUR_MS)]
    assert judged(one.state, one.now).quality == "ntp"
    assert "clock.untrusted" not in one.state.ledger.alarms


def test_a_clock_that_only_drifts_is_not_told_of() -> None:
    one = cabinet("rtc")
    for _ in range(5):
        set_clock(one, 300)
    assert clock_leaves(one) == []
    set_clock(one, 600)
    assert clock_leaves(one) == [("clock.adjusted", 2_100), ("clock.untrusted", "stepped")]


def test_without_any_source_nothing_timed_opens_and_an_alarm_says_so_once() -> None:
    one = cabinet("none")
    assert not opens(one)
    set_clock(one, 0)
    assert clock_leaves(one) == [("clock.untrusted", "no-source")]
    set_clock(one, 0, "ntp")
    assert clock_leaves(one)[1:] == [("clock.synced", None)]
    assert "clock.untrusted" not in one.state.ledger.alarms
    assert opens(one)


def test_who_sets_a_clock_that_nobody_vouches_for_opens_nothing_with_it() -> None:
    """At noon the day's window is open; a thief who comes at night cannot make it noon."""
    one = cabinet("rtc")
    set_clock(one, 10 * HOUR_MS)
    set_clock(one, -10 * HOUR_MS)
    assert not opens(one)
    assert "clock.untrusted" in one.state.ledger.alarms
    assert one.last("item.denied").fields["rule"] == "clock_untrusted"


def test_a_clock_that_was_set_stays_doubtful_over_restarts_until_somebody_vouches() -> None:
    one = cabinet("rtc")
    set_clock(one, 26 * HOUR_MS)
    for _ in range(2):
        restart(one)
        assert judged(one.state, one.now).quality == "none"
    set_clock(one, 0, "ntp")
    restart(one)
    set_clock(one, 0, "rtc")
    assert judged(one.state, one.now).quality == "rtc"


def test_a_start_before_the_newest_leaf_is_not_believed() -> None:
    """A battery clock whose battery is empty begins in 2000."""
    one = cabinet("rtc")
    one.now = replace(one.now, wall_ms=946_684_800_000)
    restart(one)
    assert clock_leaves(one) == [("clock.untrusted", "behind")]
    assert not opens(one)
    one.now = replace(one.now, mono_s=5.0, wall_ms=946_684_900_000)
    restart(one)
    assert clock_leaves(one) == [("clock.untrusted", "behind")], "it is known already"


def test_a_custodian_vouches_until_the_clock_is_set_again() -> None:
    one = cabinet("none")
    one.send(ClockConfirmed(1, "radio clock", "ada"))
    assert one.effects[-1] == Answer(1, n=len(one.journal) - 2)
    assert one.last("clock.confirmed").fields == {
        "board_start": one.now.wall_ms - 1_000_000,
        "was": "no-source",
        "operator": "ada",
        "reason": "radio clock",
    }
    assert judged(one.state, one.now).quality == "rtc"
    restart(one)
    assert opens(one)
    set_clock(one, 3_000)
    assert judged(one.state, one.now).quality == "none"
    assert clock_leaves(one)[-1] == ("clock.untrusted", "no-source")


def test_a_confirmation_ends_with_the_boards_run() -> None:
    one = cabinet("none")
    one.send(ClockConfirmed(1, "radio clock", "ada"))
    one.now = replace(one.now, mono_s=20.0, wall_ms=one.now.wall_ms + 60_000)
    restart(one)
    assert judged(one.state, one.now).quality == "none"


def test_what_is_trusted_needs_no_word_and_a_dry_run_changes_nothing() -> None:
    one = cabinet("rtc")
    one.send(ClockConfirmed(1, "I think so", "ada"))
    assert [effect.refusal for effect in one.effects if isinstance(effect, Answer)] == [
        "the clock is trusted already; there is nothing to confirm"
    ]
    two = cabinet("none")
    two.send(ClockConfirmed(1, "I think so", "ada", dry_run=True))
    assert two.effects[-1] == Answer(1)
    assert judged(two.state, two.now).quality == "none"


def test_setting_the_clock_shortens_no_wait() -> None:
    one = cabinet("ntp")
    for _ in range(4):
        one.enter("1001")
        one.enter("9999")
    until_ms = one.state.ledger.failures[ADA].until_ms
    set_clock(one, HOUR_MS)
    assert one.state.ledger.failures[ADA].until_ms == until_ms + HOUR_MS
    assert one.refolded().failures == one.state.ledger.failures
    assert one.refolded().clock == one.state.ledger.clock


def test_a_disk_that_fails_while_the_clock_is_set_loses_no_index() -> None:
    """What the core says of a failed commit is written nowhere, so nothing may be counted by it."""
    one = cabinet("rtc")
    one.now = replace(one.now, wall_ms=one.now.wall_ms + HOUR_MS)
    size = one.state.size
    one.send(JournalFailed())
    assert one.state.size == size
    one.send(JournalRecovered())
    set_clock(one, 0)
    assert clock_leaves(one) == [("clock.adjusted", HOUR_MS), ("clock.untrusted", "stepped")]
