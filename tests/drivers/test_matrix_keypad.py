from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import pytest
from pydantic import ValidationError

from drivers.matrix_keypad import MatrixKeypad
from drivers.specs.matrix_keypad import MatrixKeypadSpec
from hal.buses import Edge
from hal.capabilities import Cancelled, DeviceSuspect, Entered, Keypad, Reading, Typed
from hal.errors import LinkLost
from simulator.harness.virtual_loop import run
from tests.drivers.fakes import FakeGpio, LoopClock, Readings

ROWS, COLUMNS = [5, 6, 13, 19], [16, 20, 21]
PLACES = {
    key: (ROWS[row], COLUMNS[column])
    for row, keys in enumerate(("123", "456", "789", "*0#"))
    for column, key in enumerate(keys)
}


def spec(**keys: object) -> MatrixKeypadSpec:
    table = {"id": "keypad", "type": "matrix-keypad", "link": "gpio0", "rows": ROWS, "columns": COLUMNS}
    return MatrixKeypadSpec.model_validate(table | keys)


def keypad(gpio: FakeGpio, **keys: object) -> MatrixKeypad:
    return MatrixKeypad(spec(**keys), gpio, LoopClock())


async def watched(device: MatrixKeypad, readings: Readings) -> asyncio.Task[None]:
    await device.start()
    return asyncio.create_task(device.watch(readings))


async def press(gpio: FakeGpio, keys: str, *, down_s: float = 0.08) -> None:
    for key in keys:
        gpio.press(*PLACES[key])
        await asyncio.sleep(down_s)
        gpio.release_key(*PLACES[key])
        await asyncio.sleep(0.06)


def told(readings: Readings) -> list[Reading | str]:
    """Secrets do not compare: shown as their digits here."""
    return [one.secret.reveal() if isinstance(one, Entered) else one for one in readings.all]


def typed(*lengths: int) -> list[Typed]:
    return [Typed("keypad", length) for length in lengths]


def test_digits_are_handed_out_as_one_secret() -> None:
    async def story() -> None:
        gpio, readings = FakeGpio(), Readings()
        device = keypad(gpio)
        assert isinstance(device, Keypad)
        watch = await watched(device, readings)
        await press(gpio, "1470#258#369#")
        assert told(readings) == [
            *typed(1, 2, 3, 4), "1470", *typed(1, 2, 3), "258", *typed(1, 2, 3), "369",
        ]  # fmt: skip
        assert "1470" not in repr(readings.all)
        watch.cancel()

    run(story())


def test_star_clears_then_cancels_and_hash_alone_does_nothing() -> None:
    async def story() -> None:
        gpio, readings = FakeGpio(), Readings()
        device = keypad(gpio)
        watch = await watched(device, readings)
        await press(gpio, "#12**#")
        assert told(readings) == [*typed(1, 2, 0), Cancelled("keypad")]
        watch.cancel()

    run(story())


def test_digits_beyond_the_limit_are_ignored() -> None:
    async def story() -> None:
        gpio, readings = FakeGpio(), Readings()
        device = keypad(gpio, digits_max=4)
        watch = await watched(device, readings)
        await press(gpio, "123456#")
        assert told(readings) == [*typed(1, 2, 3, 4, 4, 4), "1234"]
        watch.cancel()

    run(story())


def test_digits_left_behind_are_forgotten() -> None:
    async def story() -> None:
        gpio, readings = FakeGpio(), Readings()
        device = keypad(gpio, entry_s=15)
        watch = await watched(device, readings)
        await press(gpio, "12")
        await asyncio.sleep(20)
        assert told(readings) == typed(1, 2, 0)
        assert readings[2][0] == pytest.approx(readings[1][0] + 15)
        await press(gpio, "#3#")
        assert told(readings)[3:] == [*typed(1), "3"]
        watch.cancel()

    run(story())


def test_a_key_held_for_minutes_counts_once_and_its_digit_is_forgotten() -> None:
    async def story() -> None:
        gpio, readings = FakeGpio(), Readings()
        device = keypad(gpio)
        watch = await watched(device, readings)
        await press(gpio, "5", down_s=180)
        await asyncio.sleep(1)
        assert [one for one in told(readings) if isinstance(one, Typed)] == typed(1, 0)
        assert [hint is None for _, hint in suspicions(readings)] == [False, True]
        assert readings[1][0] == pytest.approx(readings[0][0] + 15, abs=0.1)
        watch.cancel()

    run(story())


def test_bouncing_contacts_count_once() -> None:
    async def story() -> None:
        gpio, readings = FakeGpio(), Readings()
        device = keypad(gpio)
        watch = await watched(device, readings)
        for _ in range(7):
            await press(gpio, "5", down_s=0.001)
        gpio.press(*PLACES["5"])
        await asyncio.sleep(0.08)
        for _ in range(8):
            gpio.release_key(*PLACES["5"])
            await asyncio.sleep(0.0015)
            gpio.press(*PLACES["5"])
            await asyncio.sleep(0.0015)
        gpio.release_key(*PLACES["5"])
        await asyncio.sleep(0.1)
        assert told(readings) == typed(1)
        watch.cancel()

    run(story())


def test_two_keys_and_ghosts_press_nothing() -> None:
    async def story() -> None:
        gpio, readings = FakeGpio(), Readings()
        device = keypad(gpio)
        watch = await watched(device, readings)
        for corners in ("12", "124"):
            for key in corners:
                gpio.press(*PLACES[key])
            await asyncio.sleep(0.1)
            for key in corners:
                gpio.release_key(*PLACES[key])
            await asyncio.sleep(0.1)
        assert told(readings) == []
        await press(gpio, "7")
        assert told(readings) == typed(1)
        watch.cancel()

    run(story())


