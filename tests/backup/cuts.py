"""The power fails while files take the place of others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from cabinet.backup import swap


class Cut(Exception):
    """Nothing of the process runs on: what it catches or ends is of the test."""


def cut_now(patch: Any, steps: int) -> None:
    """From now on only so many steps that change a folder happen."""
    left = [steps]

    def counted(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **named: Any) -> Any:
            left[0] -= 1
            if left[0] < 0:
                raise Cut
            return function(*args, **named)

        return call

    for name in ("rename", "replace", "unlink", "write_text", "mkdir"):
        patch.setattr(Path, name, counted(getattr(Path, name)))
    patch.setattr(swap.shutil, "rmtree", counted(swap.shutil.rmtree))


def cut_after(patch: Any, steps: int) -> None:
    """The same, once everything is prepared."""
    real = swap.replace_all

    def replace_all(*args: Any) -> None:
        cut_now(patch, steps)
        real(*args)

    patch.setattr(swap, "replace_all", replace_all)
