"""The device tables: a whole cabinet is read, and everything wrong is said at once and in words."""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hal import profiles
from hal.board_line import SerialBoardLine
from hal.capabilities import (
    Buzzer,
    CardReader,
    Device,
    Display,
    FingerReader,
    FobReader,
    IndicatorBoard,
    InputBoard,
    Keypad,
    LockBoard,
    Verifier,
)
from hal.clock import Now
from hal.device_table import DeviceTable, build_device, parse_table
from hal.keyboards_sim import SimKeyboards
from hal.problems import Problem
from hal.profiles import load_profile, profile_names
from hal.registry import DEVICE_TYPES, load
from hal.specs import ChannelRef, DeviceSpec
from tests.hal.links import MemoryLink

CABINET = """
[cabinet]
site = "demo"

[door]
contact = "inputs-a:8"
open_s = 90

[[link]]
id = "rs485"
type = "modbus"
port = "links/rs485"
timeout_ms = 250
[[link]]
id = "uart0"
type = "serial"
port = "links/uart0"
[[link]]
id = "uart1"
type = "serial"
port = "links/uart1"
baud = 115200
[[link]]
id = "gpio0"
type = "gpio"
backend = "sim"
path = "links/gpio0"
[[link]]
id = "i2c0"
type = "i2c"
port = "/dev/i2c-1"

[[device]]
id = "reader"
type = "rdm6300-reader"
link = "uart0"
[[device]]
id = "keypad"
type = "matrix-keypad"
link = "gpio0"
rows = [5, 6, 13, 19]
columns = [16, 20, 21]
[[device]]
id = "relays"
type = "modbus-relay-board"
link = "rs485"
unit = 1
profile = "waveshare-8"
[[device]]
id = "inputs-a"
type = "modbus-input-board"
link = "rs485"
unit = 2
inverted = [3]
[[device]]
id = "lamps"
type = "led"
link = "gpio0"
lines = [2, 3]
[[device]]
id = "buzzer"
type = "buzzer"
link = "gpio0"
line = 11
[[device]]
id = "display"
type = "terminal-display"
link = "uart1"
[[device]]
id = "fobs"
type = "ds2482-fobs"
link = "i2c0"
address = 0x1A
channels = 4
[[link]]
id = "camera"
type = "socket"
path = "/run/face/verifier.sock"
key_file = "/etc/cabinet/verifier.key"
[[device]]
id = "camera"
type = "socket-verifier"
link = "camera"

[[link]]
id = "finger-uart"
type = "serial"
port = "links/finger"
baud = 57600
[[device]]
id = "finger"
type = "zfm-finger-reader"
link = "finger-uart"

[[device]]
id = "outer-reader"
type = "wiegand-reader"
link = "gpio0"
d0 = 14
d1 = 15
[[link]]
id = "input"
type = "input"
[[device]]
id = "desk"
type = "keyboard-reader"
link = "input"
vendor = "ffff"
product = "0035"
port = "usb-0000:01:00.0-1.2/input0"
[[link]]
id = "rs485-b"
type = "rs485"
port = "links/rs485-b"
[[link]]
id = "uart2"
type = "serial"
port = "links/uart2"
baud = 115200
[[device]]
id = "nfc-reader"
type = "pn532-reader"
link = "uart2"
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
address = 0x20
[[device]]
id = "locks"
type = "lock-board"
link = "rs485-b"
profile = "cu16"
unit = 0
locks = 16
[[slot]]
number = 1
lock = "relays:1"
sensor = "inputs-a:1"
fob_reader = "fobs:1"
indicator = "lamps:1"
[[slot]]
number = 2
lock = "relays:2"
sensor = "inputs-a:2"
hold_s = 0.7
"""
Raw = dict[str, Any]
MORE, MORE_LINKS = CABINET.count("[[device]]"), CABINET.count("[[link]]")
"""Where one more of them is."""
DESK = -6
"""The reader that types."""


class StillClock:
    def mono_s(self) -> float:
        return 0.0

    def now(self) -> Now:
        return Now(0.0, 0, "none")


