"""person, item, right, credential: what reaches the daemon and what a person reads."""

from __future__ import annotations

import io
import sys

import pytest

from cabinet.control.protocol import Code, ControlError
from tests.cli.conftest import Ctl
from tests.cli.fake_daemon import PEOPLE, FakeDaemon


def test_person_add_sends_what_was_given(ctl: Ctl, daemon: FakeDaemon) -> None:
    ended = ctl(
        *("person", "add", "1001", "--name", "王芳", "--department", "", "--groups", "night; day", "--language", "zh"),
        *("--active-from", "2026-01-01", "--active-until", "", "--roles", "custodian"),
    )
    person = {
        "id": "1001",
        "name": "王芳",
        "department": "",
        "groups": ["night", "day"],
        "language": "zh",
        "active_from": "2026-01-01",
        "active_until": None,
        "roles": ["custodian"],
    }
    expected = {"change": {"kind": "person.put", "person": person}, "dry_run": False}
    assert daemon.asked == [("roster.change", expected)]
    assert (ended.code, ended.out) == (0, "person 1001 added\nroster version 4\n")


def test_person_add_leaves_the_rest_as_it_is(ctl: Ctl, daemon: FakeDaemon) -> None:
    ctl("person", "add", "1001", "--name", "Ada")
    assert daemon.changes == [{"kind": "person.put", "person": {"id": "1001", "name": "Ada"}}]


def test_item_add_sends_what_was_given(ctl: Ctl, daemon: FakeDaemon) -> None:
    ctl("item", "add", "K-0007", "--kind", "bunch", "--slot", "7", "--fob", "0006547886", "--groups", "cars")
    ctl("item", "add", "K-0008", "--name", "Store room")
    item = {"id": "K-0007", "kind": "bunch", "slot": 7, "fob": "0006547886", "groups": ["cars"]}
    assert daemon.changes == [
        {"kind": "item.put", "item": item},
        {"kind": "item.put", "item": {"id": "K-0008", "name": "Store room"}},
    ]


def test_item_replace_fob_says_nothing_else_of_the_item(ctl: Ctl, daemon: FakeDaemon) -> None:
    ended = ctl("item", "replace-fob", "K-0007", "01:07:00:00:00:00:00:19")
    assert daemon.changes == [{"kind": "fob.replace", "item": "K-0007", "fob": "01:07:00:00:00:00:00:19"}]
    assert ended.code == 0


def test_an_item_for_any_slot_and_a_right_to_the_least_used(ctl: Ctl, daemon: FakeDaemon) -> None:
    ctl("item", "add", "V-0005", "--return", "any")
    ctl("right", "grant", "--id", "r1", "--who", "*", "--what", "group:vehicles", "--any-of")
    assert daemon.changes == [
        {"kind": "item.put", "item": {"id": "V-0005", "return": "any"}},
        {"kind": "right.put", "right": {"id": "r1", "persons": ["*"], "item_groups": ["vehicles"], "any_of": True}},
    ]


def test_right_grant_sends_what_was_given(ctl: Ctl, daemon: FakeDaemon) -> None:
    ctl(
        *("right", "grant", "--id", "r1", "--who", "1001", "--who", "group:night", "--what", "group:cars"),
        *("--factors", "card+pin", "--factors", "number+pin", "--schedule", "office"),
        *("--curfew", "8h", "--curfew", "18:00"),
    )
    right = {
        "id": "r1",
        "persons": ["1001"],
        "groups": ["night"],
        "item_groups": ["cars"],
        "factors": ["card+pin", "number+pin"],
        "schedule": "office",
        "curfew": ["8h", "18:00"],
    }
    assert daemon.changes == [{"kind": "right.put", "right": right}]


def test_everybody_and_everything(ctl: Ctl, daemon: FakeDaemon) -> None:
    ctl("right", "grant", "--id", "all", "--who", "*", "--what", "*")
    assert daemon.changes == [{"kind": "right.put", "right": {"id": "all", "persons": ["*"], "items": ["*"]}}]


def test_a_right_without_an_id_is_named_by_the_daemon(ctl: Ctl, daemon: FakeDaemon) -> None:
    ctl("right", "grant", "--who", "1001", "--what", "K-0007")
    assert daemon.changes == [{"kind": "right.put", "right": {"persons": ["1001"], "items": ["K-0007"]}}]


