"""The control sockets of the real daemon, spoken to badly: an error object each time, and the daemon goes on."""

from __future__ import annotations

import json
import os
import resource
from pathlib import Path

import pytest

from cabinet.control.server import CONNECTIONS_MAX
from tests.daemon.harness import Cabinet
from tests.daemon.lines import Line
from tests.daemon.people import LIN

MEGABYTE = 1 << 20
MEMORY_MAX_KIB = 40_000
"""What bad requests may cost; a megabyte a line would be far more."""
NO_REQUESTS = [
    (b"\n", -32700),
    (b"{\n", -32700),
    (b"\xff\xfe\n", -32700),
    (b"[" * 50_000 + b"\n", -32700),
    (b'{"jsonrpc":"2.0","id":1,"id":2,"method":"status"}\n', -32700),
    (b'{"jsonrpc":"2.0","id":1,"method":"status","params":{"x":NaN}}\n', -32700),
    (b"[]\n", -32600),
    (b'{"jsonrpc":"2.0","method":"status"}\n', -32600),
    (b'{"jsonrpc":"2.0","id":1,"method":"status","params":[1]}\n', -32602),
    (b'{"jsonrpc":"2.0","id":1,"method":"no.such"}\n', -32601),
    (b"x" * MEGABYTE + b"\n", -32600),
]
BAD_PARAMS = [
    ("slot.release", {}),
    ("slot.release", {"slot": 7, "reason": ""}),
    ("slot.release", {"slot": True, "reason": "x"}),
    ("slot.release", {"slot": 7, "reason": "two\nlines"}),
    ("slot.release", {"slot": 7, "reason": "x", "dry_run": "no"}),
    ("clock.confirm", {}),
    ("watch", {"from": -1}),
    ("wait", {"for": "slot", "slot": 7, "presence": "gone", "timeout_s": 1}),
    ("wait", {"for": "ready", "timeout_s": 1e9}),
    ("credential.scan", {"reader": "no-such", "timeout_s": 1}),
    ("roster.people", {"limit": 10**9}),
]


def resident_kib(cabinet: Cabinet) -> int:
    assert cabinet.process is not None
    pages = int(Path(f"/proc/{cabinet.process.pid}/statm").read_text().split()[1])
    return pages * resource.getpagesize() // 1024


def test_what_is_no_request_gets_an_error_and_the_next_one_its_answer(cabinet: Cabinet) -> None:
    before = resident_kib(cabinet)
    for socket in (cabinet.service, cabinet.uplink):
        with Line(socket) as line:
            for bad, code in NO_REQUESTS * 2:
                line.send(bad)
                assert line.answer()["error"]["code"] == code, bad[:60]
                line.request("next", "status")
                answer = line.answer()
                assert (answer["id"], answer["result"]["ready"]) == ("next", True)
    assert resident_kib(cabinet) - before < MEMORY_MAX_KIB
    assert cabinet.kinds() == []


@pytest.mark.parametrize(("method", "params"), BAD_PARAMS)
def test_bad_parameters_are_named_and_do_nothing(cabinet: Cabinet, method: str, params: dict[str, object]) -> None:
    refused = cabinet.refusal(method, params)
    assert (refused.code, refused.exit) == (-32602, 2)
    assert refused.message
    assert (cabinet.kinds(), cabinet.open_slots()) == ([], [])


@pytest.mark.parametrize(
    "change",
    [
        None,
        {"kind": "no.such"},
        {"kind": "pin.set", "person": "1001", "pin": "1234"},
        {"kind": "pin.set", "person": "1001", "pin": "60417295\u0000"},
        {"kind": "person.put", "person": {"id": "1009", "name": "x", "shoe_size": 44}},
        {"kind": "card.enrol", "person": "1004", "card": LIN.cards[0]},
        {"kind": "item.put", "item": {"id": "K-0009", "slot": 9}},
        {"kind": "right.put", "right": {"id": "all", "persons": ["1999"], "items": ["*"]}},
    ],
)
def test_a_bad_change_of_the_roster_changes_nothing(cabinet: Cabinet, change: object) -> None:
    before = cabinet.call("roster.change", {"change": {"kind": "person.suspend", "person": "1001"}, "dry_run": True})
    refused = cabinet.refusal("roster.change", {"change": change})
    assert refused.exit == 5
    assert refused.data["problems"]
    assert "60417295" not in json.dumps([refused.message, refused.data])
    after = cabinet.call("roster.change", {"change": {"kind": "person.suspend", "person": "1001"}, "dry_run": True})
    assert (after["version"], cabinet.kinds()) == (before["version"], [])


def test_each_socket_has_its_own_methods(cabinet: Cabinet) -> None:
    with Line(cabinet.uplink) as uplink, Line(cabinet.service) as service:
        for line, method in ((uplink, "slot.release"), (uplink, "roster.change"), (service, "upstream.batch")):
            line.request(1, method, slot=7, reason="from the network")
            error = line.answer()["error"]
            assert (error["code"], error["data"]["exit"]) == (-32001, 12)
    assert (cabinet.kinds(), cabinet.open_slots()) == ([], [])
    for socket in (cabinet.service, cabinet.uplink):
        assert os.stat(socket).st_mode & 0o777 == 0o660


def test_who_asks_and_does_not_listen_holds_nobody_up(cabinet: Cabinet) -> None:
    """Watchers that read nothing on all connections but ours, half a request, one too many, and a visit."""
    lines = [Line(cabinet.service) for _ in range(CONNECTIONS_MAX - 2)]
    for line in lines:
        line.request(1, "watch", **{"from": 0})
    lines[0].send(b'{"jsonrpc":"2.0","id":2,"meth')
    late = Line(cabinet.service)
    late.request(1, "status")
    assert late.answer()["error"]["data"]["exit"] == 11
    cabinet.badge(LIN.cards[0])
    cabinet.take(1)
    cabinet.put_back(1)
    cabinet.close_door()
    assert len(cabinet.all_leaves()) == cabinet.call("status")["journal_size"]
    for line in (*lines, late):
        line.close()
