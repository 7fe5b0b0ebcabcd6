from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest

from hal.capabilities import EnrolStep, FingerModule, FingerReader, FingerSeen, FingerUnknown
from hal.errors import DeviceError, DeviceRefused, DeviceTimeout, LinkLost
from simulator.harness.virtual_loop import run
from simulator.types import body_class
from tests.contract.rig import Rig, in_memory, on_real_bus
from tests.contract.rows import types_with

READERS = types_with(FingerReader)
FAULTS = [(name, fault) for name in READERS for fault in body_class(name).faults]
ADA, BOB = 7, 8
HIDES = (
    *(
        "noise",
        "truncate",
        "bad-checksum",
        "late",
        "silent",
        "wrong-address",
        "stale",
        "merge",
        "unplug",
        "power-cycle",
    ),
    *(
        "unclear",
        "lifted",
        "low-score",
        "miscount",
        "locked",
        "restarts",
        "other-rate",
        "other-module",
        "factory-reset",
    ),
    "duplicate",
)
"""Faults under which a finger may go unseen."""


def ignored(step: EnrolStep) -> None:
    """What the person is told."""


def hand(rig: Rig, finger: int, steps: list[EnrolStep]) -> Callable[[EnrolStep], None]:
    """It does what it is told."""

    def told(step: EnrolStep) -> None:
        steps.append(step)
        rig.seen.finger = None if step == "lift" else finger

    return told


async def enrolled(rig: Rig, template: int, finger: int) -> list[EnrolStep]:
    steps: list[EnrolStep] = []
    await rig.driver.enrol(template, hand(rig, finger, steps), 20)
    rig.seen.finger = None
    await asyncio.sleep(0.5)
    return steps


async def touched(rig: Rig, finger: int) -> None:
    rig.seen.finger = finger
    await asyncio.sleep(1.5)
    rig.seen.finger = None
    await asyncio.sleep(0.5)


def stored_after_s(name: str) -> float:
    """How long after its begin an enrolment has stored the template, with a hand that does at once what it is told."""

    async def told() -> None:
        async with in_memory(name) as rig:
            await rig.driver.start()
            async with rig.watching():
                await rig.until(lambda: bool(rig.readings))
                began_s = asyncio.get_running_loop().time()
                enrolment = asyncio.create_task(rig.driver.enrol(5, hand(rig, ADA, []), 20))
                while not rig.body.templates:  # noqa: ASYNC110 - the module has no event for it
                    await asyncio.sleep(0.0005)
                found.append(asyncio.get_running_loop().time() - began_s)
                await enrolment

    found: list[float] = []
    run(told())
    return found[0]


def modules(rig: Rig) -> list[FingerModule]:
    return [reading for reading in rig.readings if isinstance(reading, FingerModule)]


def told_of_fingers(rig: Rig) -> list[int | None]:
    """Templates, None for an unknown one."""
    fingers = [reading for reading in rig.readings if isinstance(reading, FingerSeen | FingerUnknown)]
    return [one.template if isinstance(one, FingerSeen) else None for one in fingers]


def story(name: str, tell: Callable[[Rig], object], seed: int = 1) -> None:
    async def told() -> None:
        async with in_memory(name, seed) as rig:
            await rig.driver.start()
            async with rig.watching():
                await rig.until(lambda: bool(rig.readings))
                await tell(rig)  # type: ignore[misc]

    run(told())


@pytest.mark.parametrize("name", READERS)
def test_a_finger_is_enrolled_seen_and_deleted(name: str, tmp_path: Path) -> None:
    async def told() -> None:
        async with on_real_bus(name, tmp_path) as rig:
            await rig.driver.start()
            async with rig.watching():
                await rig.until(lambda: bool(rig.readings))
                assert await enrolled(rig, 42, ADA) == ["put", "lift", "again"]
                await rig.until(lambda: len(rig.readings) == 2)
                rig.seen.finger = ADA
                await rig.until(lambda: len(rig.readings) == 3)
                rig.seen.finger = None
                await rig.driver.delete(frozenset({42, 5}))
                await rig.until(lambda: len(rig.readings) == 4)
            first, stored, seen, deleted = rig.readings
            assert isinstance(first, FingerModule)
            assert (len(first.module), first.templates) == (16, frozenset())
            assert first.capacity >= 100
            assert stored == FingerModule("device", first.module, frozenset({42}), first.capacity)
            assert seen == FingerSeen("device", first.module, 42)
            assert deleted == first

    asyncio.run(told())