def test_a_whole_cabinet() -> None:
    table, problems = parse_table(tomllib.loads(CABINET))
    assert problems == []
    assert table is not None
    ids = ["rs485", "uart0", "uart1", "gpio0", "i2c0", "camera", "finger-uart", "input", "rs485-b", "uart2"]
    assert [link.id for link in table.links] == ids
    assert [entry.spec.id for entry in table.devices] == [
        "reader",
        "keypad",
        "relays",
        "inputs-a",
        "lamps",
        "buzzer",
        "display",
        "fobs",
        "camera",
        "finger",
        "outer-reader",
        "desk",
        "nfc-reader",
        "bolts",
        "contacts",
        "expander",
        "locks",
    ]
    assert [slot.lock for slot in table.slots] == [ChannelRef("relays", 1), ChannelRef("relays", 2)]
    assert table.slots[0].fob_reader == ChannelRef("fobs", 1)
    assert table.slots[1].hold_s == 0.7
    assert table.slots[1].indicator is None
    assert table.door.contact == ChannelRef("inputs-a", 8)
    assert table.door.open_s == 90


def test_a_lock_and_its_switch_are_one_channel_of_a_board_that_has_both() -> None:
    raw = tomllib.loads(CABINET)
    raw["slot"][1] |= {"lock": "locks:1", "sensor": "locks:1"}
    table = parsed(raw)
    assert (table.slots[1].lock, table.slots[1].sensor) == (ChannelRef("locks", 1), ChannelRef("locks", 1))


CAPABILITIES: dict[str, type[Device]] = {
    "rdm6300-reader": CardReader,
    "wiegand-reader": CardReader,
    "pn532-reader": CardReader,
    "zfm-finger-reader": FingerReader,
    "keyboard-reader": CardReader,
    "matrix-keypad": Keypad,
    "modbus-relay-board": LockBoard,
    "modbus-input-board": InputBoard,
    "lock-board": LockBoard,
    "gpio-lock": LockBoard,
    "gpio-input": InputBoard,
    "mcp23017": InputBoard,
    "led": IndicatorBoard,
    "buzzer": Buzzer,
    "terminal-display": Display,
    "ds2482-fobs": FobReader,
    "socket-verifier": Verifier,
}


def test_every_device_of_the_table_can_be_built() -> None:
    table = parsed(tomllib.loads(CABINET))
    buses = {"rs485": SerialBoardLine(MemoryLink()), "input": SimKeyboards("input", "links/input")}
    built = {
        entry.spec.type: build_device(entry, buses.get(entry.type.bus, MemoryLink()), StillClock())
        for entry in table.devices
    }
    assert built.keys() == DEVICE_TYPES.keys() == CAPABILITIES.keys()
    for name, capability in CAPABILITIES.items():
        assert isinstance(built[name], capability)
    assert {device.device for device in built.values()} == {entry.spec.id for entry in table.devices}


def test_the_registry_names_specs_of_its_own_type() -> None:
    for name, kind in DEVICE_TYPES.items():
        spec = load(kind.spec)
        assert issubclass(spec, DeviceSpec)
        assert spec.model_fields["type"].annotation.__args__ == (name,)
        told_by = [spec, load(kind.profile)] if kind.profile else [spec]
        for key in kind.gives.values():
            assert any(key in model.model_fields or hasattr(model, key) for model in told_by)


