"""Visits as people make them, at the real daemon: cards and keys in, bolts, screen and journal out."""

from __future__ import annotations

from tests.daemon.harness import Cabinet
from tests.daemon.lines import Line
from tests.daemon.people import ADA, EVE, LIN, MAX, NOBODYS_CARD, OCTAVIA


def roles(leaf: dict[str, object]) -> list[str]:
    subs = leaf.get("subs", [])
    assert isinstance(subs, list)
    return [sub["r"] for sub in subs]


def test_card_and_pin_take_a_key_and_no_menu_brings_it_back(cabinet: Cabinet) -> None:
    cabinet.badge(cabinet.other_card(ADA))
    cabinet.screen("PIN, then #")
    cabinet.world(f"press {ADA.pin}#")
    cabinet.screen("Slot 7 is open:\ntake K-0007.\nDue back ")
    taken = cabinet.take(7)
    cabinet.screen("K-0007 taken.\nDue back ")
    returned = cabinet.put_back(7)
    cabinet.screen("K-0007 is back. Thank you.")
    cabinet.close_door()
    assert cabinet.kinds() == [
        "visit.identified",
        "visit.identified",
        "item.granted",
        "item.removed",
        "visit.ended",
        "item.returned",
    ]
    granted = cabinet.until_kind("item.granted")
    due = {key: taken[key] for key in ("slot", "item", "auth", "grant", "due")}
    assert due == {"slot": 7, "item": "K-0007", "auth": "card+pin", "grant": granted["n"], "due": granted["due"]}
    assert roles(taken) == ["holder"]
    assert abs(granted["due"] - granted["ts"] - 8 * 3_600_000) < 1000
    assert (returned["unattended"], roles(returned)) == (True, ["holder"])
    assert cabinet.open_slots() == []


def test_number_and_pin_do_it_without_a_card(cabinet: Cabinet) -> None:
    """On a keypad whose contacts bounce longer than most."""
    cabinet.world("fault keypad noise=3")
    cabinet.world(f"press {ADA.id}#")
    cabinet.screen("PIN, then #")
    assert cabinet.kinds() == [], "a number alone is nobody"
    cabinet.world(f"press {ADA.pin}#")
    cabinet.until_kind("item.granted", slot=7, auth="number+pin")
    cabinet.world("clear keypad")
    cabinet.take(7)
    cabinet.put_back(7)
    cabinet.close_door()


def test_a_card_alone_where_the_right_is_content_with_it_and_in_their_language(cabinet: Cabinet) -> None:
    cabinet.badge(cabinet.other_card(LIN))
    cabinet.screen("1 号槽位已开，\n请取走 K-0001。")
    cabinet.unlocked(1)
    assert cabinet.open_slots() == [1]
    cabinet.take(1)
    cabinet.badge(cabinet.other_card(LIN))
    cabinet.screen("暂无可供您领取的物品。")
    returned = cabinet.put_back(1)
    assert roles(returned) == ["holder", "returner"]
    assert "unattended" not in returned
    cabinet.close_door()
    visit = ["visit.identified", "item.granted", "item.removed", "visit.ended"]
    assert cabinet.kinds() == [*visit, "visit.identified", "item.returned", "visit.ended"]


def test_of_several_items_the_slot_number_chooses(cabinet: Cabinet) -> None:
    cabinet.badge(cabinet.other_card(MAX))
    cabinet.screen("Slot number, then #\n3: K-0003, 4: K-0004")
    assert cabinet.open_slots() == []
    cabinet.world("press 9#")
    cabinet.screen("There is no such slot.")
    cabinet.world("press 7#")
    cabinet.until_kind("item.denied", slot=7, rule="no_right")
    cabinet.world("press 4#")
    assert cabinet.take(4)["item"] == "K-0004"
    cabinet.world("press 3#")
    assert cabinet.try_world("lift 5") == "error: held by bolt"
    cabinet.take(3)
    cabinet.until_kind("visit.ended", cause="done")
    cabinet.put_back(3)
    cabinet.put_back(4)
    cabinet.close_door()


