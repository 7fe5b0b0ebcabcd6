from __future__ import annotations

import io
import json
from pathlib import Path
from typing import cast

import pytest

from cabinet.control.protocol import Code, ControlError
from tests.cli.conftest import Ctl
from tests.cli.fake_daemon import FakeDaemon

PEOPLE = "id,name,groups\n1001,王芳,night\n1002,Ada,night\n"
RIGHTS = '[[right]]\npersons = ["1001"]\nitems = ["*"]\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "roster"
    folder.mkdir()
    (folder / "people.csv").write_text(PEOPLE)
    (folder / "rights.toml").write_text(RIGHTS)
    return folder


def uploaded(daemon: FakeDaemon) -> dict[str, str]:
    files: dict[str, str] = {}
    for method, params in daemon.asked:
        if method == "roster.import.part":
            assert params["upload"] == "u1"
            files[str(params["file"])] = files.get(str(params["file"]), "") + str(params["data"])
    return files


def test_files_arrive_as_they_are(ctl: Ctl, daemon: FakeDaemon, folder: Path) -> None:
    ended = ctl("roster", "import", str(folder))
    assert uploaded(daemon) == {"people.csv": PEOPLE, "rights.toml": RIGHTS}
    assert daemon.asked[0] == ("roster.import.begin", {})
    assert daemon.asked[-1] == ("roster.import.commit", {"upload": "u1", "dry_run": False})
    assert ended.out == "3 people, 2 items, 1 right\nroster version 5\n"


def test_large_files_go_in_parts(ctl: Ctl, daemon: FakeDaemon, folder: Path) -> None:
    large = "id,name\n" + "".join(f"{n},\x01\x02钥匙\U0001f511 {n}\n" for n in range(20_000))
    (folder / "people.csv").write_text(large)
    assert ctl("roster", "import", str(folder)).code == 0
    assert uploaded(daemon)["people.csv"] == large


def test_an_empty_file_is_sent_as_one(ctl: Ctl, daemon: FakeDaemon, folder: Path) -> None:
    (folder / "people.csv").write_text("")
    assert ctl("roster", "import", str(folder)).code == 0
    assert uploaded(daemon)["people.csv"] == ""


def test_a_dry_run(ctl: Ctl, daemon: FakeDaemon, folder: Path) -> None:
    ended = ctl("roster", "import", str(folder), "--dry-run", "--json")
    assert daemon.asked[-1][1]["dry_run"] is True
    assert ended.json["dry_run"] is True


def test_problems_are_shown_one_a_line(ctl: Ctl, daemon: FakeDaemon, folder: Path) -> None:
    problems = ["people.csv:2:1: id stands here twice", "rights.toml:3:1: no such item"]
    error = ControlError(Code.REFUSED, "2 problems", data={"problems": problems})
    daemon.answers["roster.import.commit"] = error
    ended = ctl("roster", "import", str(folder))
    assert (ended.code, ended.out) == (5, "")
    assert ended.err.splitlines() == [*problems, "cabinetctl: 2 problems"]
    ended = ctl("roster", "import", str(folder), "--json")
    assert ended.json == {"schema": 1, "error": {"exit": 5, "message": "2 problems", "problems": problems}}


def test_files_that_cannot_be_read_reach_no_daemon(ctl: Ctl, daemon: FakeDaemon, tmp_path: Path, folder: Path) -> None:
    assert ctl("roster", "import", str(tmp_path / "nowhere")).code == 78
    (folder / "people.csv").write_bytes(b"id,name\n1,\xff\n")
    ended = ctl("roster", "import", str(folder))
    assert ended.code == 78
    assert "people.csv:2:3" in ended.err
    (folder / "people.csv").rename(folder / "poeple.csv")
    ended = ctl("roster", "import", str(folder))
    assert ended.code == 78
    assert "poeple.csv" in ended.err
    assert daemon.asked == []


def test_check_needs_no_daemon(ctl: Ctl, folder: Path) -> None:
    ended = ctl("roster", "check", str(folder))
    assert (ended.code, ended.out, ended.err) == (0, "no problems\n", "")
    assert ctl("roster", "check", str(folder), "--json").json == {"schema": 1, "problems": []}


