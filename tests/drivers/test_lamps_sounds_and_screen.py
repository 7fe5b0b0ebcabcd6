from __future__ import annotations

import asyncio

import pytest
from pydantic import ValidationError

from drivers.buzzer import TONES, Buzzer
from drivers.led import Led
from drivers.specs.buzzer import BuzzerSpec
from drivers.specs.led import LedSpec
from drivers.specs.terminal_display import TerminalDisplaySpec
from drivers.terminal_display import TerminalDisplay
from drivers.wire.terminal import CLEAR, encode
from hal import capabilities
from hal.errors import DeviceMisconfigured, DeviceTimeout, LinkLost
from simulator.harness.virtual_loop import run
from tests.drivers.fakes import FakeGpio, FakeLink, LoopClock, Readings


def lamps(gpio: FakeGpio, *, active_high: bool = True) -> Led:
    spec = LedSpec(id="lamps", type="led", link="gpio0", lines=(2, 3, 4), active_high=active_high)
    return Led(spec, gpio, LoopClock())


def buzzer(gpio: FakeGpio, *, active_high: bool = True) -> Buzzer:
    spec = BuzzerSpec(id="buzzer", type="buzzer", link="gpio0", line=11, active_high=active_high)
    return Buzzer(spec, gpio, LoopClock())


def display(link: FakeLink) -> TerminalDisplay:
    spec = TerminalDisplaySpec(id="display", type="terminal-display", link="uart1")
    return TerminalDisplay(spec, link, LoopClock())


def changes(gpio: FakeGpio, line: int) -> list[tuple[object, bool]]:
    """When the line took which level."""
    found: list[tuple[object, bool]] = []
    for at_s, values in gpio.history:
        if line in values and (not found or found[-1][1] != values[line]):
            found.append((pytest.approx(at_s), values[line]))
    return found


def test_lamps_follow_at_once_and_blink_twice_a_second() -> None:
    async def story() -> None:
        gpio = FakeGpio()
        board = lamps(gpio)
        assert isinstance(board, capabilities.IndicatorBoard)
        await board.start()
        assert gpio.outputs == {2: False, 3: False, 4: False}
        watch = asyncio.create_task(board.watch(Readings()))
        await asyncio.sleep(1)
        await board.indicator(1).show("on")
        await board.indicator(2).show("blink")
        assert gpio.outputs == {2: True, 3: True, 4: False}
        await asyncio.sleep(2.1)
        assert changes(gpio, 2) == [(0.0, False), (1.0, True)]
        assert changes(gpio, 3) == [(0.0, False)] + [(1 + n / 4, n % 2 == 0) for n in range(9)]
        await board.indicator(2).show("off")
        await asyncio.sleep(2)
        assert gpio.outputs == {2: True, 3: False, 4: False}
        assert len(changes(gpio, 3)) == 11
        await board.stop()
        assert gpio.outputs == {2: False, 3: False, 4: False}
        watch.cancel()

    run(story())


def test_lamps_active_low() -> None:
    async def story() -> None:
        gpio = FakeGpio()
        board = lamps(gpio, active_high=False)
        await board.start()
        assert gpio.outputs == {2: True, 3: True, 4: True}
        await board.indicator(3).show("on")
        assert gpio.outputs == {2: True, 3: True, 4: False}

    run(story())


def test_a_lamp_asked_for_while_lost_is_shown_later_and_the_loss_is_noticed() -> None:
    async def story() -> None:
        gpio = FakeGpio()
        board = lamps(gpio)
        await board.start()
        watch = asyncio.create_task(board.watch(Readings()))
        await asyncio.sleep(0.1)
        gpio.lose()
        with pytest.raises(LinkLost):
            await asyncio.wait_for(watch, 5)
        with pytest.raises(LinkLost):
            await board.indicator(1).show("on")
        gpio.lost = False
        await board.start()
        assert gpio.outputs == {2: False, 3: False, 4: False}
        watch = asyncio.create_task(board.watch(Readings()))
        await asyncio.sleep(0)
        assert gpio.outputs == {2: True, 3: False, 4: False}
        watch.cancel()

    run(story())


def test_no_such_lamp() -> None:
    for channel in (0, 4):
        with pytest.raises(DeviceMisconfigured, match="channels 1 to 3"):
            lamps(FakeGpio()).indicator(channel)
    with pytest.raises(ValidationError, match="line 2 is named twice"):
        LedSpec(id="lamps", type="led", link="gpio0", lines=(2, 2))


