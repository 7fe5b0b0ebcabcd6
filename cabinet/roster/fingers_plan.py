"""Changes of fingers, worked out into a draft. A finger is a template number in a module, known by the module's mark;
the template itself never leaves the module."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, Row, select

from cabinet.core.leaves import Field, Leaf, Subject
from cabinet.policy.rights import FINGERPRINT, Pseudonym
from cabinet.roster.draft import Draft
from cabinet.roster.records import PersonRecord, agreed
from cabinet.roster.tables import FINGER
from hal.wording import quoted


class FingersPlan:
    """Works on one connection, within one plan."""

    def __init__(self, connection: Connection, draft: Draft) -> None:
        self._connection = connection
        self._draft = draft

    def enrol(
        self, person: PersonRecord, module: str, template: int, since_ms: int, replaces: Sequence[int] = ()
    ) -> None:
        """`replaces`: theirs that the module has lost."""
        mark = bytes.fromhex(module)
        if not agreed(person.consents, FINGERPRINT):
            message = f"person {quoted(person.id)} has not consented to {FINGERPRINT}; see `cabinetctl person consent`"
            self._draft.problems.append(message)
        if self._holder(mark, template) is not None:
            self._draft.problems.append("finger: this number is somebody's already")
        for row in self._of(person.pseudonym):
            if row.module == mark and row.template in replaces:
                self._revoke(person, mark, row.template)
        self._draft.writes.fingers.append(
            {"module": mark, "template": template, "pseudonym": person.pseudonym, "since": since_ms}
        )
        self._draft.count("finger", "added")
        self._tell("credential.enrolled", person, mark, template)

    def revoke(self, person: PersonRecord, module: str | None, template: int | None) -> None:
        """Of theirs those that fit."""
        fits = [
            row
            for row in self._of(person.pseudonym)
            if module in (None, row.module.hex()) and template in (None, row.template)
        ]
        if not fits:
            self._draft.problems.append(f"finger: person {quoted(person.id)} has no such finger")
        for row in fits:
            self._revoke(person, row.module, row.template)

    def revoke_all(self, person: PersonRecord) -> None:
        for row in self._of(person.pseudonym):
            self._revoke(person, row.module, row.template)

    def _revoke(self, person: PersonRecord, module: bytes, template: int) -> None:
        self._draft.writes.fingers_revoked.append((module, template))
        self._draft.count("finger", "revoked")
        self._tell("credential.revoked", person, module, template)

    def in_module(self, module: str) -> dict[Pseudonym, list[int]]:
        found: dict[Pseudonym, list[int]] = {}
        for row in self._connection.execute(select(FINGER).where(FINGER.c.module == bytes.fromhex(module))):
            found.setdefault(row.pseudonym, []).append(row.template)
        return found

    def _of(self, person: Pseudonym) -> Sequence[Row[tuple[bytes, int, str, int]]]:
        query = select(FINGER).where(FINGER.c.pseudonym == person).order_by(FINGER.c.module, FINGER.c.template)
        return self._connection.execute(query).all()

    def _holder(self, module: bytes, template: int) -> Pseudonym | None:
        query = select(FINGER.c.pseudonym).where(FINGER.c.module == module, FINGER.c.template == template)
        return self._connection.execute(query).scalar()

    def _tell(self, kind: str, person: PersonRecord, module: bytes, template: int) -> None:
        private: dict[str, Field] = {"id": person.id, "name": person.name, "module": module.hex(), "finger": template}
        subject = Subject("holder", person.pseudonym, private)
        loss = kind == "credential.revoked"
        self._draft.tell(lambda: [Leaf(kind, {"credential": "finger"}, (subject,))], loss=loss)
        how = kind.removeprefix("credential.")
        self._draft.say("person", person.id, f"finger {how}", lambda: f"number {template}")
