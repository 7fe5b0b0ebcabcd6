"""Planted bugs in what the daemon decides: rights, PINs, visits, custody, time."""

from __future__ import annotations

from typing import Final

from cabinet.core.events import RosterFound, Started
from simulator.harness.mutants.planting import Edit, Mutant, Rebind
from simulator.harness.mutants.plots import a_change_is_cut_short
from simulator.harness.mutants.trials import Crashed, Days, Plot

DECIDING: Final = (
    Mutant(
        "suspended-let-in",
        "a suspended person is let in",
        [Edit("cabinet.policy.decide:_inactive", "if person.suspended:", "if False:")],
        [Days(1, 96), Days(2, 96)],
    ),
    Mutant(
        "expired-let-in",
        "a person is let in after the last day of their access",
        [Edit("cabinet.policy.decide:_inactive", "wall_ms >= person.active_until_ms", "False")],
        [Days(1, 96), Days(2, 96), Days(3, 96)],
    ),
    Mutant(
        "host-not-asked",
        "a visitor is let in while their host is not",
        [Edit("cabinet.policy.decide:person_denial", "if person.host is None:", "if True:")],
        [Crashed("a-host-answers")],
    ),
    Mutant(
        "host-not-named",
        "the journal does not say who answers for a visitor",
        [Edit("cabinet.core.turn:Turn.holding", "if host else []", "if False else []")],
        [Crashed("a-host-answers")],
    ),
    Mutant(
        "any-factor-will-do",
        "one factor of a combination is enough",
        [Edit("cabinet.policy.decide:decide_by", "alternative <= factors", "alternative & factors")],
        [Crashed("take-and-return")],
    ),
    Mutant(
        "untrusted-clock-opens",
        "a schedule is judged by a clock that nobody vouches for",
        [Edit("cabinet.policy.decide:decide_by", "if not wall_time_trusted:", "if False:")],
        [Crashed("clock-not-trusted")],
    ),
    Mutant(
        "schedule-in-utc",
        "schedules are read in UTC instead of the cabinet's time zone",
        [Edit("cabinet.policy.schedule:is_open", "local_time(wall_ms, zone)", "local_time(wall_ms, UTC)")],
        [Days(1, 48), Days(2, 48)],
    ),
    Mutant(
        "summer-time-forgotten",
        "schedules go by standard time all the year",
        [
            Edit(
                "cabinet.policy.schedule:is_open",
                "local_time(wall_ms, zone)",
                "(lambda local: local - (local.dst() or timedelta()))(local_time(wall_ms, zone))",
            )
        ],
        [Days(1, 96), Days(12, 96), Days(13, 96)],
    ),
    Mutant(
        "change-of-clocks-doubled",
        "the hour that comes twice is shifted the second time",
        [
            Edit(
                "cabinet.policy.schedule:is_open",
                "local_time(wall_ms, zone)",
                "(lambda local: local - timedelta(hours=9 * local.fold))(local_time(wall_ms, zone))",
            )
        ],
        [Crashed("second-hour")],
    ),
    Mutant(
        "holidays-forgotten",
        "a holiday is a day like any other",
        [Edit("cabinet.policy.schedule:_begins", " and day not in closed", "")],
        [Crashed("holiday")],
    ),
    Mutant(
        "training-for-good",
        "a qualification never expires",
        [Edit("cabinet.policy.decide:_unqualified", "until_ms <= wall_ms", "False")],
        [Crashed("not-trained")],
    ),
    Mutant(
        "weekday-forgotten",
        "a curfew on a weekday is one on any day",
        [Edit("cabinet.policy.curfew:_all_due", "weekday in (None, day.weekday())", "True")],
        [Crashed("asked")],
    ),
    Mutant(
        "due-with-the-latest",
        "of several curfews the last one counts",
        [Edit("cabinet.policy.curfew:due_ms", "min(", "max(")],
        [Crashed("before-the-weekend")],
    ),
    Mutant(
        "date-never-passes",
        "what was to be back by a date is released after it",
        [Edit("cabinet.policy.curfew:passed", "<= wall_ms", "<= 0")],
        [Crashed("date-has-passed")],
    ),
    Mutant(
        "roster-of-before",
        "what is recorded in the roster counts after the next start only",
        [
            Edit(
                "cabinet.service.roster:RosterService.commit",
                "self._runner.rights = await self._until_read(self._snapshot)",
                "await self._until_read(self._snapshot)",
            )
        ],
        [Crashed("trained-again")],
    ),
    Mutant(
        "visit-never-idles",
        "a visit lasts until somebody else badges",
        [
            Edit("cabinet.core.visit:next_due", "state.visit.idle_mono_s if state.visit else", ""),
            Edit("cabinet.core.visit:on_time", "visit.idle_mono_s <= turn.now.mono_s", "False"),
        ],
        [Days(1, 48), Days(2, 48), Days(3, 48)],
    ),
    Mutant(
        "lock-out-in-memory",
        "wrong PINs are counted, and forgotten with the plug",
        [
            Edit(
                "cabinet.core.ledger_rows:changed_rows",
                "for table in _TABLES:",
                "for table in _TABLES.keys() - {'failures'}:",
            )
        ],
        [Crashed("guessing"), Days(1, 96)],
    ),
    Mutant(
        "no-wait-after-wrong-pins",
        "wrong PINs are counted, and cost no time",
        [Edit("cabinet.core.lockout:wait_s", "count < _FREE", "count < 50")],
        [Days(1, 96), Days(2, 96)],
    ),
    Mutant(
        "answered-before-counted",
        "a wrong PIN is answered in the same breath as it is counted, before that is on the disk",
        [
            Edit(
                "cabinet.runner:Runner._step",
                "        batch.events.append(event)\n        batch.entries",
                "        batch.events.append(event)\n"
                "        if type(event).__name__ == 'PinChecked':\n"
                "            self._send(effects)\n"
                "            effects = []\n"
                "        batch.entries",
            )
        ],
        [Crashed("guessing")],
    ),
    Mutant(
        "removal-twice",
        "a removal is journaled a second time with the next reading of the sensor",
        [Edit("cabinet.core.custody:on_slot_read", "mark.seated == seated", "mark.seated == seated and seated")],
        [Crashed("take-and-return"), Days(1, 48)],
    ),
    Mutant(
        "removal-guessed",
        "a fob that is gone after a restart counts as removed under the old grant",
        [Edit("cabinet.core.leaving:gone", "current = slot in turn.state.grant_ends", "current = True")],
        [Crashed("power-cut-between-grant-and-lift")],
    ),
    Mutant(
        "blind-and-sure",
        "a fob that hangs there when its grant lapses counts as not taken, whether or not anybody could see",
        [
            Edit(
                "cabinet.core.release:close",
                "slot not in turn.state.blind",
                "turn.state.presence.get(slot) is not None",
            )
        ],
        [Crashed("blind-sensor")],
    ),
    Mutant(
        "torn-out-by-the-last-visitor",
        "a fob torn out is put down to whoever stands there",
        [
            Edit(
                "cabinet.core.leaving:gone",
                'turn.journal("item.forced", slot=slot, item=item, home=home)',
                'turn.journal("item.forced", [Subject("holder", turn.state.visit.person)] '
                "if turn.state.visit and turn.state.visit.person else [], slot=slot, item=item, home=home)",
            )
        ],
        [Days(1, 96), Days(2, 96), Days(3, 96)],
    ),
    Mutant(
        "returned-by-the-holder",
        "whoever brings a fob back, its holder is journaled as the returner",
        [
            Edit(
                "cabinet.core.custody:_back",
                'Subject("returner", running.person)',
                'Subject("returner", out.holder if out and out.holder else running.person)',
            )
        ],
        [Days(1, 96), Days(2, 96), Days(3, 96)],
    ),
    Mutant(
        "released-twice",
        "a technician's request is carried out a second time",
        [
            Edit(
                "cabinet.core.release:on_release_asked",
                "    _open(turn, event.slot, n)\n",
                "    _open(turn, event.slot, n)\n"
                '    n = turn.journal("item.granted", slot=event.slot, item=item, auth="service", '
                "operator=event.operator, reason=event.reason)\n"
                "    _open(turn, event.slot, n)\n",
            )
        ],
        [Crashed("service-release")],
    ),
    Mutant(
        "pin-on-the-display",
        "digits that are no slot number are shown",
        [
            Edit("cabinet.core.visit:choose", '"no_item" if known else "no_slot"', '"no_item"'),
            Edit("cabinet.core.visit:choose", "slot=slot)", "slot=digits)"),
        ],
        [Crashed("interrupted")],
    ),
    Mutant(
        "door-timer-lost",
        "after a restart an open door is not watched until it moves",
        [Edit("cabinet.core.door:on_door_read", "elif turn.state.door_open_since is None:", "elif turn.leaves:")],
        [Crashed("torn-out")],
    ),
    Mutant(
        "overdue-lost",
        "after a restart nobody is told of what is overdue",
        [
            Edit(
                "cabinet.core.ledger_rows:changed_rows",
                "for table in _TABLES:",
                "for table in _TABLES.keys() - {'outs'}:",
            )
        ],
        [Crashed("overdue")],
    ),
    Mutant(
        "start-lost",
        "a start that the disk refuses is not tried again: no timer runs in that boot",
        [Rebind("cabinet.core.events:FACTS", lambda facts: tuple(one for one in facts if one is not Started))],
        [Crashed("start-on-a-full-disk")],
    ),
    Mutant(
        "roster-found-lost",
        "a roster found at a start that the disk refuses is not journaled later",
        [Rebind("cabinet.core.events:FACTS", lambda facts: tuple(one for one in facts if one is not RosterFound))],
        [Plot(a_change_is_cut_short)],
    ),
)
