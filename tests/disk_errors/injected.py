"""Errors of the disk, injected below SQLite and below us: by a small library between the program and the C library."""

from __future__ import annotations

import errno
import mmap
import os
import shutil
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

PLAN_VARIABLE: Final = "DISK_PLAN"
FOREVER: Final = 2**62
_SOURCE = Path(__file__).with_name("shim.c")
_FOLDER_BYTES = 256
_FIELDS: Final = ("on", "kinds", "seen", "from", "until", "error", "failed", "torn", "sync_us")
_SIZE = _FOLDER_BYTES + 8 * len(_FIELDS)

_READ, _WRITE, _SYNC, _NAME, _OPEN, _LENGTH = 1, 2, 4, 8, 16, 32


@dataclass(frozen=True, slots=True)
class Error:
    """`kinds`: the calls that can meet it. `torn`: what is written when it begins is written by half."""

    name: str
    number: int
    kinds: int
    torn: bool = False


ERRORS: Final = {
    error.name: error
    for error in (
        Error("EIO", errno.EIO, _READ | _WRITE | _SYNC | _NAME | _OPEN | _LENGTH),
        Error("ENOSPC", errno.ENOSPC, _WRITE | _SYNC | _NAME | _OPEN | _LENGTH, torn=True),
        Error("EROFS", errno.EROFS, _WRITE | _SYNC | _NAME | _OPEN | _LENGTH),
        Error("EIO-sync", errno.EIO, _SYNC),
    )
}


@cache
def why_not() -> str | None:
    """Why nothing can be injected here."""
    return None if shutil.which("cc") else "no C compiler (cc) is installed"


def build(folder: Path) -> Path:
    """The library. Takes half a second."""
    library = folder / "shim.so"
    command = ["cc", "-O1", "-Wall", "-shared", "-fPIC", "-o", str(library), str(_SOURCE), "-ldl"]
    subprocess.run(command, check=True, capture_output=True)
    return library


def environment(library: Path, plan: Path) -> dict[str, str]:
    """For the program whose disk it is; the plan is made before it starts."""
    return {**os.environ, "LD_PRELOAD": str(library), PLAN_VARIABLE: str(plan)}


class Injected:
    """The plan. Counting begins with `begin`; without one, nothing fails."""

    def __init__(self, path: Path) -> None:
        """Makes the file unless it is there."""
        if not path.exists():
            path.write_bytes(bytes(_SIZE))
        with path.open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), _SIZE)

    @classmethod
    def here(cls) -> Injected:
        """That of this very process."""
        return cls(Path(os.environ[PLAN_VARIABLE]))

    def watch(self, folder: Path) -> None:
        """The files under it; those that are open already are not among them."""
        name = f"{folder}/".encode()
        assert len(name) < _FOLDER_BYTES
        self._memory[:_FOLDER_BYTES] = name.ljust(_FOLDER_BYTES, b"\0")

    def begin(self, error: Error, first: int = FOREVER, count: int = FOREVER) -> None:
        """From now on the calls that can meet this error are counted, and `count` of them meet it from `first` on."""
        values = {"kinds": error.kinds, "seen": 0, "from": first, "until": min(first + count, FOREVER)}
        values |= {"error": error.number, "failed": 0, "torn": int(error.torn), "on": 1}
        for name, value in values.items():
            self._set(name, value)

    def end(self) -> None:
        """The disk works again; what is done is counted on."""
        self._set("until", 0)

    def slow(self, sync_s: float) -> None:
        """Each sync takes so much longer."""
        self._set("sync_us", int(sync_s * 1e6))
        self._set("on", 1)

    @contextmanager
    def aside(self) -> Iterator[None]:
        """What is done meanwhile is somebody else's: neither counted nor disturbed."""
        before = self._get("on")
        self._set("on", 0)
        try:
            yield
        finally:
            self._set("on", before)

    @property
    def seen(self) -> int:
        return self._get("seen")

    @property
    def failed(self) -> int:
        return self._get("failed")

    def _get(self, name: str) -> int:
        found: int = struct.unpack_from("q", self._memory, _place(name))[0]
        return found

    def _set(self, name: str, value: int) -> None:
        struct.pack_into("q", self._memory, _place(name), value)


def _place(name: str) -> int:
    return _FOLDER_BYTES + 8 * _FIELDS.index(name)
