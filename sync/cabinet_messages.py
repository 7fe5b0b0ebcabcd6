"""What the uplink says on uplink.sock, and what the answers mean to its machine. Pure."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from pydantic import TypeAdapter, ValidationError

from cabinet.control.protocol import Code, ControlError, Params
from sync.events import (
    Acked,
    AckFailed,
    AckResult,
    Batch,
    BatchFailed,
    Event,
    Grown,
    HandIn,
    HandInErased,
    Head,
    LeafWritten,
    PlaneChanged,
    Planes,
    Question,
    ReadBatch,
    ReadHead,
    ReadTail,
    Reject,
    ReportLink,
    TailBatch,
    TailFailed,
)

WATCH: Final = "upstream.watch"
PLANES: Final = "upstream.planes"


class Request(NamedTuple):
    method: str
    params: Params


def request_for(question: Question) -> Request:
    match question:
        case ReadHead():
            return Request("upstream.head", {})
        case ReadBatch(first):
            return Request("upstream.batch", {"from": first})
        case ReadTail(origin, first):
            return Request("upstream.tail", {"origin": origin, "from": first})
        case HandInErased(receipt):
            return Request("upstream.erased", {"receipt": receipt})
        case HandIn(note):
            return Request("upstream.ack", {"note": note})
        case Reject(cause):
            return Request("upstream.reject", {"cause": cause})
        case ReportLink(up):
            return Request("upstream.link", {"up": up})


def answer_to(question: Question, result: object) -> list[Event]:
    """Raises ControlError for a result that is no answer."""
    form = _ANSWERS.get(type(question))
    return [] if form is None else [_checked(form, result)]


def refused(question: Question) -> list[Event]:
    """cabinetd answered that it cannot, just now."""
    match question:
        case ReadBatch():
            return [BatchFailed()]
        case ReadTail():
            return [TailFailed()]
        case HandIn():
            return [AckFailed()]
    return []


def planes(result: object) -> Planes:
    """The answer to PLANES. Raises ControlError."""
    found: Planes = _checked(_PLANES, result)
    return found


def notified(method: str, params: Params) -> Event | None:
    """What a notification tells; None for one that is nothing to us. Raises ControlError."""
    form = _NOTIFICATIONS.get(method)
    if form is None:
        return None
    event: Event = _checked(form, params)
    return event


_ANSWERS: Final[dict[type, TypeAdapter[Any]]] = {
    ReadHead: TypeAdapter(Head),
    ReadBatch: TypeAdapter(Batch),
    ReadTail: TypeAdapter(TailBatch),
    HandIn: TypeAdapter(AckResult),
}
_NOTIFICATIONS: Final[dict[str, TypeAdapter[Any]]] = {
    "grown": TypeAdapter(Grown),
    "acked": TypeAdapter(Acked),
    "plane": TypeAdapter(PlaneChanged),
    "live": TypeAdapter(LeafWritten),
}
_PLANES: Final = TypeAdapter(Planes)


def _checked(form: TypeAdapter[Any], value: object) -> Any:
    try:
        return form.validate_python(value)
    except ValidationError:
        message = "cabinetd says what this uplink does not understand: are they of the same version?"
        raise ControlError(Code.INTERNAL, message) from None
