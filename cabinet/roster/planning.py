"""From a change to its draft, checked against what the roster holds now. Writes nothing."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from sqlalchemy import Connection, select

from cabinet.core.leaves import Field, Leaf
from cabinet.roster import files
from cabinet.roster.changes import (
    CardEnrol,
    CardRevoke,
    Change,
    ConsentPut,
    FobReplace,
    Import,
    ItemPut,
    PersonPut,
    PersonQualify,
    PersonSuspend,
    PersonUnqualify,
    PinSet,
    RightPut,
    RosterRefused,
)
from cabinet.roster.content import Content, ItemEntry
from cabinet.roster.draft import Draft
from cabinet.roster.holdings_plan import HoldingsPlan
from cabinet.roster.item_kinds import OWN
from cabinet.roster.people_plan import PeoplePlan
from cabinet.roster.records import PersonRecord, split
from cabinet.roster.references import Known, conflicts
from cabinet.roster.tables import ITEM, PERSON, SCHEDULE
from cabinet.roster.writes import counts
from cabinet.vault.device_key import DeviceKeys, Random
from cabinet.vault.pin import PinCheck, refusal
from hal.secret import Secret
from hal.wording import did_you_mean, quoted

_LINES_MAX: Final = 50
_RIGHT_PERSONS_MAX: Final = 32
"""Who is given or loses a right by one change: each is named in a leaf, and a change has at most 16 of these."""


class Planner:
    """Works out one change on one connection."""

    def __init__(
        self,
        connection: Connection,
        keys: DeviceKeys,
        site: str,
        random: Random,
        pins: PinCheck,
        slots: Collection[int] | None,
    ) -> None:
        self._connection = connection
        self._keys = keys
        self._random = random
        self._pins = pins
        self._slots = slots
        self._draft = Draft()
        self._people = PeoplePlan(connection, keys, site, random, self._draft)
        self._holdings = HoldingsPlan(connection, self._people, self._draft)

    def draft(self, change: Change) -> Draft:
        """Raises RosterRefused with every problem."""
        match change:
            case Import():
                self._import(change)
            case PersonPut():
                self._put("person", Content(people=(change.person,)))
            case ItemPut():
                self._put("item", Content(items=(change.item,)))
            case FobReplace():
                self._replace_fob(change)
            case RightPut():
                self._put_right(change)
            case PersonSuspend():
                self._people.suspend(self._person(change.person), change.suspended)
            case PersonQualify():
                self._people.qualify(self._person(change.person), change.qualification)
            case PersonUnqualify():
                self._people.unqualify(self._person(change.person), change.name)
            case ConsentPut():
                self._people.consent(
                    self._person(change.person), change.purpose, change.day, withdrawn=change.withdrawn
                )
            case CardEnrol():
                self._enrol(change)
            case CardRevoke():
                self._revoke(change)
            case PinSet():
                self._set_pin(change)
        if self._draft.problems:
            raise RosterRefused(self._draft.problems)
        return self._draft

    def _put(self, key: str, content: Content) -> None:
        found = conflicts(content, self._known(everybody=bool(content.rights)), self._slots)
        if problems := [f"{'.'.join((key, str(p.path[2])))}: {p.message}" for p in found]:
            raise RosterRefused(problems)
        self._draft_content(content)

    def _replace_fob(self, change: FobReplace) -> None:
        if change.item not in (known := self._known(everybody=False).items):
            raise RosterRefused([f"item: there is no item {quoted(change.item)}{did_you_mean(change.item, known)}"])
        self._put("item", Content(items=(ItemEntry(id=change.item, fob=change.fob),)))

    def _put_right(self, change: RightPut) -> None:
        if not change.right.id:
            raise RosterRefused(['right.id: the key "id" is missing'])
        concerned = {*self._people.records.entitled(change.right.id), *change.right.persons}
        if len(concerned) > 2 * _RIGHT_PERSONS_MAX or len(change.right.persons) > _RIGHT_PERSONS_MAX:
            limit = f"at most {_RIGHT_PERSONS_MAX} persons in one right here; put them into a group, or import"
            raise RosterRefused([f"right.persons: {limit}"])
        self._put("right", Content(rights=(change.right,)))

    def _import(self, change: Import) -> None:
        content, problems = files.read(change.files, known=self._known(everybody=True), slots=self._slots)
        if problems:
            raise RosterRefused(problems)
        self._draft_content(content)
        tally, details = self._draft.tally, self._draft.summary
        if not tally:
            return
        said: dict[str, Field] = dict(sorted(tally.items()))
        self._draft.leaves = [Leaf("roster.applied", said)]
        self._draft.summary = [
            *(f"{name.replace('_', ' ')}: {count}" for name, count in said.items()),
            *self._kept(content),
            *details[:_LINES_MAX],
            *([f"and {len(details) - _LINES_MAX} more"] if len(details) > _LINES_MAX else []),
        ]

    def _kept(self, content: Content) -> list[str]:
        listed = {"people": len(content.people), "items": len(content.items), "rights": len(content.rights)}
        added = self._draft.tally
        return [
            f"{what} kept though not in these files: {kept}"
            for what, count in counts(self._connection).items()
            if (kept := count + added[f"{what}_added"] - listed[what]) > 0
        ]

    def _draft_content(self, content: Content) -> None:
        for person in sorted(content.people, key=lambda person: person.host is not None):  # hosts first
            self._people.put(person)
        for item in content.items:
            self._holdings.put_item(item)
        for customer in content.customers:
            self._holdings.put_customer(customer, self._keys, self._random)
        for schedule in content.schedules:
            self._holdings.put_schedule(schedule)
        for prompt in content.prompts:
            self._holdings.put_prompt(prompt)
        for right in content.rights:
            self._holdings.put_right(right)

    def _enrol(self, change: CardEnrol) -> None:
        person = self._person(change.person)
        owner = self._people.records.card_owner(change.card)
        if owner not in (None, person.id):
            raise RosterRefused([f"card: belongs to {quoted(owner)} already; revoke it there first"])
        self._people.enrol(person, change.card, change.strength)

    def _revoke(self, change: CardRevoke) -> None:
        person = self._person(change.person)
        if not self._people.holds(person, change.card):
            raise RosterRefused([f"card: person {quoted(person.id)} does not hold this card"])
        self._people.revoke(person, change.card)

    def _set_pin(self, change: PinSet) -> None:
        person = self._person(change.person)
        pin = Secret(change.pin.get_secret_value())
        if reason := refusal(pin):
            raise RosterRefused([f"pin: {reason}"])
        self._people.set_pin(person, pin, self._pins)

    def _person(self, person_id: str) -> PersonRecord:
        person = self._people.find(person_id)
        if person is None:
            raise RosterRefused([f"person: there is no person {quoted(person_id)}"])
        return person

    def _known(self, *, everybody: bool) -> Known:
        items = self._connection.execute(select(ITEM)).all()
        people_groups = self._connection.execute(select(PERSON.c.groups).distinct()).scalars()
        ids = {p.pseudonym: p.id for p in self._people.records.all()} if everybody else {}
        return Known(
            people=set(ids.values()),
            groups={group for text in people_groups for group in split(text)},
            items={item.id for item in items},
            item_groups={group for item in items for group in split(item.groups)},
            schedules=set(self._connection.execute(select(SCHEDULE.c.id)).scalars()),
            slots={item.id: item.slot for item in items if item.slot is not None},
            fobs={item.id: item.fob for item in items if item.fob is not None},
            goods={item.id: {name: getattr(item, name) for name in ("kind", *OWN)} for item in items},
            card_owner=self._people.records.card_owner,
            person=self._people.records.by_id,
        )
