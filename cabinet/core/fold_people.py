"""What leaves change of people: their wrong tries, their codes and bookings, and the roster they stand in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from cabinet.core.leaf_fields import (
    card_key,
    finger_key,
    keypad_key,
    number_of,
    person_of,
    text_of,
    verifier_key,
    without,
)
from cabinet.core.leaves import Leaf
from cabinet.core.ledger import Failures, Ledger, Offer, RosterMark
from cabinet.policy.booking import Booking


def failed(ledger: Ledger, n: int, ts: int, leaf: Leaf) -> Ledger:
    """A refusal that counts names the tries it adds to, a person's, a keypad's, a finger's or a verifier's; others name
    none."""
    failures = dict(ledger.failures)
    for key, count, until in (
        (person_of(leaf, "holder"), "failed", "locked_until"),
        (keypad_key(leaf), "keypad_failed", "keypad_until"),
        (keypad_key(leaf, "codes"), "codes_failed", "codes_until"),
        (finger_key(leaf, "holder"), "finger_failed", "finger_until"),
        (verifier_key(leaf, "holder"), "verifier_failed", "verifier_until"),
        (card_key(leaf, "holder"), "card_failed", "card_until"),
    ):
        tries = number_of(leaf, count)
        if key is not None and tries is not None:
            failures[key] = Failures(tries, number_of(leaf, until) or 0)
    return replace(ledger, failures=failures)


def identified(ledger: Ledger, n: int, ts: int, leaf: Leaf) -> Ledger:
    ledger = proved(ledger, leaf, "holder")
    if "code" not in (text_of(leaf, "auth") or "").split("+"):
        return ledger
    return replace(ledger, failures=without(ledger.failures, keypad_key(leaf, "codes")))


def authorised(ledger: Ledger, n: int, ts: int, leaf: Leaf) -> Ledger:
    return proved(ledger, leaf, "authoriser")


def proved(ledger: Ledger, leaf: Leaf, role: str) -> Ledger:
    """A correct PIN clears its person's tries, and the keypad's when it was typed with a number; so do their finger,
    the verifier's word, and a card that proves its key with those before."""
    auth = (text_of(leaf, "auth") or "").split("+")
    if "strong-card" in auth:
        ledger = replace(ledger, failures=without(ledger.failures, card_key(leaf, role)))
    if "finger" in auth:
        ledger = replace(ledger, failures=without(ledger.failures, finger_key(leaf, role)))
    if "verified" in auth:
        ledger = replace(ledger, failures=without(ledger.failures, verifier_key(leaf, role)))
    if "pin" not in auth:
        return ledger
    failures = without(ledger.failures, person_of(leaf, role))
    return replace(ledger, failures=without(failures, keypad_key(leaf)) if "number" in auth else failures)


def enrolled(ledger: Ledger, n: int, ts: int, leaf: Leaf) -> Ledger:
    """The first thing that somebody gives themselves by a code uses it up."""
    ledger = replace(ledger, offers=without(ledger.offers, number_of(leaf, "offer")))
    ledger = replace(ledger, failures=_without_cards(ledger, leaf))
    if text_of(leaf, "credential") == "finger":
        ledger = replace(ledger, failures=without(ledger.failures, finger_key(leaf, "holder")))
    if text_of(leaf, "credential") != "pin":
        return roster(ledger, n, ts, leaf)
    failures = without(without(ledger.failures, person_of(leaf, "holder")), verifier_key(leaf, "holder"))
    return roster(replace(ledger, failures=failures), n, ts, leaf)


def roster(ledger: Ledger, n: int, ts: int, leaf: Leaf) -> Ledger:
    version, digest = number_of(leaf, "roster"), text_of(leaf, "digest")
    if version is None or digest is None:
        return ledger
    return replace(ledger, roster={"roster": RosterMark(version, digest)})


def offered(ledger: Ledger, n: int, ts: int, leaf: Leaf) -> Ledger:
    person = person_of(leaf, "holder") or ""
    live = {key: one for key, one in ledger.offers.items() if ts < one.until_ms and one.person != person}
    offer = Offer(person, number_of(leaf, "until") or 0, text_of(leaf, "code") or "")
    return replace(ledger, offers={**live, n: offer})


def booked(ledger: Ledger, n: int, ts: int, leaf: Leaf) -> Ledger:
    """Made by a clock that somebody vouches for; so what has ended by it is dropped."""
    booking = Booking(
        text_of(leaf, "item") or "",
        person_of(leaf, "holder") or "",
        number_of(leaf, "starts") or 0,
        number_of(leaf, "until") or 0,
        text_of(leaf, "code"),
    )
    live = {key: one for key, one in ledger.bookings.items() if ts < one.until_ms}
    return replace(ledger, bookings={**live, n: booking})


def booking_cancelled(ledger: Ledger, n: int, ts: int, leaf: Leaf) -> Ledger:
    return replace(ledger, bookings=without(ledger.bookings, number_of(leaf, "booking")))


def code_spent(ledger: Ledger, leaf: Leaf) -> Ledger:
    """A code is good for one grant of its booking, by whatever means that was had."""
    n = number_of(leaf, "booking")
    booking = ledger.bookings.get(n) if n is not None else None
    if n is None or booking is None or booking.code is None:
        return ledger
    return replace(ledger, bookings={**ledger.bookings, n: replace(booking, code=None)})


def erased(ledger: Ledger, n: int, ts: int, leaf: Leaf) -> Ledger:
    """From the intent on nothing is kept for them that could still be used; what they hold stays under their label."""
    person = person_of(leaf, "concerned") or ""
    if text_of(leaf, "stage") == "done":
        return roster(replace(ledger, erasures=without(ledger.erasures, person)), n, ts, leaf)
    return replace(
        ledger,
        erasures={**ledger.erasures, person: n},
        failures=_without_all(
            ledger.failures,
            *(person, *(key(leaf, "concerned") for key in (verifier_key, finger_key, card_key))),
        ),
        bookings={key: one for key, one in ledger.bookings.items() if one.holder != person},
        offers={key: one for key, one in ledger.offers.items() if one.person != person},
    )


def revoked(ledger: Ledger, n: int, ts: int, leaf: Leaf) -> Ledger:
    return roster(replace(ledger, failures=_without_cards(ledger, leaf)), n, ts, leaf)


def _without_cards(ledger: Ledger, leaf: Leaf) -> Mapping[str, Failures]:
    """What was counted against a card says nothing of the cards that somebody has from now on."""
    of_card = text_of(leaf, "credential") == "card"
    return without(ledger.failures, card_key(leaf, "holder")) if of_card else ledger.failures


def _without_all(failures: Mapping[str, Failures], *keys: str | None) -> Mapping[str, Failures]:
    return {key: one for key, one in failures.items() if key not in keys}
