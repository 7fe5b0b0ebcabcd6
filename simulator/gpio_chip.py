"""The lines of a simulated GPIO chip: who holds them, what drives them, and the level that comes of it.

Lines may be joined by contacts (a pressed key joins its row and its column); joined lines have one level:
low if an output pulls low, else high if a push-pull output drives high, else the pull of an input. A line that
nothing drives or pulls floats: it reads low, and lights no lamp.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from hal.buses import Drive, Edge, Pull

LINES = 512
GROUND = -1
"""Joined with it, a line is low."""


class GpioRefused(ValueError):
    """What a holder asked for cannot be; nothing has changed."""


@dataclass(frozen=True, slots=True)
class Output:
    drive: Drive
    high: bool


@dataclass(frozen=True, slots=True)
class Input:
    pull: Pull
    edges: bool


OnEdge = Callable[[Edge], None]
OnLevel = Callable[[bool | None], None]


class Holder:
    """One program that claims lines; `on_edge` gets the edges of its inputs."""

    def __init__(self, on_edge: OnEdge) -> None:
        self.on_edge = on_edge


class GpioChip:
    """Everything acts at once. `now_s` is monotonic and stamps the edges."""

    def __init__(self, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self._holders: dict[int, Holder] = {}
        self._uses: dict[int, Output | Input] = {}
        self._contacts: set[frozenset[int]] = set()
        self._watchers: dict[int, list[OnLevel]] = {}
        self._levels: dict[int, bool | None] = {}
        self._seqnos: dict[int, int] = {}

    # For programs

    def claim(self, holder: Holder, lines: Sequence[int], use: Output | Input) -> None:
        """All of `lines` or none. Raises GpioRefused when one does not exist or is taken."""
        for line in lines:
            if not 0 <= line < LINES:
                raise GpioRefused(f"line {line}: this chip has lines 0 to {LINES - 1}")
            if line in self._holders:
                raise GpioRefused(f"line {line} is taken")
        for line in lines:
            self._holders[line] = holder
            self._uses[line] = use
            self._seqnos[line] = 0
        self._settle(quiet=frozenset(lines))

    def write(self, holder: Holder, values: Mapping[int, bool]) -> None:
        """All at once. Raises GpioRefused for a line that is no output of `holder`."""
        outputs: dict[int, Output] = {}
        for line, high in values.items():
            use = self._uses.get(line)
            if self._holders.get(line) is not holder or not isinstance(use, Output):
                raise GpioRefused(f"line {line} is not an output of yours")
            outputs[line] = Output(use.drive, high)
        self._uses.update(outputs)
        self._settle()

    def read(self, holder: Holder, lines: Sequence[int]) -> list[bool]:
        """Raises GpioRefused for a line that `holder` has not claimed."""
        for line in lines:
            if self._holders.get(line) is not holder:
                raise GpioRefused(f"line {line} is not claimed by you")
        return [bool(self._levels.get(line)) for line in lines]

    def release(self, holder: Holder, lines: Sequence[int]) -> None:
        """Lines that are not claimed by `holder` are ignored."""
        for line in lines:
            if self._holders.get(line) is holder:
                del self._holders[line], self._uses[line]
        self._settle()

    def release_all(self, holder: Holder) -> None:
        self.release(holder, [line for line, owner in self._holders.items() if owner is holder])

    # For bodies

    def watch(self, line: int, on_level: OnLevel) -> None:
        """Calls `on_level` at each change of level; None is floating, as all lines are at first."""
        self._watchers.setdefault(line, []).append(on_level)

    def join(self, one: int, other: int) -> None:
        """A contact closes between two lines."""
        self._contacts.add(frozenset((one, other)))
        self._settle()

    def part(self, one: int, other: int) -> None:
        """It opens again."""
        self._contacts.discard(frozenset((one, other)))
        self._settle()

    def pulse(self, line: int, at_s: float, width_s: float, *, lost: bool = False) -> None:
        """A body pulls the line low for a moment that began at `at_s`: over before anybody could read its level.

        `lost`: the queue of the kernel is full, so both edges are counted and not told."""
        if self._levels.get(line):
            if lost:
                self._seqnos[line] = self._seqnos.get(line, 0) + 2
                return
            self._edge(line, high=False, at_s=at_s)
            self._edge(line, high=True, at_s=at_s + width_s)

    def claimed(self, lines: Sequence[int]) -> bool:
        """Whether all of `lines` are claimed."""
        return all(line in self._holders for line in lines)

    # Helpers

    def _settle(self, quiet: frozenset[int] = frozenset()) -> None:
        """Works out all levels and tells who wants to know; lines of `quiet` have just been claimed."""
        before, self._levels = self._levels, self._work_out()
        for line in sorted(before.keys() | self._levels.keys()):
            level = self._levels.get(line)
            if level == before.get(line):
                continue
            for on_level in self._watchers.get(line, ()):
                on_level(level)
            if line not in quiet and bool(level) != bool(before.get(line)):
                self._edge(line, high=bool(level), at_s=self._now_s())

    def _work_out(self) -> dict[int, bool | None]:
        levels: dict[int, bool | None] = {}
        for net in self._nets():
            level = self._net_level(net)
            levels.update(dict.fromkeys(net, level))
        return levels

    def _nets(self) -> list[set[int]]:
        net_of = {line: {line} for line in self._uses}
        for contact in self._contacts:
            joined: set[int] = set()
            for line in contact:
                joined |= net_of.get(line, {line})
            net_of.update(dict.fromkeys(joined, joined))
        return list({id(net): net for net in net_of.values()}.values())

    def _net_level(self, net: set[int]) -> bool | None:
        if GROUND in net:
            return False
        uses = [self._uses[line] for line in net if line in self._uses]
        outputs = [use for use in uses if isinstance(use, Output)]
        if any(not output.high for output in outputs):
            return False
        if any(output.drive == "push-pull" for output in outputs):
            return True
        pulls = {use.pull for use in uses if isinstance(use, Input)}
        if "up" in pulls:
            return True
        return False if "down" in pulls else None

    def _edge(self, line: int, *, high: bool, at_s: float) -> None:
        use = self._uses.get(line)
        if isinstance(use, Input) and use.edges:
            self._seqnos[line] += 1
            self._holders[line].on_edge(Edge(line, high, round(at_s * 1_000_000_000), self._seqnos[line]))
