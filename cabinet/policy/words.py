"""What each rule says of somebody else, in English: for those who ask on their behalf."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

RULES: Final[Mapping[str, str]] = {
    "grants": "grants it",
    "person_suspended": "the person is suspended",
    "person_not_yet_active": "the person's access has not begun",
    "person_expired": "the person's access has ended",
    "host_inactive": "the person is a visitor, and their host has no access",
    "no_right": "no right of the person reaches the item",
    "outside_schedule": "closed at this time",
    "curfew_passed": "the date on which it was to be back has passed",
    "clock_untrusted": "has hours, and the cabinet's clock is not trusted",
    "factor_missing": "the person cannot identify as it asks",
    "strong_card_missing": "it asks for a card that proves its key, and the person has none enrolled as strong",
    "finger_silent": "the person's finger is asked for, and no reader can tell it just now",
    "finger_locked": "too many fingers that were not known were put on in the person's visits",
    "verifier_silent": "the verifier that it asks for is not there, or does not answer",
    "not_verified": "the verifier has said no",
    "approvers_missing": "too few people may approve",
    "allowance_used": "the person, or all of its people together, have as many as they may",
    "overdue_first": "the person has something that is overdue",
    "qualification_missing": "the person lacks a qualification, or it has expired",
    "booked": "the item is booked by somebody else",
    "item_out": "the item is out",
    "prompt_unanswered": "a question that the cabinet asks before has no answer",
}
