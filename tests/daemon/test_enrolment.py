"""People enrol themselves at the real daemon with a code, and choose a PIN where theirs was for the first time."""

from __future__ import annotations

import json

from tests.daemon.harness import Cabinet
from tests.daemon.people import EVE, MAX

NEW_CARD, FIRST, OWN = "0007071067", "60718293", "93715062"


def test_a_card_and_a_pin_by_a_code_and_a_first_pin(fresh: Cabinet) -> None:
    cabinet = fresh
    cabinet.mark()
    offered = cabinet.cabinetctl("credential", "enrol", MAX.id, "--code", "--json")
    assert offered.returncode == 0, offered.stderr
    code = json.loads(offered.stdout)["code"]
    cabinet.world(f"press {code}#")
    cabinet.screen("Hold your new card")
    cabinet.badge(NEW_CARD)
    enrolled = cabinet.until_kind("credential.enrolled", credential="card")
    assert "operator" not in enrolled
    cabinet.screen("Choose a PIN")
    for _ in range(2):
        cabinet.world(f"press {FIRST}#")
    cabinet.until_kind("credential.enrolled", credential="pin")
    cabinet.screen("may the reader keep a finger")
    cabinet.world("press *")
    cabinet.screen("Done.")
    cards = json.loads(cabinet.cabinetctl("credential", "list", MAX.id, "--json").stdout)["credentials"]
    assert NEW_CARD in [one["card"] for one in cards]

    cabinet.change(
        "right.put", right={"id": "pin", "persons": [MAX.id], "items": ["K-0008"], "factors": ["number+pin"]}
    )
    first = cabinet.cabinetctl("credential", "enrol", MAX.id, "--pin", "--temporary", stdin=FIRST + "\n")
    assert first.returncode == 0, first.stderr
    cabinet.world(f"press {MAX.id}#")
    cabinet.screen("PIN, then #")
    cabinet.world(f"press {FIRST}#")
    cabinet.screen("for the first time only")
    for _ in range(2):
        cabinet.world(f"press {OWN}#")
    cabinet.until_new("credential.enrolled", credential="pin")
    cabinet.take(8)
    cabinet.put_back(8)
    cabinet.close_door()
    kinds = cabinet.kinds()
    assert kinds.index("item.granted") > len(kinds) - 1 - kinds[::-1].index("credential.enrolled")
    unknown = cabinet.cabinetctl("credential", "enrol", "4711", "--code")
    assert (unknown.returncode, EVE.id in unknown.stderr) == (10, False)
    everything = "".join(json.dumps(leaf) for leaf in cabinet.all_leaves()) + cabinet.log.read_text()
    assert [secret for secret in (code, FIRST, OWN, NEW_CARD) if secret in everything] == []
    cabinet.at_rest()
