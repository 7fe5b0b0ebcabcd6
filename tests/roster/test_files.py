"""Roster files: what they say, and every problem at once with its place."""

from __future__ import annotations

import csv
import io
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cabinet.roster import files
from cabinet.roster.files import read
from cabinet.roster.references import Known

EXAMPLE = Path(__file__).parents[2] / "config" / "roster.example"
PEOPLE = "id,name,department,groups,language,cards,roles,active_from,active_until\n"
RIGHT = '[[right]]\nid = "r"\npersons = ["1001"]\nitems = ["K-1"]\n'


def problems(**texts: str) -> list[str]:
    named = {name.replace("_", "."): text.encode() for name, text in texts.items()}
    return read(named, slots=range(1, 9))[1]


def test_the_example_is_good() -> None:
    assert files.check(EXAMPLE, slots={1, 2, 3, 4}) == []
    content, _ = read(files.load(EXAMPLE))
    ada, lin = content.people
    assert (ada.id, ada.name, ada.groups, ada.cards) == ("1001", "Ada", ["facility", "drivers"], ["0006547886"])
    assert (lin.language, lin.cards, lin.active_from, lin.active_until) == (
        "zh",
        ["0008844356"],
        "2026-01-01",
        "2027-12-31",
    )
    bunch = content.items[1]
    assert (bunch.id, bunch.slot, bunch.seal, bunch.keys, bunch.groups) == (
        "K-0002",
        2,
        "S-4411",
        6,
        ["building", "technical"],
    )
    assert [right.id for right in content.rights] == ["facility-building", "reception-entrance", "drivers-vehicles"]
    assert content.rights[1].curfew == ["10h", "18:00"]
    assert [len(schedule.all_windows()) for schedule in content.schedules] == [2]
    assert [customer.name for customer in content.customers] == ["Example Estates"]


def test_five_errors_are_five_lines() -> None:
    found = problems(
        people_csv="id,name,groups,cards,languge\n"
        "1001,Ada,a,0006547886,en\n"
        "1002,=Lin,a,,en\n"
        "1003,Bob,,0006547886,zh\n"
        "1001,Eve,a,12,en\n"
    )
    assert found == [
        (
            'people.csv:1:22: unknown column "languge", allowed: id, name, department, groups, language, cards, '
            "strong_cards, roles, active_from, active_until, qualifications, consents, host, suspended; did you "
            'mean "language"?'
        ),
        "people.csv:3:6: name: a leading = + - or @ is not allowed: a spreadsheet would run it as a formula",
        'people.csv:4:11: this card stands at "1001" too; a card belongs to one person',
        'people.csv:5:1: id "1001" stands here twice; every id is used once',
        (
            "people.csv:5:12: cards[0]: a card is ten decimal digits as printed (0006547886) or 4 to 10 bytes in hex "
            "(11223344, 11:22:33:44)"
        ),
    ]


