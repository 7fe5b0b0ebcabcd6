"""A real broker on a free loopback port, and a client that looks on."""

from __future__ import annotations

import select
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

PATIENCE_S = 15.0
PROGRAM = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")

needs_mosquitto = pytest.mark.skipif(PROGRAM is None, reason="mosquitto is not installed")

PLAIN = "listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Mosquitto:
    """Started with this configuration, `{port}` filled in."""

    def __init__(self, folder: Path, configuration: str = PLAIN) -> None:
        self._file = folder / "mosquitto.conf"
        self._configuration = configuration
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def start(self) -> None:
        """Returns once it listens; on the same port again after `kill`."""
        assert PROGRAM is not None
        # As root it would become another user, who cannot read the folder of a test.
        text = "user root\nlog_dest stderr\nlog_type all\n" + self._configuration.format(port=self.port)
        self._file.write_text(text)
        self._process = subprocess.Popen([PROGRAM, "-c", str(self._file)], stderr=subprocess.PIPE)
        _read_until(self._process, b" running")

    def kill(self) -> None:
        """kill -9; what it held in memory is gone."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            assert self._process.stderr is not None
            self._process.stderr.close()
            self._process = None


def _read_until(process: subprocess.Popen[bytes], sign: bytes) -> None:
    """Then a thread reads on, so that the broker's log cannot fill the pipe."""
    assert process.stderr is not None
    seen = b""
    end = time.monotonic() + PATIENCE_S
    while sign not in seen:
        assert select.select([process.stderr], [], [], max(0, end - time.monotonic()))[0], seen.decode()
        chunk = process.stderr.read1(4096)  # type: ignore[attr-defined]
        assert chunk, f"mosquitto ended: {seen.decode()}"
        seen += chunk
    threading.Thread(target=_drain, args=(process.stderr,), daemon=True).start()


def _drain(pipe: Any) -> None:
    try:
        while pipe.read1(65536):
            pass
    except ValueError:
        return


class Onlooker:
    """Subscribes to everything, keeps what comes, and can publish. `on_message` runs in its thread."""

    def __init__(
        self,
        port: int,
        topics: Sequence[str] = ("kc/#",),
        on_message: Callable[[Onlooker, MQTTMessage], None] | None = None,
    ) -> None:
        self.messages: list[MQTTMessage] = []
        self._on_message = on_message
        self._topics = topics
        self._changed = threading.Condition()
        self._ready = False
        self._client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        self._client.on_connect = lambda *_: self._listen([(topic, 1) for topic in topics])
        self._client.on_subscribe = lambda *_: self._tell(None)
        self._client.on_message = lambda _client, _data, message: self._take(message)
        self._client.reconnect_delay_set(1, 1)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        self.wait(lambda: self._ready)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Returns once the broker has it."""
        info = self._client.publish(topic, payload, qos=1, retain=retain)
        if threading.current_thread() is threading.main_thread():
            info.wait_for_publish(PATIENCE_S)
            assert info.is_published()

    def payloads(self, topic: str) -> list[bytes]:
        return [bytes(message.payload) for message in list(self.messages) if message.topic == topic]

    def newest(self, topic: str) -> bytes | None:
        return next(iter(self.payloads(topic)[::-1]), None)

    def wait(self, holds: Callable[[], bool], patience_s: float = PATIENCE_S) -> None:
        with self._changed:
            assert self._changed.wait_for(holds, patience_s)

    def _listen(self, topics: list[tuple[str, int]]) -> None:
        self._client.subscribe(topics)

    def _take(self, message: MQTTMessage) -> None:
        if self._on_message is not None:
            self._on_message(self, message)
        self._tell(message)

    def _tell(self, message: MQTTMessage | None) -> None:
        with self._changed:
            self._ready = True
            if message is not None:
                self.messages.append(message)
            self._changed.notify_all()