def test_lists_are_read_page_by_page(ctl: Ctl, daemon: FakeDaemon) -> None:
    ended = ctl("person", "list", "--json")
    assert ended.json == {"schema": 1, "people": PEOPLE}
    assert [params["after"] for _, params in daemon.asked] == [None, "1001"]


def test_tables_stay_aligned_beside_chinese(ctl: Ctl, daemon: FakeDaemon) -> None:
    header, first, second, _ = ctl("person", "list").out.splitlines()
    assert first.startswith("1000  王芳      -           night;day")
    assert header.index("groups") == second.index("night;day")
    assert header.index("groups") == first.index("night;day") + 2, "two characters that are two columns wide"


def test_other_lists(ctl: Ctl, daemon: FakeDaemon) -> None:
    assert ctl("item", "list").out.splitlines()[1].split()[:2] == ["K-0007", "key"]
    assert "1001;group:night  group:cars  take  card or number+pin  -         8h;18:00" in ctl("right", "list").out
    assert ctl("right", "list", "--json").json["rights"][0]["id"] == "r1"
    assert ctl("item", "list", "--json").json["items"][0]["id"] == "K-0007"


def test_credentials_of_one_person(ctl: Ctl, daemon: FakeDaemon) -> None:
    assert ctl("credential", "list").out.count("card") == 3
    (only,) = ctl("credential", "list", "1002", "--json").json["credentials"]
    assert only["person"] == "1002"
    assert ctl("credential", "list", "nobody").out == ""


def test_enrolling_a_card_by_number(ctl: Ctl, daemon: FakeDaemon) -> None:
    assert ctl("credential", "enrol", "1001", "--card", "0006547886").code == 0
    assert daemon.changes == [{"kind": "card.enrol", "person": "1001", "card": "0006547886"}]


def test_enrolling_the_next_card_at_a_reader(ctl: Ctl, daemon: FakeDaemon) -> None:
    ended = ctl("credential", "enrol", "1001", "--at", "reader", "--timeout", "5")
    assert daemon.asked[0] == ("credential.scan", {"reader": "reader", "timeout_s": 5.0})
    assert daemon.changes == [{"kind": "card.enrol", "person": "1001", "card": "0006547886", "strength": "weak"}]
    assert "which can be copied: enrolled as weak" in ended.err
    assert "present the card at reader" in ended.err
    daemon.answers["credential.scan"] = ControlError(Code.TIMEOUT, "no card within 5 s")
    assert ctl("credential", "enrol", "1001", "--at", "reader").code == 4
    assert len(daemon.changes) == 1


def test_a_pin_comes_from_standard_input(ctl: Ctl, daemon: FakeDaemon) -> None:
    ended = ctl("credential", "enrol", "1001", "--pin", typed="4711\nnot this\n")
    assert daemon.changes == [{"kind": "pin.set", "person": "1001", "pin": "4711"}]
    assert "4711" not in ended.out + ended.err


@pytest.mark.parametrize("typed", ["", "\n", "47 11\n", "secret\n", "٤٧١١\n", "1" * 5000])
def test_what_is_no_pin_changes_nothing_and_is_not_repeated(ctl: Ctl, daemon: FakeDaemon, typed: str) -> None:
    daemon.answers["roster.change"] = ControlError(Code.REFUSED, "a PIN has 4 to 12 digits")
    ended = ctl("credential", "enrol", "1001", "--pin", typed=typed)
    assert ended.code in (2, 5)
    assert "secret" not in ended.err
    if not typed.isascii() or not typed.isdigit():
        assert daemon.asked == []


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("entries", "code"), [(["4711", "4711"], 0), (["4711", "4712"], 2)])
def test_a_pin_is_asked_for_twice_on_a_terminal(
    daemon: FakeDaemon, monkeypatch: pytest.MonkeyPatch, entries: list[str], code: int
) -> None:
    from cabinet.cli import main

    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr("getpass.getpass", lambda prompt: entries.pop(0))
    assert main(["credential", "enrol", "1001", "--pin"]) == code
    assert len(daemon.changes) == (1 if code == 0 else 0)


