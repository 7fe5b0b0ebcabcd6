"""Pages of the roster for people who look at it through the control socket.

A page ends at its limit or at 48 kB of JSON, whichever comes first: an answer is one line of at most 64 kB.
"""

from __future__ import annotations

import itertools
import json
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, func, select, tuple_

from cabinet.policy.rights import Pseudonym
from cabinet.roster.groups import with_wider
from cabinet.roster.records import Records, open_card, open_customer, split, wider_groups
from cabinet.roster.rows import read
from cabinet.roster.tables import CREDENTIAL, CUSTOMER, FINGER, ITEM, PIN, RIGHT
from cabinet.vault.device_key import DeviceKeys

LIMIT_MAX: Final = 200
_BYTES_MAX: Final = 48 * 1024
_NAMES_MAX: Final = 100
"""Of one list in a right; of a longer one `cut` is true."""

Page = dict[str, object]
Ids = Sequence[tuple[str, Pseudonym]]
"""Everybody's id and pseudonym, by id."""


def people(connection: Connection, keys: DeviceKeys, ids: Ids, after: str | None, limit: int) -> Page:
    records = Records(connection, keys)
    held = select(CREDENTIAL.c.pseudonym, func.count()).group_by(CREDENTIAL.c.pseudonym)
    cards: dict[str, int] = dict(connection.execute(held).all())
    touched = select(FINGER.c.pseudonym, func.count()).group_by(FINGER.c.pseudonym)
    fingers: dict[str, int] = dict(connection.execute(touched).all())
    pins = set(connection.execute(select(PIN.c.pseudonym)).scalars())
    wider = wider_groups(connection)
    start = bisect_right(ids, after, key=lambda pair: pair[0]) if after is not None else 0
    rows = (
        {
            "id": person.id,
            "pseudonym": person.pseudonym,
            "name": person.name,
            "department": person.department,
            "groups": list(person.groups),
            "member_of": sorted(with_wider(person.groups, wider)),
            "language": person.language,
            "roles": list(person.roles),
            "active_from": person.active_from,
            "active_until": person.active_until,
            "suspended": person.suspended,
            "qualifications": list(person.qualifications),
            "consents": list(person.consents),
            "host": host.id if person.host and (host := records.by_pseudonym(person.host)) else None,
            "cards": cards.get(person.pseudonym, 0),
            "fingers": fingers.get(person.pseudonym, 0),
            "pin": person.pseudonym in pins,
        }
        for _, pseudonym in ids[start : start + _bounded(limit) + 1]
        if (person := records.by_pseudonym(pseudonym))
    )
    return _page("people", rows, "id", limit)


def items(connection: Connection, after: str | None, limit: int) -> Page:
    query = select(ITEM).order_by(ITEM.c.id).limit(_bounded(limit) + 1)
    if after is not None:
        query = query.where(ITEM.c.id > after)
    wider = wider_groups(connection)
    found = (read("item", row) for row in connection.execute(query).mappings())
    rows = (item | {"member_of": sorted(with_wider(item["groups"], wider))} for item in found)
    return _page("items", rows, "id", limit)


def customers(connection: Connection, keys: DeviceKeys, after: str | None, limit: int) -> Page:
    query = select(CUSTOMER).order_by(CUSTOMER.c.id).limit(_bounded(limit) + 1)
    if after is not None:
        query = query.where(CUSTOMER.c.id > after)
    held = select(ITEM.c.customer, func.count()).where(ITEM.c.retired == 0).group_by(ITEM.c.customer)
    counts: dict[str, int] = dict(connection.execute(held).all())
    rows = (
        {"id": row.id, "name": open_customer(keys, row._mapping), "items": counts.get(row.id, 0)}
        for row in connection.execute(query).all()
    )
    return _page("customers", rows, "id", limit)


def rights(connection: Connection, keys: DeviceKeys, after: str | None, limit: int) -> Page:
    """In roster order; `after` is the id of the last one seen, and of a right that is gone the end."""
    query = select(RIGHT).order_by(RIGHT.c.position).limit(_bounded(limit) + 1)
    if after is not None:
        query = query.where(RIGHT.c.position > select(RIGHT.c.position).where(RIGHT.c.id == after).scalar_subquery())
    records = Records(connection, keys)
    rows = (_right(row, records) for row in connection.execute(query).mappings().all())
    return _page("rights", rows, "id", limit)


