"""What is counted of a decoder, and not hunted for: flipped bits that pass, frames a second, time for each byte."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from time import process_time
from typing import Final

from tests.fuzz.hunt import Tally, Target, decode, judge
from tests.fuzz.messages import MessageTarget
from tests.fuzz.streams import StreamTarget

FLIPPED_MAX: Final = 64
LONG: Final = 16_384
STEEP: Final = 8.0
"""Four times the bytes take four times as long, sixteen times if each is looked at with all before it."""
TIMED_FRAMES: Final = 500


@dataclass
class Flips:
    """Of one frame: how often one flipped bit, and two, made another message of it. `tally` has what no check
    excuses: a message whose check is wrong."""

    tally: Tally
    single: int = 0
    double: int = 0
    doubles: int = 0
    """Pairs of bits there are."""


def flips(target: StreamTarget, seed: int = 1) -> Flips:
    """Every single and every double flip within the first 64 bytes of one good frame."""
    frame, message = target.frame(Random(f"{seed}/flips/{target.name}"))
    counted = Flips(Tally(target.name))
    whole, bits = int.from_bytes(frame, "big"), 8 * len(frame)
    masks = [1 << bit for bit in range(max(0, bits - 8 * FLIPPED_MAX), bits)]
    for at, one in enumerate(masks):
        counted.single += _passes(target, whole ^ one, len(frame), message, counted.tally)
        for other in masks[at + 1 :]:
            counted.double += _passes(target, whole ^ one ^ other, len(frame), message, counted.tally)
            counted.doubles += 1
    return counted


def _passes(target: StreamTarget, flipped: int, size: int, message: object, tally: Tally) -> bool:
    """As something else than it was."""
    data = flipped.to_bytes(size, "big")
    found = decode(target, [data], data, tally)
    judge(target, data, found, tally)
    tally.inputs += 1
    return any(one != message for one in found)


def frames_a_second(target: Target) -> float:
    """Good ones, of processor time: the best of many, for what else runs only takes away."""
    random = Random(1)
    if isinstance(target, StreamTarget):
        frames = [target.frame(random)[0] for _ in range(TIMED_FRAMES)]
        return TIMED_FRAMES / min(_feeds_s(target, frames) for _ in range(25))
    messages = [target.good(random) for _ in range(TIMED_FRAMES)]
    return TIMED_FRAMES / min(_reads_s(target, messages) for _ in range(25))


def _feeds_s(target: StreamTarget, frames: list[bytes]) -> float:
    stream, start_s = target.fresh(), process_time()
    for frame in frames:
        stream.feed(frame)
        if not target.frame_max:
            stream = target.fresh()
    return process_time() - start_s


def _reads_s(target: MessageTarget, messages: list[bytes]) -> float:
    start_s = process_time()
    for message in messages:
        target.read(message)
    return process_time() - start_s


def steepness(target: StreamTarget) -> Tally:
    """That a long stream of the worst takes no more for each byte than a short one."""
    tally = Tally(target.name)
    head = target.frame(Random(1))[0]
    for worst in (head[:1], head[:-1], head[: len(head) // 2], b"\n", b"{"):
        short_s, long_s = (min(_takes_s(target, worst, length) for _ in range(3)) for length in (LONG, 4 * LONG))
        if long_s > 0.005 and long_s / short_s > STEEP:
            tally.fail(f"four times the bytes take {long_s / short_s:.1f} times as long", worst)
    return tally


def _takes_s(target: StreamTarget, worst: bytes, length: int) -> float:
    data = (worst * (length // len(worst) + 1))[:length]
    stream, start_s = target.fresh(), process_time()
    for at in range(0, length, 16):
        stream.feed(data[at : at + 16])
    return process_time() - start_s
