"""A little of the fuzzing; `make fuzz SECONDS=300` is the whole of it."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from random import Random
from typing import Any

import pytest
from pytest_mock import MockerFixture

import tests.fuzz.__main__
from drivers.wire.rdm6300 import Decoder
from tests.fuzz import guided
from tests.fuzz.__main__ import TARGETS, main
from tests.fuzz.exact import flips
from tests.fuzz.hunt import Target, hunt
from tests.fuzz.messages import MESSAGES
from tests.fuzz.mutate import chopped
from tests.fuzz.streams import STREAMS, Rdm, StreamTarget


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_nothing_is_found(target: Target) -> None:
    tally = hunt(target, seed=1, inputs=300)
    assert tally.failures == []
    assert tally.inputs == 300


CHECKED = [one for one in STREAMS if one.undetected is not None]
SHORT = [one for one in CHECKED if one.name != "verifier"]
"""Those whose pairs of bits take no second."""


def target_of(name: str) -> StreamTarget:
    return next(target for target in STREAMS if target.name == name)


@pytest.mark.parametrize("target", SHORT, ids=lambda one: one.name)
def test_of_two_flipped_bits_pass_as_many_as_the_check_cannot_see(target: StreamTarget) -> None:
    """None that a better decoder would have refused: what is judged knows the check, and nothing of the decoder."""
    counted = flips(target)
    assert counted.tally.failures == []
    assert (counted.single, counted.double) == (0, target.undetected)
    bits = 8 * min(len(target.frame(Random(f"1/flips/{target.name}"))[0]), 64)
    assert counted.doubles == bits * (bits - 1) // 2


def test_how_many_pairs_an_xor_and_a_parity_cannot_see() -> None:
    """Worked out by what the checks are, not by reading frames."""
    undetected = {one.name: one.undetected for one in CHECKED}
    # The same bit in two of seven bytes (type, number, check); in type and check it leaves the card what it was.
    assert undetected["rdm6300 binary"] == 7 * 6 // 2 * 8 - 8
    # Two of the 13 bits of either half.
    assert undetected["wiegand"] == 2 * (13 * 12 // 2)
    # A sum: the same bit up in one byte and down in another, of the highest bit any two; of TFI, the lowest alone.
    frame, _ = target_of("pn532").frame(Random("1/flips/pn532"))
    columns = [[byte >> bit & 1 for byte in frame[6:-1]] for bit in range(8)]
    opposite = sum(column.count(0) * column.count(1) for column in columns[:7]) + 12 * 11 // 2
    assert undetected["pn532"] == opposite + columns[0].count(0)
    # A sum of two bytes: up in one byte and down in another, or the same way in a byte and in the sum.
    frame, _ = target_of("zfm").frame(Random("1/flips/zfm"))
    columns = [[byte >> bit & 1 for byte in frame[9:-2]] for bit in range(8)]
    assert undetected["zfm"] == sum(
        column.count(0) * column.count(1) + column.count(frame[-1] >> bit & 1) for bit, column in enumerate(columns)
    )
    for name in ("rdm6300", "rdm6300 bare"):
        frame, _ = target_of(name).frame(Random(f"1/flips/{name}"))
        digits = frame.strip(b"\x02\x03").decode()
        steps = [
            (place, int(digit, 16) ^ int(other, 16))
            for place, digit in enumerate(digits)
            for other in "0123456789ABCDEFabcdef"
            if (ord(digit) ^ ord(other)).bit_count() == 1 and int(digit, 16) != int(other, 16)
        ]
        # The same step in two digits of one column; the first of them is one of the card's.
        assert undetected[name] == sum(
            step == other and (place - other_place) % 2 == 0
            for (place, step), (other_place, other) in combinations(steps, 2)
            if place != other_place
        )


def test_what_was_tried_is_kept_and_not_tried_again(tmp_path: Path, mocker: MockerFixture, capsys: Any) -> None:
    done = tmp_path / "done.json"
    mocker.patch("tests.fuzz.__main__.PART", 50)
    mocker.patch("tests.fuzz.__main__.ProcessPoolExecutor", AtOnce)
    mocker.patch("tests.fuzz.__main__._exactly", return_value=([], ""))
    part = mocker.spy(tests.fuzz.__main__, "_part")
    for inputs, parts in ((100, [0, 1]), (200, [2, 3])):
        mocker.patch("sys.argv", ["fuzz", "--only", "rdm6300", "--inputs", str(inputs), "--done", str(done)])
        part.reset_mock()
        assert main() == 0
        assert [call.args[2] for call in part.call_args_list] == parts
        assert f" {inputs} inputs " in capsys.readouterr().out
    tried = hunt(target_of("rdm6300"), 1, 3, inputs=50)
    assert 0 < tried.messages < json.loads(done.read_text())["rdm6300, seed 1"]["messages"]


class AtOnce:
    """A pool without processes."""

    def __init__(self, processes: int) -> None: ...

    def __enter__(self) -> AtOnce:
        return self

    def __exit__(self, *raised: object) -> None: ...

    map = staticmethod(map)


@pytest.mark.parametrize("target", STREAMS, ids=lambda target: target.name)
def test_a_good_frame_is_read(target: StreamTarget) -> None:
    frame, message = target.frame(Random(7))
    stream = target.fresh()
    found = [one for piece in chopped(frame, Random(7)) for one in stream.feed(piece)]
    found += stream.feed(target.frame(Random(8))[0]) if target.frame_max else []
    assert found[0] == message


@pytest.mark.parametrize("target", MESSAGES, ids=lambda target: target.name)
def test_a_good_message_is_read(target: object) -> None:
    one = next(each for each in MESSAGES if each is target)
    one.read(one.good(Random(7)))


class WithoutCheck(Rdm):
    """Takes whatever has the right length."""

    def __init__(self) -> None:
        self._decoder = Unchecked()


class Unchecked(Decoder):
    def _close(self, payload: bytes) -> bytes | None:
        self._held = None
        return payload[:5]


class Hoarder(Rdm):
    def held(self) -> int:
        return 13


@pytest.mark.parametrize(("broken", "told"), [(WithoutCheck, "is not in it"), (Hoarder, "it holds 13 bytes")])
def test_a_broken_decoder_is_found(broken: type[Rdm], told: str) -> None:
    target = replace(target_of("rdm6300"), fresh=broken)
    tally = hunt(target, seed=1, inputs=300)
    assert any(told in failure for failure in tally.failures)
    with pytest.raises(AssertionError, match=told):
        guided.try_one(target, b"\x02010063E9AE24\x03")
    guided.try_one(target_of("rdm6300"), b"\x02010063E9AE24\x03")