# What somebody writes, where it is pointed out, and what is said.
Change = Callable[[Raw], object]
MISTAKES: list[tuple[str, Change, tuple[str | int, ...], str]] = [
    (
        "unknown key",
        lambda raw: raw["device"][2].update(unti=3),
        ("device", 2, "unti"),
        'unknown key "unti", allowed: id, type, link, unit, profile, poll_s; did you mean "unit"?',
    ),
    ("missing key", lambda raw: raw["device"][2].pop("unit"), ("device", 2, "unit"), 'the key "unit" is missing'),
    (
        "wrong type",
        lambda raw: raw["device"][2].update(unit="1"),
        ("device", 2, "unit"),
        "unit: should be a whole number, 1 to 247",
    ),
    (
        "out of range",
        lambda raw: raw["device"][2].update(unit=248),
        ("device", 2, "unit"),
        "unit: should be 1 to 247",
    ),
    (
        "bad id",
        lambda raw: raw["device"][0].update(id="Reader 1"),
        ("device", 0, "id"),
        'id: should be 1 to 32 of a-z, 0-9 and "-", the first a letter or a digit',
    ),
    ("no type", lambda raw: raw["device"][0].pop("type"), ("device", 0), 'the key "type" is missing, allowed: rdm'),
    (
        "unknown device type",
        lambda raw: raw["device"][0].update(type="rdm630-reader"),
        ("device", 0, "type"),
        'did you mean "rdm6300-reader"?',
    ),
    (
        "two verifiers",
        lambda raw: (
            raw["link"].append({"id": "other", "type": "socket", "path": "other", "key_file": "k"}),
            raw["device"].append({"id": "other", "type": "socket-verifier", "link": "other"}),
        ),
        ("device", MORE, "type"),
        'a cabinet has one verifier, "other" is another',
    ),
    (
        "two on one socket",
        lambda raw: raw["device"].append({"id": "other", "type": "socket-verifier", "link": "camera"}),
        ("device", MORE, "link"),
        'a socket link has one device, "camera" has "camera" already',
    ),
    (
        "two readers at one plug",
        lambda raw: raw["device"].append({**raw["device"][DESK], "id": "other"}),
        ("device", MORE, "port"),
        'port: this reader at this port is "desk" already',
    ),
    (
        "two links of all keyboards",
        lambda raw: raw["link"].append({"id": "x", "type": "input"}),
        ("link", MORE_LINKS, "backend"),
        'backend: link "input" uses the same; one link opens it for all devices',
    ),
    (
        "unknown link type",
        lambda raw: raw["link"].append({"id": "x", "type": "serail", "port": "p"}),
        ("link", MORE_LINKS, "type"),
        'unknown type "serail", allowed: serial, modbus, rs485, gpio, i2c, socket, input; did you mean "serial"?',
    ),
    (
        "baud",
        lambda raw: raw["link"][0].update(baud=9601),
        ("link", 0, "baud"),
        "baud: allowed: 1200, 2400, 4800, 9600",
    ),
    (
        "time-out",
        lambda raw: raw["link"][0].update(timeout_ms=100),
        ("link", 0, "timeout_ms"),
        "timeout_ms: should be 200 to 500",
    ),
    (
        "chip missing",
        lambda raw: raw["link"].append({"id": "x", "type": "gpio", "backend": "gpiod"}),
        ("link", MORE_LINKS),
        'backend "gpiod" needs the key "chip"',
    ),
    (
        "path of another backend",
        lambda raw: raw["link"].append({"id": "x", "type": "gpio", "backend": "rpi-gpio", "path": "p"}),
        ("link", MORE_LINKS),
        'the key "path" belongs to the backend "sim"',
    ),
    (
        "repeated link",
        lambda raw: raw["link"].append({"id": "rs485", "type": "serial", "port": "p"}),
        ("link", MORE_LINKS, "id"),
        'link "rs485" exists already; each needs its own',
    ),
    (
        "repeated device",
        lambda raw: raw["device"].append({**raw["device"][5], "line": 12}),
        ("device", MORE, "id"),
        'device "buzzer" exists already; each needs its own',
    ),
    (
        "repeated slot",
        lambda raw: raw["slot"].append({"number": 1, "lock": "relays:3"}),
        ("slot", 2, "number"),
        "slot 1 exists already; each needs its own",
    ),
    (
        "two links on one port",
        lambda raw: raw["link"].append({"id": "x", "type": "serial", "port": "links/./uart0"}),
        ("link", MORE_LINKS, "port"),
        'port: link "uart0" uses the same; one link opens it for all devices',
    ),
    (
        "unknown link",
        lambda raw: raw["device"][0].update(link="uart-1"),
        ("device", 0, "link"),
        'link: there is no link "uart-1", allowed: uart0, uart1, finger-uart, uart2; did you mean "uart1"?',
    ),
    (
        "another rate than the device has",
        lambda raw: raw["link"][-1].pop("baud"),
        ("link", MORE_LINKS - 1, "baud"),
        "baud: a pn532-reader speaks 115200 baud, and no other",
    ),
    (
        "link of the wrong kind",
        lambda raw: raw["device"][3].update(link="uart0"),
        ("device", 3, "link"),
        'link: modbus-input-board needs a link of type modbus, "uart0" is serial, allowed: rs485',
    ),
    (
        "two on a serial link",
        lambda raw: raw["device"][6].update(link="uart0"),
        ("device", 6, "link"),
        'link: a serial link has one device, "uart0" has "reader" already',
    ),
    (
        "two on one unit",
        lambda raw: raw["device"][3].update(unit=1),
        ("device", 3, "unit"),
        'unit: "relays" has the address 1 on "rs485" already',
    ),
    (
        "two on one line",
        lambda raw: raw["device"][5].update(line=13),
        ("device", 5, "line"),
        'line: line 13 of "gpio0" belongs to "keypad" already',
    ),
    (
        "profile",
        lambda raw: raw["device"][2].update(profile="waveshare-9"),
        ("device", 2, "profile"),
        'unknown profile "waveshare-9", allowed: ',
    ),
    (
        "unknown device",
        lambda raw: raw["slot"][0].update(lock="relay:1"),
        ("slot", 0, "lock"),
        'lock: there is no device "relay", allowed: relays, bolts, locks; did you mean "relays"?',
    ),
    (
        "device of the wrong kind",
        lambda raw: raw["slot"][0].update(lock="inputs-a:4"),
        ("slot", 0, "lock"),
        'lock: needs a lock board, "inputs-a" is of type modbus-input-board, allowed: relays',
    ),
    (
        "indicator of the wrong kind",
        lambda raw: raw["slot"][0].update(indicator="buzzer:1"),
        ("slot", 0, "indicator"),
        'indicator: needs a board of lamps, "buzzer" is of type buzzer, allowed: lamps',
    ),
    (
        "contact of the wrong kind",
        lambda raw: raw["door"].update(contact="reader:1"),
        ("door", "contact"),
        'contact: needs an input board, "reader" is of type rdm6300-reader, allowed: inputs-a',
    ),
    (
        "unknown channel of the profile",
        lambda raw: raw["slot"][0].update(lock="relays:9"),
        ("slot", 0, "lock"),
        'lock: "relays" has the channels 1 to 8, not 9',
    ),
    (
        "bus without its place",
        lambda raw: raw["link"].append({"id": "x", "type": "i2c"}),
        ("link", MORE_LINKS),
        'backend "i2c-dev" needs the key "port"',
    ),
    (
        "one bus twice",
        lambda raw: raw["link"].append({"id": "x", "type": "i2c", "port": "/dev/../dev/i2c-1"}),
        ("link", MORE_LINKS, "port"),
        'port: link "i2c0" uses the same',
    ),
    (
        "no address of such a chip",
        lambda raw: raw["device"][7].update(address=0x20),
        ("device", 7, "address"),
        "address: should be 0x18 to 0x1F",
    ),
    (
        "one address twice",
        lambda raw: raw["device"].append(raw["device"][7] | {"id": "more"}),
        ("device", MORE, "address"),
        'address: "fobs" has the address 0x1A on "i2c0" already',
    ),
    (
        "no such channel of fobs",
        lambda raw: raw["slot"][1].update(fob_reader="fobs:5"),
        ("slot", 1, "fob_reader"),
        'fob_reader: "fobs" has the channels 1 to 4, not 5',
    ),
    (
        "number that such a board cannot have",
        lambda raw: raw["device"][-1].update(unit=16),
        ("device", MORE - 1, "unit"),
        "unit: boards of this make have the numbers 0 to 15",
    ),
    (
        "more locks than such a board has",
        lambda raw: raw["device"][-1].update(locks=24),
        ("device", MORE - 1, "locks"),
        "locks: boards of this make have up to 16",
    ),
    (
        "switch that such a board does not have",
        lambda raw: raw["device"][-1].update(inverted=[33]),
        ("device", MORE - 1, "inverted"),
        "inverted: this board has the inputs 1 to 32",
    ),
    (
        "two boards with one number",
        lambda raw: raw["device"].append(raw["device"][-1] | {"id": "more"}),
        ("device", MORE, "unit"),
        'unit: "locks" has the address 0 on "rs485-b" already',
    ),
    (
        "lock that such a board does not have",
        lambda raw: raw["slot"][1].update(lock="locks:17"),
        ("slot", 1, "lock"),
        'lock: "locks" has the channels 1 to 16, not 17',
    ),
    (
        "input that such a board does not have",
        lambda raw: raw["slot"][1].update(sensor="locks:33"),
        ("slot", 1, "sensor"),
        'sensor: "locks" has the channels 1 to 32, not 33',
    ),
    (
        "no address of an expander",
        lambda raw: raw["device"][-2].update(address=0x28),
        ("device", MORE - 2, "address"),
        "address: should be 0x20 to 0x27",
    ),
    (
        "contact that there is no line for",
        lambda raw: raw["slot"][1].update(sensor="contacts:3"),
        ("slot", 1, "sensor"),
        'sensor: "contacts" has the channels 1 to 2, not 3',
    ),
    (
        "unknown channel of a list",
        lambda raw: raw["slot"][0].update(indicator="lamps:3"),
        ("slot", 0, "indicator"),
        'indicator: "lamps" has the channels 1 to 2, not 3',
    ),
    (
        "one channel twice",
        lambda raw: raw["slot"][1].update(sensor="inputs-a:1"),
        ("slot", 1, "sensor"),
        'sensor: "inputs-a:1" is the sensor of slot 1 already',
    ),
    (
        "door and slot on one channel",
        lambda raw: raw["door"].update(contact="inputs-a:2"),
        ("door", "contact"),
        'contact: "inputs-a:2" is the sensor of slot 2 already',
    ),
    (
        "door and slot on one lock",
        lambda raw: raw["door"].update(lock="relays:1"),
        ("door", "lock"),
        'lock: "relays:1" is the lock of slot 1 already',
    ),
    (
        "lock of the door without its contact",
        lambda raw: raw.update(door={"lock": "relays:7"}),
        ("door",),
        "a lock of the door needs its contact",
    ),
    ("slot without a lock", lambda raw: raw["slot"][0].pop("lock"), ("slot", 0, "lock"), 'the key "lock" is missing'),
    (
        "channel written badly",
        lambda raw: raw["slot"][0].update(lock="relays:0"),
        ("slot", 0, "lock"),
        'lock: should be the id of a device and a channel from 1, like "relays:1"',
    ),
    (
        "slot number",
        lambda raw: raw["slot"][0].update(number=256),
        ("slot", 0, "number"),
        "number: should be 1 to 255",
    ),
    (
        "hold",
        lambda raw: raw["slot"][0].update(hold_s=0.55),
        ("slot", 0, "hold_s"),
        "hold_s: should be 0.1 to 1.0 in steps of 0.1",
    ),
    ("one table", lambda raw: raw.update(link=raw["link"][0]), ("link",), "should be written [[link]], once for each"),
    ("no table", lambda raw: raw["slot"].append(7), ("slot", 2), "should be a table, written [[slot]]"),
    ("door", lambda raw: raw.update(door="inputs-a:8"), ("door",), "should be a table"),
]


