from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.daemon.harness import Cabinet
from tests.daemon.template import make_state


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state folder with the roster and two PINs, set with the daemon down."""
    return make_state(tmp_path_factory.mktemp("template"))


@pytest.fixture
def fresh(template: Path) -> Iterator[Cabinet]:
    """A cabinet of its own."""
    with Cabinet(state=template, forked=True) as cabinet:
        yield cabinet


@pytest.fixture(scope="session")
def shared(template: Path) -> Iterator[list[Cabinet]]:
    """The cabinet that stories play in one after the other; built anew after one that failed."""
    running: list[Cabinet] = []
    yield running
    if running:
        running.pop().__exit__(None, None, None)


@pytest.fixture
def cabinet(shared: list[Cabinet], template: Path) -> Iterator[Cabinet]:
    """A running cabinet at rest, with all fobs seated and nobody there; every story must leave it so."""
    if not shared:
        shared.append(Cabinet(state=template).__enter__())
    standing = shared[0]
    standing.mark()
    try:
        yield standing
        standing.at_rest()
    except BaseException:
        shared.clear()
        standing.__exit__(AssertionError, None, None)
        raise
