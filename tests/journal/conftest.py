"""A journal of 70 leaves, written once and copied for every test that tampers with it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.journal.making import filled


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("written")
    filled(folder, 70, per_transaction=10)
    return folder


@pytest.fixture
def seventy(written: Path, tmp_path: Path) -> Path:
    """A folder of the test's own with 70 leaves in seven transactions."""
    folder = tmp_path / "seventy"
    shutil.copytree(written, folder)
    return folder


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--every-byte",
        metavar="LEAVES",
        type=int,
        help="change each byte of the file of a journal with so many leaves, not some of 70; 1000 take about two hours",
    )
