"""What is booked at the real daemon: on the command line, at the keypad, and after a restart."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from tests.daemon.harness import Cabinet
from tests.daemon.people import LIN, MAX

SHARED = {"id": "shared", "persons": [MAX.id, LIN.id], "items": ["K-0008"], "factors": ["card", "code"]}


def test_booked_refused_to_others_and_opened_once_by_its_code(fresh: Cabinet) -> None:
    cabinet = fresh
    cabinet.mark()
    cabinet.change("right.put", right=SHARED)
    now = datetime.now(UTC)
    times = ("--from", now.isoformat(), "--until", (now + timedelta(hours=2)).isoformat())
    made = cabinet.cabinetctl("booking", "make", LIN.id, "K-0008", *times, "--code", "--json")
    assert made.returncode == 0, made.stderr
    code, number = json.loads(made.stdout)["code"], json.loads(made.stdout)["booking"]

    clash = cabinet.cabinetctl("booking", "make", MAX.id, "K-0008", *times)
    assert clash.returncode == 5
    assert f"(booking {number})" in clash.stderr
    explained = cabinet.cabinetctl("right", "explain", MAX.id, "K-0008")
    assert "the item is booked by somebody else" in explained.stdout
    unknown = cabinet.cabinetctl("booking", "make", "4711", "K-0008", *times)
    assert (unknown.returncode, "there is no person 4711" in unknown.stderr) == (10, True)

    cabinet.kill()
    cabinet.start()
    cabinet.badge(cabinet.other_card(MAX))
    cabinet.screen("Slot number")
    cabinet.world("press 8#")
    cabinet.screen("Booked by somebody else")
    cabinet.until_kind("item.denied", rule="booked", item="K-0008")
    cabinet.world("press *")
    cabinet.screen("Goodbye")
    cabinet.world(f"press {code}#")
    granted = cabinet.until_kind("item.granted", item="K-0008", auth="code", booking=number)
    assert [sub["r"] for sub in granted["subs"]] == ["holder"]
    cabinet.take(8)
    cabinet.put_back(8)
    cabinet.close_door()
    listed = json.loads(cabinet.cabinetctl("booking", "list", "--json").stdout)["bookings"]
    assert [(one["booking"], one["code"]) for one in listed] == [(number, False)]
    gone = cabinet.cabinetctl("booking", "cancel", str(number), "--reason", "brought back early")
    assert gone.returncode == 0, gone.stderr
    assert cabinet.cabinetctl("booking", "cancel", str(number), "--reason", "again").returncode == 10
    everything = "".join(json.dumps(leaf) for leaf in cabinet.all_leaves()) + cabinet.log.read_text()
    assert code not in everything
    cabinet.at_rest()
