"""The Ed25519 seeds that sign the journal's checkpoints: one that signs, and around a rotation the one that comes next.

On a device both may be systemd credentials, `cabinet.signing-key` and `cabinet.signing-key-next`, which the daemon only
reads. Otherwise they are files in the state folder: `signing.key` and `signing.key.next`. The next one is on the disk
before the journal names it, and stays there until the journal durably tells which of the two signs: then one is left,
and the other one is destroyed. Without the key that signs no leaf can be added.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Protocol

from cabinet.vault.device_key import Random
from cabinet.vault.key_source import (
    KEY_BYTES,
    KeyFileError,
    blank_key,
    create_key,
    destroy_key,
    move_key,
    read_credential,
    read_key,
)

log = logging.getLogger(__name__)

SIGNING_KEY: Final = "signing.key"
NEXT_KEY: Final = "signing.key.next"
CREDENTIAL: Final = "cabinet.signing-key"
NEXT_CREDENTIAL: Final = "cabinet.signing-key-next"
_STORE: Final = "/etc/credstore.encrypted"
_MOVE: Final = (
    f"put it in the place of {CREDENTIAL} (cd {_STORE}; systemd-creds decrypt {NEXT_CREDENTIAL} - | "
    f"systemd-creds encrypt --name={CREDENTIAL} - {CREDENTIAL}; rm {NEXT_CREDENTIAL}), and restart cabinetd"
)


class KeyPlace(Protocol):
    """Where keys are kept by name. Each change is durable when it returns; OSError where the disk does not take it."""

    def path(self, name: str) -> str:
        """For people: where it is."""
        ...

    def read(self, name: str) -> bytes | None:
        """None: there is none, or it was blanked. Raises KeyFileError."""
        ...

    def create(self, name: str, key: bytes) -> None:
        """Whole or not at all, in the place of whatever was there."""
        ...

    def blank(self, name: str) -> None:
        """Written over, if it is there."""
        ...

    def move(self, source: str, target: str) -> None:
        """In the place of whatever was there."""
        ...

    def destroy(self, name: str) -> None:
        """Written over and deleted, if it is there."""
        ...


class KeyFolder:
    """A KeyPlace: files of mode 0600."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, name: str) -> str:
        return str(self._folder / name)

    def read(self, name: str) -> bytes | None:
        return read_key(self._folder / name)

    def create(self, name: str, key: bytes) -> None:
        create_key(self._folder / name, key)

    def blank(self, name: str) -> None:
        blank_key(self._folder / name)

    def move(self, source: str, target: str) -> None:
        move_key(self._folder / source, self._folder / target)

    def destroy(self, name: str) -> None:
        destroy_key(self._folder / name)


def open_or_create(folder: Path, journal_exists: bool, *, environ: Mapping[str, str] = os.environ) -> bytes:
    """The key to try first, of those in this folder or of systemd's. Raises as `SigningKeys`."""
    return SigningKeys(KeyFolder(folder), environ=environ).open(journal_exists)


class SigningKeys:
    """The key that signs and the one that may come next. Blocks; one caller at a time."""

    def __init__(
        self, place: KeyPlace, *, random: Random = os.urandom, environ: Mapping[str, str] = os.environ
    ) -> None:
        """Reads them. Raises KeyFileError for one that others can read or that is damaged."""
        self._place = place
        self._random = random
        self._signs: bytes | None = None
        self.current = read_credential(CREDENTIAL, environ)
        self.next = read_credential(NEXT_CREDENTIAL, environ)
        self._of_systemd = (self.current or self.next) is not None
        if not self._of_systemd:
            self.current, self.next = place.read(SIGNING_KEY), place.read(NEXT_KEY)

    def open(self, journal_exists: bool) -> bytes:
        """The key to try first; made if there is none and no journal yet.

        Raises KeyFileError for one that is missing beside a journal, and OSError if it cannot be written."""
        if self.current is not None:
            return self.current
        if self.next is not None:
            # A rotation was durable, and the old key is destroyed already.
            return self.next
        if journal_exists:
            raise KeyFileError(
                f"{self._place.path(SIGNING_KEY)}: missing beside an existing journal, which cannot be continued "
                "without it. Restore it from a backup; if it is lost for good, begin the next epoch with a new one: "
                "cabinetctl journal replace-key"
            )
        self._place.create(SIGNING_KEY, self._random(KEY_BYTES))
        self.current = self._place.read(SIGNING_KEY)
        assert self.current is not None
        return self.current

    def prepare(self) -> bytes:
        """The key that may come next: the one that is there already, or a new one, durable when it returns.

        Raises KeyFileError where the keys are systemd's, OSError."""
        if self._signs is not None:
            self.settle(self._signs)
        if self._of_systemd and self.next in (None, self.current):
            raise KeyFileError(self._what_to_do())
        if self.next is None:
            self._place.create(NEXT_KEY, self._random(KEY_BYTES))
            self.next = self._place.read(NEXT_KEY)
        assert self.next is not None
        return self.next

    def settle(self, signs: bytes) -> None:
        """What the journal durably tells: this one signs. It becomes `signing.key`, the other one is destroyed.

        Raises OSError: then the next rotation or the next start does it."""
        self._signs = signs
        if self._of_systemd:
            if signs == self.next != self.current:
                log.warning("the journal is signed with %s; %s", NEXT_CREDENTIAL, _MOVE)
                self.current = signs
            return
        if signs == self.next:
            if self._place.read(NEXT_KEY) == signs:  # or it was moved, and only then the disk failed
                self._place.blank(SIGNING_KEY)
                self._place.move(NEXT_KEY, SIGNING_KEY)
        elif self.next is not None:
            self._place.destroy(NEXT_KEY)
        self.current, self.next, self._signs = signs, None, None

    def _what_to_do(self) -> str:
        if self.next is not None:
            return f"the signing key is still the systemd credential {NEXT_CREDENTIAL}: first {_MOVE}"
        return (
            f"the signing key is the systemd credential {CREDENTIAL}, which the daemon cannot change: put a new one "
            f"beside it (openssl rand -hex 32 | systemd-creds encrypt --name={NEXT_CREDENTIAL} - "
            f"{_STORE}/{NEXT_CREDENTIAL}), restart cabinetd, and rotate once more"
        )
