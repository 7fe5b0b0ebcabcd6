"""A little of the fuzzing; `make fuzz SECONDS=300` is the whole of it."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from drivers.wire.rdm6300 import Decoder
from tests.fuzz.__main__ import TARGETS, Target
from tests.fuzz.hunt import flips, hunt
from tests.fuzz.messages import MESSAGES
from tests.fuzz.mutate import chopped
from tests.fuzz.streams import STREAMS, Rdm, StreamTarget


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_nothing_is_found(target: Target) -> None:
    tally = hunt(target, seed=1, inputs=300)
    assert tally.failures == []
    assert tally.inputs == 300


@pytest.mark.parametrize(
    "target", [one for one in STREAMS if one.name in ("wiegand", "modbus")], ids=lambda one: one.name
)
def test_no_flipped_bit_is_taken_for_another_message(target: StreamTarget) -> None:
    tally = flips(target, seed=1)
    assert tally.failures == []
    assert tally.inputs > 1_000


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
    [rdm] = [target for target in STREAMS if target.name == "rdm6300"]
    tally = hunt(replace(rdm, fresh=broken), seed=1, inputs=300)
    assert any(told in failure for failure in tally.failures)
