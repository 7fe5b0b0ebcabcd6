"""A camera behind a Unix socket that knows faces, and the face before it.

    POST /verify HTTP/1.0  {"nonce": N, "person": P, "within_ms": T}  ->  {"answer": "yes", "signature": S}
    POST /alive  HTTP/1.0  {"nonce": N}                               ->  {"answer": "alive", "signature": S}

S is the hex HMAC-SHA256 of the four lines cabinet-verifier/1, N, P (empty for alive) and the answer, each with its
line feed. It answers as soon as somebody looks at it; as long as nobody does, it says nothing.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import random
from collections.abc import Callable
from typing import ClassVar

from simulator.faults import Fault
from simulator.options import OptionError, Options

IsPerson = Callable[[str], bool]
"""Whether it is the face of the person with this pseudonym."""
THINKS_S = 0.4
LOOKS_S = 2.0
"""How long somebody looks who was not asked yet."""
KEY_DIGITS = 64
REQUEST_MAX = 4096


class SocketVerifier:
    title = "camera that confirms faces, HTTP on a Unix socket"
    options: ClassVar = {
        "answer": "yes, no or none (it says nothing), to whatever is asked; default yes",
        "key": "64 hex digits, as in key_file; default all 0",
    }
    faults = (
        *("noise", "truncate", "bad-checksum", "late", "silent", "duplicate", "stale", "split", "merge"),
        *("unplug", "power-cycle"),
    )
    spoilers: ClassVar = {
        "bad-checksum": lambda frame: frame[:-4] + (b"1" if frame[-4:-3] == b"0" else b"0") + frame[-3:]
    }

    def __init__(self, rng: random.Random, key: bytes, answer: str | None = None) -> None:
        """`answer` None: as the face before it."""
        self._key = key
        self._answer = answer
        self._asked: tuple[str, str] | None = None
        """Nonce and person."""
        self._face: IsPerson | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._request = b""
        self._send: Callable[[bytes], None] = lambda frame: None

    @classmethod
    def alone(cls, options: Options, rng: random.Random) -> SocketVerifier:
        text = options.text("key") or "0" * KEY_DIGITS
        try:
            key = bytes.fromhex(text)
        except ValueError:
            key = b""
        if len(text) != KEY_DIGITS or len(key) != KEY_DIGITS // 2:
            raise OptionError("key: allowed are 64 hex digits")
        return cls(rng, key, options.one_of("answer", "yes", ("yes", "no", "none")))

    def connect(self, send: Callable[[bytes], None]) -> None:
        self._send = send

    def receive(self, data: bytes) -> None:
        """A request begins a connection, so nothing of another is before it."""
        self._request = (data if data.startswith(b"POST ") else self._request + data)[:REQUEST_MAX]
        head, end, body = self._request.partition(b"\r\n\r\n")
        try:
            question = json.loads(body)
        except ValueError:
            return  # not all of it is there yet
        if end:
            self._request = b""
            self._question(head.split(b" ")[1], question)

    def power(self, *, on: bool) -> None:
        self._forget()
        self._request = b""

    def look(self, face: IsPerson) -> None:
        """Somebody does, for a moment."""
        self._forget(asked=False)
        self._face = face
        delay_s = THINKS_S if self._asked else LOOKS_S
        self._timer = asyncio.get_running_loop().call_later(delay_s, self._seen)

    def afflict(self, fault: Fault) -> None:
        raise AssertionError("the stage plays all of its faults")

    def heal(self) -> None:
        """There is nothing to heal."""

    def _question(self, path: bytes, question: dict[str, str]) -> None:
        if path == b"/alive":
            self._reply(question["nonce"], "", "alive")
            return
        self._asked = question["nonce"], question["person"]
        if self._answer is not None:
            if self._answer != "none":
                self._reply(*self._asked, self._answer)
        elif self._face is not None:
            self.look(self._face)

    def _seen(self) -> None:
        if self._asked is not None and self._face is not None:
            nonce, person = self._asked
            self._reply(nonce, person, "yes" if self._face(person) else "no")
        self._forget()

    def _forget(self, *, asked: bool = True) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._face = None
        if asked:
            self._asked = None

    def _reply(self, nonce: str, person: str, answer: str) -> None:
        message = f"cabinet-verifier/1\n{nonce}\n{person}\n{answer}\n"
        signed = hmac.new(self._key, message.encode(), hashlib.sha256).hexdigest()
        body = json.dumps({"answer": answer, "signature": signed}) + "\n"
        self._send(f"HTTP/1.0 200 OK\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
