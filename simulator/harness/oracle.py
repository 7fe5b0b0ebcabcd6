"""Who may take what, worked out once more from the roster files alone: it shares no line with the policy it judges."""

from __future__ import annotations

import csv
import io
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from simulator.harness.due_oracle import dates, due_ms

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(slots=True)
class Somebody:
    name: str
    id: str
    department: str
    card: str
    groups: frozenset[str]
    active_from: date | None
    active_until: date | None
    host: str
    """Id of who answers for a visitor; empty: this is none."""
    qualifications: dict[str, date | None] = field(default_factory=dict)
    """With the last day, None: for good."""
    erased: bool = False
    suspended: bool | None = False
    """None while it is being changed: either may hold."""


@dataclass(slots=True)
class Oracle:
    people: dict[str, Somebody]
    """By first name."""
    items: dict[str, frozenset[str]]
    """Groups by item."""
    rights: list[dict[str, Any]]
    schedules: dict[str, dict[str, Any]]
    zone: ZoneInfo
    prompts: list[dict[str, Any]] = field(default_factory=list)
    stock: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Number of keys and of the seal, by item, as written."""
    last_days: dict[str, date] = field(default_factory=dict)
    """On which a document holds, by item."""
    hung: list[dict[str, str]] = field(default_factory=list)
    """The rows of items.csv."""
    revoked: set[str] = field(default_factory=set)
    """Cards."""
    labels: set[str] = field(default_factory=set)
    """Pseudonyms of who was erased."""

    @classmethod
    def read(cls, files: Mapping[str, bytes], zone: str) -> Oracle:
        people, items = rows(files["people.csv"]), rows(files["items.csv"])
        rights = _read_rights(files["rights.toml"])
        return cls(
            {
                row["name"].split(" ")[0]: Somebody(
                    row["name"].split(" ")[0],
                    row["id"],
                    row["department"],
                    row["cards"],
                    frozenset(row["groups"].split(";")),
                    date.fromisoformat(row["active_from"]) if row["active_from"] else None,
                    date.fromisoformat(row["active_until"]) if row["active_until"] else None,
                    row["host"],
                    qualifications(row["qualifications"]),
                )
                for row in people
            },
            {row["id"]: frozenset(row["groups"].split(";")) for row in items},
            rights["right"],
            {one["id"]: one for one in rights.get("schedule", ())},
            ZoneInfo(zone),
            rights.get("prompt", []),
            {row["id"]: (row["keys"], row["seal"]) for row in items},
            {row["id"]: date.fromisoformat(row["expires"]) for row in items if row["expires"]},
            items,
        )

    def erase(self, name: str, label: str) -> None:
        """No right names them any more, also when they come back; one that named nobody else is gone."""
        person = self.people[name]
        person.erased = True
        self.labels.add(label)
        left = [one | {"persons": [who for who in one.get("persons", ()) if who != person.id]} for one in self.rights]
        self.rights = [right for right in left if right["persons"] or right.get("groups")]

    def may_take(
        self,
        name: str,
        item: str,
        shown: Iterable[frozenset[str]],
        wall_ms: int,
        *,
        trusted: bool,
        approved: Mapping[str, Iterable[frozenset[str]]],
        act: str = "take",
    ) -> bool:
        """`shown` are the combinations of factors that were presented, each complete; `approved` are those of whoever
        is said to have approved, by name. With `act` "return": whether they may return it."""
        person = self.people[name]
        if not self.is_active(person, wall_ms, trusted=trusted):
            return False
        approvers = {
            self.people[one].name: self.people[one]
            for one in approved
            if self.is_active(self.people[one], wall_ms, trusted=trusted)
        }
        return any(
            self._covers(right, person, item)
            and is_for(right, act)
            and self._is_open(right, wall_ms, trusted=trusted)
            and _suffices(right, shown)
            and (act != "take" or self._is_in_time(right, wall_ms, trusted=trusted))
            and self._is_qualified(right, person, wall_ms, trusted=trusted)
            and self._is_approved(right, person, [a for n, a in approvers.items() if _suffices(right, approved[n])])
            for right in self.rights
        )

    def wants_return(self, item: str) -> bool:
        """Whether some right says who returns it."""
        return any(self.reaches(right, item) for right in self.rights if is_for(right, "return"))

    def due_ms(self, right: Mapping[str, Any], wall_ms: int) -> int | None:
        """When what is taken now is to be back."""
        schedule = self.schedules.get(right.get("schedule", ""), {})
        closed, local = set(schedule.get("closed_on", ())), self.local(wall_ms)
        windows = schedule.get("windows", [schedule] if schedule else [])
        return due_ms(right, [one for one in windows if _in_window(one, local, closed)], wall_ms, self.zone)

    def _is_in_time(self, right: Mapping[str, Any], wall_ms: int, *, trusted: bool) -> bool:
        return all(trusted and date > wall_ms for date in dates(right, self.zone))

    def _is_qualified(self, right: Mapping[str, Any], person: Somebody, wall_ms: int, *, trusted: bool) -> bool:
        today = self.local(wall_ms).date()
        for name in right.get("requires", ()):
            last = person.qualifications.get(name, date.min)
            if last is not None and (not trusted or last < today):
                return False
        return True

    def may_approve(self, name: str, taker: str, item: str, shown: Iterable[frozenset[str]]) -> bool:
        """Some right over the item counts their word, now that they have shown this."""
        return name != taker and any(
            self._covers(right, self.people[taker], item)
            and self.people[name].groups & set(right.get("authorised_by", ()))
            and _suffices(right, shown)
            for right in self.rights
        )

    def _is_approved(self, right: Mapping[str, Any], person: Somebody, approvers: Iterable[Somebody]) -> bool:
        counted = [
            one for one in approvers if one.name != person.name and one.groups & set(right.get("authorised_by", ()))
        ]
        if right.get("distinct_departments"):
            others = {one.department for one in counted} - {"", person.department}
            return len(others) >= int(right.get("authorisers", 0))
        return len({one.name for one in counted}) >= int(right.get("authorisers", 0))

    def has_right(self, name: str, item: str, wall_ms: int) -> bool:
        """By some right, whatever else it asks for; the clock is trusted."""
        person = self.people[name]
        active = person.suspended is None or self.is_active(person, wall_ms, trusted=True)
        return active and any(
            self._covers(right, person, item)
            and self._is_open(right, wall_ms, trusted=True)
            and self._is_qualified(right, person, wall_ms, trusted=True)
            for right in self.rights
        )

    def is_open_for(self, name: str, item: str, wall_ms: int) -> bool:
        """Some right reaches the item, and at this hour; the clock is trusted."""
        rights = [right for right in self.rights if is_for(right, "take")]
        rights = [right for right in rights if self._covers(right, self.people[name], item)]
        return any(self._is_open(right, wall_ms, trusted=True) for right in rights)

    def right(self, name: str) -> Mapping[str, Any]:
        return next(right for right in self.rights if right["id"] == name)

    def reaches(self, right: Mapping[str, Any], item: str) -> bool:
        """It names the item or a group of it."""
        return item in right.get("items", ()) or not self.items[item].isdisjoint(right.get("item_groups", ()))

    def asked(self, item: str, at: str) -> list[dict[str, Any]]:
        """What has to be asked about it."""
        return [
            one
            for one in self.prompts
            if one["at"] == at
            and self.reaches(one, item)
            and (one["kind"] != "count" or self.stock[item][0])
            and (one["kind"] != "seal" or self.stock[item][1])
        ]

    def is_active(self, person: Somebody, wall_ms: int, *, trusted: bool) -> bool:
        hosts = [one for one in self.people.values() if one.id == person.host]
        return all(self._has_access(one, wall_ms, trusted=trusted) for one in (person, *hosts))

    def _has_access(self, person: Somebody, wall_ms: int, *, trusted: bool) -> bool:
        if person.suspended or person.erased:
            return False
        if person.active_from is None and person.active_until is None:
            return True
        today = self.local(wall_ms).date()
        begun = person.active_from is None or person.active_from <= today
        ended = person.active_until is not None and person.active_until < today
        return trusted and begun and not ended

    def host_of(self, name: str) -> str | None:
        """Who answers for a visitor."""
        host = self.people[name].host
        return next((one.name for one in self.people.values() if host and one.id == host), None)

    def local(self, wall_ms: int) -> datetime:
        return datetime.fromtimestamp(wall_ms / 1000, tz=UTC).astimezone(self.zone)

    def _covers(self, right: Mapping[str, Any], person: Somebody, item: str) -> bool:
        who = person.id in right.get("persons", ()) or not person.groups.isdisjoint(right.get("groups", ()))
        return who and self.reaches(right, item)

    def _is_open(self, right: Mapping[str, Any], wall_ms: int, *, trusted: bool) -> bool:
        if "schedule" not in right:
            return True
        if not trusted:
            return False
        schedule = self.schedules[right["schedule"]]
        local = self.local(wall_ms)
        closed = set(schedule.get("closed_on", ()))
        return any(_in_window(window, local, closed) for window in schedule.get("windows", [schedule]))


def is_for(right: Mapping[str, Any], act: str) -> bool:
    return act in right.get("for", "take")


def qualifications(cell: str) -> dict[str, date | None]:
    pairs = (one.partition(":") for one in cell.split(";") if one)
    return {name: date.fromisoformat(last) if last else None for name, _, last in pairs}


def _suffices(right: Mapping[str, Any], shown: Iterable[frozenset[str]]) -> bool:
    return any(set(one.split("+")) <= combination for one in right["factors"] for combination in shown)


def _in_window(window: Mapping[str, Any], local: datetime, closed: set[str]) -> bool:
    """Tried from each day on which it could have begun."""
    start, until = _minutes(window["from"]), _minutes(window["until"])
    clock = local.hour * 60 + local.minute + local.second / 60 + local.microsecond / 60e6
    today, yesterday = (
        DAYS[day.weekday()] if day.isoformat() not in closed else "a holiday"
        for day in (local.date(), local.date() - timedelta(days=1))
    )
    if start < until:
        return today in window["days"] and start <= clock < until
    return (today in window["days"] and clock >= start) or (yesterday in window["days"] and clock < until)


def _minutes(text: str) -> int:
    hours, minutes = text.split(":")
    return int(hours) * 60 + int(minutes)


@cache
def _read_rights(data: bytes) -> dict[str, Any]:
    """Nobody changes them."""
    return tomllib.loads(data.decode())


def rows(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode())))
