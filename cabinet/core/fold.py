"""The ledger is a pure fold of the journal's leaves; here is which kind changes what."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from cabinet.core import fold_custody as custody
from cabinet.core import fold_epoch as epoch
from cabinet.core import fold_people as people
from cabinet.core.leaf_fields import number_of, text_of, without
from cabinet.core.leaves import Leaf
from cabinet.core.ledger import (
    CLOSED_KEPT,
    Alarm,
    ClockMark,
    Contradiction,
    FormerSigner,
    Incident,
    Ledger,
    ModuleMark,
    Unwiped,
    alarm_id,
)


def fold(ledger: Ledger, n: int, ts: int, leaf: Leaf) -> Ledger:
    """The ledger after leaf `n`, written at wall time `ts` (ms). Kinds without durable meaning change nothing."""
    if leaf.ev == "epoch.state":
        return epoch.part(ledger, n, leaf)
    if ledger.arriving is not None:
        ledger = replace(ledger, arriving=None)
    handler = _FOLDS.get(leaf.ev)
    if (rule := text_of(leaf, "monitor")) is not None:
        ledger = replace(ledger, monitored={**ledger.monitored, rule: ledger.monitored.get(rule, 0) + 1})
    return handler(ledger, ledger.reference(n), ts, leaf) if handler else ledger


def _started(ledger: Ledger, n: int, ts: int, leaf: Leaf) -> Ledger:
    monitored = ledger.monitored if text_of(leaf, "mode") == "monitor" else {}
    return replace(ledger, running={"cabinet": True}, monitored=monitored)


def _stopped(ledger: Ledger, n: int, ts: int, leaf: Leaf) -> Ledger:
    return replace(ledger, running={"cabinet": False})


def _raised(ledger: Ledger, n: int, ts: int, leaf: Leaf) -> Ledger:
    code, slot, device = text_of(leaf, "code") or "", number_of(leaf, "slot"), text_of(leaf, "device")
    item = text_of(leaf, "item")
    alarm = Alarm(code, n, ts, slot, item, device, number_of(leaf, "days"), number_of(leaf, "expires"))
    alarm = replace(alarm, count=number_of(leaf, "count"))
    return replace(ledger, alarms={**ledger.alarms, alarm_id(code, slot, device, item): alarm})


def _cleared(ledger: Ledger, n: int, ts: int, leaf: Leaf) -> Ledger:
    place = number_of(leaf, "slot"), text_of(leaf, "device"), text_of(leaf, "item")
    key = alarm_id(text_of(leaf, "code") or "", *place)
    return replace(ledger, alarms=without(ledger.alarms, key))


def _bound(ledger: Ledger, n: int, ts: int, leaf: Leaf) -> Ledger:
    mark = ModuleMark(text_of(leaf, "module") or "")
    return replace(ledger, modules={**ledger.modules, text_of(leaf, "device") or "": mark})


def _incident(ledger: Ledger, n: int, ts: int, leaf: Leaf) -> Ledger:
    [subject] = leaf.subs
    kind, item, about = text_of(leaf, "kind") or "", text_of(leaf, "item"), number_of(leaf, "about")
    incident = Incident(kind, item, about, subject.role, subject.person, ts)
    return replace(ledger, incidents={**ledger.incidents, n: incident})


def _incident_closed(ledger: Ledger, n: int, ts: int, leaf: Leaf) -> Ledger:
    """Of those that are closed the last ones are kept at hand; the journal has all."""
    closed = number_of(leaf, "incident")
    if closed is None or closed not in ledger.incidents:
        return ledger
    incidents = {**ledger.incidents, closed: replace(ledger.incidents[closed], closed_n=n, closed_ms=ts)}
    old = sorted((one.closed_n, k) for k, one in incidents.items() if one.closed_n is not None)[:-CLOSED_KEPT]
    for _, k in old:
        del incidents[k]
    return replace(ledger, incidents=incidents)


def _door(ledger: Ledger, n: int, ts: int, leaf: Leaf) -> Ledger:
    return replace(ledger, door={"door": "open" if leaf.ev == "door.opened" else "closed"})


def _clock_synced(ledger: Ledger, n: int, ts: int, leaf: Leaf) -> Ledger:
    return replace(ledger, clock={})


def _clock_untrusted(ledger: Ledger, n: int, ts: int, leaf: Leaf) -> Ledger:
    """What is without a source now may have one again later; what was set by hand or is behind stays doubtful."""
    match text_of(leaf, "reason"):
        case "stepped" | "behind" as doubt:
            return replace(ledger, clock={"clock": ClockMark(doubt)})
    return ledger


def _clock_adjusted(ledger: Ledger, n: int, ts: int, leaf: Leaf) -> Ledger:
    """Waits after wrong tries last as long as they were to: whoever sets the clock buys no guess."""
    by_ms = number_of(leaf, "by_ms") or 0
    failures = {key: replace(row, until_ms=row.until_ms + by_ms) for key, row in ledger.failures.items()}
    return replace(ledger, failures=failures or ledger.failures)


def _clock_confirmed(ledger: Ledger, n: int, ts: int, leaf: Leaf) -> Ledger:
    return replace(ledger, clock={"clock": ClockMark(confirmed_ms=number_of(leaf, "board_start"))})


def _link(ledger: Ledger, n: int, ts: int, leaf: Leaf) -> Ledger:
    return replace(ledger, upstream={**ledger.upstream, "link": leaf.ev == "sync.restored"})


def _backup(ledger: Ledger, n: int, ts: int, leaf: Leaf) -> Ledger:
    return replace(ledger, backups={**ledger.backups, leaf.ev.removeprefix("backup."): ts})


def _contradicted(ledger: Ledger, n: int, ts: int, leaf: Leaf) -> Ledger:
    kind, size, root = leaf.ev.partition(".")[2], number_of(leaf, "size") or 0, text_of(leaf, "root") or ""
    waits = leaf.fields.get("waits") is True
    return replace(ledger, contradiction={"upstream": Contradiction(kind, size, root, waits)})


def _rotated(ledger: Ledger, n: int, ts: int, leaf: Leaf) -> Ledger:
    old = text_of(leaf, "old") or ""
    return replace(ledger, signers={**ledger.signers, old.split("+")[1]: FormerSigner(old, n)})


def _destroyed(ledger: Ledger, n: int, ts: int, leaf: Leaf) -> Ledger:
    """Pruned leaf by leaf, until one says that nothing of them is left in any file."""
    if text_of(leaf, "stage") == "wiped":
        return replace(ledger, unwiped={})
    before = ledger.unwiped.get("payloads", Unwiped(n, 0))
    return replace(ledger, unwiped={"payloads": Unwiped(before.n, before.count + (number_of(leaf, "count") or 0))})


Fold = Callable[[Ledger, int, int, Leaf], Ledger]
_FOLDS: dict[str, Fold] = {
    "cabinet.started": _started,
    "cabinet.stopped": _stopped,
    "epoch.opened": epoch.opened,
    "item.granted": custody.granted,
    "item.not_taken": custody.grant_ended,
    "item.outcome_unknown": custody.grant_ended,
    "item.removed": custody.left,
    "item.forced": custody.left,
    "item.found_absent": custody.left,
    "item.returned": custody.came,
    "item.found_present": custody.came,
    "item.return_completed": custody.return_settled,
    "item.returned_against_rule": custody.return_settled,
    "item.misplaced": custody.came,
    "item.foreign": custody.came,
    "item.unreadable": custody.came,
    "item.overdue": custody.overdue,
    "item.handed_over": custody.handed_over,
    "prompt.answered": custody.settled,
    "prompt.unanswered": custody.settled,
    "visit.refused": people.failed,
    "visit.identified": people.identified,
    "visit.authorised": people.authorised,
    "alarm.raised": _raised,
    "alarm.cleared": _cleared,
    "device.bound": _bound,
    "incident.recorded": _incident,
    "incident.closed": _incident_closed,
    "door.opened": _door,
    "door.closed": _door,
    "credential.enrolled": people.enrolled,
    "roster.applied": people.roster,
    "credential.revoked": people.revoked,
    "credential.offered": people.offered,
    "booking.made": people.booked,
    "booking.cancelled": people.booking_cancelled,
    "person.erased": people.erased,
    "backup.made": _backup,
    "backup.tested": _backup,
    "backup.restored": _backup,
    "clock.synced": _clock_synced,
    "clock.untrusted": _clock_untrusted,
    "clock.adjusted": _clock_adjusted,
    "clock.confirmed": _clock_confirmed,
    "signer.rotated": _rotated,
    "sync.lost": _link,
    "sync.restored": _link,
    "payload.destroyed": _destroyed,
    "upstream.fork": _contradicted,
    "upstream.rollback": _contradicted,
    **dict.fromkeys(
        (
            "person.added",
            "person.changed",
            "person.suspended",
            "consent.recorded",
            "right.granted",
            "right.revoked",
            "item.added",
        ),
        people.roster,
    ),
    "item.changed": custody.changed,
    "item.retired": custody.retired,
}
