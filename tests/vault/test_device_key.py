"""Key files: made once, never over a journal, never readable by others."""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path

import pytest

from cabinet.vault.device_key import DeviceKeys, KeyFileError, derive, open_or_create


def test_made_once_and_read_again(tmp_path: Path) -> None:
    made = open_or_create(tmp_path, journal_exists=False)
    assert open_or_create(tmp_path, journal_exists=True) == made
    assert open_or_create(tmp_path, journal_exists=False) == made
    for name in ("device.key", "signing.key"):
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
        assert len(bytes.fromhex((tmp_path / name).read_text().strip())) == 32
    assert sorted(path.name for path in tmp_path.iterdir()) == ["device.key", "signing.key"]


def test_sub_keys_follow_from_the_device_key_alone() -> None:
    keys = derive(bytes(32), b"s" * 32)
    # RFC 5869, section 2.3, one block: HMAC(key, info | 01).
    assert keys.wrap == hmac.digest(bytes(32), b"cabinet-device/1|wrap\x01", hashlib.sha256)
    assert keys.pin_pepper == hmac.digest(bytes(32), b"cabinet-device/1|pin-pepper\x01", hashlib.sha256)
    assert keys.signing_seed == b"s" * 32
    assert len({keys.wrap, keys.card, keys.person_id, keys.pin_pepper, keys.roster_digest}) == 5


def test_repr_shows_no_key() -> None:
    assert repr(derive(bytes(32), bytes(32))) == "DeviceKeys()"


@pytest.mark.parametrize("name", ["device.key", "signing.key"])
def test_missing_beside_a_journal_is_said(tmp_path: Path, name: str) -> None:
    open_or_create(tmp_path, journal_exists=False)
    (tmp_path / name).unlink()
    with pytest.raises(KeyFileError, match=r"missing beside an existing journal.*backup"):
        open_or_create(tmp_path, journal_exists=True)
    assert not (tmp_path / name).exists()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o666])
def test_a_key_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    open_or_create(tmp_path, journal_exists=False)
    (tmp_path / "device.key").chmod(mode)
    with pytest.raises(KeyFileError, match=f"mode {mode:04o}.*chmod 600"):
        open_or_create(tmp_path, journal_exists=True)


@pytest.mark.parametrize("content", [b"", b"00", b"zz" * 32, b"00" * 33, b"\xff" * 64])
def test_a_damaged_key_is_refused(tmp_path: Path, content: bytes) -> None:
    open_or_create(tmp_path, journal_exists=False)
    (tmp_path / "device.key").write_bytes(content)
    with pytest.raises(KeyFileError, match=r"damaged.*backup"):
        open_or_create(tmp_path, journal_exists=False)


def test_a_link_and_a_folder_are_refused(tmp_path: Path) -> None:
    keys = open_or_create(tmp_path, journal_exists=False)
    assert isinstance(keys, DeviceKeys)
    (tmp_path / "device.key").rename(tmp_path / "elsewhere")
    (tmp_path / "device.key").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(KeyFileError, match="must be able to read"):
        open_or_create(tmp_path, journal_exists=True)
    (tmp_path / "device.key").unlink()
    (tmp_path / "device.key").mkdir()
    with pytest.raises(KeyFileError, match="not a plain file"):
        open_or_create(tmp_path, journal_exists=True)


def test_a_cut_while_making_leaves_nothing_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "device.key.new").write_text("half")
    open_or_create(tmp_path, journal_exists=False)
    assert not (tmp_path / "device.key.new").exists()
