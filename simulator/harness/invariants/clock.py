"""17: a leaf says how far its time is to be trusted. That what is timed stays closed without it is a part of 2.

What is believed is worked out once more, from the board's clock and the leaves, without a line of the core's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from simulator.harness import happenings as seen
from simulator.harness.truth import Truth
from simulator.harness.virtual_clock import WallTime
from simulator.harness.witness import Hear, Violated

WRITTEN_S: Final = 10.0
"""The slowest disk takes a leaf in less."""
NOTICED_S: Final = 75.0
"""Nobody has to badge for it."""
STEP_MS: Final = 2_000


class JumpingClock:
    number = 17
    title = "a leaf says how far its time is to be trusted"

    def __init__(
        self, truth: Truth, wall: WallTime, now_s: Callable[[], float], newest_ms: Callable[[], int | None]
    ) -> None:
        """`newest_ms`: wall time of the newest leaf that a start finds."""
        self._truth = truth
        self._wall = wall
        self._now_s = now_s
        self._find_newest_ms = newest_ms
        self._newest_ms: int | None = None
        self._anchor_ms: int | None = None
        """When the daemon's process began, in wall time less what it has run since."""
        self._doubted: str | None = None
        """Why, as the journal has it."""
        self._confirmed_ms: int | None = None
        self._set_s = 0.0
        """When something about the clock changed last."""
        self._opening = ""
        """Which boot of a program has begun the newest epoch."""
        self._unsure = False
        """It was set before the daemon had looked at it."""
        self._since: list[tuple[float, str]] = [(float("-inf"), wall.quality)]

    def quality(self) -> str:
        """What the cabinet may believe now."""
        shown_ms, start_ms = self._wall.shown_ms, self._start_ms()
        if self._wall.quality == "ntp":
            return "ntp"
        if self._confirmed_ms is not None and abs(start_ms - self._confirmed_ms) <= STEP_MS:
            return "rtc"
        behind = self._newest_ms is not None and shown_ms < self._newest_ms - STEP_MS
        if self._wall.quality == "none" or self._doubted or self._is_set() or behind:
            return "none"
        return "rtc"

    def hears(self) -> Mapping[type, Hear]:
        return {
            seen.WallClock: self._changed,
            seen.Booted: self._booted,
            seen.Died: self._died,
            seen.Leaf: self._leaf,
        }

    def at_rest(self) -> None:
        """Whoever sets the clock of a running cabinet is told of."""
        whole_s = self._now_s() - max(self._set_s, self._truth.whole_since_s)
        if self._anchor_ms is not None and whole_s > NOTICED_S and self._is_set():
            raise Violated(self, "the clock was set, and no leaf says so")

    def _start_ms(self) -> int:
        return self._wall.shown_ms - int(self._now_s() * 1000)

    def _is_set(self) -> bool:
        return self._anchor_ms is not None and abs(self._start_ms() - self._anchor_ms) > STEP_MS

    def _note(self) -> None:
        self._since.append((self._now_s(), self.quality()))

    def _changed(self, _: seen.WallClock) -> None:
        self._set_s = self._now_s()
        self._unsure = self._unsure or self._anchor_ms is None
        self._note()

    def _booted(self, booted: seen.Booted) -> None:
        if booted.process == "cabinetd":
            self._newest_ms = self._find_newest_ms()
            self._note()

    def _died(self, died: seen.Died) -> None:
        """With it goes what it had noticed and not yet written; a board that starts anew is confirmed by nobody."""
        if died.process != "cabinetd":
            return
        self._anchor_ms = None
        if died.how == "power cut":
            self._confirmed_ms = None
        self._note()

    def _leaf(self, leaf: seen.Leaf) -> None:
        content: Mapping[str, Any] = leaf.content
        if content["ev"] == "epoch.opened":
            self._opening = content["boot"]
        if content["boot"] == self._opening and content["tq"] == "none":
            return  # the daemon has not begun, so nobody has confirmed anything
        match content["ev"]:
            case "cabinet.started" | "clock.adjusted":
                self._anchor_ms = self._start_ms()
                if content["ev"] == "clock.adjusted" and content["tq"] != "ntp" and self._wall.quality == "rtc":
                    self._doubted = "stepped"
            case "clock.untrusted" if content["reason"] in ("stepped", "behind"):
                self._doubted = content["reason"]
            case "clock.confirmed":
                self._doubted, self._newest_ms, self._unsure = None, None, False
                self._confirmed_ms = self._start_ms()
        if content["tq"] == "ntp":
            self._doubted, self._confirmed_ms, self._newest_ms, self._unsure = None, None, None, False
        self._judge(leaf)
        self._note()

    def _judge(self, leaf: seen.Leaf) -> None:
        """What was true when it began to be written may have changed since."""
        self._note()
        while len(self._since) > 1 and self._since[1][0] < self._now_s() - WRITTEN_S:
            self._since.pop(0)
        said, may = leaf.content["tq"], {quality for _, quality in self._since}
        if said not in may and not (self._unsure and said != "ntp"):
            raise Violated(self, f"leaf {leaf.n} says its time is {said}; it is {' or '.join(sorted(may))}")