@pytest.mark.parametrize("name", READERS)
def test_each_time_that_it_is_put_on_is_told_once(name: str) -> None:
    async def tell(rig: Rig) -> None:
        await enrolled(rig, 3, ADA)
        rig.seen.finger = ADA
        await asyncio.sleep(20)
        rig.seen.finger = None
        await asyncio.sleep(0.5)
        await touched(rig, BOB)
        await touched(rig, ADA)
        assert told_of_fingers(rig) == [3, None, 3]

    story(name, tell)


@pytest.mark.parametrize("name", READERS)
def test_the_same_module_keeps_its_mark_and_what_is_stored(name: str) -> None:
    async def told() -> None:
        async with in_memory(name) as rig:
            await rig.driver.start()
            async with rig.watching():
                await rig.until(lambda: bool(rig.readings))
                await enrolled(rig, 9, ADA)
                await rig.until(lambda: len(rig.readings) == 2)
            rig.fault("power-cycle")
            await asyncio.sleep(1)
            await rig.reopen()
            async with rig.watching():
                await rig.until(lambda: len(rig.readings) == 3)
            assert rig.readings[2] == rig.readings[1]

    run(told())


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("fault", ["other-module", "factory-reset"])
def test_another_module_has_another_mark_and_the_first_has_its_own_when_it_is_back(name: str, fault: str) -> None:
    async def told() -> None:
        async with in_memory(name) as rig:
            await rig.driver.start()
            async with rig.watching() as watch:
                await rig.until(lambda: bool(rig.readings))
                await enrolled(rig, 9, ADA)
                await rig.until(lambda: len(rig.readings) == 2)
                rig.fault(fault)
                async with asyncio.timeout(15):
                    with pytest.raises(DeviceTimeout):
                        await watch
            await rig.reopen()
            async with rig.watching():
                await rig.until(lambda: len(rig.readings) == 3)
                await touched(rig, ADA)
            assert told_of_fingers(rig) == [None]
            rig.simulated.clear()
            await asyncio.sleep(1)
            await rig.reopen()
            async with rig.watching():
                await rig.until(lambda: len(rig.readings) == 5)
            first, other, back = modules(rig)[1:4]
            assert (other.templates, other.module == first.module) == (frozenset(), False)
            assert back == (first if fault == "other-module" else other)

    run(told())


@pytest.mark.parametrize("name", READERS)
def test_an_enrolment_is_refused_and_nothing_is_stored(name: str) -> None:
    async def tell(rig: Rig) -> None:
        await enrolled(rig, 1, ADA)
        capacity = modules(rig)[0].capacity
        for template, finger, why in ((1, BOB, "taken"), (capacity, BOB, "beyond"), (2, ADA, "known already")):
            with pytest.raises(DeviceRefused, match=why):
                await enrolled(rig, template, finger)
            rig.seen.finger = None
            await asyncio.sleep(1)

        def swaps(step: EnrolStep) -> None:
            rig.seen.finger = {"put": BOB, "again": BOB + 1}.get(step)

        with pytest.raises(DeviceRefused, match="not of one finger"):
            await rig.driver.enrol(2, swaps, 20)
        rig.seen.finger = None
        await asyncio.sleep(1)
        with pytest.raises(DeviceTimeout, match="nobody put a finger on"):
            await rig.driver.enrol(2, ignored, 3)
        assert rig.body.templates == {1}
        assert told_of_fingers(rig) == [], "meanwhile nobody was identified"
        await touched(rig, ADA)
        assert told_of_fingers(rig) == [1]

    story(name, tell)


@pytest.mark.parametrize("name", READERS)
def test_an_unclear_finger_is_told_once_and_may_be_put_on_again(name: str) -> None:
    async def tell(rig: Rig) -> None:
        rig.fault("unclear=3")
        assert await enrolled(rig, 5, ADA) == ["put", "unclear", "lift", "again"]

    story(name, tell)


@pytest.mark.parametrize("name", READERS)
def test_a_cancelled_enrolment_leaves_nothing_behind(name: str) -> None:
    """Whenever it is cancelled; the module is asked again for what it stores."""

    async def told(after_s: float) -> None:
        async with in_memory(name) as rig:
            await rig.driver.start()
            async with rig.watching():
                await rig.until(lambda: bool(rig.readings))
                enrolment = asyncio.create_task(rig.driver.enrol(5, hand(rig, ADA, []), 20))
                await asyncio.wait({enrolment}, timeout=after_s)
                over = enrolment.done()
                enrolment.cancel()
                await asyncio.wait({enrolment})
                rig.seen.finger = None
                await asyncio.sleep(2)
                assert rig.body.templates == modules(rig)[-1].templates == ({5} if over else set())
                await touched(rig, BOB)
                assert told_of_fingers(rig) == [None]

    stored_s = stored_after_s(name)
    for at_s in (*(tenth / 10 for tenth in range(15)), *(stored_s + step / 500 for step in range(-20, 12))):
        run(told(at_s))


