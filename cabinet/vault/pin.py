"""PINs as Argon2id records, and the rules a PIN must keep.

A record is salt 16 | hash 32. The hash also takes the pepper, a sub-key of the device key, so roster.db alone
gives nothing to guess against. All records of a cabinet share one cost; that makes every check the same work.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from cabinet.policy.pin import PinFault, fault
from cabinet.vault.device_key import Random
from hal.clock import Clock
from hal.secret import Secret

MEMORY_KIB: Final = 16 * 1024
ITERATIONS_MIN: Final = 2
ITERATIONS_MAX: Final = 256
_SALT_BYTES: Final = 16
_HASH_BYTES: Final = 32
_FAULTS: Final[dict[PinFault, str]] = {
    "pin_length": "a PIN is 4 to 12 digits",
    "pin_repeated": "a PIN is not one digit repeated; choose different digits",
    "pin_run": "a PIN is not a straight run such as 1234 or 4321; mix the digits",
}


@dataclass(frozen=True, slots=True)
class PinCost:
    """What one check costs: passes over so many KiB, on one lane."""

    iterations: int
    memory_kib: int = MEMORY_KIB


def calibrate(clock: Clock, target_s: float = 0.25) -> PinCost:
    """As many passes over 16 MiB as take about `target_s` on this board, at least two. Blocks for some 20."""
    one, several = 1, 5
    first_s = min(_timed(clock, one) for _ in range(3))
    more_s = min(_timed(clock, several) for _ in range(2))
    pass_s = max((more_s - first_s) / (several - one), 1e-4)
    passes = 1 + round((target_s - first_s) / pass_s)
    return PinCost(min(max(passes, ITERATIONS_MIN), ITERATIONS_MAX))


def refusal(pin: Secret) -> str | None:
    """Why this may not become a PIN, as a sentence; None if it may."""
    found = fault(pin.reveal())
    return _FAULTS[found] if found else None


class PinCheck:
    """Makes and checks records. Every call blocks for the whole cost: run it through hal.worker."""

    def __init__(self, pepper: bytes, cost: Callable[[], PinCost], random: Random) -> None:
        """`cost` is asked at each call, so that it may be found out as late as the first one."""
        self._pepper = pepper
        self._cost = cost
        self._random = random
        self._nobody = random(_SALT_BYTES + _HASH_BYTES)

    def make(self, pin: Secret) -> bytes:
        """A fresh record of `pin`. Raises ValueError with the sentence of refusal()."""
        if reason := refusal(pin):
            raise ValueError(reason)
        salt = self._random(_SALT_BYTES)
        return salt + self._hash(salt, pin)

    def check(self, record: bytes | None, pin: Secret) -> bool:
        """True if `record` was made of `pin`. None (nobody, or no PIN set) costs the same and is False."""
        known = record if record is not None else self._nobody
        salt, expected = known[:_SALT_BYTES], known[_SALT_BYTES:]
        same = hmac.compare_digest(self._hash(salt, pin), expected)
        return same and record is not None

    def _hash(self, salt: bytes, pin: Secret) -> bytes:
        return _derive(self._cost(), salt, pin.reveal().encode(), self._pepper)


def _timed(clock: Clock, passes: int) -> float:
    start_s = clock.mono_s()
    _derive(PinCost(passes), bytes(_SALT_BYTES), b"0000", bytes(32))
    return clock.mono_s() - start_s


def _derive(cost: PinCost, salt: bytes, secret: bytes, pepper: bytes) -> bytes:
    return Argon2id(
        salt=salt,
        length=_HASH_BYTES,
        iterations=cost.iterations,
        lanes=1,
        memory_cost=cost.memory_kib,
        secret=pepper,
    ).derive(secret)
