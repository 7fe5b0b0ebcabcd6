"""The signing key: where it comes from, that it is never made anew beside a journal, and how the next one follows."""

from __future__ import annotations

from pathlib import Path

import pytest

from cabinet.vault.key_source import KeyFileError
from cabinet.vault.signing_key import KeyFolder, SigningKeys, open_or_create


def keys(folder: Path, environ: dict[str, str] | None = None) -> SigningKeys:
    return SigningKeys(KeyFolder(folder), environ=environ or {})


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def devices(tmp_path: Path) -> dict[str, str]:
    """With the signing key as a credential."""
    (tmp_path / "credentials").mkdir()
    (tmp_path / "credentials" / "cabinet.signing-key").write_text("0b" * 32)
    return {"CREDENTIALS_DIRECTORY": str(tmp_path / "credentials")}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "state").mkdir()
    return tmp_path / "state"


def test_made_once_and_read_again(folder: Path) -> None:
    made = open_or_create(folder, journal_exists=False, environ={})
    assert open_or_create(folder, journal_exists=True, environ={}) == made
    assert (folder / "signing.key").read_text() == made.hex() + "\n"


def test_a_credential_comes_first_and_no_file_is_made(folder: Path, devices: dict[str, str]) -> None:
    assert open_or_create(folder, journal_exists=False, environ=devices) == b"\x0b" * 32
    assert names(folder) == []


def test_missing_beside_a_journal_is_said(folder: Path) -> None:
    with pytest.raises(KeyFileError, match=r"signing.key: missing beside an existing journal.*backup.*replace-key"):
        open_or_create(folder, journal_exists=True, environ={"CREDENTIALS_DIRECTORY": str(folder)})
    assert names(folder) == []


def test_the_next_one_is_durable_before_use_and_the_old_one_gone_afterwards(folder: Path) -> None:
    old = keys(folder).open(journal_exists=False)
    signing = keys(folder)
    new = signing.prepare()
    assert (signing.prepare(), keys(folder).next, keys(folder).open(journal_exists=True)) == (new, new, old)
    (folder / "same").hardlink_to(folder / "signing.key")
    signing.settle(new)
    assert (keys(folder).open(journal_exists=True), keys(folder).next) == (new, None)
    assert (names(folder), (folder / "same").read_bytes()) == (["same", "signing.key"], bytes(65))
    assert signing.prepare() not in (old, new)


def test_one_that_never_signed_is_destroyed(folder: Path) -> None:
    old = keys(folder).open(journal_exists=False)
    signing = keys(folder)
    signing.prepare()
    (folder / "same").hardlink_to(folder / "signing.key.next")
    signing.settle(old)
    assert (keys(folder).open(journal_exists=True), keys(folder).next) == (old, None)
    assert (folder / "same").read_bytes() == bytes(65)


def test_cut_off_while_the_old_one_is_destroyed(folder: Path) -> None:
    keys(folder).open(journal_exists=False)
    new = keys(folder).prepare()
    (folder / "signing.key").write_bytes(bytes(65))
    signing = keys(folder)
    assert signing.open(journal_exists=True) == new
    signing.settle(new)
    assert (keys(folder).current, names(folder)) == (new, ["signing.key"])
    signing.settle(new)
    assert keys(folder).current == new


def test_a_disk_that_fails_behind_the_move_costs_no_key(folder: Path) -> None:
    keys(folder).open(journal_exists=False)
    signing = keys(folder)
    new = signing.prepare()
    (folder / "signing.key.next").rename(folder / "signing.key")
    signing.settle(new)
    assert keys(folder).current == new


def test_a_credential_is_not_rotated_but_it_is_said_how(folder: Path, devices: dict[str, str]) -> None:
    with pytest.raises(KeyFileError, match=r"systemd-creds encrypt --name=cabinet.signing-key-next - .*restart"):
        keys(folder, devices).prepare()
    following = Path(devices["CREDENTIALS_DIRECTORY"]) / "cabinet.signing-key-next"
    following.write_text("0c" * 32)
    signing = keys(folder, devices)
    assert (signing.open(journal_exists=True), signing.prepare()) == (b"\x0b" * 32, b"\x0c" * 32)
    signing.settle(b"\x0c" * 32)
    with pytest.raises(KeyFileError, match=r"put it in the place of cabinet\.signing-key"):
        signing.prepare()
    (following.parent / "cabinet.signing-key").unlink()
    assert keys(folder, devices).open(journal_exists=True) == b"\x0c" * 32
    assert names(folder) == []
