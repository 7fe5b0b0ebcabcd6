"""Requests from the control sockets on their way through the loop and back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from cabinet.control.protocol import Code, ControlError
from cabinet.core.effects import Answer
from cabinet.core.events import Event
from cabinet.inbox import Inbox

_ANSWER_S = 10.0


class Desk:
    """Gives each request a number, posts its event, and waits for the core's Answer."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox
        self._waiting: dict[int, asyncio.Future[Answer]] = {}
        self._last = 0

    async def ask(self, event_of: Callable[[int], Event], within_s: float = _ANSWER_S) -> Answer:
        """Posts `event_of(number)`. Raises ControlError when the core refuses, is too busy, or takes longer."""
        self._last += 1
        number = self._last
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        try:
            if not self._inbox.post(event_of(number)):
                raise ControlError(Code.BUSY, "too many requests wait; try again in a moment")
            async with asyncio.timeout(within_s):
                answer = await future
        except TimeoutError:
            raise ControlError(
                Code.TIMEOUT, f"no answer within {within_s:.0f} s; look at `cabinetctl status` before you repeat it"
            ) from None
        finally:
            del self._waiting[number]
        if answer.refusal is not None:
            raise ControlError(Code.REFUSED, answer.refusal)
        return answer

    def answer(self, answer: Answer) -> None:
        """Wakes whoever asked; nobody, if they have gone."""
        future = self._waiting.get(answer.request)
        if future is not None and not future.done():
            future.set_result(answer)
