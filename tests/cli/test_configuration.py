from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from cabinet.config import load
from tests.cli.conftest import Ctl

GOOD = """
[cabinet]
site = "demo"
device = "lobby-01"
state_dir = "state"

[[link]]
id = "rs485"
type = "modbus"
port = "links/rs485"

[[device]]
id = "relays"
type = "modbus-relay-board"
link = "rs485"
unit = 1
profile = "waveshare-8"

[[device]]
id = "inputs"
type = "modbus-input-board"
link = "rs485"
unit = 2
inverted = [3]

[[slot]]
number = 1
lock = "relays:1"
sensor = "inputs:1"
"""
FIVE_ERRORS = (
    GOOD.replace('site = "demo"', 'site = "Demo Site"')
    .replace("unit = 1", "unit = 300")
    .replace('"waveshare-8"', '"waveshare-9"')
    .replace("inverted = [3]", "invertid = [3]")
    .replace('sensor = "inputs:1"', 'sensor = "input:1"')
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "cabinet.toml"
    file.write_text(GOOD)
    return file


def test_a_good_configuration(ctl: Ctl, file: Path) -> None:
    ended = ctl("config", "check", "--config", str(file))
    assert (ended.code, ended.out, ended.err) == (0, "no problems\n", "")
    assert ctl("config", "check", "--config", str(file), "--json").json == {"schema": 1, "problems": []}


def test_five_errors_are_five_lines(ctl: Ctl, file: Path) -> None:
    file.write_text(FIVE_ERRORS)
    ended = ctl("config", "check", "--config", str(file))
    assert (ended.code, ended.out) == (78, "")
    *problems, last = ended.err.splitlines()
    assert len(problems) == 5
    assert all(re.match(rf"{re.escape(str(file))}:\d+:\d+: .", line) for line in problems)
    assert last.startswith("cabinetctl: 5 problems in")
    error = json.loads(ctl("config", "check", "--config", str(file), "--json").out)["error"]
    assert (error["exit"], error["problems"]) == (78, problems)


def test_a_missing_file(ctl: Ctl, tmp_path: Path) -> None:
    for command in ("check", "show"):
        ended = ctl("config", command, "--config", str(tmp_path / "nowhere.toml"))
        assert ended.code == 78
        assert "nowhere.toml" in ended.err


def test_what_is_shown_can_be_read_again(ctl: Ctl, file: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere" / "cabinet.toml"
    elsewhere.parent.mkdir()
    elsewhere.write_text(ctl("config", "show", "--config", str(file)).out)
    shown, meant = load(elsewhere, {}), load(file, {})
    assert replace(shown, file=meant.file) == meant
    assert "idle_s = 30" in elsewhere.read_text(), "defaults are shown"


def test_the_environment_counts(ctl: Ctl, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CABINET_VISIT__IDLE_S", "20")
    shown = ctl("config", "show", "--config", str(file), "--json").json["config"]
    assert shown["visit"]["idle_s"] == 20
    assert shown["device"][1]["inverted"] == [3]
    assert shown["slot"] == [{"number": 1, "lock": "relays:1", "sensor": "inputs:1"}]


def test_a_bad_configuration_is_not_shown(ctl: Ctl, file: Path) -> None:
    file.write_text(FIVE_ERRORS)
    ended = ctl("config", "show", "--config", str(file), "--json")
    assert ended.code == 78
    assert len(ended.json["error"]["problems"]) == 5
