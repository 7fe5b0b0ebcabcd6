"""`python -m simulator`: what it prints, and its exit codes."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from simulator.faults import FAULTS
from simulator.types import SIMULATED, body_class
from tests.simulator.processes import PATIENCE_S, refused, running, simulator


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("type_name", ["rdm6300-reader", "led"])
def test_a_device_says_ready_and_takes_its_link_away(type_name: str, ending: signal.Signals, tmp_path: Path) -> None:
    link = tmp_path / "link"
    process = simulator("device", type_name, "--link", link)
    assert process.stdout is not None
    assert process.stdout.readline() == f"ready {link}\n"
    assert link.exists()
    process.send_signal(ending)
    assert process.wait(PATIENCE_S) == 0
    assert process.communicate() == ("", "")
    assert not link.exists()
    assert not link.is_symlink()


@pytest.mark.parametrize("type_name", SIMULATED)
def test_each_type_starts_with_each_of_its_faults(type_name: str, tmp_path: Path) -> None:
    faults = [part for fault in body_class(type_name).faults for part in ("--fault", fault)]
    with running("device", type_name, "--link", tmp_path / "link", *faults) as process:
        assert process.poll() is None


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["device", "rdm-6300", "--link", "x"], "no type 'rdm-6300'; there are: rdm6300-reader, wiegand-reader"),
        (["device", "led", "--link", "x", "--option", "card=1"], "led: option 'card' is not known here; there are: l"),
        (["device", "led", "--link", "x", "--option", "lines"], "led: option lines: write lines=VALUE"),
        (["device", "rdm6300-reader", "--link", "x", "--option", "card=1"], "card=1: a card is ten decimal digits"),
        (["device", "modbus-input-board", "--link", "x", "--option", "inputs=12"], "inputs=12: allowed are 1 to 64"),
        (["device", "modbus-input-board", "--link", "x", "--option", "unit=0"], "unit=0: allowed are 1 to 247"),
        (["device", "modbus-relay-board", "--link", "x", "--option", "baud=300"], "baud=300: allowed are 4800, 9600"),
        (["device", "rdm6300-reader", "--link", "x", "--fault", "busy"], "fault 'busy' is not offered here; there a"),
        (["device", "rdm6300-reader", "--link", "x", "--fault", "late=x"], "late=x: the argument is a number of ms"),
        (["device", "modbus-relay-board", "--link", "x", "--fault", "stuck-on=9"], "the argument is a channel, 1 to 8"),
        (["device", "led"], "the following arguments are required: --link"),
        (["run-everything"], "invalid choice: 'run-everything'"),
        ([], "required: COMMAND"),
    ],
)
def test_a_wrong_word_is_named_with_what_is_allowed(arguments: list[str], said: str) -> None:
    code, errors = refused(*arguments)
    assert code == 2
    assert said in errors


def test_a_link_that_cannot_be_is_said(tmp_path: Path) -> None:
    occupied = tmp_path / "link"
    occupied.write_text("precious")
    for type_name in ("rdm6300-reader", "led"):
        code, errors = refused("device", type_name, "--link", occupied)
        assert code == 1
        assert str(occupied) in errors
    assert occupied.read_text() == "precious"


def test_devices_lists_types_options_and_faults() -> None:
    listed = subprocess.run([sys.executable, "-m", "simulator", "devices"], capture_output=True, text=True, check=True)
    assert listed.stderr == ""
    for type_name in SIMULATED:
        body = body_class(type_name)
        assert f"\n{type_name} (" in "\n" + listed.stdout
        for name in (*body.options, *body.faults):
            assert f" {name}" in listed.stdout


def test_the_reference_names_every_type_option_and_fault() -> None:
    reference = (Path(__file__).parents[2] / "docs" / "reference" / "simulator.md").read_text("utf-8")
    for type_name in SIMULATED:
        options = ", ".join(f"`{option}`" for option in body_class(type_name).options)
        assert re.search(rf"^\| `{type_name}` \|.*\| {re.escape(options)} \|$", reference, re.MULTILINE)
    for fault, kind in FAULTS.items():
        default = f"({kind.default})" if kind.default else ""
        assert re.search(rf"^\| `{fault}` \| .*{re.escape(default)}", reference, re.MULTILINE)


def test_help_imports_no_pydantic() -> None:
    code = "import sys; from simulator.__main__ import main\ntry: main(['--help'])\nexcept SystemExit: pass\n"
    check = "sys.exit('pydantic' in sys.modules or 'asyncio' in sys.modules)"
    subprocess.run([sys.executable, "-c", code + check], check=True, capture_output=True)


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    gone, pipe = os.pipe()
    os.close(gone)
    try:
        command = [sys.executable, "-m", "simulator", "devices"]
        done = subprocess.run(command, stdout=pipe, stderr=subprocess.PIPE, text=True, timeout=PATIENCE_S, check=False)
    finally:
        os.close(pipe)
    assert (done.returncode, done.stderr) == (0, "")