def test_problems_of_all_files_come_together() -> None:
    found = problems(
        people_csv=PEOPLE + "1001,Ada,,,fr,,,2026-02-30,\n1002,Lin,,,,,,2026-03-01,2026-01-01\n1003,Bob\n",
        items_csv="id,slot,fob\nK-1,1,11223344\nK-2,1,11:22:33:44\nK 3,x,\nK-4,9,\n",
        rights_toml='[[right]]\npersons = ["1001", "1004"]\nitems = ["K-1"]\nfactors = ["number"]\n'
        '[[right]]\ngroups = ["staf"]\nitem_groups = ["x"]\nschedule = "night"\nauthorizers = 1\n'
        '[[schedule]]\nid = "nights"\ndays = ["mo"]\nfrom = "25:00"\nuntil = "06:00"\n[rite]\n',
    )
    places = [line.split(": ")[0] for line in found]
    assert places == [
        "people.csv:2:12",
        "people.csv:2:17",
        "people.csv:3:1",
        "people.csv:4:6",
        "items.csv:3:5",
        "items.csv:3:7",
        "items.csv:4:1",
        "items.csv:4:5",
        "items.csv:5:5",
        "rights.toml:2:20",
        "rights.toml:4:12",
        "rights.toml:6:11",
        "rights.toml:7:16",
        "rights.toml:8:1",
        "rights.toml:9:1",
        "rights.toml:12:9",
        "rights.toml:13:1",
        "rights.toml:15:1",
    ]
    text = "\n".join(found)
    assert "a number alone proves nothing" in text
    [alone] = problems(
        people_csv=PEOPLE + "1001,Ada,,,,,,,\n", items_csv="id\nK-1\n", rights_toml=RIGHT + 'factors = ["pin"]\n'
    )
    assert "a PIN alone names nobody" in alone
    assert 'there is no schedule "night"; did you mean "nights"?' in text
    assert '"mo" is not one of them, allowed: mon, tue, wed, thu, fri, sat, sun; did you mean "mon"?' in text
    assert "slot 9 is not in the configuration, which has 1-8" in text
    assert 'slot 1 is taken by "K-1"' in text
    assert 'this fob hangs on "K-1" already' in text


@pytest.mark.parametrize(
    ("right", "why"),
    [
        ('persons = ["1001"]\nitems = ["K-1"]\nfactors = ["pin"]', "allowed: card, card+pin, number+pin"),
        ('persons = ["1001"]\nitems = ["K-1"]\nfactors = []', "at least 1 item"),
        ('persons = ["1001"]\nitems = ["K-1"]\ncurfew = "8"', "time of day"),
        ('persons = ["1001"]\nitems = ["K-1"]\ncurfew = "367d"', "at most 366d"),
        ('persons = ["1001"]\nitems = ["K-1"]\ncurfew = ["8h", "9h"]', "at most one span"),
        ('persons = ["1001"]\nitems = ["K-1"]\ncurfew = "fri"', "weekday with time"),
        ('persons = ["1001"]\nitems = ["K-1"]\ncurfew = "2026-02-30 18:00"', "date with time"),
        ('persons = ["1001"]\nitems = ["K-1"]\ncurfew = "fri 25:00"', "weekday with time"),
        ('persons = ["1001"]\nitems = ["K-1"]\ncurfew = ["08:00", "18:00"]', "at most one time of day"),
        ('persons = ["1001"]\nitems = ["K-1"]\ncurfew = "schedule"', "the right has no schedule"),
        ('persons = ["1001"]\nitems = ["K-1"]\nfor = "opening"', "allowed: take, return, door"),
        ('persons = ["1001"]\nitems = ["K-1"]\nfor = "door"', "for the door names no items"),
        ('persons = ["1001"]\nitems = ["K-1"]\nfor = ["return", "door"]\ncurfew = "8h"', "about taking"),
        ('items = ["K-1"]', "names somebody"),
        ('persons = ["1001"]', "names something"),
        ('persons = "1001"\nitems = ["K-1"]', "should be a list"),
    ],
)
def test_a_bad_right_is_refused(right: str, why: str) -> None:
    found = problems(people_csv="id,name\n1001,Ada\n", items_csv="id\nK-1\n", rights_toml=f"[[right]]\n{right}\n")
    assert len(found) == 1
    assert why in found[0]
    assert found[0].startswith("rights.toml:")


def test_what_the_roster_has_counts() -> None:
    known = Known(
        people={"1001"},
        items={"K-1"},
        slots={"K-1": 1, "K-2": 2},
        card_owner=lambda card: "1001" if card == "0006547886" else None,
    )
    assert read({"rights.toml": RIGHT.encode()}, known=known)[1] == []
    assert problems(rights_toml=RIGHT) == [
        'rights.toml:3:12: there is no person "1001"',
        'rights.toml:4:10: there is no item "K-1"',
    ]
    taken = read({"people.csv": b"id,name,cards\n1002,Lin,0006547886\n"}, known=known)[1]
    assert taken == ['people.csv:2:10: this card belongs to "1001" already; revoke it there first']
    assert read({"items.csv": b"id,slot\nK-1,2\nK-2,1\n"}, known=known)[1] == []
    assert read({"items.csv": b"id,slot\nK-3,2\n"}, known=known)[1] == ['items.csv:2:5: slot 2 is taken by "K-2"']


