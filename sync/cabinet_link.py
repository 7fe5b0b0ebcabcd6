"""The uplink's end of uplink.sock: one connection that watches, one that asks. Comes back when cabinetd does."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import TypeAdapter, ValidationError

from cabinet.control.client import Client
from cabinet.control.protocol import Code, ControlError
from hal.clock import Clock
from sync.backoff import Backoff
from sync.events import (
    Acked,
    AckFailed,
    AckResult,
    Batch,
    BatchFailed,
    CabinetLost,
    Event,
    Grown,
    HandIn,
    Head,
    LeafWritten,
    PlaneChanged,
    Planes,
    Question,
    ReadBatch,
    ReadHead,
    Reject,
    ReportLink,
)

log = logging.getLogger(__name__)

ANSWER_S: Final = 5.0
RETRY_FIRST_S: Final = 0.25
RETRY_LAST_S: Final = 5.0

T = TypeVar("T")

_NOTIFICATIONS: Final[dict[str, TypeAdapter[Any]]] = {
    "grown": TypeAdapter(Grown),
    "acked": TypeAdapter(Acked),
    "plane": TypeAdapter(PlaneChanged),
    "live": TypeAdapter(LeafWritten),
}
_HEAD: Final = TypeAdapter(Head)
_PLANES: Final = TypeAdapter(Planes)
_BATCH: Final = TypeAdapter(Batch)
_RESULT: Final = TypeAdapter(AckResult)


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
            match question:
                case ReadBatch():
                    return [BatchFailed()]
                case HandIn():
                    return [AckFailed()]
            return []

    def close(self) -> None:
        for client in (self._watch, self._questions):
            if client is not None:
                client.close()
        self._watch = self._questions = None

    def _answer(self, question: Question) -> list[Event]:
        match question:
            case ReadHead():
                return [self._call(_HEAD, "upstream.head")]
            case ReadBatch(first):
                return [self._call(_BATCH, "upstream.batch", {"from": first})]
            case HandIn(note):
                return [self._call(_RESULT, "upstream.ack", {"note": note})]
            case Reject(cause):
                self._call(_ANYTHING, "upstream.reject", {"cause": cause})
            case ReportLink(up):
                self._call(_ANYTHING, "upstream.link", {"up": up})
        return []

    def _connect(self) -> list[Event]:
        """Watches first: so no change falls between the planes and the first notification."""
        self._watch = Client(self._path, ANSWER_S)
        self._watch.call("upstream.watch")
        self._questions = Client(self._path, ANSWER_S)
        found: list[Event] = [self._call(_HEAD, "upstream.head"), self._call(_PLANES, "upstream.planes")]
        log.info("cabinetd at %s %s", self._path, "answers" if self._reachable else "is back")
        self._reachable = True
        self._backoff.reset()
        return found + self._notified(self._watch)

    def _notified(self, watch: Client) -> list[Event]:
        return [
            _checked(_NOTIFICATIONS[one.method], one.params) for one in watch.arrived() if one.method in _NOTIFICATIONS
        ]

    def _lose(self, error: ControlError) -> list[Event]:
        was_known = self._questions is not None
        self.close()
        self._retry_at = self._clock.mono_s() + self._backoff.wait_s()
        if self._reachable:
            log.warning("%s; trying on", error.message)
            self._reachable = False
        return [CabinetLost()] if was_known else []

    def _call(self, form: TypeAdapter[T], method: str, params: dict[str, object] | None = None) -> T:
        assert self._questions is not None, "there is a connection"
        return _checked(form, self._questions.call(method, params))


_ANYTHING: Final = TypeAdapter(object)


def _checked(form: TypeAdapter[T], value: object) -> T:
    try:
        return form.validate_python(value)
    except ValidationError:
        message = "cabinetd says what this uplink does not understand: are they of the same version?"
        raise ControlError(Code.INTERNAL, message) from None
