"""Card numbers as people write them, and as bytes.

ten decimal digits, as printed on 125 kHz cards = version byte + 32-bit number, big-endian
hexadecimal, 4-10 bytes                         = those bytes (MIFARE and others: the UID)
"""

from __future__ import annotations

import re

PRINTED = re.compile(r"[0-9]{10}")
NUMBER_MAX = 0xFFFF_FFFF
HEX = re.compile(r"(?:0[xX])?(?:[0-9A-Fa-f]{2}){4,10}|[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){3,9}")
PRINTED_VERSION = 1
"""The version (customer) byte a printed number stands for unless another one is named."""


def parse_card(text: str, version: int = PRINTED_VERSION) -> bytes:
    """The card that `text` means: `0006547886`, `11223344`, `0x11223344` or `11:22:33:44`.

    Ten decimal digits are always a printed number; `version` (0-255) is put in front of it.
    Raises ValueError that says what is allowed, without repeating the number."""
    text = text.strip()
    if PRINTED.fullmatch(text):
        number = int(text)
        if number > NUMBER_MAX:
            raise ValueError(f"a printed card number is at most {NUMBER_MAX}; write ten hex digits as 0x...")
        return bytes([version]) + number.to_bytes(4, "big")
    if HEX.fullmatch(text):
        return bytes.fromhex(text.removeprefix("0x").removeprefix("0X").replace(":", ""))
    raise ValueError(
        "a card is ten decimal digits as printed (0006547886) or 4 to 10 bytes in hex (11223344, 11:22:33:44)"
    )


def format_card(card: bytes) -> str:
    """How `card` is written; parse_card() gives it back. Only 5 bytes of version 01 become decimal digits."""
    if len(card) == 5 and card[0] == PRINTED_VERSION:
        return f"{int.from_bytes(card[1:], 'big'):010d}"
    return card.hex(":").upper()
