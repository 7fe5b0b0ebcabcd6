"""Killed and cut off at every boundary, and again inside the recovery: nothing is lost, and nothing opens wrongly."""

from __future__ import annotations

import pytest

from simulator.harness.crash import HOWS, Crash, Explorer, How, parse_path
from simulator.harness.run import warm_up
from simulator.story import names, read_story

DEEP = "take-and-return"
SHARES = 8
POINTS_A_SHARE = 300
"""Of the deep one, at least: 4520 in all, and with those of the others more than 5000."""
EVERY = 24
"""The others are killed at every 24th boundary, each beginning at another; `make simulate` has time for all."""


@pytest.fixture(autouse=True, scope="module")
def _warm() -> None:
    warm_up()


@pytest.mark.parametrize("index", range(SHARES))
def test_twice_in_a_row_at_every_boundary(index: int) -> None:
    points = 0
    for point in Explorer(read_story(DEEP), 1).walk(2, index, SHARES):
        assert point.finding is None, point.finding.report
        points += bool(point.path)
    assert points >= POINTS_A_SHARE


@pytest.mark.parametrize("name", [name for name in names() if name != DEEP])
def test_once_at_many_boundaries(name: str) -> None:
    points, story = 0, read_story(name)
    # Where upstream is waited for, a run takes minutes of simulated time.
    every = 2 * EVERY if story.is_about_upstream else EVERY
    for point in Explorer(story, 1).walk(1, len(name) % (EVERY // 2), every):
        assert point.finding is None, point.finding.report
        points += bool(point.path)
    assert points >= 1


def test_the_same_path_is_played_the_same_way() -> None:
    explorer, path = Explorer(read_story(DEEP), 1), (Crash(40, "kill"), Crash(4, "power-cut"))
    traces: list[list[str]] = [[], []]
    for trace in traces:
        explorer.play(path, lambda at_s, happening, trace=trace: trace.append(f"{at_s} {happening}"))  # type: ignore[misc]
    assert traces[0] == traces[1]
    assert sum("cabinetd ends: " in line for line in traces[0]) == 2


@pytest.mark.parametrize("how", HOWS)
def test_what_is_not_played_would_go_on_as_what_is(how: How) -> None:
    """From the crash on, to the microsecond."""
    explorer = Explorer(read_story(DEEP), 1)
    groups = [group for group in explorer.play(()).groups if len(group) > 1]
    assert groups
    for group in groups:
        assert _after_the_crash(explorer, Crash(group[0], how)) == _after_the_crash(explorer, Crash(group[-1], how))


def _after_the_crash(explorer: Explorer, crash: Crash) -> list[str]:
    trace: list[str] = []
    explorer.play((crash,), lambda at_s, happening: trace.append(f"{at_s} {happening}"))
    return trace[next(n for n, line in enumerate(trace) if "cabinetd ends: " in line) :]


def test_a_path_is_read_as_it_is_written() -> None:
    path = (Crash(17, "kill"), Crash(4, "power-cut"))
    assert parse_path(",".join(map(str, path))) == path
    for text in ("17", "17:stop", "x:kill", "-1:kill", "17:kill,"):
        with pytest.raises(ValueError, match="is no crash; one is a number, a colon, and kill or power-cut"):
            parse_path(text)
