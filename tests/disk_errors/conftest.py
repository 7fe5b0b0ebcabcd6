from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--every-error", action="store_true", help="let every call to the disk fail in its turn, not a few of them"
    )
