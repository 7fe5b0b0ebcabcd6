"""A daemon's socket without a daemon: real server, made-up answers, every request remembered."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

from cabinet.control.protocol import Code, ControlError, Notification, Params
from cabinet.control.server import ControlServer
from cabinet.control.session import Handler, Peer, Subscription

HELD = object()
"""Stands for an answer that never comes."""
STATUS: dict[str, object] = {
    "door": "closed",
    "tamper": None,
    "power": None,
    "clock": "ntp",
    "items_out": 1,
    "overdue": 0,
    "alarms": 0,
    "unsynced_events": 3,
    "unsynced_since": "2026-01-01T08:00:00Z",
    "journal_size": 12,
    "devices_lost": [],
    "ready": True,
}
CLOCK: dict[str, object] = {
    "local": "2026-03-10T09:30:12+01:00",
    "zone": "Europe/Zurich",
    "source": "rtc",
    "trusted": False,
    "why": "stepped",
}
SLOTS = [
    {
        "slot": 7,
        "presence": "absent",
        "item": "K-0007",
        "fob": None,
        "since": "2026-01-01T08:00:00Z",
        "proof_at": "2026-01-01T09:00:00Z",
        "overdue": True,
        "bolt": "locked",
    },
    {
        "slot": 8,
        "presence": "unknown",
        "item": None,
        "fob": "foreign",
        "since": None,
        "proof_at": None,
        "overdue": False,
        "bolt": "unknown",
    },
]
DEVICES = [
    {
        "device": "reader",
        "type": "rdm6300-reader",
        "link": "uart0",
        "up": True,
        "since": "2026-01-01T08:00:00Z",
        "hint": None,
    },
    {
        "device": "relays",
        "type": "modbus-relay-board",
        "link": "rs485",
        "up": False,
        "since": "2026-01-01T08:00:00Z",
        "hint": "no answer from unit 1: check its power",
    },
]
BOOKING = {
    "booking": 41,
    "item": "K-0001",
    "person": "1002",
    "from": "2026-03-10T14:00+01:00",
    "until": "2026-03-10T16:00+01:00",
    "code": True,
}
LEAF = {
    "v": 1,
    "dev": "lobby-01",
    "n": 12,
    "boot": "1f0c9a2e",
    "mono_ms": 81234,
    "ts": 1767225600123,
    "tq": "ntp",
    "ev": "item.removed",
    "slot": 7,
    "item": "K-0007",
    "auth": "card+pin",
    "due": 1767254400000,
    "subs": [{"r": "holder", "p": "c2l4dGVlbmJ5dGVzISEhIQ==", "e": "AAAA"}],
    "salt": "AAAAAAAAAAAAAAAAAAAAAA==",
}
PEOPLE = [
    {
        "id": f"{1000 + n}",
        "name": "王芳" if n == 0 else f"Person {n}",
        "department": "",
        "groups": ["night", "day"],
        "language": "zh",
        "roles": [],
        "active_from": None,
        "active_until": "2026-12-31",
        "suspended": n == 1,
        "cards": 1,
        "fingers": 0,
        "pin": n == 0,
    }
    for n in range(3)
]


DIFFERENCES: dict[str, object] = {
    "summary": ["rights changed: 1", "items retired: 1"],
    "lines": ["rights.toml:3: right r1 changed: curfew 8h -> 6h"],
    "next": 1,
    "differences": 2,
}
ERASED = {
    "pseudonym": "c2l4dGVlbmJ5dGVzISEhIQ==",
    "holding": [{"slot": 3, "item": "K-0003", "since": "2026-03-10T08:00:00Z", "due": None}],
    "released": [{"slot": 4, "item": None}],
    "bookings": 2,
    "incidents": 1,
    "aside": ["set-aside-20260302T080000Z"],
}
VERSIONS = [
    {
        "version": 5,
        "at": "2026-01-01T08:00:00Z",
        "operator": "kim",
        "counts": {"rights_changed": 1},
        "lines": ["right r1 changed"],
    }
]


class FakeDaemon:
    """`asked` holds (method, params) in order; `answers` overrides what a method gives, or raises."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.asked: list[tuple[str, Params]] = []
        self.answers: dict[str, object] = {}
        self.held = threading.Event()
        """Set once somebody waits for an answer that is HELD."""
        names = [name for name in _NAMES if name != "watch"]
        self._handlers: dict[str, Handler] = {name: self._handler(name) for name in names}
        self._handlers["watch"] = self._watch

    @property
    def changes(self) -> list[object]:
        return [params["change"] for method, params in self.asked if method == "roster.change"]

    @contextlib.contextmanager
    def running(self) -> Iterator[FakeDaemon]:
        loop = asyncio.new_event_loop()
        server = ControlServer(self.path, self._handlers)
        loop.run_until_complete(server.start())
        thread = threading.Thread(target=loop.run_forever)
        thread.start()
        try:
            yield self
        finally:
            asyncio.run_coroutine_threadsafe(server.close(), loop).result(10)
            loop.call_soon_threadsafe(loop.stop)
            thread.join(10)
            loop.close()

    def _handler(self, name: str) -> Callable[[Params, Peer], Awaitable[object]]:
        async def answer(params: Params, peer: Peer) -> object:
            self.asked.append((name, params))
            given = self.answers.get(name, _NAMES[name])
            if isinstance(given, Exception):
                raise given
            if given is HELD:
                self.held.set()
                await asyncio.Event().wait()
            return given(params) if callable(given) else given

        return answer

    async def _watch(self, params: Params, peer: Peer) -> object:
        self.asked.append(("watch", params))

        async def leaves() -> AsyncIterator[Notification]:
            for n in (12, 13):
                yield Notification("leaf", {"n": n, "leaf": LEAF})

        return Subscription({"size": 14}, leaves())


