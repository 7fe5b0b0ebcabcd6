"""The uplink's end of uplink.sock, when cabinetd is not what it should be."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

import pytest

from cabinet.control.protocol import Code, ControlError, Notification, Params
from cabinet.control.session import Peer
from hal.system_clock import SystemClock
from sync import cabinet_link
from sync.cabinet_link import CabinetLink
from sync.events import (
    AckFailed,
    BatchFailed,
    CabinetLost,
    Event,
    Grown,
    HandIn,
    Head,
    LeafWritten,
    PlaneChanged,
    Planes,
    ReadBatch,
    ReadHead,
    Reject,
)
from tests.sync.cabinet import SLOT, STATE, FakeCabinet


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cabinet_link, "RETRY_FIRST_S", 0.01)
    monkeypatch.setattr(cabinet_link, "ANSWER_S", 0.2)


@contextmanager
def linked(path: Path) -> Iterator[CabinetLink]:
    link = CabinetLink(path, SystemClock(), lambda: 0.5)
    try:
        yield link
    finally:
        link.close()


def until(link: CabinetLink, holds: Callable[[list[Event]], bool]) -> list[Event]:
    found: list[Event] = []
    end = monotonic() + 10
    while not holds(found):
        assert monotonic() < end, found
        found += link.poll()
    return found


async def refuse(params: Params, peer: Peer) -> object:
    raise ControlError(Code.JOURNAL, "the disk does not answer")


def test_head_and_planes_come_first_and_then_what_changes(cabinet: FakeCabinet) -> None:
    with linked(cabinet.path) as link:
        head, planes = link.poll()
        assert isinstance(head, Head)
        assert (head.origin, head.size, head.acked) == ("cabinet.demo/lobby-01", 0, 0)
        assert planes == Planes(STATE, {"7": SLOT})
        cabinet.write(1)
        cabinet.change("state", items_out=1)
        live, grown, plane = until(link, lambda found: len(found) == 3)
        assert isinstance(live, LeafWritten)
        assert (live.n, live.leaf["ev"]) == (0, "item.removed")
        assert grown == Grown(1)
        assert plane == PlaneChanged("state", STATE | {"items_out": 1})


def test_what_was_told_while_it_connected_is_not_left_lying(
    cabinet: FakeCabinet, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def at_once(queue: object) -> AsyncIterator[Notification]:
        yield Notification("grown", {"size": 7})
        await asyncio.Event().wait()

    monkeypatch.setattr(cabinet, "_notifications", at_once)
    with linked(cabinet.path) as link:
        assert link.poll()[2:] == [Grown(7)]


def test_a_loss_is_told_and_logged_once(cabinet: FakeCabinet, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with linked(cabinet.path) as link:
        link.poll()
        cabinet.stop()
        assert until(link, bool) == [CabinetLost()]
        assert link.files() == []
        for _ in range(100):
            assert link.poll() == []
        cabinet.start()
        until(link, lambda found: len(found) == 2)
    assert [record.levelname for record in caplog.records if record.name == "sync.cabinet_link"] == [
        "INFO",
        "WARNING",
        "INFO",
    ]


def test_a_refusal_is_answered_and_does_not_end_the_connection(
    cabinet: FakeCabinet, monkeypatch: pytest.MonkeyPatch
) -> None:
    for method in ("_batch", "_ack", "_reject"):
        monkeypatch.setattr(cabinet, method, refuse)
    cabinet.stop()
    cabinet.start()
    with linked(cabinet.path) as link:
        link.poll()
        assert link.ask(ReadBatch(0)) == [BatchFailed()]
        assert link.ask(HandIn("note")) == [AckFailed()]
        assert link.ask(Reject("malformed")) == []
        assert isinstance(link.ask(ReadHead())[0], Head)


def test_a_cabinetd_of_another_version_is_no_cabinetd(
    cabinet: FakeCabinet, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def odd(params: Params, peer: Peer) -> object:
        return {"origin": 7}

    monkeypatch.setattr(cabinet, "_head", odd)
    cabinet.stop()
    cabinet.start()
    with linked(cabinet.path) as link:
        assert link.poll() == [CabinetLost()]
        assert link.ask(ReadHead()) == []
    assert "are they of the same version?" in caplog.text


def test_one_that_hangs_is_given_up(cabinet: FakeCabinet, monkeypatch: pytest.MonkeyPatch) -> None:
    async def hang(params: Params, peer: Peer) -> object:
        await asyncio.Event().wait()
        return None

    monkeypatch.setattr(cabinet, "_batch", hang)
    cabinet.stop()
    cabinet.start()
    with linked(cabinet.path) as link:
        link.poll()
        assert link.ask(ReadBatch(0)) == [CabinetLost()]
        until(link, lambda found: len(found) == 2)


def test_nobody_to_ask(tmp_path: Path) -> None:
    with linked(tmp_path / "uplink.sock") as link:
        assert link.poll() == []
        assert link.ask(ReadBatch(0)) == []
        assert link.wake_s is not None
