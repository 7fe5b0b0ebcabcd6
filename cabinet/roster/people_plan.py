"""Changes of people and what they identify with, worked out into a draft."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any, Final

from sqlalchemy import Connection, select

from cabinet.core.leaves import Field, Leaf, Subject
from cabinet.policy.rights import Pseudonym
from cabinet.roster.content import PersonEntry
from cabinet.roster.draft import Draft
from cabinet.roster.records import PersonRecord, Records, card_digest, close_card, close_person
from cabinet.roster.tables import CREDENTIAL
from cabinet.vault import person_key
from cabinet.vault.device_key import DeviceKeys, Random
from cabinet.vault.pin import PinCheck
from drivers.wire.card_number import parse_card
from hal.secret import Secret
from hal.wording import quoted

_DATES_CROSSED: Final = "active_until is before active_from"


class PeoplePlan:
    """Works on one connection, within one plan."""

    def __init__(self, connection: Connection, keys: DeviceKeys, site: str, random: Random, draft: Draft) -> None:
        self._keys = keys
        self._site = site
        self._random = random
        self._draft = draft
        self.records = Records(connection, keys)
        held = connection.execute(select(CREDENTIAL.c.digest, CREDENTIAL.c.pseudonym))
        self._cards: dict[bytes, Pseudonym] = dict(held.all())
        self._drafted: dict[str, PersonRecord] = {}

    def find(self, person_id: str) -> PersonRecord | None:
        """The person as this plan leaves them."""
        return self._drafted.get(person_id) or self.records.by_id(person_id)

    def put(self, entry: PersonEntry) -> None:
        old = self.records.by_id(entry.id)
        new = self._overlaid(old, entry)
        if new.active_from and new.active_until and new.active_until < new.active_from:
            self._draft.problems.append(f"person {quoted(entry.id)}: {_DATES_CROSSED}")
        changed = [name for name in _COLUMNS if old is None or getattr(old, name) != getattr(new, name)]
        self._drafted[entry.id] = new
        if changed:
            self._write(new, "person.added" if old is None else "person.changed", changed)
        added = [self.enrol(new, card, "weak") for card in dict.fromkeys(entry.cards)]
        if old is None:
            self._draft.tally["people_added"] += 1
        elif changed or any(added):
            self._draft.tally["people_changed"] += 1

    def suspend(self, person: PersonRecord, suspended: bool) -> None:
        if person.suspended != suspended:
            kind = "person.suspended" if suspended else "person.changed"
            self._write(replace(person, suspended=suspended), kind, ["suspended"])

    def qualify(self, person: PersonRecord, qualification: str) -> None:
        others = _without(person.qualifications, qualification.partition(":")[0])
        self._learnt(person, (*others, qualification))

    def unqualify(self, person: PersonRecord, name: str) -> None:
        others = _without(person.qualifications, name)
        if others == person.qualifications:
            having = ", ".join(one.partition(":")[0] for one in others) or "none"
            message = f"name: person {quoted(person.id)} has no qualification {quoted(name)}; they have: {having}"
            self._draft.problems.append(message)
        self._learnt(person, others)

    def _learnt(self, person: PersonRecord, qualifications: tuple[str, ...]) -> None:
        if set(qualifications) != set(person.qualifications):
            self._write(replace(person, qualifications=qualifications), "person.changed", ["qualifications"])

    def consent(self, person: PersonRecord, purpose: str, day: str, *, withdrawn: bool) -> None:
        """Recorded each time: that somebody has said it once more is a record too."""
        others = _without(person.consents, purpose)
        if withdrawn and others == person.consents:
            message = f"purpose: person {quoted(person.id)} has not consented to {quoted(purpose)}"
            self._draft.problems.append(message)
        consents = others if withdrawn else (*others, f"{purpose}:{day}")
        self._draft.writes.people.append(close_person(self._keys, replace(person, consents=consents), self._random))
        subject = Subject("holder", person.pseudonym, {"id": person.id, "day": day})
        said: dict[str, Field] = {"purpose": purpose, "given": not withdrawn}
        self._draft.leaves.append(Leaf("consent.recorded", said, (subject,)))
        how = "withdrawn" if withdrawn else "given"
        self._draft.summary.append(f"person {person.id}: consent to {purpose} {how} on {day}")

    def enrol(self, person: PersonRecord, card: str, strength: str) -> bool:
        """False if the person holds this card already; that nobody else does was checked before."""
        number = parse_card(card)
        digest = card_digest(self._keys, number)
        if digest in self._cards:
            return False
        self._cards[digest] = person.pseudonym
        self._draft.writes.cards.append(close_card(self._keys, person, number, strength, self._random))
        self._draft.tally["cards_added"] += 1
        self._credential("credential.enrolled", person, {"credential": "card", "strength": strength}, {"card": card})
        return True

    def holds(self, person: PersonRecord, card: str) -> bool:
        return self._cards.get(card_digest(self._keys, parse_card(card))) == person.pseudonym

    def revoke(self, person: PersonRecord, card: str) -> None:
        self._draft.writes.revoked.append(card_digest(self._keys, parse_card(card)))
        self._credential("credential.revoked", person, {"credential": "card"}, {"card": card})

    def set_pin(self, person: PersonRecord, pin: Secret, pins: PinCheck) -> None:
        record = pins.make(pin)
        self._draft.writes.pins.append({"pseudonym": person.pseudonym, "record": record})
        self._credential("credential.enrolled", person, {"credential": "pin"}, {})

    def _overlaid(self, old: PersonRecord | None, entry: PersonEntry) -> PersonRecord:
        given = entry.model_fields_set - {"id", "cards"} if old else _COLUMNS
        values: dict[str, Any] = {name: getattr(entry, name) for name in _COLUMNS if name in given}
        if values.get("host"):
            host = self.find(values["host"])
            assert host is not None, "that there is one was checked before"
            values["host"] = host.pseudonym
        for name in ("groups", "roles", "qualifications", "consents"):
            if name in values:
                values[name] = tuple(dict.fromkeys(values[name]))
        if old:
            return replace(old, **values)
        key = person_key.make(self._random)
        return PersonRecord(person_key.pseudonym(key, self._site), key, entry.id, **values)

    def _write(self, person: PersonRecord, kind: str, changed: list[str]) -> None:
        added = kind == "person.added"
        if added:
            self._draft.keys[person.pseudonym] = person.key
        self._draft.writes.people.append(close_person(self._keys, person, self._random))
        values: dict[str, Field] = {name: _plain(getattr(person, name)) for name in changed}
        subject = Subject("holder", person.pseudonym, {"id": person.id, **values})
        self._draft.leaves.append(Leaf(kind, {} if added else {"changed": list(changed)}, (subject,)))
        what = "added" if added else "changed: " + ", ".join(changed)
        self._draft.summary.append(f"person {person.id} {what}")

    def _credential(self, kind: str, person: PersonRecord, said: dict[str, Field], private: dict[str, Field]) -> None:
        subject = Subject("holder", person.pseudonym, {"id": person.id, "name": person.name, **private})
        self._draft.leaves.append(Leaf(kind, said, (subject,)))
        self._draft.summary.append(f"{said['credential']} {kind.removeprefix('credential.')}: person {person.id}")


def _without(named: tuple[str, ...], name: str) -> tuple[str, ...]:
    """Of entries such as `name:day`, those of other names."""
    return tuple(one for one in named if one.partition(":")[0] != name)


def _plain(value: object) -> Field:
    assert value is None or isinstance(value, str | bool | tuple)
    return list(value) if isinstance(value, tuple) else value


_COLUMNS: Final = tuple(f.name for f in fields(PersonRecord) if f.name not in ("pseudonym", "key", "id", "suspended"))
"""What an entry may change."""
