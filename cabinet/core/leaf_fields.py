"""What one leaf says: its fields, its people, and the keys of the rows it is about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from cabinet.core.leaves import Leaf
from cabinet.policy.rights import Pseudonym

K = TypeVar("K")
V = TypeVar("V")


def without(table: Mapping[K, V], key: K | None) -> Mapping[K, V]:
    return {k: v for k, v in table.items() if k != key} if key in table else table


def slot_of(leaf: Leaf) -> int:
    slot = number_of(leaf, "slot")
    if slot is None:
        raise ValueError(f"{leaf.ev} names no slot")
    return slot


def number_of(leaf: Leaf, key: str) -> int | None:
    value = leaf.fields.get(key)
    return value if isinstance(value, int) else None


def text_of(leaf: Leaf, key: str) -> str | None:
    value = leaf.fields.get(key)
    return value if isinstance(value, str) else None


def texts_of(leaf: Leaf, key: str) -> tuple[str, ...] | None:
    value = leaf.fields.get(key)
    return tuple(str(one) for one in value) if isinstance(value, list) else None


def pairs_of(leaf: Leaf, key: str) -> tuple[tuple[str, str], ...] | None:
    value = leaf.fields.get(key)
    if not isinstance(value, list):
        return None
    return tuple((str(one[0]), str(one[1])) for one in value if isinstance(one, list) and len(one) == 2)


def person_of(leaf: Leaf, role: str) -> Pseudonym | None:
    return next((subject.person for subject in leaf.subs if subject.role == role), None)


def keypad_key(leaf: Leaf, row: str = "keypad") -> str | None:
    keypad = text_of(leaf, "keypad")
    return f"{row}:{keypad}" if keypad else None


def card_key(leaf: Leaf, role: str) -> str | None:
    """As lockout.card_key."""
    person = person_of(leaf, role)
    return None if person is None else f"card:{person}"


def finger_key(leaf: Leaf, role: str) -> str | None:
    person = person_of(leaf, role)
    return f"finger:{person}" if person else None


def verifier_key(leaf: Leaf, role: str) -> str | None:
    person = person_of(leaf, role)
    return f"verified:{person}" if person else None
