"""The core's one function: state and event in; state, leaves and effects out. Pure; start reading here."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from cabinet.core import (
    booking,
    clock,
    custody,
    disclosing,
    door,
    enrol,
    erasing,
    events,
    finger_enrol,
    fingers,
    identify,
    incidents,
    junk,
    machine,
    prompts,
    pruning,
    release,
    reminders,
    requests,
    returning,
    signer,
    upstream,
    visit,
)
from cabinet.core.effects import Effect
from cabinet.core.leaves import Leaf
from cabinet.core.state import State
from cabinet.core.turn import Turn
from cabinet.policy.rights import Rights
from hal.clock import Now

_TIMED = (visit, identify, release, returning, custody, prompts, door, junk, clock, machine, erasing, fingers)


def step(state: State, event: events.Event, now: Now, rights: Rights) -> tuple[State, list[Leaf], list[Effect]]:
    """One event. The effects may be carried out only after the leaves are durable."""
    turn = Turn(state, clock.judged(state, now), rights, now)
    # What JournalFailed yields is never written: the clock is looked at by the next step.
    if state.board_start_ms is not None and state.journal_good and not isinstance(event, events.JournalFailed):
        clock.watch(turn)
    if not state.journal_good and isinstance(event, events.REQUESTS):
        machine.refuse_unrecorded(turn, event)
    else:
        _HANDLERS[type(event)](turn, event)
    return turn.state, turn.leaves, turn.effects


def next_wake_s(state: State, now: Now) -> float:
    """Seconds from `now` until TimePassed is due; 0 when something is due already. Nothing is before Started."""
    if math.isinf(state.alive_mono_s):
        return math.inf
    now = clock.judged(state, now)
    due: list[float] = [mono_s for module in _TIMED if (mono_s := module.next_due(state)) is not None]
    if now.wall_time_trusted:
        wall = (custody.next_due_wall_ms(state), reminders.next_due_wall_ms(state))
        due += [now.mono_s + (wall_ms - now.wall_ms) / 1000 for wall_ms in wall if wall_ms is not None]
    return max(0.0, min(due) - now.mono_s)


def _on_time(turn: Turn, _: events.TimePassed) -> None:
    for module in _TIMED:
        module.on_time(turn)
    reminders.on_time(turn)


def _on_roster_changed(turn: Turn, event: events.RosterChanged) -> None:
    custody.on_roster_changed(turn, event)
    fingers.tidy_all(turn)


_HANDLERS: dict[type[events.Event], Callable[[Turn, Any], None]] = {
    events.Started: machine.on_started,
    events.Stopping: machine.on_stopping,
    events.TimePassed: _on_time,
    events.CardShown: identify.on_card,
    events.DigitsTyped: identify.on_typed,
    events.DigitsEntered: identify.on_entered,
    events.KeypadCancelled: identify.on_cancelled,
    events.FingerShown: identify.on_finger,
    events.FingerNotKnown: identify.on_finger_not_known,
    events.ModuleFound: fingers.on_module,
    events.FingerStep: finger_enrol.on_step,
    events.FingerTaken: finger_enrol.on_taken,
    events.FingersDeleted: fingers.on_deleted,
    events.PinChecked: identify.on_pin_checked,
    events.Verified: identify.on_verified,
    events.SlotRead: custody.on_slot_read,
    events.FobSeen: custody.on_fob_seen,
    events.DoorRead: door.on_door_read,
    events.BoltPulsed: release.on_bolt_pulsed,
    requests.ReleaseAsked: release.on_release_asked,
    requests.EnrolmentOffered: enrol.on_offered,
    requests.FingerAsked: finger_enrol.on_asked,
    requests.ModuleAccepted: fingers.on_accepted,
    events.Enrolled: identify.on_enrolled,
    requests.BookingAsked: booking.on_asked,
    requests.BookingCancelled: booking.on_cancelled,
    requests.IncidentReported: incidents.on_reported,
    requests.IncidentClosed: incidents.on_closed,
    requests.RotationAsked: signer.on_rotation,
    events.DeviceLost: machine.on_device_lost,
    events.DeviceRestored: machine.on_device_restored,
    events.DeviceSuspected: machine.on_device_suspected,
    requests.ClockConfirmed: clock.on_confirmed,
    events.UpstreamLink: upstream.on_link,
    requests.PruningAsked: pruning.on_asked,
    requests.LogWiped: pruning.on_wiped,
    requests.StateSetAsked: pruning.on_state_set,
    events.LeavesMissed: upstream.on_missed,
    events.InputRejected: upstream.on_rejected,
    events.UpstreamContradicts: upstream.on_contradiction,
    events.JournalFailed: machine.on_journal_failed,
    events.JournalRecovered: machine.on_journal_recovered,
    requests.RosterPlanned: machine.on_roster_planned,
    requests.ErasureAsked: erasing.on_asked,
    requests.ExportAsked: disclosing.on_asked,
    events.Erased: erasing.on_erased,
    requests.BackupTold: machine.on_backup_told,
    requests.CardPersonalised: machine.on_card_personalised,
    events.RosterFound: machine.on_roster_found,
    events.RosterChanged: _on_roster_changed,
}
