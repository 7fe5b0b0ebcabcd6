"""What a running daemon does to its files, and what it lets out, in order: read from the log of strace."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, TypeAlias

CALLS: Final = (
    *("openat", "write", "pwrite64", "fsync", "fdatasync", "ftruncate", "unlink", "unlinkat", "sendto"),
    *("rename", "renameat", "renameat2"),
    *("writev", "pwritev", "link", "linkat", "fallocate", "copy_file_range"),
)
"""Those of the last line are not understood: were one used on a file of the state, reading the log says so."""
STRACE: Final = (
    *("strace", "-D", "-f", "-q", "-yy", "-xx", "-s", "1000000", "-e", "signal=none"),
    *("-e", f"trace={','.join(CALLS)}"),
)
"""Before a program and its arguments, with -o: it stays a child of who starts it, and gets the signals."""
_END = "+++ exited with 0 +++"
_UNDER_WAY = re.compile(r"^(\d+) +(.*) <unfinished \.\.\.>$")
_ENDED = re.compile(r"^(\d+) +<\.\.\. (\w+) resumed>(.*)$")
_CALL = re.compile(r"^(?:\d+ +)?(\w+)\((.*)\) += (-?\d+)")
_FD = re.compile(r"^\d+<((?:\\x[0-9a-f]{2})*)")
_TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')


@dataclass(frozen=True, slots=True)
class Written:
    """`at` None: at the end."""

    path: str
    at: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Truncated:
    path: str
    size: int


@dataclass(frozen=True, slots=True)
class Made:
    path: str


@dataclass(frozen=True, slots=True)
class Removed:
    path: str


@dataclass(frozen=True, slots=True)
class Renamed:
    """`path` is the new name."""

    path: str
    before: str


@dataclass(frozen=True, slots=True)
class Synced:
    """A file, or the names in a folder. It has returned."""

    path: str


@dataclass(frozen=True, slots=True)
class LetOut:
    """Bytes to a socket, a terminal or a line: whoever is there has them."""

    data: bytes


Event: TypeAlias = Written | Truncated | Made | Removed | Renamed | Synced | LetOut


@cache
def why_not() -> str | None:
    """Why nothing can be recorded here."""
    if shutil.which("strace") is None:
        return "strace is not installed"
    tried = subprocess.run(["strace", "-qq", "-o", "/dev/null", "true"], capture_output=True, text=True, check=False)
    return None if tried.returncode == 0 else f"ptrace is not allowed here: {tried.stderr.strip()}"


def is_whole(log: Path) -> bool:
    """The program has ended well, and all of it is written down."""
    return log.read_text().rstrip().endswith(_END)


def read(log: Path, folder: Path) -> list[Event]:
    """Of files only those under `folder`. Raises ValueError at a line that is not understood."""
    events = []
    for line in _whole_lines(log):
        found = _CALL.match(line)
        if found is None:
            raise ValueError(f"not understood: {line[:200]}")
        if int(found[3]) >= 0 and (event := _event(found[1], found[2], int(found[3]), str(folder))) is not None:
            events.append(event)
    return events


def _whole_lines(log: Path) -> Iterator[str]:
    """A call that was interrupted by that of another thread counts where it ended, but what it lets out where it
    began: somebody may have it by then."""
    begun: dict[str, str] = {}
    for line in log.read_text().splitlines():
        if (found := _UNDER_WAY.match(line)) is not None:
            if found[2].startswith("sendto("):
                yield f"{found[2]}) = 0"
            else:
                begun[found[1]] = found[2]
        elif (found := _ENDED.match(line)) is not None:
            if (beginning := begun.pop(found[1], None)) is not None:
                yield beginning + found[3]
        elif not line.endswith(_END):
            yield line


def _event(call: str, arguments: str, result: int, folder: str) -> Event | None:
    rest = arguments.partition(">, ")[2] or arguments  # a descriptor is followed by what it stands for
    texts = [bytes.fromhex(text.replace("\\x", "")) for text in _TEXT.findall(rest)]
    if call == "openat":
        path = texts[0].decode()
        return Made(path) if "O_CREAT" in arguments and path.startswith(folder) else None
    if call in ("unlink", "unlinkat"):
        path = texts[0].decode()
        return Removed(path) if path.startswith(folder) else None
    if call in ("rename", "renameat", "renameat2"):
        before, path = (text.decode() for text in texts)
        return Renamed(path, before) if path.startswith(folder) else None
    fd = _FD.match(arguments)
    path = bytes.fromhex(fd[1].replace("\\x", "")).decode() if fd else ""
    if not path.startswith(folder):
        return LetOut(texts[0]) if call in ("write", "sendto") and texts else None
    numbers = arguments.rpartition('"')[2] if texts else arguments
    match call:
        case "write":
            return Written(path, -1, texts[0][:result])
        case "pwrite64":
            return Written(path, int(numbers.split(",")[2]), texts[0][:result])
        case "ftruncate":
            return Truncated(path, int(numbers.split(",")[1]))
        case "fsync" | "fdatasync":
            return Synced(path)
    raise ValueError(f"{call} on {path}: not understood")
