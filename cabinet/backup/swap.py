"""Files of a state folder replaced as a whole: a cut at any moment leaves the old ones or the new ones.

The new ones are prepared in `restore.new`. Then `restore.todo` appears, and from that moment on the new ones count:
whoever finds it moves the old ones into the folder that it names, and the new ones into place, as far as that was not
done. Every step may be done again.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from cabinet.journal.files import replace_durably, sync
from cabinet.journal.lock import FolderLock

STAGE: Final = "restore.new"
TODO: Final = "restore.todo"
ASIDE: Final = "set-aside-"


def stage(folder: Path) -> Path:
    """An empty folder for the new files, beside the old ones and on the same disk. The caller holds the lock."""
    found = folder / STAGE
    shutil.rmtree(found, ignore_errors=True)
    found.mkdir(mode=0o700)
    return found


def replace_all(folder: Path, new: Sequence[str], old: Sequence[str], aside: str) -> None:
    """The staged files `new` take the place of `old`, which go into the folder `aside`. The caller holds the lock.

    Raises OSError: then it was not begun, or it is finished by whoever comes next."""
    for name in new:
        sync(folder / STAGE / name)
    sync(folder / STAGE)
    draft = folder / STAGE / TODO
    draft.write_text(json.dumps({"new": list(new), "old": list(old), "aside": aside}))
    replace_durably(draft, folder / TODO)
    _finish(folder)


def finish(folder: Path) -> None:
    """Ends a replacement that was cut, or what was prepared for one. Raises JournalBusy where somebody is at it,
    JournalUnwritable, OSError."""
    if (folder / STAGE).exists() or (folder / TODO).exists():
        lock = FolderLock(folder)
        try:
            _finish(folder)
        finally:
            lock.release()


def _finish(folder: Path) -> None:
    todo, staged = folder / TODO, folder / STAGE
    if todo.exists():
        plan = json.loads(todo.read_text())
        _put_aside(folder, folder / plan["aside"], plan["old"])
        for name in plan["new"]:
            if (staged / name).exists():
                (staged / name).rename(folder / name)
        sync(folder)
        todo.unlink()
        sync(folder)
    shutil.rmtree(staged, ignore_errors=True)


def _put_aside(folder: Path, aside: Path, names: Sequence[str]) -> None:
    """Once an old one is aside, what has its name is new."""
    if not names:
        return
    aside.mkdir(mode=0o700, exist_ok=True)
    for name in names:
        if not (aside / name).exists() and (folder / name).exists():
            (folder / name).rename(aside / name)
    sync(aside)
