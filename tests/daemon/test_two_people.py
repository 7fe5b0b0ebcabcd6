"""Two people at the real daemon: one approves what the other takes, one takes over what the other has."""

from __future__ import annotations

import json

from tests.daemon.harness import Cabinet
from tests.daemon.people import ADA, LIN

SAFE = {"id": "safe", "persons": [ADA.id], "items": ["K-0008"], "factors": ["card"]}


def with_whom(cabinet: Cabinet) -> str | None:
    """As a custodian finds it."""
    found = cabinet.cabinetctl("item", "find", "K-0008", "--json")
    assert found.returncode == 0, found.stderr
    (item,) = json.loads(found.stdout)["items"]
    return item["out"]["holder"] if item["out"] else None


def test_one_approves_and_one_takes_over(fresh: Cabinet) -> None:
    cabinet = fresh
    cabinet.mark()
    cabinet.change("right.put", right={**SAFE, "authorisers": 1, "authorised_by": ["*"]})
    cabinet.badge(cabinet.other_card(ADA))
    cabinet.screen("Slot number")
    cabinet.world("press 8#")
    cabinet.screen("K-0008 needs 1 more to approve")
    assert cabinet.open_slots() == []
    cabinet.badge(cabinet.other_card(LIN))
    approved = cabinet.until_kind("visit.authorised", item="K-0008")
    assert [sub["r"] for sub in approved["subs"]] == ["holder", "authoriser"]
    cabinet.take(8)
    assert with_whom(cabinet) == ADA.id

    cabinet.change("right.put", right={**SAFE, "id": "shared", "persons": [ADA.id, LIN.id]})
    cabinet.world("press 8#")
    cabinet.screen("K-0008: who takes it over")
    cabinet.badge(cabinet.other_card(LIN))
    handed = cabinet.until_kind("item.handed_over", item="K-0008", slot=8)
    assert [sub["r"] for sub in handed["subs"]] == ["holder", "receiver"]
    assert with_whom(cabinet) == LIN.id
    explained = cabinet.cabinetctl("right", "explain", ADA.id, "K-0008")
    assert explained.stdout.startswith(f"no: {ADA.id} may not take K-0008 at ")
    assert f"  out with: {LIN.id}\n" in explained.stdout

    cabinet.put_back(8)
    assert with_whom(cabinet) is None
    cabinet.world("close door")
    cabinet.until_new("door.closed")
    cabinet.at_rest()
