"""The bytes of every message of the uplink."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from sync.events import Batch, Head, Payload

SCHEMA: Final = 1
LONGEST_IN: Final = 4096
"""Bytes of an acknowledgement or a request."""


class Request(NamedTuple):
    """Upstream wants the leaves of this origin again, from this index on."""

    origin: str
    first: int


def plane(payload: Payload) -> bytes:
    return _json(payload)


def session(head: Head, number: int, version: str) -> bytes:
    """The birth: who this is, and how much there is to come. `number` tells connections apart."""
    return _json(
        {
            "schema": SCHEMA,
            "origin": head.origin,
            "vkey": head.vkey,
            "head": head.size,
            "oldest": head.oldest,
            "boot": head.boot,
            "session": number,
            "versions": {"cabinetd": head.version, "uplink": version},
        }
    )


def batch(origin: str, found: Batch, *, hist: bool, orphan: bool = False) -> bytes:
    body = {
        "v": 1,
        "origin": origin,
        "first": found.first,
        "leaves": found.leaves,
        "checkpoint": found.checkpoint,
        "hist": hist,
    }
    return _json(body | {"orphan": True} if orphan else body)


def live(n: int, leaf: Payload) -> bytes:
    """One leaf for tools: flat, always the same keys, null for what this kind of event does not say.

    `holder` is a pseudonym; nothing that is sealed is passed on."""
    return _json(
        {
            "event_type": _text(leaf, "ev"),
            "n": n,
            "at": _iso(leaf.get("ts")),
            "clock": _text(leaf, "tq"),
            "slot": _number(leaf, "slot"),
            "item": _text(leaf, "item"),
            "holder": _holder(leaf),
            "visit": _number(leaf, "visit"),
            "auth": _text(leaf, "auth"),
            "due": _iso(leaf.get("due")),
            "device": _text(leaf, "device"),
            "code": _text(leaf, "code"),
            "cause": _text(leaf, "cause"),
            "rule": _text(leaf, "rule"),
        }
    )


def request(payload: bytes) -> Request | None:
    """None for anything that is no request."""
    try:
        value: object = json.loads(payload)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict):
        return None
    origin, first = value.get("origin"), value.get("from")
    if not isinstance(origin, str) or type(first) is not int or first < 0:
        return None
    return Request(origin, first)


def accepted(payload: bytes) -> str | None:
    """The origin of an epoch that an operator has accepted; None for anything that is not that."""
    try:
        value: object = json.loads(payload)
    except (ValueError, RecursionError):
        return None
    origin = value.get("origin") if isinstance(value, dict) else None
    return origin if isinstance(origin, str) else None


def text(payload: bytes) -> str | None:
    """A note or a receipt; None where it cannot be one. What it says is for cabinetd to judge."""
    try:
        return payload.decode() or None
    except UnicodeDecodeError:
        return None


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def _text(leaf: Payload, key: str) -> str | None:
    value = leaf.get(key)
    return value if isinstance(value, str) else None


def _number(leaf: Payload, key: str) -> int | None:
    value = leaf.get(key)
    return value if type(value) is int else None


def _iso(wall_ms: object) -> str | None:
    """ISO 8601 with Z, milliseconds only where there are any; null for what is no time."""
    if type(wall_ms) is not int:
        return None
    try:
        instant = datetime.fromtimestamp(wall_ms / 1000, tz=UTC)
    except (OverflowError, ValueError, OSError):
        return None
    return instant.isoformat(timespec="milliseconds" if wall_ms % 1000 else "seconds").replace("+00:00", "Z")


def _holder(leaf: Payload) -> str | None:
    subs = leaf.get("subs")
    for sub in subs if isinstance(subs, list) else []:
        if sub.get("r") == "holder":
            return _text(sub, "p")
    return None