@pytest.mark.parametrize("active_high", [True, False])
def test_each_tone_has_its_rhythm_and_ends_by_itself(active_high: bool) -> None:
    async def story(tone: capabilities.Tone) -> None:
        gpio = FakeGpio()
        device = buzzer(gpio, active_high=active_high)
        assert isinstance(device, capabilities.Buzzer)
        await device.start()
        watch = asyncio.create_task(device.watch(Readings()))
        await asyncio.sleep(1)
        await device.sound(tone)
        await asyncio.sleep(30)
        expected, at_s = [(0.0, not active_high)], 1.0
        for on_s, off_s in TONES[tone]:
            expected += [(at_s, active_high), (at_s + on_s, not active_high)]
            at_s += on_s + off_s
        assert changes(gpio, 11) == expected
        watch.cancel()

    for tone in TONES:
        run(story(tone))


def test_a_new_tone_replaces_the_old_one() -> None:
    async def story() -> None:
        gpio = FakeGpio()
        device = buzzer(gpio)
        await device.start()
        watch = asyncio.create_task(device.watch(Readings()))
        await device.sound("alarm")
        await asyncio.sleep(0.7)
        await device.sound("key")
        await asyncio.sleep(5)
        assert changes(gpio, 11) == [
            (0.0, False), (0.0, True), (0.4, False), (0.6, True), (0.7, False), (0.7, True), (0.73, False),
        ]  # fmt: skip
        watch.cancel()

    run(story())


def test_a_tone_is_not_played_after_a_loss() -> None:
    async def story() -> None:
        gpio = FakeGpio()
        device = buzzer(gpio)
        await device.start()
        await device.sound("alarm")
        await device.start()
        watch = asyncio.create_task(device.watch(Readings()))
        await asyncio.sleep(5)
        assert changes(gpio, 11) == [(0.0, False)]
        gpio.lose()
        with pytest.raises(LinkLost):
            await asyncio.wait_for(watch, 5)

    run(story())


def test_stop_silences_a_tone() -> None:
    async def story() -> None:
        gpio = FakeGpio()
        device = buzzer(gpio)
        await device.start()
        watch = asyncio.create_task(device.watch(Readings()))
        await device.sound("refused")
        await asyncio.sleep(0.1)
        assert gpio.outputs == {11: True}
        watch.cancel()
        await device.stop()
        assert gpio.outputs == {11: False}

    run(story())


def test_a_screen_is_written_at_once() -> None:
    async def story() -> None:
        link = FakeLink()
        device = display(link)
        assert isinstance(device, capabilities.Display)
        await device.start()
        watch = asyncio.create_task(device.watch(Readings()))
        await asyncio.sleep(1)
        assert link.written == CLEAR * 2
        link.written = b""
        await device.show("Slot 7\n钥匙")
        await asyncio.sleep(0)
        assert link.written == encode("Slot 7\n钥匙")
        watch.cancel()
        link.written = b""
        await device.stop()
        assert link.written == CLEAR

    run(story())


def test_only_the_newest_text_is_written_to_a_slow_terminal() -> None:
    async def story() -> None:
        link = FakeLink()
        device = display(link)
        await device.start()
        watch = asyncio.create_task(device.watch(Readings()))
        await asyncio.sleep(0)
        link.takes_bytes.clear()
        for number in range(1000):
            await device.show(f"text {number}")
            await asyncio.sleep(0.002)
        link.written = b""
        link.takes_bytes.set()
        await asyncio.sleep(1)
        assert link.written == encode("text 0") + encode("text 999")
        watch.cancel()

    run(story())


def test_a_terminal_that_was_off_gets_its_text_again_and_a_loss_is_noticed() -> None:
    async def story() -> None:
        link = FakeLink()
        device = display(link)
        await device.start()
        watch = asyncio.create_task(device.watch(Readings()))
        await device.show("hello")
        await asyncio.sleep(1)
        link.written = b""
        await asyncio.sleep(10)
        assert link.written == encode("hello")
        link.lose()
        with pytest.raises(LinkLost):
            await asyncio.wait_for(watch, 15)
        link.lost, link.written = False, b""
        await device.start()
        watch = asyncio.create_task(device.watch(Readings()))
        await asyncio.sleep(0)
        assert link.written == CLEAR + encode("hello")
        watch.cancel()

    run(story())


def test_a_port_that_takes_no_bytes_is_a_time_out() -> None:
    async def story() -> None:
        link = FakeLink()
        link.takes_bytes.clear()
        device = display(link)
        with pytest.raises(DeviceTimeout, match="takes no bytes"):
            await device.start()
        began_s = asyncio.get_running_loop().time()
        with pytest.raises(DeviceTimeout):
            await device.stop()
        assert asyncio.get_running_loop().time() - began_s <= 1.1

    run(story())