@pytest.mark.parametrize(("change", "path", "words"), [row[1:] for row in MISTAKES], ids=[row[0] for row in MISTAKES])
def test_what_is_wrong_is_said_at_its_place(change: Change, path: tuple[str | int, ...], words: str) -> None:
    raw = tomllib.loads(CABINET)
    change(raw)
    table, problems = parse_table(raw)
    assert table is None
    assert any(problem.path == path and words in problem.message for problem in problems), problems


def test_one_mistake_is_one_problem() -> None:
    """Else the person reads about what follows from it, too."""
    follow = {"one table", "two on one socket"}
    for name, change, _, _ in MISTAKES:
        raw = tomllib.loads(CABINET)
        change(raw)
        problems = parse_table(raw)[1]
        if name not in follow:
            assert len(problems) == 1, (name, problems)


def test_every_mistake_at_once() -> None:
    raw = tomllib.loads(CABINET)
    chosen = [row for row in MISTAKES if row[0] in ("unknown key", "baud", "two on a serial link", "hold")]
    for _, change, _, _ in chosen:
        change(raw)
    _, problems = parse_table(raw)
    assert [problem.path for problem in problems] == [
        ("link", 0, "baud"),
        ("device", 2, "unti"),
        ("slot", 0, "hold_s"),
        ("device", 6, "link"),
    ]


