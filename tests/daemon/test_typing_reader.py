"""A reader that types at the real daemon, over a real socket: its cards count, and another keyboard is told of."""

from __future__ import annotations

from pathlib import Path

from tests.daemon.harness import Cabinet, configured
from tests.daemon.people import LIN

DESK = """
[[link]]
id = "input"
type = "input"
backend = "sim"
path = "links/input"

[[device]]
id = "desk-reader"
type = "keyboard-reader"
link = "input"
vendor = "ffff"
product = "0035"
port = "usb-0000:01:00.0-1.2/input0"
"""


def test_a_card_typed_a_keyboard_that_is_none_of_ours_and_a_reader_that_was_pulled_out(template: Path) -> None:
    with Cabinet(configured() + DESK, state=template, forked=True) as cabinet:
        cabinet.mark()
        cabinet.world(f"present card {LIN.cards[0]} desk-reader")
        cabinet.until_new("visit.identified")
        cabinet.screen("1 号槽位已开")
        cabinet.take(1)
        cabinet.put_back(1)
        cabinet.world("fault desk-reader foreign-keyboard")
        told = cabinet.until_new("device.suspected", device="desk-reader", cause="keyboard.foreign")
        assert "Logitech USB Keyboard (046d:c31c) at usb-0000:01:00.0-1.3/input0" in told["hint"]
        cabinet.until_new("alarm.raised", code="keyboard.foreign", device="desk-reader")
        assert cabinet.call("status")["alarms"] == 1
        [desk] = [one for one in cabinet.call("devices")["devices"] if one["device"] == "desk-reader"]
        assert desk["up"]
        assert "take it out" in desk["hint"]
        assert "take it out" in cabinet.cabinetctl("devices").stdout
        cabinet.world("fault desk-reader pulled")
        cabinet.until_new("alarm.cleared", code="keyboard.foreign")
        cabinet.world("clear desk-reader")
        cabinet.until_new("device.restored", device="desk-reader")
        assert LIN.cards[0] not in cabinet.log.read_text()
