"""What an append costs, as a multiple of a bare durable commit of one row in the same run.

`append`: one sealed entry with its tree, signed checkpoint, state row and indexes. `append_burst`: 64 entries in one
transaction, per entry. The bare commit is stdlib sqlite3, WAL and synchronous FULL, one row of 300 bytes.

Both files are warmed until their write-ahead logs have wrapped once: a log that still grows makes every sync pay
for the file's size too, and flatters the ratio to half its value.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from itertools import count
from pathlib import Path
from statistics import median
from time import perf_counter

from bench.floor import WARM_COMMITS, bare_commit
from cabinet.journal import b64
from cabinet.journal.leaf import MAX_BATCH_LEAVES, Entry
from cabinet.journal.note import Signer
from cabinet.journal.store import Journal

ROUNDS = 400
BURST_EVERY = 10
WARM_APPENDS = 200
TARGETS = {"append": 2.2, "append_burst": 0.20}
ORIGIN = "cabinet.bench/lobby-01"

_TIMES = count(1_767_225_600_123)


def run() -> dict[str, float]:
    """Ratios of medians of interleaved rounds, and the median bare commit in ms."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as folder:
        bare = bare_commit(Path(folder) / "bare.db")
        journal = Journal.open(Path(folder), ORIGIN, "lobby-01", Signer(ORIGIN, os.urandom(32)))
        for _ in range(WARM_COMMITS):
            bare()
        for _ in range(WARM_APPENDS):
            _appending(journal, 1)()
        times: dict[str, list[float]] = {"bare": [], "append": [], "append_burst": []}
        for number in range(ROUNDS):
            times["bare"].append(_timed(bare))
            times["append"].append(_timed(_appending(journal, 1)))
            if number % BURST_EVERY == 0:
                burst = _timed(_appending(journal, MAX_BATCH_LEAVES))
                times["append_burst"].append(burst / MAX_BATCH_LEAVES)
        journal.close()
    unit = median(times["bare"])
    ratios = {name: round(median(times[name]) / unit, 3) for name in TARGETS}
    return {**ratios, "bare_commit_ms": round(unit * 1000, 3)}


def main() -> None:
    results = run()
    print(f"{'what':16}{'ratio':>8}{'target':>9}")
    for name, target in TARGETS.items():
        print(f"{name:16}{results[name]:8.3f}{target:9.2f}")
    print(f"bare commit: {results['bare_commit_ms']} ms")


def _appending(journal: Journal, number: int) -> Callable[[], None]:
    entries = [removal(slot % 32 + 1) for slot in range(number)]
    rows: dict[str, bytes | None] = {f"slot/{journal.size % 32 + 1}": os.urandom(120)}

    def append() -> None:
        journal.append(entries, rows)

    return append


def removal(slot: int) -> Entry:
    """A removal with one sealed holder: a leaf of about 400 bytes."""
    holder = {"r": "holder", "p": b64.encode(os.urandom(16)), "e": b64.encode(os.urandom(92))}
    return Entry(
        ev="item.removed",
        ts=next(_TIMES),
        tq="ntp",
        mono_ms=81_234,
        boot="1f0c9a2e",
        salt=b64.encode(os.urandom(16)),
        fields={"slot": slot, "item": f"K-{slot:04}", "auth": "card+pin", "due": 1_767_254_400_000},
        subs=(holder,),
    )


def _timed(call: Callable[[], None]) -> float:
    start = perf_counter()
    call()
    return perf_counter() - start


if __name__ == "__main__":
    main()
