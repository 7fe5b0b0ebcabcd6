"""What holds for every command: help, usage, exit codes, where errors go, what is loaded."""

from __future__ import annotations

import ast
import io
import json
import os
import signal
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from cabinet.cli import main
from cabinet.cli.commands import COMMANDS, Command, help_text
from cabinet.control.protocol import Code, ControlError
from tests.cli.conftest import Ctl
from tests.cli.fake_daemon import HELD, PEOPLE, STATUS, FakeDaemon

CTL = [sys.executable, "-m", "cabinet.cli"]
HEAVY = {"sqlalchemy", "asyncio", "pydantic", "rich", "cryptography", "dataclasses"}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=lambda command: command.words)
def test_every_command_has_help(ctl: Ctl, command: Command) -> None:
    ended = ctl(*command.words.split(), "--help")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith(f"usage: cabinetctl {command.words}")
    for option in ("--json", "--socket", "--config"):
        assert option in ended.out


@pytest.mark.parametrize("command", COMMANDS.values(), ids=lambda command: command.words)
def test_what_changes_something_has_a_dry_run(ctl: Ctl, command: Command) -> None:
    mutating = {
        "person add",
        "item add",
        "item replace-fob",
        "item retire",
        "journal prune",
        "journal rotate-key",
        "right grant",
        "right revoke",
        "credential enrol",
        "credential revoke",
        "credential personalise",
        "module accept",
        "roster import",
        "roster apply",
        "roster rollback",
        "slot release",
        "clock confirm",
    }
    mutating |= {"booking make", "booking cancel", "incident record", "incident close"}
    mutating |= {
        "person qualify",
        "person unqualify",
        "person consent",
        "person erase",
        "customer erase",
        "backup restore",
    }
    text = ctl(*command.words.split(), "--help").out
    assert ("--dry-run" in text) == (command.words in mutating)


def test_the_help_names_every_command(ctl: Ctl) -> None:
    for arguments in (["--help"], ["-h"], ["--json", "--help"]):
        ended = ctl(*arguments)
        assert ended.code == 0
        assert all(f"  {words} " in ended.out for words in COMMANDS)
    assert "person add" in ctl("person", "--help").out
    assert "item add" not in ctl("person", "--help").out


def test_the_help_fits_a_terminal_of_120_columns() -> None:
    assert max(map(len, help_text().splitlines())) <= 120


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "status"),
        (["--json"], "say what to do"),
        (["stats"], "did you mean status?"),
        (["person"], "add, consent, erase, export, list, qualify, show, unqualify"),
        (["person", "ad"], "did you mean add?"),
        (["slots", "now"], "one word too many"),
        (["slots", "--jsn"], "did you mean --json?"),
        (["slot", "release", "7", "--reson", "x"], "did you mean --reason?"),
        (["person", "add", "1001"], "--name"),
        (["status", "--socket"], "--socket"),
        (["person", "add", "1001", "--name", "Ada", "--language", "de"], "'en', 'zh'"),
        (["credential", "enrol", "1001"], "--card"),
        (["credential", "enrol", "1001", "--pin", "--card", "0006547886"], "not allowed with"),
        (["right", "grant", "--who", "1001"], "--what"),
    ],
)
def test_wrong_usage_says_what_is_allowed(ctl: Ctl, arguments: list[str], said: str) -> None:
    ended = ctl(*arguments)
    assert ended.code == 2
    if "--json" not in arguments:
        assert ended.out == ""
        assert ended.err.count("\n") == 1
        assert said in ended.err
    else:
        assert said in ended.json["error"]["message"]


def test_general_options_stand_anywhere(ctl: Ctl, daemon: FakeDaemon) -> None:
    socket = ["--socket", str(daemon.path)]
    for arguments in (
        ["--json", *socket, "item", "list"],
        ["item", *socket, "list", "--json"],
        ["item", "list", *socket, "--json"],
        [f"--socket={daemon.path}", "item", "--json", "list"],
    ):
        assert ctl(*arguments).json["items"][0]["id"] == "K-0007", arguments


def test_a_configuration_names_the_socket(ctl: Ctl, daemon: FakeDaemon, tmp_path: Path) -> None:
    config = tmp_path / "cabinet.toml"
    config.write_text('[cabinet]\nsocket_dir = "run"\n')
    assert ctl("status", "--config", str(config)).code == 0
    config.write_text('[cabinet]\nsocket_dir = "elsewhere"\n')
    assert ctl("status", "--config", str(config)).code == 8
    config.write_text("[cabinet")
    ended = ctl("status", "--config", str(config))
    assert ended.code == 78
    assert "config check" in ended.err


def test_no_daemon(ctl: Ctl) -> None:
    ended = ctl("status")
    assert (ended.code, ended.out) == (8, "")
    assert ended.err.endswith("start it with: systemctl start cabinetd\n")
    assert ctl("status", "--json").json["error"]["exit"] == 8


