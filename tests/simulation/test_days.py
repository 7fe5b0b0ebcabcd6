"""Days as they may come: clean, and the same to the byte whenever the same seed is played."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from simulator.harness.run import run_days
from simulator.harness.troubles import GROUPS


@pytest.mark.parametrize(("seed", "level", "hours"), [(1, "capability", 16), (2, "capability", 16), (3, "wire", 0.1)])
def test_all_invariants_hold(seed: int, level: str, hours: float) -> None:
    done = run_days(seed, hours, level)
    assert done.finding is None, done.finding
    assert done.hours >= hours
    assert done.leaves > 20 * hours
    assert done.faults > 0


def test_without_faults_nothing_breaks() -> None:
    done = run_days(3, 8, faults=frozenset())
    assert done.finding is None, done.finding
    assert done.faults == 0
    assert done.visits > 30


@pytest.mark.parametrize("group", sorted(GROUPS - {"wire"}))
def test_faults_can_be_chosen_by_group(group: str) -> None:
    done = run_days(4, 4, faults=frozenset({group}))  # type: ignore[arg-type]  # one of them
    assert done.finding is None, done.finding
    assert done.faults > 0


def test_the_digest_hangs_on_the_seed_alone() -> None:
    digests = [_digest(seed, "capability", "3", hash_seed) for seed, hash_seed in (("7", "0"), ("7", "42"), ("8", "0"))]
    assert digests[0] == digests[1] != digests[2]


def test_the_digest_hangs_on_the_seed_alone_byte_for_byte() -> None:
    assert _digest("7", "wire", "0.005", "0") == _digest("7", "wire", "0.005", "42")


def _digest(seed: str, level: str, hours: str, hash_seed: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "simulator", "run", "--seed", seed, "--hours", hours, "--level", level],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    [digest] = re.findall(r"^digest ([0-9a-f]{64})$", done.stdout, re.MULTILINE)
    return str(digest)
