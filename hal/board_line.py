"""The master of an RS-485 line of boards with a protocol of their own, over the engine of hal/transactions.py."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from hal.buses import ByteLink
from hal.questions import Question
from hal.transactions import Timing, Transactions, UnitCounters

T = TypeVar("T")

TURN_S = 0.005
"""Between two questions: so long a board may take to listen again."""
CHARACTER_BITS = 10


class SerialBoardLine:
    """A BoardLine (hal/buses.py) over any byte link; opens and closes the link with itself."""

    def __init__(
        self, link: ByteLink, *, baud: int = 9600, timeout_ms: int = 300, latency_ms: int = 50, echo: bool = False
    ) -> None:
        """As those of RtuLine."""
        self.name = link.name
        timing = Timing(CHARACTER_BITS / baud, TURN_S, timeout_s=timeout_ms / 1000, latency_s=latency_ms / 1000)
        self._transactions = Transactions(link, timing, echo=echo)

    @property
    def counters(self) -> Mapping[int, UnitCounters]:
        """By unit, since the line was made."""
        return self._transactions.counters

    async def open(self) -> None:
        await self._transactions.open()

    async def close(self) -> None:
        await self._transactions.close()

    async def hung_up(self) -> None:
        await self._transactions.hung_up()

    async def ask(self, question: Question[T]) -> T:
        return await self._transactions.ask(question)

    def listen(self, heard: Callable[[bytes], None]) -> None:
        self._transactions.listen(heard)
