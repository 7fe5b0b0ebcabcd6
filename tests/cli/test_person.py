"""person show, qualify, unqualify, consent: what reaches the daemon and what is read."""

from __future__ import annotations

import json
import re

from tests.cli.conftest import Ctl
from tests.cli.fake_daemon import FakeDaemon


def test_what_is_recorded_reaches_the_daemon(ctl: Ctl, daemon: FakeDaemon) -> None:
    ctl("person", "qualify", "1001", "forklift", "--until", "2026-12-31")
    ctl("person", "qualify", "1001", "first-aid")
    ctl("person", "unqualify", "1001", "forklift")
    ctl("person", "consent", "1001", "fingerprint", "--day", "2026-03-10")
    ctl("person", "consent", "1001", "fingerprint", "--withdrawn")
    *first, last = daemon.changes
    assert first == [
        {"kind": "person.qualify", "person": "1001", "qualification": "forklift:2026-12-31"},
        {"kind": "person.qualify", "person": "1001", "qualification": "first-aid"},
        {"kind": "person.unqualify", "person": "1001", "name": "forklift"},
        {
            "kind": "person.consent",
            "person": "1001",
            "purpose": "fingerprint",
            "day": "2026-03-10",
            "withdrawn": False,
        },
    ]
    assert isinstance(last, dict)
    assert last["withdrawn"] is True
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", str(last["day"]))


def test_one_person_is_shown(ctl: Ctl, daemon: FakeDaemon) -> None:
    person = {
        "id": "1001",
        "name": "Ada",
        "groups": ["staff"],
        "suspended": False,
        "cards": 1,
        "qualifications": ["first-aid", "forklift:2020-12-31", "ladder:2999-01-01"],
        "consents": ["fingerprint:2026-03-10"],
    }
    daemon.answers["roster.people"] = {"people": [person], "next": None}
    shown = ctl("person", "show", "1001").out
    assert "qualifications  first-aid; forklift until 2020-12-31 (expired); ladder until 2999-01-01\n" in shown
    assert "consents        fingerprint given 2026-03-10\n" in shown
    assert json.loads(ctl("person", "show", "1001", "--json").out) == {"schema": 1, **person}


def test_who_is_not_there_is_said(ctl: Ctl, daemon: FakeDaemon) -> None:
    ended = ctl("person", "show", "4711")
    assert (ended.code, ended.err) == (10, "cabinetctl: there is no person 4711; see `cabinetctl person list`\n")
