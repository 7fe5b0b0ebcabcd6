"""Documents that expire: told at each threshold once, by a trusted clock, and to who takes them."""

from __future__ import annotations

from dataclasses import replace

from cabinet.core.events import RosterChanged
from cabinet.policy.rights import Item, Rights
from tests.core.cabinet import ADA, LIN, LIN_CARD, MONDAY_NOON_MS, Cabinet, right, rights

DAY_MS = 86_400_000


def paper(expires_ms: int | None, count: int = 1) -> Rights:
    """D-1 in slot 1 for Lin, and D-2 and so on without a slot."""
    roster = rights(right(LIN, "D-1"), right(ADA, "K-0002"))
    items = {
        f"D-{n}": Item(f"D-{n}", "certificate", slot=1 if n == 1 else None, expires_ms=expires_ms)
        for n in range(1, count + 1)
    }
    return replace(roster, items=items, item_at={1: "D-1"}, prompts=())


def with_paper(days: float) -> Cabinet:
    return Cabinet(paper(MONDAY_NOON_MS + int(days * DAY_MS)))


def told(cabinet: Cabinet) -> list[tuple[str, object, object]]:
    return [
        (leaf.ev.removeprefix("alarm."), leaf.fields["code"], leaf.fields.get("days"))
        for _, leaf in cabinet.journal
        if str(leaf.fields.get("code", "")).startswith("document.")
    ]


def test_each_threshold_is_told_once_and_at_its_time() -> None:
    cabinet = with_paper(31)
    cabinet.pass_time(DAY_MS / 1000 - 60)
    assert told(cabinet) == []
    cabinet.pass_time(120)
    assert told(cabinet) == [("raised", "document.expiring", 30)]
    cabinet.pass_time(30 * DAY_MS / 1000 - 180)
    assert told(cabinet)[1:] == [("raised", "document.expiring", 7), ("raised", "document.expiring", 1)]
    assert len(cabinet.state.ledger.alarms) == 1
    cabinet.pass_time(120)
    assert told(cabinet)[3:] == [("cleared", "document.expiring", None), ("raised", "document.expired", None)]
    cabinet.pass_time(10 * DAY_MS / 1000)
    assert len(told(cabinet)) == 5
    assert cabinet.refolded() == cabinet.state.ledger


def test_a_restart_tells_nothing_twice_and_what_was_missed() -> None:
    cabinet = with_paper(29)
    cabinet.pass_time(1)
    cabinet.boot()
    cabinet.pass_time(1)
    assert told(cabinet) == [("raised", "document.expiring", 30)]
    cabinet.now = replace(cabinet.now, wall_ms=cabinet.now.wall_ms + 28 * DAY_MS + 3_600_000)
    cabinet.boot()
    cabinet.pass_time(1)
    assert told(cabinet)[1:] == [("raised", "document.expiring", 1)]


def test_no_clock_no_reminder() -> None:
    cabinet = Cabinet(paper(MONDAY_NOON_MS - 1), start=False)
    cabinet.now = replace(cabinet.now, quality="none")
    cabinet.boot()
    cabinet.pass_time(7200)
    assert told(cabinet) == []
    cabinet.now = replace(cabinet.now, quality="ntp")
    cabinet.pass_time(0)
    assert told(cabinet) == [("raised", "document.expired", None)]


def test_a_clock_that_goes_back_tells_nothing_again() -> None:
    cabinet = with_paper(0.5)
    cabinet.pass_time(DAY_MS / 1000)
    cabinet.now = replace(cabinet.now, wall_ms=MONDAY_NOON_MS - 20 * DAY_MS)
    cabinet.send(RosterChanged())
    cabinet.pass_time(0)
    assert told(cabinet)[-1] == ("raised", "document.expired", None)


def test_a_new_date_or_the_end_of_the_item_clears_it() -> None:
    cabinet = with_paper(6)
    cabinet.pass_time(1)
    cabinet.rights = paper(MONDAY_NOON_MS + 20 * DAY_MS)
    cabinet.send(RosterChanged())
    cabinet.pass_time(0)
    assert told(cabinet) == [
        ("raised", "document.expiring", 7),
        ("cleared", "document.expiring", None),
        ("raised", "document.expiring", 30),
    ]
    cabinet.rights = replace(cabinet.rights, items={}, item_at={})
    cabinet.send(RosterChanged())
    cabinet.pass_time(0)
    assert cabinet.state.ledger.alarms == {}


def test_many_at_once_are_told_in_several_steps() -> None:
    cabinet = Cabinet(paper(MONDAY_NOON_MS, 40))
    cabinet.pass_time(0)
    assert len(told(cabinet)) == 40


def test_who_takes_an_expired_one_is_told_and_gets_it() -> None:
    cabinet = with_paper(-1)
    cabinet.badge(LIN_CARD)
    assert cabinet.screen() == "1 号槽位已开，\n请取走 D-1。\n已于 2026-01-04 过期。"
    assert cabinet.last("item.granted").fields["expired"] is True


def test_who_takes_one_that_soon_expires_is_told_until_when() -> None:
    cabinet = with_paper(29)
    cabinet.badge(LIN_CARD)
    assert cabinet.screen().endswith("\n有效期至 2026-02-03。")
    assert "expired" not in cabinet.last("item.granted").fields


def test_nobody_is_told_by_a_clock_that_is_not_trusted() -> None:
    cabinet = with_paper(-1)
    cabinet.now = replace(cabinet.now, quality="none")
    cabinet.badge(LIN_CARD)
    assert cabinet.screen() == "1 号槽位已开，\n请取走 D-1。"
