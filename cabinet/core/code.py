"""One-time codes typed at the keypad while nobody is here.

Whatever is as long as a code and is neither one nor somebody's number may be a guess: it is counted in the journal
before it is answered, at the keypad, by the curve of wrong PINs. Only a right code ends that row, or a day without
another one; a right PIN does not, or whoever has one could guess on and on."""

from __future__ import annotations

from typing import Final, Literal

from cabinet.core import lockout
from cabinet.core.events import DigitsEntered
from cabinet.core.leaves import Subject
from cabinet.core.release import local_time
from cabinet.core.turn import Turn
from cabinet.policy.booking import CODE_EARLY_MS
from cabinet.policy.rights import Person

UNKNOWN: Final = "unknown_code"


def is_meant(turn: Turn, event: DigitsEntered) -> bool:
    """It is as long as a code, and nobody's personal number."""
    return event.code is not None and event.secret.reveal() not in turn.rights.numbers


def match(turn: Turn, event: DigitsEntered) -> tuple[Person, Literal["booking", "offer"], int] | None:
    """Whose code it is, and the leaf by which it was given; None: it is refused, and said why."""
    now_ms = turn.now.wall_ms
    for n, offer in turn.ledger.offers.items():
        person = turn.rights.people.get(offer.person)
        if offer.code == event.code and person is not None and now_ms < offer.until_ms:
            return (person, "offer", n) if _is_timed(turn, event.keypad, person) else None
    for n, booking in turn.ledger.bookings.items():
        person = turn.rights.people.get(booking.holder)
        if booking.code != event.code or person is None or now_ms >= booking.until_ms:
            continue
        if not _is_timed(turn, event.keypad, person):
            return None
        if now_ms < booking.starts_ms - CODE_EARLY_MS:
            _refuse(turn, event.keypad, person, "code_early", local_time(turn, booking.starts_ms - CODE_EARLY_MS))
            return None
        return person, "booking", n
    _miss(turn, event.keypad)
    return None


def _is_timed(turn: Turn, keypad: str, person: Person) -> bool:
    """A code ends, so it needs a clock that somebody vouches for; else it is refused."""
    if not turn.now.wall_time_trusted:
        _refuse(turn, keypad, person, "clock_untrusted")
    return turn.now.wall_time_trusted


def _miss(turn: Turn, keypad: str) -> None:
    key = lockout.codes_key(keypad)
    failures = lockout.one_more(turn.ledger, key, turn.now.wall_ms, fades=True)
    turn.journal(
        "visit.refused", rule=UNKNOWN, keypad=keypad, codes_failed=failures.count, codes_until=failures.until_ms
    )
    if failures.count >= lockout.SILENT_ALARM_AT:
        turn.raise_alarm("visit.locked_out", device=keypad)
    wait_s = lockout.remaining_s(turn.ledger, key, turn.now.wall_ms)
    turn.say("locked_out" if wait_s else UNKNOWN, "refused", wait_s=wait_s)


def _refuse(turn: Turn, keypad: str, person: Person, rule: str, window: str | None = None) -> None:
    turn.journal("visit.refused", [Subject("holder", person.pseudonym)], rule=rule, keypad=keypad, window=window)
    turn.say(rule, "refused", window=window)
