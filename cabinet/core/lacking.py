"""What somebody still has to show: their PIN, a finger, or their face to a verifier, in this order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from cabinet.core import lockout
from cabinet.core.effects import AskVerifier
from cabinet.core.state import State
from cabinet.core.turn import Turn
from cabinet.policy.decide import Verifier
from cabinet.policy.rights import Factor, Pseudonym

WITHIN_S: Final = 10.0
"""So long a verifier may take."""
_PROMPTS: Final[Mapping[Verifier, str]] = {
    "asks": "enter_pin",
    "silent": "enter_pin_unseen",
    "refused": "enter_pin_unrecognised",
}


def ask(turn: Turn, person: Pseudonym, missing: frozenset[Factor], said: Verifier, **changes: Any) -> None:
    """`said` is what the verifier has said of them already; `changes` are those of the visit."""
    device = turn.state.setup.verifier
    if "finger" in missing and "pin" not in missing:
        running = turn.stay(stage="finger", **changes)
        turn.say("put_finger", item=running.chosen)
        return
    if "pin" in missing or device is None:
        turn.stay(stage="pin", **changes)
        turn.say(_PROMPTS[said])
        return
    running = turn.stay(stage="verifying", **changes)
    idle_mono_s = max(running.idle_mono_s, turn.now.mono_s + WITHIN_S + 1)
    turn.update(visit=replace(running, seq=running.seq + 1, idle_mono_s=idle_mono_s))
    turn.act(AskVerifier(running.number, running.seq + 1, device, person, WITHIN_S))
    turn.say("look")


def verifier_for(state: State, person: Pseudonym | None, wall_ms: int, said: Verifier) -> Verifier:
    """What is to be had of it for this person, after what it has `said` in this visit."""
    if said != "asks":
        return said
    if state.setup.verifier is None or state.setup.verifier in state.lost:
        return "silent"
    key = lockout.verifier_key(person or "")
    locked = lockout.disabled(state.ledger, key) or lockout.remaining_s(state.ledger, key, wall_ms)
    return "refused" if locked else "asks"
