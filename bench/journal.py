"""A journal of a million leaves: full check, proofs, receipt, export, start-up check; each against its goal.

`python -m bench.journal` builds the file through the public API (five minutes, 650 MB under BENCH_DIR or the
temporary folder), measures (some minutes more) and removes it; `--keep FOLDER` keeps it there, and takes one that is
there already. Ratios are medians of rounds in which both sides take turns."""

from __future__ import annotations

import argparse
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing, suppress
from hashlib import sha256
from itertools import islice
from pathlib import Path
from random import Random
from resource import RUSAGE_CHILDREN, getrusage
from statistics import median
from threading import Event, Thread
from time import perf_counter, process_time

from bench.append import ORIGIN, removal
from bench.figure import Figure, table
from cabinet.journal.export import export
from cabinet.journal.leaf import MAX_BATCH_LEAVES
from cabinet.journal.note import Signer
from cabinet.journal.reader import PAGE, JournalReader
from cabinet.journal.receipt import receipt, verify_receipt
from cabinet.journal.store import Journal
from cabinet.journal.verify import verify
from hal.aside import Aside, cores

LEAVES = 1_000_000
FEW = 1_000
SIGNER = Signer(ORIGIN, bytes(range(32)))
ROUNDS = 3
FAST_ROUNDS = 101


def run(folder: Path, leaves: int = LEAVES, rounds: int = ROUNDS, fast_rounds: int = FAST_ROUNDS) -> list[Figure]:
    """Of the journals in `folder`, which are written where they are not there yet."""
    long, short = folder / "long", folder / "short"
    write(long, leaves)
    write(short, min(FEW, leaves))
    return [
        *_verify(long, short, leaves, rounds),
        *_proofs(long, leaves, fast_rounds),
        _start_up(long, short, fast_rounds),
        _export(long, folder / "out"),
    ]


