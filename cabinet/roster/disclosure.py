"""What roster.db holds on one person, opened, in the words of the roster files."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select

from cabinet.policy.rights import Pseudonym
from cabinet.roster.groups import with_wider
from cabinet.roster.records import Records, open_card, wider_groups
from cabinet.roster.tables import CREDENTIAL, FINGER, PERSON, PIN, RIGHT_PERSON
from cabinet.vault.device_key import DeviceKeys


def held_on(connection: Connection, keys: DeviceKeys, person: Pseudonym) -> dict[str, Any] | None:
    """None: there is nobody of that pseudonym. Of a PIN only when it was set, of keys nothing."""
    records = Records(connection, keys)
    record = records.by_pseudonym(person)
    if record is None:
        return None
    host = records.by_pseudonym(record.host) if record.host else None
    guests = connection.execute(select(PERSON.c.pseudonym).where(PERSON.c.host == person)).scalars().all()
    cards = connection.execute(select(CREDENTIAL).where(CREDENTIAL.c.pseudonym == person)).all()
    pin = connection.execute(select(PIN.c.since, PIN.c.temporary).where(PIN.c.pseudonym == person)).one_or_none()
    rights = select(RIGHT_PERSON.c.entitlement).where(RIGHT_PERSON.c.pseudonym == person)
    return {
        "pseudonym": record.pseudonym,
        "id": record.id,
        "name": record.name,
        "department": record.department,
        "groups": list(record.groups),
        "member_of": sorted(with_wider(record.groups, wider_groups(connection))),
        "language": record.language,
        "roles": list(record.roles),
        "active_from": record.active_from,
        "active_until": record.active_until,
        "suspended": record.suspended,
        "qualifications": list(record.qualifications),
        "consents": list(record.consents),
        "host": host.id if host else None,
        "answers_for": len(guests),
        "cards": [
            {"card": open_card(record.key, person, row.sealed), "strength": row.strength}
            for row in sorted(cards, key=lambda row: bytes(row.digest))
        ],
        "fingers": [
            {"module": row.module.hex(), "finger": row.template, "since_ms": row.since}
            for row in connection.execute(select(FINGER).where(FINGER.c.pseudonym == person)).all()
        ],
        "pin": {"since_ms": pin.since, "temporary": bool(pin.temporary)} if pin else None,
        "named_in_rights": sorted(connection.execute(rights).scalars()),
    }
