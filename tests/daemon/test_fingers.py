"""A finger at the real daemon and the real driver: enrolled, put on, taken with, erased; and a module that loses it."""

from __future__ import annotations

import json

from tests.daemon.harness import Cabinet
from tests.daemon.people import MAX

FINGER, STRANGE = 41, 42
READER = "finger"


def put(cabinet: Cabinet, finger: int = FINGER) -> None:
    cabinet.world(f"touch finger {finger}")


def enrol(cabinet: Cabinet, *, agrees: bool) -> None:
    with cabinet.cabinetctl_meanwhile("credential", "enrol", MAX.id, "--finger") as asking:
        if agrees:
            cabinet.screen("may the reader keep a finger")
            cabinet.world("press 1#")
            leaf = cabinet.until_new("consent.recorded", purpose="fingerprint")
            assert "operator" in leaf
        cabinet.screen("Put one finger on the reader")
        put(cabinet)
        cabinet.screen("The same finger once more")
        put(cabinet)
        out, err = asking.communicate(timeout=30)
    assert "is known from now on" in out, err


def test_a_finger_from_the_first_question_to_the_last_byte(fresh: Cabinet) -> None:
    cabinet = fresh
    cabinet.change("right.put", right={"id": "f", "persons": [MAX.id], "items": ["K-0008"], "factors": ["finger"]})
    cabinet.mark()
    put(cabinet, STRANGE)
    cabinet.until_kind("visit.refused", rule="unknown_finger", reader=READER)
    enrol(cabinet, agrees=True)
    cabinet.until_kind("credential.enrolled", credential="finger")
    listed = json.loads(cabinet.cabinetctl("credential", "list", MAX.id, "--json").stdout)["credentials"]
    [kept] = [one for one in listed if one["kind"] == "finger"]
    [device] = [one for one in cabinet.call("devices")["devices"] if one["device"] == READER]
    assert (device["fingers"]["stored"], device["fingers"]["known"]) == (1, True)

    put(cabinet)
    cabinet.until_kind("visit.identified", auth="finger", reader=READER)
    cabinet.take(8)
    cabinet.put_back(8)
    cabinet.close_door()

    cabinet.world(f"fault {READER} factory-reset")
    cabinet.until_new("alarm.raised", code="finger.module_changed", device=READER)
    put(cabinet)
    cabinet.screen("This finger is not known")
    accepted = cabinet.cabinetctl("module", "accept", READER, "--yes")
    assert "1 people enrol again" in accepted.stdout, accepted.stderr
    enrol(cabinet, agrees=False)

    erased = cabinet.cabinetctl("person", "erase", MAX.id, "--reason", "asked for it", "--yes")
    assert erased.returncode == 0, erased.stderr
    cabinet.until(
        lambda: [one for one in cabinet.call("devices")["devices"] if one.get("fingers", {}).get("stored") == 0],
        "no finger is stored",
    )
    put(cabinet)
    cabinet.screen("This finger is not known")
    everything = cabinet.log.read_text() + "".join(
        json.dumps(leaf) for leaf in cabinet.all_leaves() if leaf["ev"] != "device.bound"
    )
    assert kept["module"] not in everything
    cabinet.at_rest()
