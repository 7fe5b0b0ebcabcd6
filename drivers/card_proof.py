"""What a card in the field of a reader proves, and how it gets its keys: the conversations of drivers.wire.desfire over
whatever carries an APDU to the card."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from typing import TypeAlias, TypeVar

from drivers.specs.pn532_reader import StrongCards
from drivers.wire.card_aes import BLOCK, KEY_BYTES
from drivers.wire.desfire import Refusal, Session, Talk, prove
from drivers.wire.desfire_keys import Look, look, personalise
from hal.file_access import read_secret

T = TypeVar("T")
Exchange: TypeAlias = Callable[[bytes], Awaitable[bytes]]


class CardProof:
    """One for a reader; it keeps the site key and no card's."""

    def __init__(self, device: str, spec: StrongCards) -> None:
        self._device = device
        self._where = spec.where()
        self._key_file = spec.key_file
        self._site_key = b""

    def load(self) -> None:
        """Reads the site key anew. Raises LinkLost."""
        self._site_key = read_secret(self._device, "strong.key_file", self._key_file, KEY_BYTES)

    async def ask(self, uid: bytes, exchange: Exchange) -> Session | Refusal:
        """Raises whatever `exchange` raises, as the following."""
        return await _held(prove(self._where, self._where.key(self._site_key, uid), _draw), exchange)

    async def look(self, uid: bytes, exchange: Exchange) -> Look:
        return await _held(look(self._where, self._site_key, uid, _draw), exchange)

    async def personalise(self, uid: bytes, exchange: Exchange) -> Refusal | None:
        return await _held(personalise(self._where, self._site_key, uid, _draw), exchange)


def _draw() -> bytes:
    return secrets.token_bytes(BLOCK)


async def _held(talk: Talk[T], exchange: Exchange) -> T:
    try:
        apdu = next(talk)
        while True:
            apdu = talk.send(await exchange(apdu))
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]  # what a Talk[T] returns
