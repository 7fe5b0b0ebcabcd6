"""A serial port: real pseudo-terminals, plugged and unplugged behind a name."""

from __future__ import annotations

import asyncio
import errno
import grp
import logging
import os
import termios
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import serial
from pytest_mock import MockerFixture

from hal.errors import DeviceMisconfigured, LinkLost
from hal.serial_link import UNREAD_MAX, SerialLink


class Adapter:
    """What is plugged in behind the name `path`; its own end of the wire is `master`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.master = -1

    def plug(self) -> None:
        self.master, slave = os.openpty()
        os.set_blocking(self.master, False)
        self.path.unlink(missing_ok=True)
        self.path.symlink_to(os.ttyname(slave))
        os.close(slave)

    def unplug(self) -> None:
        os.close(self.master)
        self.master = -1


@pytest.fixture
def adapter(tmp_path: Path) -> Iterator[Adapter]:
    adapter = Adapter(tmp_path / "uart0")
    adapter.plug()
    yield adapter
    if adapter.master >= 0:
        adapter.unplug()


def test_bytes_pass_unchanged_both_ways(adapter: Adapter) -> None:
    everything = bytes(range(256))

    async def story() -> tuple[bytes, bytes]:
        link = await opened(adapter)
        await link.write(everything)
        os.write(adapter.master, everything)
        heard = await read_exactly(link, 256)
        await link.close()
        return os.read(adapter.master, 512), heard

    assert asyncio.run(story()) == (everything, everything)


def test_the_port_is_set_to_its_baud_and_raw(adapter: Adapter) -> None:
    async def story() -> list[object]:
        link = SerialLink("uart0", str(adapter.path), 57600)
        await link.open()
        attributes = termios.tcgetattr(adapter.master)
        await link.close()
        return attributes

    _, _, control, local, _, speed, _ = asyncio.run(story())
    assert speed == termios.B57600
    assert control & termios.CSIZE == termios.CS8
    assert not local & (termios.ECHO | termios.ICANON)


def test_nobody_else_gets_the_port(adapter: Adapter) -> None:
    async def story() -> None:
        link = await opened(adapter)
        with pytest.raises(LinkLost, match="in use by another program"):
            await SerialLink("other", str(adapter.path)).open()
        await link.close()
        await (await opened(adapter)).close()

    asyncio.run(story())


def test_a_hang_up_ends_reading_and_writing_and_leaves_no_descriptor(adapter: Adapter) -> None:
    async def story() -> None:
        before = os.listdir("/proc/self/fd")
        link = await opened(adapter)
        reading = asyncio.ensure_future(link.read())
        await asyncio.sleep(0)
        adapter.unplug()
        with pytest.raises(LinkLost, match="hung up"):
            await reading
        assert len(os.listdir("/proc/self/fd")) == len(before) - 1  # the adapter's end is gone too
        with pytest.raises(LinkLost):
            await link.write(b"x")
        assert link.discard_input() == 0
        await link.close()
        await link.close()

    asyncio.run(story())


def test_what_came_before_the_hang_up_is_still_read(adapter: Adapter) -> None:
    async def story() -> bytes:
        link = await opened(adapter)
        os.write(adapter.master, b"last words")
        heard = await link.read()
        os.write(adapter.master, b"!")
        await until(lambda: link._unread == b"!")
        adapter.unplug()
        await until(lambda: link._serial is None)
        heard += await link.read()
        with pytest.raises(LinkLost):
            await link.read()
        return heard

    assert asyncio.run(story()) == b"last words!"


def test_a_replugged_adapter_is_found_by_its_name(adapter: Adapter) -> None:
    async def story() -> bytes:
        link = await opened(adapter)
        adapter.unplug()
        with pytest.raises(LinkLost):
            await link.read()
        await link.close()
        keep = os.openpty()  # so that the new one has another number
        adapter.plug()
        await link.open()
        os.write(adapter.master, b"again")
        heard = await read_exactly(link, 5)
        await link.close()
        for descriptor in keep:
            os.close(descriptor)
        return heard

    assert asyncio.run(story()) == b"again"


def test_a_cancelled_read_loses_no_byte(adapter: Adapter) -> None:
    async def story() -> bytes:
        link = await opened(adapter)
        heard = b""
        for byte in b"0006547886":
            reading = asyncio.ensure_future(link.read())
            await asyncio.sleep(0)
            os.write(adapter.master, bytes((byte,)))
            reading.cancel()
            (result,) = await asyncio.gather(reading, return_exceptions=True)
            heard += result if isinstance(result, bytes) else b""
        heard += await read_exactly(link, 10 - len(heard))
        await link.close()
        return heard

    assert asyncio.run(story()) == b"0006547886"


def test_discarding_counts_what_was_there(adapter: Adapter) -> None:
    async def story() -> tuple[int, int, bytes]:
        link = await opened(adapter)
        os.write(adapter.master, b"stale")
        first, second = link.discard_input(), link.discard_input()
        os.write(adapter.master, b"fresh")
        heard = await read_exactly(link, 5)
        await link.close()
        return first, second, heard

    assert asyncio.run(story()) == (5, 0, b"fresh")


def test_a_read_that_finds_nothing_is_no_hang_up(adapter: Adapter) -> None:
    """The loop has already seen the port readable when somebody discards the input before it gets to reading."""

    async def story() -> bytes:
        link = await opened(adapter)
        os.write(adapter.master, b"x")
        asyncio.get_running_loop().call_soon(link.discard_input)
        await asyncio.sleep(0)
        link._take()
        os.write(adapter.master, b"fresh")
        heard = await read_exactly(link, 5)
        await link.close()
        return heard

    assert asyncio.run(story()) == b"fresh"


def test_a_full_port_makes_the_writer_wait_and_keeps_the_order(adapter: Adapter) -> None:
    data = os.urandom(200_000)

    async def story() -> bytes:
        link = await opened(adapter)
        writing = asyncio.ensure_future(link.write(data))
        await asyncio.sleep(0)
        assert not writing.done()
        passed = bytearray()
        while len(passed) < len(data):
            await asyncio.sleep(0)
            try:
                passed += os.read(adapter.master, 65536)
            except BlockingIOError:
                continue
        await writing
        await link.close()
        return bytes(passed)

    assert asyncio.run(story()) == data


def test_a_writer_who_waits_learns_of_the_hang_up_and_may_be_cancelled(adapter: Adapter) -> None:
    async def story() -> None:
        link = await opened(adapter)
        writing = asyncio.ensure_future(link.write(bytes(200_000)))
        await asyncio.sleep(0)
        writing.cancel()
        assert isinstance((await asyncio.gather(writing, return_exceptions=True))[0], asyncio.CancelledError)
        writing = asyncio.ensure_future(link.write(bytes(200_000)))
        await asyncio.sleep(0)
        adapter.unplug()
        with pytest.raises(LinkLost):
            await writing

    asyncio.run(story())


def test_unread_bytes_are_bounded_and_the_oldest_go(adapter: Adapter) -> None:
    async def story() -> tuple[int, int, bytes]:
        link = await opened(adapter)
        sent = 0
        while sent < UNREAD_MAX + 10_000:
            try:
                sent += os.write(adapter.master, b"%010d" % sent)
            except BlockingIOError:
                await asyncio.sleep(0)
        total = sent
        await until(lambda: len(link._unread) + link.dropped == total)
        heard = await link.read()
        await link.close()
        return total, link.dropped, heard

    total, dropped, heard = asyncio.run(story())
    assert len(heard) == UNREAD_MAX
    assert dropped == total - UNREAD_MAX
    assert heard.endswith(b"%010d" % (total - 10))


def test_no_byte_that_passes_is_ever_logged(adapter: Adapter, caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        link = await opened(adapter)
        os.write(adapter.master, b"\x02010063E9AE25\x03")
        await link.read()
        await link.write(b"PIN 4711")
        await link.close()

    with caplog.at_level(logging.DEBUG):
        asyncio.run(story())
    assert "14 bytes in" in caplog.text
    assert "63E9" not in caplog.text
    assert "4711" not in caplog.text


def test_a_port_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(LinkLost, match="nowhere is not there; check the adapter"):
        asyncio.run(SerialLink("uart0", str(tmp_path / "nowhere")).open())


def test_a_name_that_is_no_serial_port(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DeviceMisconfigured, match="is no serial port"):
        asyncio.run(SerialLink("uart0", str(tmp_path / "file")).open())


def test_a_missing_permission_names_the_group(mocker: MockerFixture, tmp_path: Path) -> None:
    port = tmp_path / "ttyUSB0"
    port.touch()
    mocker.patch("serial.Serial", side_effect=serial.SerialException(errno.EACCES, "could not open port"))
    with pytest.raises(LinkLost, match="user to the group " + grp.getgrgid(port.stat().st_gid).gr_name):
        asyncio.run(SerialLink("uart0", str(port)).open())


@pytest.mark.parametrize("error", [ValueError("Invalid baud rate"), termios.error(errno.EINVAL, "Invalid argument")])
def test_an_impossible_baud_is_a_mistake_of_the_configuration(mocker: MockerFixture, error: Exception) -> None:
    mocker.patch("serial.Serial", side_effect=error)
    with pytest.raises(DeviceMisconfigured, match="115201 baud"):
        asyncio.run(SerialLink("uart0", "/dev/ttyX", 115201).open())


async def opened(adapter: Adapter) -> SerialLink:
    link = SerialLink("uart0", str(adapter.path))
    await link.open()
    return link


async def read_exactly(link: SerialLink, count: int) -> bytes:
    heard = b""
    while len(heard) < count:
        heard += await link.read()
    return heard


async def until(condition: Callable[[], bool]) -> None:
    """Turns the loop until it is so; the kernel needs no time of its own on a pseudo-terminal."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - nothing tells when the kernel has moved a byte
            await asyncio.sleep(0)


def test_another_rate_holds_until_it_is_opened_again(adapter: Adapter) -> None:
    def rate() -> int:
        return int(termios.tcgetattr(adapter.master)[4])

    async def story() -> None:
        link = await opened(adapter)
        assert (link.baud, rate()) == (9600, termios.B9600)
        link.set_baud(115200)
        assert (link.baud, rate()) == (9600, termios.B115200)
        await link.close()
        with pytest.raises(LinkLost):
            link.set_baud(57600)
        await link.open()
        assert rate() == termios.B9600
        await link.close()

    asyncio.run(story())