def test_a_profile_with_a_mistake_names_the_key_in_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    (tmp_path / "acme-4.toml").write_text("channels = 65\nstyle = 'flash-coil'\nflash_first = 0\nflash_unit_s = 0.1\n")
    monkeypatch.setattr(profiles, "FOLDERS", (tmp_path,))
    raw = tomllib.loads(CABINET)
    raw["device"][2]["profile"] = "acme-4"
    del raw["device"][-1]
    assert parse_table(raw)[1] == [
        Problem(("device", 2, "profile"), 'profile "acme-4": channels: should be 1 to 64'),
    ]


def test_profiles_are_found_by_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    assert "waveshare-8" in profile_names()
    assert load_profile("waveshare-8")["channels"] == 8
    with pytest.raises(ValueError, match=r'unknown profile "../secret", allowed: .*waveshare-8'):
        load_profile("../secret")
    (tmp_path / "bad.toml").write_text("channels = = 8")
    monkeypatch.setattr(profiles, "FOLDERS", (tmp_path,))
    with pytest.raises(ValueError, match=r'profile "bad" cannot be read: .*line 1'):
        load_profile("bad")


WILD = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["relays:1", "led"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_whatever_is_written_is_answered_with_words(data: st.DataObject) -> None:
    raw = copy.deepcopy(tomllib.loads(CABINET))
    places = [(raw, key) for key in ("link", "device", "slot", "door")]
    places += [(entry, key) for key in ("link", "device", "slot") for entry in raw[key] for key in entry]
    table, key = data.draw(st.sampled_from(places))
    table[key] = data.draw(WILD)
    read, problems = parse_table(raw)
    assert (read is None) == bool(problems)
    for problem in problems:
        assert problem.message
        assert problem.path[0] in ("link", "device", "slot", "door")


def parsed(raw: Raw) -> DeviceTable:
    table, problems = parse_table(raw)
    assert table is not None, problems
    return table