EXITS = [(code, exit_code) for code, exit_code in zip(Code, (2, 2, 2, 2, 1, 12, 5, 10, 11, 4, 13, 14), strict=True)]


@pytest.mark.parametrize(("code", "exit_code"), EXITS)
def test_the_daemons_refusals_are_the_exit_code(ctl: Ctl, daemon: FakeDaemon, code: Code, exit_code: int) -> None:
    daemon.answers["status"] = ControlError(code, "because")
    ended = ctl("status")
    assert (ended.code, ended.out, ended.err) == (exit_code, "", "cabinetctl: because\n")
    assert ctl("status", "--json").json == {"schema": 1, "error": {"exit": exit_code, "message": "because"}}


def test_a_daemon_of_another_version(ctl: Ctl, daemon: FakeDaemon) -> None:
    daemon.answers["status"] = ["not", "an", "object"]
    ended = ctl("status")
    assert ended.code == 1
    assert "same version" in ended.err
    daemon.answers["slots"] = {"slots": "seven"}
    ended = ctl("slots")
    assert ended.code == 1
    assert "Traceback" not in ended.err
    assert "see.py:" in ended.err


def test_an_interrupt_is_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(arguments: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("cabinet.cli.run.run", interrupt)
    assert main(["status"]) == 130


def test_ctrl_c_while_watching(daemon: FakeDaemon) -> None:
    daemon.answers["wait"] = HELD
    child = subprocess.Popen(
        [*CTL, "wait", "slot=7:absent", "--socket", str(daemon.path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert daemon.held.wait(20)
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=20)
    assert (child.returncode, out, err) == (130, "", "")


def test_a_reader_that_has_seen_enough_is_no_error(daemon: FakeDaemon) -> None:
    read, write = os.pipe()
    os.close(read)
    ended = subprocess.run(
        [*CTL, "slots", "--socket", str(daemon.path)], stdout=write, stderr=subprocess.PIPE, text=True, timeout=20
    )
    os.close(write)
    assert (ended.returncode, ended.stderr) == (0, "")


def loaded_by(*arguments: str) -> set[str]:
    program = f"import sys\nfrom cabinet.cli import main\nmain({list(arguments)!r})\nprint(sorted(sys.modules))"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=20, check=True)
    return set(ast.literal_eval(ended.stdout.splitlines()[-1]))


def test_help_and_status_load_little(daemon: FakeDaemon) -> None:
    assert not loaded_by("--help") & {*HEAVY, "argparse", "tomllib", "cabinet.control.client"}
    assert not loaded_by("status", "--socket", str(daemon.path)) & {*HEAVY, "shutil", "tomllib"}
    assert daemon.asked[0] == ("status", {})


def test_commands_have_their_functions() -> None:
    for command in COMMANDS.values():
        module = import_module(f"cabinet.cli.{command.module}")
        assert callable(getattr(module, command.function))
        assert callable(getattr(module, f"{command.function}_arguments"))


def test_a_table_on_a_terminal(
    daemon: FakeDaemon, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("NO_COLOR", "1")
    daemon.answers["devices"] = {"devices": [{"device": "[red]reader[/red]", "up": True}]}
    assert main(["devices"]) == 0
    out = capsys.readouterr().out
    assert "[red]reader[/red]" in out
    assert "\x1b" not in out


def test_a_terminal_without_utf_8(daemon: FakeDaemon) -> None:
    environment = os.environ | {"PYTHONIOENCODING": "latin-1"}
    daemon.answers["roster.people"] = {"people": [PEOPLE[0] | {"name": "王芳 \U0001f511"}], "next": None}
    arguments = [*CTL, "person", "list", "--socket", str(daemon.path)]
    ended = subprocess.run(arguments, capture_output=True, env=environment, timeout=20)
    assert ended.returncode == 0
    assert b"\\u738b\\u82b3" in ended.stdout
    ended = subprocess.run([*arguments, "--json"], capture_output=True, env=environment, timeout=20)
    assert json.loads(ended.stdout)["people"][0]["name"] == "王芳 \U0001f511"


def test_every_page_of_json_is_one_object_with_a_schema(ctl: Ctl, daemon: FakeDaemon) -> None:
    assert io.StringIO(ctl("--json", "status").out).read().count("\n") == 1
    assert ctl("--json", "status").json == {"schema": 1, **STATUS}


def test_the_reference_names_every_command() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "cabinetctl.md").read_text()
    for command in COMMANDS.values():
        assert f"### {command.words}\n" in page
        section = page.split(f"### {command.words}\n")[1].split("\n### ")[0].split("\n## ")[0]
        assert f"$ cabinetctl {command.words}" in section, f"{command.words} has no example"
