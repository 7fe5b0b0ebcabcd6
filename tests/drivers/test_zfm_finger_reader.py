"""What is special about these modules: how they are found and set up, and answers that carry no number."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from drivers.specs.zfm_finger_reader import ZfmFingerReaderSpec
from drivers.zfm_finger_reader import ZfmFingerReader
from hal.capabilities import FingerModule, FingerSeen, FingerUnknown
from hal.errors import DeviceMisconfigured, DeviceRefused, DeviceTimeout, LinkLost
from simulator.faults import parse_fault
from simulator.harness.virtual_loop import run
from simulator.serial_device import SerialDevice
from simulator.zfm_finger_reader import ZfmFingerReader as Twin
from simulator.zfm_flash import Flash, features_of
from tests.contract.links import MemoryLink
from tests.drivers.fakes import FakeLink, LoopClock, Readings

FACTORY = 0xFFFFFFFF


class Bench:
    """A driver and a module on one line; `finger` is on the glass."""

    def __init__(self, flash: Flash | None = None, family: str = "r30x", baud: int = 57600, **keys: object) -> None:
        self.flash = flash or Flash(1000)
        self.finger: int | None = None
        self.link = MemoryLink("uart2", baud)
        self.twin = Twin(random.Random(1), lambda: self.finger, family, self.flash)
        self.device = SerialDevice(self.twin, self.link, random.Random(1))
        table = {"id": "finger", "type": "zfm-finger-reader", "link": "uart2", "family": family} | keys
        self.reader = ZfmFingerReader(ZfmFingerReaderSpec.model_validate(table), self.link, LoopClock())
        self.readings = Readings()

    async def begin(self) -> None:
        self.device.start()
        await self.link.open()
        await asyncio.sleep(0.4)
        await self.reader.start()

    async def touched(self, finger: int) -> None:
        self.finger = finger
        await asyncio.sleep(3)
        self.finger = None
        await asyncio.sleep(1)

    async def watched(self, *fingers: int) -> list[object]:
        """What is told of them, the module first."""
        watch = asyncio.create_task(self.reader.watch(self.readings))
        await asyncio.sleep(1)
        for finger in fingers:
            await self.touched(finger)
        watch.cancel()
        await asyncio.wait({watch})
        if not watch.cancelled():
            await watch
        return list(self.readings.all)

    def fault(self, text: str) -> None:
        self.device.fault(parse_fault(text, self.twin.faults))


def secret(folder: Path, name: str, digits: str) -> str:
    file = folder / name
    file.write_text(f"{digits}\n")
    file.chmod(0o640)
    return str(file)


@pytest.mark.parametrize("family", ["r30x", "zfm", "as608", "r503"])
def test_each_family_identifies(family: str) -> None:
    async def story() -> None:
        flash = Flash(120, templates={7: features_of(7), 42: features_of(1)})
        bench = Bench(flash, family)
        await bench.begin()
        module, *told = await bench.watched(7, 8, 1)
        assert isinstance(module, FingerModule)
        assert module.templates == {7, 42}
        assert told == [
            FingerSeen("finger", module.module, 7),
            FingerUnknown("finger"),
            FingerSeen("finger", module.module, 42),
        ]

    run(story())


def test_a_make_that_does_not_know_the_fast_search_is_searched_slowly() -> None:
    async def story() -> None:
        bench = Bench(Flash(200, templates={7: features_of(7)}), "r503")
        bench.reader._fast = True
        await bench.begin()
        assert isinstance((await bench.watched(7))[1], FingerSeen)

    run(story())


def test_a_new_module_is_given_all_that_is_configured(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        flash = Flash(1000, level=1)
        file = secret(tmp_path, "password", "c0ffee11")
        bench = Bench(flash, baud=115200, address=0x01020304, password_file=file, level=4)
        await bench.begin()
        assert (flash.password, flash.address, flash.baud, flash.level) == (0xC0FFEE11, 0x01020304, 115200, 4)
        bench.fault("power-cycle")
        await asyncio.sleep(1)
        await bench.reader.start()
        assert len(await bench.watched()) == 1

    with caplog.at_level(logging.DEBUG):
        run(story())
    assert "it has the configured password now" in caplog.text
    assert "c0ffee11" not in caplog.text.lower()


def test_password_and_address_are_changed_by_naming_the_old_ones(tmp_path: Path) -> None:
    async def story() -> None:
        flash = Flash(1000, password=0xAAAAAAAA, address=5)
        keys = {
            "password_file": secret(tmp_path, "new", "bbbbbbbb"),
            "old_password_file": secret(tmp_path, "old", "aaaaaaaa"),
            "address": 6,
            "old_address": 5,
        }
        await Bench(flash, **keys).begin()
        assert (flash.password, flash.address) == (0xBBBBBBBB, 6)
        await Bench(flash, **keys).begin()
        await Bench(flash, old_password_file=keys["password_file"], old_address=6).begin()
        assert (flash.password, flash.address) == (0, FACTORY)

    run(story())


@pytest.mark.parametrize("told", [True, False])
def test_a_wrong_password_is_said_and_nothing_is_changed(told: bool, tmp_path: Path) -> None:
    async def story() -> None:
        flash = Flash(1000, password=0xAAAAAAAA)
        keys = {"password_file": secret(tmp_path, "new", "bbbbbbbb")} if told else {}
        with pytest.raises(DeviceRefused, match="old_password_file"):
            await Bench(flash, **keys).begin()
        assert flash == Flash(1000, password=0xAAAAAAAA)

    run(story())


@pytest.mark.parametrize(
    ("digits", "mode", "why"),
    [
        ("c0ffee", 0o600, "8 hex digits"),
        ("no number", 0o600, "8 hex digits"),
        ("c0ffee11", 0o644, "chmod 640"),
        (None, 0, "openssl rand -hex 4"),
    ],
)
def test_a_password_file_that_is_no_good_is_said(digits: str | None, mode: int, why: str, tmp_path: Path) -> None:
    async def story() -> None:
        file = tmp_path / "password"
        if digits is not None:
            file.write_text(digits)
            file.chmod(mode)
        with pytest.raises(LinkLost, match=why):
            await Bench(password_file=str(file)).begin()

    run(story())


def test_a_rate_that_somebody_has_changed_is_found_and_set_back() -> None:
    async def story() -> None:
        bench = Bench(Flash(1000, baud=19200))
        await bench.begin()
        assert bench.flash.baud == bench.link.rate() == 57600

    run(story())


def test_a_rate_that_no_module_has_is_said() -> None:
    async def story() -> None:
        with pytest.raises(DeviceMisconfigured, match="9600 to 115200 in steps of 9600"):
            await Bench(baud=4800).begin()

    run(story())


def test_an_address_that_nobody_named_is_said() -> None:
    async def story() -> None:
        bench = Bench()
        bench.fault("wrong-address")
        with pytest.raises(DeviceTimeout, match="answers with the address 0xFFFFFF00"):
            await bench.begin()

    run(story())


def test_a_match_with_a_low_score_is_unknown() -> None:
    async def story() -> None:
        bench = Bench(Flash(1000, templates={7: features_of(7)}))
        bench.fault("low-score")
        await bench.begin()
        assert (await bench.watched(7))[1:] == [FingerUnknown("finger")]

    run(story())


def test_what_is_counted_and_not_named_stops_the_start() -> None:
    async def story() -> None:
        bench = Bench(Flash(1000, templates={7: features_of(7), 300: features_of(8)}))
        bench.fault("miscount")
        with pytest.raises(DeviceRefused, match="it counts 3 templates and names 2"):
            await bench.begin()

    run(story())


def test_what_somebody_else_stores_or_deletes_is_told_before_it_identifies_anybody() -> None:
    async def story() -> None:
        bench = Bench(Flash(1000, templates={7: features_of(7)}))
        await bench.begin()
        watch = asyncio.create_task(bench.reader.watch(bench.readings))
        await asyncio.sleep(1)
        bench.flash.templates[8] = features_of(8)
        await bench.touched(8)
        del bench.flash.templates[7]
        await asyncio.sleep(11)
        watch.cancel()
        _, second, seen, third = bench.readings.all
        assert isinstance(second, FingerModule)
        assert second.templates == {7, 8}
        assert seen == FingerSeen("finger", second.module, 8)
        assert isinstance(third, FingerModule)
        assert third.templates == {8}

    run(story())


def test_storing_that_is_refused_is_said_and_leaves_nothing() -> None:
    async def story() -> None:
        bench = Bench()
        await bench.begin()
        watch = asyncio.create_task(bench.reader.watch(bench.readings))
        await asyncio.sleep(1)
        bench.fault("full")

        def told(step: str) -> None:
            bench.finger = None if step == "lift" else 7

        with pytest.raises(DeviceRefused, match="its memory cannot be written") as caught:
            await bench.reader.enrol(3, told, 20)
        assert caught.value.code == 0x18
        watch.cancel()
        assert bench.flash.templates == {}

    run(story())


def test_the_ring_says_what_to_do() -> None:
    async def story() -> None:
        bench = Bench(Flash(200), "r503")
        await bench.begin()
        watch = asyncio.create_task(bench.reader.watch(bench.readings))
        await asyncio.sleep(1)
        rings = []

        def told(step: str) -> None:
            bench.finger = None if step == "lift" else 7
            asyncio.get_running_loop().call_later(0.1, lambda: rings.append(bench.twin.ring))

        await bench.reader.enrol(3, told, 20)
        watch.cancel()
        await asyncio.wait({watch})
        assert rings == [(1, 0x60, 3, 0), (3, 0, 2, 0), (1, 0x60, 3, 0)]
        assert bench.twin.ring is None
        bench.twin._commands.ring = (3, 0, 1, 0)
        await bench.reader.stop()
        assert bench.twin.ring is None

    run(story())


class Scripted:
    """A module that answers what it is told to, for a finger that stays on the glass and is known as 7."""

    def __init__(self) -> None:
        self.link = FakeLink()
        self.asked: list[int] = []
        self.odd: list[tuple[int, bytes]] = []
        """The next question with this command gets these bytes."""
        self.again: set[int] = set()
        """Commands whose answers come a second time, once the next question has been asked."""
        self.stored = b"\x00\x80" + bytes(31), b"\x00\x00\x01"
        """What index and count say."""
        self.note = bytes(32)
        table = {"id": "finger", "type": "zfm-finger-reader", "link": "uart2"}
        self.reader = ZfmFingerReader(ZfmFingerReaderSpec.model_validate(table), self.link, LoopClock())
        self.readings = Readings()
        self._seen = 0

    @property
    def told(self) -> list[object]:
        return [one for one in self.readings.all if not isinstance(one, FingerModule)]

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[asyncio.Task[None]]:
        watch = asyncio.create_task(self.reader.watch(self.readings))
        try:
            yield watch
        finally:
            watch.cancel()

    def frame(self, payload: bytes) -> bytes:
        body = b"\x07" + (len(payload) + 2).to_bytes(2) + payload
        return b"\xef\x01\xff\xff\xff\xff" + body + sum(body).to_bytes(2)

    async def serve(self) -> None:
        late = b""
        while True:
            await asyncio.sleep(0.01)
            sent = self.link.written[self._seen :]
            if len(sent) < 12:
                continue
            self._seen = len(self.link.written)
            command, data = sent[9], sent[10:-2]
            self.asked.append(command)
            if command == 0x18:
                self.note = data[1:]
            answer = self.frame(self._good(command))
            if self.odd and self.odd[0][0] == command:
                answer = self.odd.pop(0)[1]
            self.link.put(late + answer)
            late = answer if command in self.again else b""

    def _good(self, command: int) -> bytes:
        index, count = self.stored
        return {
            0x04: b"\x00\x00\x07\x00\x7b",
            0x0F: b"\x00\x00\x00\x00\x09\x00\xc8\x00\x03\xff\xff\xff\xff\x00\x02\x00\x06",
            0x19: b"\x00" + self.note,
            0x1D: count,
            0x1F: index,
        }.get(command, b"\x00")


def scripted(tell: Callable[[Scripted], Awaitable[None]]) -> None:
    async def story() -> None:
        module = Scripted()
        serving = asyncio.create_task(module.serve())
        await tell(module)
        serving.cancel()

    run(story())


@pytest.mark.parametrize("again", [{0x01}, {0x02}, {0x04}, {0x1D}, {0x01, 0x02, 0x04, 0x1D}])
@pytest.mark.parametrize("features", [b"\x06", b""])
def test_an_answer_to_something_else_identifies_nobody(features: bytes, again: set[int]) -> None:
    """The features of the finger before are still in the module: when those of this one cannot be read, or nobody hears
    that, and answers come twice, it must not be found again."""

    async def tell(module: Scripted) -> None:
        await module.reader.start()
        module.odd = [(0x02, module.frame(features) if features else b"")] * 50
        module.again = again
        async with module.watched() as watch:
            await asyncio.wait({watch}, timeout=5)
        assert FingerSeen not in {type(one) for one in module.told}
        assert 0x02 in module.asked or again & {0x01, 0x1D}

    scripted(tell)


@pytest.mark.parametrize("again", [{0x02}, {0x05}])
def test_an_answer_to_something_else_enrols_nobody(again: set[int]) -> None:
    """Nobody hears whether the captures were combined, or stored, and what was said before comes again."""

    async def tell(module: Scripted) -> None:
        await module.reader.start()
        module.odd = [
            (0x01, module.frame(b"\x02")),
            (0x04, module.frame(b"\x09" + bytes(4))),
            *[(0x01, module.frame(b"\x02"))] * 2,
            (0x05 if again == {0x02} else 0x06, b""),
        ]

        def told(step: str) -> None:
            if step == "again":
                module.again = again
                if again == {0x05}:
                    module.stored = b"\x00\x88" + bytes(31), b"\x00\x00\x02"

        async with module.watched():
            await asyncio.sleep(0.08)
            with pytest.raises(DeviceTimeout):
                await module.reader.enrol(3, told, 20)
        assert 0x06 not in module.asked

    scripted(tell)


def test_a_number_that_two_turned_bits_have_made_identifies_nobody() -> None:
    """Template 7 with score 123 became 6 with 124: the sum is the same. Looked for alone, 6 is not found."""

    async def tell(module: Scripted) -> None:
        module.stored = b"\x00\xc0" + bytes(31), b"\x00\x00\x02"
        await module.reader.start()
        good = module.frame(b"\x00\x00\x07\x00\x7b")
        turned = good[:11] + b"\x06" + good[12:13] + b"\x7c" + good[14:]
        assert sum(turned) == sum(good)
        module.odd = [(0x04, turned), (0x04, module.frame(b"\x09" + bytes(4)))]
        async with module.watched():
            await asyncio.sleep(2)
        assert [one.template for one in module.told if isinstance(one, FingerSeen)] == [7]

    scripted(tell)


def test_a_template_that_the_index_does_not_name_identifies_nobody() -> None:
    async def tell(module: Scripted) -> None:
        module.stored = b"\x00\x40" + bytes(31), b"\x00\x00\x01"
        await module.reader.start()
        async with module.watched():
            await asyncio.sleep(3)
        assert module.told == [FingerUnknown("finger")]

    scripted(tell)


def test_a_finger_that_one_image_does_not_show_has_not_left() -> None:
    async def tell(module: Scripted) -> None:
        await module.reader.start()
        async with module.watched():
            for _ in range(4):
                await asyncio.sleep(1)
                module.odd.append((0x01, module.frame(b"\x02")))
        assert len(module.told) == 1

    scripted(tell)


def test_one_page_that_is_read_wrongly_does_not_make_it_a_new_module() -> None:
    async def tell(module: Scripted) -> None:
        await module.reader.start()
        assert module.asked.count(0x18) == 1
        module.odd = [(0x19, module.frame(b"\x00" + bytes(32)))]
        await module.reader.start()
        assert module.asked.count(0x18) == 1

    scripted(tell)


def test_a_notepad_that_keeps_nothing_is_said() -> None:
    async def tell(module: Scripted) -> None:
        module.odd = [(0x19, module.frame(b"\x00" + bytes(32)))] * 4
        with pytest.raises(DeviceRefused, match="notepad"):
            await module.reader.start()

    scripted(tell)


def test_a_notepad_that_was_cleared_is_noticed() -> None:
    async def story() -> None:
        bench = Bench()
        await bench.begin()
        watch = asyncio.create_task(bench.reader.watch(bench.readings))
        await asyncio.sleep(1)
        bench.flash.notes[1] = bytes(32)
        async with asyncio.timeout(11):
            with pytest.raises(DeviceTimeout, match="another module, or its notepad was cleared"):
                await watch

    run(story())


def test_the_module_says_that_it_has_started() -> None:
    async def story() -> None:
        bench = Bench(Flash(200), "r503")
        await bench.begin()
        watch = asyncio.create_task(bench.reader.watch(bench.readings))
        await asyncio.sleep(1)
        bench.fault("restarts")
        async with asyncio.timeout(1):
            with pytest.raises(DeviceTimeout, match="started anew by itself"):
                await watch

    run(story())


def test_a_password_forgotten_by_a_restart_is_noticed(tmp_path: Path) -> None:
    async def story() -> None:
        bench = Bench(password_file=secret(tmp_path, "password", "c0ffee11"))
        await bench.begin()
        watch = asyncio.create_task(bench.reader.watch(bench.readings))
        await asyncio.sleep(1)
        bench.twin._commands.forget()
        async with asyncio.timeout(1):
            with pytest.raises(DeviceTimeout, match="started anew by itself"):
                await watch

    run(story())
