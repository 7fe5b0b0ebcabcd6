"""What nobody should send, as a table: every problem is named with file, line and column, and nothing is applied."""

from __future__ import annotations

import pytest

from cabinet.roster import csv_files
from cabinet.roster.changes import Apply, Import, RosterRefused
from cabinet.roster.store import Roster
from tests.roster.conftest import apply

PEOPLE = "id,name,groups,cards\n1001,Ada,staff,0006547886\n1002,Lin,night,\n"
ITEMS = "id,slot,groups\nK-1,1,doors\nK-2,2,\n"
RIGHT = '[[right]]\nid = "r"\ngroups = ["staff"]\nitems = ["K-1"]\n'
DAY = '[[schedule]]\nid = "day"\n'
SUNDAYS = [f"2028-{month:02}-{day:02}" for month, day in (
    *((1, d) for d in (2, 9, 16, 23, 30)), *((2, d) for d in (6, 13, 20, 27)), *((3, d) for d in (5, 12, 19, 26)),
    *((4, d) for d in (2, 9, 16, 23, 30)), *((5, d) for d in (7, 14, 21, 28)), *((6, d) for d in (4, 11, 18, 25)),
    *((7, d) for d in (2, 9, 16, 23, 30)), *((8, d) for d in (6, 13, 20, 27)), *((9, d) for d in (3, 10, 17, 24)),
    *((10, d) for d in (1, 8, 15, 22, 29)), *((11, d) for d in (5, 12, 19, 26)),
    *((12, d) for d in (3, 10, 17, 24, 31)),
)]  # fmt: skip
"""All of 2028."""


def sunday(closed: list[str]) -> str:
    days = ", ".join(f'"{day}"' for day in closed)
    return f'{DAY}days = ["sun"]\nfrom = "08:00"\nuntil = "18:00"\nclosed_on = [{days}]\n'


def groups(*pairs: str) -> str:
    """`a:b,c` is a group that includes two."""
    made = [pair.partition(":")[::2] for pair in pairs]
    tables = [
        f'[[group]]\nid = "{id_}"\nincludes = ["{inner.replace(",", chr(34) + ", " + chr(34))}"]' for id_, inner in made
    ]
    return "\n".join(tables) + "\n"


@pytest.mark.parametrize(
    ("file", "text", "problem"),
    [
        ("people.csv", PEOPLE.encode("utf-16"), "people.csv:1:1: this is UTF-16"),
        ("people.csv", PEOPLE.encode("utf-16-le"), "people.csv:1:1: this is UTF-16"),
        ("people.csv", PEOPLE.replace("Lin", "Zoë").encode("latin-1"), "people.csv:3:8: byte 0xeb is not UTF-8"),
        ("rights.toml", RIGHT.encode("utf-16"), "rights.toml:1:1: this is UTF-16"),
        ("people.csv", PEOPLE.replace("Lin", "=cmd|'/c calc'!A1"), "people.csv:3:6: name: a leading = + - or @"),
        ("people.csv", PEOPLE.replace("night", "@x"), "people.csv:3:10: groups[0]: a leading = + - or @"),
        ("people.csv", PEOPLE.replace("Lin", '" +1"'), "people.csv:3:6: name: a leading = + - or @"),
        (
            "people.csv",
            PEOPLE.replace("night,", "night,01:00:63:E9:AE"),
            'people.csv:3:16: this card stands at "1001" too',
        ),
        ("people.csv", PEOPLE.replace("1002", "1001"), 'people.csv:3:1: id "1001" stands here twice'),
        (
            "people.csv",
            PEOPLE.replace("cards\n", "suspended\n").replace("0006547886", "maybe"),
            "people.csv:2:16: suspended:",
        ),
        ("items.csv", ITEMS.replace("K-2,2", "K-2,1"), 'items.csv:3:5: slot 1 is taken by "K-1"'),
        ("items.csv", ITEMS.replace("K-2,2", "K-2,01"), 'items.csv:3:5: slot 1 is taken by "K-1"'),
        ("items.csv", "id,slot,retired,groups\nK-1,1,yes,doors\n", "items.csv:2:1: a retired item hangs nowhere"),
        ("items.csv", "id,retired,groups\nK-1,yes,doors\n", 'rights.toml:4:10: item "K-1" is retired'),
        ("items.csv", "id\nK-2\n", 'rights.toml:4:10: there is no item "K-1"; did you mean "K-2"?'),
        (
            "rights.toml",
            RIGHT.replace("staff", "stuff"),
            'rights.toml:3:11: there is no group of people "stuff"; did you',
        ),
        (
            "rights.toml",
            RIGHT.replace('groups = ["staff"]', 'persons = ["9"]'),
            'rights.toml:3:12: there is no person "9"',
        ),
        ("rights.toml", RIGHT + 'schedule = "day"\n', 'rights.toml:5:1: there is no schedule "day"'),
        (
            "rights.toml",
            RIGHT + groups("a:b", "b:c", "c:a"),
            'rights.toml:7:13: a circle: "a" includes "b" includes "c" includes "a"',
        ),
        ("rights.toml", RIGHT + groups("a:a"), 'rights.toml:7:13: a circle: "a" includes "a"'),
        ("rights.toml", RIGHT + groups("a:staff,x"), 'rights.toml:7:22: there is no group "x"'),
        ("rights.toml", RIGHT + groups("a:staff", "a:night"), 'rights.toml:9:1: id "a" stands here twice'),
        (
            "rights.toml",
            RIGHT.replace("staff", "a") + groups("a:doors"),
            'rights.toml:3:11: nobody and nothing is in group of people "a"',
        ),
        ("rights.toml", RIGHT + groups("a:"), "rights.toml:7:13: includes[0]: must not be empty"),
        ("rights.toml", RIGHT + '[[group]]\nid = "a"\n', "rights.toml:5:1: includes: a group of groups names"),
        ("rights.toml", RIGHT + DAY + "windows = []\n", "rights.toml:7:1: windows: without windows it never opens"),
        (
            "rights.toml",
            RIGHT + DAY + 'days = []\nfrom = "08:00"\nuntil = "18:00"\n',
            "rights.toml:7:1: days: without days it never",
        ),
        ("rights.toml", RIGHT + sunday(SUNDAYS), "rights.toml:5:1: closed_on: in 2028 it never opens"),
    ],
)
def test_bad_input_is_named_with_its_place_and_changes_nothing(
    roster: Roster, file: str, text: str | bytes, problem: str
) -> None:
    files = {"people.csv": PEOPLE.encode(), "items.csv": ITEMS.encode(), "rights.toml": RIGHT.encode()}
    files[file] = text if isinstance(text, bytes) else text.encode()
    for change in (Import(files), Apply(files)):
        with pytest.raises(RosterRefused) as caught:
            roster.plan(change)
        assert any(line.startswith(problem) for line in caught.value.problems), caught.value.problems
    assert roster.version == 0


