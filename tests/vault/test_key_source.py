"""A key from a file or a credential: never half, never one that others can read."""

from __future__ import annotations

from pathlib import Path

import pytest

from cabinet.vault.key_source import KeyFileError, create_key, destroy_key, read_credential, read_key

KEY = bytes(range(32))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "some.key"
    create_key(path, KEY)
    return path


def test_made_and_read_again(file: Path) -> None:
    assert read_key(file) == KEY
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.read_text() == KEY.hex() + "\n"
    assert [path.name for path in file.parent.iterdir()] == ["some.key"]


def test_none_is_none(tmp_path: Path) -> None:
    assert read_key(tmp_path / "some.key") is None
    assert read_credential("some.key", {}) is None
    assert read_credential("some.key", {"CREDENTIALS_DIRECTORY": str(tmp_path)}) is None


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o666])
def test_a_key_others_can_read_is_refused(file: Path, mode: int) -> None:
    file.chmod(mode)
    with pytest.raises(KeyFileError, match=f"mode {mode:04o}.*chmod 600"):
        read_key(file)


def test_a_credential_has_the_mode_that_systemd_gives_it(file: Path) -> None:
    file.chmod(0o440)
    assert read_credential("some.key", {"CREDENTIALS_DIRECTORY": str(file.parent)}) == KEY


@pytest.mark.parametrize("content", [b"", b"00", b"zz" * 32, b"00" * 33, b"\xff" * 64])
def test_a_damaged_key_is_refused(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    with pytest.raises(KeyFileError, match=r"damaged.*backup"):
        read_key(file)
    with pytest.raises(KeyFileError, match=r"damaged.*backup"):
        read_credential("some.key", {"CREDENTIALS_DIRECTORY": str(file.parent)})


def test_a_link_and_a_folder_are_refused(file: Path) -> None:
    file.rename(file.parent / "elsewhere")
    file.symlink_to(file.parent / "elsewhere")
    with pytest.raises(KeyFileError, match="must be able to read"):
        read_key(file)
    file.unlink()
    file.mkdir()
    with pytest.raises(KeyFileError, match="not a plain file"):
        read_key(file)


def test_a_cut_while_making_leaves_nothing_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "some.key.new").write_text("half")
    create_key(tmp_path / "some.key", KEY)
    assert [path.name for path in tmp_path.iterdir()] == ["some.key"]


def test_what_is_destroyed_is_written_over_first(file: Path) -> None:
    (file.parent / "same").hardlink_to(file)
    destroy_key(file)
    destroy_key(file)
    assert not file.exists()
    assert (file.parent / "same").read_bytes() == bytes(65)
