"""The cabinet itself: start and stop, its devices, its journal, its roster, its heartbeat."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

from cabinet.core import clock, erasing, release, returning
from cabinet.core.effects import Answer, CommitRoster, StopFinger
from cabinet.core.events import (
    DeviceLost,
    DeviceRestored,
    DeviceSuspected,
    DigitsTyped,
    Event,
    JournalFailed,
    JournalRecovered,
    RosterFound,
    Started,
    Stopping,
)
from cabinet.core.ledger import RosterMark
from cabinet.core.requests import (
    ASKED,
    BackupTold,
    CardPersonalised,
    LogWiped,
    PruningAsked,
    RosterPlanned,
    StateSetAsked,
)
from cabinet.core.state import State
from cabinet.core.turn import Turn
from hal.capabilities import Cause

_ALIVE_S = 3600.0
_OF_DEVICES = ("device.lost", *get_args(Cause))
_UNRECORDED = "the journal cannot be written, so nothing is done; see `cabinetctl status`"


def on_started(turn: Turn, event: Started) -> None:
    """`clean`: the last boot said goodbye. No sensor has spoken yet, so every slot is unproven."""
    clean = not turn.ledger.running.get("cabinet", False)
    mode = "monitor" if turn.state.setup.monitors else None
    turn.journal("cabinet.started", last=event.size - 1 if event.size else None, clean=clean, mode=mode)
    turn.update(
        unproven=frozenset(turn.state.setup.slots),
        settle_ends=turn.now.mono_s + turn.state.setup.settle_s,
        alive_mono_s=turn.now.mono_s + _ALIVE_S,
        clock_mono_s=turn.now.mono_s,
    )
    clock.watch(turn)
    returning.on_started(turn)
    turn.clear_alarm("journal.failed")
    for alarm in tuple(turn.ledger.alarms.values()):
        if alarm.code in _OF_DEVICES:  # said again if it is still true
            turn.clear_alarm(alarm.code, device=alarm.device)
    for slot in turn.state.setup.slots:
        release.light(turn, slot)
    turn.say("idle")


def on_stopping(turn: Turn, _: Stopping) -> None:
    turn.journal("cabinet.stopped")


def on_device_lost(turn: Turn, event: DeviceLost) -> None:
    turn.update(lost=turn.state.lost | {event.device})
    turn.journal("device.lost", device=event.device, hint=event.hint[:200])
    turn.raise_alarm("device.lost", device=event.device)


def on_device_restored(turn: Turn, event: DeviceRestored) -> None:
    if event.device not in turn.state.lost:
        return
    turn.update(lost=turn.state.lost - {event.device})
    turn.journal("device.restored", device=event.device)
    turn.clear_alarm("device.lost", device=event.device)


def on_device_suspected(turn: Turn, event: DeviceSuspected) -> None:
    """It goes on working; the alarm stands until the device says that it is over."""
    if event.hint is None:
        turn.clear_alarm(event.cause, device=event.device)
        return
    turn.journal("device.suspected", device=event.device, cause=event.cause, hint=event.hint[:200])
    turn.raise_alarm(event.cause, device=event.device)


def on_journal_failed(turn: Turn, event: JournalFailed) -> None:
    """Nothing can be stored, so nothing is released; whoever asked is told."""
    running = turn.state.visit
    if running is not None and running.stage == "taking" and running.taking is not None:
        turn.act(StopFinger(running.taking.reader))
    if running is not None and running.asked_by is not None:
        turn.act(Answer(running.asked_by.request, _UNRECORDED))
    turn.update(journal_good=False, visit=None)
    turn.say("not_recorded", "refused")
    for request in event.dropped:
        _answer_unrecorded(turn, request)


def refuse_unrecorded(turn: Turn, event: Event) -> None:
    """A request while the journal takes no leaves."""
    if not isinstance(event, (DigitsTyped, PruningAsked, LogWiped, StateSetAsked)):
        turn.say("not_recorded", "refused")
    _answer_unrecorded(turn, event)


def on_journal_recovered(turn: Turn, _: JournalRecovered) -> None:
    """The gap is told once the disk takes leaves again."""
    turn.update(journal_good=True)
    turn.raise_alarm("journal.failed")
    turn.clear_alarm("journal.failed")
    turn.say("idle")


def on_roster_planned(turn: Turn, event: RosterPlanned) -> None:
    """Leaves first, the roster after them: a cut between the two is found at the next start."""
    mark = turn.ledger.roster.get("roster")
    journaled = mark.version if mark else 0
    if event.version != journaled if event.goes_on else event.version <= journaled:
        turn.act(Answer(event.request, "the roster changed meanwhile; look at it again and repeat"))
        return
    for leaf in event.leaves:
        by = {"operator": event.operator} if event.operator is not None else {}
        turn.add(replace(leaf, fields={**leaf.fields, **by}))
    turn.act(Answer(event.request) if event.more else CommitRoster(event.request))


def on_roster_found(turn: Turn, event: RosterFound) -> None:
    """A roster that is not what the journal last announced: what is in force is said, the announcement undone. An
    erasure that is not done yet says it when it is."""
    if turn.ledger.erasures:
        erasing.resume(turn)
        return
    mark = turn.ledger.roster.get("roster")
    if mark != RosterMark(event.version, event.digest) and (mark or event.version):
        turn.journal("roster.applied", roster=event.version, digest=event.digest, cause="found")


def on_backup_told(turn: Turn, event: BackupTold) -> None:
    n = turn.journal(
        f"backup.{event.act}",
        parts=list(event.parts),
        size=event.size,
        digest=event.digest,
        checkpoint=event.checkpoint,
        operator=event.operator,
    )
    turn.act(Answer(event.request, n=n))


def on_card_personalised(turn: Turn, event: CardPersonalised) -> None:
    """Whose it becomes, and which it is, stands in the leaf of its enrolment, sealed."""
    n = turn.journal("credential.personalised", reader=event.reader, operator=event.operator)
    turn.act(Answer(event.request, n=n))


def on_time(turn: Turn) -> None:
    if turn.state.alive_mono_s <= turn.now.mono_s:
        turn.journal("cabinet.alive", lost=len(turn.state.lost))
        turn.update(alive_mono_s=turn.now.mono_s + _ALIVE_S)


def next_due(state: State) -> float | None:
    return state.alive_mono_s


def _answer_unrecorded(turn: Turn, event: Event) -> None:
    if isinstance(event, ASKED):
        turn.act(Answer(event.request, _UNRECORDED))
