"""config/asyncapi.json against the payloads that the code really makes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from cabinet.core.ledger import Ledger, Out, SlotMark
from cabinet.core.state import Setup, SlotSetup, State
from cabinet.policy.rights import Rights
from cabinet.service.views import slot_view, state_view
from sync import payloads
from sync.collector.batch import read
from sync.collector.names import Cabinet
from sync.events import Batch, Head
from sync.topics import Topics
from tests.sync.upstream import ORIGIN, SIGNER, WALL_MS, MemoryJournal

DOCUMENT: dict[str, Any] = json.loads((Path(__file__).parents[2] / "config" / "asyncapi.json").read_text())
SCHEMAS: dict[str, dict[str, Any]] = DOCUMENT["components"]["schemas"]
RECEIVED = {"ack", "request", "epoch", "erased"}
JSON_PLANES = ("session", "state", "slot", "event", "journal", "request", "epoch")


def _made() -> Iterator[tuple[str, Any]]:
    """Name of the schema and payload."""
    setup = Setup({7: SlotSetup("relays", 0.5), 8: SlotSetup("relays", 0.5)})
    out = Out("K-0007", None, WALL_MS, overdue=True)
    ledger = Ledger(slots={7: SlotMark(False, 1, WALL_MS + 1)}, outs={7: out})
    states = (
        State(setup, Ledger(), 0),
        State(setup, ledger, 20, presence={7: False}, grant_ends={7: 1.0}, door=True, lost=frozenset({"relays"})),
    )
    for state in states:
        yield "state", payloads.plane(state_view(state, 0, WALL_MS if state.size else None))
        for number in setup.slots:
            yield "slot", payloads.plane(slot_view(state, Rights(item_at={7: "K-0007"}), number, None))
    yield "session", payloads.session(Head(ORIGIN, SIGNER.vkey, 9, 3, 0, "1f0c9a2e", "0.1.0"), 2**31, "0.1.0")
    yield "event", payloads.live(4, {"ev": "cabinet.started"})
    holder = {"r": "holder", "p": "AAAAAAAAAAAAAAAAAAAAAA==", "e": ""}
    full = {"ev": "item.removed", "ts": WALL_MS + 1, "tq": "ntp", "slot": 7, "item": "K-0007", "due": WALL_MS}
    yield "event", payloads.live(5, full | {"auth": "card+pin", "visit": 1, "device": "reader", "subs": [holder]})
    yield "journal", _journal()
    yield "request", json.dumps({"origin": ORIGIN, "from": 0}).encode()
    yield "epoch", json.dumps({"origin": f"{ORIGIN}/e2"}).encode()


def _journal() -> bytes:
    journal = MemoryJournal()
    journal.append(3)
    found = Batch(**journal.batch(0))
    first, *others = found.leaves
    assert isinstance(first, str)
    pruned = {"hash": "A" * 43 + "="}
    return payloads.batch(ORIGIN, Batch(0, [pruned, *others], found.checkpoint), hist=True)


MADE = [(name, json.loads(payload)) for name, payload in _made()]


def _accepts(name: str, value: object) -> bool:
    return bool(Draft7Validator(SCHEMAS[name]).is_valid(value))


def test_every_schema_is_one() -> None:
    for schema in SCHEMAS.values():
        Draft7Validator.check_schema(schema)


def test_all_planes_are_made_here() -> None:
    assert {name for name, _ in MADE} == set(JSON_PLANES)


@pytest.mark.parametrize(("name", "value"), MADE)
def test_a_payload_is_what_its_schema_says(name: str, value: Any) -> None:
    Draft7Validator(SCHEMAS[name]).validate(value)


@pytest.mark.parametrize(("name", "value"), MADE)
def test_a_missing_and_an_extra_key_are_refused(name: str, value: dict[str, Any]) -> None:
    assert not _accepts(name, value | {"extra": None})
    for key in value:
        assert not _accepts(name, {other: found for other, found in value.items() if other != key}), key


def test_what_is_inside_is_complete_too() -> None:
    session = next(value for name, value in MADE if name == "session")
    journal = next(value for name, value in MADE if name == "journal")
    assert not _accepts("session", session | {"versions": {"cabinetd": "0.1.0"}})
    assert not _accepts("journal", journal | {"leaves": [{"hash": "A" * 43 + "=", "more": 1}]})
    assert not _accepts("journal", journal | {"leaves": ["not base64"]})
    assert not _accepts("journal", journal | {"leaves": ["AAAA"] * 101})


def test_the_words_of_the_status_and_the_notes() -> None:
    assert all(_accepts("status", word) for word in ("online", "offline"))
    assert not _accepts("status", "gone")
    journal = MemoryJournal()
    journal.append(1)
    note = journal.notes[1].decode()
    assert _accepts("ack", note)
    assert not _accepts("ack", "x" * (payloads.LONGEST_IN + 1))


def test_readers_take_what_the_schemas_allow() -> None:
    """The collector reads the batch, the uplink the request."""
    journal = MemoryJournal()
    journal.append(3)
    value = json.loads(payloads.batch(ORIGIN, Batch(**journal.batch(0)), hist=False))
    assert _accepts("journal", value)
    assert read(json.dumps(value).encode(), Cabinet("demo", "lobby-01")).end == 3
    assert payloads.request(b'{"origin":"o","from":2}') == ("o", 2)


def test_the_topics_are_those_of_the_code() -> None:
    topics = Topics("kc/v1", "{site}", "{cabinet}")
    found = {name: channel["address"] for name, channel in DOCUMENT["channels"].items()}
    assert found == {
        "status": topics.status,
        "session": topics.session,
        "state": topics.plane("state"),
        "slot": topics.plane("slot/{slot}"),
        "event": topics.event,
        "journal": topics.journal,
        "ack": topics.ack,
        "request": topics.request,
        "epoch": topics.epoch,
        "erased": topics.erased,
    }
    assert {name for name, one in DOCUMENT["operations"].items() if one["action"] == "receive"} == RECEIVED
    retained = {name for name, one in DOCUMENT["operations"].items() if one["bindings"]["mqtt"]["retain"]}
    assert retained == {"status", "session", "state", "slot", "ack", "epoch"}