def test_idle_asks_nothing_and_holds_all_rows_low() -> None:
    async def story() -> None:
        gpio = FakeGpio()
        device = keypad(gpio)
        await device.start()
        assert gpio.drives == dict.fromkeys(ROWS, "open-drain")
        assert gpio.inputs == dict.fromkeys(COLUMNS, "up")
        watch = asyncio.create_task(device.watch(Readings()))
        await asyncio.sleep(0.1)
        reads = gpio.reads
        await asyncio.sleep(3600)
        assert gpio.reads == reads
        assert gpio.outputs == dict.fromkeys(ROWS, False)
        await press(gpio, "1")
        await asyncio.sleep(0.1)
        reads = gpio.reads
        await asyncio.sleep(14)
        assert gpio.reads == reads
        watch.cancel()

    run(story())


def test_a_press_counts_though_its_edge_was_lost() -> None:
    class Forgetful(FakeGpio):
        """Its queue is full just when a key goes down before the rows are all low."""

        async def next_edges(self, lines: Sequence[int]) -> list[Edge]:
            assert self.shorts == set(), "waits for an edge that has gone by"
            return await super().next_edges(lines)

        async def write(self, values: Mapping[int, bool]) -> None:
            await super().write(values)
            if not any(values.values()) and not readings:
                self.press(*PLACES["5"])

    readings = Readings()

    async def story() -> None:
        gpio = Forgetful()
        watch = await watched(keypad(gpio), readings)
        await asyncio.sleep(0.1)
        assert told(readings) == typed(1)
        watch.cancel()

    run(story())


def suspicions(readings: Readings) -> list[tuple[float, str | None]]:
    return [(round(at_s, 1), one.hint) for at_s, one in readings if isinstance(one, DeviceSuspect)]


STUCK_HASH = (
    "a key stays down: row 4 column 3; look for a jammed key or a short. The others work without it"
)  # fmt: skip


def test_a_key_stuck_at_start_is_ignored_at_once_and_told_when_it_stays() -> None:
    async def story() -> None:
        gpio, readings = FakeGpio(), Readings()
        gpio.press(*PLACES["#"])
        device = keypad(gpio)
        watch = await watched(device, readings)
        await press(gpio, "12")
        assert told(readings) == typed(1, 2)
        await asyncio.sleep(30)
        assert suspicions(readings) == [(20.0, STUCK_HASH)]
        await press(gpio, "45")
        gpio.release_key(*PLACES["#"])
        await asyncio.sleep(0.1)
        await press(gpio, "#")
        assert told(readings)[-1] == "45"
        assert [hint for _, hint in suspicions(readings)] == [STUCK_HASH, None]
        watch.cancel()

    run(story())


def test_a_key_that_jams_later_is_told_and_the_others_work_again() -> None:
    async def story() -> None:
        gpio, readings = FakeGpio(), Readings()
        device = keypad(gpio, entry_s=120)
        watch = await watched(device, readings)
        await press(gpio, "1")
        gpio.press(*PLACES["#"])  # hands out the 1
        await press(gpio, "23")
        assert told(readings) == [*typed(1), "1"], "two keys are none while nobody knows that one is jammed"
        await asyncio.sleep(20)
        assert [hint for _, hint in suspicions(readings)] == [STUCK_HASH]
        await press(gpio, "23")
        assert told(readings)[-2:] == typed(1, 2)
        watch.cancel()

    run(story())


def test_what_a_jammed_key_has_typed_is_forgotten() -> None:
    async def story() -> None:
        gpio, readings = FakeGpio(), Readings()
        device = keypad(gpio, entry_s=120)
        watch = await watched(device, readings)
        await press(gpio, "1")
        gpio.press(*PLACES["5"])
        await asyncio.sleep(30)
        assert [one for one in told(readings) if isinstance(one, Typed)] == typed(1, 2, 0)
        await press(gpio, "34#")
        assert told(readings)[-1] == "34"
        watch.cancel()

    run(story())


def test_three_jammed_keys_say_that_one_of_four_may_only_seem_so() -> None:
    async def story() -> None:
        gpio, readings = FakeGpio(), Readings()
        device = keypad(gpio)
        watch = await watched(device, readings)
        await asyncio.sleep(1)
        for key in "124":
            gpio.press(*PLACES[key])
        await asyncio.sleep(30)
        [(_, hint)] = suspicions(readings)
        assert hint is not None
        assert "row 1 column 1, row 1 column 2, row 2 column 1, row 2 column 2 (one of them may only seem so)" in hint
        await press(gpio, "9")
        assert told(readings)[-1] == Typed("keypad", 1)
        await press(gpio, "7")
        assert told(readings)[-1] == Typed("keypad", 1), "it may be a ghost"
        watch.cancel()

    run(story())


def test_digits_do_not_outlive_a_loss() -> None:
    async def story() -> None:
        gpio, readings = FakeGpio(), Readings()
        device = keypad(gpio)
        watch = await watched(device, readings)
        await press(gpio, "12")
        await asyncio.sleep(0.1)
        gpio.lose()
        with pytest.raises(LinkLost):
            await watch
        gpio.lost = False
        watch = await watched(device, readings)
        await asyncio.sleep(0.1)
        await press(gpio, "3#")
        assert told(readings) == [*typed(1, 2, 0, 1), "3"]
        await device.stop()
        assert gpio.outputs == {}
        watch.cancel()

    run(story())


def test_a_line_has_one_use() -> None:
    with pytest.raises(ValidationError, match="line 16 is named twice"):
        spec(rows=[5, 6, 13, 16])
    assert spec().claimed_lines() == dict.fromkeys(ROWS, "rows") | dict.fromkeys(COLUMNS, "columns")
