"""The other end of a control socket, for programs without an event loop: cabinetctl, and the uplink's reader.

Standard library only, and little of it: it is loaded each time cabinetctl starts.
"""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from cabinet.control.protocol import (
    Answer,
    Code,
    ControlError,
    Exit,
    Lines,
    Notification,
    format_request,
    line_too_long,
    parse_reply,
)

TIMEOUT_S = 15.0
"""Longer than the 10 s after which the daemon itself gives up on a request."""


class DaemonDown(ControlError):
    """Nobody listens at the socket: nothing was sent."""

    def __init__(self, path: Path) -> None:
        super().__init__(Code.INTERNAL, f"cabinetd does not answer at {path}", Exit.DAEMON_DOWN)


class Client:
    """One connection, used by one thread. Closed by itself after a time-out or a broken answer, so that a
    late answer is never taken for the next one's."""

    def __init__(self, path: Path, timeout_s: float = TIMEOUT_S) -> None:
        """Connects. Raises DaemonDown, or ControlError (NOT_ALLOWED, TIMEOUT)."""
        self._timeout_s = timeout_s
        self._lines = Lines()
        self._arrived: deque[Answer | Notification] = deque()
        self._last_id = 0
        self._socket = _connect(path, timeout_s)

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """At once; safe to call twice."""
        self._socket.close()

    def call(self, method: str, params: Mapping[str, object] | None = None, timeout_s: float | None = None) -> object:
        """The method's result. Blocks until the answer or `timeout_s` (the client's own unless given)
        without a byte from the daemon. Raises the ControlError that the daemon answered with; TIMEOUT;
        INTERNAL with exit 8 when the daemon ended meanwhile, and then it may or may not have been done.

        Notifications that arrive meanwhile are kept for notifications()."""
        self._last_id += 1
        self._send(format_request(self._last_id, method, params or {}))
        early: list[Notification] = []
        while True:
            reply = self._receive(timeout_s or self._timeout_s)
            if isinstance(reply, Notification):
                early.append(reply)
            # The id is missing when the daemon could not read the request, or turned the connection away.
            elif reply.id == self._last_id or (reply.id is None and reply.error is not None):
                self._arrived.extendleft(reversed(early))
                return _result(reply)

    def notifications(self) -> Iterator[Notification]:
        """Each notification as it arrives; blocks without bound. Raises INTERNAL with exit 8 when the
        daemon ends the connection: it stopped, or this client read too slowly."""
        while True:
            reply = self._receive(None)
            if isinstance(reply, Notification):
                yield reply

    def fileno(self) -> int:
        """For select(); -1 once closed."""
        return self._socket.fileno()

    def arrived(self) -> list[Notification]:
        """The notifications that are here by now. Never blocks; raises like notifications()."""
        with suppress(BlockingIOError):
            self._read(0)
        found = [reply for reply in self._arrived if isinstance(reply, Notification)]
        self._arrived.clear()
        return found

    def _send(self, line: bytes) -> None:
        self._socket.settimeout(self._timeout_s)
        try:
            self._socket.sendall(line)
        except TimeoutError:
            raise self._too_late(self._timeout_s) from None
        except ConnectionError:
            # Turned away: the reason is waiting to be read.
            return

    def _receive(self, timeout_s: float | None) -> Answer | Notification:
        while not self._arrived:
            self._read(timeout_s)
        return self._arrived.popleft()

    def _read(self, timeout_s: float | None) -> None:
        self._socket.settimeout(timeout_s)
        try:
            chunk = self._socket.recv(65536)
        except TimeoutError:
            raise self._too_late(timeout_s or 0) from None
        except ConnectionError:
            chunk = b""
        if not chunk:
            self.close()
            hint = "cabinetd ended the connection before it answered: look at journalctl -u cabinetd"
            raise ControlError(Code.INTERNAL, hint, Exit.DAEMON_DOWN)
        self._take(chunk)

    def _take(self, chunk: bytes) -> None:
        try:
            for line in self._lines.feed(chunk):
                if line is None:
                    raise line_too_long()
                self._arrived.append(parse_reply(line))
        except ControlError as error:
            self.close()
            message = f"cabinetd sent {error.message}: are cabinetctl and cabinetd of the same version?"
            raise ControlError(Code.INTERNAL, message) from None

    def _too_late(self, timeout_s: float) -> ControlError:
        self.close()
        return ControlError(Code.TIMEOUT, f"cabinetd did not answer within {timeout_s:g} s: try again")


def _connect(path: Path, timeout_s: float) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(timeout_s)
    try:
        connection.connect(str(path))
    except (FileNotFoundError, NotADirectoryError, ConnectionError):
        error: ControlError = DaemonDown(path)
    except PermissionError:
        error = ControlError(
            Code.NOT_ALLOWED, f"{path} is not open to you: join the group cabinet-service, or use sudo"
        )
    except TimeoutError:
        error = ControlError(Code.TIMEOUT, f"cabinetd took no connection within {timeout_s:g} s: try again")
    except OSError as reason:
        error = ControlError(Code.BAD_PARAMS, f"{path} is no usable socket path: {reason}")
    else:
        return connection
    connection.close()
    raise error


def _result(answer: Answer) -> object:
    if answer.error is not None:
        raise answer.error
    return answer.result
