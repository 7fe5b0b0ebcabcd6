"""What is special about lock boards, on the real line master and a board that answers by script. Time is virtual."""

from __future__ import annotations

import asyncio
import tomllib
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from drivers.lock_board import LockBoardDriver
from drivers.specs.lock_board import LockBoardSpec
from drivers.specs.lock_profile import LockProfile
from hal.board_line import SerialBoardLine
from hal.capabilities import DeviceSuspect, InputBoard, InputRead, LockBoard
from hal.errors import DeviceRefused, DeviceTimeout, LinkLost, OutcomeUnknown
from simulator.harness.virtual_loop import run
from tests.drivers.fakes import LoopClock, Readings
from tests.hal.links import MemoryLink

PROFILES = Path(__file__).parents[2] / "config" / "profiles"
Answers = Callable[[str], list[tuple[float, str]]]
Story = Callable[[LockBoardDriver, MemoryLink], Awaitable[None]]
LATENCY_S = 0.005
OPEN_2, LOOK_1, LOOK_2, ALL = "8A010211", "80010133", "80010233", "80010033"


def profile(name: str) -> LockProfile:
    return LockProfile.model_validate(tomllib.loads((PROFILES / f"{name}.toml").read_text("utf-8")))


def xored(text: str) -> bytes:
    data, check = bytes.fromhex(text), 0
    for byte in data:
        check ^= byte
    return data + bytes([check])


class Script:
    """A board of kind 8a, number 1: answers by the beginning of a request, with the check put behind."""

    def __init__(self) -> None:
        self.answers: dict[str, list[tuple[float, str]]] = {
            LOOK_1: [(LATENCY_S, "80010111")],
            LOOK_2: [(LATENCY_S, "80010211")],
            ALL: [(LATENCY_S, "8001FFFFFF33")],
            OPEN_2: [(0.5, "8A010200")],
        }
        self.once: dict[str, list[tuple[float, str]]] = {}
        """In place of those, the next time."""
        self.asked: list[str] = []

    def __call__(self, frame: bytes) -> list[tuple[float, bytes]]:
        asked = frame[:-1].hex().upper()
        assert xored(asked) == frame
        self.asked.append(asked)
        answers = self.once.pop(asked, None) or self.answers.get(asked, [])
        return [(after_s, xored(answer)) for after_s, answer in answers]


def on_8a(story: Callable[[LockBoardDriver, Script], Awaitable[None]], *, echo: bool = False, **keys: object) -> None:
    async def played() -> None:
        script = Script()
        line = SerialBoardLine(MemoryLink(script), echo=echo)
        table = {"id": "locks", "type": "lock-board", "link": "line", "profile": "8a", "unit": 1, "locks": 8}
        driver = LockBoardDriver(LockBoardSpec.model_validate(table | keys), profile("8a"), line, LoopClock())
        await line.open()
        await story(driver, script)
        await line.close()

    run(played())


def test_it_is_both_boards() -> None:
    async def story(driver: LockBoardDriver, script: Script) -> None:
        assert isinstance(driver, LockBoard)
        assert isinstance(driver, InputBoard)
        await driver.start()
        assert script.asked == [LOOK_1, ALL, ALL]

    on_8a(story)


def test_a_release_is_sent_once_and_its_switch_read_back() -> None:
    async def story(driver: LockBoardDriver, script: Script) -> None:
        await driver.start()
        script.asked.clear()
        await driver.lock(2).pulse(0.5)
        assert script.asked == [OPEN_2, LOOK_2]

    on_8a(story)


def test_a_change_told_between_request_and_answer_costs_nothing() -> None:
    async def story(driver: LockBoardDriver, script: Script) -> None:
        await driver.start()
        script.answers[OPEN_2] = [(0.1, "81010200"), (0.5, "8A010200")]
        await driver.lock(2).pulse(0.5)
        assert script.asked.count(OPEN_2) == 1

    on_8a(story)


@pytest.mark.parametrize(
    ("opens", "looks", "told"),
    [
        ([(0.5, "8A020200")], [(LATENCY_S, "80010211")], "did not confirm it and its switch did not move"),
        ([(0.5, "8A010300")], [(LATENCY_S, "80010211")], "did not confirm it and its switch did not move"),
        ([], [(LATENCY_S, "80010211")], "did not confirm it and its switch did not move"),
        ([(0.5, "8A010200")], [], "its switch could not be read: unit 1: no answer"),
        ([(0.0, "8A010211")], [(LATENCY_S, "80010233")], "set echo = true on the link"),
    ],
    ids=["another board", "another lock", "no answer", "silent afterwards", "an echo and a dead board"],
)
def test_what_is_not_certain_is_said_to_be_unknown(
    opens: list[tuple[float, str]], looks: list[tuple[float, str]], told: str
) -> None:
    async def story(driver: LockBoardDriver, script: Script) -> None:
        await driver.start()
        script.answers[OPEN_2], script.answers[LOOK_2] = opens, looks
        async with asyncio.timeout(2):
            with pytest.raises(OutcomeUnknown, match=told):
                await driver.lock(2).pulse(0.5)
        assert script.asked.count(OPEN_2) == 1

    on_8a(story)


