"""A TCP proxy in front of a broker that can go deaf: like a line whose far end has vanished without a word."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
from types import TracebackType
from typing import Self

PUBACK = 0x40


class Proxy:
    """Passes bytes between clients and the broker. `silent`: passes nothing, and keeps every connection open.
    `swallow_pubacks`: drops the broker's PUBACKs, of new connections too, until told otherwise. Inside TLS
    (`is_mqtt` false) there are none to be seen."""

    def __init__(self, port: int, *, is_mqtt: bool = True) -> None:
        self._is_mqtt = is_mqtt
        self.silent = False
        self.swallow_pubacks = False
        self.connections = 0
        self._connected = threading.Condition()
        self._broker = ("127.0.0.1", port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ, None)
        self._stop_here, self._stop_there = socket.socketpair()
        self._selector.register(self._stop_here, selectors.EVENT_READ, None)
        self._sockets: list[socket.socket] = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop_there.send(b"\0")
        self._thread.join()
        for one in (*self._sockets, self._listener, self._stop_here, self._stop_there):
            one.close()
        self._selector.close()

    def wait_for(self, connections: int) -> None:
        with self._connected:
            assert self._connected.wait_for(lambda: self.connections >= connections, 15)

    def _run(self) -> None:
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._stop_here:
                    return
                if key.fileobj is self._listener:
                    self._accept()
                else:
                    key.data.pump(self)

    def _accept(self) -> None:
        client, _ = self._listener.accept()
        broker = socket.create_connection(self._broker)
        self._sockets += [client, broker]
        with self._connected:
            self.connections += 1
            self._connected.notify_all()
        self._selector.register(client, selectors.EVENT_READ, _Pipe(client, broker, self._selector))
        self._selector.register(
            broker, selectors.EVENT_READ, _Pipe(broker, client, self._selector, sifts=self._is_mqtt)
        )


class _Pipe:
    def __init__(
        self,
        source: socket.socket,
        target: socket.socket,
        selector: selectors.BaseSelector,
        *,
        sifts: bool = False,
    ) -> None:
        self._source, self._target, self._selector = source, target, selector
        self._sifts = sifts
        self._held = b""

    def pump(self, proxy: Proxy) -> None:
        try:
            chunk = self._source.recv(65536)
        except OSError:
            chunk = b""
        if not chunk:
            self._selector.unregister(self._source)
            if not proxy.silent:
                with contextlib.suppress(OSError):
                    self._target.shutdown(socket.SHUT_RDWR)
            return
        if proxy.silent:
            return
        with contextlib.suppress(OSError):
            self._target.sendall(self._sifted(chunk, proxy) if self._sifts else chunk)

    def _sifted(self, chunk: bytes, proxy: Proxy) -> bytes:
        """Whole MQTT packets (5.0, section 2.1), without PUBACKs while they are swallowed."""
        self._held += chunk
        passed = b""
        while (end := _packet_end(self._held)) is not None:
            packet, self._held = self._held[:end], self._held[end:]
            if not (proxy.swallow_pubacks and packet[0] & 0xF0 == PUBACK):
                passed += packet
        return passed


def _packet_end(data: bytes) -> int | None:
    length = shift = 0
    for at, byte in enumerate(data[1:5], 2):
        length |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return at + length if len(data) >= at + length else None
    return None
