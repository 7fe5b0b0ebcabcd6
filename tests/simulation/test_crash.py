"""Killed and cut off at every boundary, and again inside the recovery: nothing is lost, and nothing opens wrongly."""

from __future__ import annotations

import pytest

from simulator.harness.crash import Crash, Explorer, parse_path
from simulator.harness.run import warm_up
from simulator.story import names, read_story

DEEP = "take-and-return"
SHARES = 8
POINTS_A_SHARE = 500
"""Times SHARES, and those of the other scenarios: more than 5000 in all."""


@pytest.fixture(autouse=True, scope="module")
def _warm() -> None:
    warm_up()


@pytest.mark.parametrize("index", range(SHARES))
def test_twice_in_a_row_at_every_boundary(index: int) -> None:
    points = 0
    for path, finding in Explorer(read_story(DEEP), 1).walk(2, index, SHARES):
        assert finding is None, finding.report
        points += bool(path)
    assert points >= POINTS_A_SHARE


@pytest.mark.parametrize("name", [name for name in names() if name != DEEP])
def test_once_at_every_boundary(name: str) -> None:
    points = 0
    for path, finding in Explorer(read_story(name), 1).walk(1):
        assert finding is None, finding.report
        points += bool(path)
    assert points >= 20


def test_the_same_path_is_played_the_same_way() -> None:
    explorer, path = Explorer(read_story(DEEP), 1), (Crash(17, "kill"), Crash(4, "power-cut"))
    traces: list[list[str]] = [[], []]
    for trace in traces:
        explorer.play(path, lambda at_s, happening, trace=trace: trace.append(f"{at_s} {happening}"))  # type: ignore[misc]
    assert traces[0] == traces[1]
    assert len(traces[0]) > 100


def test_a_path_is_read_as_it_is_written() -> None:
    path = (Crash(17, "kill"), Crash(4, "power-cut"))
    assert parse_path(",".join(map(str, path))) == path
    for text in ("17", "17:stop", "x:kill", "-1:kill", "17:kill,"):
        with pytest.raises(ValueError, match="is no crash; one is a number, a colon, and kill or power-cut"):
            parse_path(text)
