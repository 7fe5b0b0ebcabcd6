"""What becomes due while nobody watches."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.daemon.harness import Cabinet
from tests.daemon.people import ADA, LIN

LATER = [sys.executable, "-m", "tests.daemon.later", "9"]


def test_a_key_that_is_not_back_in_time_is_overdue_once_whenever_the_daemon_runs_again(fresh: Cabinet) -> None:
    fresh.mark()
    fresh.badge(ADA.cards[0])
    fresh.screen("PIN, then #")
    fresh.world(f"press {ADA.pin}#")
    due = fresh.take(7)["due"]
    assert fresh.call("status")["overdue"] == 0
    assert fresh.end() == 0
    fresh.take_card_away()
    fresh.start(command=LATER)
    assert fresh.until_kind("item.overdue", slot=7, item="K-0007")["due"] == due
    fresh.until_kind("alarm.raised", code="item.overdue", slot=7)
    assert (fresh.call("status")["overdue"], fresh.call("slots")["slots"][6]["overdue"]) == (1, True)
    fresh.put_back(7)
    fresh.until_kind("alarm.cleared", code="item.overdue")
    assert fresh.kinds() == [
        *["visit.identified", "visit.identified", "item.granted", "item.removed", "visit.ended"],
        *["cabinet.stopped", "cabinet.started", "item.overdue", "alarm.raised"],
        *["item.returned", "alarm.cleared"],
    ]
    fresh.at_rest()


def test_a_clock_that_nobody_vouches_for_is_confirmed_and_then_believed(fresh: Cabinet) -> None:
    assert fresh.end() == 0
    fresh.start(command=[*LATER[:-1], "0", "none"])
    fresh.until_kind("alarm.raised", code="clock.untrusted")
    assert fresh.call("status")["clock"] == "untrusted"
    assert fresh.call("clock.show")["why"] == "no-source"
    n = fresh.call("clock.confirm", {"reason": "compared with the station clock"})["n"]
    assert fresh.until_kind("clock.confirmed", was="no-source")["n"] == n
    fresh.until_kind("alarm.cleared", code="clock.untrusted")
    assert (fresh.call("status")["clock"], fresh.call("clock.show")["trusted"]) == ("confirmed", True)


def test_a_key_comes_home_to_a_cabinet_that_has_lost_its_roster(fresh: Cabinet) -> None:
    """Nobody's name can be sealed any more, and the return is journaled all the same."""
    fresh.mark()
    fresh.badge(LIN.cards[0])
    holder = fresh.take(1)["subs"][0]["p"]
    fresh.kill()
    for file in fresh.state.glob("roster.db*"):
        Path(file).unlink()
    fresh.start()
    assert fresh.put_back(1)["subs"] == [{"r": "holder", "p": holder}]
    fresh.badge(LIN.cards[0])
    fresh.until_kind("visit.refused", rule="unknown_card")
    fresh.at_rest()
