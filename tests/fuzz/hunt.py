"""One decoder and many inputs: what it must never do, and the input with which it did."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from time import monotonic, process_time
from typing import Any, Final

from tests.fuzz.messages import MessageTarget
from tests.fuzz.mutate import STREAM_MAX, chopped, mutated
from tests.fuzz.streams import StreamTarget

FAILURES_KEPT: Final = 5
FLIPPED_MAX: Final = 64
LONG: Final = 16_384
STEEP: Final = 8.0
"""Four times the bytes take four times as long, sixteen times if each is looked at with all before it."""

Target = StreamTarget | MessageTarget


@dataclass
class Tally:
    """Of one decoder. `failures` are sentences, each with the input in hex."""

    name: str
    inputs: int = 0
    messages: int = 0
    failures: list[str] = field(default_factory=list)
    frames_a_second: float | None = None

    def fail(self, what: str, data: bytes) -> None:
        if len(self.failures) < FAILURES_KEPT:
            self.failures.append(f"{what}: {data.hex()}")


def hunt(target: Target, seed: int, *, inputs: int | None = None, seconds: float | None = None) -> Tally:
    """So many inputs, or for so long. The same seed gives the same inputs."""
    tally, random = Tally(target.name), Random(f"{seed}/{target.name}")
    try_one: Callable[[Any, Random, Tally], None] = _try_stream if isinstance(target, StreamTarget) else _try_message
    ends_s = None if seconds is None else monotonic() + seconds
    while (inputs is None or tally.inputs < inputs) and (ends_s is None or monotonic() < ends_s):
        try_one(target, random, tally)
        tally.inputs += 1
    return tally


def flips(target: StreamTarget, seed: int) -> Tally:
    """Every single and every double bit flip of one good frame."""
    tally, random = Tally(target.name), Random(f"{seed}/flips/{target.name}")
    frame, _ = target.frame(random)
    bits = min(len(frame), FLIPPED_MAX) * 8
    for one in range(bits):
        for other in range(one, bits):
            data = bytearray(frame)
            data[one // 8] ^= 1 << one % 8
            if other != one:
                data[other // 8] ^= 1 << other % 8
            _judge(target, bytes(data), _decode(target, [bytes(data)], bytes(data), tally), tally)
            tally.inputs += 1
    return tally


def speed(target: StreamTarget) -> Tally:
    """Good frames a second of processor time; and that a long stream of the worst takes no more for each byte than a
    short one."""
    tally, random = Tally(target.name), Random(1)
    frames = [target.frame(random)[0] for _ in range(2_000)]
    stream, start_s = target.fresh(), process_time()
    for frame in frames:
        stream.feed(frame)
        if not target.frame_max:
            stream = target.fresh()
    tally.frames_a_second = 2_000 / (process_time() - start_s)
    head = target.frame(random)[0]
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


def _try_stream(target: StreamTarget, random: Random, tally: Tally) -> None:
    parts = [target.frame(random) for _ in range(random.randint(1, 3))]
    spoilt = [mutated(frame, parts[0][0], random) if random.random() < 0.7 else frame for frame, _ in parts]
    data = b"".join(spoilt) if random.random() < 0.95 else random.randbytes(random.randint(0, 200))
    data = data[:STREAM_MAX]
    whole = _decode(target, [data], data, tally)
    if _decode(target, chopped(data, random), data, tally) != whole:
        tally.fail("in other pieces it reads as something else", data)
    _judge(target, data, whole, tally)
    if target.frame_max and random.random() < 0.1:
        _resyncs(target, data, random, tally)


def _resyncs(target: StreamTarget, data: bytes, random: Random, tally: Tally) -> None:
    """Behind anything, a good frame is lost at most while it may still belong to what came before."""
    frame, message = target.frame(random)
    behind = data + frame * (target.frame_max // len(frame) + 2)
    if message not in (found := _decode(target, [behind], behind, tally)):
        tally.fail(f"a good frame is not found again, only {found[-2:]}", behind)


def _decode(target: StreamTarget, pieces: list[bytes], data: bytes, tally: Tally) -> list[Any]:
    stream, found = target.fresh(), []
    try:
        for piece in pieces:
            found += stream.feed(piece)
            if stream.held() > target.held_max:
                tally.fail(f"it holds {stream.held()} bytes", data)
    except Exception as error:  # noqa: BLE001 - that is what is looked for
        tally.fail(f"it raises {error!r}", data)
    return found


def _judge(target: StreamTarget, data: bytes, found: list[Any], tally: Tally) -> None:
    tally.messages += len(found)
    for message in found:
        if not target.right(message, data):
            tally.fail(f"{message!r} is not in it", data)


def _try_message(target: MessageTarget, random: Random, tally: Tally) -> None:
    good = target.good(random)
    data = mutated(good, good, random) if random.random() < 0.95 else random.randbytes(random.randint(0, 200))
    try:
        target.read(data)
        tally.messages += 1
    except target.refused:
        return
    except Exception as error:  # noqa: BLE001 - that is what is looked for
        tally.fail(f"it raises {error!r}", data)