def credentials(connection: Connection, keys: DeviceKeys, after: str | None, limit: int) -> Page:
    """Cards, in an order that tells nothing, then fingers; `after` is the `ref` of the last one seen."""
    records = Records(connection, keys)
    past_cards = after is not None and ":" in after
    cards = iter(()) if past_cards else _cards(connection, records, after, limit)
    fingers = _fingers(connection, records, after if past_cards else None, limit)
    return _page("credentials", itertools.chain(cards, fingers), "ref", limit)


def _cards(connection: Connection, records: Records, after: str | None, limit: int) -> Iterator[dict[str, Any]]:
    query = select(CREDENTIAL).order_by(CREDENTIAL.c.digest).limit(_bounded(limit) + 1)
    if after is not None:
        query = query.where(CREDENTIAL.c.digest > _digest(after))
    return (
        {
            "ref": row.digest.hex(),
            "person": person.id,
            "kind": "card",
            "card": open_card(person.key, row.pseudonym, row.sealed),
            "strength": row.strength,
        }
        for row in connection.execute(query).all()
        if (person := records.by_pseudonym(row.pseudonym))
    )


def _fingers(connection: Connection, records: Records, after: str | None, limit: int) -> Iterator[dict[str, Any]]:
    """By module and number; a `ref` is `MODULE:NUMBER`."""
    query = select(FINGER).order_by(FINGER.c.module, FINGER.c.template).limit(_bounded(limit) + 1)
    if after is not None:
        module, _, template = after.partition(":")
        query = query.where(tuple_(FINGER.c.module, FINGER.c.template) > (_digest(module), int(template or 0)))
    return (
        {
            "ref": f"{row.module.hex()}:{row.template}",
            "person": person.id,
            "kind": "finger",
            "module": row.module.hex(),
            "finger": row.template,
            "since_ms": row.since,
        }
        for row in connection.execute(query).all()
        if (person := records.by_pseudonym(row.pseudonym))
    )


def _right(row: Mapping[Any, Any], records: Records) -> dict[str, Any]:
    named = sorted(records.entitled(row["id"]))
    persons = [person.id for p in named[:_NAMES_MAX] if (person := records.by_pseudonym(p))]
    lists = {key: split(row[key]) for key in ("groups", "items", "item_groups")}
    return {
        "id": row["id"],
        "persons": sorted(persons),
        **{key: list(names[:_NAMES_MAX]) for key, names in lists.items()},
        "for": list(split(row["acts"])),
        "schedule": row["schedule"],
        "factors": list(split(row["factors"])),
        "curfew": list(split(row["curfew"])),
        "authorisers": row["authorisers"],
        "authorised_by": list(split(row["authorised_by"])),
        "distinct_departments": bool(row["distinct_departments"]),
        "most_out": row["most_out"],
        "most_out_together": row["most_out_together"],
        "blocked_while_overdue": bool(row["blocked_while_overdue"]),
        "any_of": bool(row["any_of"]),
        "requires": list(split(row["requires"])),
        "cut": max(len(named), *(len(names) for names in lists.values())) > _NAMES_MAX,
    }


def _page(name: str, rows: Iterable[Mapping[str, Any]], key: str, limit: int) -> Page:
    """`next` is the key to go on after, None at the end. At least one row, however large."""
    taken: list[Mapping[str, Any]] = []
    size = 0
    for row in rows:
        size += len(json.dumps(row))
        if len(taken) == _bounded(limit) or (taken and size > _BYTES_MAX):
            return {name: taken, "next": taken[-1][key]}
        taken.append(row)
    return {name: taken, "next": None}


def _bounded(limit: int) -> int:
    return max(1, min(limit, LIMIT_MAX))


def _digest(ref: str) -> bytes:
    try:
        return bytes.fromhex(ref)
    except ValueError:
        return b""
