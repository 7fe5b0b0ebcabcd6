"""Standard padded base64 with exactly one spelling per byte string."""

from __future__ import annotations

import binascii


def encode(data: bytes) -> str:
    return binascii.b2a_base64(data, newline=False).decode("ascii")


def decode(text: str) -> bytes:
    """Raises ValueError for anything `encode` does not write: missing padding, stray bits, white space."""
    data = binascii.a2b_base64(text.encode("ascii"), strict_mode=True)
    if encode(data) != text:
        raise ValueError("not padded standard base64")
    return data
