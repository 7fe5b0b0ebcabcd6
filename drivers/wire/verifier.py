"""What a verifier is asked over HTTP, and how it signs its answers. No I/O here.

    POST /verify   {"nonce": N, "person": P, "within_ms": T}   ->   200 {"answer": A, "signature": S}
    POST /alive    {"nonce": N}                                ->   200 {"answer": "alive", "signature": S}

    S = hex(HMAC-SHA256(key, "cabinet-verifier/1" LF N LF P LF A LF)), with an empty P for alive

HTTP/1.0, so that the reply comes in one piece and ends with the connection (RFC 1945, 7.2.2), unless Content-Length
says where before. Described for others in docs/reference/devices/socket-verifier.md, whose example is a test vector.
"""

from __future__ import annotations

import hmac
import json
import re
from typing import Final, Literal

Answer = Literal["yes", "no", "none", "alive"]

REPLY_MAX: Final = 4096
_END_OF_HEAD: Final = b"\r\n\r\n"
_STATUS: Final = re.compile(rb"HTTP/1\.[01] ([0-9]{3})[ \r]")
_LENGTH: Final = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,5})[ \t]*\r\n", re.IGNORECASE)


def verify_request(nonce: str, person: str, within_ms: int) -> bytes:
    return _post("/verify", {"nonce": nonce, "person": person, "within_ms": within_ms})


def alive_request(nonce: str) -> bytes:
    return _post("/alive", {"nonce": nonce})


def signature(key: bytes, nonce: str, person: str, answer: str) -> str:
    message = f"cabinet-verifier/1\n{nonce}\n{person}\n{answer}\n"
    return hmac.digest(key, message.encode(), "sha256").hex()


class Reply:
    """One reply, in any chopping; keeps at most 4 kB of it."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._body_at: int | None = None
        """None: its head is not whole."""
        self._ends: int | None = None
        """Where it ends; None: with the connection."""

    def feed(self, chunk: bytes) -> bool:
        """True: it is whole, or more than any reply; what follows is not looked at."""
        data = self._data
        data += chunk[: REPLY_MAX + 1 - len(data)]
        if self._body_at is None and (end := data.find(_END_OF_HEAD)) >= 0:
            self._body_at = end + len(_END_OF_HEAD)
            if found := _LENGTH.search(data, 0, end + 2):
                self._ends = self._body_at + int(found[1])
        return len(data) > REPLY_MAX or (self._ends is not None and len(data) >= self._ends)

    def answer(self, key: bytes, nonce: str, person: str, allowed: tuple[Answer, ...]) -> tuple[Answer | None, str]:
        """What was answered to this question and nothing else; None with a hint for the technician."""
        status = _STATUS.match(self._data)
        if not self._data:
            return None, "it hung up without an answer; look at its log"
        if len(self._data) > REPLY_MAX or status is None:
            return None, "what it answers is no HTTP reply; is it the right socket?"
        if status[1] != b"200":
            return None, f"it answers with status {status[1].decode()}; look at its log"
        if self._ends is not None and len(self._data) < self._ends:
            return None, "its answer is cut short; look at its log"
        try:
            found = json.loads(self._data[self._body_at : self._ends].decode() if self._body_at else "")
            said, signed = found["answer"], found["signature"]
        except (ValueError, KeyError, TypeError, RecursionError):
            return None, 'its answer is no JSON object with "answer" and "signature"'
        if said not in allowed:
            return None, f"its answer is none of {', '.join(allowed)}"
        answer: Answer = said
        if not (isinstance(signed, str) and signed.isascii()):
            return None, 'its "signature" is no text of hex digits'
        if not hmac.compare_digest(signed, signature(key, nonce, person, answer)):
            return None, "its signature does not fit this question; are both key files the same?"
        return answer, ""


def _post(path: str, question: dict[str, object]) -> bytes:
    body = json.dumps(question).encode()
    lines = (
        f"POST {path} HTTP/1.0",
        "Host: verifier",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
    )
    return "".join(f"{line}\r\n" for line in (*lines, "")).encode() + body