@pytest.mark.parametrize("name", READERS)
def test_the_finger_that_was_enrolled_is_identified_when_it_is_put_on_again(name: str) -> None:
    async def tell(rig: Rig) -> None:
        await rig.driver.enrol(5, hand(rig, ADA, []), 20)
        await asyncio.sleep(5)
        assert told_of_fingers(rig) == [], "it is still on"
        rig.seen.finger = None
        await asyncio.sleep(0.5)
        await touched(rig, ADA)
        assert told_of_fingers(rig) == [5]

    story(name, tell)


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("fault", ["silent", "unplug", "power-cycle"])
def test_an_enrolment_whose_end_nobody_has_heard_leaves_nothing_behind(name: str, fault: str) -> None:
    async def told(after_s: float) -> None:
        async with in_memory(name) as rig:
            await rig.driver.start()
            async with rig.watching() as watch:
                await rig.until(lambda: bool(rig.readings))
                enrolment = asyncio.create_task(rig.driver.enrol(5, hand(rig, ADA, []), 20))
                await asyncio.wait({enrolment}, timeout=after_s)
                rig.fault(fault)
                async with asyncio.timeout(10):
                    with pytest.raises(DeviceError):
                        await enrolment
                    rig.seen.finger = None
                    with pytest.raises(DeviceError):
                        await watch
            rig.simulated.clear()
            await asyncio.sleep(1)
            await rig.reopen()
            async with rig.watching():
                await asyncio.sleep(1)
            assert rig.body.templates == modules(rig)[-1].templates == frozenset()

    stored_s = stored_after_s(name)
    for offset_s in (-0.3, -0.05, -0.02, -0.001, 0.001, 0.003, 0.007):
        run(told(stored_s + offset_s))


@pytest.mark.parametrize("name", READERS)
def test_what_is_away_enrols_and_deletes_nothing(name: str) -> None:
    async def told() -> None:
        async with in_memory(name) as rig:
            with pytest.raises(LinkLost):
                await rig.driver.enrol(1, ignored, 5)
            with pytest.raises(LinkLost):
                await rig.driver.delete(frozenset({1}))

    run(told())


@pytest.mark.parametrize("name", READERS)
def test_one_that_falls_silent_is_noticed_within_two_seconds_whatever_it_does(name: str) -> None:
    async def told(after_s: float, finger: int | None) -> None:
        async with in_memory(name) as rig:
            await rig.driver.start()
            async with rig.watching() as watch:
                await asyncio.sleep(after_s)
                rig.seen.finger = finger
                await asyncio.sleep(after_s / 10)
                rig.fault("silent")
                async with asyncio.timeout(2):
                    with pytest.raises(DeviceTimeout):
                        await watch

    for number in range(20):
        run(told(1 + number * 0.03, ADA if number % 2 else None))


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize(("name", "fault"), FAULTS)
def test_no_fault_shows_another_finger_or_ends_for_good(name: str, fault: str, seed: int) -> None:
    """Fingers all the time; the fault begins in the middle of it."""

    async def told() -> None:
        random = Random(seed)
        async with in_memory(name, seed) as rig:
            await rig.driver.start()
            async with rig.watching() as watch:
                await rig.until(lambda: bool(rig.readings))
                await enrolled(rig, 11, 1)
                await enrolled(rig, 12, 2)
                await asyncio.sleep(1)
                shown: list[tuple[int, int]] = []
                """Which finger, and how many readings there were before it."""
                for number in range(8):
                    if number == 3:
                        rig.fault(fault)
                    rig.seen.finger = random.choice((1, 2, 3))
                    shown.append((rig.seen.finger, len(rig.readings)))
                    await asyncio.sleep(random.uniform(0.3, 2.5))
                    rig.seen.finger = None
                    await asyncio.sleep(random.uniform(0.5, 1.5))
            if not watch.cancelled():
                assert isinstance(watch.exception(), DeviceError)
            shown.append((0, len(rig.readings)))
            for (finger, first), (_, behind) in pairwise(shown):
                templates = {one.template for one in rig.readings[first:behind] if isinstance(one, FingerSeen)}
                assert templates <= {10 + finger}
                if fault not in HIDES:
                    assert len(rig.readings[first:behind]) <= 1
            rig.simulated.clear()
            await asyncio.sleep(1)
            await rig.reopen()
            before = len(rig.readings)
            async with rig.watching():
                await touched(rig, 1)
            assert rig.readings[before:][1:] == [
                FingerUnknown("device")
                if fault == "factory-reset"
                else FingerSeen("device", modules(rig)[0].module, 11)
            ]

    run(told())
