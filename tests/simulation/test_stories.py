"""Every scenario comes true on the simulated cabinet, with the devices as capabilities and byte for byte."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulator.acts import Wait
from simulator.harness.finding import find
from simulator.harness.simulation import LEVELS, Simulation
from simulator.harness.story_player import StoryPlayer, cabinet_of
from simulator.story import SCENARIOS, StoryError, names, parse, read_story

LONG_S = 5 * 60
"""Byte for byte, a story that waits for longer takes a minute."""


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("name", names())
def test_it_comes_true(name: str, level: str) -> None:
    story = read_story(name)
    if (
        level == "wire"
        and sum(step.sentence.seconds for step in story.steps if isinstance(step.sentence, Wait)) > LONG_S
    ):
        pytest.skip("too long for byte for byte")
    simulation = cabinet_of(story, 1, level)
    finding = find(simulation, StoryPlayer(story).play, "the test")
    assert finding is None, finding.report
    assert simulation.checks.truth.leaves


def test_a_story_that_does_not_come_true_says_at_which_line(tmp_path: Path) -> None:
    (tmp_path / "wishful.txt").write_text(
        "Nobody comes\n\nAda holds their card to the reader.\nThe journal says: item.returned slot=7\n"
    )
    finding = find(Simulation(1), StoryPlayer(read_story("wishful", tmp_path)).play, "the test")
    assert finding is not None
    assert "wishful.txt:4: The journal says: item.returned slot=7 But " in finding.what


def test_a_line_that_is_no_sentence_is_named(tmp_path: Path) -> None:
    (tmp_path / "odd.txt").write_text("Odd\n\nAda dances.\n")
    with pytest.raises(StoryError, match=r"odd\.txt:3: 'Ada dances\.' is no sentence a story may have"):
        read_story("odd", tmp_path)
    with pytest.raises(StoryError, match="there is no scenario 'even'; there are: odd"):
        read_story("even", tmp_path)


def test_no_sentence_is_read_in_two_ways() -> None:
    """Each sentence of each scenario says who or what it is about, and is what it was read as."""
    for file in SCENARIOS.glob("*.txt"):
        for step in read_story(file.stem).steps:
            assert parse(step.text, "here") == step.sentence


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("Zoe opens the door.", "there is no Zoe; there are: Ada, "),
        ("Lin types their PIN.", "Lin has no PIN"),
        ("Ada lifts slot 12.", "there is no slot 12"),
        ("The device toaster fails: burnt.", "there is no device toaster; there are: "),
        ("The device reader fails: burnt.", "fault 'burnt' is not offered here"),
        ("The disk fails: burnt.", "there is no fault burnt; there are: full, "),
    ],
)
def test_what_is_not_there_is_named_with_its_line(line: str, complaint: str, tmp_path: Path) -> None:
    (tmp_path / "odd.txt").write_text(f"Odd\n\n  # a remark\n{line}\n")
    finding = find(Simulation(1), StoryPlayer(read_story("odd", tmp_path)).play, "the test")
    assert finding is not None
    assert f"odd.txt:4: {line} {complaint}" in finding.what


def test_an_empty_file_has_no_title(tmp_path: Path) -> None:
    (tmp_path / "odd.txt").write_text("")
    with pytest.raises(StoryError, match=r"odd\.txt: the file is empty; its first line is the title"):
        read_story("odd", tmp_path)
