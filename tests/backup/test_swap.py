"""Files that take the place of others as a whole, cut at every step."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest

from cabinet.backup import swap
from cabinet.journal.errors import JournalBusy
from cabinet.journal.lock import FolderLock
from tests.backup.cuts import Cut, cut_now

OLD = {"journal-1.db": "old", "journal-1.db-wal": "old", "roster.db": "old"}
NEW = {"journal-1.db": "new", "journal-2.db": "new", "roster.db": "new"}
KEPT = {"signing.key": "kept"}


def begun(folder: Path) -> Path:
    folder.mkdir()
    for name, text in (OLD | KEPT).items():
        (folder / name).write_text(text)
    staged = swap.stage(folder)
    for name, text in NEW.items():
        (staged / name).write_text(text)
    return folder


def found(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir() if path.is_file() and path.name != "journal.lock"}


def test_the_new_are_in_place_and_the_old_aside(tmp_path: Path) -> None:
    folder = begun(tmp_path / "state")
    swap.replace_all(folder, list(NEW), list(OLD), "aside")
    assert (found(folder), found(folder / "aside")) == (NEW | KEPT, OLD)
    assert not (folder / swap.STAGE).exists()


def test_every_cut_and_every_cut_of_the_start_after_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    states = {}
    for first in range(12):
        for second in range(12):
            folder = begun(tmp_path / f"{first}-{second}")
            with monkeypatch.context() as patch, suppress(Cut):
                cut_now(patch, first)
                swap.replace_all(folder, list(NEW), list(OLD), "aside")
            with monkeypatch.context() as patch, suppress(Cut):
                cut_now(patch, second)
                swap.finish(folder)
            swap.finish(folder)
            state = found(folder)
            assert state in (OLD | KEPT, NEW | KEPT), (first, second)
            assert not (folder / swap.STAGE).exists()
            assert state == OLD | KEPT or found(folder / "aside") == OLD
            assert states.setdefault(first, state) == state, "a second cut does not turn it round"
    assert [state == NEW | KEPT for state in states.values()] == [False] * 2 + [True] * 10


def test_what_was_only_prepared_is_gone_at_the_next_start(tmp_path: Path) -> None:
    folder = begun(tmp_path / "state")
    swap.finish(folder)
    assert found(folder) == OLD | KEPT
    assert not (folder / swap.STAGE).exists()


def test_nobody_finishes_it_beside_somebody_else(tmp_path: Path) -> None:
    folder = begun(tmp_path / "state")
    lock = FolderLock(folder)
    with pytest.raises(JournalBusy):
        swap.finish(folder)
    lock.release()
