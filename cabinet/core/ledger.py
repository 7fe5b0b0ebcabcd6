"""The durable part of the state: a pure fold of the journal's leaves.

Whatever must survive a cut changes here and nowhere else, so the state table can always be rebuilt from the
payloads and compared with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal, TypeVar

from cabinet.core.leaves import Leaf, Role
from cabinet.policy.allowance import Held
from cabinet.policy.booking import Booking
from cabinet.policy.rights import Pseudonym

HungKind = Literal["right", "misplaced", "foreign", "unreadable"]

CLOSED_KEPT: Final = 200
OFFERS_MAX: Final = 200
"""Codes for enrolling that are out at a time."""


@dataclass(frozen=True, slots=True)
class SlotMark:
    """What the journal last said of a slot. `n` and `since_ms` are index and wall time of that leaf."""

    seated: bool
    n: int
    since_ms: int


@dataclass(frozen=True, slots=True)
class Hung:
    """What a fob reader said of what hangs in a slot. `right`: `item` belongs there; `misplaced`: `item` does not;
    `foreign`: no item's fob; `unreadable`: nobody can tell."""

    kind: HungKind
    item: str | None = None


@dataclass(frozen=True, slots=True)
class Use:
    """How often an item was taken, and since when it hangs there (wall ms)."""

    count: int
    since_ms: int


@dataclass(frozen=True, slots=True)
class Out:
    """An item that is out, keyed by the slot it belongs to, else by the one it left. `holder` None: nobody took it
    with a grant."""

    item: str | None
    holder: Pseudonym | None
    since_ms: int
    due_ms: int | None = None
    overdue: bool = False


@dataclass(frozen=True, slots=True)
class OpenGrant:
    """A slot released and not yet seen taken. `n` is the index of its item.granted leaf."""

    n: int
    item: str | None
    person: Pseudonym | None
    auth: str
    due_ms: int | None = None


@dataclass(frozen=True, slots=True)
class OwedReturn:
    """An item that hangs there again, and what its rule for returning still asks, keyed by its slot. `n` is the index
    of the leaf that told of its return."""

    n: int
    item: str
    holder: Pseudonym | None
    owed: str
    right: str
    missing: str | None = None


@dataclass(frozen=True, slots=True)
class Failures:
    """Wrong tries in a row of one person or at one keypad, and until when (wall ms) the next is refused."""

    count: int
    until_ms: int


@dataclass(frozen=True, slots=True)
class Alarm:
    """A raised alarm; `n` is the index of its alarm.raised leaf."""

    code: str
    n: int
    since_ms: int
    slot: int | None = None
    item: str | None = None
    device: str | None = None
    days: int | None = None
    """Of a document: so many days before it expires, at most."""
    expires_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """Prompts about a return that nobody has answered yet, keyed by the index of its leaf. `person` None: nobody stood
    there."""

    item: str
    slot: int
    person: Pseudonym | None
    prompts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Incident:
    """A complaint or incident, keyed by the index of its leaf. `whom`, in that role, has the key to its text; `about`
    is the leaf it is about; closed with leaf `closed_n`."""

    kind: str
    item: str | None
    about: int | None
    role: Role
    whom: Pseudonym
    since_ms: int
    closed_n: int | None = None
    closed_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Offer:
    """Somebody may enrol themselves until then (wall ms); `code` is the keyed digest of what they type."""

    person: Pseudonym
    until_ms: int
    code: str


@dataclass(frozen=True, slots=True)
class RosterMark:
    version: int
    digest: str


