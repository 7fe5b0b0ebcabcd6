"""42 and 47: what may go in time, and what has to stay, by a second reading of leaves and configuration."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from cabinet.core.fold import fold
from cabinet.core.leaves import Leaf, Subject
from cabinet.core.ledger import Ledger
from cabinet.core.ledger_rows import changed_rows
from cabinet.journal.leaf import ENVELOPE, glance
from simulator.harness import happenings as seen
from simulator.harness.model_image import Image
from simulator.harness.witness import Hear, Violated

DAY_MS: Final = 86_400_000
HOUR_MS: Final = 3_600_000
STAYS: Final = ("epoch.opened", "signer.rotated", "payload.destroyed", "person.erased")
WENT: Final = ("item.removed", "item.handed_over")
CAME: Final = ("item.returned", "item.found_present", "item.misplaced")


@dataclass(frozen=True, slots=True)
class Told:
    """What is known of a leaf, whatever has become of it."""

    kind: str
    ts: int
    vouched: bool
    personal: bool
    length: int


class GoneInTime:
    number = 42
    title = "what is pruned is too old, held upstream and over, and the journal names all that is gone"

    def __init__(
        self, personal_days: int | None, kind_days: Mapping[str, int | None], image: Callable[[], Image | None]
    ) -> None:
        """`kind_days`: as in the configuration. `image`: what is on the disk."""
        self._personal_days = personal_days
        self._kind_days = kind_days
        self._image = image
        self._epoch = 1
        self._told: list[Told] = []
        self._held = 0
        self._gone: set[int] = set()
        self._unwiped = 0
        self._out: dict[str, int] = {}
        """The leaf that says who has an item."""
        self._open: dict[int, tuple[int, ...]] = {}
        """Open incidents, and the leaves that nobody may lose for them."""
        self._alarms: set[int] = set()
        self._set: int | None = None
        """First leaf of the newest complete set of state."""
        self._parts = 0

    def hears(self) -> Mapping[type, Hear]:
        return {seen.Leaf: self._leaf, seen.Acked: self._acked}

    def at_rest(self) -> None:
        """What is missing on the disk is what was named, and the rest is enough to tell the state by."""
        image = self._image()
        if image is None or not self._told:
            return
        missing = {n for n, data in enumerate(image.payloads[: len(self._told)]) if data is None}
        if missing != self._gone:
            raise Violated(self, f"leaves {sorted(missing ^ self._gone)[:5]}: pruned and not named, or named and there")
        if self._gone:
            self._rebuild(image)

    def _rebuild(self, image: Image) -> None:
        ledger = Ledger()
        for n, data in enumerate(image.payloads[self._set or 0 :], self._set or 0):
            if data is None:
                raise Violated(self, f"leaf {n} is pruned, and no set of state stands behind it")
            content = glance(data)
            fields = {key: value for key, value in content.items() if key not in ENVELOPE}
            subs = tuple(Subject(sub["r"], sub["p"]) for sub in content.get("subs", ()))
            ledger = fold(ledger, n, content["ts"], Leaf(content["ev"], fields, subs))
        rows = {key: value for key, value in changed_rows(Ledger(), ledger).items() if value is not None}
        if rows != image.state:
            wrong = sorted(key for key in rows.keys() | image.state.keys() if rows.get(key) != image.state.get(key))
            raise Violated(self, f"the leaves that are left tell another state: {wrong[:3]}")

    def _acked(self, acked: seen.Acked) -> None:
        if acked.epoch == self._epoch:
            self._held = acked.size

    def _leaf(self, leaf: seen.Leaf) -> None:
        content, kind = leaf.content, str(leaf.content["ev"])
        if leaf.epoch != self._epoch:
            self._epoch, self._told, self._held, self._gone, self._set = leaf.epoch, [], 0, set(), None
        self._told.append(Told(kind, content["ts"], content["tq"] != "none", bool(content.get("subs")), len(leaf.data)))
        if kind == "payload.destroyed":
            (self._pruned if content["stage"] == "pruned" else self._wiped)(leaf.n, content)
        self._follow(self._reference(leaf.n), kind, content)
        self._follow_set(leaf.n, kind, content)

    def _reference(self, n: int) -> int:
        return n if self._epoch == 1 else self._epoch * 1_000_000_000 + n

    def _pruned(self, at: int, content: Mapping[str, Any]) -> None:
        numbers = [n for first, end in content["ranges"] for n in range(first, end)]
        if content["tq"] == "none":
            raise Violated(self, f"leaf {at}: pruned by a clock that nobody vouches for")
        if len(numbers) != content["count"] or not numbers:
            raise Violated(self, f"leaf {at}: {len(numbers)} leaves are named, {content['count']} counted")
        over = {n for numbers_ in self._open.values() for n in numbers_} | set(self._out.values()) | self._alarms
        for n in numbers:
            self._may_go(n, at, content["ts"])
            if self._reference(n) in over:
                raise Violated(self, f"leaf {n} is pruned, and something open refers to it")
        self._gone.update(numbers)
        self._unwiped += len(numbers)

    def _may_go(self, n: int, at: int, now_ms: int) -> None:
        if n >= self._held:
            raise Violated(self, f"leaf {n} is pruned, and upstream holds {self._held}")
        if n in self._gone:
            raise Violated(self, f"leaf {n} is pruned a second time")
        if self._set is None or n >= self._set:
            raise Violated(self, f"leaf {n} is pruned, and no set of state stands behind it")
        told = self._told[n]
        days = self._days(told)
        written_ms = next((one.ts for one in self._told[n:at] if one.vouched), None)
        if days is None or written_ms is None or now_ms - written_ms <= days * DAY_MS:
            raise Violated(self, f"leaf {n}, {told.kind}, is pruned before its time")

    def _days(self, told: Told) -> int | None:
        if told.kind in STAYS:
            return None
        names = (told.kind, f"{told.kind.split('.')[0]}.*", "*")
        own = next((self._kind_days[name] for name in names if name in self._kind_days), None)
        days = [one for one in (own, self._personal_days if told.personal else None) if one is not None]
        return min(days, default=None)

    def _wiped(self, at: int, content: Mapping[str, Any]) -> None:
        image = self._image()
        if image is not None and image.unwiped:
            raise Violated(self, f"leaf {at}: what was pruned still stands in the log")
        if content["count"] != self._unwiped:
            raise Violated(self, f"leaf {at}: {content['count']} are said to be wiped, {self._unwiped} were pruned")
        self._unwiped = 0

    def _follow(self, n: int, kind: str, content: Mapping[str, Any]) -> None:
        item = content.get("item")
        if kind in WENT and item:
            self._out[item] = n
        elif kind in CAME and item:
            self._out.pop(item, None)
        elif kind == "incident.recorded":
            self._open[n] = (n, *([content["about"]] if "about" in content else []))
        elif kind == "incident.closed":
            self._open.pop(content["incident"], None)
        elif kind == "alarm.raised":
            self._alarms.add(n)
        elif kind == "alarm.cleared":
            self._alarms.discard(content["raised_n"])

    def _follow_set(self, n: int, kind: str, content: Mapping[str, Any]) -> None:
        part = content.get("part") if kind == "epoch.state" else None
        self._parts = self._parts + 1 if part == self._parts + 1 else int(part == 1)
        if part is not None and part == content["of"] == self._parts:
            self._set, self._parts = n + 1 - self._parts, 0

    def told(self) -> list[Told]:
        return self._told


class ThinnedWithCare:
    number = 47
    title = "checkpoints go when a cosigned one covers them, and enough of them stay"

    def __init__(self, told: Callable[[], list[Told]]) -> None:
        self._told = told
        self._epoch = 1
        self._sizes: list[int] = [0]
        self._acked: set[int] = set()

    def hears(self) -> Mapping[type, Hear]:
        return {seen.Sealed: self._sealed, seen.Acked: self._ack, seen.Thinned: self._thinned}

    def at_rest(self) -> None:
        """Nothing more than at each moment."""

    def _sealed(self, sealed: seen.Sealed) -> None:
        if sealed.epoch != self._epoch:
            self._epoch, self._sizes, self._acked = sealed.epoch, [0], set()
        self._sizes.append(sealed.size)

    def _ack(self, acked: seen.Acked) -> None:
        self._acked.add(acked.size)

    def _thinned(self, thinned: seen.Thinned) -> None:
        if any(size in self._acked or size >= max(self._acked, default=0) for size in thinned.sizes):
            raise Violated(self, "a checkpoint goes that was cosigned, or that no cosigned one covers")
        gone, told = set(thinned.sizes), self._told()
        before, self._sizes = self._sizes, [size for size in self._sizes if size not in gone]
        for size in thinned.sizes:
            at = bisect_left(self._sizes, size)
            low, high = self._sizes[at - 1], self._sizes[at]
            if high - low > 100 or sum(one.length for one in told[low:high]) > 32_768:
                raise Violated(self, f"between the checkpoints of {low} and {high} there is no batch to be sent")
            if any(one.kind in ("cabinet.started", "signer.rotated") for one in told[size : size + 1]):
                raise Violated(self, f"the last checkpoint before leaf {size}, {told[size].kind}, is gone")
            hour = told[size - 1].ts // HOUR_MS
            if not any(told[one - 1].ts // HOUR_MS == hour for one in self._sizes[at - 1 : at + 2] if one):
                raise Violated(self, f"of the hour of leaf {size - 1} no checkpoint is left")
        assert len(before) == len(self._sizes) + len(gone), "a checkpoint goes once"
