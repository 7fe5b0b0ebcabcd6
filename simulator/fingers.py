"""Fingers on readers."""

from __future__ import annotations

import asyncio
from typing import Final

from simulator.world import World

FINGER_MAX: Final = 65535
TOUCH_S = 1.5
"""An optical module takes half a second from image to answer, and looks three times."""
PAUSE_S = 0.5
"""Until it is on again: the reader has to see that it has left."""


async def touch(world: World, finger: int, reader: str) -> None:
    """Puts a finger on, for a moment. Raises NotPossible when there is one."""
    world.put_finger(finger, reader)
    try:
        await asyncio.sleep(TOUCH_S)
    finally:
        world.lift_finger(reader)
    await asyncio.sleep(PAUSE_S)
