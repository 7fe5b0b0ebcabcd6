"""Roster files that come in parts, because a control line is short."""

from __future__ import annotations

import secrets

from cabinet.control.protocol import Code, ControlError, Params
from cabinet.roster.changes import Import
from cabinet.service.parameters import choice, line

_BYTES_MAX = 32_000_000
_FILES = ("people.csv", "items.csv", "rights.toml")


def whole(params: Params) -> Import:
    """`files`, a name and a text each, as one change. Raises ControlError for other files or other values."""
    files = params.get("files")
    if not isinstance(files, dict) or not all(isinstance(text, str) for text in files.values()):
        raise ControlError(Code.BAD_PARAMS, "files: an object of file names and texts is needed")
    for name in files:
        choice({"files": name}, "files", _FILES)
    return Import({name: text.encode() for name, text in files.items()})


class Uploads:
    """One upload at a time; a new one drops what another left unfinished."""

    def __init__(self) -> None:
        self._id = ""
        self._files: dict[str, list[bytes]] = {}
        self._size = 0

    def begin(self) -> str:
        self._id, self._files, self._size = secrets.token_hex(8), {}, 0
        return self._id

    def add(self, params: Params) -> None:
        """Appends a part to its file. Raises ControlError for another upload's id, other files or too much."""
        self._check(params)
        file = choice(params, "file", _FILES)
        data = params.get("data")
        if not isinstance(data, str):
            raise ControlError(Code.BAD_PARAMS, "data: text is needed")
        part = data.encode()
        self._size += len(part)
        if self._size > _BYTES_MAX:
            self._id, self._files = "", {}
            raise ControlError(Code.REFUSED, f"more than {_BYTES_MAX // 1_000_000} MB of roster files; split them")
        self._files.setdefault(file, []).append(part)

    def finish(self, params: Params) -> Import:
        """The whole upload as one change; nothing of it is kept here."""
        self._check(params)
        change = Import({file: b"".join(parts) for file, parts in self._files.items()})
        self._id, self._files, self._size = "", {}, 0
        return change

    def _check(self, params: Params) -> None:
        if line(params, "upload", 64) != self._id:
            raise ControlError(Code.NOT_FOUND, "this upload is not open any more; begin it again")
