"""No device type without its parts: docs/how-to/add-a-device.md."""

from __future__ import annotations

import pytest

from hal.registry import DEVICE_TYPES
from simulator.types import SIMULATED
from tests.contract.parts import ROOT, is_fuzzed, missing
from tests.contract.rows import ROWS, type_of


@pytest.mark.parametrize("name", DEVICE_TYPES)
def test_a_type_lacks_nothing(name: str) -> None:
    assert missing(name) == []


@pytest.mark.parametrize("codec", [path.stem for path in (ROOT / "drivers" / "wire").glob("[a-z]*.py")])
def test_a_codec_is_fuzzed(codec: str) -> None:
    assert is_fuzzed(codec)


def test_no_row_and_no_simulated_device_without_a_type() -> None:
    assert {type_of(name) for name in ROWS} == set(SIMULATED) == set(DEVICE_TYPES)


def test_every_board_profile_is_named_on_a_page() -> None:
    pages = "".join(path.read_text("utf-8") for path in (ROOT / "docs/reference/devices").glob("*.md"))
    for profile in (ROOT / "config" / "profiles").glob("*.toml"):
        assert f"`{profile.stem}`" in pages
