"""The uplink's end of uplink.sock: one connection that watches, one that asks. Comes back when cabinetd does."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Final

from cabinet.control.client import Client
from cabinet.control.protocol import ControlError, Params
from hal.clock import Clock
from sync.backoff import Backoff
from sync.cabinet_messages import PLANES, WATCH, answer_to, notified, planes, refused, request_for
from sync.events import CabinetLost, Event, Question, ReadHead

log = logging.getLogger(__name__)

ANSWER_S: Final = 5.0
RETRY_FIRST_S: Final = 0.25
RETRY_LAST_S: Final = 5.0


class CabinetLink:
    """Used by one thread. `poll` blocks for as long as cabinetd takes to answer when it connects, `ask` for as long
    as it takes to answer, each at most 5 s a question."""

    def __init__(self, path: Path, clock: Clock, random: Callable[[], float]) -> None:
        self._path = path
        self._clock = clock
        self._backoff = Backoff(RETRY_FIRST_S, RETRY_LAST_S, random)
        self._retry_at = clock.mono_s()
        self._watch: Client | None = None
        self._questions: Client | None = None
        self._reachable = True

    @property
    def wake_s(self) -> float | None:
        """The monotonic time at which `poll` connects."""
        return self._retry_at if self._watch is None else None

    def files(self) -> list[int]:
        """What to select for reading."""
        return [] if self._watch is None else [self._watch.fileno()]

    def poll(self) -> list[Event]:
        """What cabinetd told. After each connecting Head and Planes come first, after a loss CabinetLost."""
        try:
            if self._watch is not None:
                return self._notified(self._watch)
            if self._clock.mono_s() >= self._retry_at:
                return self._connect()
        except ControlError as error:
            return self._lose(error)
        return []

    def ask(self, question: Question) -> list[Event]:
        """The answer, if there is one to give; nothing without a connection."""
        if self._questions is None:
            return []
        try:
            return self._answer(question)
        except ControlError as error:
            if self._questions.fileno() < 0 or isinstance(question, ReadHead):
                return self._lose(error)
            log.warning("cabinetd: %s", error.message)
            return refused(question)

    def close(self) -> None:
        for client in (self._watch, self._questions):
            if client is not None:
                client.close()
        self._watch = self._questions = None

    def _answer(self, question: Question) -> list[Event]:
        request = request_for(question)
        return answer_to(question, self._call(request.method, request.params))

    def _connect(self) -> list[Event]:
        """Watches first: so no change falls between the planes and the first notification."""
        self._watch = Client(self._path, ANSWER_S)
        self._watch.call(WATCH)
        self._questions = Client(self._path, ANSWER_S)
        found = [*self._answer(ReadHead()), planes(self._call(PLANES))]
        log.info("cabinetd at %s %s", self._path, "answers" if self._reachable else "is back")
        self._reachable = True
        self._backoff.reset()
        return found + self._notified(self._watch)

    def _notified(self, watch: Client) -> list[Event]:
        return [event for one in watch.arrived() if (event := notified(one.method, one.params)) is not None]

    def _lose(self, error: ControlError) -> list[Event]:
        was_known = self._questions is not None
        self.close()
        self._retry_at = self._clock.mono_s() + self._backoff.wait_s()
        if self._reachable:
            log.warning("%s; trying on", error.message)
            self._reachable = False
        return [CabinetLost()] if was_known else []

    def _call(self, method: str, params: Params | None = None) -> object:
        assert self._questions is not None, "there is a connection"
        return self._questions.call(method, params)