def test_a_pin_never_stands_in_the_arguments(ctl: Ctl, daemon: FakeDaemon) -> None:
    for arguments in (["--pin", "4711"], ["--pin=4711"]):
        ended = ctl("credential", "enrol", "1001", *arguments)
        assert ended.code == 2
    assert daemon.asked == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["person", "add", "1001", "--name", "Ada"],
        ["item", "add", "K-1"],
        ["right", "grant", "--who", "1001", "--what", "K-1"],
        ["credential", "enrol", "1001", "--card", "0006547886"],
    ],
)
def test_a_dry_run_changes_nothing_and_says_so(ctl: Ctl, daemon: FakeDaemon, arguments: list[str]) -> None:
    ended = ctl(*arguments, "--dry-run")
    ((_, params),) = daemon.asked
    assert params["dry_run"] is True
    assert ended.out.endswith("dry run: nothing was changed\n")
    found = ctl(*arguments, "--dry-run", "--json").json
    assert found == {"schema": 1, "version": 4, "summary": ["person 1001 added"], "dry_run": True}


def test_what_the_roster_refuses_is_said_with_its_exit(ctl: Ctl, daemon: FakeDaemon) -> None:
    message = "active_until is before active_from"
    daemon.answers["roster.change"] = ControlError(Code.REFUSED, message, data={"problems": [message]})
    ended = ctl("person", "add", "1001", "--name", "Ada")
    assert (ended.code, ended.out, ended.err) == (5, "", f"cabinetctl: {message}\n")


def test_names_cannot_play_with_the_terminal(ctl: Ctl, daemon: FakeDaemon) -> None:
    daemon.answers["roster.people"] = {"people": [PEOPLE[0] | {"name": "\x1b[2Jgone\r\u202e"}], "next": None}
    out = ctl("person", "list").out
    assert "gone" in out
    assert not set(out) & {"\x1b", "\r", "\u202e"}


def test_a_visitor_is_added_with_their_host(ctl: Ctl, daemon: FakeDaemon) -> None:
    ctl("person", "add", "v1", "--name", "Ivo", "--roles", "visitor", "--active-until", "2026-03-31", "--host", "1001")
    person = {"id": "v1", "name": "Ivo", "roles": ["visitor"], "active_until": "2026-03-31", "host": "1001"}
    assert daemon.changes == [{"kind": "person.put", "person": person}]


def test_visitors_are_listed_with_their_hosts(ctl: Ctl, daemon: FakeDaemon) -> None:
    visitor = PEOPLE[0] | {"id": "v1", "name": "Ivo", "roles": ["visitor"], "host": "1001"}
    daemon.answers["roster.people"] = {"people": [*PEOPLE, visitor], "next": None}
    lines = ctl("person", "list", "--visitors").out.splitlines()
    assert [line.split()[:3] for line in lines] == [["id", "name", "host"], ["v1", "Ivo", "1001"]]


def test_a_code_to_enrol_with_is_shown_once(ctl: Ctl, daemon: FakeDaemon) -> None:
    ended = ctl("credential", "enrol", "1002", "--code")
    assert daemon.asked == [("credential.offer", {"person": "1002", "dry_run": False})]
    assert ended.out == "code for 1002, shown this once, good for 24 h: 40961327\n"
    assert ctl("credential", "enrol", "1002", "--code", "--json").json["code"] == "40961327"
    daemon.answers["credential.offer"] = {"person": "1002", "hours": 24}
    assert ctl("credential", "enrol", "1002", "--code", "--dry-run").out.startswith("dry run: 1002")


def test_a_pin_for_the_first_time_only(ctl: Ctl, daemon: FakeDaemon) -> None:
    assert ctl("credential", "enrol", "1001", "--pin", "--temporary", typed="4711\n").code == 0
    change = {"kind": "pin.set", "person": "1001", "pin": "4711", "temporary": True}
    assert daemon.asked == [("roster.change", {"change": change, "dry_run": False})]
    ended = ctl("credential", "enrol", "1001", "--card", "0006547886", "--temporary")
    assert (ended.code, len(daemon.asked)) == (2, 1)
