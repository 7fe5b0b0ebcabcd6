"""What the core wants of finger readers: each goes into the lane of its reader, and always has an answer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from cabinet.core.effects import DeleteFingers, EnrolFinger
from cabinet.core.events import Event, FingersDeleted, FingerStep, FingerTaken, TakingRefusal
from cabinet.lanes import Lanes
from hal.capabilities import FingerReader
from hal.errors import DeviceError, DeviceTimeout, FingerRefused

log = logging.getLogger(__name__)

_UP_S: Final = 3.0
_AFTER_S: Final = 5.0
"""How much longer than a finger is waited for a driver may take to say so."""


class FingerActs:
    def __init__(
        self,
        readers: Mapping[str, FingerReader],
        up: Callable[[str, float], Awaitable[bool]],
        lanes: Lanes,
        post: Callable[[Event], bool],
    ) -> None:
        self._readers = readers
        self._up = up
        self._lanes = lanes
        self._post = post
        self._taking: dict[str, asyncio.Timeout] = {}
        """The time of the finger that each reader takes."""

    def enrol(self, effect: EnrolFinger) -> None:
        longest_s = _UP_S + effect.within_s + _AFTER_S
        if not self._lanes.of(effect.reader).put(lambda: self._enrol(effect, longest_s), patience_s=longest_s):
            self._post(FingerTaken(effect.visit, effect.seq, effect.reader, effect.template, "failed"))

    def stop(self, reader: str) -> None:
        if (taking := self._taking.get(reader)) is not None:
            taking.reschedule(asyncio.get_running_loop().time())

    def delete(self, effect: DeleteFingers) -> None:
        if not self._lanes.of(effect.reader).put(lambda: self._delete(effect)):
            self._post(FingersDeleted(effect.reader, effect.module, effect.templates, done=False))

    async def _enrol(self, effect: EnrolFinger, longest_s: float) -> None:
        refusal: TakingRefusal | None = "failed"
        try:
            async with asyncio.timeout(longest_s) as self._taking[effect.reader]:
                if await self._up(effect.reader, _UP_S):
                    await self._readers[effect.reader].enrol(
                        effect.template,
                        lambda step: self._tell(FingerStep(effect.visit, effect.seq, step)),
                        effect.within_s,
                    )
                    refusal = None
        except FingerRefused as error:
            refusal = error.reason
        except DeviceTimeout:
            refusal = "timeout"
        except DeviceError as error:
            log.warning("a finger was not stored: %s", error)
        except TimeoutError:
            refusal = "stopped"
        finally:
            self._taking.pop(effect.reader, None)
            self._post(FingerTaken(effect.visit, effect.seq, effect.reader, effect.template, refusal))

    def _tell(self, step: FingerStep) -> None:
        self._post(step)

    async def _delete(self, effect: DeleteFingers) -> None:
        done = False
        try:
            if await self._up(effect.reader, _UP_S):
                await self._readers[effect.reader].delete(effect.templates)
                done = True
        except DeviceError as error:
            log.warning("fingers of nobody are still stored: %s", error)
        finally:
            self._post(FingersDeleted(effect.reader, effect.module, effect.templates, done))
