"""Runs every benchmark, prints the table, writes bench/results.json. Takes about six minutes.

`python -m bench PART...` runs these alone and writes nothing."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sqlite3
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from bench import append, badge, daemon, decisions, latency, rosters, simulation, upstream
from bench.figure import Figure, table

RESULTS = Path(__file__).with_name("results.json")


def main() -> int:
    """0 whatever the figures are: on a busy machine some goals are missed, and that is no failure of the run."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measures, beside goals.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; default all")
    chosen = parser.parse_args().parts
    if unknown := set(chosen) - PARTS.keys():
        parser.error(f"no part {unknown.pop()!r}; there are: {', '.join(PARTS)}")
    figures = [figure for part in chosen or PARTS for figure in PARTS[part]()]
    print(table(figures))
    if chosen:
        return 0
    RESULTS.write_text(
        json.dumps({"machine": _machine(), "figures": [_plain(one) for one in figures]}, indent=2) + "\n"
    )
    print(f"\nwritten to {RESULTS}")
    return 0


def _append() -> list[Figure]:
    found = append.run()
    bare = f"of a bare commit of {found['bare_commit_ms']:.2f} ms"
    figures = [
        Figure("append", found["append"], append.TARGETS["append"], "x", bare),
        Figure("append, burst of 64, each", found["append_burst"], append.TARGETS["append_burst"], "x", bare),
        Figure("append, written", found["bytes_per_leaf"] / 1000, append.TARGETS["bytes_per_leaf"] / 1000, "kB"),
    ]
    if "syncs_per_batch" in found:
        figures.append(Figure("append, syncs", found["syncs_per_batch"], append.TARGETS["syncs_per_batch"], ""))
    return figures


PARTS: dict[str, Callable[[], list[Figure]]] = {
    "badge": badge.run,
    "latency": latency.run,
    "append": _append,
    "daemon": daemon.run,
    "upstream": upstream.run,
    "decisions": decisions.run,
    "rosters": rosters.run,
    "simulation": simulation.run,
}


def _plain(figure: Figure) -> dict[str, object]:
    return {**asdict(figure), "value": round(figure.value, 3), "met": figure.met}


def _machine() -> dict[str, object]:
    return {
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "cores": os.cpu_count(),
    }


if __name__ == "__main__":
    sys.exit(main())
