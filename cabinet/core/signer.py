"""The journal's signing key gives way to another."""

from __future__ import annotations

from cabinet.core.effects import Answer
from cabinet.core.requests import RotationAsked
from cabinet.core.turn import Turn


def on_rotation(turn: Turn, event: RotationAsked) -> None:
    """With this leaf's transaction both keys sign, and from the next on the new one alone."""
    if any(former.vkey == event.old for former in turn.ledger.signers.values()):
        turn.act(Answer(event.request, "the key was rotated meanwhile; look at `cabinetctl journal list`"))
        return
    n = turn.journal("signer.rotated", old=event.old, vkey=event.vkey, reason=event.reason, operator=event.operator)
    turn.act(Answer(event.request, n=n))
