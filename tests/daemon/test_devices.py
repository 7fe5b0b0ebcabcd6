"""Devices that go and come back, answer badly or not at all, while people use the cabinet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from time import monotonic

import pytest

from tests.daemon.harness import Cabinet, configured
from tests.daemon.people import LIN, MAX

VISIT = ["visit.identified", "item.granted", "item.removed", "visit.ended", "item.returned"]
ON_LINK = {
    "reader": ["reader"],
    "keypad": ["buzzer", "keypad", "lamps"],
    "relays": ["inputs-a", "inputs-b", "relays"],
    "display": ["display"],
    "fobs": ["fobs"],
}
HUMAN = ("visit.", "item.")


def lin_takes_and_returns(cabinet: Cabinet) -> None:
    cabinet.badge(cabinet.other_card(LIN))
    cabinet.take(1)
    cabinet.put_back(1)


def told_of(cabinet: Cabinet, kind: str) -> list[str]:
    return sorted(leaf["device"] for leaf in cabinet.leaves() if leaf["ev"] == kind)


def human(cabinet: Cabinet) -> list[str]:
    return [kind for kind in cabinet.kinds() if kind.startswith(HUMAN)]


@pytest.mark.parametrize("device", ON_LINK)
def test_what_is_unplugged_is_told_lost_once_and_back_once(cabinet: Cabinet, device: str) -> None:
    gone = ON_LINK[device]
    cabinet.world(f"fault {device} unplug")
    if device in ("display", "keypad"):
        lin_takes_and_returns(cabinet)
        assert human(cabinet) == VISIT, "nobody needs a lamp to take a key"
    cabinet.until(lambda: told_of(cabinet, "device.lost") == gone, "all of the link lost")
    assert sorted(cabinet.call("status")["devices_lost"]) == gone
    assert {d["device"] for d in cabinet.call("devices")["devices"] if not d["up"]} == set(gone)
    cabinet.world(f"clear {device}")
    cabinet.until(lambda: told_of(cabinet, "device.restored") == gone, "all of it back")
    before = len(cabinet.leaves())
    lin_takes_and_returns(cabinet)
    assert [kind for kind in [leaf["ev"] for leaf in cabinet.leaves()[before:]] if kind.startswith(HUMAN)] == VISIT
    cabinet.world("close door")
    assert told_of(cabinet, "device.lost") == told_of(cabinet, "device.restored") == gone
    assert cabinet.call("status")["alarms"] == 0


def test_what_happens_while_the_sensors_are_gone_is_found(cabinet: Cabinet) -> None:
    cabinet.world("fault inputs-a unplug")
    cabinet.until(lambda: len(told_of(cabinet, "device.lost")) == 3, "the line lost")
    assert {slot["presence"] for slot in cabinet.call("slots")["slots"]} == {"unknown"}
    cabinet.world("force 8")
    cabinet.world("clear inputs-a")
    cabinet.until_kind("item.found_absent", slot=8)
    cabinet.put_back(8)
    cabinet.world("close door")
    assert human(cabinet) == ["item.found_absent", "item.returned"]


LINE_FAULTS = ["noise=8", "truncate", "bad-checksum", "late=400", "silent", "duplicate", "wrong-address", "stale"]
LINE_FAULTS += ["echo", "split", "merge"]


@pytest.mark.parametrize("fault", LINE_FAULTS)
def test_answers_that_are_none_open_nothing_else(cabinet: Cabinet, fault: str) -> None:
    """The boards do hear what they are told: the sensors answer badly until the bolt has moved, the relays until the
    fob is seen gone."""
    sensors = ("inputs-a", "inputs-b")
    for board in ("relays", *sensors):
        cabinet.world(f"fault {board} {fault}")
    cabinet.badge(cabinet.other_card(LIN))
    cabinet.until(cabinet.open_slots, "an open slot")
    assert cabinet.open_slots() == [1]
    for board in sensors:
        cabinet.world(f"clear {board}")
    cabinet.take(1)
    cabinet.world("clear relays")
    cabinet.put_back(1)
    cabinet.world("close door")
    cabinet.until(lambda: cabinet.call("status")["alarms"] == 0, "all devices back")
    assert human(cabinet) == VISIT


@pytest.mark.parametrize(
    "fault", ["noise=5", "truncate", "bad-checksum=5", "duplicate", "late=300", "silent=5", "split=3", "merge"]
)
def test_a_reader_that_stammers_shows_no_other_card(cabinet: Cabinet, fault: str) -> None:
    cabinet.world(f"fault reader {fault}")
    cabinet.badge(cabinet.other_card(MAX))
    if fault == "truncate":
        cabinet.world("press *")  # as long as a finger needs, frames come and are none
        assert cabinet.kinds() == []
        cabinet.world("clear reader")
    cabinet.screen("3: K-0003, 4: K-0004")
    cabinet.world("clear reader")
    cabinet.world("press **")
    cabinet.until_kind("visit.ended")
    assert cabinet.kinds() == ["visit.identified", "visit.ended"]


@pytest.fixture(scope="module")
def hasty(template: Path) -> Iterator[Cabinet]:
    """Grants lapse as soon as they may, coils are looked at as often as they can be."""
    text = configured(take_s="5").replace('profile = "waveshare-8"\n', 'profile = "waveshare-8"\npoll_s = 0.5\n')
    with Cabinet(text, template) as cabinet:
        yield cabinet


def test_grants_that_cannot_be_used_lapse_and_no_bolt_moves_later(hasty: Cabinet) -> None:
    """Slot 1: the sensor is stuck. Slot 3: the bolt is. Slot 4: the board loses its power when it is asked. Slot 5:
    it has none for longer than a person waits. Slot 6: it has it again just in time."""
    hasty.mark()
    hasty.world("fault inputs-a sensor-stuck=1")
    hasty.badge(LIN.cards[0])
    hasty.unlocked(1)
    hasty.world("lift 1")
    hasty.world("press *")
    hasty.until_kind("visit.ended", cause="person")
    hasty.badge(MAX.cards[0])
    hasty.world("fault relays stuck-locked=3")
    hasty.world("press 3#")
    hasty.until(lambda: hasty.coils_on() == [3], "the coil of slot 3")
    assert hasty.try_world("lift 3") == "error: held by bolt"
    hasty.world("fault relays power-cycle=600000")
    hasty.world("press 4#")
    hasty.until_kind("device.lost", device="relays")
    hasty.call("slot.release", {"slot": 5, "reason": "nobody waits so long"})
    hasty.until_kind("item.not_taken", slot=5, cause="bolt")
    hasty.call("slot.release", {"slot": 6, "reason": "this one is lucky"})
    asked_s = monotonic()
    hasty.until(lambda: monotonic() > asked_s + 1, "the board found silent once more")
    hasty.world("clear relays")
    hasty.take(6)
    hasty.put_back(6)
    for slot in (1, 3, 4):
        hasty.until_kind("item.not_taken", slot=slot, cause="time")
    hasty.until(lambda: not hasty.coils_on(), "the pulse of slot 6 over")
    for slot in (3, 4, 5):
        assert hasty.try_world(f"lift {slot}") == "error: held by bolt"
    hasty.world("clear inputs-a")
    hasty.until_kind("alarm.raised", code="item.forced", slot=1)
    hasty.put_back(1)
    lin_takes_and_returns(hasty)
    hasty.at_rest()


def test_a_coil_that_stays_on_is_an_alarm(hasty: Cabinet) -> None:
    hasty.mark()
    hasty.world("fault relays stuck-on=5")
    hasty.call("slot.release", {"slot": 5, "reason": "the board is suspect"})
    lost = hasty.until_kind("device.lost", device="relays")
    assert "channel 5: the coil stays on" in lost["hint"]
    hasty.until_kind("alarm.raised", code="device.lost", device="relays")
    hasty.world("clear relays")
    hasty.call("slot.release", {"slot": 5, "reason": "a new board"})
    hasty.until_kind("device.restored", device="relays")
    hasty.take(5)
    hasty.put_back(5)
    hasty.at_rest()


def test_a_board_that_is_busy_is_told_at_once(cabinet: Cabinet) -> None:
    cabinet.world("fault relays busy")
    cabinet.badge(LIN.cards[0])
    cabinet.until_kind("item.not_taken", slot=1, cause="bolt")
    assert cabinet.open_slots() == []
    cabinet.world("clear relays")
    cabinet.world("press **")
    cabinet.until_kind("visit.ended")
    cabinet.until(lambda: cabinet.call("status")["alarms"] == 0, "the board back")
