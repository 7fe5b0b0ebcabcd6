"""One event of the journal on one line."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from cabinet.cli.output import printable, word

PSEUDONYM_SHOWN = 8
WORD_SHOWN = 32
ENVELOPE = {"v", "dev", "n", "boot", "mono_ms", "ts", "tq", "ev", "subs", "salt"}
OWN_PLACE = {"slot", "item"}


def leaf_line(n: int, leaf: Mapping[str, object] | None) -> str:
    """Index, local time, kind, slot, item, who, and whatever else the kind has; None: pruned, only its hash is left.

    People stand there by the first characters of their pseudonym: names are sealed in the journal."""
    if leaf is None:
        return f"{n:>7}  (pruned)"
    slot = leaf.get("slot")
    place = f"slot {slot}" if slot is not None else ""
    item = word(leaf["item"]) if leaf.get("item") is not None else ""
    others = [key for key in sorted(set(leaf) - ENVELOPE - OWN_PLACE) if leaf[key] not in (None, "", [])]
    more = " ".join(f"{key}={_value(key, leaf[key])}" for key in others)
    parts = (
        f"{n:>7}",
        _local(leaf.get("ts")),
        f"{word(leaf.get('ev')):20}",
        f"{place:9}",
        f"{item:8}",
        _who(leaf),
        more,
    )
    return printable("  ".join(part for part in parts if part).rstrip())


def _who(leaf: Mapping[str, object]) -> str:
    subjects = leaf.get("subs")
    people = [sub for sub in subjects if isinstance(sub, dict)] if isinstance(subjects, list) else []
    return " ".join(f"{sub.get('r')} {str(sub.get('p'))[:PSEUDONYM_SHOWN]}" for sub in people)


def _value(key: str, value: object) -> str:
    if key == "due" and isinstance(value, int):
        return _local(value)
    text = word(value)
    # Digests and keys are for programs (--json); a sentence has spaces.
    return text if len(text) <= WORD_SHOWN or " " in text else f"{text[:PSEUDONYM_SHOWN]}..."


def _local(ms: object) -> str:
    if not isinstance(ms, int):
        return word(ms)
    try:
        return f"{datetime.fromtimestamp(ms / 1000, UTC).astimezone():%Y-%m-%d %H:%M:%S}"
    except (ValueError, OverflowError, OSError):
        return str(ms)