def test_a_lost_answer_is_made_up_for_by_the_switch() -> None:
    async def story(driver: LockBoardDriver, script: Script) -> None:
        await driver.start()
        script.answers[OPEN_2], script.answers[LOOK_2] = [], [(LATENCY_S, "80010200")]
        await driver.lock(2).pulse(0.5)
        assert script.asked.count(OPEN_2) == 1

    on_8a(story)


def test_nothing_is_sent_to_a_board_that_does_not_answer() -> None:
    async def story(driver: LockBoardDriver, script: Script) -> None:
        await driver.start()
        await asyncio.sleep(3)
        script.answers.clear()
        with pytest.raises(DeviceTimeout):
            await driver.lock(2).pulse(0.5)
        assert OPEN_2 not in script.asked

    on_8a(story)


def test_the_late_answer_to_one_release_is_not_that_to_the_next() -> None:
    async def story(driver: LockBoardDriver, script: Script) -> None:
        await driver.start()
        script.answers[OPEN_2] = [(2.0, "8A010200")]
        with pytest.raises(OutcomeUnknown):
            await driver.lock(2).pulse(0.5)
        script.answers[OPEN_2] = []
        with pytest.raises(OutcomeUnknown):
            await driver.lock(2).pulse(0.5)
        assert script.asked.count(OPEN_2) == 2

    on_8a(story)


def test_the_next_pulse_waits_for_the_one_before() -> None:
    async def story(driver: LockBoardDriver, script: Script) -> None:
        script.answers["8A010111"] = [(0.5, "8A010100")]
        await driver.start()
        begun_s = asyncio.get_running_loop().time()
        await asyncio.gather(driver.lock(1).pulse(0.5), driver.lock(2).pulse(0.5))
        assert asyncio.get_running_loop().time() - begun_s > 1.4

    on_8a(story)


@pytest.mark.parametrize("echo", [False, True])
def test_an_adapter_that_echoes_is_named_unless_it_is_configured(*, echo: bool) -> None:
    async def story(driver: LockBoardDriver, script: Script) -> None:
        for asked in script.answers:
            script.answers[asked].insert(0, (0.0, asked))
        if not echo:
            with pytest.raises(DeviceRefused, match="set echo = true"):
                await driver.start()
            return
        await driver.start()
        await driver.lock(2).pulse(0.5)
        assert script.asked.count(OPEN_2) == 1

    on_8a(story, echo=echo)


def test_a_board_of_one_byte_that_says_all_open_is_told_from_an_echo() -> None:
    async def story(driver: LockBoardDriver, script: Script) -> None:
        script.answers[ALL] = [(LATENCY_S, "80010033")]
        await driver.start()
        assert script.asked == [LOOK_1, ALL, LOOK_1, ALL, LOOK_1]
        script.answers[LOOK_1] = [(LATENCY_S, LOOK_1)]
        readings = Readings()
        with pytest.raises(DeviceRefused, match="echo"):
            await driver.watch(readings)
        assert readings.all == []

    on_8a(story)


def test_a_board_with_fewer_locks_than_configured_is_named() -> None:
    async def story(driver: LockBoardDriver, script: Script) -> None:
        with pytest.raises(DeviceRefused, match=r"24 locks and the configuration says 36; correct the key locks"):
            await driver.start()

    on_8a(story, locks=36)


def test_an_answer_of_another_length_later_is_no_answer() -> None:
    async def story(driver: LockBoardDriver, script: Script) -> None:
        await driver.start()
        script.answers[ALL] = [(LATENCY_S, "8001FF33")]
        readings = Readings()
        with pytest.raises(DeviceTimeout):
            await driver.watch(readings)
        assert readings.all == []
        assert driver.proof_mono_s is None

    on_8a(story)


def test_a_switch_counts_when_two_readings_agree_and_a_flicker_does_not() -> None:
    async def story(driver: LockBoardDriver, script: Script) -> None:
        await driver.start()
        readings = Readings()
        watch = asyncio.create_task(driver.watch(readings))
        await asyncio.sleep(0.5)
        assert [reading.closed for reading in readings.all if isinstance(reading, InputRead)] == [True] * 8
        script.once[ALL] = [(LATENCY_S, "8001FFFFFE33")]
        await asyncio.sleep(0.5)
        assert script.once == {}
        assert len(readings) == 8
        watch.cancel()

    on_8a(story)


