"""What keyboards are plugged into a simulated board, and which program has taken each for itself.

Keys of one that nobody has taken go to the console, which nobody sees."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from hal.buses import KeyEvent


class HubRefused(ValueError):
    """What a program asked for cannot be; nothing has changed."""


@dataclass(frozen=True, slots=True)
class Keyboard:
    vendor: int
    product: int
    port: str
    name: str


class Taker:
    """One program: `on_key` gets port and key, `on_pulled` the port of what is not there any more."""

    def __init__(self, on_key: Callable[[str, KeyEvent], None], on_pulled: Callable[[str], None]) -> None:
        self.on_key = on_key
        self.on_pulled = on_pulled


class KeyboardHub:
    """Everything acts at once. `now_s` is monotonic and stamps the keys."""

    def __init__(self, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self._plugged: dict[str, Keyboard] = {}
        self._takers: dict[str, Taker] = {}
        self._watchers: list[Callable[[str], None]] = []

    # For programs

    def plugged(self) -> Iterable[Keyboard]:
        return self._plugged.values()

    def take(self, taker: Taker, vendor: int, product: int, port: str) -> None:
        """Raises HubRefused when it is not there, or another program has it."""
        keyboard = self._plugged.get(port)
        if keyboard is None or (keyboard.vendor, keyboard.product) != (vendor, product):
            raise HubRefused(f"no {vendor:04x}:{product:04x} is plugged in at {port[:80]}")
        if self._takers.get(port, taker) is not taker:
            raise HubRefused("another program has taken it")
        self._takers[port] = taker
        for watcher in self._watchers:
            watcher(port)

    def give_back(self, taker: Taker, port: str) -> None:
        """What is not its own is ignored."""
        if self._takers.get(port) is taker:
            del self._takers[port]

    def give_all_back(self, taker: Taker) -> None:
        for port in [port for port, owner in self._takers.items() if owner is taker]:
            del self._takers[port]

    # For bodies

    def plug(self, keyboard: Keyboard) -> None:
        """In place of what was at this port."""
        self.pull(keyboard.port)
        self._plugged[keyboard.port] = keyboard

    def pull(self, port: str) -> None:
        """No effect when nothing is there."""
        self._plugged.pop(port, None)
        if taker := self._takers.pop(port, None):
            taker.on_pulled(port)

    def strike(self, port: str, code: int, value: int) -> None:
        """A key goes down (1) or up (0). Code 0: the queue of the kernel was full, and some are missing."""
        if (taker := self._takers.get(port)) is not None:
            taker.on_key(port, KeyEvent(code, 1 if value else 0, round(self._now_s() * 1e9)))

    def watch(self, on_taken: Callable[[str], None]) -> None:
        """Calls `on_taken` with the port of each that a program takes."""
        self._watchers.append(on_taken)
