"""Rows of roster.db opened with the device key, and closed again."""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final, cast

from sqlalchemy import Connection, Row, Select, select

from cabinet.policy.rights import Language, Pseudonym
from cabinet.roster.groups import widened
from cabinet.roster.tables import GROUP, PERSON, RIGHT_PERSON, STREAMED
from cabinet.vault import person_key
from cabinet.vault.box import close_box, open_box
from cabinet.vault.device_key import DeviceKeys, Random
from drivers.wire.card_number import format_card

SEPARATOR: Final = ";"
_CODE_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class PersonRecord:
    """One row of `person`, opened. `key` is the person's own."""

    pseudonym: Pseudonym
    key: bytes = field(repr=False)
    id: str = field(repr=False)
    name: str = field(repr=False)
    department: str = field(repr=False, default="")
    groups: tuple[str, ...] = ()
    language: Language = "en"
    roles: tuple[str, ...] = ()
    active_from: str | None = None
    active_until: str | None = None
    suspended: bool = False
    qualifications: tuple[str, ...] = ()
    consents: tuple[str, ...] = ()
    host: Pseudonym | None = None


class Records:
    """Looks people up on one connection; every call is one or two questions to the database."""

    def __init__(self, connection: Connection, keys: DeviceKeys) -> None:
        self._connection = connection
        self._keys = keys
        self._by_id: dict[str, PersonRecord] | None = None
        self._by_pseudonym: dict[Pseudonym, PersonRecord] = {}

    def load(self) -> None:
        """Everybody at once, for a change that concerns many; after it nothing is asked again."""
        self._by_pseudonym = {record.pseudonym: record for record in self.all()}
        self._by_id = {record.id: record for record in self._by_pseudonym.values()}

    def by_id(self, person_id: str) -> PersonRecord | None:
        if self._by_id is not None:
            return self._by_id.get(person_id)
        return self._one(select(PERSON).where(PERSON.c.id_digest == id_digest(self._keys, person_id)))

    def by_pseudonym(self, person: Pseudonym) -> PersonRecord | None:
        if self._by_id is not None:
            return self._by_pseudonym.get(person)
        return self._one(select(PERSON).where(PERSON.c.pseudonym == person))

    def all(self) -> Iterator[PersonRecord]:
        """Everybody, in no order that tells anything."""
        if self._by_id is not None:
            yield from self._by_id.values()
            return
        for row in self._connection.execute(select(PERSON), execution_options=STREAMED):
            yield open_person(self._keys, row)

    def entitled(self, right: str) -> set[Pseudonym]:
        """Whom the right names."""
        column = RIGHT_PERSON.c.pseudonym
        found = self._connection.execute(select(column).where(RIGHT_PERSON.c.entitlement == right)).scalars()
        return set(found)

    def _one(self, query: Select[Any]) -> PersonRecord | None:
        row = self._connection.execute(query).one_or_none()
        return open_person(self._keys, row) if row else None


def open_person(keys: DeviceKeys, row: Row[Any]) -> PersonRecord:
    """Raises SealError when the row is of another device or changed."""
    key = person_key.unwrap(keys.wrap, row.wrapped_key, row.pseudonym)
    profile = open_box(key, row.profile, _place("profile", row.pseudonym))
    return PersonRecord(
        pseudonym=row.pseudonym,
        key=key,
        id=profile["id"],
        name=profile["name"],
        department=profile["department"],
        groups=split(row.groups),
        language=cast("Language", row.language),
        roles=split(row.roles),
        active_from=row.active_from,
        active_until=row.active_until,
        suspended=bool(row.suspended),
        qualifications=split(row.qualifications),
        consents=split(row.consents),
        host=row.host,
    )


