"""The signing key: where it comes from, and that it is never made anew beside a journal."""

from __future__ import annotations

from pathlib import Path

import pytest

from cabinet.vault.key_source import KeyFileError
from cabinet.vault.signing_key import open_or_create


def test_made_once_and_read_again(tmp_path: Path) -> None:
    made = open_or_create(tmp_path, journal_exists=False, environ={})
    assert open_or_create(tmp_path, journal_exists=True, environ={}) == made
    assert (tmp_path / "signing.key").read_text() == made.hex() + "\n"


def test_a_credential_comes_first_and_no_file_is_made(tmp_path: Path) -> None:
    (tmp_path / "credentials").mkdir()
    (tmp_path / "credentials" / "cabinet.signing-key").write_text("0b" * 32)
    (tmp_path / "state").mkdir()
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path / "credentials")}
    assert open_or_create(tmp_path / "state", journal_exists=False, environ=environ) == b"\x0b" * 32
    assert list((tmp_path / "state").iterdir()) == []


def test_missing_beside_a_journal_is_said(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match=r"signing.key: missing beside an existing journal.*backup"):
        open_or_create(tmp_path, journal_exists=True, environ={"CREDENTIALS_DIRECTORY": str(tmp_path)})
    assert list(tmp_path.iterdir()) == []
