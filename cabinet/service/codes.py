"""One-time codes: drawn by chance, shown once, kept only as a keyed digest."""

from __future__ import annotations

from cabinet.policy.booking import CODE_DIGITS
from cabinet.roster.store import Roster
from cabinet.runner import Runner
from cabinet.vault.device_key import Random

_RANDOM_BYTES = 16
"""So many that no code is more likely than another by more than one in 2^100."""


class Codes:
    def __init__(self, roster: Roster, runner: Runner, random: Random) -> None:
        self._roster = roster
        self._runner = runner
        self._random = random

    def draw(self) -> tuple[str, str]:
        """A code that is nobody's number and no other code, and its digest."""
        while True:
            digits = f"{int.from_bytes(self._random(_RANDOM_BYTES)) % 10**CODE_DIGITS:0{CODE_DIGITS}}"
            digest = self._roster.code_digest(digits)
            if digits not in self._runner.rights.numbers and digest not in self._runner.state.ledger.codes:
                return digits, digest