def test_everyone_and_everything_need_not_exist() -> None:
    assert problems(rights_toml='[[right]]\ngroups = ["*"]\nitem_groups = ["*"]\n') == []


def test_an_unreadable_file_does_not_make_others_wrong() -> None:
    found = read({"people.csv": b"id,name\n1001,\xe4da\n", "items.csv": b"id\nK-1\n", "rights.toml": RIGHT.encode()})[1]
    assert found == ["people.csv:2:6: byte 0xe4 is not UTF-8; save the file as UTF-8"]


def test_a_byte_order_mark_is_welcome() -> None:
    content, found = read({"people.csv": "\ufeffid,name\n1001,Zoë\n".encode()})
    assert found == []
    assert content.people[0].name == "Zoë"


def test_two_spellings_of_one_letter_are_one() -> None:
    content, _ = read({"people.csv": "id,name\n1001,Zoe\u0308\n".encode()})
    assert content.people[0].name == "Zoë"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "people.csv:1:1: nothing in here"),
        ("name\nAda\n", 'people.csv:1:1: the column "id" is missing'),
        ("id,name,id\n1,A,1\n", 'people.csv:1:9: column "id" stands here twice'),
        ("id;name\n1;Ada\n", 'people.csv:1:1: unknown column "id;name"'),
        ("id,name\n1001,Ada,x\n", "people.csv:2:10: 3 cells where the header has 2"),
        ("id,name\n1001,\n", "people.csv:2:6: name: must not be empty"),
        ("id,name,groups\n1001,Ada,a;*\n", 'people.csv:2:10: groups[1]: "*" means everyone'),
        ('id,name\n1001,"A\nb"\n', "people.csv:2:6: name: control characters"),
    ],
)
def test_a_bad_sheet_is_refused(text: str, line: str) -> None:
    assert any(found.startswith(line) for found in problems(people_csv=text))


def test_more_problems_than_anybody_reads_are_counted() -> None:
    found = problems(people_csv="id,name\n" + "!,\n" * 2000)
    assert len(found) == files.PROBLEMS_MAX + 1
    assert found[-1] == "and at least 3500 problems more"


PLAIN = st.text(st.characters(categories=["Lu", "Ll", "Nd", "Lo"]), min_size=1, max_size=12)
ROW = st.tuples(PLAIN.filter(lambda t: t.strip() == t), st.lists(PLAIN, max_size=3, unique=True))


@given(st.lists(ROW, min_size=1, max_size=5))
def test_values_come_back_as_they_were_written(table: list[tuple[str, list[str]]]) -> None:
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(["id", "name", "groups"])
    writer.writerows((f"p{n}", name, ";".join(groups)) for n, (name, groups) in enumerate(table))
    content, found = read({"people.csv": file.getvalue().encode()})
    assert found == []
    wanted = [
        (unicodedata.normalize("NFC", name), [unicodedata.normalize("NFC", g) for g in groups])
        for name, groups in table
    ]
    assert [(person.name, person.groups) for person in content.people] == wanted


WORDS = (
    b'id name slot , \n " ; [[right]]\n persons=[ ] = \xff { 1 '
    b"[right]\n [[schedule]]\n windows=[{ from=1\n ' curfew= \x00"
)
SCRAPS = st.lists(st.sampled_from(WORDS.split(b" ")), max_size=30).map(b"".join)


@given(SCRAPS | st.binary(max_size=80), st.sampled_from([*files.FILES, "other.txt"]))
def test_garbage_never_raises(data: bytes, name: str) -> None:
    content, found = read({name: data})
    assert all(line.startswith(f"{name}:") for line in found)
    if name == "other.txt":
        assert found
    if found:
        assert (content.people, content.items, content.rights) == ((), (), ())


