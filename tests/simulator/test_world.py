"""The rules of the world: what a bolt holds, what a hand can do, and that no fob is ever in two places."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.world import RELATCH_S, Change, NotPossible, World

SLOTS = (1, 2, 3)


class Timers:
    """Time that a test moves by hand."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self._pending: list[Alarm] = []

    def later(self, delay: float, callback: Callable[[], object]) -> Alarm:
        alarm = Alarm(self.now_s + delay, callback)
        self._pending.append(alarm)
        return alarm

    def wait(self, seconds: float) -> None:
        self.now_s += seconds
        due = [alarm for alarm in self._pending if alarm.at_s <= self.now_s]
        self._pending = [alarm for alarm in self._pending if alarm not in due]
        for alarm in due:
            if not alarm.cancelled:
                alarm.callback()


class Alarm:
    def __init__(self, at_s: float, callback: Callable[[], object]) -> None:
        self.at_s = at_s
        self.callback = callback
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


def a_world() -> tuple[World, Timers]:
    timers = Timers()
    world = World(SLOTS, timers.later)
    return world, timers


def pulse(world: World, slot: int) -> None:
    world.energise(slot, on=True)
    world.energise(slot, on=False)


def bolt(world: World, slot: int) -> object:
    return slot_shown(world, slot)["bolt"]


def slot_shown(world: World, slot: int) -> dict[str, object]:
    slots = world.show()["slots"]
    assert isinstance(slots, list)
    return dict(next(shown for shown in slots if shown["slot"] == slot))


def test_a_bolt_holds_its_fob() -> None:
    world, _ = a_world()
    with pytest.raises(NotPossible, match=r"^held by bolt$"):
        world.lift(2)
    assert world.fob_in(2) == "F-2"
    assert not world.door_open


def test_a_pulse_leaves_a_person_time() -> None:
    world, timers = a_world()
    pulse(world, 2)
    timers.wait(RELATCH_S - 0.1)
    assert (bolt(world, 2), slot_shown(world, 2)["coil"]) == ("unlocked", "off")
    world.lift(2)
    assert world.hands == ["F-2"]
    assert world.door_open


def test_a_bolt_latches_again_by_itself() -> None:
    world, timers = a_world()
    pulse(world, 2)
    timers.wait(RELATCH_S)
    with pytest.raises(NotPossible, match="held by bolt"):
        world.lift(2)


def test_a_second_pulse_gives_the_whole_time_again() -> None:
    world, timers = a_world()
    pulse(world, 2)
    timers.wait(RELATCH_S - 1)
    pulse(world, 2)
    timers.wait(RELATCH_S - 1)
    assert bolt(world, 2) == "unlocked"
    timers.wait(1)
    assert bolt(world, 2) == "locked"


def test_time_runs_from_the_end_of_the_pulse() -> None:
    world, timers = a_world()
    world.energise(2, on=True)
    timers.wait(2 * RELATCH_S)
    assert bolt(world, 2) == "unlocked"
    world.energise(2, on=False)
    timers.wait(RELATCH_S - 1)
    assert bolt(world, 2) == "unlocked"


def test_lifting_and_seating_latch_the_bolt() -> None:
    world, _ = a_world()
    pulse(world, 2)
    world.lift(2)
    assert bolt(world, 2) == "locked"
    pulse(world, 2)
    assert bolt(world, 2) == "unlocked"
    world.seat(2)
    with pytest.raises(NotPossible, match="held by bolt"):
        world.lift(2)


def test_an_energised_coil_holds_the_bolt_back_whatever_is_seated() -> None:
    world, _ = a_world()
    world.energise(2, on=True)
    world.lift(2)
    world.seat(2)
    assert bolt(world, 2) == "unlocked"
    world.energise(2, on=False)
    assert bolt(world, 2) == "locked"


def test_seating_needs_no_coil() -> None:
    world, _ = a_world()
    world.force(1)
    world.close_door()
    world.seat(1)
    assert world.fob_in(1) == "F-1"
    assert world.door_open


def test_seat_without_a_name_means_the_fob_last_lifted_there() -> None:
    world, _ = a_world()
    world.force(1)
    world.force(2)
    world.seat(2, "F-1")
    world.seat(1, "F-2")
    world.force(2)
    world.force(1)
    world.seat(1)
    world.seat(2)
    assert (world.fob_in(1), world.fob_in(2)) == ("F-2", "F-1")


