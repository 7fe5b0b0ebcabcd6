"""Connections to a control socket that speak its protocol by hand, as another program would."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

PATIENCE_S = 15.0


class Line:
    """A connection to a control socket, by hand: any bytes out, answers as they come."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(PATIENCE_S)
        self._socket.connect(str(path))
        self._lines = self._socket.makefile("rb")

    def __enter__(self) -> Line:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._lines.close()
        self._socket.close()

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def request(self, number: object, method: str, **params: object) -> None:
        request = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
        self.send(json.dumps(request).encode() + b"\n")

    def answer(self) -> dict[str, Any]:
        """The next line. Fails when the daemon has closed the connection."""
        answer: dict[str, Any] = json.loads(self._lines.readline())
        return answer


class Watch:
    """Leaves as they are committed, by a connection of its own that speaks the protocol by hand."""

    def __init__(self, path: Path, first: int | None = None) -> None:
        self.ended = False
        self._rest = b""
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(str(path))
        request = {"jsonrpc": "2.0", "id": 1, "method": "watch", "params": {"from": first}}
        self._socket.sendall(json.dumps(request).encode() + b"\n")
        self._socket.setblocking(False)

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()

    def arrived(self) -> list[dict[str, Any]]:
        """The leaves that came since the last call; does not wait."""
        try:
            while chunk := self._socket.recv(1 << 20):
                self._rest += chunk
            self.ended = True
        except BlockingIOError:
            pass
        except ConnectionError:
            self.ended = True
        *whole, self._rest = self._rest.split(b"\n")
        return [message["params"]["leaf"] for line in whole if "params" in (message := json.loads(line))]
