"""JSON-RPC 2.0 as the control sockets speak it: one JSON object a line, UTF-8, ended by LF, at most 64 kB
with it.

    {"jsonrpc":"2.0","id":1,"method":"status","params":{}}                     request
    {"jsonrpc":"2.0","id":1,"result":{...}}                                    answer
    {"jsonrpc":"2.0","id":1,"error":{"code":-32004,"message":"...","data":{"exit":11}}}
    {"jsonrpc":"2.0","method":"leaf","params":{...}}                           notification, daemon only

Source: JSON-RPC 2.0 specification (jsonrpc.org, 2013-01-04). Narrower than that: no batches, parameters by
name only, and every request has an id, so that nothing is done without an answer. No I/O here, and only light
imports: cabinetctl waits for them each time it starts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import IntEnum
from typing import NamedTuple, NoReturn, TypeAlias, TypeGuard

LINE_BYTES_MAX = 65536
ERROR_LENGTH_MAX = 1000
"""Characters of an error's message."""
ID_LENGTH_MAX = 128
ID_INTEGER_MAX = 2**53 - 1

Id: TypeAlias = int | str | None
Params: TypeAlias = dict[str, object]


class Exit(IntEnum):
    """What cabinetctl ends with; each error on the wire carries one as `data.exit`."""

    OK = 0
    FAILURE = 1
    USAGE = 2
    DEGRADED = 3
    TIMEOUT = 4
    REFUSED = 5
    DAEMON_DOWN = 8
    NOT_FOUND = 10
    BUSY = 11
    NOT_ALLOWED = 12
    JOURNAL = 13
    HARDWARE = 14
    CONFIGURATION = 78
    INTERRUPTED = 130


class Code(IntEnum):
    """Codes of the error object: the specification's own (-32700 to -32603) and the cabinet's."""

    PARSE_ERROR = -32700
    INVALID_REQUEST = -32600
    UNKNOWN_METHOD = -32601
    BAD_PARAMS = -32602
    INTERNAL = -32603
    NOT_ALLOWED = -32001
    REFUSED = -32002
    NOT_FOUND = -32003
    BUSY = -32004
    TIMEOUT = -32005
    JOURNAL = -32006
    HARDWARE = -32007


EXIT_OF = {
    Code.PARSE_ERROR: Exit.USAGE,
    Code.INVALID_REQUEST: Exit.USAGE,
    Code.UNKNOWN_METHOD: Exit.USAGE,
    Code.BAD_PARAMS: Exit.USAGE,
    Code.INTERNAL: Exit.FAILURE,
    Code.NOT_ALLOWED: Exit.NOT_ALLOWED,
    Code.REFUSED: Exit.REFUSED,
    Code.NOT_FOUND: Exit.NOT_FOUND,
    Code.BUSY: Exit.BUSY,
    Code.TIMEOUT: Exit.TIMEOUT,
    Code.JOURNAL: Exit.JOURNAL,
    Code.HARDWARE: Exit.HARDWARE,
}


class ControlError(Exception):
    """What an error object says: `message` tells a person what to do next, `exit` is the code cabinetctl
    ends with (from `code` unless told), `data` holds further keys of the error's data (`problems`: a list
    of lines)."""

    def __init__(
        self, code: int, message: str, exit_code: int | None = None, data: Mapping[str, object] | None = None
    ) -> None:
        super().__init__(message)
        self.code = int(code)
        self.message = message
        self.exit = _exit_of(self.code) if exit_code is None else int(exit_code)
        self.data: dict[str, object] = dict(data or {})


class Request(NamedTuple):
    id: Id
    method: str
    params: Params


class BadRequest(NamedTuple):
    """A line that is no request: answer with `error` under `id` (None where none could be read)."""

    id: Id
    error: ControlError


class Answer(NamedTuple):
    """`error` is None when it was done; then `result` is what the method gave."""

    id: Id
    result: object
    error: ControlError | None


class Notification(NamedTuple):
    method: str
    params: Params


def parse_request(line: bytes) -> Request | BadRequest:
    """Never raises, whatever the bytes."""
    try:
        value = _decode(line)
    except ControlError as error:
        return BadRequest(None, error)
    if not isinstance(value, dict):
        what = "one request a line: batches are not supported" if isinstance(value, list) else "not an object"
        return BadRequest(None, ControlError(Code.INVALID_REQUEST, f"not a request: {what}"))
    known = value.get("id")
    request_id = known if _is_id(known) else None
    try:
        return _request(value)
    except ControlError as error:
        return BadRequest(request_id, error)


def parse_reply(line: bytes) -> Answer | Notification:
    """What a daemon sent. Raises ControlError (PARSE_ERROR, INVALID_REQUEST) when it is neither kind."""
    value = _decode(line)
    if not isinstance(value, dict):
        raise ControlError(Code.INVALID_REQUEST, "not an answer: not an object")
    if "method" in value:
        params = value.get("params", {})
        if isinstance(value["method"], str) and isinstance(params, dict):
            return Notification(value["method"], params)
    elif "error" in value:
        return Answer(_reply_id(value), None, _error(value["error"]))
    elif "result" in value:
        return Answer(_reply_id(value), value["result"], None)
    raise ControlError(Code.INVALID_REQUEST, "not an answer: neither result nor error nor notification")


