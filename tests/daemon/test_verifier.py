"""A camera at the real daemon, over a real socket and with a real key: a yes opens, a no counts, and one that is gone
leaves the PIN."""

from __future__ import annotations

from tests.daemon.harness import Cabinet
from tests.daemon.people import ADA

DEED = {"id": "deed", "persons": [ADA.id], "items": ["D-0006"], "factors": ["card+verified", "card+pin"]}


def test_yes_no_and_gone(fresh: Cabinet) -> None:
    cabinet = fresh
    cabinet.mark()
    cabinet.change("right.put", right=DEED)
    assert "card+verified or card+pin" in cabinet.cabinetctl("right", "explain", ADA.id, "D-0006").stdout

    cabinet.badge(cabinet.other_card(ADA))
    cabinet.screen("Slot number")
    cabinet.world("press 6#")
    cabinet.screen("Look at the camera.")
    cabinet.world("look no")
    cabinet.until_new("visit.refused", rule="not_verified", reader="camera", verifier_failed=1)
    cabinet.screen("You were not recognised.\nPIN, then #")
    assert cabinet.open_slots() == []

    cabinet.badge(cabinet.other_card(ADA))
    cabinet.screen("Look at the camera.")
    cabinet.world("look yes")
    granted = cabinet.until_new("item.granted", item="D-0006", auth="card+verified")
    assert [sub["r"] for sub in granted["subs"]] == ["holder"]
    cabinet.take(6)
    cabinet.put_back(6)
    cabinet.close_door()

    cabinet.world("fault camera unplug")
    cabinet.until_new("device.lost", device="camera")
    cabinet.badge(cabinet.other_card(ADA))
    cabinet.screen("Slot number")
    cabinet.world("press 6#")
    cabinet.screen("PIN, then #")
    cabinet.world(f"press {ADA.pin}#")
    cabinet.until_new("item.granted", item="D-0006", auth="card+pin")
    cabinet.world("clear camera")
    cabinet.until_new("device.restored", device="camera")
    cabinet.at_rest()
