from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.wire.pn532 import ACK, HELD_MAX, NACK, PACKET_MAX, WAKE_UP, Decoder, Frame, Packet, encode

COMMAND, REPLY = False, True
CAPTURES = [
    # libnfc, nfcpy and Adafruit all send or expect these.
    ("00 00 FF 02 FE D4 02 2A 00", Packet(COMMAND, 0x02, b"")),
    ("00 00 FF 06 FA D5 03 32 01 06 07 E8 00", Packet(REPLY, 0x03, bytes([0x32, 1, 6, 7]))),
    ("00 00 FF 05 FB D4 14 01 14 01 02 00", Packet(COMMAND, 0x14, bytes([1, 0x14, 1]))),
    ("00 00 FF 02 FE D5 15 16 00", Packet(REPLY, 0x15, b"")),
    ("00 00 FF 03 FD D4 14 01 17 00", Packet(COMMAND, 0x14, b"\x01")),
    ("00 00 FF 09 F7 D4 00 00 6C 69 62 6E 66 63 BE 00", Packet(COMMAND, 0x00, b"\x00libnfc")),
    ("00 00 FF 05 FB D4 14 01 00 00 17 00", Packet(COMMAND, 0x14, bytes([1, 0, 0]))),
    ("00 00 FF 04 FC D4 4A 01 00 E1 00", Packet(COMMAND, 0x4A, bytes([1, 0]))),
]
NFCPY_DIAGNOSE = b"\x00\x00\xff\xff\xff\x01\x09\xf6\xd4\x00\x00" + bytes(n & 0xFF for n in range(262)) + b"\x9d\x00"
"""As nfcpy builds its test of the line, the longest frame there is: 0 + ... + 255, 0 + ... + 5 and D4 make 8063."""

packets = st.builds(Packet, st.booleans(), st.integers(0, 255), st.binary(max_size=PACKET_MAX - 2))
frames = st.one_of(packets, st.sampled_from(["ack", "nack", "error"]))
SHORT = {"ack": ACK, "nack": NACK, "error": bytes.fromhex("0000FF01FF7F8100")}


def wire_of(frame: Frame) -> bytes:
    return SHORT[frame] if isinstance(frame, str) else encode(frame)


@pytest.mark.parametrize(("wire", "packet"), CAPTURES)
def test_frames_of_public_programs(wire: str, packet: Packet) -> None:
    assert encode(packet) == bytes.fromhex(wire)
    assert Decoder().feed(bytes.fromhex(wire)) == [packet]


def test_the_longest_frame_there_is() -> None:
    packet = Packet(COMMAND, 0x00, b"\x00" + bytes(n & 0xFF for n in range(262)))
    assert encode(packet) == NFCPY_DIAGNOSE
    assert Decoder().feed(NFCPY_DIAGNOSE) == [packet]


@pytest.mark.parametrize(
    ("wire", "frame"),
    [("00 00 FF 00 FF 00", "ack"), ("00 00 FF FF 00 00", "nack"), ("00 00 FF 01 FF 7F 81 00", "error")],
)
def test_frames_without_data(wire: str, frame: Frame) -> None:
    assert Decoder().feed(bytes.fromhex(wire)) == [frame]


def test_a_frame_is_extended_only_where_it_has_to_be() -> None:
    assert encode(Packet(REPLY, 1, bytes(253)))[3:5] == b"\xff\x01"
    assert encode(Packet(REPLY, 1, bytes(254)))[3:8] == b"\xff\xff\x01\x00\xff"


@given(st.lists(frames, max_size=4), st.integers(1, 300))
def test_any_chopping(sent: list[Frame], size: int) -> None:
    wire, decoder = b"".join(map(wire_of, sent)), Decoder()
    found = [frame for at in range(0, len(wire), size) for frame in decoder.feed(wire[at : at + size])]
    assert found == sent
    assert decoder.dropped == 0


@given(st.binary(max_size=600), st.integers(1, 40))
def test_whatever_comes_it_holds_one_frame_and_says_the_same(noise: bytes, size: int) -> None:
    whole, pieces = Decoder(), Decoder()
    found: list[Frame] = []
    for at in range(0, len(noise), size):
        found += pieces.feed(noise[at : at + size])
        assert len(pieces._held) < HELD_MAX
    assert found == whole.feed(noise)
    assert pieces.dropped == whole.dropped


@given(st.binary(max_size=300), packets)
def test_a_frame_is_found_behind_any_noise_within_one_longest_frame(noise: bytes, packet: Packet) -> None:
    decoder = Decoder()
    decoder.feed(noise)
    assert packet in decoder.feed(encode(packet) + bytes(HELD_MAX))


@pytest.mark.parametrize("claimed", [5, 19, 40, 200])
def test_a_frame_that_only_seems_to_begin_hides_none_that_stands_in_it(claimed: int) -> None:
    decoder, packet = Decoder(), CAPTURES[1][1]
    found = decoder.feed(bytes([0, 255, claimed, 256 - claimed, 0xD5]) + encode(packet) + bytes(claimed))
    assert found == [packet]
    assert decoder.dropped >= 1


def test_a_frame_behind_the_wake_up_and_its_echo() -> None:
    version = encode(Packet(COMMAND, 0x02, b""))
    assert Decoder().feed(WAKE_UP + version) == [Packet(COMMAND, 0x02, b"")]


def test_a_whole_frame_inside_another_is_its_data_alone() -> None:
    inner = encode(Packet(REPLY, 0x4B, bytes.fromhex("01 01 00 04 08 04 11 22 33 44")))
    assert Decoder().feed(encode(Packet(REPLY, 0x41, inner))) == [Packet(REPLY, 0x41, inner)]


@pytest.mark.parametrize(
    "wire",
    [
        "00 00 FF 02 FF D5 15 16 00",  # LCS
        "00 00 FF 02 FE D5 15 17 00",  # DCS
        "00 00 FF 02 FE D6 15 15 00",  # neither to the chip nor to the host
        "00 00 FF 00 00 00",  # no bytes at all
        "00 00 FF FF FF 01 0A F5" + " D5" * 266 + " AE 00",  # one byte more than the chip has room for
    ],
)
def test_useless_frames_are_dropped_and_counted(wire: str) -> None:
    decoder = Decoder()
    assert decoder.feed(bytes.fromhex(wire)) == []
    assert decoder.dropped >= 1
    assert decoder.feed(encode(CAPTURES[1][1])) == [CAPTURES[1][1]]


def test_no_single_flipped_bit_gives_another_packet() -> None:
    wire = bytes.fromhex("00 00 FF 0C F4 D5 4B 01 01 00 04 08 04 11 22 33 44 24 00")
    [packet] = Decoder().feed(wire)
    for bit in range(8 * len(wire)):
        flipped = (int.from_bytes(wire, "big") ^ 1 << bit).to_bytes(len(wire), "big")
        assert Decoder().feed(flipped + bytes(HELD_MAX)) in ([], [packet])


def test_reset_forgets_half_a_frame() -> None:
    wire = encode(CAPTURES[1][1])
    decoder = Decoder()
    decoder.feed(wire[:8])
    assert decoder.begun
    decoder.reset()
    assert not decoder.begun
    assert decoder.feed(wire[8:]) == []