def test_check_finds_every_problem_at_once(ctl: Ctl, folder: Path) -> None:
    (folder / "people.csv").write_text("id,name,groups\n1001,,night\n1001,Ada,night\n-,Bob,night\n")
    (folder / "rights.toml").write_text('[[right]]\npersons = ["9"]\nitem = ["*"]\n')
    ended = ctl("roster", "check", str(folder))
    assert ended.code == 78
    *problems, last = ended.err.splitlines()
    assert len(problems) >= 4
    assert all(line.startswith(("people.csv:", "rights.toml:")) for line in problems)
    assert last.startswith(f"cabinetctl: {len(problems)} problems")
    error = json.loads(ctl("roster", "check", str(folder), "--json").out)["error"]
    assert error["exit"] == 78
    assert error["problems"] == problems


LINES = ["rights.toml:3: right r1 changed: curfew 8h -> 6h", "items.csv: item K-9 retired"]


def test_diff_and_dry_run_say_the_same(ctl: Ctl, daemon: FakeDaemon, folder: Path) -> None:
    diff = ctl("roster", "diff", str(folder))
    assert (diff.code, diff.out.splitlines()) == (3, [*LINES, "2 differences; nothing was changed"])
    dry = ctl("roster", "apply", str(folder), "--dry-run")
    assert (dry.code, dry.out) == (diff.code, diff.out)
    assert all(params.get("dry_run") for method, params in daemon.asked if method == "roster.apply.commit")
    found = ctl("roster", "diff", str(folder), "--json").json
    assert (found["differences"], found["lines"], found["dry_run"]) == (2, LINES, True)


def test_equal_is_said_with_exit_0(ctl: Ctl, daemon: FakeDaemon, folder: Path) -> None:
    daemon.answers["roster.apply.commit"] = {"version": 4, "lines": [], "next": None, "differences": 0, "summary": []}
    for arguments in (["diff"], ["apply", "--dry-run"], ["apply", "--yes"]):
        ended = ctl("roster", arguments[0], str(folder), *arguments[1:])
        assert (ended.code, ended.out) == (0, "equal: nothing changes\n")


def test_apply_asks_or_is_told_yes(ctl: Ctl, daemon: FakeDaemon, folder: Path) -> None:
    ended = ctl("roster", "apply", str(folder))
    assert ended.code == 2
    assert "--yes" in ended.err
    assert daemon.asked == []
    ended = ctl("roster", "apply", str(folder), "--yes")
    assert (ended.code, ended.out.splitlines()) == (0, [*LINES, "roster version 6"])
    assert uploaded(daemon) == {"people.csv": PEOPLE, "rights.toml": RIGHTS}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("typed", "code", "last"), [("y\n", 0, "roster version 6"), ("\n", 130, LINES[1])])
def test_apply_shows_before_it_asks(
    ctl: Ctl, daemon: FakeDaemon, folder: Path, monkeypatch: pytest.MonkeyPatch, typed: str, code: int, last: str
) -> None:
    monkeypatch.setattr(io, "StringIO", Terminal)
    ended = ctl("roster", "apply", str(folder), typed=typed)
    commits = [params for method, params in daemon.asked if method == "roster.apply.commit"]
    assert ended.code == code
    assert ended.out.splitlines()[:2] == LINES
    assert commits[0] == {"upload": "u1", "dry_run": True}
    assert commits[1:] == ([{"upload": "u1", "expected": 5}] if code == 0 else [])
    assert last in ended.out


def test_versions_are_listed(ctl: Ctl, daemon: FakeDaemon) -> None:
    assert ctl("roster", "versions").out.splitlines() == [
        "5  2026-01-01 16:00:00  kim",
        "    rights changed: 1",
        "    right r1 changed",
    ]
    assert ctl("roster", "versions", "--json").json["versions"][0]["version"] == 5


