"""The disk fails below SQLite, at one call after the other, under the real daemon over real files: nothing opens that
cannot be stored, people are told, nothing durable is lost, and when the errors end all works again by itself.

A few calls of each error here. With --every-error each of some 600, which takes about half an hour on two processors
and prints the counts (-s shows them): `pytest tests/disk_errors --every-error -s`."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.disk_errors import injected
from tests.disk_errors.injected import Injected

REPOSITORY = Path(__file__).parents[2]
PLANTED = """
import sys
from simulator.harness.mutants.planting import Edit, Mutant, planted
from tests.disk_errors.loop import main
for at in range(1, len(sys.argv), 4):
    where, old, new, argument = sys.argv[at : at + 4]
    with planted(Mutant("", "", [Edit(where, old, new)], [])):
        main([argument])
"""

pytestmark = pytest.mark.skipif(injected.why_not() is not None, reason=str(injected.why_not()))


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return injected.build(tmp_path_factory.mktemp("shim"))


def loop(library: Path, plan: Path, arguments: list[str]) -> list[Any]:
    Injected(plan)
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=REPOSITORY,
        env=injected.environment(library, plan),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_nothing_is_lost_and_all_works_again(library: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--every-error"):
        pytest.skip("each of them is played")
    points = [
        "EIO:once:7:1:1",
        "EIO:on:135:150:2",
        "EIO:once:250:1:1",
        "ENOSPC:on:200:1:1",
        "EROFS:on:300:1:1",
        "EIO-sync:on:33:1:1",
    ]
    counts = loop(library, tmp_path / "plan", ["-m", "tests.disk_errors.loop", *points])
    assert [count["findings"] for count in counts] == [[]] * len(points)
    assert sum(count["failed"] for count in counts) > 50
    assert sum(count["refused"] for count in counts) > 3


def test_every_call_that_can_fail(library: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    if not request.config.getoption("--every-error"):
        pytest.skip("takes half an hour: --every-error")

    def share(error: str, how: str, number: int) -> Any:
        plan = tmp_path / f"{error} {how} {number}"
        return loop(library, plan, ["-m", "tests.disk_errors.loop", f"{error}:{how}:{number}:2"])[0]

    findings = []
    for error in injected.ERRORS:
        for how in ("once", "on"):
            with ThreadPoolExecutor(2) as both:
                one, other = both.map(partial(share, error, how), range(2))
            findings += one.pop("findings") + other.pop("findings")
            counts = {key: one[key] if key == "calls" else one[key] + other[key] for key in one}
            print(f"{error} {how}: {', '.join(f'{number} {name}' for name, number in counts.items())}")
            assert counts["points"] == counts["calls"]
    assert findings == []


HANDLE_REUSED = (
    "cabinet.journal.store:Journal._failed",
    "        self._file.close()\n        self._file = None\n",
    "",
    "EIO-sync:on:9:8:2",
)
LOCK_KEPT_BY_A_START_THAT_FAILED = (
    "cabinet.journal.lock:FolderLock.__init__",
    "        except OSError as error:\n            os.close(self._file)\n            raise _unwr",
    "        except OSError as error:\n            raise _unwr",
    "EIO:once:2:1:1",
)


def test_planted_bugs_are_found(library: Path, tmp_path: Path) -> None:
    planted = HANDLE_REUSED, LOCK_KEPT_BY_A_START_THAT_FAILED
    counts = loop(library, tmp_path / "plan", ["-c", PLANTED, *(word for bug in planted for word in bug)])
    assert all(count["findings"] != [] for count in counts)
    assert len(counts) == len(planted)
