"""What the configuration says about how long things are kept: [retention]."""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field

from cabinet.policy.retention import EVERY, KIND_DAYS, LEFT_DAYS, NEVER, PERSONAL_DAYS, Periods
from cabinet.settings.sections import Section
from hal.wording import did_you_mean, quoted

KEEP: Final[Literal["keep"]] = "keep"
DAYS_MAX: Final = 36_500
NOUNS: Final = (
    *("alarm", "backup", "bolt", "booking", "cabinet", "clock", "command", "config", "consent", "credential"),
    *("device", "door", "emergency", "epoch", "incident", "input", "item", "lockdown", "person", "power", "prompt"),
    *("right", "roster", "sensor", "service", "sync", "tamper", "upstream", "visit"),
)
_DEFAULT: Final[dict[str, int | Literal["keep"]]] = {
    name: KEEP if days is None else days for name, days in KIND_DAYS.items()
}
_KIND: Final = re.compile(r"([a-z][a-z_]*)\.([a-z][a-z_]*|\*)")


def _days(value: object) -> object:
    if value == KEEP or (type(value) is int and 1 <= value <= DAYS_MAX):
        return value
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return _days(int(value))  # of the environment
    raise ValueError(f'should be a number of days from 1 to {DAYS_MAX}, or "{KEEP}"')


def _kinds(kinds: dict[str, Days]) -> dict[str, Days]:
    for name in kinds:
        match = _KIND.fullmatch(name)
        if name in NEVER or name == "payload.*":
            raise ValueError(f"{name} is never pruned: without it nobody could verify what is left")
        if match is None and name != EVERY:
            raise ValueError(f'{quoted(name)} is no kind such as "visit.refused", no group such as "visit.*", nor "*"')
        if match is not None and match[1] not in NOUNS:
            raise ValueError(f"{quoted(name)}: there are no such kinds{did_you_mean(match[1], NOUNS)}")
    return {**_DEFAULT, **kinds}


Days: TypeAlias = Annotated[int | Literal["keep"], BeforeValidator(_days)]


class RetentionSection(Section):
    """[retention]"""

    personal_days: Days = PERSONAL_DAYS
    """A leaf about somebody is pruned to its hash after so long."""
    left_days: Days = LEFT_DAYS
    """So long after somebody's time here has ended, they are due for erasure."""
    erase_left: bool = False
    """Whether who is due for erasure is erased without being asked."""
    kinds: Annotated[dict[str, Days], AfterValidator(_kinds)] = Field(default_factory=lambda: dict(_DEFAULT))
    """By kind of leaf, group (`visit.*`) or `*`."""

    def periods(self) -> Periods:
        return Periods(_or_none(self.personal_days), {name: _or_none(days) for name, days in self.kinds.items()})

    def left(self) -> int | None:
        """Days after which somebody whose access has ended is due for erasure; None: never."""
        return _or_none(self.left_days)


def _or_none(days: int | str) -> int | None:
    return days if isinstance(days, int) else None