def test_nested_too_deep_is_a_problem() -> None:
    assert read({"rights.toml": b"a = " + b"[" * 100_000})[1] == ["rights.toml:1:1: brackets are nested too deep"]


def test_a_directory_is_checked_without_a_daemon(tmp_path: Path) -> None:
    assert files.check(tmp_path / "none") == [f"{tmp_path / 'none'}: No such file or directory"]
    assert "no roster file in it" in files.check(tmp_path)[0]
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "people.csv").write_text("id,name\n1001,Ada\n")
    assert files.check(tmp_path) == []
    (tmp_path / "item.csv").write_text("")
    assert files.check(tmp_path)[0].endswith('; did you mean "items.csv"?')


PROMPT = """[[prompt]]
id = "p"
at = "return"
kind = "{kind}"
ask = "How many?"
ask_zh = "几把？"
items = ["K-1"]
{more}
"""


def prompt(kind: str, more: str = "") -> list[str]:
    return problems(items_csv="id,kind,keys\nK-1,bunch,6\n", rights_toml=PROMPT.format(kind=kind, more=more))


def test_prompts_are_read() -> None:
    text = PROMPT.format(kind="choice", more='choices = [{ en = "A", zh = "甲" }, { en = "B", zh = "乙" }]')
    content, found = read({"items.csv": b"id\nK-1\n", "rights.toml": text.encode()})
    assert found == []
    [entry] = content.prompts
    assert [(one.en, one.zh) for one in entry.choices] == [("A", "甲"), ("B", "乙")]
    assert (entry.ask, entry.ask_zh, entry.required) == ("How many?", "几把？", False)


@pytest.mark.parametrize(
    ("kind", "more", "complaint"),
    [
        ("numbr", "", 'did you mean "number"?'),
        ("choice", "", "choices: 2 to 9 of them for the kind choice, none for another"),
        ("count", "max = 3", "min and max are for the kind number alone"),
        ("number", "min = 1000000", "max is below min (without max it is 999999)"),
        ("rating", 'item_groups = ["cars"]', 'there is no group of items "cars"'),
        ("rating", "requird = true", 'did you mean "required"?'),
    ],
)
def test_a_wrong_prompt_is_named_with_its_place(kind: str, more: str, complaint: str) -> None:
    [line] = prompt(kind, more)
    assert complaint in line
    assert line.startswith("rights.toml:")


def test_prompts_that_fit_are_fine() -> None:
    assert [prompt(kind) for kind in ("number", "yes-no", "rating", "count", "seal")] == [[]] * 5


def test_a_kind_has_what_it_may_have() -> None:
    found = problems(items_csv="id,kind,expires,seal,keys\nK-1,bunhc,,,\nK-2,key,,S-1,2\nB-1,bunch,2027-01-01,,3\n")
    kinds = "key, bunch, vehicle-key, document, document-pouch, certificate, card"
    those = "document, document-pouch, certificate, card"
    assert found == [
        f'items.csv:2:5: kind: "bunhc" is not one of them, allowed: {kinds}; did you mean "bunch"?',
        "items.csv:3:14: keys: an item of the kind key has none; those that have: bunch, vehicle-key",
        f"items.csv:4:11: expires: an item of the kind bunch has none; those that have: {those}",
    ]


def test_a_change_of_kind_is_held_against_what_the_roster_has() -> None:
    known = Known(items={"B-1"}, goods={"B-1": {"kind": "bunch", "keys": 6, "seal": "", "expires": None}})
    assert read({"items.csv": b"id,kind\nB-1,key\n"}, known=known)[1] == [
        "items.csv:2:5: keys: an item of the kind key has none; those that have: bunch, vehicle-key"
    ]
    assert read({"items.csv": b"id,keys\nB-1,7\n"}, known=known)[1] == []
