"""A TCP line to the broker that is cut after so many bytes, wherever in a packet that is."""

from __future__ import annotations

import selectors
import socket
import struct
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import Self

_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER that makes close() send RST."""


class CutLine:
    """A context. Connection k passes `cuts[k]` bytes, both directions counted together, and is cut; after the last of
    them everything passes."""

    def __init__(self, port: int, cuts: Sequence[int] = ()) -> None:
        self._broker = ("127.0.0.1", port)
        self._cuts = list(cuts)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._stop_here, self._stop_there = socket.socketpair()
        self._selector.register(self._stop_here, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def cuts_left(self) -> int:
        return len(self._cuts)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._stop_there.send(b"\0")
        self._thread.join()
        for key in list(self._selector.get_map().values()):
            assert isinstance(key.fileobj, socket.socket)
            key.fileobj.close()
        self._stop_there.close()
        self._selector.close()

    def _run(self) -> None:
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._stop_here:
                    return
                if key.fileobj is self._listener:
                    self._accept()
                elif key.data is not None:
                    self._pass(key.data, key.fileobj)

    def _accept(self) -> None:
        client, _ = self._listener.accept()
        try:
            broker = socket.create_connection(self._broker)
        except OSError:
            client.close()
            return
        pair = _Pair(client, broker, self._cuts.pop(0) if self._cuts else None)
        for end in (client, broker):
            self._selector.register(end, selectors.EVENT_READ, pair)

    def _pass(self, pair: _Pair, source: object) -> None:
        if pair.is_cut or pair.passed(source):  # cut: by the first of two events of one turn
            return
        for end in pair.ends:
            self._selector.unregister(end)
        pair.cut()


class _Pair:
    def __init__(self, client: socket.socket, broker: socket.socket, bytes_left: int | None) -> None:
        self.ends = (client, broker)
        self.is_cut = False
        self._bytes_left = bytes_left

    def passed(self, source: object) -> bool:
        """Whether the line is still whole."""
        here, there = self.ends if source is self.ends[0] else self.ends[::-1]
        try:
            chunk = here.recv(65536)[: self._bytes_left]
            there.sendall(chunk)
        except OSError:
            return False
        if self._bytes_left is not None:
            self._bytes_left -= len(chunk)
        return bool(chunk) and self._bytes_left != 0

    def cut(self) -> None:
        """The far end gets what was passed on before; the near one a reset."""
        self.is_cut = True
        self.ends[0].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        for end in self.ends:
            end.close()
