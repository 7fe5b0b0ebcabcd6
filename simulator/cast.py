"""Who stands in front of a simulated cabinet: the people of config/roster.demo, with the PINs they know."""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from pathlib import Path

ROSTER = Path(__file__).parents[1] / "config" / "roster.demo"
_PINS = {"Ada": "4711", "Max": "8526", "Kim": "9073", "Noa": "3690", "Uma": "1592"}
"""A roster file never holds one: whoever plays enrols them."""


@dataclass(frozen=True, slots=True)
class Person:
    """`card` is their card's number as printed, `id` also what they type as their personal number."""

    name: str
    id: str
    card: str = field(repr=False)
    pin: str | None = field(repr=False)
    strong_card: str | None = field(repr=False, default=None)
    """Another one, which proves its key."""

    @property
    def finger(self) -> int:
        """The number of the finger they use, as simulated readers tell fingers apart."""
        return int(self.id) * 10

    @property
    def fingers(self) -> range:
        """All of theirs."""
        return range(self.finger, self.finger + 10)

    def keys(self, what: str) -> str:
        """What they press: their PIN or number and #, somebody else's PIN, or keys as they stand."""
        return {"PIN": f"{self.pin}#", "number": f"{self.id}#", "wrong PIN": "00000000#"}.get(what, what)


def read_cast() -> dict[str, Person]:
    """Everybody by name. Blocks."""
    with (ROSTER / "people.csv").open(encoding="utf-8", newline="") as file:
        return {
            row["name"]: Person(
                row["name"], row["id"], row["cards"], _PINS.get(row["name"]), row["strong_cards"] or None
            )
            for row in csv.DictReader(file)
        }
