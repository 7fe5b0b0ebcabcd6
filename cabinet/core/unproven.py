"""Cards that do not prove what they should: a copied number, a forged answer. Nobody is identified by one.

The third within a day alarms, silently at the front; those after it are counted by the minute. The alarm ends when
every card that it was about has proved its key at a reader."""

from __future__ import annotations

from typing import Final

from cabinet.core import junk, lockout
from cabinet.core.events import CardShown
from cabinet.core.leaves import Subject
from cabinet.core.turn import Turn
from cabinet.policy.rights import Factor, Person

RULE: Final = "card_unproven"
ALARM: Final = "card.unproven"
ALARM_AT: Final = 3


def is_unproven(turn: Turn, event: CardShown) -> bool:
    """A strong credential is taken on its proof alone; and whatever answers wrongly is nobody's card."""
    return event.proof == "failed" or (event.card in turn.rights.strong and event.proof != "strong")


def factors_of(turn: Turn, event: CardShown) -> frozenset[Factor]:
    """What a card that is taken shows."""
    strong = event.card in turn.rights.strong and event.proof == "strong"
    return frozenset({"card", "strong-card"}) if strong else frozenset({"card"})


def refuse(turn: Turn, event: CardShown, person: Person) -> None:
    """Durable before it is answered; whoever is served goes on."""
    key = lockout.card_key(person.pseudonym)
    tries = lockout.one_more(turn.ledger, key, turn.now.wall_ms, fades=True)
    if tries.count > ALARM_AT:
        junk.refuse(turn, "visit.refused", person.pseudonym, rule=RULE, reader=event.reader, proof=event.proof)
    else:
        turn.journal(
            "visit.refused",
            [Subject("holder", person.pseudonym)],
            rule=RULE,
            reader=event.reader,
            proof=event.proof,
            card_failed=tries.count,
            card_until=tries.until_ms,
        )
    if tries.count >= ALARM_AT:
        turn.raise_alarm(ALARM, device=event.reader)
    turn.say(RULE, "refused")


def forget(turn: Turn, reader: str) -> None:
    """Somebody's card has proved its key there: the fold has dropped what was counted against it."""
    rows = turn.ledger.failures.items()
    if not any(key.startswith(lockout.CARD) and tries.count >= ALARM_AT for key, tries in rows):
        turn.clear_alarm(ALARM, device=reader)
