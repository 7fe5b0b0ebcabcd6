"""From a change to its draft, checked against what the roster holds now. Writes nothing."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Final

from sqlalchemy import Connection, select

from cabinet.core.leaves import Field, Leaf
from cabinet.roster import files, versions
from cabinet.roster.changes import (
    Apply,
    CardEnrol,
    CardRevoke,
    Change,
    ConsentPut,
    FingerEnrol,
    FingerRevoke,
    FobReplace,
    Import,
    ItemPut,
    ItemRetire,
    ModuleForget,
    PersonPut,
    PersonQualify,
    PersonSuspend,
    PersonUnqualify,
    PinSet,
    RightPut,
    RightRevoke,
    Rollback,
    RosterRefused,
)
from cabinet.roster.content import Content, ItemEntry
from cabinet.roster.draft import Draft
from cabinet.roster.files import Directory
from cabinet.roster.holdings_plan import HoldingsPlan
from cabinet.roster.item_kinds import OWN
from cabinet.roster.people_plan import PeoplePlan
from cabinet.roster.records import PersonRecord, split
from cabinet.roster.references import Known, conflicts
from cabinet.roster.right_id import right_id
from cabinet.roster.rows import Held
from cabinet.roster.tables import GROUP, ITEM, PERSON, RIGHT, SCHEDULE, STREAMED
from cabinet.roster.then import Then
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
        at_ms: int,
    ) -> None:
        self._connection = connection
        self._pins = pins
        self._slots = slots
        self._at_ms = at_ms
        self._id_key = keys.person_id
        self._draft = Draft()
        self._held = Held(connection)
        self._people = PeoplePlan(connection, keys, site, random, self._draft)
        self._holdings = HoldingsPlan(self._held, self._people, self._draft, keys, random)

    def draft(self, change: Change) -> Draft:
        """Raises RosterRefused with every problem."""
        match change:
            case Import():
                self._import(change)
            case Apply():
                self._apply(change)
            case Rollback():
                self._roll_back(change)
            case PersonPut():
                self._put("person", Content(people=(change.person,)))
            case ItemPut():
                self._put("item", Content(items=(change.item,)))
            case FobReplace():
                self._replace_fob(change)
            case ItemRetire():
                self._retire(change)
            case RightPut():
                self._put_right(change)
            case RightRevoke():
                self._revoke_right(change)
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
            case FingerEnrol():
                person = self._person(change.person)
                self._people.fingers.enrol(person, change.module, change.template, self._at_ms, change.replaces)
            case FingerRevoke():
                self._people.fingers.revoke(self._person(change.person), change.module, change.template)
            case ModuleForget():
                self._forget_module(change.module)
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

    def _retire(self, change: ItemRetire) -> None:
        if self._held.row("item", change.item) is None:
            raise RosterRefused([f"item: there is no item {quoted(change.item)}"])
        self._put("item", Content(items=(ItemEntry(id=change.item, slot=None, fob=None, retired=True),)))

    def _revoke_right(self, change: RightRevoke) -> None:
        if self._held.row("right", change.right) is None:
            raise RosterRefused([f"right: there is no right {quoted(change.right)}"])
        if len(self._held.entitled(change.right)) > 2 * _RIGHT_PERSONS_MAX:
            raise RosterRefused([f"right: more than {2 * _RIGHT_PERSONS_MAX} persons have it; take it out by an apply"])
        self._holdings.drop("right", change.right)

    def _put_right(self, change: RightPut) -> None:
        name = change.right.id or right_id(self._id_key, change.right)
        right = change.right.model_copy(update={"id": name})
        concerned = {*self._held.entitled(name), *right.persons}
        if len(concerned) > 2 * _RIGHT_PERSONS_MAX or len(right.persons) > _RIGHT_PERSONS_MAX:
            limit = f"at most {_RIGHT_PERSONS_MAX} persons in one right here; put them into a group, or import"
            raise RosterRefused([f"right.persons: {limit}"])
        self._put("right", Content(rights=(right,)))

    def _import(self, change: Import) -> None:
        self._load()
        directory = Directory(change.files)
        content = self._checked(directory, self._known(everybody=True))
        listed = {
            "people": {person.id for person in self._people.records.all()} - {person.id for person in content.people},
            "items": set(self._held.ids("item")) - self._retired() - {item.id for item in content.items},
            "rights": set(self._held.ids("right")) - {right.id for right in content.rights},
        }
        kept = [f"{what} kept though not in these files: {len(ids)}" for what, ids in listed.items() if ids]
        self._draft_content(content)
        tally, details = self._draft.tally, self._draft.lines
        if not tally:
            return
        said: dict[str, Field] = dict(sorted(tally.items()))
        self._draft.leaves = [Leaf("roster.applied", said)]
        hidden = len(details) + self._draft.left_out - _LINES_MAX
        self._draft.summary = [
            *(f"{name.replace('_', ' ')}: {count}" for name, count in said.items()),
            *kept,
            *details[:_LINES_MAX],
            *([f"and {hidden} more"] if hidden > 0 else []),
        ]

    def _apply(self, change: Apply) -> None:
        """As an import, and what the files do not have goes."""
        if missing := [name for name in files.FILES if name not in change.files]:
            what = "what they do not list goes, so all three files are needed, if only with their first line"
            raise RosterRefused([f"{name}:1:1: this file is missing; {what}" for name in missing])
        self._load()
        directory = Directory(change.files)
        columns = (("cards", "weak"), ("strong_cards", "strong"))
        listed = [strength for column, strength in columns if column in directory.people_columns]
        content = self._checked(directory, self._known_beside(directory.content, has_cards=bool(listed)))
        self._draft.place = lambda kind, name: f"{directory.place(kind, name)}: "
        if listed:
            self._people.revoke_but({card for person in content.people for card in person.all_cards}, listed)
            self._people.moves({card: person.id for person in content.people for card in person.all_cards})
        self._draft_content(content)
        self._drop_others(content)
        self._announce({})

    def _roll_back(self, change: Rollback) -> None:
        self._load()
        if change.version not in (kept := versions.known(self._connection)):
            ones = f"kept are {kept[0]} to {kept[-1]}" if kept else "none is kept yet"
            raise RosterRefused([f"version: there is no version {change.version}; {ones}, see `roster versions`"])
        self._draft.place = lambda kind, name: f"version {change.version}: "
        then = Then(versions.undone(self._connection, change.version), self._people.records, self._held)
        content = then.content()
        known = replace(self._known(everybody=True), includes={}, schedules=set())
        places = [p for p in conflicts(content, known, self._slots) if p.path[0] == "items"]
        if places:
            raise RosterRefused([f"item {content.items[int(p.path[1])].id}: {p.message}" for p in places])
        self._draft_content(content)
        for person in then.newcomers():
            self._people.suspend(person, True)
        for item in then.gone("item"):
            self._holdings.retire_item(item)
        for kind in ("right", "schedule", "group", "prompt", "customer"):
            for key in then.gone(kind):
                self._holdings.drop(kind, key)
        self._draft.lines += then.remarks
        reason = {"reason": change.reason} if change.reason else {}
        self._announce({"cause": "rollback", "back_to": change.version, **reason})

    def _announce(self, said: dict[str, Field]) -> None:
        """Every leaf of what was done, and at last one that counts it."""
        if self._draft.tally:
            counts: dict[str, Field] = dict(sorted(self._draft.tally.items()))
            self._draft.leaves = [*self._draft.told(), Leaf("roster.applied", counts | said)]
        self._draft.summary = [f"{name.replace('_', ' ')}: {n}" for name, n in sorted(self._draft.tally.items())]

    def _checked(self, directory: Directory, known: Known) -> Content:
        if problems := directory.problems(known, self._slots):
            raise RosterRefused(problems)
        return directory.content

    def _drop_others(self, content: Content) -> None:
        people, items = {person.id for person in content.people}, {item.id for item in content.items}
        for person in sorted(self._people.records.all(), key=lambda one: one.id):
            if person.id not in people:
                self._people.suspend(person, True)
        for item in self._held.ids("item"):
            if item not in items:
                self._holdings.retire_item(item)
        for kind, entries in (
            ("right", content.rights),
            ("schedule", content.schedules),
            ("group", content.groups),
            ("prompt", content.prompts),
            ("customer", content.customers),
        ):
            listed = {entry.id for entry in entries}
            for key in self._held.ids(kind):
                if key not in listed:
                    self._holdings.drop(kind, key)

    def _draft_content(self, content: Content) -> None:
        for person in sorted(content.people, key=lambda person: person.host is not None):  # hosts first
            self._people.put(person)
        for item in content.items:
            self._holdings.put_item(item)
        for customer in content.customers:
            self._holdings.put_customer(customer)
        for group in content.groups:
            self._holdings.put_group(group)
        for schedule in content.schedules:
            self._holdings.put_schedule(schedule)
        for prompt in content.prompts:
            self._holdings.put_prompt(prompt)
        for right in content.rights:
            self._holdings.put_right(right)

    def _load(self) -> None:
        self._people.records.load()
        self._held.load()

    def _retired(self) -> set[str]:
        return set(self._connection.execute(select(ITEM.c.id).where(ITEM.c.retired == 1)).scalars())

    def _enrol(self, change: CardEnrol) -> None:
        person = self._person(change.person)
        owner = self._people.holder_of(change.card)
        if owner not in (None, person.id):
            raise RosterRefused([f"card: belongs to {quoted(owner)} already; revoke it there first"])
        self._people.enrol(person, change.card, change.strength)

    def _revoke(self, change: CardRevoke) -> None:
        person = self._person(change.person)
        if not self._people.holds(person, change.card):
            raise RosterRefused([f"card: person {quoted(person.id)} does not hold this card"])
        self._people.revoke(person, change.card)

    def _forget_module(self, module: str) -> None:
        for pseudonym, templates in self._people.fingers.in_module(module).items():
            person = self._people.records.by_pseudonym(pseudonym)
            assert person is not None, "fingers go with their person"
            for template in templates:
                self._people.fingers.revoke(person, module, template)

    def _set_pin(self, change: PinSet) -> None:
        person = self._person(change.person)
        pin = Secret(change.pin.get_secret_value())
        if reason := refusal(pin):
            raise RosterRefused([f"pin: {reason}"])
        self._people.set_pin(person, pin, self._pins, self._at_ms, temporary=change.temporary)

    def _person(self, person_id: str) -> PersonRecord:
        person = self._people.find(person_id)
        if person is None:
            raise RosterRefused([f"person: there is no person {quoted(person_id)}"])
        return person

    def _known(self, *, everybody: bool) -> Known:
        items = self._connection.execute(select(ITEM).where(ITEM.c.retired == 0)).all()
        people_groups = self._connection.execute(select(PERSON.c.groups).distinct()).scalars()
        includes = self._connection.execute(select(GROUP.c.id, GROUP.c.includes)).all()
        return Known(
            people={person.id for person in self._people.records.all()} if everybody else set(),
            groups={group for text in people_groups for group in split(text)},
            items={item.id for item in items},
            item_groups={group for item in items for group in split(item.groups)},
            schedules=set(self._connection.execute(select(SCHEDULE.c.id)).scalars()),
            retired=self._retired(),
            includes={group: split(inner) for group, inner in includes},
            slots={item.id: item.slot for item in items if item.slot is not None},
            fobs={item.id: item.fob for item in items if item.fob is not None},
            goods=self._goods(),
            card_owner=self._people.holder_of,
            person=self._people.records.by_id,
            right_naming=self._right_naming,
        )

    def _known_beside(self, content: Content, *, has_cards: bool) -> Known:
        """What stays of whom and what the files list, in columns that they leave out."""
        people = [person for entry in content.people if (person := self._people.records.by_id(entry.id))]
        known, items = {person.id: person for person in people}, {item.id for item in content.items}
        groups = [(item.id, item.groups) for item in self._connection.execute(select(ITEM.c.id, ITEM.c.groups))]
        before = self._known(everybody=False)
        return Known(
            groups={group for person in people for group in person.groups},
            item_groups={group for item, text in groups if item in items for group in split(text)},
            retired=before.retired,
            goods=before.goods,
            slots={item: slot for item, slot in before.slots.items() if item in items},
            fobs={item: fob for item, fob in before.fobs.items() if item in items},
            card_owner=(lambda _: None) if has_cards else self._people.holder_of,
            person=known.get,
        )

    def _goods(self) -> dict[str, dict[str, object]]:
        items = self._connection.execute(select(ITEM)).all()
        return {item.id: {name: getattr(item, name) for name in ("kind", *OWN)} for item in items}

    def _right_naming(self, item: str) -> str | None:
        query = select(RIGHT.c.id, RIGHT.c["items"]).order_by(RIGHT.c.position)
        rights = self._connection.execute(query, execution_options=STREAMED)
        return next((right for right, items in rights if item in split(items)), None)
