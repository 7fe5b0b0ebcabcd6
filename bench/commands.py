"""How long `cabinetctl` takes as a whole process: the least of several runs, for what else runs only adds."""

from __future__ import annotations

import subprocess
from pathlib import Path
from time import perf_counter

from bench.figure import Figure
from bench.stand import BIN

RUNS = 20


def run(folder: Path, runs: int = RUNS) -> list[Figure]:
    """`folder` is that of a cabinet whose daemon runs: `status` waits for its answer."""
    figures = []
    for arguments, goal_ms in ((["--help"], 80.0), (["status"], 60.0)):
        command = [str(BIN / "cabinetctl"), "--config", str(folder / "cabinet.toml"), *arguments]
        times_ms = sorted(_timed(command) * 1000 for _ in range(runs))
        remark = f"least of {runs} runs, median {times_ms[runs // 2]:.0f} ms"
        figures.append(Figure(f"cabinetctl {' '.join(arguments)}", times_ms[0], goal_ms, "ms", remark))
    return figures


def _timed(command: list[str]) -> float:
    start = perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return perf_counter() - start
