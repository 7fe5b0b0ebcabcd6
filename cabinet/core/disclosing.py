"""Giving somebody what is kept on them: that it was done is journaled before it is."""

from __future__ import annotations

from cabinet.core.effects import Answer
from cabinet.core.leaves import Subject
from cabinet.core.requests import ExportAsked
from cabinet.core.turn import Turn


def on_asked(turn: Turn, event: ExportAsked) -> None:
    if event.person not in turn.rights.people:
        turn.act(Answer(event.request, "the roster has changed meanwhile; try again"))
        return
    n = turn.journal("person.exported", [Subject("concerned", event.person)], operator=event.operator)
    turn.act(Answer(event.request, n=n))