@dataclass(frozen=True, slots=True)
class Ledger:
    """Tables by key; each is replaced, never changed in place."""

    slots: Mapping[int, SlotMark] = field(default_factory=dict)
    hangs: Mapping[int, Hung] = field(default_factory=dict)
    """By slot; only those with a fob reader."""
    outs: Mapping[int, Out] = field(default_factory=dict)
    uses: Mapping[str, Use] = field(default_factory=dict)
    """By item, as long as it is in the roster."""
    grants: Mapping[int, OpenGrant] = field(default_factory=dict)
    owed: Mapping[int, OwedReturn] = field(default_factory=dict)
    failures: Mapping[str, Failures] = field(default_factory=dict)
    alarms: Mapping[str, Alarm] = field(default_factory=dict)
    door: Mapping[str, Literal["open", "closed"]] = field(default_factory=dict)
    roster: Mapping[str, RosterMark] = field(default_factory=dict)
    running: Mapping[str, bool] = field(default_factory=dict)
    monitored: Mapping[str, int] = field(default_factory=dict)
    """How often each rule would have refused, since the cabinet only monitors."""
    upstream: Mapping[str, bool] = field(default_factory=dict)
    questions: Mapping[int, Question] = field(default_factory=dict)
    incidents: Mapping[int, Incident] = field(default_factory=dict)
    bookings: Mapping[int, Booking] = field(default_factory=dict)
    """By the index of their booking.made leaf; ended ones until the next is made."""

    offers: Mapping[int, Offer] = field(default_factory=dict)
    """By the index of their credential.offered leaf; ended ones until the next."""

    @property
    def codes(self) -> frozenset[str]:
        """Digests of the codes that are still good for something."""
        bookings = (one.code for one in self.bookings.values() if one.code is not None)
        return frozenset((*bookings, *(one.code for one in self.offers.values())))

    @property
    def contradicted(self) -> bool:
        """Upstream holds another tree under this origin: nothing more may be added to it."""
        return self.upstream.get("contradicted", False)


def fold(ledger: Ledger, n: int, ts: int, leaf: Leaf) -> Ledger:
    """The ledger after leaf `n`, written at wall time `ts` (ms). Kinds without durable meaning change nothing."""
    handler = _FOLDS.get(leaf.ev)
    if (rule := _text(leaf, "monitor")) is not None:
        ledger = replace(ledger, monitored={**ledger.monitored, rule: ledger.monitored.get(rule, 0) + 1})
    return handler(ledger, n, ts, leaf) if handler else ledger


def held(ledger: Ledger, wall_ms: int | None) -> list[Held]:
    """What somebody has, or has just been released; overdue by this wall time, None: by what was journaled."""
    out = [
        Held(one.item, one.holder, one.overdue or (wall_ms is not None and (one.due_ms or wall_ms + 1) <= wall_ms))
        for one in ledger.outs.values()
        if one.item is not None and one.holder is not None
    ]
    released = [Held(one.item, one.person) for one in ledger.grants.values() if one.item and one.person]
    return out + released


def out_of(ledger: Ledger, item: str) -> Out | None:
    """The item, if it is out; wherever it left from."""
    return next((out for out in ledger.outs.values() if out.item == item), None)


def alarm_id(code: str, slot: int | None = None, device: str | None = None, item: str | None = None) -> str:
    """Stable for (code, place), so that a repeat is the same alarm. The item is the place where there is no other."""
    place = (device or item) if slot is None else str(slot)
    return f"{code}/{place}" if place else code


# -- folds, one a noun -------------------------------------------------------------------------------------------


def _started(ledger: Ledger, n: int, ts: int, leaf: Leaf) -> Ledger:
    monitored = ledger.monitored if _text(leaf, "mode") == "monitor" else {}
    return replace(ledger, running={"cabinet": True}, monitored=monitored)


def _stopped(ledger: Ledger, n: int, ts: int, leaf: Leaf) -> Ledger:
    return replace(ledger, running={"cabinet": False})


def _granted(ledger: Ledger, n: int, ts: int, leaf: Leaf) -> Ledger:
    grant = OpenGrant(
        n,
        _text(leaf, "item"),
        _person(leaf, "holder"),
        _text(leaf, "auth") or "",
        _number(leaf, "due"),
    )
    return replace(_code_spent(ledger, leaf), grants={**ledger.grants, _slot(leaf): grant})