def test_a_change_that_the_board_tells_is_looked_at_at_once_and_a_storm_of_them_does_not_fill_the_line() -> None:
    async def story(driver: LockBoardDriver, script: Script) -> None:
        await driver.start()
        watch = asyncio.create_task(driver.watch(Readings()))
        await asyncio.sleep(2.02)
        calm = len(script.asked)
        script.answers[ALL].append((0.02, "81010100"))
        await asyncio.sleep(2)
        assert 25 < len(script.asked) - calm < 70
        watch.cancel()

    on_8a(story, poll_ms=1000)


def test_a_switch_that_is_wired_the_other_way_is_configured_and_a_release_shows_a_wrong_one() -> None:
    async def story(driver: LockBoardDriver, script: Script) -> None:
        await driver.start()
        readings = Readings()
        watch = asyncio.create_task(driver.watch(readings))
        await asyncio.sleep(0.3)
        assert InputRead("locks", 2, False) in readings.all
        script.answers[LOOK_2] = [(LATENCY_S, "80010200")]
        await driver.lock(2).pulse(0.5)
        await asyncio.sleep(0.3)
        hint = "input 2 closed as its lock was released; if the lock opened, put it into inverted, or out of it"
        assert suspects(readings) == [DeviceSuspect("locks", "switch.reversed", hint)]
        script.answers[LOOK_2] = [(LATENCY_S, "80010211")]
        script.answers[ALL] = [(LATENCY_S, "8001FFFFFD33")]
        await asyncio.sleep(0.3)
        await driver.lock(2).pulse(0.5)
        await asyncio.sleep(0.3)
        assert suspects(readings)[1:] == [DeviceSuspect("locks", "switch.reversed", None)]
        watch.cancel()

    on_8a(story, inverted=[2])


def suspects(readings: Readings) -> list[DeviceSuspect]:
    return [one for one in readings.all if isinstance(one, DeviceSuspect)]


def test_a_board_that_boots_in_the_pulse_leaves_the_outcome_open_and_the_next_one_works() -> None:
    async def story(driver: LockBoardDriver, script: Script) -> None:
        await driver.start()
        good = dict(script.answers)
        script.answers.clear()
        with pytest.raises(OutcomeUnknown):
            await driver.lock(2).pulse(0.5)
        script.answers.update(good)
        await driver.lock(2).pulse(0.5)
        assert script.asked.count(OPEN_2) == 2

    on_8a(story)


def test_a_lost_line_says_whether_it_was_sent() -> None:
    async def story(driver: LockBoardDriver, script: Script) -> None:
        await driver.start()
        pulse = asyncio.create_task(driver.lock(2).pulse(0.5))
        await asyncio.sleep(0.1)
        await driver._line.close()
        with pytest.raises(OutcomeUnknown, match="channel 2"):
            await pulse
        with pytest.raises(LinkLost):
            await driver.lock(2).pulse(0.5)

    on_8a(story)


def on_cu16(story: Story) -> None:
    async def played() -> None:
        link = MemoryLink(lambda frame: [(LATENCY_S, bytes.fromhex(cu16_says))] if frame[2] == 0x30 else [])
        line = SerialBoardLine(link)
        table = {"id": "locks", "type": "lock-board", "link": "line", "profile": "cu16", "unit": 0, "locks": 16}
        driver = LockBoardDriver(LockBoardSpec.model_validate(table), profile("cu16"), line, LoopClock())
        await line.open()
        await story(driver, link)
        await line.close()

    cu16_says = "02 00 35 FF FF 07 00 03 3F"
    run(played())


def test_cu16_is_believed_when_its_hook_moves_and_a_jam_is_unknown() -> None:
    async def story(driver: LockBoardDriver, link: MemoryLink) -> None:
        await driver.start()
        with pytest.raises(OutcomeUnknown, match="channel 1: released: the board did not confirm"):
            await driver.lock(1).pulse(0.5)
        released = [frame for frame in link.frames if frame[2] == 0x31]
        assert released == [bytes.fromhex("02 00 31 03 36")]
        link.peer = lambda frame: [(LATENCY_S, bytes.fromhex("02 00 35 FE FF 07 00 03 3E"))] if frame[2] == 0x30 else []
        driver._closed[1] = True
        await driver.lock(1).pulse(0.5)

    on_cu16(story)


def test_cu16_tells_hooks_and_items_apart() -> None:
    async def story(driver: LockBoardDriver, link: MemoryLink) -> None:
        await driver.start()
        readings = Readings()
        watch = asyncio.create_task(driver.watch(readings))
        await asyncio.sleep(0.3)
        told = {reading.channel: reading.closed for reading in readings.all if isinstance(reading, InputRead)}
        assert told == dict.fromkeys(range(1, 17), True) | {n: n <= 19 for n in range(17, 33)}
        watch.cancel()

    on_cu16(story)
