"""A real pty: clients come and go, links are pulled out and put back."""

from __future__ import annotations

import asyncio
import os
import select
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import serial

from simulator.pty_link import PtyLink

WAIT_S = 5


def with_a_link(path: Path, story: Callable[[PtyLink], Awaitable[None]]) -> None:
    async def play() -> None:
        link = PtyLink(path)
        await link.open()
        try:
            await story(link)
        finally:
            await link.close()

    asyncio.run(play())


def open_port(path: Path) -> serial.Serial:
    return serial.Serial(str(path), 9600, timeout=2, exclusive=True)


def test_bytes_pass_unchanged_both_ways(tmp_path: Path) -> None:
    every_byte = bytes(range(256))

    async def story(link: PtyLink) -> None:
        heard, all_heard = bytearray(), asyncio.Event()

        def hear(data: bytes) -> None:
            heard.extend(data)
            if len(heard) >= len(every_byte):
                all_heard.set()

        link.attach(hear)
        with open_port(link.path) as port:
            link.send(every_byte)
            assert port.read(256) == every_byte
            port.write(every_byte)
            async with asyncio.timeout(2):
                await all_heard.wait()
            assert heard == every_byte

    with_a_link(tmp_path / "deep" / "uart0", story)


def test_a_client_that_sets_nothing_gets_plain_bytes(tmp_path: Path) -> None:
    awkward = b"\x03\x04\r\n\x11\x13\x1a\x7f"

    async def story(link: PtyLink) -> None:
        heard = asyncio.get_running_loop().create_future()
        link.attach(heard.set_result)
        port = os.open(link.path, os.O_RDWR | os.O_NOCTTY)
        try:
            link.send(awkward)
            assert select.select([port], [], [], WAIT_S)[0]
            assert os.read(port, 64) == awkward
            os.write(port, awkward)
            async with asyncio.timeout(WAIT_S):
                assert await heard == awkward
        finally:
            os.close(port)

    with_a_link(tmp_path / "uart0", story)


def test_clients_may_come_and_go(tmp_path: Path) -> None:
    async def story(link: PtyLink) -> None:
        for greeting in (b"one", b"two"):
            with open_port(link.path) as port:
                link.send(greeting)
                assert port.read(3) == greeting

    with_a_link(tmp_path / "uart0", story)


def test_what_nobody_reads_is_lost_in_the_end(tmp_path: Path) -> None:
    async def story(link: PtyLink) -> None:
        with open_port(link.path) as port:
            for number in range(200):
                before = port.in_waiting
                link.send(b"card %04d " % number)
                deadline_s = time.monotonic() + WAIT_S
                while port.in_waiting == before:  # the kernel hands it over in its own time
                    assert time.monotonic() < deadline_s
            left = port.read(port.in_waiting)
        assert 10 <= len(left) < 600
        assert left.endswith(b"card 0199 ")

    with_a_link(tmp_path / "uart0", story)


def test_unplugged_and_plugged_in_again(tmp_path: Path) -> None:
    async def story(link: PtyLink) -> None:
        stale = os.open(link.path, os.O_RDWR | os.O_NOCTTY)
        first_name = os.readlink(link.path)
        try:
            link.unplug()
            assert not link.path.is_symlink()
            with pytest.raises(OSError, match=r"Input/output error"):
                os.write(stale, b"x")
            assert os.read(stale, 1) == b""
            link.send(b"into the void")
            link.unplug()
            link.replug()
            link.replug()
            assert os.readlink(link.path) != first_name
            with open_port(link.path) as port:
                link.send(b"back")
                assert port.read(4) == b"back"
        finally:
            os.close(stale)

    with_a_link(tmp_path / "uart0", story)
    assert not (tmp_path / "uart0").is_symlink()


def test_a_link_left_behind_is_replaced_but_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "uart0"
    path.symlink_to("/dev/pts/does-not-exist")

    async def story(link: PtyLink) -> None:
        assert os.readlink(path).startswith("/dev/pts/")
        assert path.exists()

    with_a_link(path, story)
    path.write_text("precious")
    with pytest.raises(FileExistsError, match="is there already and is no link"):
        with_a_link(path, story)
    assert path.read_text() == "precious"
