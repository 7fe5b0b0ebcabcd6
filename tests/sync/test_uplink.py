"""The uplink between a cabinet and a real broker."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from cabinet.journal.note import Signer
from tests.sync.cabinet import SLOT, STATE, FakeCabinet
from tests.sync.conftest import Collecting, Running
from tests.sync.mosquitto import Mosquitto, Onlooker, needs_mosquitto
from tests.sync.proxy import Proxy
from tests.sync.upstream import WITNESS, MemoryJournal, cosigned

pytestmark = needs_mosquitto

BASE = "kc/v1/demo/lobby-01/"
Start = Callable[..., Running]


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_a_backlog_drains_and_only_the_newest_acknowledgement_counts(
    protocol: str, cabinet: FakeCabinet, collecting: Collecting, start: Start
) -> None:
    for _ in range(100):
        cabinet.write(50, tell=False)
    running = start(protocol=protocol)
    running.until(lambda: cabinet.journal.acked == 5000)
    assert collecting.upstream.leaves == cabinet.journal.leaves
    assert collecting.upstream.batches == 50, "nothing was sent twice"
    assert cabinet.links == [True]
    assert cabinet.rejected == []


def test_what_tools_see_after_the_birth(cabinet: FakeCabinet, mosquitto: Mosquitto, start: Start) -> None:
    running = start()
    with Onlooker(mosquitto.port) as tools:
        running.until(lambda: tools.newest(BASE + "status") == b"online")
        order = [message.topic.removeprefix(BASE) for message in tools.messages]
        assert order == ["state", "slot/7", "session", "status"]
    with Onlooker(mosquitto.port) as late:
        late.wait(lambda: len(late.messages) == 4)
        assert all(message.retain for message in late.messages)
        assert json.loads(late.payloads(BASE + "state")[0]) == STATE
        assert json.loads(late.payloads(BASE + "slot/7")[0]) == SLOT


def test_changes_and_live_events_pass(cabinet: FakeCabinet, mosquitto: Mosquitto, start: Start) -> None:
    running = start()
    with Onlooker(mosquitto.port) as tools:
        running.until(lambda: tools.newest(BASE + "status") == b"online")
        cabinet.change("slot/7", presence="absent")
        running.until(lambda: len(tools.payloads(BASE + "slot/7")) == 2)
        assert json.loads(tools.payloads(BASE + "slot/7")[1])["presence"] == "absent"
        now_ms = running.uplink._clock.now().wall_ms
        cabinet.write(1, ts=now_ms, slot=7)
        running.until(lambda: tools.payloads(BASE + "event"))
        assert json.loads(tools.payloads(BASE + "event")[0])["slot"] == 7
        running.until(lambda: tools.payloads(BASE + "journal"))
        assert json.loads(tools.payloads(BASE + "journal")[0])["hist"] is False
    with Onlooker(mosquitto.port) as late:
        late.wait(lambda: bool(late.newest(BASE + "status")))
        assert late.payloads(BASE + "event") == []
        assert late.payloads(BASE + "journal") == []


def test_the_broker_is_killed_amid_a_backlog_and_loses_all_it_had(
    cabinet: FakeCabinet, mosquitto: Mosquitto, collecting: Collecting, start: Start
) -> None:
    for _ in range(60):
        cabinet.write(50, tell=False)
    collecting.is_answering = False
    running = start(resend_s=1)
    running.until(lambda: collecting.upstream.batches >= 20)
    assert cabinet.journal.acked == 0
    mosquitto.kill()
    running.until(lambda: not running.uplink._route or not running.uplink._route.is_connected)
    collecting.is_answering = True
    mosquitto.start()
    running.until(lambda: cabinet.journal.acked == 3000)
    assert collecting.upstream.leaves == cabinet.journal.leaves
    with Onlooker(mosquitto.port) as late:
        late.wait(lambda: late.newest(BASE + "status") == b"online")
        assert late.newest(BASE + "slot/7") is not None, "planes came again"


def test_neither_cabinetd_nor_a_broker_at_first_and_cabinetd_restarts(
    cabinet: FakeCabinet, mosquitto: Mosquitto, start: Start
) -> None:
    cabinet.stop()
    mosquitto.kill()
    running = start()
    running.until(lambda: True)
    cabinet.start()
    running.until(lambda: running.uplink._route is not None)
    mosquitto.start()
    with Onlooker(mosquitto.port) as tools:
        running.until(lambda: tools.newest(BASE + "status") == b"online")
        cabinet.stop()
        running.until(lambda: tools.newest(BASE + "status") == b"offline")
        cabinet.write(1, tell=False)
        cabinet.start()
        running.until(lambda: tools.newest(BASE + "status") == b"online")
        running.until(lambda: tools.payloads(BASE + "journal"))
        assert json.loads(tools.payloads(BASE + "session")[-1])["head"] == 1


def test_a_line_that_went_deaf_is_given_up(
    cabinet: FakeCabinet, mosquitto: Mosquitto, collecting: Collecting, start: Start
) -> None:
    with Proxy(mosquitto.port) as proxy:
        running = start(proxy.port, keepalive_s=1)
        cabinet.write(1)
        running.until(lambda: cabinet.journal.acked == 1)
        proxy.silent = True
        cabinet.write(1)
        running.until(lambda: proxy.connections == 2)
        proxy.silent = False
        running.until(lambda: cabinet.journal.acked == 2)
    assert collecting.upstream.leaves == cabinet.journal.leaves


def test_a_broker_that_answers_pings_and_confirms_nothing_is_given_up(
    cabinet: FakeCabinet, mosquitto: Mosquitto, collecting: Collecting, start: Start
) -> None:
    with Proxy(mosquitto.port) as proxy:
        running = start(proxy.port, keepalive_s=1)
        running.until(lambda: b"online" in collecting.onlooker.payloads(BASE + "status"))
        proxy.swallow_pubacks = True
        cabinet.change("state", items_out=1)
        running.until(lambda: proxy.connections == 2)
        proxy.swallow_pubacks = False
        cabinet.write(1)
        running.until(lambda: cabinet.journal.acked == 1)


def test_when_paho_s_thread_dies_another_connection_is_made(
    cabinet: FakeCabinet, mosquitto: Mosquitto, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = start(keepalive_s=1)
    with Onlooker(mosquitto.port) as tools:
        running.until(lambda: b"online" in tools.payloads(BASE + "status"))
        assert running.uplink._route is not None
        link = running.uplink._route._broker._link
        assert link is not None
        # The thread ends without a callback, and paho goes on to call itself connected.
        link._client.on_disconnect = None
        link._client._reconnect_on_failure = False
        monkeypatch.setattr(link._client, "_loop", lambda timeout: 1)
        running.until(lambda: not link.alive)
        assert link._client.is_connected()
        running.until(lambda: len([one for one in tools.payloads(BASE + "status") if one == b"online"]) == 2)


def test_forged_stale_and_repeated_acknowledgements_move_nothing(
    cabinet: FakeCabinet, mosquitto: Mosquitto, start: Start
) -> None:
    running = start()
    for _ in range(3):
        cabinet.write(2, tell=False)
    notes = cabinet.journal.notes
    stranger = MemoryJournal(Signer(cabinet.journal.origin, bytes(32)))
    stranger.append(2)
    other = MemoryJournal(Signer("cabinet.demo/lobby-02", bytes(range(32))))
    other.append(2)
    with Onlooker(mosquitto.port) as mallory:
        running.until(lambda: b"online" in mallory.payloads(BASE + "status"))

        def answers_to(payload: bytes) -> str | None:
            before = len(cabinet.judged)
            mallory.publish(BASE + "journal/ack", payload)
            running.until(lambda: len(cabinet.judged) > before)
            cause: str | None = cabinet.judged[-1]["cause"]
            return cause

        assert answers_to(b"nonsense") == "malformed"
        assert answers_to(notes[2]) == "not-cosigned"
        assert answers_to(cosigned(notes[2], WITNESS)) == "not-cosigned"
        assert answers_to(cosigned(stranger.notes[2])) == "unsigned"
        assert answers_to(cosigned(other.notes[2])) == "unknown-origin"
        assert cabinet.journal.acked == 0
        assert answers_to(cosigned(notes[4])) is None
        assert answers_to(cosigned(notes[2])) == "stale"
        assert cabinet.journal.acked == 4
        judged = len(cabinet.judged)
        mallory.publish(BASE + "journal/ack", cosigned(notes[2]))
        mallory.publish(BASE + "journal/ack", b"\xff\xfe")
        running.until(lambda: cabinet.rejected == ["malformed"])
        assert len(cabinet.judged) == judged, "the same one again is not judged again"


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_ten_megabytes_of_junk_and_retained_requests_do_nothing(
    protocol: str, cabinet: FakeCabinet, mosquitto: Mosquitto, start: Start
) -> None:
    with Onlooker(mosquitto.port, ("kc/+/+/+/status",)) as mallory:
        mallory.publish(BASE + "journal/ack", bytes(10_000_000), retain=True)
        mallory.publish(BASE + "journal/req", b'{"origin":"cabinet.demo/lobby-01","from":0}', retain=True)
        running = start(protocol=protocol)
        running.until(lambda: b"online" in mallory.payloads(BASE + "status"))
        expected = {"5": ["retained"], "3.1.1": ["oversized", "retained"]}[protocol]
        running.until(lambda: sorted(cabinet.rejected) == expected)
        mallory.publish(BASE + "journal/req", b"{" * 4097)
        mallory.publish(BASE + "journal/req", b"{" * 4096)
        running.until(lambda: sorted(cabinet.rejected) == sorted([*expected, "oversized", "malformed"]))
        assert cabinet.judged == []


def test_a_request_is_answered_from_the_journal(
    cabinet: FakeCabinet, mosquitto: Mosquitto, collecting: Collecting, start: Start
) -> None:
    running = start()
    cabinet.write(5)
    running.until(lambda: cabinet.journal.acked == 5)
    batches = collecting.upstream.batches
    collecting.onlooker.publish(BASE + "journal/req", b'{"origin":"cabinet.demo/lobby-01","from":2}')
    running.until(lambda: collecting.upstream.batches > batches)


def test_a_disk_that_does_not_answer_is_asked_again(
    cabinet: FakeCabinet, collecting: Collecting, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sync.machine.RETRY_S", 0.1)
    cabinet.broken_reads = 2
    cabinet.write(1, tell=False)
    running = start()
    running.until(lambda: cabinet.journal.acked == 1)
    assert cabinet.broken_reads == 0