def _grant_ended(ledger: Ledger, n: int, ts: int, leaf: Leaf) -> Ledger:
    return replace(ledger, grants=_without(ledger.grants, _slot(leaf)))


def _left(ledger: Ledger, n: int, ts: int, leaf: Leaf) -> Ledger:
    """A foreign fob is nothing that is out."""
    slot, item = _slot(leaf), _text(leaf, "item")
    hung = ledger.hangs.get(slot)
    outs = ledger.outs
    if hung is None or hung.kind != "foreign":
        outs = _plus_out(outs, leaf, Out(item, _person(leaf, "holder"), ts, _number(leaf, "due")))
    return replace(
        _grant_ended(ledger, n, ts, leaf),
        slots={**ledger.slots, slot: SlotMark(False, n, ts)},
        hangs=_without(ledger.hangs, slot),
        outs=outs,
        owed=_without(ledger.owed, slot),
        uses=_used(ledger.uses, item, ts) if _by_grant(leaf) else ledger.uses,
    )


def _came(ledger: Ledger, n: int, ts: int, leaf: Leaf) -> Ledger:
    """Back in the cabinet. With a fob reader the leaf says how the fob stands to the slot."""
    slot, item = _slot(leaf), _text(leaf, "item")
    kind = _HUNG.get(leaf.ev) or ("right" if _text(leaf, "fob") == "right" else None)
    # The same item in two places is one that has moved unseen.
    hangs = {s: one for s, one in ledger.hangs.items() if s != slot and (item is None or one.item != item)}
    if kind is not None:
        hangs = {**hangs, slot: Hung(kind, item)}
    return replace(
        _grant_ended(ledger, n, ts, leaf),
        slots={**ledger.slots, slot: SlotMark(True, n, ts)},
        hangs=hangs,
        outs={s: out for s, out in ledger.outs.items() if not _is_back(s, out, slot, item, kind)},
        uses={**ledger.uses, item: Use(used.count, ts)} if item and (used := ledger.uses.get(item)) else ledger.uses,
        questions=_with_question(ledger.questions, n, leaf),
        owed=ledger.owed if (wanted := _owed(n, leaf)) is None else {**ledger.owed, slot: wanted},
    )


def _is_back(key: int, out: Out, slot: int, item: str | None, kind: str | None) -> bool:
    if out.item is None:
        return key == slot and kind not in ("foreign", "unreadable")
    return out.item == item


def _plus_out(outs: Mapping[int, Out], leaf: Leaf, out: Out) -> Mapping[int, Out]:
    """Each item once; what nobody can name does not take the place of what somebody has."""
    home = _number(leaf, "home")
    key = _slot(leaf) if home is None else home
    others = {k: one for k, one in outs.items() if out.item is None or one.item != out.item}
    if out.item is None and key in others:
        return others
    return {**others, key: out}


def _by_grant(leaf: Leaf) -> bool:
    return _number(leaf, "grant") is not None


def _used(uses: Mapping[str, Use], item: str | None, ts: int) -> Mapping[str, Use]:
    if item is None:
        return uses
    before = uses.get(item)
    return {**uses, item: Use(before.count + 1 if before else 1, ts)}


def _changed(ledger: Ledger, n: int, ts: int, leaf: Leaf) -> Ledger:
    """An item with another fob: what hangs where it was seen has no name now, and nobody has seen it go."""
    item, changed = _text(leaf, "item"), leaf.fields.get("changed")
    if item is None or not isinstance(changed, list) or "fob" not in changed:
        return _roster(ledger, n, ts, leaf)
    hangs = {slot: Hung("unreadable") if one.item == item else one for slot, one in ledger.hangs.items()}
    return _roster(replace(ledger, hangs=hangs), n, ts, leaf)


def _retired(ledger: Ledger, n: int, ts: int, leaf: Leaf) -> Ledger:
    return _roster(replace(ledger, uses=_without(ledger.uses, _text(leaf, "item"))), n, ts, leaf)


