from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--every-cut", action="store_true", help="cut the power at each step, and start the daemon after it"
    )
