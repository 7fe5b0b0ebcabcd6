"""A new card at the real daemon: it gets its keys, is enrolled, opens; its number on another card does not."""

from __future__ import annotations

import json
from pathlib import Path

from tests.daemon.harness import Cabinet
from tests.daemon.people import LIN
from tests.daemon.test_nfc import with_nfc

CARD = "04:78:2E:21:80:1D:80"
STRONG = 'strong = { mode = "ev2", application = "F5B1C0", key = 1, key_file = "links/cards.key" }'


def test_from_a_new_card_to_an_open_slot(template: Path) -> None:
    config = with_nfc().replace('type = "pn532-reader"', f'type = "pn532-reader"\n{STRONG}')
    with Cabinet(config, template, forked=True) as cabinet:
        cabinet.mark()
        cabinet.badge(CARD, "desfire-ev2")
        made = cabinet.cabinetctl("credential", "personalise", "reader", "--yes")
        assert made.stdout == f"card {CARD} has got its keys and has proved them\n"
        assert "operator" in cabinet.until_kind("credential.personalised", reader="reader")
        assert "already" in cabinet.cabinetctl("credential", "personalise", "reader").stdout
        cabinet.take_card_away()
        cabinet.change("card.enrol", person=LIN.id, card=CARD, strength="strong")
        assert CARD in cabinet.cabinetctl("credential", "list", LIN.id).stdout
        cabinet.badge(CARD, "desfire-ev2")
        cabinet.until_new("visit.identified", auth="strong-card")
        cabinet.screen("1 号槽位已开，\n请取走 K-0001。")
        cabinet.take(1)
        cabinet.put_back(1)
        cabinet.close_door()
        cabinet.take_card_away()
        cabinet.badge(CARD)
        refused = cabinet.until_new("visit.refused", rule="card_unproven", proof="weak")
        assert [sub["r"] for sub in refused["subs"]] == ["holder"]
        cabinet.screen("This card could not prove itself.")
        cabinet.take_card_away()
        cabinet.world(f"spoil {CARD} forged")
        cabinet.badge(CARD, "desfire-ev2")
        cabinet.until_new("visit.refused", rule="card_unproven", proof="failed")
        cabinet.take_card_away()
        everything = json.dumps(cabinet.all_leaves()) + cabinet.log.read_text()
        assert CARD.replace(":", "").lower() not in everything.replace(":", "").lower()
        key = (cabinet.folder / "links" / "cards.key").read_text().strip()
        assert key not in everything
        cabinet.at_rest()