def write(folder: Path, leaves: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with closing(Journal.open(folder, ORIGIN, "lobby-01", SIGNER)) as journal:
        while journal.size < leaves:
            count = min(MAX_BATCH_LEAVES, leaves - journal.size)
            journal.append([removal(n % 32 + 1) for n in range(journal.size, journal.size + count)])
            if journal.size % 64_000 == 0:
                print(f"{journal.size} of {leaves} leaves written", file=sys.stderr, flush=True)


def _verify(long: Path, short: Path, leaves: int, rounds: int) -> list[Figure]:
    few = min(FEW, leaves)
    times, processor, bare, bare_processor, tree, each = [], [], [], [], [], []
    memory = 0.0
    for _ in range(rounds):
        own_s, other_s = process_time(), _others_s()
        with _Memory() as used:
            times.append(_timed(lambda: _checked(long, leaves)))
        memory = max(memory, used.grown_mib)
        processor.append(max(process_time() - own_s, _others_s() - other_s))
        leaf_s, node_s, alone_s = _hashing(long)
        bare.append(leaf_s)
        bare_processor.append(alone_s)
        tree.append(leaf_s + node_s)
        short_s = median(_timed(lambda: _checked(short, few)) for _ in range(31))
        each.append((times[-1] / leaves) / (short_s / few))
    ratio, with_nodes, busier = (
        median(one / floor for one, floor in zip(taken, floors, strict=True))
        for taken, floors in ((times, bare), (times, tree), (processor, bare_processor))
    )
    how = (
        f"{leaves / median(times):.0f} a second, the bare loop {leaves / median(bare):.0f}; {with_nodes:.1f} times all "
        f"hashing of leaves and nodes; {busier:.1f} times in processor time of the busier process"
    )
    return [
        Figure("verify, over hashing the leaves", ratio, 6.0, "x", how),
        Figure("verify, each leaf, over a short journal", median(each), 1.2, "x", f"of {leaves} and of {few} leaves"),
        Figure(
            "verify, memory", memory, 64.0, "MiB", "highest resident size of both processes above that at its start"
        ),
    ]


def _checked(folder: Path, leaves: int) -> None:
    """As `cabinetctl journal verify` does it."""
    with JournalReader(folder) as reader:
        verdict = verify(reader, SIGNER.vkey, aside=Aside if cores() > 1 else None)
    assert (verdict.result, verdict.size) == ("verified", leaves), verdict


def _others_s() -> float:
    """Processor time of the processes that have ended."""
    used = getrusage(RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class _Memory:
    """A context: looks now and then at what this process and those it has begun hold."""

    def __enter__(self) -> _Memory:
        self._start_mib = self._highest_mib = _resident_mib()
        self._over = Event()
        self._thread = Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    @property
    def grown_mib(self) -> float:
        return self._highest_mib - self._start_mib

    def _watch(self) -> None:
        while not self._over.wait(0.02):
            self._highest_mib = max(self._highest_mib, _resident_mib())


def _resident_mib() -> float:
    begun = [pid for path in Path("/proc/self/task").glob("*/children") for pid in path.read_text().split()]
    return sum(map(_status_mib, ["self", *begun]))


def _hashing(folder: Path) -> tuple[float, float, float]:
    """Seconds of the bare loops: once over the bytes of each leaf; once over each inner node. The first one's
    processor time last."""
    leaf_s = node_s = processor_s = 0.0
    node = bytes(65)
    with JournalReader(folder) as reader:
        stored = reader.leaves()
        while page := [leaf.data for leaf in islice(stored, PAGE) if leaf.data is not None]:
            start, processor = perf_counter(), process_time()
            for data in page:
                sha256(data).digest()
            leaf_s += perf_counter() - start
            processor_s += process_time() - processor
            start = perf_counter()
            for _ in page:
                sha256(node).digest()
            node_s += perf_counter() - start
    return leaf_s, node_s, processor_s


def _proofs(folder: Path, leaves: int, rounds: int) -> list[Figure]:
    random = Random(1)
    with JournalReader(folder) as reader:
        chosen = [random.randrange(leaves) for _ in range(rounds)]
        proof_ms = [_timed(lambda n=n: reader.inclusion(n, leaves)) * 1000 for n in chosen]  # type: ignore[misc]
        receipt_ms, check_ms = [], []
        for n in chosen:
            start = perf_counter()
            data = receipt(reader, n, [SIGNER.vkey])
            receipt_ms.append((perf_counter() - start) * 1000)
            check_ms.append(_timed(lambda data=data: verify_receipt(data, [SIGNER.vkey])) * 1000)  # type: ignore[misc]
    return [
        Figure("proof of one leaf", median(proof_ms), 2.0, "ms", f"median of {rounds}, anywhere in the journal"),
        Figure("receipt", median(receipt_ms), 5.0, "ms", f"of {len(data)} bytes"),
        Figure("receipt checked by its holder", median(check_ms), 5.0, "ms"),
    ]


def _start_up(long: Path, short: Path, rounds: int) -> Figure:
    """What the daemon does before its first append."""
    times: dict[Path, list[float]] = {long: [], short: []}
    for _ in range(rounds):
        for folder, found in times.items():
            found.append(_timed(lambda folder=folder: Journal.open(folder, ORIGIN, "lobby-01", SIGNER).close()))  # type: ignore[misc]
    value, few = median(times[long]), median(times[short])
    return Figure("start-up check, over a short journal", value / few, 1.5, "x", f"{value * 1000:.1f} ms")


def _export(folder: Path, out: Path) -> Figure:
    with JournalReader(folder) as reader:
        size = reader.size
        took = _timed(lambda: export(reader, out, [SIGNER.vkey], prove=[size // 2]))
    written = sum(path.stat().st_size for path in out.iterdir())
    shutil.rmtree(out)
    return Figure("export, a million leaves", took * 1_000_000 / size, 60.0, "s", f"{written / 1e6:.0f} MB of {size}")


def _timed(call: Callable[[], object]) -> float:
    start = perf_counter()
    call()
    return perf_counter() - start


def _status_mib(process: str) -> float:
    """0 where it has just ended."""
    with suppress(OSError):
        found = re.search(r"^VmRSS:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text(), re.MULTILINE)
        return 0.0 if found is None else int(found[1]) / 1024
    return 0.0


def main() -> int:
    """0 whatever the figures are, as in `make bench`."""
    parser = argparse.ArgumentParser(prog="python -m bench.journal", description=__doc__)
    parser.add_argument("--leaves", type=int, default=LEAVES)
    parser.add_argument("--keep", type=Path, metavar="FOLDER")
    args = parser.parse_args()
    if args.keep is not None:
        print(table(run(args.keep, args.leaves)))
        return 0
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as folder:
        print(table(run(Path(folder), args.leaves)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