def _people(params: Params) -> object:
    """Two to a page."""
    first = 0 if params["after"] is None else int(str(params["after"])) - 1000 + 1
    page = PEOPLE[first : first + 2]
    more = first + 2 < len(PEOPLE)
    return {"people": page, "next": page[-1]["id"] if more else None}


def _released(params: Params) -> object:
    if params["slot"] == 99:
        raise ControlError(Code.NOT_FOUND, "there is no slot 99: cabinetctl slots shows them")
    return {"slot": params["slot"], "item": "K-0007"}


def _change(params: Params) -> object:
    return {"version": 4, "summary": ["person 1001 added"]}


_NAMES: dict[str, Any] = {
    "status": STATUS,
    "slots": {"slots": SLOTS},
    "devices": {"devices": DEVICES},
    "watch": None,
    "wait": {},
    "slot.release": _released,
    "clock.show": CLOCK,
    "clock.confirm": {"n": 12},
    "booking.make": BOOKING,
    "credential.offer": {"person": "1002", "hours": 24, "code": "40961327"},
    "booking.list": {"bookings": [BOOKING]},
    "booking.cancel": BOOKING,
    "person.erase": ERASED,
    "customer.erase": ERASED,
    "roster.change": _change,
    "roster.import.begin": {"upload": "u1"},
    "roster.import.part": {},
    "roster.import.commit": {"version": 5, "summary": ["3 people, 2 items, 1 right"]},
    "roster.apply.commit": lambda params: DIFFERENCES | {"version": 5 if params.get("dry_run") else 6},
    "roster.rollback": lambda params: DIFFERENCES | {"version": 7},
    "roster.lines": {"lines": ["items.csv: item K-9 retired"], "next": None},
    "roster.versions": {"versions": VERSIONS},
    "roster.export": {"lines": ['["people.csv", "id,na"]'], "next": 1},
    "roster.customers": {"customers": [{"id": "C-1", "name": "Example Estates", "items": 2}], "next": None},
    "roster.outs": {"outs": [], "elsewhere": []},
    "incident.list": {"incidents": [], "next": None},
    "roster.people": _people,
    "roster.items": {
        "items": [
            {"id": "K-0007", "kind": "key", "name": "Store room", "slot": 7, "fob": None, "groups": [], "tags": []}
        ],
        "next": None,
    },
    "roster.rights": {
        "rights": [
            {
                "id": "r1",
                "persons": ["1001"],
                "groups": ["night"],
                "items": [],
                "item_groups": ["cars"],
                "for": ["take"],
                "schedule": None,
                "factors": ["card", "number+pin"],
                "curfew": ["8h", "18:00"],
                "cut": False,
            }
        ],
        "next": None,
    },
    "roster.credentials": {
        "credentials": [
            {"ref": "aa", "person": "1001", "kind": "card", "card": "0006547886", "strength": "weak"},
            {"ref": "bb", "person": "1002", "kind": "card", "card": "0006547887", "strength": "weak"},
        ],
        "next": None,
    },
    "credential.scan": {"card": "0006547886", "strength": "weak"},
    "credential.look": {"card": "04:78:2E:21:80:1D:80", "state": "new", "hint": ""},
    "credential.personalise": {"card": "04:78:2E:21:80:1D:80"},
}
