"""A verifier behind a Unix socket: believed only what it signed for this question, in time."""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from drivers.socket_verifier import SocketVerifier
from drivers.specs.socket_verifier import SocketVerifierSpec
from hal.capabilities import Verifier
from hal.errors import DeviceError, DeviceRefused, DeviceTimeout, LinkLost
from hal.unix_socket import UnixSocket
from simulator.faults import parse_fault
from simulator.harness.virtual_loop import run
from simulator.harness.wire.memory_socket import MemoryClient, MemorySocket
from simulator.serial_device import SerialDevice
from simulator.socket_verifier import SocketVerifier as Camera
from tests.drivers.fakes import LoopClock
from tests.wire.test_verifier import NONCE, PERSON, SIGNED_YES

ADA, LIN = "QURBQURBQURBQURBQURBQQ==", "TElOTElOTElOTElOTElOTA=="
KEY = bytes(range(32))
SPEC = SocketVerifierSpec(id="camera", type="socket-verifier", link="camera")
PAGE = Path(__file__).parents[2] / "docs" / "reference" / "devices" / "socket-verifier.md"


class Stand:
    """The driver and the camera, with nobody before it."""

    def __init__(self, camera_key: bytes = KEY) -> None:
        self.socket = MemorySocket("camera", KEY)
        self.camera = Camera(random.Random(1), camera_key)
        self.device = SerialDevice(self.camera, self.socket, random.Random(1))
        self.driver = SocketVerifier(SPEC, MemoryClient(self.socket), LoopClock())
        self.device.start()

    def fault(self, text: str) -> None:
        self.device.fault(parse_fault(text, self.camera.faults))

    async def ask(self, face: str | None, person: str = ADA, within_s: float = 10.0) -> bool | None:
        """`face` is of whom looks."""
        if face is not None:
            self.camera.look(lambda asked: asked == face)
        return await self.driver.verify(person, within_s)

    @contextlib.asynccontextmanager
    async def watching(self) -> AsyncIterator[asyncio.Task[None]]:
        await self.driver.start()
        watch = asyncio.create_task(self.driver.watch(lambda reading: None))
        try:
            yield watch
        finally:
            watch.cancel()
            await asyncio.wait({watch})


def test_yes_no_and_nobody_there() -> None:
    async def story() -> None:
        stand = Stand()
        assert isinstance(stand.driver, Verifier)
        async with stand.watching() as watch:
            assert await stand.ask(ADA) is True
            assert await stand.ask(LIN) is False
            started_s = asyncio.get_running_loop().time()
            assert await stand.ask(None) is None
            assert asyncio.get_running_loop().time() - started_s == pytest.approx(10.0)
            assert await stand.ask(LIN, LIN) is True
            await asyncio.sleep(5)
            assert not watch.done()

    run(story())


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("bad-checksum", DeviceRefused),
        ("stale", DeviceRefused),
        ("truncate", DeviceTimeout),
        ("truncate=64", DeviceTimeout),
        ("merge", DeviceRefused),
        ("silent", DeviceTimeout),
        ("late=20000", DeviceTimeout),
        ("unplug", LinkLost),
    ],
)
def test_what_it_cannot_believe_is_no_answer_and_is_reported(fault: str, error: type[DeviceError]) -> None:
    async def story() -> None:
        stand = Stand()
        async with stand.watching() as watch:
            await stand.ask(ADA)  # for a fault that plays an old answer again
            stand.fault(fault)
            assert await stand.ask(ADA) is None
            async with asyncio.timeout(4):
                with pytest.raises(error) as caught:
                    await watch
            assert caught.value.hint
            stand.device.clear()
            await stand.driver.start()
            assert await stand.ask(ADA) is True

    run(story())


@pytest.mark.parametrize("fault", ["duplicate", "split", "late=1000"])
def test_what_does_no_harm(fault: str) -> None:
    async def story() -> None:
        stand = Stand()
        stand.fault(fault)
        async with stand.watching() as watch:
            assert await stand.ask(ADA) is True
            await asyncio.sleep(10)
            assert not watch.done()

    run(story())


def test_another_key_is_found_at_the_start() -> None:
    async def story() -> None:
        with pytest.raises(DeviceRefused, match="are both key files the same"):
            await Stand(camera_key=bytes(32)).driver.start()

    run(story())


def test_noise_is_never_a_wrong_answer() -> None:
    async def story() -> None:
        for seed in range(20):
            stand = Stand()
            stand.device = SerialDevice(stand.camera, stand.socket, random.Random(seed))
            stand.device.start()
            stand.fault("noise=40")
            assert await stand.ask(LIN) in (False, None)

    run(story())


def test_the_other_side_of_the_page_works(tmp_path: Path) -> None:
    [program] = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    key_file, path = tmp_path / "key", tmp_path / "camera"
    key_file.write_text(KEY.hex() + "\n")
    key_file.chmod(0o640)
    program = program.replace(
        "UnixStreamServer(PATH, Handler).serve_forever()",
        "server = UnixStreamServer(PATH, Handler)\nprint('ready', flush=True)\nserver.serve_forever()",
    )
    server = subprocess.Popen([sys.executable, "-c", program, path, key_file], stdout=subprocess.PIPE)
    assert server.stdout is not None
    try:
        assert server.stdout.readline() == b"ready\n"
        link = UnixSocket("camera", str(path), str(key_file))

        async def ask() -> bool | None:
            await link.open()
            driver = SocketVerifier(SPEC, link, LoopClock())
            await driver.start()
            return await driver.verify(ADA, 5.0)

        assert asyncio.run(ask()) is True
    finally:
        server.kill()
        server.communicate()


@pytest.mark.parametrize(
    ("text", "mode", "hint"),
    [
        (None, 0o600, "openssl rand -hex 32"),
        ("00" * 31, 0o600, "64 hex digits"),
        ("no key", 0o600, "64 hex digits"),
        ("00" * 32, 0o644, "chmod 640"),
    ],
)
def test_a_key_file_that_will_not_do(text: str | None, mode: int, hint: str, tmp_path: Path) -> None:
    file = tmp_path / "key"
    if text is not None:
        file.write_text(text)
        file.chmod(mode)
    with pytest.raises(LinkLost, match=hint):
        asyncio.run(UnixSocket("camera", str(tmp_path / "socket"), str(file)).open())


def test_the_vector_of_the_page_is_that_of_the_codec() -> None:
    page = PAGE.read_text("utf-8")
    assert all(f"`{text}`" in page for text in (NONCE, PERSON, SIGNED_YES))