def test_a_rollback_is_asked_for_by_its_number(ctl: Ctl, daemon: FakeDaemon) -> None:
    ended = ctl("roster", "rollback", "3", "--reason", "too much")
    assert (ended.code, ended.out.splitlines()) == (0, [*LINES, "roster version 7"])
    asked = {"version": 3, "dry_run": False, "reason": "too much", "at_once": False}
    assert daemon.asked[0] == ("roster.rollback", asked)
    assert ctl("roster", "rollback", "3", "--dry-run").code == 3
    assert ctl("roster", "rollback", "last").code == 2


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["store"], ["K-1"]),
        (["example", "STORE"], ["K-1"]),
        (["--customer", "C-1"], ["K-1", "K-2"]),
        (["--customer", "example estates", "--kind", "bunch"], ["K-2"]),
        (["--tag", "Spare"], ["K-2"]),
        (["--tag", "spar"], []),
        (["store", "--kind", "bunch"], []),
        ([], ["K-1", "K-2", "K-3"]),
    ],
)
def test_items_are_found_by_word_customer_tag_and_kind(
    ctl: Ctl, daemon: FakeDaemon, arguments: list[str], found: list[str]
) -> None:
    daemon.answers["roster.items"] = {
        "items": [
            {"id": "K-1", "kind": "key", "name": "Store", "customer": "C-1", "slot": 1, "tags": [], "groups": []},
            {"id": "K-2", "kind": "bunch", "name": "", "customer": "C-1", "slot": 2, "tags": ["spare"], "groups": []},
            {"id": "K-3", "kind": "key", "name": "Old", "slot": None, "retired": True, "tags": [], "groups": []},
        ],
        "next": None,
    }
    ended = ctl("item", "find", *arguments, "--json")
    assert [one["id"] for one in ended.json.get("items", [])] == found
    assert ended.code == (0 if found else 10)


def test_customers_are_listed_and_found(ctl: Ctl, daemon: FakeDaemon) -> None:
    assert ctl("customer", "list").out.splitlines() == ["id   name             items", "C-1  Example Estates  2"]
    assert ctl("customer", "list", "estates").code == 0
    ended = ctl("customer", "list", "nobody")
    assert (ended.code, "nobody" in ended.err) == (10, True)


def test_an_export_writes_files_that_only_the_owner_reads(ctl: Ctl, daemon: FakeDaemon, tmp_path: Path) -> None:
    rest = ['["people.csv", "me\\n1,王芳\\n"]', '["items.csv", "id\\n"]']
    daemon.answers["roster.lines"] = {"lines": rest, "next": None}
    ended = ctl("roster", "export", str(tmp_path / "out"))
    assert (ended.code, ended.out) == (0, f"people.csv, items.csv are in {tmp_path / 'out'}\n")
    assert (tmp_path / "out" / "people.csv").read_text() == "id,name\n1,王芳\n"
    assert (tmp_path / "out" / "people.csv").stat().st_mode & 0o777 == 0o600
    again = ctl("roster", "export", str(tmp_path / "out"))
    assert (again.code, "people.csv" in again.err) == (78, True)


def test_item_find_says_where_an_item_hangs(ctl: Ctl, daemon: FakeDaemon) -> None:
    """One that may hang anywhere, and one in the wrong slot."""
    items = [{"id": "V-0005", "kind": "vehicle-key", "slot": 5}, {"id": "V-0006", "kind": "vehicle-key", "slot": 6}]
    daemon.answers["roster.items"] = {"items": [{"name": "", "groups": [], "tags": []} | one for one in items]}
    stray = [{"item": "V-0005", "slot": 6, "fob": "right"}, {"item": "V-0006", "slot": 7, "fob": "misplaced"}]
    daemon.answers["roster.outs"] = {"outs": [], "elsewhere": stray}
    head, van, truck = (line.split("  ") for line in ctl("item", "find", "vehicle").out.splitlines())
    assert "slot" in [cell.strip() for cell in head]
    assert "6" in [cell.strip() for cell in van]
    assert "7 (not 6)" in [cell.strip() for cell in truck]
    found = cast("list[dict[str, object]]", ctl("item", "find", "vehicle", "--json").json["items"])
    assert [one["elsewhere"] for one in found] == stray
