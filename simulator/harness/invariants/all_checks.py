"""Every invariant over one cabinet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from cabinet.journal.note import Signer
from simulator.harness.blueprint import SITE_KEY, full_name
from simulator.harness.cabinet import Cabinet
from simulator.harness.invariants.allowances import NotTooMuch
from simulator.harness.invariants.asked import AnsweredOnce
from simulator.harness.invariants.bookings import CodesOnce, KeptForWhoBooked
from simulator.harness.invariants.clock import JumpingClock
from simulator.harness.invariants.coils import NotForLong, OnlyAllowed, OnlyGranted
from simulator.harness.invariants.custody import EachAttributed, EachMovementOnce
from simulator.harness.invariants.disclosed import AllGiven
from simulator.harness.invariants.doors import DoorReleased
from simulator.harness.invariants.due import DueIsTold
from simulator.harness.invariants.enrolled import EnrolledAsConfirmed
from simulator.harness.invariants.epochs import EpochsLinked
from simulator.harness.invariants.erased import Forgotten
from simulator.harness.invariants.fingers import FingersKept
from simulator.harness.invariants.fobs import EachFobNamed, LeastUsed
from simulator.harness.invariants.guesses import GuessesCounted
from simulator.harness.invariants.incidents import ClosedOnce
from simulator.harness.invariants.liveness import Bounded, NoMistakes, OneDeadDevice, WorksAgain
from simulator.harness.invariants.log import Verifies
from simulator.harness.invariants.proofs import TakenOnProof
from simulator.harness.invariants.pruned import GoneInTime, ThinnedWithCare
from simulator.harness.invariants.quiet import QuietHours
from simulator.harness.invariants.reminded import RemindedOnce
from simulator.harness.invariants.returns import ReturnedAsAsked
from simulator.harness.invariants.secrets import NothingPersonal
from simulator.harness.invariants.service import DoneOnce, GoodStays
from simulator.harness.invariants.signing import OneSigner
from simulator.harness.invariants.surroundings import FullDisk
from simulator.harness.invariants.suspects import SuspectIsTold
from simulator.harness.invariants.turns import ServedInTurn
from simulator.harness.invariants.upstream import NothingEarly
from simulator.harness.memory_roster import KEYS, SIGNING_SEED
from simulator.harness.oracle import Oracle
from simulator.harness.truth import Truth
from simulator.harness.witness import Check
from simulator.wiring import places_of
from simulator.world import DOOR

TASKS_MAX: Final = 80
WAITING_MAX: Final = 400


@dataclass(frozen=True, slots=True)
class Checks:
    """Those that somebody has to speak to; `all` are for the witness."""

    truth: Truth
    oracle: Oracle
    latency: OneDeadDevice
    recovery: WorksAgain
    upstream: NothingEarly
    fobs: EachFobNamed
    all: tuple[Check, ...]


def all_checks(cabinet: Cabinet, now_s: Callable[[], float], unhandled: Callable[[], list[str]]) -> Checks:
    plan = cabinet.plan
    truth = Truth(now_s, places_of(plan.config.table))
    shown = ((full_name(person), person.card, person.strong_card, person.pin) for person in plan.cast.values())
    words = [word for one in shown for word in one if word]
    roster = plan.shelf.open()
    keys = [key for person in plan.ids if (key := roster.key_of(person))]

    def pin_of(pseudonym: str) -> str | None:
        name = plan.ids.get(pseudonym)
        return None if name is None else truth.pins.get(name, plan.cast[name].pin)

    log = Verifies(cabinet.kept_leaves)
    latency, recovery, upstream = OneDeadDevice(), WorksAgain(), NothingEarly(log)
    oracle = plan.oracle()
    monitors = plan.config.cabinet.mode == "monitor"
    booked = KeptForWhoBooked(oracle, plan.ids)
    readers = {slot.number for slot in plan.config.table.slots if slot.fob_reader is not None}
    fobs = EachFobNamed(truth, oracle, readers)
    clock = JumpingClock(truth, cabinet.wall, now_s, cabinet.newest_ms)
    periods = plan.config.retention.periods()
    pruned = GoneInTime(periods.personal_days, periods.kinds, cabinet.newest_image)
    return Checks(
        truth,
        oracle,
        latency,
        recovery,
        upstream,
        fobs,
        (
            truth,
            OnlyGranted(truth),
            OnlyAllowed(truth, oracle, plan.cast, plan.ids, monitors=monitors),
            NotForLong(
                truth,
                {slot.number: slot.hold_s or plan.config.visit.hold_s for slot in plan.config.table.slots}
                | {DOOR: plan.config.table.door.hold_s or plan.config.visit.hold_s},
            ),
            EachMovementOnce(truth, readers),
            fobs,
            LeastUsed(oracle, booked),
            EachAttributed(truth),
            log,
            EpochsLinked(log),
            OneSigner(
                Signer(plan.config.origin, SIGNING_SEED).verifier.public, lambda: list(cabinet.keys.kept.values())
            ),
            upstream,
            GuessesCounted(now_s, pin_of),
            NothingPersonal(words, [*keys, SITE_KEY, SIGNING_SEED, KEYS.wrap, KEYS.card, KEYS.code, KEYS.pin_pepper]),
            DoneOnce(),
            latency,
            recovery,
            Bounded(lambda: _load(cabinet)),
            FullDisk(truth),
            GoodStays(truth, lambda: (plan.shelf.open().version, plan.shelf.open().digest)),
            clock,
            NoMistakes(unhandled),
            NotTooMuch(oracle, plan.ids),
            AnsweredOnce(truth, oracle),
            QuietHours(
                now_s,
                lambda: cabinet.wall.shown_ms,
                clock.quality,
                plan.config.cabinet.quiet,
                plan.config.cabinet.timezone,
            ),
            DoorReleased(truth, oracle, plan.ids, plan.cast, locked=plan.config.table.door.lock is not None),
            ServedInTurn(now_s, plan.ids, lambda: len(cabinet.daemon.runner.state.queue) if cabinet.daemon else 0),
            ReturnedAsAsked(truth, oracle, plan.cast, plan.ids, monitors=monitors),
            ClosedOnce(),
            RemindedOnce(truth, oracle, lambda: cabinet.wall.shown_ms, clock.quality),
            booked,
            CodesOnce(now_s, plan.ids),
            AllGiven(),
            pruned,
            ThinnedWithCare(pruned.told),
            Forgotten(plan.shelf, oracle, plan.ids),
            EnrolledAsConfirmed(truth, plan.cast, plan.ids),
            SuspectIsTold(truth),
            TakenOnProof(truth, plan.cast, plan.ids),
            FingersKept(
                truth,
                lambda: plan.shelf.open().snapshot(plan.config.zone).fingers,
                plan.cast,
                plan.ids,
                lambda: cabinet.level.fingers(),
            ),
            DueIsTold(truth, oracle, booked, plan.config.table.door.open_s, lambda: cabinet.wall.shown_ms),
        ),
    )


def _load(cabinet: Cabinet) -> dict[str, tuple[int, int]]:
    if cabinet.daemon is None:
        return {}
    runner = cabinet.daemon.runner
    return {
        "tasks": (cabinet.tasks, TASKS_MAX),
        "events that wait": (runner.inbox.waiting, WAITING_MAX),
        "refusals being counted": (len(runner.state.junk), 32),
        "open grants": (len(runner.state.grant_ends), len(runner.state.setup.slots)),
    }