def _with_question(questions: Mapping[int, Question], n: int, leaf: Leaf) -> Mapping[int, Question]:
    prompts, item = leaf.fields.get("prompts"), _text(leaf, "item")
    if not isinstance(prompts, list) or item is None:
        return questions
    return {**questions, n: Question(item, _slot(leaf), _person(leaf, "returner"), tuple(prompts))}


def _settled(ledger: Ledger, n: int, ts: int, leaf: Leaf) -> Ledger:
    """One of a return's questions has its answer, or gets none."""
    returned = _number(leaf, "returned")
    question = ledger.questions.get(returned) if returned is not None else None
    if returned is None or question is None:
        return ledger
    rest = tuple(prompt for prompt in question.prompts if prompt != leaf.fields.get("prompt"))
    if not rest:
        return replace(ledger, questions=_without(ledger.questions, returned))
    return replace(ledger, questions={**ledger.questions, returned: replace(question, prompts=rest)})


def _owed(n: int, leaf: Leaf) -> OwedReturn | None:
    item, wanted, right = (_text(leaf, key) for key in ("item", "owed", "right"))
    if item is None or wanted is None or right is None:
        return None
    return OwedReturn(n, item, _person(leaf, "holder"), wanted, right, _text(leaf, "missing"))


def _return_settled(ledger: Ledger, n: int, ts: int, leaf: Leaf) -> Ledger:
    return replace(ledger, owed=_without(ledger.owed, _slot(leaf)))


def _handed_over(ledger: Ledger, n: int, ts: int, leaf: Leaf) -> Ledger:
    """As if it had just left the slot, with somebody else."""
    out = Out(_text(leaf, "item"), _person(leaf, "receiver"), ts, _number(leaf, "due"))
    return replace(_proved(ledger, leaf, "receiver"), outs=_plus_out(ledger.outs, leaf, out))


def _overdue(ledger: Ledger, n: int, ts: int, leaf: Leaf) -> Ledger:
    slot = _slot(leaf)
    return replace(ledger, outs={**ledger.outs, slot: replace(ledger.outs[slot], overdue=True)})


def _failed(ledger: Ledger, n: int, ts: int, leaf: Leaf) -> Ledger:
    """A refusal that counts names the person's tries and the keypad's, or the verifier's; others name none."""
    failures = dict(ledger.failures)
    for key, count, until in (
        (_person(leaf, "holder"), "failed", "locked_until"),
        (_keypad_key(leaf), "keypad_failed", "keypad_until"),
        (_keypad_key(leaf, "codes"), "codes_failed", "codes_until"),
        (_verifier_key(leaf, "holder"), "verifier_failed", "verifier_until"),
    ):
        tries = _number(leaf, count)
        if key is not None and tries is not None:
            failures[key] = Failures(tries, _number(leaf, until) or 0)
    return replace(ledger, failures=failures)


def _identified(ledger: Ledger, n: int, ts: int, leaf: Leaf) -> Ledger:
    ledger = _proved(ledger, leaf, "holder")
    if "code" not in (_text(leaf, "auth") or "").split("+"):
        return ledger
    return replace(ledger, failures=_without(ledger.failures, _keypad_key(leaf, "codes")))


def _authorised(ledger: Ledger, n: int, ts: int, leaf: Leaf) -> Ledger:
    return _proved(ledger, leaf, "authoriser")


def _proved(ledger: Ledger, leaf: Leaf, role: str) -> Ledger:
    """A correct PIN clears its person's tries, and the keypad's when it was typed with a number; so does the verifier's
    word with those before it."""
    auth = (_text(leaf, "auth") or "").split("+")
    if "verified" in auth:
        ledger = replace(ledger, failures=_without(ledger.failures, _verifier_key(leaf, role)))
    if "pin" not in auth:
        return ledger
    failures = _without(ledger.failures, _person(leaf, role))
    return replace(ledger, failures=_without(failures, _keypad_key(leaf)) if "number" in auth else failures)


