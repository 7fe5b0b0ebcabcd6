"""The device key: its sub-keys, and that it is never made anew beside a journal."""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path

import pytest

from cabinet.vault.device_key import DeviceKeys, derive, open_or_create
from cabinet.vault.key_source import KeyFileError


def test_made_once_and_read_again(tmp_path: Path) -> None:
    made = open_or_create(tmp_path, journal_exists=False)
    assert open_or_create(tmp_path, journal_exists=True) == made
    assert open_or_create(tmp_path, journal_exists=False) == made
    assert isinstance(made, DeviceKeys)
    assert [path.name for path in tmp_path.iterdir()] == ["device.key"]


def test_sub_keys_follow_from_the_device_key_alone() -> None:
    keys = derive(bytes(32))
    # RFC 5869, section 2.3, one block: HMAC(key, info | 01).
    assert keys.wrap == hmac.digest(bytes(32), b"cabinet-device/1|wrap\x01", hashlib.sha256)
    assert keys.pin_pepper == hmac.digest(bytes(32), b"cabinet-device/1|pin-pepper\x01", hashlib.sha256)
    assert len({keys.wrap, keys.card, keys.person_id, keys.pin_pepper, keys.roster_digest}) == 5


def test_repr_shows_no_key() -> None:
    assert repr(derive(bytes(32))) == "DeviceKeys()"


def test_missing_beside_a_journal_is_said(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match=r"device.key: missing beside an existing journal.*backup"):
        open_or_create(tmp_path, journal_exists=True)
    assert list(tmp_path.iterdir()) == []
