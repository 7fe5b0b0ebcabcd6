"""From a badge to the bolt: the card's frame enters the reader's pty, the flash-on frame leaves on the board's.

Through the real cabinetd with the demo's configuration, so relay board and both input boards share one line and
are polled meanwhile; between the two frames lie decoding, decision, and a durable journal entry. A card-only right,
so no PIN and no menu. Two cabinets take turns: one new, one with 10,000 leaves in its journal.

The floor in between is one bare commit and one echo over a pty: see floor.py.
"""

from __future__ import annotations

import os
import random
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

from bench.append import removal
from bench.figure import Figure, p99
from bench.floor import WARM_COMMITS, Floor
from bench.players import Ears, Players
from bench.rosters import LARGE, NOBODY, PEOPLE, Size, card, write_roster
from bench.stand import cabinetctl, cabinetd, make_folder
from cabinet.books import Books
from cabinet.config import load
from cabinet.journal.leaf import MAX_BATCH_LEAVES
from hal.system_clock import SystemClock

ROUNDS, WARM_ROUNDS, OLD_LEAVES = 100, 10, 10_000
POLL_S = 0.1


class Cabinet:
    """A running daemon with its players."""

    def __init__(self, players: Players, ears: Ears) -> None:
        self._players = players
        self._ears = ears
        self._rounds = 0

    def round(self) -> float:
        """One removal and return; seconds from the card's frame to the board's."""
        players, ears, slot = self._players, self._ears, self._rounds % PEOPLE + 1
        self._rounds += 1
        start = players.hold_card(card(slot))
        ears.until(lambda: players.pulsed_s > start, "the pulse")
        took_s = players.pulsed_s - start
        players.hang(slot, seated=False)
        ears.until(lambda: b"taken" in players.screen, "the removal")
        players.hang(slot, seated=True)
        ears.until(lambda: b"is back" in players.screen, "the return")
        return took_s


def run(
    rounds: int = ROUNDS, warm_rounds: int = WARM_ROUNDS, old_leaves: int = OLD_LEAVES, others: Size = LARGE
) -> list[Figure]:
    """Ratio to the floor, the slowest, and what a long journal and a large roster add. `others` are in the latter
    beside those who take turns."""
    chance, ears = random.Random(1), Ears()
    times: dict[str, list[float]] = {"floor": [], "new": [], "old": [], "large": []}
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as name, ExitStack() as stack:
        floor = stack.enter_context(Floor(Path(name), WARM_COMMITS if warm_rounds else 0))
        new = stack.enter_context(_cabinet(ears, Path(name), "new", 0))
        old = stack.enter_context(_cabinet(ears, Path(name), "old", old_leaves))
        large = stack.enter_context(_cabinet(ears, Path(name), "large", 0, others=others))
        measures = {"floor": floor.round, "new": new.round, "old": old.round, "large": large.round}
        for number in range(warm_rounds + rounds):
            for key, measure in measures.items():
                # Not in step with the polls of the line.
                ears.rest(chance.uniform(0, POLL_S))
                took_s = measure()
                if number >= warm_rounds:
                    times[key].append(took_s)
    return _figures(times)


def _figures(times: dict[str, list[float]]) -> list[Figure]:
    floor_ms, new_ms, old_ms, large_ms = (median(times[key]) * 1000 for key in ("floor", "new", "old", "large"))
    rounds = len(times["new"])
    return [
        Figure(
            "badge to bolt",
            new_ms / floor_ms,
            4.0,
            "x",
            f"{new_ms:.2f} ms over a floor of {floor_ms:.2f} ms, {rounds} rounds",
        ),
        Figure(
            "badge to bolt, p99",
            p99(times["new"]) * 1000,
            25.0,
            "ms",
            f"slowest {max(times['new']) * 1000:.1f} ms; floor {p99(times['floor']) * 1000:.1f} ms",
        ),
        Figure(
            "badge to bolt, long journal",
            old_ms / new_ms,
            1.2,
            "x",
            f"{old_ms:.2f} ms; p99 {p99(times['old']) * 1000:.1f} ms",
        ),
        Figure(
            "badge to bolt, large roster",
            large_ms / new_ms,
            1.2,
            "x",
            f"{large_ms:.2f} ms; p99 {p99(times['large']) * 1000:.1f} ms",
        ),
    ]


@contextmanager
def _cabinet(ears: Ears, parent: Path, name: str, leaves: int, others: Size = NOBODY) -> Iterator[Cabinet]:
    folder = prepare(parent, name, others)
    fill(folder, leaves)
    players = Players(folder / "links", ears)
    try:
        with cabinetd(folder, ears.until):
            yield Cabinet(players, ears)
    finally:
        players.close()


def prepare(parent: Path, name: str, others: Size = NOBODY) -> Path:
    """The folder of a cabinet whose people are enrolled."""
    folder = make_folder(parent, name, hold_s=0.1)
    write_roster(folder / "roster", others)
    cabinetctl(folder, "roster", "import", str(folder / "roster"))
    return folder


def fill(folder: Path, leaves: int) -> None:
    """Leaves of removals long ago, whose keys are in no place any more."""
    if not leaves:
        return
    books = Books.open(load(folder / "cabinet.toml", {}), SystemClock())
    try:
        while (left := leaves - books.journal.size) > 0:
            books.journal.append([removal(n % PEOPLE + 1) for n in range(min(left, MAX_BATCH_LEAVES))])
    finally:
        books.close()
