"""The ring of light around the glass of an R503."""

from __future__ import annotations

import logging
from typing import Final, Literal

from drivers.wire import zfm
from drivers.zfm_module import Restarted, ZfmModule
from hal.errors import DeviceRefused, DeviceTimeout

logger = logging.getLogger(__name__)

Sign = Literal["off", "put", "lift", "unclear", "known", "unknown"]
RING: Final[dict[Sign, tuple[int, int, int, int]]] = {
    "off": (4, 0, 0, 0),
    "put": (1, 0x60, 3, 0),
    "lift": (3, 0, 2, 0),
    "unclear": (2, 0x30, 1, 2),
    "known": (2, 0x40, 2, 1),
    "unknown": (2, 0x30, 1, 2),
}
"""Control, speed, colour and times of the R503's ring; what flashes goes dark by itself."""


class Ring:
    """Of a module that has one, or that of one without, which shows nothing."""

    def __init__(self, device: str, module: ZfmModule, *, there: bool) -> None:
        self._device = device
        self._module = module
        self._there = there

    async def show(self, sign: Sign) -> None:
        """It never stops anything. Raises Restarted, LinkLost."""
        if not self._there:
            return
        try:
            await self._module.ask(zfm.light(*RING[sign]))
        except Restarted:
            raise
        except (DeviceRefused, DeviceTimeout) as error:
            logger.debug("%s: no light: %s", self._device, error.hint)
