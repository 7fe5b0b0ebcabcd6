"""Wrong tries cost time: three are free, then the waits grow; the count is in the ledger before anyone is answered."""

from __future__ import annotations

from typing import Final

from cabinet.core.ledger import Failures, Ledger

_FREE = 3
_WAITS_S = (5, 15, 30, 60, 120, 300, 900)
SILENT_ALARM_AT = 5
DISABLED_AT = 100
_FADES_MS = 86_400_000


def wait_s(count: int) -> int:
    """Seconds until the next try after `count` wrong ones in a row."""
    return 0 if count < _FREE else _WAITS_S[min(count - _FREE, len(_WAITS_S) - 1)]


def keypad_key(keypad: str) -> str:
    return f"keypad:{keypad}"


def codes_key(keypad: str) -> str:
    """Wrong one-time codes have a row of their own."""
    return f"codes:{keypad}"


CARD: Final = "card:"


def card_key(person: str) -> str:
    """Cards of theirs that did not prove their key."""
    return f"{CARD}{person}"


def finger_key(person: str) -> str:
    """Fingers that were not known while this person's was asked for."""
    return f"finger:{person}"


def verifier_key(person: str) -> str:
    """Counted apart from PINs: who knows somebody's PIN has not their face, and the other way round."""
    return f"verified:{person}"


def remaining_s(ledger: Ledger, key: str | None, wall_ms: int) -> int:
    """Whole seconds still to wait, 0 when a try is free. Never more than the count's own wait, so that a clock
    set back does not lengthen it."""
    failures = ledger.failures.get(key) if key is not None else None
    if failures is None:
        return 0
    left = -((wall_ms - failures.until_ms) // 1000)
    return max(0, min(left, wait_s(failures.count)))


def disabled(ledger: Ledger, person: str | None) -> bool:
    """True when the person's PIN (or the verifier, for them) is blocked until a custodian sets a new PIN."""
    failures = ledger.failures.get(person) if person is not None else None
    return failures is not None and failures.count >= DISABLED_AT


def one_more(ledger: Ledger, key: str, wall_ms: int, *, fades: bool = False) -> Failures:
    """The count after another wrong try now. `fades`: a day after its last wait a row is forgotten."""
    failures = ledger.failures.get(key)
    if fades and failures is not None and failures.until_ms + _FADES_MS <= wall_ms:
        failures = None
    count = (failures.count if failures else 0) + 1
    return Failures(count, wall_ms + wait_s(count) * 1000)
