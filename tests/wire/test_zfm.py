"""The frames of fingerprint modules. VfyPwd and TemplateNum are as the user manuals of R503 (1.2.2) and ZFM-70 print
them; the others were added up by hand from the tables of these."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.wire import zfm
from drivers.wire.zfm import Answer, Decoder, Question, Started

ANYWHERE = 0xFFFFFFFF
HEAD = bytes.fromhex("EF01FFFFFFFF")
MANUAL_VERIFY = "01 0007 13 00000000 001B"
MANUAL_COUNT = "01 0003 1D 0021"
DONE_FRAME = HEAD + bytes.fromhex("07 0003 00 000A")

QUESTIONS = [
    (zfm.verify_password(0), MANUAL_VERIFY),
    (zfm.count_templates(), MANUAL_COUNT),
    (zfm.read_parameters(), "01 0003 0F 0013"),
    (zfm.take_image(), "01 0003 01 0005"),
    (zfm.read_features(1), "01 0004 02 01 0008"),
    (zfm.search(1, 0, 200), "01 0008 04 01 0000 00C8 00D6"),
    (zfm.search(1, 0, 200, fast=True), "01 0008 1B 01 0000 00C8 00ED"),
    (zfm.combine(), "01 0003 05 0009"),
    (zfm.store(1, 42), "01 0006 06 01 002A 0038"),
    (zfm.delete(42), "01 0007 0C 002A 0001 003F"),
    (zfm.read_index(0), "01 0004 1F 00 0024"),
    (zfm.light(2, 0x80, 2, 2), "01 0007 35 02 80 02 02 00C3"),
    (zfm.light(4, 0, 0, 0), "01 0007 35 04 00 00 00 0041"),
    (zfm.set_baud(9600), "01 0005 0E 04 01 0019"),
    (zfm.set_level(3), "01 0005 0E 05 03 001C"),
    (zfm.set_password(0x01020304), "01 0007 12 01020304 0024"),
    (zfm.set_address(0x00000001), "01 0007 15 00000001 001E"),
    (zfm.read_note(1), "01 0004 19 01 001F"),
    (zfm.write_note(1, bytes(32)), "01 0024 18 01" + 32 * " 00" + " 003E"),
]


@pytest.mark.parametrize(("question", "frame"), QUESTIONS, ids=[question.name for question, _ in QUESTIONS])
def test_questions_are_the_manuals(question: Question, frame: str) -> None:
    assert zfm.encode(ANYWHERE, question.payload) == HEAD + bytes.fromhex(frame)


def test_another_address() -> None:
    assert zfm.encode(0x00000001, b"\x01") == bytes.fromhex("EF01 00000001 01 0003 01 0005")


def heard(*frames: str, address: int = ANYWHERE) -> list[object]:
    return list(Decoder(address).feed(b"".join(HEAD + bytes.fromhex(frame) for frame in frames)))


def test_answers_are_the_manuals() -> None:
    assert heard("07 0003 00 000A", "07 0003 13 001D", "07 0003 02 000C") == [
        Answer(zfm.DONE, b""),
        Answer(zfm.WRONG_PASSWORD, b""),
        Answer(zfm.NO_FINGER, b""),
    ]
    [parameters] = Decoder(ANYWHERE).feed(
        HEAD + bytes.fromhex("07 0013 00 0000 0009 00C8 0003 FFFFFFFF 0002 0006 04F2")
    )
    assert isinstance(parameters, Answer)
    assert zfm.parameters_in(parameters) == zfm.Parameters(capacity=200, level=3)
    [hit, miss, count] = heard("07 0007 00 0007 007B 0090", "07 0007 09 0000 0000 0017", "07 0005 00 0003 000F")
    assert isinstance(hit, Answer)
    assert zfm.hit_in(hit) == (7, 123)
    assert miss == Answer(zfm.NOT_FOUND, bytes(4))
    assert isinstance(count, Answer)
    assert zfm.count_in(count) == 3


def test_the_index_counts_bits_from_the_lowest() -> None:
    first = b"\x80\x00\x00\x00\x00\x04" + bytes(26)  # 7 and 42
    second = b"\x01" + bytes(30) + b"\x80"  # 256 and 511
    pages = [Answer(zfm.DONE, first), Answer(zfm.DONE, second)]
    assert zfm.templates_in(pages) == {7, 42, 256, 511}
    assert zfm.templates_in([]) == frozenset()


def test_an_answer_fits_by_its_length() -> None:
    search, image = zfm.search(1, 0, 200), zfm.take_image()
    assert Answer(zfm.DONE, bytes(4)).fits(search)
    assert Answer(zfm.NOT_FOUND, bytes(4)).fits(search)
    assert Answer(zfm.NOT_FOUND, b"").fits(search)
    assert not Answer(zfm.DONE, b"").fits(search)
    assert not Answer(zfm.DONE, bytes(4)).fits(image)


def test_a_password_is_not_shown() -> None:
    assert "01020304" not in repr(zfm.verify_password(0x01020304))
    assert "x01" not in repr(zfm.set_password(0x01020304))


def test_a_lone_55_says_that_it_has_started() -> None:
    decoder = Decoder(ANYWHERE)
    assert decoder.feed(b"\x55") == [Started()]
    assert decoder.feed(DONE_FRAME + b"\x55" + DONE_FRAME) == [Answer(0, b""), Started(), Answer(0, b"")]
    assert decoder.feed(b"\x17\x55" + DONE_FRAME) == [Answer(0, b"")], "behind noise it is noise"


@given(cut=st.lists(st.integers(0, 60), max_size=6), address=st.integers(0, 0xFFFFFFFF), rest=st.binary(max_size=32))
def test_any_chopping(cut: list[int], address: int, rest: bytes) -> None:
    body = b"\x07" + (len(rest) + 3).to_bytes(2) + b"\x00" + rest
    frame = b"\xef\x01" + address.to_bytes(4) + body + sum(body).to_bytes(2)
    decoder, found, at = Decoder(address), [], 0
    for end in [*sorted(cut), len(frame) + 20]:
        found += decoder.feed(frame[at:end])
        at = min(max(at, end), len(frame))
    assert found == [Answer(0, rest)]
    assert decoder.held == decoder.dropped == 0


@given(noise=st.binary(max_size=100))
def test_any_noise_hides_at_most_one_frame_s_length(noise: bytes) -> None:
    decoder = Decoder(ANYWHERE)
    decoder.feed(noise)
    assert decoder.held < zfm.FRAME_MAX
    behind = [one for _ in range(5) for one in decoder.feed(DONE_FRAME)]
    assert behind.count(Answer(0, b"")) >= 1
    assert decoder.held == 0


@pytest.mark.parametrize(
    "frame",
    [
        HEAD + bytes.fromhex("07 0003 00 000B"),  # sum
        HEAD + bytes.fromhex("07 0002 0009"),  # no code
        HEAD + bytes.fromhex("07 FFFF 00 000A"),  # length
        HEAD + bytes.fromhex("03 0003 00 0006"),  # kind
        DONE_FRAME[:-1],
    ],
)
def test_what_is_wrong_is_dropped_and_the_next_is_heard(frame: bytes) -> None:
    decoder = Decoder(ANYWHERE)
    assert decoder.feed(frame + DONE_FRAME) == [Answer(0, b"")]
    assert decoder.dropped == len(frame)


def test_somebody_else_s_answer_is_none_but_the_address_is_known() -> None:
    decoder = Decoder(0x00000001)
    assert decoder.feed(DONE_FRAME) == []
    assert (decoder.foreign, decoder.dropped) == (ANYWHERE, 0)


def test_an_adapter_that_hears_itself_is_not_taken_for_an_answer() -> None:
    decoder = Decoder(ANYWHERE)
    assert decoder.feed(zfm.encode(ANYWHERE, zfm.verify_password(0).payload) + DONE_FRAME) == [Answer(0, b"")]
    assert decoder.dropped == 0
