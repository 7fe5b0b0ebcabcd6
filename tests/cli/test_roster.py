from __future__ import annotations

import json
from pathlib import Path

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
