"""What a cut leaves behind, and what the next start makes of it."""

from __future__ import annotations

from cabinet.core.events import DeviceLost, DeviceRestored, DeviceSuspected, Event, SlotRead
from cabinet.core.ledger_rows import from_rows
from tests.core.cabinet import ADA, ADA_CARD, Cabinet, right, rights


def fresh() -> Cabinet:
    return Cabinet(rights(right(ADA, "K-0001"), right(ADA, "K-0002")))


def granted(*before: Event) -> Cabinet:
    cabinet = Cabinet(rights(right(ADA, "K-0001")))
    for event in before:
        cabinet.send(event)
    cabinet.badge(ADA_CARD)
    return cabinet


def test_the_first_start_tells_what_hangs_where() -> None:
    cabinet = Cabinet(rights(), start=False)
    cabinet.boot({1: True, 2: False, 3: True, 4: None})
    assert cabinet.kinds(after="-") == [
        "cabinet.started",
        "item.found_present",
        "item.found_absent",
        "item.found_present",
    ]
    assert cabinet.journal[0][1].fields == {"clean": True}


def test_a_cut_between_grant_and_lift_names_the_interrupted_grant() -> None:
    cabinet = granted()
    grant = len(cabinet.journal) - 1
    cabinet.boot({1: False, 2: True, 3: True, 4: True})
    found = cabinet.last("item.found_absent")
    assert found.fields == {"slot": 1, "item": "K-0001", "grant": grant}
    assert [(s.role, s.person) for s in found.subs] == [("holder", ADA)]
    assert cabinet.kinds() == ["visit.identified", "item.granted", "cabinet.started", "item.found_absent"]
    assert cabinet.state.ledger.grants == {}


def test_a_cut_after_the_release_with_the_fob_still_there_is_unknown_not_guessed() -> None:
    cabinet = granted()
    cabinet.boot()
    assert cabinet.kinds(after="cabinet.started") == ["item.outcome_unknown"]
    assert cabinet.state.ledger.grants == {}


def test_an_interrupted_grant_whose_sensor_stays_silent_ends_as_unknown_after_a_while() -> None:
    cabinet = granted()
    cabinet.boot({1: None, 2: True, 3: True, 4: True})
    assert cabinet.kinds(after="cabinet.started") == []
    cabinet.pass_time(6)
    assert cabinet.kinds(after="cabinet.started") == ["item.outcome_unknown"]
    cabinet.lift(1)
    assert cabinet.kinds(after="item.outcome_unknown") == ["item.found_absent"]


def test_no_grant_survives_a_cut() -> None:
    cabinet = granted()
    cabinet.boot()
    cabinet.lift(1)
    assert cabinet.kinds()[-2:] == ["item.forced", "alarm.raised"]


def test_what_was_taken_and_returned_while_the_power_was_out_is_found() -> None:
    cabinet = fresh()
    cabinet.boot({1: False, 2: True, 3: True, 4: True})
    assert cabinet.kinds(after="cabinet.started") == ["item.found_absent"]
    cabinet.boot()
    assert cabinet.kinds(after="cabinet.started") == ["item.found_present"]


def test_a_quiet_restart_writes_one_leaf() -> None:
    cabinet = fresh()
    cabinet.stop()
    cabinet.boot()
    assert cabinet.kinds() == ["cabinet.stopped", "cabinet.started"]
    assert cabinet.last("cabinet.started").fields == {"last": len(cabinet.journal) - 2, "clean": True}


def test_an_unclean_end_is_said() -> None:
    cabinet = fresh()
    cabinet.boot()
    assert cabinet.last("cabinet.started").fields["clean"] is False


def test_what_changes_while_a_sensor_is_lost_is_found_not_forced() -> None:
    cabinet = fresh()
    cabinet.send(DeviceLost("inputs", "no answer"))
    cabinet.send(SlotRead(2, None))
    cabinet.send(DeviceRestored("inputs"))
    cabinet.lift(2)
    assert cabinet.kinds() == ["device.lost", "alarm.raised", "device.restored", "alarm.cleared", "item.found_absent"]


def test_what_is_suspect_at_a_device_is_told_and_stands_until_it_is_over() -> None:
    cabinet = fresh()
    cabinet.send(DeviceSuspected("keypad", "key.stuck", "the key 5 stays down"))
    cabinet.send(DeviceSuspected("keypad", "key.stuck", "the keys 5, 6 stay down"))
    assert cabinet.kinds() == ["device.suspected", "alarm.raised", "device.suspected"]
    assert cabinet.last("device.suspected").fields == {
        "device": "keypad", "cause": "key.stuck", "hint": "the keys 5, 6 stay down",
    }  # fmt: skip
    assert cabinet.last("alarm.raised").fields == {"code": "key.stuck", "device": "keypad"}
    cabinet.send(DeviceSuspected("keypad", "key.stuck", None))
    cabinet.send(DeviceSuspected("keypad", "key.stuck", None))
    assert cabinet.kinds()[3:] == ["alarm.cleared"]
    assert cabinet.refolded() == cabinet.state.ledger


def test_what_was_suspect_before_a_start_is_told_anew_or_over() -> None:
    cabinet = fresh()
    cabinet.send(DeviceSuspected("reader", "keyboard.foreign", "a keyboard in port 1"))
    cabinet.boot()
    assert cabinet.kinds()[-2:] == ["cabinet.started", "alarm.cleared"]
    assert cabinet.last("alarm.cleared").fields["code"] == "keyboard.foreign"


def test_a_grant_with_a_silent_sensor_ends_as_unknown() -> None:
    cabinet = granted()
    cabinet.pulse_done(1)
    cabinet.send(SlotRead(1, None))
    cabinet.pass_time(16)
    assert cabinet.last("item.outcome_unknown").fields["cause"] == "time"


def test_a_grant_during_which_the_sensor_was_silent_ends_as_unknown_though_it_speaks_again() -> None:
    """The fob hangs there; whether somebody had it in hand meanwhile, nobody saw."""
    cabinet = granted()
    cabinet.pulse_done(1)
    cabinet.send(SlotRead(1, None))
    cabinet.send(SlotRead(1, True))
    cabinet.pass_time(16)
    assert cabinet.last("item.outcome_unknown").fields["cause"] == "time"


def test_a_sensor_that_was_silent_before_the_grant_is_believed_again() -> None:
    cabinet = granted(SlotRead(1, None), SlotRead(1, True))
    cabinet.pulse_done(1)
    cabinet.pass_time(16)
    assert cabinet.last("item.not_taken").fields["cause"] == "time"


def test_the_state_table_is_the_fold_of_the_leaves() -> None:
    cabinet = granted()
    cabinet.lift(1)
    cabinet.lift(3)
    cabinet.badge(b"unknown")
    cabinet.enter("1001")
    cabinet.enter("1111")
    cabinet.door(closed=False)
    cabinet.pass_time(100)
    assert cabinet.refolded() == cabinet.state.ledger == from_rows(cabinet.rows)


def test_the_door_left_open_alarms_once_and_clears_when_closed() -> None:
    cabinet = fresh()
    cabinet.door(closed=False)
    cabinet.pass_time(200)
    cabinet.door(closed=True)
    assert cabinet.kinds() == ["door.opened", "door.left_open", "alarm.raised", "door.closed", "alarm.cleared"]


def test_the_heartbeat_is_hourly() -> None:
    cabinet = fresh()
    cabinet.pass_time(3 * 3600 + 1)
    assert cabinet.kinds() == ["cabinet.alive"] * 3
