"""The last versions of the policy: each keeps what its change replaced, so that going back is undoing, newest first.

`undo` is zlib over JSON: a list of [kind, key, before]. Kind is person, item, group, schedule, right or customer;
`before` is the row as it was, null where there was none. A person's key is the pseudonym, and the row is sealed under
the person's own key (base64): whoever destroys that key has erased it here too. Of a customer only the id is kept.
Neither names nor cards nor PINs are part of it.
"""

from __future__ import annotations

import json
import zlib
from base64 import b64decode, b64encode
from typing import Any, Final

from sqlalchemy import Connection, select

from cabinet.policy.rights import Pseudonym
from cabinet.roster.draft import Author, Draft
from cabinet.roster.records import PersonRecord, Records
from cabinet.roster.tables import VERSION
from cabinet.vault.box import SealError, close_box, open_box
from cabinet.vault.device_key import Random

_IDENTITY: Final = ("pseudonym", "key", "id", "name", "language", "consents", "suspended")
"""Of a person: what is no policy, or what no rollback brings back."""


def policy_of(person: PersonRecord) -> dict[str, Any]:
    """What a rollback may set again."""
    names = [name for name in PersonRecord.__dataclass_fields__ if name not in _IDENTITY]
    return {name: _plain(getattr(person, name)) for name in names}


def sealed(person: PersonRecord, random: Random) -> str:
    return b64encode(close_box(person.key, policy_of(person), _place(person.pseudonym), random)).decode("ascii")


def opened(person: PersonRecord, before: str) -> dict[str, Any]:
    """Raises SealError."""
    try:
        box = b64decode(before, validate=True)
    except ValueError:
        raise SealError("what a person was before is not base64") from None
    return open_box(person.key, box, _place(person.pseudonym))


def row_of(version: int, author: Author, draft: Draft) -> dict[str, Any]:
    said = {"counts": dict(sorted(draft.tally.items())), "lines": draft.said}
    return {
        "version": version,
        "at_ms": author.at_ms,
        "operator": author.operator,
        "said": json.dumps(said, ensure_ascii=False),
        "undo": zlib.compress(json.dumps(draft.undo, ensure_ascii=False, separators=(",", ":")).encode(), 1),
    }


def listed(connection: Connection, records: Records) -> list[dict[str, Any]]:
    """Newest first. Lines name people by their id today."""
    columns = (VERSION.c.version, VERSION.c.at_ms, VERSION.c.operator, VERSION.c.said)
    rows = connection.execute(select(*columns).order_by(VERSION.c.version.desc())).all()
    return [
        {"version": row.version, "at_ms": row.at_ms, "operator": row.operator, **_said(row.said, records)}
        for row in rows
    ]


def known(connection: Connection) -> list[int]:
    return sorted(connection.execute(select(VERSION.c.version)).scalars())


def undone(connection: Connection, version: int) -> dict[tuple[str, str], Any]:
    """What everything changed since was in that version."""
    query = select(VERSION.c.undo).where(VERSION.c.version > version).order_by(VERSION.c.version.desc())
    before: dict[tuple[str, str], Any] = {}
    for blob in connection.execute(query).scalars():
        before |= {(kind, key): row for kind, key, row in json.loads(zlib.decompress(blob))}
    return before


def _said(text: str, records: Records) -> dict[str, Any]:
    said = json.loads(text)
    lines = [f"{kind} {_name(kind, key, records)} {how}" for kind, key, how in said["lines"]]
    return {"counts": said["counts"], "lines": lines}


def _name(kind: str, key: str, records: Records) -> str:
    if kind != "person":
        return key
    person = records.by_pseudonym(key)
    return person.id if person else "who was erased"


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _place(person: Pseudonym) -> bytes:
    return f"cabinet-policy/1|{person}".encode()