def test_who_may_not_is_told_why_and_nothing_moves(cabinet: Cabinet) -> None:
    cabinet.badge(NOBODYS_CARD)
    cabinet.screen("This card is not known.")
    cabinet.badge(EVE.cards[0])
    cabinet.screen("Your access has ended.")
    cabinet.badge(OCTAVIA.cards[0])
    cabinet.screen("Not at this time.\nOpen: ")
    cabinet.world("press **")
    cabinet.screen("Goodbye.")
    assert cabinet.kinds() == ["visit.refused", "visit.refused", "visit.identified", "item.denied", "visit.ended"]
    unknown, expired, _, denied, _ = cabinet.leaves()
    assert (unknown["rule"], roles(unknown)) == ("unknown_card", [])
    assert (expired["rule"], roles(expired)) == ("person_expired", ["holder"])
    assert (denied["rule"], denied["right"], denied["slot"]) == ("outside_schedule", "octavia-van", 5)
    assert denied["window"].endswith("08:00-09:00")
    assert cabinet.open_slots() == []


def test_a_key_torn_out_is_forced_and_alarms_until_it_is_back(cabinet: Cabinet) -> None:
    cabinet.world("force 8")
    forced = cabinet.until_kind("alarm.raised", code="item.forced", slot=8)
    assert cabinet.call("status")["alarms"] == 1
    cabinet.world("seat 8")
    cabinet.until_kind("alarm.cleared", raised_n=forced["n"])
    cabinet.close_door()
    assert cabinet.kinds() == ["item.forced", "alarm.raised", "item.returned", "alarm.cleared"]


def test_the_technician_opens_a_slot_with_a_reason(cabinet: Cabinet) -> None:
    dry = cabinet.call("slot.release", {"slot": 2, "reason": "a look", "dry_run": True})
    assert (dry, cabinet.kinds()) == ({"slot": 2, "item": "K-0002"}, [])
    done = cabinet.cabinetctl("slot", "release", "2", "--reason", "Batterie gewechselt, Cafe\u0301", "--yes")
    assert done.returncode == 0, done.stderr
    cabinet.unlocked(2)
    granted = cabinet.until_kind("item.granted", auth="service")
    assert granted["reason"] == "Batterie gewechselt, Caf\u00e9"
    assert granted["operator"]
    assert cabinet.take(2)["grant"] == granted["n"]
    cabinet.put_back(2)
    cabinet.close_door()
    refused = cabinet.refusal("slot.release", {"slot": 9, "reason": "x"})
    assert (refused.exit, "slot 9" in refused.message) == (5, True)


def test_a_change_of_the_roster_counts_from_the_next_card_on(cabinet: Cabinet) -> None:
    cabinet.change("person.suspend", person=LIN.id)
    cabinet.badge(cabinet.other_card(LIN))
    cabinet.until_kind("visit.refused", rule="person_suspended")
    cabinet.change("person.suspend", person=LIN.id, suspended=False)
    cabinet.badge(cabinet.other_card(LIN))
    cabinet.take(1)
    cabinet.put_back(1)
    cabinet.close_door()
    visit = ["visit.identified", "item.granted", "item.removed", "visit.ended", "item.returned"]
    assert cabinet.kinds() == ["person.suspended", "visit.refused", "person.changed", *visit]


def test_a_card_that_is_being_enrolled_begins_no_visit(cabinet: Cabinet) -> None:
    card = cabinet.other_card(LIN)
    with Line(cabinet.service) as line:
        line.request(1, "status")
        line.request(2, "credential.scan", reader="reader", timeout_s=10)
        line.answer()
        assert cabinet.refusal("credential.scan", {"reader": "reader", "timeout_s": 1}).exit == 11
        cabinet.badge(card)
        assert line.answer()["result"] == {"card": card, "strength": "weak"}
    assert "belongs to" in cabinet.refusal("roster.change", {"change": enrolment(card)}).message
    cabinet.call("roster.change", {"change": enrolment("0001234567")})
    cabinet.badge("0001234567")
    cabinet.screen("3: K-0003, 4: K-0004")
    assert cabinet.kinds() == ["credential.enrolled", "visit.identified"]
    cabinet.world("press **")
    cabinet.until_kind("visit.ended")


def enrolment(card: str) -> dict[str, str]:
    return {"kind": "card.enrol", "person": MAX.id, "card": card}
