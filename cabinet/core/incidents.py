"""Complaints and incidents: recorded, and closed once. What they say is sealed under whom they concern."""

from __future__ import annotations

from typing import Final

from cabinet.core.effects import Answer
from cabinet.core.requests import IncidentClosed, IncidentReported
from cabinet.core.turn import Turn

OPEN_MAX: Final = 200


def on_reported(turn: Turn, event: IncidentReported) -> None:
    if sum(one.closed_n is None for one in turn.ledger.incidents.values()) >= OPEN_MAX:
        turn.act(Answer(event.request, f"{OPEN_MAX} incidents are open; close some first: cabinetctl incident list"))
        return
    n = turn.journal(
        "incident.recorded",
        [event.subject],
        kind=event.kind,
        item=event.item,
        about=event.about,
        operator=event.operator,
    )
    turn.act(Answer(event.request, n=n))


def on_closed(turn: Turn, event: IncidentClosed) -> None:
    incident = turn.ledger.incidents.get(event.n)
    if incident is None or incident.closed_n is not None:
        turn.act(Answer(event.request, f"incident {event.n} is not open; see `cabinetctl incident list`"))
        return
    n = turn.journal("incident.closed", [event.subject], incident=event.n, item=incident.item, operator=event.operator)
    turn.act(Answer(event.request, n=n))