def close_person(keys: DeviceKeys, record: PersonRecord, random: Random) -> dict[str, Any]:
    """The row of a person."""
    profile = {"id": record.id, "name": record.name, "department": record.department}
    return {
        "pseudonym": record.pseudonym,
        "id_digest": id_digest(keys, record.id),
        "wrapped_key": person_key.wrap(keys.wrap, record.key, record.pseudonym, random),
        "profile": close_box(record.key, profile, _place("profile", record.pseudonym), random),
        "groups": join(record.groups),
        "language": record.language,
        "roles": join(record.roles),
        "active_from": record.active_from,
        "active_until": record.active_until,
        "suspended": int(record.suspended),
        "qualifications": join(record.qualifications),
        "consents": join(record.consents),
        "host": record.host,
    }


def close_card(keys: DeviceKeys, record: PersonRecord, card: bytes, strength: str, random: Random) -> dict[str, Any]:
    """The row of a card that `record` holds."""
    sealed = close_box(record.key, {"card": format_card(card)}, _place("card", record.pseudonym), random)
    return {
        "digest": card_digest(keys, card),
        "pseudonym": record.pseudonym,
        "sealed": sealed,
        "strength": strength,
    }


def open_card(key: bytes, person: Pseudonym, sealed: bytes) -> str:
    """The card number as written. Raises SealError."""
    return str(open_box(key, sealed, _place("card", person))["card"])


def close_customer(
    keys: DeviceKeys, customer: str, name: str, old: Mapping[str, Any] | None, random: Random
) -> dict[str, Any]:
    """The row of a customer; the key of the row that is there is kept."""
    key = person_key.unwrap(keys.wrap, old["wrapped_key"], customer) if old else person_key.make(random)
    return {
        "id": customer,
        "wrapped_key": person_key.wrap(keys.wrap, key, customer, random),
        "sealed": close_box(key, {"name": name}, _place("customer", customer), random),
    }


@dataclass(frozen=True, slots=True)
class CustomerRecord:
    """One row of `customer`, opened."""

    id: str
    key: bytes = field(repr=False)
    name: str = field(repr=False)


def open_customer(keys: DeviceKeys, row: Mapping[Any, Any]) -> str:
    """The customer's name. Raises SealError."""
    return customer_record(keys, row).name


def customer_record(keys: DeviceKeys, row: Mapping[Any, Any]) -> CustomerRecord:
    """Raises SealError."""
    key = person_key.unwrap(keys.wrap, row["wrapped_key"], row["id"])
    return CustomerRecord(row["id"], key, str(open_box(key, row["sealed"], _place("customer", row["id"]))["name"]))


def id_digest(keys: DeviceKeys, person_id: str) -> bytes:
    return hmac.digest(keys.person_id, person_id.encode(), "sha256")


def card_digest(keys: DeviceKeys, card: bytes) -> bytes:
    keyed = _keyed(keys.card).copy()
    keyed.update(card)
    return keyed.digest()


def code_digest(keys: DeviceKeys, digits: str) -> str:
    """Of a one-time code, in hex."""
    return hmac.digest(keys.code, digits.encode(), "sha256")[:_CODE_BYTES].hex()


@lru_cache(maxsize=1)
def _keyed(key: bytes) -> hmac.HMAC:
    """Half the cost of a digest is its key, and somebody stands before the reader."""
    return hmac.new(key, digestmod="sha256")


def wider_groups(connection: Connection) -> dict[str, frozenset[str]]:
    """For each group that others include, all that have its members."""
    return widened({row.id: split(row.includes) for row in connection.execute(select(GROUP))})


def agreed(consents: Sequence[str], purpose: str) -> bool:
    """Whether one of these, such as `fingerprint:2026-03-31`, is for it."""
    return any(one.partition(":")[0] == purpose for one in consents)


def join(values: Sequence[str]) -> str:
    return SEPARATOR.join(values)


def split(text: str) -> tuple[str, ...]:
    return tuple(text.split(SEPARATOR)) if text else ()


def _place(what: str, person: Pseudonym) -> bytes:
    return f"cabinet-{what}/1|{person}".encode()
