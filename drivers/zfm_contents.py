"""What a fingerprint module holds: the mark of the cabinet in its notepad, and the numbers of its templates."""

from __future__ import annotations

import logging
from collections.abc import Callable
from hashlib import sha256
from typing import Final

from drivers.wire import zfm
from drivers.zfm_module import Restarted, ZfmModule
from hal.errors import DeviceRefused

logger = logging.getLogger(__name__)

MARK_PAGE: Final = 1
MARK_HEAD: Final = b"cabinet\x01"
MARK_BYTES: Final = 16


class Contents:
    """As last read. All calls raise as ZfmModule.ask."""

    def __init__(self, device: str, module: ZfmModule) -> None:
        self.mark = b""
        self.capacity = 0
        self.stored: frozenset[int] = frozenset()
        self._device = device
        self._module = module

    async def read(self, capacity: int, random: Callable[[int], bytes]) -> None:
        """Of a module that was just found; one without a mark gets one made of `random`."""
        self.capacity = capacity
        self.mark = await self._read_mark() or await self._make_mark(random)
        await self.read_stored()

    async def check(self) -> bool:
        """Whether it holds as many as before. Raises Restarted for another module."""
        if await self._read_mark() != self.mark:
            raise Restarted(self._device, "it is another module, or its notepad was cleared")
        return await self.count() == len(self.stored)

    async def _read_mark(self) -> bytes | None:
        """Twice before there is none: with a new mark nobody's template counts any more."""
        for _ in range(2):
            note = (await self._module.ask(zfm.read_note(MARK_PAGE))).rest
            mark = note[len(MARK_HEAD) : len(MARK_HEAD) + MARK_BYTES]
            if note == _note(mark):
                return mark
        return None

    async def _make_mark(self, random: Callable[[int], bytes]) -> bytes:
        mark = random(MARK_BYTES)
        await self._module.ask(zfm.write_note(MARK_PAGE, _note(mark)))
        if await self._read_mark() != mark:
            raise DeviceRefused(self._device, "its notepad does not keep what is written; replace the module")
        logger.info("%s: a module without a mark has one now", self._device)
        return mark

    async def read_stored(self) -> None:
        """By its index, which has to agree with its count: what is stored and not named could not be deleted."""
        counted, named = -1, frozenset[int]()
        for _ in range(2):
            pages = range(-(-self.capacity // zfm.PAGE_TEMPLATES))
            named = zfm.templates_in([await self._module.ask(zfm.read_index(page)) for page in pages])
            counted = await self.count()
            if counted == len(named):
                self.stored = named
                return
        raise DeviceRefused(
            self._device, f"it counts {counted} templates and names {len(named)}; empty it with the maker's tool"
        )

    async def count(self) -> int:
        """How many are stored. Its answer has another length than most: asked between two questions whose answers look
        alike, it keeps an answer to the one from being taken for one to the other."""
        return zfm.count_in(await self._module.ask(zfm.count_templates()))


def _note(mark: bytes) -> bytes:
    """The page of the notepad with this mark in it: a head, the mark, and a check of both."""
    body = MARK_HEAD + mark
    return body + sha256(body).digest()[: zfm.NOTE_BYTES - len(body)]