def format_request(request_id: Id, method: str, params: Mapping[str, object]) -> bytes:
    """Raises ControlError (BAD_PARAMS) beyond LINE_BYTES_MAX."""
    return _encode({"id": request_id, "method": method, "params": params}, Code.BAD_PARAMS, "send it in parts")


def format_result(request_id: Id, result: object) -> bytes:
    """Raises ControlError (INTERNAL) beyond LINE_BYTES_MAX, TypeError or ValueError for what JSON cannot
    say."""
    return _encode({"id": request_id, "result": result}, Code.INTERNAL, "ask with a smaller limit")


def format_error(request_id: Id, error: ControlError) -> bytes:
    """Never raises: what does not fit into a line is left out, of `data.problems` the later ones."""
    data = {**error.data, "exit": error.exit}
    problems = data.get("problems")
    keep = len(problems) if isinstance(problems, list) else 0
    while True:
        body = {"code": error.code, "message": error.message[:ERROR_LENGTH_MAX], "data": data}
        try:
            return _encode({"id": request_id, "error": body}, Code.INTERNAL, "")
        except (ControlError, TypeError, ValueError):
            keep //= 2
            data = {"exit": error.exit}
            if keep and isinstance(problems, list):
                data |= {"problems": problems[:keep], "problems_left_out": len(problems) - keep}


def format_notification(method: str, params: Mapping[str, object]) -> bytes:
    """Raises like format_result."""
    return _encode({"method": method, "params": params}, Code.INTERNAL, "a notification must fit into a line")


class Lines:
    """Cuts a stream into lines whatever its chopping; holds at most LINE_BYTES_MAX bytes."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._skipping = False

    def feed(self, chunk: bytes) -> list[bytes | None]:
        """Whole lines without their LF, in order; None stands for one that was too long, told when the
        limit is passed, its rest is skipped up to the next LF."""
        found: list[bytes | None] = []
        *whole, rest = chunk.split(b"\n")
        for piece in whole:
            self._hold(piece, found)
            if not self._skipping:
                found.append(bytes(self._held))
            self._held.clear()
            self._skipping = False
        self._hold(rest, found)
        return found

    def _hold(self, piece: bytes, found: list[bytes | None]) -> None:
        if self._skipping:
            return
        if len(self._held) + len(piece) < LINE_BYTES_MAX:
            self._held += piece
            return
        self._held.clear()
        self._skipping = True
        found.append(None)


def line_too_long() -> ControlError:
    """The answer to a line that Lines reported as None."""
    return ControlError(Code.INVALID_REQUEST, f"a line holds at most {LINE_BYTES_MAX} bytes: send it in parts")


def _request(value: dict[str, object]) -> Request:
    method, params, request_id = value.get("method"), value.get("params", {}), value.get("id")
    if value.get("jsonrpc") != "2.0":
        raise ControlError(Code.INVALID_REQUEST, 'not a request: "jsonrpc" must be "2.0"')
    if not isinstance(method, str) or not method:
        raise ControlError(Code.INVALID_REQUEST, 'not a request: "method" must be a name')
    if not _is_id(request_id):
        raise ControlError(
            Code.INVALID_REQUEST, f'"id" must be an integer or a text of at most {ID_LENGTH_MAX} characters'
        )
    if not isinstance(params, dict):
        raise ControlError(Code.BAD_PARAMS, '"params" must be an object: parameters go by name')
    return Request(request_id, method, params)


def _is_id(value: object) -> TypeGuard[int | str]:
    if isinstance(value, str):
        return len(value) <= ID_LENGTH_MAX
    return type(value) is int and abs(value) <= ID_INTEGER_MAX


def _reply_id(value: dict[str, object]) -> Id:
    found = value.get("id")
    return found if isinstance(found, int | str) else None


def _error(body: object) -> ControlError:
    if not isinstance(body, dict) or type(body.get("code")) is not int:
        raise ControlError(Code.INVALID_REQUEST, "not an answer: an error without a code")
    data = dict(body["data"]) if isinstance(body.get("data"), dict) else {}
    exit_code = data.pop("exit", None)
    return ControlError(body["code"], str(body.get("message", "")), exit_code if type(exit_code) is int else None, data)


def _exit_of(code: int) -> int:
    return EXIT_OF[Code(code)] if code in EXIT_OF else Exit.FAILURE


def _decode(line: bytes) -> object:
    """One strict JSON value: UTF-8, no NaN, no infinity, no key twice, no half of a surrogate pair."""
    try:
        text = line.decode()
        value: object = json.loads(text, parse_constant=_refuse, parse_float=_finite, object_pairs_hook=_unique)
        if "\\" in text:
            json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise ControlError(Code.PARSE_ERROR, f"not JSON: {_why(error)}") from None
    return value


def _why(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at character {error.pos}"
    if isinstance(error, RecursionError):
        return "nested too deeply"
    if isinstance(error, UnicodeError):
        return "not UTF-8"
    return str(error)


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number")


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError("a number is too large")
    return number


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a key stands twice")
    return value


def _encode(body: dict[str, object], code: Code, hint: str) -> bytes:
    text = json.dumps({"jsonrpc": "2.0", **body}, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    # Half a surrogate pair (an undecodable file name) becomes its JSON escape instead of an error.
    line = text.encode("utf-8", "backslashreplace") + b"\n"
    if len(line) > LINE_BYTES_MAX:
        raise ControlError(code, f"longer than {LINE_BYTES_MAX} bytes: {hint}")
    return line
