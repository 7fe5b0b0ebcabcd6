"""One event of the journal in plain words, for somebody who has never seen a journal."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from cabinet.cli.leaf_line import ENVELOPE, OWN_PLACE, PSEUDONYM_SHOWN
from cabinet.cli.output import word

_SENTENCES = {
    "item.removed": "item {item} was removed from slot {slot}",
    "item.returned": "item {item} was returned to slot {slot}",
    "item.granted": "slot {slot} was released so that item {item} could be taken",
    "item.forced": "item {item} left slot {slot} without a grant",
}
_CLOCKS = {"ntp": "clock set by a time service", "rtc": "by the board's clock", "none": "the clock was not set"}


def what(leaf: Mapping[str, Any]) -> str:
    """`item K-0007 was removed from slot 7`; of kinds without a sentence of their own what it was about."""
    kind, slot, item = leaf.get("ev"), leaf.get("slot"), leaf.get("item")
    if kind in _SENTENCES and slot is not None and item is not None:
        return _SENTENCES[kind].format(item=item, slot=slot)
    noun, _, happened = str(kind).partition(".")
    named = [noun if item is None or noun != "item" else f"item {item}"]
    named += [f"item {item}"] if item is not None and noun != "item" else []
    named += [f"slot {slot}"] if slot is not None else []
    return f"{', '.join(named)}: {happened.replace('_', ' ')}"


def facts_of(leaf: Mapping[str, Any]) -> dict[str, object]:
    """What, where, when and who, then whatever else the event says, in the order they are read."""
    others = {key: leaf[key] for key in sorted(set(leaf) - ENVELOPE - OWN_PLACE)}
    due = {"due": _when(others.pop("due"))} if "due" in others else {}
    clock = _CLOCKS.get(leaf.get("tq", ""), "quality of the clock unknown")
    return {
        "what": what(leaf),
        "cabinet": leaf.get("dev"),
        "when": f"{_when(leaf.get('ts'))} ({clock})",
        "who": _who(leaf.get("subs")),
        **due,
        **others,
    }


def _who(subjects: object) -> str:
    people = [sub for sub in subjects if isinstance(sub, dict)] if isinstance(subjects, list) else []
    named = [f"{sub.get('r')} {str(sub.get('p'))[:PSEUDONYM_SHOWN]}" for sub in people]
    return f"{', '.join(named)} (pseudonyms; names are sealed)" if named else word(None)


def _when(ms: object) -> str:
    """With the zone: who reads a receipt may be anywhere."""
    if not isinstance(ms, int):
        return word(ms)
    try:
        return f"{datetime.fromtimestamp(ms / 1000, UTC).astimezone():%Y-%m-%d %H:%M:%S %z}"
    except (ValueError, OverflowError, OSError):
        return str(ms)
