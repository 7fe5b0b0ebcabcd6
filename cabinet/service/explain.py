"""roster.explain: may this person take this item, and why, or why not?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime

from cabinet.control.protocol import Code, ControlError, Params
from cabinet.control.session import Peer
from cabinet.core.finger_state import readable
from cabinet.core.lacking import verifier_for
from cabinet.core.ledger import held, out_of
from cabinet.core.places import is_blocked
from cabinet.policy.booking import window
from cabinet.policy.explain import Step, explain
from cabinet.policy.rights import PromptAt, Pseudonym
from cabinet.roster.store import Roster
from cabinet.runner import Runner
from cabinet.service.parameters import choice, instant_ms, line
from cabinet.service.views import View
from hal.worker import Worker

_NAMED_MAX = 20
"""Approvers and helpers that an answer names."""


class Explainer:
    """Answers with ids of people, as who asks knows them."""

    def __init__(self, roster: Roster, runner: Runner, worker: Worker) -> None:
        self._roster = roster
        self._runner = runner
        self._worker = worker

    async def explain(self, params: Params, peer: Peer) -> View:
        """`at` is local time in the cabinet's zone, ISO 8601; without it now, by the cabinet's clock."""
        person_id, item_id = line(params, "person", 32), line(params, "item", 32)
        state, now = self._runner.state, self._runner.now()
        rights = readable(self._runner.rights, state, now.wall_ms)
        pseudonym = await self._worker.run(self._roster.pseudonym_of, person_id)
        person = rights.people.get(pseudonym) if pseudonym else None
        item = rights.items.get(item_id)
        if person is None:
            raise ControlError(Code.NOT_FOUND, f"there is no person {person_id}; see `cabinetctl person list`")
        if item is None:
            raise ControlError(Code.NOT_FOUND, f"there is no item {item_id}; see `cabinetctl item list`")
        wall_ms, trusted = now.wall_ms, now.wall_time_trusted
        if params.get("at") is not None:
            wall_ms, trusted = instant_ms(params, "at", rights.zone), True
        ledger = self._runner.state.ledger
        out = out_of(ledger, item.id)
        having = held(ledger, wall_ms if trusted else None)
        asked = choice(params, "for", ("take", "return")) if params.get("for") is not None else "take"
        act: PromptAt = "return" if asked == "return" else "take"
        booked = [one for one in ledger.bookings.values() if one.item == item.id and wall_ms < one.until_ms]
        told = explain(
            rights,
            person,
            item,
            wall_ms,
            wall_time_trusted=trusted,
            held=having,
            bookings=booked,
            act=act,
            blocked=is_blocked(ledger, item),
            verifier=verifier_for(self._runner.state, pseudonym, wall_ms, "asks"),
        )
        return {
            "person": person_id,
            "item": item_id,
            "for": act,
            "at": self._local(wall_ms),
            "clock": "trusted" if trusted else "not trusted",
            "allowed": told.rule is None,
            "rule": told.rule,
            "right": told.right,
            "window": told.window,
            "missing": told.missing,
            "help": told.help,
            "helpers": await self._ids(told.helpers),
            "holder": await self._worker.run(self._roster.called, out.holder) if out and out.holder else None,
            "expired": trusted and item.expires_ms is not None and item.expires_ms <= wall_ms,
            "asks": [{"prompt": one.id, "ask": one.ask["en"], "required": one.required} for one in told.asks],
            "bookings": [window(one, rights.zone) for one in sorted(booked, key=lambda one: one.starts_ms)][
                :_NAMED_MAX
            ],
            "rights": [await self._step(step) for step in told.steps],
        }

    async def _step(self, step: Step) -> View:
        view = asdict(step) | {"approvers": await self._ids(step.approvers), "due": self._local(step.due_ms)}
        del view["due_ms"]
        return view

    def _local(self, wall_ms: int | None) -> str | None:
        if wall_ms is None:
            return None
        return datetime.fromtimestamp(wall_ms / 1000, self._runner.rights.zone).isoformat(timespec="minutes")

    async def _ids(self, people: Iterable[Pseudonym]) -> list[str]:
        found = [await self._worker.run(self._roster.id_of, one) for one in list(people)[:_NAMED_MAX]]
        return sorted(one for one in found if one is not None)