def _enrolled(ledger: Ledger, n: int, ts: int, leaf: Leaf) -> Ledger:
    """The first thing that somebody gives themselves by a code uses it up."""
    ledger = replace(ledger, offers=_without(ledger.offers, _number(leaf, "offer")))
    if _text(leaf, "credential") != "pin":
        return _roster(ledger, n, ts, leaf)
    failures = _without(_without(ledger.failures, _person(leaf, "holder")), _verifier_key(leaf, "holder"))
    return _roster(replace(ledger, failures=failures), n, ts, leaf)


def _raised(ledger: Ledger, n: int, ts: int, leaf: Leaf) -> Ledger:
    code, slot, device = _text(leaf, "code") or "", _number(leaf, "slot"), _text(leaf, "device")
    item = _text(leaf, "item")
    alarm = Alarm(code, n, ts, slot, item, device, _number(leaf, "days"), _number(leaf, "expires"))
    return replace(ledger, alarms={**ledger.alarms, alarm_id(code, slot, device, item): alarm})


def _cleared(ledger: Ledger, n: int, ts: int, leaf: Leaf) -> Ledger:
    place = _number(leaf, "slot"), _text(leaf, "device"), _text(leaf, "item")
    key = alarm_id(_text(leaf, "code") or "", *place)
    return replace(ledger, alarms=_without(ledger.alarms, key))


def _incident(ledger: Ledger, n: int, ts: int, leaf: Leaf) -> Ledger:
    [subject] = leaf.subs
    kind, item, about = _text(leaf, "kind") or "", _text(leaf, "item"), _number(leaf, "about")
    incident = Incident(kind, item, about, subject.role, subject.person, ts)
    return replace(ledger, incidents={**ledger.incidents, n: incident})


def _incident_closed(ledger: Ledger, n: int, ts: int, leaf: Leaf) -> Ledger:
    """Of those that are closed the last ones are kept at hand; the journal has all."""
    closed = _number(leaf, "incident")
    if closed is None or closed not in ledger.incidents:
        return ledger
    incidents = {**ledger.incidents, closed: replace(ledger.incidents[closed], closed_n=n, closed_ms=ts)}
    old = sorted((one.closed_n, k) for k, one in incidents.items() if one.closed_n is not None)[:-CLOSED_KEPT]
    for _, k in old:
        del incidents[k]
    return replace(ledger, incidents=incidents)


def _door(ledger: Ledger, n: int, ts: int, leaf: Leaf) -> Ledger:
    return replace(ledger, door={"door": "open" if leaf.ev == "door.opened" else "closed"})


def _roster(ledger: Ledger, n: int, ts: int, leaf: Leaf) -> Ledger:
    version, digest = _number(leaf, "roster"), _text(leaf, "digest")
    if version is None or digest is None:
        return ledger
    return replace(ledger, roster={"roster": RosterMark(version, digest)})


def _offered(ledger: Ledger, n: int, ts: int, leaf: Leaf) -> Ledger:
    person = _person(leaf, "holder") or ""
    live = {key: one for key, one in ledger.offers.items() if ts < one.until_ms and one.person != person}
    offer = Offer(person, _number(leaf, "until") or 0, _text(leaf, "code") or "")
    return replace(ledger, offers={**live, n: offer})


def _booked(ledger: Ledger, n: int, ts: int, leaf: Leaf) -> Ledger:
    """Made by a clock that somebody vouches for; so what has ended by it is dropped."""
    booking = Booking(
        _text(leaf, "item") or "",
        _person(leaf, "holder") or "",
        _number(leaf, "starts") or 0,
        _number(leaf, "until") or 0,
        _text(leaf, "code"),
    )
    live = {key: one for key, one in ledger.bookings.items() if ts < one.until_ms}
    return replace(ledger, bookings={**live, n: booking})


def _booking_cancelled(ledger: Ledger, n: int, ts: int, leaf: Leaf) -> Ledger:
    return replace(ledger, bookings=_without(ledger.bookings, _number(leaf, "booking")))


