"""Where a simulated cabinet keeps its signing keys. Each change is durable when it returns, and everything can end
before it and after it."""

from __future__ import annotations

from collections.abc import Callable

from cabinet.vault.signing_key import SIGNING_KEY
from simulator.harness.memory_roster import SIGNING_SEED


class MemoryKeys:
    """A KeyPlace that survives processes and power cuts."""

    def __init__(self, passes: Callable[[str], None]) -> None:
        """`passes` hears of each boundary, and may end the process there."""
        self.kept: dict[str, bytes] = {SIGNING_KEY: SIGNING_SEED}
        self.made: list[bytes] = [SIGNING_SEED]
        """All that there ever were."""
        self._passes = passes

    def path(self, name: str) -> str:
        return name

    def read(self, name: str) -> bytes | None:
        return self.kept.get(name)

    def create(self, name: str, key: bytes) -> None:
        self._change("made", lambda: self.kept.__setitem__(name, key))
        self.made.append(key)

    def blank(self, name: str) -> None:
        self._change("blanked", lambda: self.kept.pop(name, None))

    def move(self, source: str, target: str) -> None:
        self._change("moved", lambda: self.kept.__setitem__(target, self.kept.pop(source)))

    def destroy(self, name: str) -> None:
        self._change("destroyed", lambda: self.kept.pop(name, None))

    def _change(self, what: str, change: Callable[[], object]) -> None:
        self._passes(f"key is {what}")
        change()
        self._passes(f"key {what}")