@pytest.mark.parametrize(
    ("act", "why"),
    [
        (lambda world: world.lift(9), "slot 9: no such slot"),
        (lambda world: world.seat(9), "slot 9: no such slot"),
        (lambda world: world.force(9), "slot 9: no such slot"),
        (lambda world: world.lift(3), "slot 3 is empty"),
        (lambda world: world.force(3), "slot 3 is empty"),
        (lambda world: world.seat(1), "slot 1 is taken by F-1"),
        (lambda world: world.seat(1, "F-3"), "slot 1 is taken by F-1"),
        (lambda world: world.seat(3, "F-1"), "F-1 is not in a hand"),
        (lambda world: world.seat(3, "X-1"), "X-1: no such fob"),
        (lambda world: world.lose("F-1"), "F-1 is not in a hand"),
    ],
)
def test_what_cannot_be_is_said_and_changes_nothing(act: Callable[[World], None], why: str) -> None:
    world, _ = a_world()
    world.force(3)
    world.close_door()
    before = world.show()
    with pytest.raises(NotPossible) as raised:
        act(world)
    assert str(raised.value) == why
    assert world.show() == before


def test_nothing_in_hand_from_a_slot() -> None:
    world, _ = a_world()
    world.force(1)
    world.lose("F-1")
    with pytest.raises(NotPossible, match=r"^nothing in hand from slot 1$"):
        world.seat(1)
    assert world.place("F-1") == "lost"


def test_a_jammed_bolt_holds_and_a_broken_one_does_not() -> None:
    world, _ = a_world()
    world.jam(1, jammed=True)
    pulse(world, 1)
    with pytest.raises(NotPossible, match="held by bolt"):
        world.lift(1)
    world.break_bolt(2, broken=True)
    world.lift(2)
    assert world.hands == ["F-2"]


def test_observers_hear_of_each_change_once() -> None:
    world, timers = a_world()
    heard: list[Change] = []
    world.observe(heard.append)
    pulse(world, 2)
    world.lift(2)
    world.open_door()
    timers.wait(2 * RELATCH_S)
    world.set_mains(on=False)
    assert heard == [
        Change("coil", 2),
        Change("bolt", 2),
        Change("coil", 2),
        Change("door"),
        Change("fob", 2),
        Change("bolt", 2),
        Change("mains"),
    ]


def test_show_tells_all_a_person_sees() -> None:
    world, _ = a_world()
    world.force(3)
    world.light(1, lit=True)
    world.show_text("Take item 1")
    world.sound(on=True)
    world.set_mains(on=False)
    world.energise(2, on=True)
    locked = {"bolt": "locked", "coil": "off", "lamp": "off"}
    assert world.show() == {
        "door": "open",
        "mains": "off",
        "slots": [
            {"slot": 1, "fob": "F-1", **locked, "lamp": "on"},
            {"slot": 2, "fob": "F-2", "bolt": "unlocked", "coil": "on", "lamp": "off"},
            {"slot": 3, "fob": None, **locked},
        ],
        "hands": ["F-3"],
        "display": "Take item 1",
        "buzzer": "on",
    }


def test_one_finger_at_a_time_is_on_a_reader() -> None:
    world, _ = a_world()
    changes: list[Change] = []
    world.observe(changes.append)
    world.put_finger(7, "finger")
    world.put_finger(7, "other")
    with pytest.raises(NotPossible, match="finger 7 is on finger"):
        world.put_finger(8, "finger")
    world.lift_finger("finger")
    world.lift_finger("finger")
    assert (world.finger_on("finger"), world.finger_on("other")) == (None, 7)
    assert changes == [Change("finger")] * 3


slot_numbers = st.integers(1, 4)
fob_names = st.sampled_from(["F-1", "F-2", "F-3", "F-4"])
acts = st.one_of(
    st.tuples(st.just("pulse"), slot_numbers),
    st.tuples(st.just("lift"), slot_numbers),
    st.tuples(st.just("force"), slot_numbers),
    st.tuples(st.just("seat"), slot_numbers, st.none() | fob_names),
    st.tuples(st.just("lose"), fob_names),
    st.tuples(st.just("wait"), st.sampled_from([1.0, 20.0])),
)


@given(st.lists(acts, max_size=30))
def test_each_fob_is_in_exactly_one_place(sequence: list[tuple[object, ...]]) -> None:
    world, timers = a_world()
    does = {"pulse": lambda slot: pulse(world, slot), "wait": timers.wait}
    for name, *arguments in sequence:
        with suppress(NotPossible):
            does.get(str(name), getattr(world, str(name), None))(*arguments)  # type: ignore[misc]
        seated = [fob for slot in SLOTS if (fob := world.fob_in(slot))]
        lost = [fob for fob in ("F-1", "F-2", "F-3") if world.place(fob) == "lost"]
        assert sorted(seated + world.hands + lost) == ["F-1", "F-2", "F-3"]
        assert [world.seated(slot) for slot in SLOTS] == [world.fob_in(slot) is not None for slot in SLOTS]
