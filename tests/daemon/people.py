"""Who stands in front of the cabinet in these tests, as roster files."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True)
class Somebody:
    """Some have two cards: the next visit need not wait until the reader has forgotten the last one."""

    id: str
    name: str
    cards: tuple[str, ...] = ()
    pin: str = ""


ADA = Somebody("1001", "Adalbertine Quux", ("0006547886", "0006547887"), "4711")
LIN = Somebody("1002", "林小雨", ("0008844356", "0008844357"))
EVE = Somebody("1003", "Everard Bygone", ("0001112223",))
MAX = Somebody("1004", "Maximilian Manyfold", ("0004445556", "0004445557"))
OCTAVIA = Somebody("1005", "Octavia Otherday", ("0005556667",))
SEVERIN = Somebody("70615243", "Severin Sealedaway", ("3735928559",), "83650274")
EVERYBODY = (ADA, LIN, EVE, MAX, OCTAVIA, SEVERIN)
NOBODYS_CARD = "0009999999"

_PEOPLE = """id,name,department,groups,language,cards,roles,active_from,active_until
1001,Adalbertine Quux,Facility,,en,0006547886;0006547887,custodian,,
1002,林小雨,Reception,,zh,0008844356;0008844357,,,
1003,Everard Bygone,,,en,0001112223,,2020-01-01,2020-12-31
1004,Maximilian Manyfold,,,en,0004445556;0004445557,,,
1005,Octavia Otherday,,,en,0005556667,,,
70615243,Severin Sealedaway,Archive,,en,3735928559,,,
"""
_ITEMS = """id,kind,name,customer,slot,fob,groups,tags,expires,seal,keys
K-0001,key,Main entrance,,1,,,,,,
K-0002,key,Side entrance,,2,,,,,,
K-0003,bunch,Plant rooms,,3,,,,,,6
K-0004,key,Roof,,4,,,,,,
V-0005,vehicle-key,Van,,5,,,,,,
D-0006,document,Deed,,6,,,,,,
K-0007,key,Flat 7,,7,,,,,,
K-0008,key,Flat 8,,8,,,,,,
"""
_RIGHTS = """
[[right]]
id = "ada-flat-7"
persons = ["1001"]
items = ["K-0007"]
factors = ["card+pin", "number+pin"]
curfew = "8h"

[[right]]
id = "lin-entrance"
persons = ["1002"]
items = ["K-0001"]
factors = ["card"]

[[right]]
id = "everard-side"
persons = ["1003"]
items = ["K-0002"]
factors = ["card"]

[[right]]
id = "max-both"
persons = ["1004"]
items = ["K-0003", "K-0004"]
factors = ["card"]

[[right]]
id = "octavia-van"
persons = ["1005"]
items = ["V-0005"]
schedule = "another-day"
factors = ["card"]

[[right]]
id = "severin-deed"
persons = ["70615243"]
items = ["D-0006"]
factors = ["card+pin"]

[[schedule]]
id = "another-day"
days = ["{day}"]
from = "08:00"
until = "09:00"
"""


def another_day() -> str:
    """A day that is not now, and will not be while the tests run."""
    return DAYS[(datetime.now(UTC).weekday() + 3) % 7]


def roster_files() -> dict[str, str]:
    return {"people.csv": _PEOPLE, "items.csv": _ITEMS, "rights.toml": _RIGHTS.replace("{day}", another_day())}
