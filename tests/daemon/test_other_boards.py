"""One cabinet with three kinds of locks and four kinds of sensing, as its users find it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.daemon.harness import Cabinet, configured
from tests.daemon.people import ADA, LIN

BOARDS = """
[[link]]
id = "rs485-locks"
type = "rs485"
port = "links/rs485-locks"

[[device]]
id = "locks"
type = "lock-board"
link = "rs485-locks"
profile = "8a"
unit = 1
locks = 8
inverted = [1]

[[device]]
id = "bolts"
type = "gpio-lock"
link = "gpio0"
lines = [24, 25]

[[device]]
id = "contacts"
type = "gpio-input"
link = "gpio0"
lines = [7, 8]

[[device]]
id = "expander"
type = "mcp23017"
link = "i2c0"
"""
WIRED = {
    "relays:1": "locks:1",
    "inputs-a:1": "locks:1",
    "relays:7": "bolts:2",
    "inputs-a:7": "expander:14",
    "inputs-b:1": "contacts:1",
}


@pytest.fixture
def mixed(template: Path) -> Iterator[Cabinet]:
    """Slot 1 on the lock board, slot 7 on lines and an expander, the door's contact on a line, the others as ever."""
    text = configured()
    for was, now in WIRED.items():
        assert f'= "{was}"\n' in text
        text = text.replace(f'= "{was}"\n', f'= "{now}"\n')
    with Cabinet(text + BOARDS, state=template, forked=True) as cabinet:
        yield cabinet


def test_people_do_not_notice_which_board_it_is(mixed: Cabinet) -> None:
    mixed.mark()
    mixed.badge(mixed.other_card(LIN))
    mixed.take(1)
    mixed.put_back(1)
    mixed.close_door()
    assert [leaf["slot"] for leaf in mixed.leaves() if leaf["ev"] in ("item.removed", "item.returned")] == [1, 1]
    mixed.mark()
    mixed.badge(mixed.other_card(ADA))
    mixed.screen("PIN, then #")
    mixed.world(f"press {ADA.pin}#")
    mixed.screen("Slot 7 is open:\ntake K-0007.\nDue back ")
    mixed.take(7)
    mixed.put_back(7)
    mixed.close_door()
    assert [leaf["slot"] for leaf in mixed.leaves() if leaf["ev"] in ("item.removed", "item.returned")] == [7, 7]
    assert mixed.open_slots() == []
    assert mixed.call("status")["devices_lost"] == []
    for slot in (1, 7):
        mixed.world(f"force {slot}")
        mixed.until_kind("item.forced", slot=slot)