def _code_spent(ledger: Ledger, leaf: Leaf) -> Ledger:
    """A code is good for one grant of its booking, by whatever means that was had."""
    n = _number(leaf, "booking")
    booking = ledger.bookings.get(n) if n is not None else None
    if n is None or booking is None or booking.code is None:
        return ledger
    return replace(ledger, bookings={**ledger.bookings, n: replace(booking, code=None)})


def _link(ledger: Ledger, n: int, ts: int, leaf: Leaf) -> Ledger:
    return replace(ledger, upstream={**ledger.upstream, "link": leaf.ev == "sync.restored"})


def _contradicted(ledger: Ledger, n: int, ts: int, leaf: Leaf) -> Ledger:
    return replace(ledger, upstream={**ledger.upstream, "contradicted": True})


Fold = Callable[[Ledger, int, int, Leaf], Ledger]
_FOLDS: dict[str, Fold] = {
    "cabinet.started": _started,
    "cabinet.stopped": _stopped,
    "item.granted": _granted,
    "item.not_taken": _grant_ended,
    "item.outcome_unknown": _grant_ended,
    "item.removed": _left,
    "item.forced": _left,
    "item.found_absent": _left,
    "item.returned": _came,
    "item.found_present": _came,
    "item.return_completed": _return_settled,
    "item.returned_against_rule": _return_settled,
    "item.misplaced": _came,
    "item.foreign": _came,
    "item.unreadable": _came,
    "item.overdue": _overdue,
    "item.handed_over": _handed_over,
    "prompt.answered": _settled,
    "prompt.unanswered": _settled,
    "visit.refused": _failed,
    "visit.identified": _identified,
    "visit.authorised": _authorised,
    "alarm.raised": _raised,
    "alarm.cleared": _cleared,
    "incident.recorded": _incident,
    "incident.closed": _incident_closed,
    "door.opened": _door,
    "door.closed": _door,
    "credential.enrolled": _enrolled,
    "roster.applied": _roster,
    "credential.offered": _offered,
    "booking.made": _booked,
    "booking.cancelled": _booking_cancelled,
    "sync.lost": _link,
    "sync.restored": _link,
    "upstream.fork": _contradicted,
    "upstream.rollback": _contradicted,
    **dict.fromkeys(
        (
            "person.added",
            "person.changed",
            "person.suspended",
            "consent.recorded",
            "credential.revoked",
            "right.granted",
            "right.revoked",
            "item.added",
        ),
        _roster,
    ),
    "item.changed": _changed,
    "item.retired": _retired,
}
_HUNG: dict[str, HungKind] = {
    "item.misplaced": "misplaced",
    "item.foreign": "foreign",
    "item.unreadable": "unreadable",
}


# -- reading a leaf ----------------------------------------------------------------------------------------------

K = TypeVar("K")
V = TypeVar("V")


def _without(table: Mapping[K, V], key: K | None) -> Mapping[K, V]:
    return {k: v for k, v in table.items() if k != key} if key in table else table


def _slot(leaf: Leaf) -> int:
    slot = _number(leaf, "slot")
    if slot is None:
        raise ValueError(f"{leaf.ev} names no slot")
    return slot


def _number(leaf: Leaf, key: str) -> int | None:
    value = leaf.fields.get(key)
    return value if isinstance(value, int) else None


def _text(leaf: Leaf, key: str) -> str | None:
    value = leaf.fields.get(key)
    return value if isinstance(value, str) else None


def _person(leaf: Leaf, role: str) -> Pseudonym | None:
    return next((subject.person for subject in leaf.subs if subject.role == role), None)


def _keypad_key(leaf: Leaf, row: str = "keypad") -> str | None:
    keypad = _text(leaf, "keypad")
    return f"{row}:{keypad}" if keypad else None


def _verifier_key(leaf: Leaf, role: str) -> str | None:
    person = _person(leaf, role)
    return f"verified:{person}" if person else None
