from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--every-cut", action="store_true", help="start the real daemon after each power cut, not after a few of them"
    )
