"""Guessing PINs at the real keypad, with the plug pulled in between."""

from __future__ import annotations

from tests.daemon.harness import Cabinet
from tests.daemon.people import ADA, LIN


def test_three_wrong_pins_lock_out_and_pulling_the_plug_buys_no_guess(fresh: Cabinet) -> None:
    fresh.mark()
    fresh.badge(ADA.cards[0])
    for failed in (1, 2, 3):
        fresh.screen("PIN, then #" if failed == 1 else "Number or PIN is wrong.")
        fresh.world("press 4712#")
        fresh.until_kind("visit.refused", rule="wrong_pin", failed=failed)
    fresh.screen("Too many wrong tries.\nAgain in 5 s. Cards still work.")
    fresh.take_card_away()
    fresh.restart()
    fresh.badge(ADA.cards[0])
    fresh.screen("PIN, then #")
    fresh.world(f"press {ADA.pin}#")
    fresh.until_kind("visit.locked_out")
    assert fresh.screen("Too many wrong tries.").endswith("s. Cards still work.")
    assert fresh.open_slots() == []
    fresh.badge(LIN.cards[0])
    fresh.take(1)
    fresh.put_back(1)
    fresh.close_door()
    assert fresh.kinds() == [
        "visit.identified",
        *["visit.refused"] * 3,
        "visit.ended",
        "cabinet.started",
        "visit.identified",
        "visit.locked_out",
        "visit.ended",
        *["visit.identified", "item.granted", "item.removed", "visit.ended", "item.returned"],
    ]
    fresh.at_rest()
