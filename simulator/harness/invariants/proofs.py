"""57: a strong credential is taken on its proof alone, and who cannot prove it is told and counted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from simulator.cast import Person
from simulator.harness import happenings as seen
from simulator.harness.truth import Truth
from simulator.harness.witness import Hear, Violated

TAKES: Final = {"visit.identified": "holder", "visit.authorised": "authoriser", "item.handed_over": "receiver"}
"""Leaves by which somebody is believed, and in which role."""
ALARM: Final = "card.unproven"
ALARM_AT: Final = 3
FORGOTTEN_MS: Final = 86_400_000
ROUNDED_MS: Final = 1000


class TakenOnProof:
    number = 57
    title = "no strong credential is taken on a weak proof"

    def __init__(self, truth: Truth, cast: Mapping[str, Person], names: Mapping[str, str]) -> None:
        """`names` by pseudonym."""
        self._truth = truth
        self._cast = cast
        self._names = names
        self._failed: dict[str, tuple[int, int]] = {}
        """How often in a row the strong card of somebody has not proved itself, and the wall time of the last."""
        self._alarmed = self._owed = False
        """There is an alarm; there has to be one with the next leaf."""
        self._more: dict[str, set[str]] = {}
        """Cards that may be the one that somebody has enrolled at the cabinet."""
        self._checks: dict[str, Callable[[Mapping[str, object]], None]] = {
            "visit.refused": self._refused,
            "credential.enrolled": self._anew,
            "credential.revoked": self._anew,
            "person.erased": self._anew,
            "alarm.raised": self._raised,
            "alarm.cleared": self._cleared,
        }

    def hears(self) -> Mapping[type, Hear]:
        return {seen.Leaf: self._leaf}

    def at_rest(self) -> None:
        """Nothing more than at each moment."""

    def _leaf(self, leaf: seen.Leaf) -> None:
        content = leaf.content
        if self._owed and (content["ev"], content.get("code")) != ("alarm.raised", ALARM):
            raise Violated(self, f"a card was unproven {ALARM_AT} times, and there is no alarm")
        self._owed = False
        role = TAKES.get(content["ev"])
        if role is not None:
            shown = content.get("auth", "").split("+")
            for person in (sub["p"] for sub in content["subs"] if sub["r"] == role):
                self._believed(person, shown)
        elif (check := self._checks.get(content["ev"])) is not None:
            check(content)

    def _believed(self, pseudonym: str, shown: list[str]) -> None:
        name = self._names.get(pseudonym, "")
        person = self._cast.get(name)
        if person is None:
            return
        if "strong-card" in shown:
            if person.strong_card not in self._truth.proved_cards():
                raise Violated(self, f"{name} is believed to have proved a card, and no card of theirs has")
            self._failed.pop(pseudonym, None)
        elif "card" in shown and self._truth.shown_cards().isdisjoint({person.card, *self._more.get(pseudonym, ())}):
            raise Violated(self, f"{name} is believed for a card that was none of theirs which needs no proof")

    def _refused(self, content: Mapping[str, object]) -> None:
        if content.get("rule") != "card_unproven" or "card_failed" not in content:
            return
        subs = content["subs"]
        assert isinstance(subs, list), "whose card it claims to be is known"
        person, ts = subs[0]["p"], content["ts"]
        assert isinstance(ts, int), "every leaf has its time"
        count, last_ms = self._failed.get(person, (0, ts))
        wanted = {count + 1} | ({1} if ts - last_ms >= FORGOTTEN_MS - ROUNDED_MS else set())
        if content["card_failed"] not in wanted:
            raise Violated(self, f"a card unproven after {count} is counted as number {content['card_failed']}")
        self._failed[person] = int(str(content["card_failed"])), ts
        self._owed = content["card_failed"] == ALARM_AT and not self._alarmed

    def _anew(self, content: Mapping[str, object]) -> None:
        """Their cards are others now."""
        subs = content.get("subs", ())
        assert isinstance(subs, list | tuple), "whom it is about"
        if content.get("credential", "card") == "card":
            for one in subs:
                self._failed.pop(one["p"], None)
                if content["ev"] == "credential.enrolled":
                    self._more.setdefault(one["p"], set()).update(self._truth.shown_cards())

    def _raised(self, content: Mapping[str, object]) -> None:
        if content["code"] != ALARM:
            return
        self._alarmed = True
        if all(count < ALARM_AT for count, _ in self._failed.values()):
            raise Violated(self, "there is an alarm of unproven cards, and there were not so many")

    def _cleared(self, content: Mapping[str, object]) -> None:
        if content["code"] != ALARM:
            return
        self._alarmed = False
        if any(count >= ALARM_AT for count, _ in self._failed.values()):
            raise Violated(self, "the alarm of unproven cards ends, and a card it is about has proved nothing")
