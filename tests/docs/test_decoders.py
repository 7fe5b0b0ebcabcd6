"""The page about decoders has each that is checked, with its figure."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz.streams import STREAMS, StreamTarget

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "decoders.md").read_text()
CHECKED = [one for one in STREAMS if one.undetected is not None]


@pytest.mark.parametrize("target", CHECKED, ids=lambda one: one.name)
def test_what_passes_its_check_is_told(target: StreamTarget) -> None:
    [row] = [line for line in PAGE.splitlines() if line.startswith(f"| {target.name} |") and line.count("|") == 6]
    assert row.split("|")[5].strip() == f"{target.undetected:,}"
