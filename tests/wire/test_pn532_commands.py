from __future__ import annotations

import pytest

from drivers.wire import pn532_commands as commands
from drivers.wire.pn532 import Decoder, Packet, encode
from drivers.wire.pn532_commands import Exchanged, Firmware, Target


def data_of(wire: str) -> bytes:
    [packet] = Decoder().feed(bytes.fromhex(wire))
    assert isinstance(packet, Packet)
    assert packet.to_host
    return packet.data


@pytest.mark.parametrize(
    ("command", "wire"),
    [
        (commands.FIRMWARE, "00 00 FF 02 FE D4 02 2A 00"),
        (commands.SAM_NORMAL, "00 00 FF 05 FB D4 14 01 14 01 02 00"),
        (commands.SEARCH, "00 00 FF 04 FC D4 4A 01 00 E1 00"),
        (commands.FIELD_OFF, "00 00 FF 04 FC D4 32 01 00 F9 00"),
        (commands.retries(2), "00 00 FF 06 FA D4 32 05 FF 01 02 F3 00"),
        (
            commands.exchange(1, bytes.fromhex("90 71 00 00 02 00 00 00")),
            "00 00 FF 0B F5 D4 40 01 90 71 00 00 02 00 00 00 E8 00",
        ),
        (
            commands.exchange(1, bytes.fromhex("90 AA 00 00 01 00 00")),
            "00 00 FF 0A F6 D4 40 01 90 AA 00 00 01 00 00 B0 00",
        ),
    ],
)
def test_what_the_chip_is_asked(command: Packet, wire: str) -> None:
    assert encode(command) == bytes.fromhex(wire)


def test_a_part_of_a_long_apdu_says_that_more_follows() -> None:
    assert commands.exchange(1, b"\x90", more=True).data == b"\x41\x90"


def test_the_version() -> None:
    data = data_of("00 00 FF 06 FA D5 03 32 01 06 07 E8 00")
    assert commands.read_firmware(data) == Firmware(0x32, 1, 6, 7)
    assert commands.read_firmware(data[:3]) is None


def test_a_mifare_classic() -> None:
    [card] = commands.read_targets(data_of("00 00 FF 0C F4 D5 4B 01 01 00 04 08 04 11 22 33 44 24 00")) or []
    assert card == Target(1, b"\x00\x04", 0x08, bytes.fromhex("11223344"), b"")
    assert (card.speaks_apdu, card.random_uid) == (False, False)


def test_a_desfire() -> None:
    wire = "00 00 FF 15 EB D5 4B 01 01 03 44 20 07 04 A1 B2 C3 D4 E5 80 06 75 77 81 02 80 28 00"
    [card] = commands.read_targets(data_of(wire)) or []
    assert card.uid == bytes.fromhex("04A1B2C3D4E580")
    assert (card.sak, card.ats) == (0x20, bytes.fromhex("7577810280"))
    assert card.speaks_apdu


def test_an_empty_field() -> None:
    assert commands.read_targets(data_of("00 00 FF 03 FD D5 4B 00 E0 00")) == []


def test_a_random_number_is_known_by_its_first_byte_and_its_length() -> None:
    assert Target(1, b"\x00\x04", 0x20, bytes.fromhex("08A1B2C3"), b"\x78").random_uid
    assert not Target(1, b"\x03\x44", 0x20, bytes.fromhex("08A1B2C3D4E5F6"), b"\x75").random_uid


@pytest.mark.parametrize(
    "data",
    [
        "",
        "01",
        "02 01 00 04 08 04 11 22 33 44",  # two cards
        "01 02 00 04 08 04 11 22 33 44",  # the second of one
        "01 01 00 04 08 05 11 22 33 44 55",  # no UID has five bytes
        "01 01 00 04 08 04 11 22 33",  # cut short
        "01 01 00 04 08 04 11 22 33 44 05",  # an ATS of five bytes in one
        "00 00",
    ],
)
def test_what_is_no_answer_to_a_search(data: str) -> None:
    assert commands.read_targets(bytes.fromhex(data)) is None


def test_an_exchange() -> None:
    assert commands.read_exchanged(bytes.fromhex("00 91 00")) == Exchanged(0, False, b"\x91\x00")
    assert commands.read_exchanged(bytes.fromhex("40 01 02")) == Exchanged(0, True, b"\x01\x02")
    assert commands.read_exchanged(b"\x2b") == Exchanged(0x2B, False, b"")
    assert commands.read_exchanged(b"") is None
    assert set(commands.STATUS_TEXT) >= commands.GONE
