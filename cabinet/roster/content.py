"""What may stand in a roster, in one form for files and for the control socket.

Texts come out in Unicode form NFC, since that is what a journal leaf holds.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, time
from functools import lru_cache
from typing import Annotated, Any, Final, Literal, TypeVar, cast, get_args, get_origin

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from cabinet.policy.rights import AUTH_ORDER, NUMBER_MAX, ActKind, Factor, Language, PromptAt, PromptKind
from cabinet.roster.curfew_text import TIME, CurfewPart, curfew_problem
from cabinet.roster.item_kinds import ItemKind
from drivers.wire.card_number import format_card, parse_card

V = TypeVar("V")
EVERYONE: Final = "*"
VISITOR: Final = "visitor"
"""The role of people who come for a while, and for whom a host answers."""
ACTS: Final[tuple[ActKind, ...]] = ("take", "return", "door")
FACTORS: Final = (
    *("card", "card+pin", "number+pin", "code", "code+pin", "strong-card", "strong-card+pin"),
    *("finger", "card+finger", "strong-card+finger", "number+finger", "finger+pin", "card+finger+pin"),
    *("card+verified", "finger+verified", "card+pin+verified", "number+pin+verified"),
    *("strong-card+verified", "strong-card+pin+verified"),
)

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _id(value: str) -> str:
    if not _ID.fullmatch(value):
        raise ValueError("an id is 1 to 32 letters a-z, digits, dots, dashes or underscores, first a letter or digit")
    return value


def _text(limit: int) -> Callable[[str], str]:
    def check(value: str) -> str:
        value = unicodedata.normalize("NFC", value.strip())
        if any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in value):
            raise ValueError("control characters and line breaks are not allowed")
        if len(value) > limit:
            raise ValueError(f"at most {limit} characters are allowed")
        if value.startswith(("=", "+", "-", "@")):
            raise ValueError("a leading = + - or @ is not allowed: a spreadsheet would run it as a formula")
        return value

    return check


def _given(value: str) -> str:
    if not value:
        raise ValueError("must not be empty")
    return value


def _label(value: str) -> str:
    if ";" in value:
        raise ValueError("a ; separates values and cannot stand inside one")
    if value == EVERYONE:
        raise ValueError('"*" means everyone in rights and cannot be the name of a group')
    return value


def _iso_date(value: str) -> str:
    try:
        if _DATE.fullmatch(value):
            date.fromisoformat(value)
            return value
    except ValueError:
        pass
    raise ValueError("should be a day such as 2026-03-31")


def _card(value: str) -> str:
    return format_card(parse_card(value))


Id = Annotated[str, AfterValidator(_id)]
Text = Annotated[str, AfterValidator(_text(100))]
Name = Annotated[Text, AfterValidator(_given)]
Label = Annotated[str, AfterValidator(_text(32)), AfterValidator(_given), AfterValidator(_label)]
IsoDate = Annotated[str, AfterValidator(_iso_date)]
CardNumber = Annotated[str, AfterValidator(_card)]
"""As printed or in hex; comes out as drivers.wire.card_number.format_card() writes it."""


def _or_everyone(check: Callable[[str], str]) -> Callable[[str], str]:
    return lambda value: value if value == EVERYONE else check(value)


IdOrAll = Annotated[str, AfterValidator(_or_everyone(_id))]
LabelOrAll = Annotated[str, AfterValidator(_or_everyone(lambda v: _label(_given(_text(32)(v)))))]


def _qualification(value: str) -> str:
    name, colon, last = value.partition(":")
    name = _label(_given(_text(32)(name)))
    return f"{name}:{_iso_date(last.strip())}" if colon else name


Qualification = Annotated[str, AfterValidator(_qualification)]
"""`forklift`, or `forklift:2026-12-31` with the last day on which it holds."""


def _consent(value: str) -> str:
    purpose, colon, day = value.partition(":")
    if not colon:
        raise ValueError("should be what it is for and the day on which it was given, such as fingerprint:2026-03-31")
    return f"{_label(_given(_text(32)(purpose)))}:{_iso_date(day.strip())}"


Consent = Annotated[str, AfterValidator(_consent)]
"""`fingerprint:2026-03-31`: what the person has agreed to, and on which day."""


class Entry(BaseModel):
    """Unknown keys are errors, values are not bent to fit, nothing changes later."""

    # Built when the first change comes: a cabinet runs for weeks between two.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)


@lru_cache(maxsize=8)
def kinds_of(model: type[Entry]) -> Mapping[str, type]:
    """For each field, and each name it has in files, whether it is a list, a bool, an int, or a str."""
    kinds = {name: _kind(field.annotation) for name, field in model.model_fields.items()}
    return kinds | {field.alias: kinds[name] for name, field in model.model_fields.items() if field.alias}


def _kind(annotation: Any) -> type:
    """Of `list[str] | None` and of `int | None` the part that is not None."""
    for part in (annotation, *get_args(annotation)):
        inner = get_origin(part) or part
        inner = get_args(part)[0] if inner is Annotated else inner
        if (get_origin(inner) or inner) in (list, bool, int):
            return cast("type", get_origin(inner) or inner)
    return str


class PersonEntry(Entry):
    """A person. An id of 1 to 12 digits is also the personal number typed at the keypad. Keys that are not given
    keep what the roster has; cards are added to those already there."""

    id: Id
    name: Name
    department: Text = ""
    groups: Annotated[list[Label], Field(max_length=24)] = Field(default_factory=list)
    language: Language = "en"
    cards: Annotated[list[CardNumber], Field(max_length=8)] = Field(default_factory=list)
    strong_cards: Annotated[list[CardNumber], Field(max_length=8)] = Field(default_factory=list)
    """Those that are taken only when they prove their key."""
    roles: Annotated[list[Label], Field(max_length=16)] = Field(default_factory=list)
    active_from: IsoDate | None = None
    """The first day, local time."""
    active_until: IsoDate | None = None
    """The last day, local time."""
    qualifications: Annotated[list[Qualification], Field(max_length=24)] = Field(default_factory=list)
    """What they have learnt or signed, each with the last day on which it holds where it expires."""
    consents: Annotated[list[Consent], Field(max_length=12)] = Field(default_factory=list)
    """What they have agreed to, each with the day; what was withdrawn is not among them."""
    host: Id | None = None
    """Who answers for a visitor, by id."""
    suspended: bool = False
    """They keep everything and may take nothing."""

    @property
    def all_cards(self) -> list[str]:
        return [*self.cards, *self.strong_cards]

    @model_validator(mode="after")
    def _strength_is_one(self) -> PersonEntry:
        if not set(self.cards).isdisjoint(self.strong_cards):
            raise ValueError("a card stands under cards and under strong_cards: leave it under one of them")
        return self

    @model_validator(mode="after")
    def _ends_after_start(self) -> PersonEntry:
        if self.active_from and self.active_until and self.active_until < self.active_from:
            raise ValueError("active_until is before active_from")
        return self


class ItemEntry(Entry):
    """What a slot holds. Keys that are not given keep what the roster has."""

    id: Id
    kind: ItemKind = "key"
    name: Text = ""
    customer: Id | None = None
    slot: Annotated[int, Field(ge=1, le=9999)] | None = None
    fob: CardNumber | None = None
    back: Annotated[Literal["fixed", "any"], Field(alias="return")] = "fixed"
    """any: into any slot that tells fobs apart and is not the own one of an item with a fixed place."""
    groups: Annotated[list[Label], Field(max_length=24)] = Field(default_factory=list)
    tags: Annotated[list[Label], Field(max_length=24)] = Field(default_factory=list)
    expires: IsoDate | None = None
    seal: Text = ""
    keys: Annotated[int, Field(ge=1, le=999)] | None = None
    """How many keys the bunch has."""
    retired: bool = False
    """It is not in service any more: it hangs nowhere, and nobody may take it."""

    @model_validator(mode="after")
    def _hangs_nowhere_when_retired(self) -> ItemEntry:
        if self.retired and (self.slot is not None or self.fob is not None):
            raise ValueError("a retired item hangs nowhere: leave its slot and fob empty")
        return self


_ALONE: Final = {
    "number": "a number alone proves nothing, anybody can type it",
    "pin": "a PIN alone names nobody, and one guess would try the PINs of all at once; number+pin has neither fault",
    "verified": "a verifier confirms who a card or a number has named, it names nobody",
    "number+verified": "a number is always followed by the PIN, so typing one tells nobody whether it exists",
}
"""Why these are not enough."""


def _factor(value: str) -> str:
    if reason := _ALONE.get(value):
        raise ValueError(f"{reason}; allowed: {', '.join(FACTORS)}")
    if value not in FACTORS:
        raise ValueError(f"allowed: {', '.join(FACTORS)}")
    return value


def _act(value: str) -> str:
    if value not in ACTS:
        raise ValueError(f"allowed: {', '.join(ACTS)}")
    return value


class RightEntry(Entry):
    """Who may take what, when, with which factors, until when. Replaces the right of the same id."""

    id: Id | None = None
    persons: Annotated[list[IdOrAll], Field(max_length=10_000)] = Field(default_factory=list)
    groups: list[LabelOrAll] = Field(default_factory=list)
    items: list[IdOrAll] = Field(default_factory=list)
    item_groups: list[LabelOrAll] = Field(default_factory=list)
    acts: Annotated[list[Annotated[str, AfterValidator(_act)]], Field(min_length=1, alias="for")] = Field(
        default_factory=lambda: ["take"]
    )
    """What it is for: taking, returning, or opening the door."""
    schedule: Id | None = None
    factors: Annotated[list[Annotated[str, AfterValidator(_factor)]], Field(min_length=1)] = Field(
        default_factory=lambda: ["card", "number+pin"]
    )
    curfew: Annotated[list[CurfewPart], Field(max_length=12)] = Field(default_factory=list)
    """When it is due, the earliest of all."""
    authorisers: Annotated[int, Field(ge=0, le=4)] = 0
    """So many others have to approve."""
    authorised_by: Annotated[list[LabelOrAll], Field(max_length=24)] = Field(default_factory=list)
    """Groups whose members may."""
    distinct_departments: bool = False
    most_out: Annotated[int, Field(ge=1, le=999)] | None = None
    """So many of its items may one person have at a time."""
    most_out_together: Annotated[int, Field(ge=1, le=999)] | None = None
    """And all its people together."""
    blocked_while_overdue: bool = False
    any_of: bool = False
    """Its items are equal: the one that was used least is given."""
    requires: Annotated[list[Label], Field(max_length=12)] = Field(default_factory=list)
    """Qualifications that the taker must have."""

    @model_validator(mode="before")
    @classmethod
    def _one_is_a_list(cls, raw: Any) -> Any:
        if isinstance(raw, dict):
            return raw | {key: [raw[key]] for key in ("curfew", "for") if isinstance(raw.get(key), str)}
        return raw

    @model_validator(mode="after")
    def _is_of_use(self) -> RightEntry:
        if not (self.persons or self.groups):
            raise ValueError('a right names somebody: give persons or groups, "*" for everyone')
        if self.acts == ["door"] and (self.items or self.item_groups or self.authorisers):
            raise ValueError("a right for the door names no items and asks for no approval")
        if self.acts != ["door"] and not (self.items or self.item_groups):
            raise ValueError('a right names something: give items or item_groups, "*" for everything')
        limits = (self.curfew, self.most_out, self.most_out_together, self.blocked_while_overdue)
        if "take" not in self.acts and any(limits):
            raise ValueError("curfew, most_out and blocked_while_overdue are about taking, and this right is not")
        if problem := curfew_problem(self.curfew, has_schedule=self.schedule is not None):
            raise ValueError(problem)
        if self.authorisers and not self.authorised_by:
            raise ValueError("authorisers: authorised_by names the groups whose members may approve")
        if not self.authorisers and (self.authorised_by or self.distinct_departments):
            raise ValueError("authorised_by and distinct_departments mean nothing without authorisers")
        return self


def _time_of_day(value: str) -> str:
    if not TIME.fullmatch(value) and value != "24:00":
        raise ValueError('should be a time of day such as "08:00"')
    return value


def clock_time(value: str) -> time:
    """A time of day as written; 24:00 is midnight, the end of the day."""
    return time(0) if value == "24:00" else time.fromisoformat(value)


TimeOfDay = Annotated[str, AfterValidator(_time_of_day)]
_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


def _some(what: str) -> Callable[[list[V]], list[V]]:
    def check(values: list[V]) -> list[V]:
        if not values:
            raise ValueError(f"without {what} it never opens; name some, or take the schedule out")
        return values

    return check


class WindowEntry(Entry):
    """Days and a span of local time; `until` before `from` runs past midnight, both equal is the whole day."""

    days: Annotated[list[Day], AfterValidator(_some("days"))]
    start: Annotated[TimeOfDay, Field(alias="from")]
    until: TimeOfDay


class ScheduleEntry(Entry):
    """One window written on the schedule itself, or several under `windows`."""

    id: Id
    days: Annotated[list[Day], AfterValidator(_some("days"))] | None = None
    start: Annotated[TimeOfDay | None, Field(alias="from")] = None
    until: TimeOfDay | None = None
    windows: Annotated[list[WindowEntry], Field(max_length=64), AfterValidator(_some("windows"))] | None = None
    closed_on: Annotated[list[IsoDate], Field(max_length=366)] = Field(default_factory=list)
    """Holidays: days on which no window begins."""

    @model_validator(mode="after")
    def _has_windows_once(self) -> ScheduleEntry:
        own = (self.days, self.start, self.until)
        if self.windows is not None and any(part is not None for part in own):
            raise ValueError("give either days, from and until, or windows, not both")
        if self.windows is None and any(part is None for part in own):
            raise ValueError("days, from and until are all needed, or windows with these keys")
        return self

    @model_validator(mode="after")
    def _opens_in_every_year(self) -> ScheduleEntry:
        if year := _year_without(self.closed_on, {day for window in self.all_windows() for day in window.days}):
            raise ValueError(f"closed_on: in {year} it never opens, each of its days is named there")
        return self

    def all_windows(self) -> list[WindowEntry]:
        if self.windows is not None:
            return self.windows
        return [WindowEntry.model_validate({"days": self.days, "from": self.start, "until": self.until})]


class ChoiceEntry(Entry):
    """One answer of several; its number is its place in the list."""

    en: Annotated[str, AfterValidator(_text(24)), AfterValidator(_given)]
    zh: Annotated[str, AfterValidator(_text(24)), AfterValidator(_given)]


class PromptEntry(Entry):
    """What the cabinet asks about an item, before it is released or after it is back. Replaces the one of the same
    id."""

    id: Id
    at: PromptAt
    kind: PromptKind
    ask: Annotated[str, AfterValidator(_text(60)), AfterValidator(_given)]
    ask_zh: Annotated[str, AfterValidator(_text(60)), AfterValidator(_given)]
    items: list[IdOrAll] = Field(default_factory=list)
    item_groups: list[LabelOrAll] = Field(default_factory=list)
    required: bool = False
    least: Annotated[int | None, Field(alias="min", ge=0, le=999_999_999)] = None
    most: Annotated[int | None, Field(alias="max", ge=0, le=999_999_999)] = None
    choices: Annotated[list[ChoiceEntry], Field(max_length=9)] = Field(default_factory=list)

    @model_validator(mode="after")
    def _fits_its_kind(self) -> PromptEntry:
        if not (self.items or self.item_groups):
            raise ValueError('a prompt is about something: give items or item_groups, "*" for everything')
        if (self.kind == "choice") != bool(self.choices) or len(self.choices) == 1:
            raise ValueError("choices: 2 to 9 of them for the kind choice, none for another")
        if self.kind != "number" and (self.least is not None or self.most is not None):
            raise ValueError("min and max are for the kind number alone")
        if self.kind in ("count", "seal") and self.at == "take":
            raise ValueError("keys are counted and seals are read at the return")
        if (NUMBER_MAX if self.most is None else self.most) < (self.least or 0):
            raise ValueError(f"max is below min (without max it is {NUMBER_MAX})")
        return self


def _year_without(closed_on: list[str], open_on: set[Day]) -> int | None:
    """The first year of which every day that a window could begin on is closed."""
    closed = {date.fromisoformat(day) for day in closed_on}
    for year in sorted({day.year for day in closed}):
        first, days = date(year, 1, 1).toordinal(), date(year, 12, 31).timetuple().tm_yday
        its_own = (date.fromordinal(first + n) for n in range(days))
        if all(day in closed for day in its_own if _DAYS[day.weekday()] in open_on):
            return year
    return None


def _included(values: list[str]) -> list[str]:
    if not values:
        raise ValueError("a group of groups names at least one under includes")
    return values


class GroupEntry(Entry):
    """A group that has the members of others, of people and of items alike."""

    id: Label
    includes: Annotated[list[Label], Field(max_length=200), AfterValidator(_included)] = Field(
        default_factory=list, validate_default=True
    )


class CustomerEntry(Entry):
    """Whom items belong to."""

    id: Id
    name: Name


@dataclass(frozen=True, slots=True)
class Content:
    """What one change or one directory of files says."""

    people: tuple[PersonEntry, ...] = ()
    items: tuple[ItemEntry, ...] = ()
    rights: tuple[RightEntry, ...] = ()
    schedules: tuple[ScheduleEntry, ...] = ()
    groups: tuple[GroupEntry, ...] = ()
    customers: tuple[CustomerEntry, ...] = ()
    prompts: tuple[PromptEntry, ...] = ()


def factor_set(text: str) -> frozenset[Factor]:
    """`card+pin` as the policy wants it."""
    parts = text.split("+")
    return frozenset(one for one in AUTH_ORDER if one in parts)
