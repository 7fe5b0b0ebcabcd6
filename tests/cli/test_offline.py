"""The roster while no daemon runs: the same questions, answered by the files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from cabinet.control.protocol import Code, ControlError
from hal.problems import ConfigError
from tests.cli.conftest import Ctl
from tests.cli.fake_daemon import FakeDaemon

Asked = list[tuple[Path, str, dict[str, object]]]
ADD = ("person", "add", "1001", "--name", "Ada")


@pytest.fixture
def config(tmp_path: Path) -> str:
    file = tmp_path / "cabinet.toml"
    file.write_text('[cabinet]\nsocket_dir = "run"\n')
    return str(file)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    found: Asked = []

    def offline_call(config: Path, method: str, params: Mapping[str, object]) -> object:
        found.append((config, method, dict(params)))
        if method in ("roster.change", "roster.import"):
            return {"version": 2, "summary": ["done"]}
        return {method.removeprefix("roster."): [], "next": None}

    monkeypatch.setattr("cabinet.offline.offline_call", offline_call)
    return found


def test_changes_and_lists_go_to_the_files(ctl: Ctl, asked: Asked, config: str) -> None:
    ended = ctl(*ADD, "--config", config)
    assert (ended.code, ended.out) == (0, "done\nroster version 2\n")
    assert config in ended.err
    change = {"kind": "person.put", "person": {"id": "1001", "name": "Ada"}}
    assert asked == [(Path(config), "roster.change", {"change": change, "dry_run": False})]
    assert ctl("person", "list", "--config", config, "--json").json == {"schema": 1, "people": []}


def test_an_import_goes_there_in_one(ctl: Ctl, asked: Asked, config: str, tmp_path: Path) -> None:
    folder = tmp_path / "roster"
    folder.mkdir()
    (folder / "people.csv").write_text("id,name\n1,Ada\n")
    assert ctl("roster", "import", str(folder), "--config", config, "--dry-run").code == 0
    files = {"people.csv": "id,name\n1,Ada\n"}
    assert asked == [(Path(config), "roster.import", {"files": files, "dry_run": True})]


def test_the_default_configuration_counts_when_it_is_there(ctl: Ctl, asked: Asked, tmp_path: Path) -> None:
    default = tmp_path / "etc" / "cabinet.toml"
    assert ctl(*ADD).code == 8
    default.parent.mkdir()
    default.write_text("")
    assert ctl(*ADD).code == 0
    assert asked[0][0] == default


def test_whoever_names_a_socket_means_that_daemon(ctl: Ctl, asked: Asked, tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "cabinet.toml").write_text("")
    ended = ctl(*ADD, "--socket", str(tmp_path / "none.sock"))
    assert (ended.code, asked) == (8, [])


def test_a_running_daemon_is_asked_instead(ctl: Ctl, asked: Asked, config: str, daemon: FakeDaemon) -> None:
    assert ctl(*ADD, "--config", config).code == 0
    assert (len(daemon.changes), asked) == (1, [])


def test_what_needs_the_hardware_needs_the_daemon(ctl: Ctl, asked: Asked, config: str) -> None:
    for arguments in (
        ["status"],
        ["slot", "release", "7", "--reason", "x", "--yes"],
        ["credential", "enrol", "1001", "--at", "reader"],
    ):
        assert ctl(*arguments, "--config", config).code == 8
    assert asked == []


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ControlError(Code.NOT_FOUND, "nobody"), 10),
        (ConfigError(["cabinet.toml:1:1: wrong"]), 78),
        (ControlError(Code.BUSY, "in use by process 7"), 11),
    ],
)
def test_each_failure_has_its_exit(
    ctl: Ctl, config: str, monkeypatch: pytest.MonkeyPatch, error: Exception, code: int
) -> None:
    def fail(*_: object) -> object:
        raise error

    monkeypatch.setattr("cabinet.offline.offline_call", fail)
    ended = ctl(*ADD, "--config", config, "--json")
    assert ended.code == code
    assert ended.json["error"]["exit"] == code


def test_a_roster_of_real_files(ctl: Ctl, tmp_path: Path) -> None:
    """From the command line to roster.db and back, nothing in between pretended."""
    config = tmp_path / "cabinet.toml"
    config.write_text(
        '[cabinet]\nsite = "demo"\ndevice = "lobby-01"\nstate_dir = "state"\nsocket_dir = "run"\n'
        '[[link]]\nid = "rs485"\ntype = "modbus"\nport = "links/rs485"\n'
        '[[device]]\nid = "relays"\ntype = "modbus-relay-board"\nlink = "rs485"\nunit = 1\nprofile = "waveshare-8"\n'
        '[[slot]]\nnumber = 7\nlock = "relays:1"\n'
    )
    folder = tmp_path / "roster"
    folder.mkdir()
    (folder / "people.csv").write_text("id,name,groups\n1001,王芳,night\n")
    (folder / "items.csv").write_text("id,slot\nK-0007,7\n")
    (folder / "rights.toml").write_text('[[group]]\nid = "staff"\nincludes = ["night"]\n')
    there = ("--config", str(config))
    assert ctl("roster", "import", str(folder), *there).code == 0
    assert ctl("right", "grant", "--who", "1001", "--what", "K-0007", *there).code == 0
    assert ctl("credential", "enrol", "1001", "--card", "0006547886", *there).code == 0
    assert ctl("credential", "enrol", "1001", "--pin", *there, typed="4711\n").code == 0
    (person,) = ctl("person", "list", "--json", *there).json["people"]
    assert (person["name"], person["cards"], person["pin"]) == ("王芳", 1, True)
    (right,) = ctl("right", "list", "--json", *there).json["rights"]
    assert (right["persons"], right["items"]) == (["1001"], ["K-0007"])
    assert ctl("right", "grant", "--id", "others", "--who", "group:x", "--what", "*", *there).code == 5
    assert ctl("right", "grant", "--id", "of-staff", "--who", "group:staff", "--what", "*", *there).code == 0
    mine = ctl("right", "list", "--who", "1001", "--item", "K-0007", "--json", *there).json["rights"]
    assert [one["id"] for one in mine] == [right["id"], "of-staff"], "by a group that includes one of theirs, too"
    nobody = ctl("right", "list", "--who", "1999", *there)
    assert (nobody.code, nobody.err.splitlines()[-1]) == (
        10,
        "cabinetctl: there is no person 1999; see `cabinetctl person list`",
    )
    yes = ctl("right", "explain", "1001", "K-0007", *there)
    assert (yes.code, yes.out.splitlines()[0].partition(" at ")[0]) == (0, "yes: 1001 may take K-0007")
    assert "    identify: card or number+pin\n" in yes.out
    back = ctl("right", "explain", "1001", "K-0007", "--for", "return", *there)
    assert back.out.endswith(", as anybody: it has no rule\n")
    made = ctl("right", "grant", "--id", "back", "--who", "1001", "--what", "K-0007", "--for", "return", *there)
    assert made.code == 0
    back = ctl("right", "explain", "1001", "K-0007", "--for", "return", *there)
    assert back.out.splitlines()[0].endswith(", by right back")
    no = ctl("right", "explain", "1001", "K-0009", *there)
    assert (no.code, no.err.splitlines()[-1]) == (10, "cabinetctl: there is no item K-0009; see `cabinetctl item list`")
    assert ctl("person", "add", "1002", "--name", "林", *there).code == 0
    refused = ctl("right", "explain", "1002", "K-0007", "--at", "2026-03-10T20:00", *there)
    assert refused.out.splitlines() == [
        "no: 1002 may not take K-0007 at 2026-03-10T20:00+00:00: no right of the person reaches the item",
        "  who can help: a custodian can grant a right",
    ]
    assert ctl("right", "explain", "1001", "K-0007", "--at", "noon", *there).code == 2
    assert ctl("right", "explain", "1001", "K-0007", "--json", *there).json["allowed"] is True
    assert ctl("credential", "list", "--json", *there).json["credentials"][0]["card"] == "0006547886"
    assert ctl("item", "add", "K-0008", "--slot", "99", *there).code == 5
    kinds = [line.split()[3] for line in ctl("journal", "list", *there).out.splitlines()]
    assert kinds == [
        *("roster.applied", "right.granted", "credential.enrolled", "credential.enrolled"),
        *("right.granted", "right.granted"),
        "person.added",
    ]
    assert ctl("journal", "verify", *there).code == 0
