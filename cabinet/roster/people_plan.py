"""Changes of people and what they identify with, worked out into a draft."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import fields, replace
from typing import Any, Final

from sqlalchemy import Connection, select

from cabinet.core.leaves import Field, Leaf, Subject
from cabinet.policy.rights import FINGERPRINT, Pseudonym
from cabinet.roster import versions
from cabinet.roster.content import PersonEntry
from cabinet.roster.draft import Draft, from_to, given
from cabinet.roster.fingers_plan import FingersPlan
from cabinet.roster.records import PersonRecord, Records, agreed, card_digest, close_card, close_person, open_card
from cabinet.roster.tables import CREDENTIAL
from cabinet.vault import person_key
from cabinet.vault.device_key import DeviceKeys, Random
from cabinet.vault.pin import PinCheck
from drivers.wire.card_number import parse_card
from hal.secret import Secret
from hal.wording import quoted

_WEAKENED: Final = "a card of theirs is enrolled as strong: list it under strong_cards, or revoke it first"
_DATES_CROSSED: Final = "active_until is before active_from"


class PeoplePlan:
    """Works on one connection, within one plan."""

    def __init__(self, connection: Connection, keys: DeviceKeys, site: str, random: Random, draft: Draft) -> None:
        self._connection = connection
        self._keys = keys
        self._site = site
        self._random = random
        self._draft = draft
        self.records = Records(connection, keys)
        self.fingers = FingersPlan(connection, draft)
        held = connection.execute(select(CREDENTIAL.c.digest, CREDENTIAL.c.pseudonym, CREDENTIAL.c.strength)).all()
        self._cards: dict[bytes, Pseudonym] = {row.digest: row.pseudonym for row in held}
        self._strong = {row.digest for row in held if row.strength == "strong"}
        self._drafted: dict[str, PersonRecord] = {}
        self._ids: dict[Pseudonym, str] = {}

    def find(self, person_id: str) -> PersonRecord | None:
        """The person as this plan leaves them."""
        return self._drafted.get(person_id) or self.records.by_id(person_id)

    def id_of(self, person: Pseudonym) -> str | None:
        if person in self._ids:
            return self._ids[person]
        record = self.records.by_pseudonym(person)
        return record.id if record else None

    def put(self, entry: PersonEntry) -> None:
        old = self.records.by_id(entry.id)
        new = self._overlaid(old, entry)
        if new.active_from and new.active_until and new.active_until < new.active_from:
            self._draft.problems.append(f"person {quoted(entry.id)}: {_DATES_CROSSED}")
        changed = [name for name in _COLUMNS if old is None or getattr(old, name) != getattr(new, name)]
        self._drafted[entry.id] = new
        self._ids[new.pseudonym] = new.id
        if changed:
            self._write(old, new, changed)
        if old is not None and agreed(old.consents, FINGERPRINT) and not agreed(new.consents, FINGERPRINT):
            self.fingers.revoke_all(new)
        added = [self.enrol(new, card, "weak") for card in dict.fromkeys(entry.cards)]
        added += [self.enrol(new, card, "strong") for card in dict.fromkeys(entry.strong_cards)]
        if old is None:
            self._draft.count("person", "added")
        elif "suspended" in changed and new.suspended:
            self._draft.count("person", "suspended")
        elif changed or any(added):
            self._draft.count("person", "changed")

    def suspend(self, person: PersonRecord, suspended: bool) -> None:
        if person.suspended != suspended:
            self._write(person, replace(person, suspended=suspended), ["suspended"])
            self._draft.count("person", "suspended" if suspended else "changed")

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
            self._write(person, replace(person, qualifications=qualifications), ["qualifications"])

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
        self._draft.tell(lambda: [Leaf("consent.recorded", said, (subject,))])
        how = "withdrawn" if withdrawn else "given"
        self._draft.say("person", person.id, f"consent to {purpose} {how}", lambda: day)
        if withdrawn and purpose == FINGERPRINT:
            self.fingers.revoke_all(person)

    def enrol(self, person: PersonRecord, card: str, strength: str) -> bool:
        """False if the person holds this card already; that nobody else does was checked before. A weak one may become
        strong; a strong one that became weak again could be copied without anybody having wanted it."""
        number = parse_card(card)
        digest = card_digest(self._keys, number)
        if digest in self._cards and strength == "weak" and digest in self._strong:
            self._draft.problems.append(f"person {quoted(person.id)}: {_WEAKENED}")
        if digest in self._cards and (strength == "weak" or digest in self._strong):
            return False
        self._draft.count("card", "changed" if digest in self._cards else "added")
        self._cards[digest] = person.pseudonym
        if strength == "strong":
            self._strong.add(digest)
        self._draft.writes.cards.append(close_card(self._keys, person, number, strength, self._random))
        self._credential("credential.enrolled", person, {"credential": "card", "strength": strength}, {"card": card})
        return True

    def holder_of(self, card: str) -> str | None:
        """The id of the person who holds this card (as written)."""
        person = self._cards.get(card_digest(self._keys, parse_card(card)))
        return self.id_of(person) if person else None

    def holds(self, person: PersonRecord, card: str) -> bool:
        return self._cards.get(card_digest(self._keys, parse_card(card))) == person.pseudonym

    def revoke(self, person: PersonRecord, card: str) -> None:
        digest = card_digest(self._keys, parse_card(card))
        self._draft.writes.revoked.append(digest)
        del self._cards[digest]
        self._strong.discard(digest)
        self._draft.count("card", "revoked")
        self._credential("credential.revoked", person, {"credential": "card"}, {"card": card}, loss=True)

    def revoke_but(self, cards: set[str], strengths: Collection[str]) -> None:
        """Every card of these strengths that is not among these (as written), whoever holds it. Comes before those
        that are new."""
        kept = {card_digest(self._keys, parse_card(card)) for card in cards}
        if kept.issuperset(self._cards):
            return
        for row in self._connection.execute(select(CREDENTIAL)).all():
            person = self.records.by_pseudonym(row.pseudonym)
            if person and row.digest not in kept and row.strength in strengths:
                self.revoke(person, open_card(person.key, row.pseudonym, row.sealed))

    def moves(self, cards: dict[str, str]) -> None:
        """Takes away each of these cards (as written, with who is to have it) that somebody else holds."""
        for card, person_id in cards.items():
            owner = self.holder_of(card)
            if owner not in (None, person_id) and (record := self.records.by_id(owner or "")):
                self.revoke(record, card)

    def set_pin(self, person: PersonRecord, pin: Secret, pins: PinCheck, since_ms: int, *, temporary: bool) -> None:
        record = pins.make(pin)
        row = {"pseudonym": person.pseudonym, "record": record, "since": since_ms, "temporary": int(temporary)}
        self._draft.writes.pins.append(row)
        self._credential("credential.enrolled", person, {"credential": "pin"}, {})

    def _overlaid(self, old: PersonRecord | None, entry: PersonEntry) -> PersonRecord:
        names = entry.model_fields_set - {"id", "cards", "strong_cards"} if old else _COLUMNS
        values: dict[str, Any] = {name: getattr(entry, name) for name in _COLUMNS if name in names}
        values = {
            name: tuple(dict.fromkeys(value)) if isinstance(value, list) else value for name, value in values.items()
        }
        if values.get("host"):
            host = self.find(values["host"])
            assert host is not None, "that there is one was checked before"
            values["host"] = host.pseudonym
        if old:
            return replace(old, **values)
        key = person_key.make(self._random)
        return PersonRecord(person_key.pseudonym(key, self._site), key, entry.id, **values)

    def _write(self, old: PersonRecord | None, new: PersonRecord, changed: list[str]) -> None:
        if old is None:
            self._draft.keys[new.pseudonym] = new.key
        self._draft.writes.people.append(close_person(self._keys, new, self._random))
        if old is None or versions.policy_of(old) != versions.policy_of(new):
            self._draft.undo.append(("person", new.pseudonym, versions.sealed(old, self._random) if old else None))
        loss = new.suspended and "suspended" in changed
        self._draft.tell(lambda: [_leaf(old, new, changed)], loss=bool(loss and old))
        if old is None:
            self._draft.say("person", new.id, "added", lambda: given(self._shown(new, changed)), new.pseudonym)
        elif changed == ["suspended"]:
            how = "suspended" if new.suspended else "not suspended any more"
            self._draft.say("person", new.id, how, person=new.pseudonym)
        else:
            shown = self._shown
            self._draft.say(
                "person", new.id, "changed", lambda: from_to(shown(old, changed), shown(new, changed)), new.pseudonym
            )

    def _shown(self, person: PersonRecord, names: list[str]) -> dict[str, Any]:
        values = {name: getattr(person, name) for name in names}
        return values | {"host": self.id_of(person.host)} if values.get("host") and person.host else values

    def _credential(
        self, kind: str, person: PersonRecord, said: dict[str, Field], private: dict[str, Field], *, loss: bool = False
    ) -> None:
        subject = Subject("holder", person.pseudonym, {"id": person.id, "name": person.name, **private})
        self._draft.tell(lambda: [Leaf(kind, said, (subject,))], loss=loss)
        how = f"{said['credential']} {kind.removeprefix('credential.')}"
        self._draft.say("person", person.id, how, lambda: str(private.get("card", "")))


def _leaf(old: PersonRecord | None, new: PersonRecord, changed: list[str]) -> Leaf:
    values: dict[str, Field] = {name: _plain(getattr(new, name)) for name in changed}
    subject = Subject("holder", new.pseudonym, {"id": new.id, **values})
    if old is None:
        return Leaf("person.added", {}, (subject,))
    kind = "person.suspended" if new.suspended and "suspended" in changed else "person.changed"
    return Leaf(kind, {"changed": list(changed)}, (subject,))


def _without(named: tuple[str, ...], name: str) -> tuple[str, ...]:
    """Of entries such as `name:day`, those of other names."""
    return tuple(one for one in named if one.partition(":")[0] != name)


def _plain(value: object) -> Field:
    assert value is None or isinstance(value, str | bool | tuple)
    return list(value) if isinstance(value, tuple) else value


_COLUMNS: Final = tuple(f.name for f in fields(PersonRecord) if f.name not in ("pseudonym", "key", "id"))
"""What an entry may change."""
