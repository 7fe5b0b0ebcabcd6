"""One decoder and many inputs: what it must never do, and the input with which it did."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from time import monotonic
from typing import Any, Final

from tests.fuzz.messages import MessageTarget
from tests.fuzz.mutate import STREAM_MAX, chopped, mutated
from tests.fuzz.streams import StreamTarget

FAILURES_KEPT: Final = 5
FRAMES: Final = 64
"""Good frames that inputs are made of; one in eight inputs brings a new one."""

Target = StreamTarget | MessageTarget


@dataclass
class Tally:
    """Of one decoder. `failures` are sentences, each with the input in hex."""

    name: str
    inputs: int = 0
    messages: int = 0
    failures: list[str] = field(default_factory=list)

    def fail(self, what: str, data: bytes) -> None:
        if len(self.failures) < FAILURES_KEPT:
            self.failures.append(f"{what}: {data.hex()}")

    def add(self, more: Tally) -> None:
        self.inputs += more.inputs
        self.messages += more.messages
        self.failures = (self.failures + more.failures)[:FAILURES_KEPT]


def hunt(target: Target, seed: int, part: int = 0, *, inputs: int | None = None, seconds: float | None = None) -> Tally:
    """So many inputs, or for so long. The same seed and part give the same inputs."""
    tally, random = Tally(target.name), Random(f"{seed}/{target.name}/{part}")
    tries = _streams(target, random, tally) if isinstance(target, StreamTarget) else _messages(target, random, tally)
    ends_s = None if seconds is None else monotonic() + seconds
    while (inputs is None or tally.inputs < inputs) and (ends_s is None or monotonic() < ends_s):
        next(tries)
        tally.inputs += 1
    return tally


def decode(target: StreamTarget, pieces: list[bytes], data: bytes, tally: Tally) -> list[Any]:
    """What comes out; what it must not do is told with `data`."""
    stream, found = target.fresh(), []
    try:
        for piece in pieces:
            found += stream.feed(piece)
            if stream.held() > target.held_max:
                tally.fail(f"it holds {stream.held()} bytes", data)
    except Exception as error:  # noqa: BLE001 - that is what is looked for
        tally.fail(f"it raises {error!r}", data)
    return found


def judge(target: StreamTarget, data: bytes, found: list[Any], tally: Tally) -> None:
    """Each message has to be in the bytes, with its check, for somebody who does not know the decoder."""
    tally.messages += len(found)
    for message in found:
        if not target.right(message, data):
            tally.fail(f"{message!r} is not in it", data)


def _streams(target: StreamTarget, random: Random, tally: Tally) -> Iterator[None]:
    chance = random.random
    frames = [target.frame(random) for _ in range(FRAMES)]
    while True:
        if chance() < 0.125:
            frames[int(chance() * FRAMES)] = target.frame(random)
        first = frames[int(chance() * FRAMES)][0]
        if chance() < 0.95:
            parts = (first, *(frames[int(chance() * FRAMES)][0] for _ in range(int(chance() * 3))))
            data = b"".join([mutated(part, first, random) if chance() < 0.7 else part for part in parts])[:STREAM_MAX]
        else:
            data = random.randbytes(int(chance() * 201))
        try_stream(target, data, random, tally)
        if target.frame_max and chance() < 0.1:
            _resyncs(target, data, *frames[int(chance() * FRAMES)], tally)
        yield


def try_stream(target: StreamTarget, data: bytes, random: Random, tally: Tally) -> None:
    """In one piece and in others."""
    whole = decode(target, [data], data, tally)
    if decode(target, chopped(data, random), data, tally) != whole:
        tally.fail("in other pieces it reads as something else", data)
    judge(target, data, whole, tally)


def try_message(target: MessageTarget, data: bytes, tally: Tally) -> None:
    """What is wrong is refused in its own way."""
    try:
        target.read(data)
        tally.messages += 1
    except target.refused:
        return
    except Exception as error:  # noqa: BLE001 - that is what is looked for
        tally.fail(f"it raises {error!r}", data)


def _resyncs(target: StreamTarget, data: bytes, frame: bytes, message: object, tally: Tally) -> None:
    """Behind anything, a good frame is lost at most while it may still belong to what came before."""
    behind = data + frame * (target.frame_max // len(frame) + 2)
    if message not in (found := decode(target, [behind], behind, tally)):
        tally.fail(f"a good frame is not found again, only {found[-2:]}", behind)


def _messages(target: MessageTarget, random: Random, tally: Tally) -> Iterator[None]:
    chance = random.random
    while True:
        good = target.good(random)
        data = mutated(good, good, random) if chance() < 0.95 else random.randbytes(int(chance() * 201))
        try_message(target, data, tally)
        yield
