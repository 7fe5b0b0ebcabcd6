"""Positions in TOML against tomllib: every value it reads has a place, and the place holds it."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cabinet.settings.positions import Positions

TEXT = """\
top = 1
a.b = {c = 2, "d e" = [3, 4]}
[[device]]
id = "é"
lines = [
  1, # first
  "zwei",
]
  [device.sub]
  deep = true
[[device]]
"quoted" = { x = { y = 1 } }
[[device.part]]
p = 1
[[device.part]]
p = 2
[x."y z"]
'lit' = 1
"""


@pytest.mark.parametrize(
    ("path", "place"),
    [
        (("top",), (1, 1)),
        (("a", "b", "c"), (2, 8)),
        (("a", "b", "d e", 1), (2, 27)),
        (("device",), (3, 1)),
        (("device", 0), (3, 1)),
        (("device", 0, "id"), (4, 1)),
        (("device", 0, "lines", 1), (7, 3)),
        (("device", 0, "sub", "deep"), (10, 3)),
        (("device", 1, "quoted", "x", "y"), (12, 20)),
        (("device", 1, "part", 0, "p"), (14, 1)),
        (("device", 1, "part", 1, "p"), (16, 1)),
        (("x", "y z", "lit"), (18, 1)),
        (("device", 0, "unit"), (3, 1)),
        (("device", 7, "unit"), (3, 1)),
        (("nothing",), (1, 1)),
        ((), (1, 1)),
    ],
)
def test_places(path: tuple[str | int, ...], place: tuple[int, int]) -> None:
    assert Positions(TEXT).of(path) == place


def test_columns_count_characters() -> None:
    assert Positions('a = ["ä😀", 2]').of(("a", 1)) == (1, 12)


def paths(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    if isinstance(value, dict):
        return [path, *(p for key, inner in value.items() for p in paths(inner, (*path, key)))]
    if isinstance(value, list):
        return [path, *(p for index, inner in enumerate(value) for p in paths(inner, (*path, index)))]
    return [path]


def test_every_value_of_our_example_has_its_own_place() -> None:
    text = (Path(__file__).parents[2] / "config" / "cabinet.example.toml").read_text()
    positions, lines = Positions(text), text.splitlines()
    for path in paths(tomllib.loads(text)):
        line, column = positions.of(path)
        key = next((str(step) for step in reversed(path) if isinstance(step, str)), "")
        assert key in lines[line - 1]
        assert column >= 1


@given(st.text(max_size=60) | st.text(alphabet='[]{}=."\n#a1, ', max_size=60))
def test_never_raises(text: str) -> None:
    line, column = Positions(text).of(("a", 0, "b"))
    assert 1 <= line <= text.count("\n") + 1
    assert column >= 1