def test_everything_wrong_is_named_at_once(roster: Roster) -> None:
    files = {
        "people.csv": PEOPLE.replace("Lin", "=1").encode(),
        "items.csv": ITEMS.replace("K-2,2", "K-2,1").encode(),
        "rights.toml": (RIGHT.replace("K-1", "K-9") + groups("a:a")).encode(),
    }
    with pytest.raises(RosterRefused) as caught:
        roster.plan(Apply(files))
    places = [line.split(": ")[0] for line in caught.value.problems]
    assert places == ["people.csv:3:6", "items.csv:3:5", "rights.toml:4:10", "rights.toml:7:13"]


@pytest.mark.parametrize(
    "rights",
    [
        sunday(SUNDAYS[1:]),
        '[[schedule]]\nid = "day"\ndays = ["sun", "mon"]\nfrom = "08:00"\nuntil = "18:00"\n',
        groups("a:staff,night", "b:a,doors"),
        RIGHT.replace("staff", "b") + groups("a:staff", "b:a"),
    ],
)
def test_what_is_good_goes_through(roster: Roster, rights: str) -> None:
    files = {"people.csv": PEOPLE.encode(), "items.csv": ITEMS.encode(), "rights.toml": rights.encode()}
    assert apply(roster, files).version == 1


def test_a_byte_order_mark_is_no_problem(roster: Roster) -> None:
    assert apply(roster, {"people.csv": PEOPLE.encode("utf-8-sig")}).version == 1


@pytest.mark.parametrize(("rows", "refused"), [(20, False), (21, True)])
def test_more_rows_than_allowed_are_refused(
    roster: Roster, monkeypatch: pytest.MonkeyPatch, rows: int, refused: bool
) -> None:
    monkeypatch.setattr(csv_files, "ROWS_MAX", 20)
    text = "id,name\n" + "".join(f"{n},P\n" for n in range(rows))
    rights = '[[right]]\npersons = ["0"]\nitems = ["*"]\n'
    files = {"people.csv": text.encode(), "rights.toml": rights.encode()}
    if not refused:
        assert apply(roster, files).version == 1
        return
    with pytest.raises(RosterRefused) as caught:
        roster.plan(Import(files))
    assert caught.value.problems == ["people.csv:22:1: more than 20 lines; nothing from here on was read"]


def test_a_file_of_another_kind_is_given_up_soon(roster: Roster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_files, "FAULTS_MAX", 10)
    with pytest.raises(RosterRefused) as caught:
        roster.plan(Import({"people.csv": b"id,name\n" + b"!,\n" * 1000, "rights.toml": RIGHT.encode()}))
    assert len(caught.value.problems) < 20
    assert not any("group of people" in line for line in caught.value.problems)
