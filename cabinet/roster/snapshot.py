"""From roster.db to the immutable Rights the core decides on."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, time, timedelta, tzinfo
from functools import cache
from sys import intern
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Row, select

from cabinet.policy.rights import (
    FINGERPRINT,
    NUMBER_MAX,
    Allowance,
    Item,
    Person,
    Prompt,
    Pseudonym,
    Quorum,
    Right,
    Rights,
    Schedule,
    Window,
)
from cabinet.policy.schedule import DAY_NAMES
from cabinet.roster.content import ACTS, clock_time, factor_set
from cabinet.roster.curfew_text import curfew
from cabinet.roster.groups import with_wider
from cabinet.roster.records import agreed, open_person, split, wider_groups
from cabinet.roster.tables import CREDENTIAL, FINGER, ITEM, PERSON, PIN, PROMPT, RIGHT, RIGHT_PERSON, SCHEDULE, STREAMED
from cabinet.vault.device_key import DeviceKeys

K = TypeVar("K")
_TYPED: Final = re.compile(r"[0-9]{1,12}")
_DAY: Final = timedelta(days=1)


def read_rights(connection: Connection, keys: DeviceKeys, version: int, zone: tzinfo) -> Rights:
    """Days of activity are days in `zone`. Blocks: about 0.3 s for 10,000 people on a laptop."""
    wider = wider_groups(connection)
    groups = cache(lambda text: with_wider(split(text), wider))
    people, numbers = _people(connection, keys, zone, groups)
    found = connection.execute(select(ITEM).where(ITEM.c.retired == 0))
    items = {row.id: _item(row, zone, groups) for row in found}
    rights = _rights(connection)
    strong = select(CREDENTIAL.c.digest).where(CREDENTIAL.c.strength == "strong")
    return Rights(
        version=version,
        people=people,
        cards=dict(connection.execute(select(CREDENTIAL.c.digest, CREDENTIAL.c.pseudonym)).all()),
        strong=frozenset(connection.execute(strong).scalars()),
        numbers=numbers,
        fingers=_fingers(connection),
        items=items,
        item_at={item.slot: item.id for item in items.values() if item.slot is not None},
        schedules={row.id: _schedule(row) for row in connection.execute(select(SCHEDULE))},
        by_person=_index([(person, right) for right in rights for person in sorted(right.persons)]),
        by_group=_index([(group, right) for right in rights for group in sorted(right.groups)]),
        zone=zone,
        prompts=tuple(_prompt(row) for row in connection.execute(select(PROMPT).order_by(PROMPT.c.position))),
    )


def _people(
    connection: Connection, keys: DeviceKeys, zone: tzinfo, groups: Callable[[str], frozenset[str]]
) -> tuple[dict[Pseudonym, Person], dict[str, Pseudonym]]:
    pins = {row.pseudonym: row for row in connection.execute(select(PIN.c.pseudonym, PIN.c.since, PIN.c.temporary))}
    # Ten thousand people share few groups, roles and days: each is made once.
    words = cache(lambda text: frozenset(split(text)))
    start_ms = cache(lambda day: _start_ms(date.fromisoformat(day), zone))
    end_ms = cache(lambda day: _start_ms(date.fromisoformat(day) + _DAY, zone))
    learnt = cache(lambda text: {name: end_ms(last) if last else None for name, last in _qualifications(text)})
    people: dict[Pseudonym, Person] = {}
    numbers: dict[str, Pseudonym] = {}
    for row in connection.execute(select(PERSON), execution_options=STREAMED):
        record = open_person(keys, row)
        people[record.pseudonym] = Person(
            pseudonym=record.pseudonym,
            language=record.language,
            department=intern(record.department),
            groups=groups(row.groups),
            roles=words(row.roles),
            active_from_ms=start_ms(record.active_from) if record.active_from else None,
            active_until_ms=end_ms(record.active_until) if record.active_until else None,
            suspended=record.suspended,
            pin_set=record.pseudonym in pins,
            pin_since_ms=pins[record.pseudonym].since if record.pseudonym in pins else 0,
            pin_temporary=record.pseudonym in pins and bool(pins[record.pseudonym].temporary),
            qualifications=learnt(row.qualifications),
            host=record.host,
            fingers_agreed=agreed(record.consents, FINGERPRINT),
        )
        if _TYPED.fullmatch(record.id):
            numbers[record.id] = record.pseudonym
    return people, numbers


def _fingers(connection: Connection) -> dict[str, dict[int, Pseudonym]]:
    found: dict[str, dict[int, Pseudonym]] = {}
    for row in connection.execute(select(FINGER)):
        found.setdefault(row.module.hex(), {})[row.template] = row.pseudonym
    return found


def _qualifications(text: str) -> list[tuple[str, str]]:
    """Name and last day, empty where it does not expire."""
    return [(name, last) for name, _, last in (one.partition(":") for one in split(text))]


def _start_ms(day: date, zone: tzinfo) -> int:
    return int(datetime.combine(day, time(0), tzinfo=zone).timestamp() * 1000)


def _item(row: Row[Any], zone: tzinfo, groups: Callable[[str], frozenset[str]]) -> Item:
    return Item(
        id=row.id,
        kind=intern(row.kind),
        slot=row.slot,
        groups=groups(row.groups),
        fob=row.fob,
        keys=row.keys,
        seal=row.seal,
        anywhere=row.back == "any",
        expires_ms=_start_ms(date.fromisoformat(row.expires) + _DAY, zone) if row.expires else None,
    )


def _prompt(row: Row[Any]) -> Prompt:
    texts = row.choices.split("\n") if row.choices else []
    return Prompt(
        id=row.id,
        at=row.at,
        kind=row.kind,
        ask={"en": row.ask, "zh": row.ask_zh},
        items=frozenset(split(row.items)),
        item_groups=frozenset(split(row.item_groups)),
        required=bool(row.required),
        least=row.least or 0,
        most=NUMBER_MAX if row.most is None else row.most,
        choices=tuple({"en": en, "zh": zh} for en, zh in zip(texts[::2], texts[1::2], strict=True)),
    )


def _schedule(row: Row[Any]) -> Schedule:
    windows = []
    for line in row.windows.splitlines():
        days, start, until = line.split(" ")
        numbered = frozenset(DAY_NAMES.index(day) for day in split(days))
        windows.append(Window(numbered, clock_time(start), clock_time(until)))
    return Schedule(row.id, tuple(windows), frozenset(map(date.fromisoformat, split(row.closed_on))))


def _rights(connection: Connection) -> list[Right]:
    """Fifty thousand rights share few sets of items, people and rules: each is made once."""
    alone = cache(lambda person: frozenset((person,)))
    persons: dict[str, list[Pseudonym]] = {}
    query = select(RIGHT_PERSON.c.entitlement, RIGHT_PERSON.c.pseudonym)
    for right, person in connection.execute(query, execution_options=STREAMED):
        persons.setdefault(right, []).append(person)
    made = _Parts()
    found: list[Right] = []
    for row in connection.execute(select(RIGHT).order_by(RIGHT.c.position), execution_options=STREAMED):
        named = persons.pop(row.id, [])
        found.append(_right(row, alone(named[0]) if len(named) == 1 else frozenset(named), made))
    return found


class _Parts:
    """What rights are made of, each once."""

    def __init__(self) -> None:
        self.names = cache(lambda text: frozenset(split(text)))
        self.acts = cache(lambda text: frozenset(act for act in ACTS if act in split(text)))
        self.factors = cache(lambda text: tuple(factor_set(one) for one in split(text)))
        self.curfew = cache(lambda text: curfew(split(text)))
        self.quorum = cache(lambda count, groups, apart: Quorum(count, frozenset(split(groups)), bool(apart)))
        self.allowance = cache(Allowance)
        self.schedule = cache(lambda text: text)


def _right(row: Row[Any], persons: frozenset[Pseudonym], made: _Parts) -> Right:
    return Right(
        id=row.id,
        persons=persons,
        groups=made.names(row.groups),
        items=made.names(row.items),
        item_groups=made.names(row.item_groups),
        acts=made.acts(row.acts),
        schedule=made.schedule(row.schedule),
        factors=made.factors(row.factors),
        curfew=made.curfew(row.curfew),
        quorum=made.quorum(row.authorisers, row.authorised_by, row.distinct_departments),
        allowance=made.allowance(row.most_out, row.most_out_together),
        blocked_while_overdue=bool(row.blocked_while_overdue),
        any_of=bool(row.any_of),
        requires=made.names(row.requires),
    )


def _index(pairs: list[tuple[K, Right]]) -> dict[K, tuple[Right, ...]]:
    """Keeps the order of rights for each key. Everyone's rights stand under the group "*" (EVERYONE)."""
    found: dict[K, list[Right]] = {}
    for key, right in pairs:
        found.setdefault(key, []).append(right)
    return {key: tuple(rights) for key, rights in found.items()}
