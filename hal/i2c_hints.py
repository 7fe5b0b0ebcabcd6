"""What to do when an I2C bus fails: the same words whatever the backend."""

from __future__ import annotations

STUCK_LOW = (
    "SDA or SCL is held low, so no chip can be reached; switch the power of what hangs on the bus off and on, "
    "then check for a short and for pull-ups on both wires"
)


def not_acknowledged(address: int) -> str:
    return (
        f"no acknowledgement from address 0x{address:02X}; switch the chip's power off and on, "
        "then check its address pins and the wires SDA and SCL"
    )
