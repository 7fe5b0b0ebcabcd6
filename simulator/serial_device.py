"""A body on a serial line, and the faults every serial line can have, played between the two."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable

from simulator.body import Rated, SerialBody, SerialLink
from simulator.faults import ActiveFaults, Fault

BACKLOG_S = 0.1
"""A frame that could not begin within this, because others are still on their way, is lost."""
BACKLOG_PIECES = 4096
STAGED = frozenset(
    (
        *("noise", "truncate", "bad-checksum", "late", "silent", "duplicate", "wrong-address", "stale"),
        *("echo", "split", "merge", "unplug", "power-cycle"),
    )
)


class SerialDevice:
    """Faults act on whole frames in a fixed order, so any of them may be combined."""

    def __init__(self, body: SerialBody, link: SerialLink, rng: random.Random) -> None:
        self.body = body
        self._rated = body if isinstance(body, Rated) else None
        self._link = link
        self._rng = rng
        self._faults = ActiveFaults()
        self._previous = b""
        self._held = b""
        self._on = False
        self._outgoing: deque[tuple[asyncio.TimerHandle, bytes]] = deque()
        self._free_at = 0.0
        self._recovery: dict[str, asyncio.TimerHandle] = {}
        body.connect(self._send)
        link.attach(self._receive)

    def start(self) -> None:
        self._switch(on=True)

    def stop(self) -> None:
        self._stop_recovery()
        self._switch(on=False)

    def fault(self, fault: Fault) -> None:
        """Sets one of the body's faults, beside those already set. Raises FaultError."""
        if fault.name not in STAGED:
            self.body.afflict(fault)
        elif fault.name == "unplug":
            self._link.unplug()
            self._recover("unplug", fault.amount, self._link.replug)
        elif fault.name == "power-cycle":
            self._switch(on=False)
            self._recover("power-cycle", fault.amount, lambda: self._switch(on=True))
        else:
            self._faults.set(fault)

    def clear(self) -> None:
        """Ends all faults: power and link are back, what was held up is forgotten."""
        self._faults.clear()
        self._forget_outgoing()
        self.body.heal()
        self._stop_recovery()
        self._link.replug()
        self._switch(on=True)

    def _recover(self, name: str, after_ms: int | None, action: Callable[[], None]) -> None:
        if timer := self._recovery.pop(name, None):
            timer.cancel()
        if after_ms is not None:
            self._recovery[name] = asyncio.get_running_loop().call_later(after_ms / 1000, action)

    def _switch(self, *, on: bool) -> None:
        if self._on != on:
            self._on = on
            self._forget_outgoing()
            self.body.power(on=on)

    def _receive(self, data: bytes) -> None:
        if self._faults.act("echo"):
            self._link.send(data)
        if self._on:
            self.body.receive(data if self._at_one_rate() else self._rng.randbytes(len(data)))

    def _at_one_rate(self) -> bool:
        return self._rated is None or self._link.rate() in (None, self._rated.listens_at)

    def _send(self, frame: bytes) -> None:
        if not self._on or self._faults.act("silent"):
            return
        if not self._at_one_rate():
            frame = self._rng.randbytes(len(frame))
        previous, self._previous = self._previous, frame
        if previous and self._faults.act("stale"):
            frame = previous
        for name, spoil in self.body.spoilers.items():
            if self._faults.act(name):
                frame = spoil(frame)
        frame = frame[: max(0, len(frame) - self._faults.amount("truncate"))]
        if noise := self._faults.amount("noise"):
            at = self._rng.choice((0, len(frame) // 2, len(frame)))
            frame = frame[:at] + self._rng.randbytes(noise) + frame[at:]
        if self._faults.act("duplicate"):
            frame += frame
        if not self._held and self._faults.act("merge"):
            self._held = frame
            return
        frame, self._held = self._held + frame, b""
        self._emit(frame)

    def _emit(self, frame: bytes) -> None:
        late_s, gap_s = self._faults.amount("late") / 1000, self._faults.amount("split") / 1000
        if not (late_s or gap_s or self._outgoing):
            self._link.send(frame)
            return
        due = asyncio.get_running_loop().time() + late_s
        pieces = [frame[i : i + 1] for i in range(len(frame))] if gap_s else [frame]
        if self._free_at - due > BACKLOG_S or len(self._outgoing) + len(pieces) > BACKLOG_PIECES:
            return
        begin = max(due, self._free_at)
        for index, piece in enumerate(pieces):
            timer = asyncio.get_running_loop().call_at(begin + index * gap_s, self._send_next)
            self._outgoing.append((timer, piece))
        self._free_at = begin + len(pieces) * gap_s

    def _send_next(self) -> None:
        _, piece = self._outgoing.popleft()
        self._link.send(piece)

    def _forget_outgoing(self) -> None:
        for timer, _ in self._outgoing:
            timer.cancel()
        self._outgoing.clear()
        self._held = b""
        self._free_at = 0.0

    def _stop_recovery(self) -> None:
        for timer in self._recovery.values():
            timer.cancel()
        self._recovery.clear()
