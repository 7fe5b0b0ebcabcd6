"""Who may open a device file, for the hint of a refused one."""

from __future__ import annotations

import grp
import os


def who_may(path: str | os.PathLike[str]) -> str:
    """What to do so that this program may open `path`."""
    try:
        group = grp.getgrgid(os.stat(path).st_gid).gr_name
    except (OSError, KeyError):
        return "check its owner and mode"
    return f"add this program's user to the group {group}"
