"""What can be changed in a roster, one model per kind; the control socket and the import speak in these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import Field, SecretStr, ValidationError

from cabinet.roster.content import (
    CardNumber,
    Entry,
    Id,
    IsoDate,
    ItemEntry,
    Label,
    PersonEntry,
    Qualification,
    RightEntry,
)
from hal.wording import allowed, did_you_mean, problems_of, quoted

Module = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
"""The mark of a finger reader's module, in hex."""
Template = Annotated[int, Field(ge=0, le=65535)]


class RosterRefused(Exception):
    """The change does not fit; nothing was changed. `problems` are lines ready to print."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class PersonPut(Entry):
    """A person as they should be: added, or changed where keys are given."""

    kind: Literal["person.put"]
    person: PersonEntry


class PersonSuspend(Entry):
    """Suspended people keep everything and may take nothing."""

    kind: Literal["person.suspend"]
    person: Id
    suspended: bool = True


class PersonQualify(Entry):
    """What a person has learnt or signed; one of the same name is replaced."""

    kind: Literal["person.qualify"]
    person: Id
    qualification: Qualification


class PersonUnqualify(Entry):
    kind: Literal["person.unqualify"]
    person: Id
    name: Label


class ConsentPut(Entry):
    """A person agrees to something, or does not any more. `day`: when it was given, or withdrawn."""

    kind: Literal["person.consent"]
    person: Id
    purpose: Label
    day: IsoDate
    withdrawn: bool = False


class ItemPut(Entry):
    kind: Literal["item.put"]
    item: ItemEntry


class FobReplace(Entry):
    """Another fob on an item that is there."""

    kind: Literal["fob.replace"]
    item: Id
    fob: CardNumber


class ItemRetire(Entry):
    """A retired item hangs nowhere and nobody may take it; what was journaled of it stays."""

    kind: Literal["item.retire"]
    item: Id


class RightRevoke(Entry):
    kind: Literal["right.revoke"]
    right: Id


class RightPut(Entry):
    """A right as it should be; of one that is there, everything is replaced."""

    kind: Literal["right.put"]
    right: RightEntry


class CardEnrol(Entry):
    kind: Literal["card.enrol"]
    person: Id
    card: Annotated[CardNumber, Field(repr=False)]
    strength: Literal["weak", "strong"] = "weak"
    """weak: the number alone, clonable. strong: the card proves that it holds a key."""


class CardRevoke(Entry):
    kind: Literal["card.revoke"]
    person: Id
    card: Annotated[CardNumber, Field(repr=False)]


class FingerEnrol(Entry):
    """A template that a finger reader has just stored; only of who has consented to it."""

    kind: Literal["finger.enrol"]
    person: Id
    module: Module
    template: Template
    replaces: list[Template] = Field(default_factory=list)
    """Of theirs, in the same module, that are not in it any more."""


class FingerRevoke(Entry):
    """One finger of a person, or all of theirs."""

    kind: Literal["finger.revoke"]
    person: Id
    module: Module | None = None
    template: Template | None = None


class ModuleForget(Entry):
    """All fingers that were enrolled in this module: it is not there any more."""

    kind: Literal["module.forget"]
    module: Module


class PinSet(Entry):
    kind: Literal["pin.set"]
    person: Id
    pin: SecretStr
    temporary: bool = False
    """To be changed at its first use."""


@dataclass(frozen=True, slots=True)
class Import:
    """A directory of roster files as one change: what they list is added or changed, nothing is removed."""

    files: Mapping[str, bytes] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Apply:
    """A directory of roster files as one change that makes the roster equal to them."""

    files: Mapping[str, bytes] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Rollback:
    """Back to the policy of an earlier version."""

    version: int
    reason: str | None = None


Single: TypeAlias = (
    PersonPut
    | PersonSuspend
    | PersonQualify
    | PersonUnqualify
    | ConsentPut
    | ItemPut
    | FobReplace
    | ItemRetire
    | RightPut
    | RightRevoke
    | CardEnrol
    | CardRevoke
    | FingerEnrol
    | FingerRevoke
    | ModuleForget
    | PinSet
)
Change: TypeAlias = Single | Import | Apply | Rollback

_KINDS: Final[dict[str, type[Single]]] = {
    "person.put": PersonPut,
    "person.suspend": PersonSuspend,
    "person.qualify": PersonQualify,
    "person.unqualify": PersonUnqualify,
    "person.consent": ConsentPut,
    "item.put": ItemPut,
    "fob.replace": FobReplace,
    "item.retire": ItemRetire,
    "right.put": RightPut,
    "right.revoke": RightRevoke,
    "card.enrol": CardEnrol,
    "card.revoke": CardRevoke,
    "finger.enrol": FingerEnrol,
    "finger.revoke": FingerRevoke,
    "module.forget": ModuleForget,
    "pin.set": PinSet,
}


def parse_change(raw: object) -> Single:
    """The change that a JSON object describes. Raises RosterRefused with every problem."""
    if not isinstance(raw, dict):
        raise RosterRefused(['a change is an object: {"kind": ..., ...}'])
    kind = raw.get("kind")
    model = _KINDS.get(kind) if isinstance(kind, str) else None
    if model is None:
        hint = did_you_mean(kind, _KINDS) if isinstance(kind, str) else ""
        raise RosterRefused([f"kind: {quoted(kind)} is no kind of change, {allowed(_KINDS)}{hint}"])
    return _parsed(model, raw)


def _parsed(model: type[Single], raw: dict[str, Any]) -> Single:
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        raise RosterRefused([problem.message for problem in problems_of(error, model)]) from None
