"""What an append costs, as a multiple of a bare durable commit of one row in the same run, and what it writes.

`append`: one leaf with one person, from what the core wants journaled to the signed note: sealing, canonical bytes,
tree, signed checkpoint, columns for searching, a state row, one commit. `append_burst`: 64 of them in one transaction,
per leaf. The bare commit is stdlib sqlite3, WAL and synchronous FULL, one row of 300 bytes.

Both files are warmed until their write-ahead logs have wrapped once: a log that still grows makes every sync pay
for the file's size too, and flatters the ratio to half its value.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path
from statistics import median
from time import perf_counter

from bench.floor import WARM_COMMITS, bare_commit
from cabinet.core.leaves import Leaf, Subject
from cabinet.journal import b64
from cabinet.journal.leaf import MAX_BATCH_LEAVES, Entry, write
from cabinet.journal.note import Signer
from cabinet.journal.store import Journal
from cabinet.vault.sealing import seal
from hal.clock import Now

ROUNDS = 40
APPENDS, BURSTS = 25, 2
"""In a round, in turn with bare commits."""
WARM_APPENDS = 800
COUNTED_BATCHES = 600
TARGETS = {"append": 2.2, "append_burst": 0.20, "bytes_per_leaf": 12_000, "syncs_per_batch": 1.05}
DEVICE = "lobby-01"
ORIGIN = f"cabinet.bench/{DEVICE}"

_TIMES = count(1_767_225_600_123)
_PEOPLE = [(b64.encode(os.urandom(16)), os.urandom(32)) for _ in range(300)]
_KEYS = dict(_PEOPLE)
_SYNCS = "strace", "-f", "--seccomp-bpf", "-qq", "-e", "trace=fsync,fdatasync", "-e", "signal=none", "-o"


def run() -> dict[str, float]:
    """Medians over the rounds of the ratio within a round, the median bare commit in ms, and what is written. Without
    strace the syncs are not among it."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as folder:
        bare, journal = bare_commit(Path(folder) / "bare.db"), opened(Path(folder))
        for _ in range(WARM_COMMITS):
            bare()
        for _ in range(WARM_APPENDS):
            append(journal, 1)
        rounds = [_round(bare, journal) for _ in range(ROUNDS)]
        before = _written()
        for _ in range(COUNTED_BATCHES):
            append(journal, 1)
        written = (_written() - before) / COUNTED_BATCHES
        journal.close()
    figures = {
        "append": round(median(one / unit for unit, one, _ in rounds), 3),
        "append_burst": round(median(each / unit for unit, _, each in rounds), 3),
        "bytes_per_leaf": round(written),
        "bare_commit_ms": round(median(unit for unit, _, _ in rounds) * 1000, 3),
    }
    syncs = _syncs()
    return figures if syncs is None else figures | {"syncs_per_batch": round(syncs, 3)}


def main(arguments: Sequence[str]) -> None:
    if arguments:
        _append_only(Path(arguments[0]), int(arguments[1]))
    else:
        _print(run())


def _print(results: dict[str, float]) -> None:
    print(f"{'what':16}{'measured':>10}{'target':>10}")
    for name, target in TARGETS.items():
        if name in results:
            print(f"{name:16}{results[name]:10.6g}{target:10.6g}")
    print(f"bare commit: {results['bare_commit_ms']} ms")


def opened(folder: Path) -> Journal:
    return Journal.open(folder, ORIGIN, DEVICE, Signer(ORIGIN, os.urandom(32)))


def append(journal: Journal, number: int) -> float:
    """Seconds for so many leaves in one transaction."""
    leaves = [_removal(slot % 32 + 1) for slot in range(number)]
    rows: dict[str, bytes | None] = {f"slots/{journal.size % 32 + 1}": os.urandom(120)}
    start = perf_counter()
    journal.append([_sealed(leaf) for leaf in leaves], rows)
    return perf_counter() - start


def removal(slot: int) -> Entry:
    """A removal with one sealed holder: a leaf of about 400 bytes."""
    return _sealed(_removal(slot))


def _removal(slot: int) -> Leaf:
    person, _ = _PEOPLE[next(_TIMES) * 7919 % len(_PEOPLE)]
    holder = Subject("holder", person, {"card": "0004711815"})
    return Leaf("item.removed", {"slot": slot, "item": f"K-{slot:04}", "auth": "card+pin", "grant": slot}, (holder,))


def _sealed(leaf: Leaf) -> Entry:
    """As the engine does it."""
    entry = seal(
        leaf,
        origin=ORIGIN,
        now=Now(81.234, next(_TIMES), "ntp"),
        boot="1f0c9a2e",
        key_of=_KEYS.get,
        name_of=lambda _: "Ada Okafor",
        random=os.urandom,
    )
    return write(entry, DEVICE)


def _round(bare: Callable[[], None], journal: Journal) -> tuple[float, float, float]:
    """Medians in seconds of a bare commit, an append, and a leaf of a burst."""
    units, singles = [], []
    for _ in range(APPENDS):
        start = perf_counter()
        bare()
        units.append(perf_counter() - start)
        singles.append(append(journal, 1))
    bursts = [append(journal, MAX_BATCH_LEAVES) / MAX_BATCH_LEAVES for _ in range(BURSTS)]
    return median(units), median(singles), median(bursts)


def _written() -> int:
    """Bytes that this process has handed to the system: the log, and what is moved from it into the file."""
    fields = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(fields["wchar"])


def _syncs() -> float | None:
    """For each of many transactions, counted from outside; None where strace cannot."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as folder:
        log = Path(folder) / "strace.log"
        command = [*_SYNCS, str(log), sys.executable, "-m", "bench.append", folder, str(COUNTED_BATCHES)]
        try:
            subprocess.run(command, check=True, capture_output=True, cwd=Path(__file__).parents[1])
        except (OSError, subprocess.CalledProcessError):
            return None
        return sum("sync(" in line for line in log.read_text().splitlines()) / COUNTED_BATCHES


def _append_only(folder: Path, batches: int) -> None:
    journal = opened(folder)
    for _ in range(batches):
        append(journal, 1)
    journal.close()


if __name__ == "__main__":
    main(sys.argv[1:])
