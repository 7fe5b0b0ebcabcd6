"""A key from a program: 32 bytes or 64 hex digits, in time, and nothing of it in any message."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from cabinet.books import Books
from cabinet.config import load
from cabinet.roster.tables import RosterUnusable
from cabinet.vault.device_key import derive, open_or_create
from cabinet.vault.key_command import key_of
from cabinet.vault.key_source import KeyFileError
from hal.system_clock import SystemClock

KEY = bytes(range(7, 39))


def printing(what: str) -> list[str]:
    return [sys.executable, "-c", f"import sys, time; {what}"]


@pytest.mark.parametrize("printed", [KEY, KEY.hex().encode(), KEY.hex().upper().encode() + b"\n"])
def test_raw_or_in_hex(printed: bytes) -> None:
    assert key_of(printing(f"sys.stdout.buffer.write({printed!r})")) == KEY


@pytest.mark.parametrize(
    ("what", "why"),
    [
        (f"print({KEY.hex()[:-1]!r})", "it printed 64 bytes; a key is 32 bytes or 64 hex digits"),
        ("sys.stdout.write('x' * 100_000)", "more than 128 bytes"),
        (f"print({KEY.hex()!r}); sys.exit(3)", "exit 3; run it by hand"),
        ("pass", "it printed 0 bytes"),
    ],
)
def test_what_is_no_key_is_refused_without_showing_it(what: str, why: str) -> None:
    with pytest.raises(KeyFileError, match=why) as refused:
        key_of(printing(what))
    assert str(refused.value).startswith("[vault] device_key_command: ")
    assert KEY.hex()[:16] not in str(refused.value)


@pytest.mark.parametrize("what", ["time.sleep(60)", "sys.stdout.close(); time.sleep(60)"])
def test_it_is_not_waited_for_longer(what: str) -> None:
    with pytest.raises(KeyFileError, match=r"no end within 0\.3 s"):
        key_of(printing(what), within_s=0.3)


def test_what_it_has_started_ends_with_it(tmp_path: Path) -> None:
    """Else a pipe that somebody keeps open would hold up the start."""
    child = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])"
    with pytest.raises(KeyFileError, match="no end within"):
        key_of([sys.executable, "-c", child], within_s=1.0)


def test_no_shell_reads_its_arguments() -> None:
    with pytest.raises(KeyFileError, match="it printed 12 bytes"):
        key_of(["/bin/echo", "$HOME; true"])


def test_a_program_that_is_not_there() -> None:
    with pytest.raises(KeyFileError, match="/no/such: No such file or directory; is it installed"):
        key_of(["/no/such"])


def test_a_command_comes_first_then_a_credential_and_no_file_is_made(tmp_path: Path) -> None:
    credentials, state = tmp_path / "credentials", tmp_path / "state"
    credentials.mkdir()
    state.mkdir()
    (credentials / "cabinet.device-key").write_text("0b" * 32)
    environ = {"CREDENTIALS_DIRECTORY": str(credentials)}
    command = printing(f"print({KEY.hex()!r})")
    assert open_or_create(state, journal_exists=True, command=command, environ=environ) == derive(KEY)
    assert open_or_create(state, journal_exists=False, environ=environ) == derive(b"\x0b" * 32)
    assert list(state.iterdir()) == []


def test_the_books_are_opened_with_it(tmp_path: Path) -> None:
    """From the configuration on; another key opens nothing, and says so."""
    config = tmp_path / "cabinet.toml"
    text = (Path(__file__).parents[2] / "config" / "simulated.toml").read_text()
    config.write_text(f"{text}\n[vault]\ndevice_key_command = {json.dumps(printing(f'print({KEY.hex()!r})'))}\n")
    Books.open(load(config, {}), SystemClock()).close()
    assert not list(tmp_path.rglob("device.key"))
    Books.open(load(config, {}), SystemClock()).close()
    config.write_text(config.read_text().replace(KEY.hex(), "ab" * 32))
    with pytest.raises(RosterUnusable, match=r"does not fit device\.key"):
        Books.open(load(config, {}), SystemClock())
