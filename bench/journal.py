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
from contextlib import closing
from hashlib import sha256
from itertools import islice
from pathlib import Path
from random import Random
from statistics import median
from time import perf_counter

from bench.append import ORIGIN, removal
from bench.figure import Figure, table
from cabinet.journal.export import export
from cabinet.journal.leaf import MAX_BATCH_LEAVES
from cabinet.journal.note import Signer
from cabinet.journal.reader import PAGE, JournalReader
from cabinet.journal.receipt import receipt, verify_receipt
from cabinet.journal.store import Journal
from cabinet.journal.verify import verify

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
    times, bare, tree, each = [], [], [], []
    memory = 0.0
    for _ in range(rounds):
        before_mib = _reset_peak_mib()
        times.append(_timed(lambda: _checked(long, leaves)))
        memory = max(memory, _peak_mib() - before_mib)
        leaf_s, node_s = _hashing(long)
        bare.append(leaf_s)
        tree.append(leaf_s + node_s)
        short_s = median(_timed(lambda: _checked(short, few)) for _ in range(31))
        each.append((times[-1] / leaves) / (short_s / few))
    ratio = median(one / floor for one, floor in zip(times, bare, strict=True))
    with_nodes = median(one / floor for one, floor in zip(times, tree, strict=True))
    rate = leaves / median(times)
    how = f"{rate:.0f} a second; {with_nodes:.1f} times all hashing of leaves and nodes"
    return [
        Figure("verify, over hashing the leaves", ratio, 6.0, "x", how),
        Figure("verify, each leaf, over a short journal", median(each), 1.2, "x", f"of {leaves} and of {few} leaves"),
        Figure("verify, memory", memory, 64.0, "MiB", "highest resident size above that at its start"),
    ]


def _checked(folder: Path, leaves: int) -> None:
    with JournalReader(folder) as reader:
        verdict = verify(reader, SIGNER.vkey)
    assert (verdict.result, verdict.size) == ("verified", leaves), verdict


def _hashing(folder: Path) -> tuple[float, float]:
    """Seconds of the bare loops: once over the bytes of each leaf; once over each inner node."""
    leaf_s = node_s = 0.0
    node = bytes(65)
    with JournalReader(folder) as reader:
        stored = reader.leaves()
        while page := [leaf.data for leaf in islice(stored, PAGE) if leaf.data is not None]:
            start = perf_counter()
            for data in page:
                sha256(data).digest()
            leaf_s += perf_counter() - start
            start = perf_counter()
            for _ in page:
                sha256(node).digest()
            node_s += perf_counter() - start
    return leaf_s, node_s


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


def _reset_peak_mib() -> float:
    """Lets the kernel forget the highest resident size; the present one."""
    Path("/proc/self/clear_refs").write_text("5")
    return _status_mib("VmRSS")


def _peak_mib() -> float:
    return _status_mib("VmHWM")


def _status_mib(name: str) -> float:
    found = re.search(rf"^{name}:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1]) / 1024


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
