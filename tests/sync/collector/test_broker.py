"""The whole collector at a real broker, with a publisher that plays the cabinet."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from pytest_mock import MockerFixture

from cabinet.journal import checkpoint, note
from cabinet.journal.errors import JournalUnwritable
from cabinet.settings.uplink import BrokerSettings
from hal.system_clock import SystemClock
from sync.broker import Broker
from sync.collector import replay, service
from sync.collector.batch import PAYLOAD_BYTES_MAX
from sync.collector.ingest import Ingest, Pin
from sync.collector.service import Service
from sync.collector.store import Store
from tests.sync.collector.making import CABINET, COSIGNER, PIN, SIGNER, Log, made_log
from tests.sync.collector.test_commands import CONFIG
from tests.sync.mosquitto import PATIENCE_S, Mosquitto, Onlooker, needs_mosquitto

pytestmark = needs_mosquitto

BASE = "kc/v1"
ROOM = f"{BASE}/{CABINET.site}/{CABINET.device}/"
JOURNAL, ACK, REQUEST, SESSION = ROOM + "journal", ROOM + "journal/ack", ROOM + "journal/req", ROOM + "session"
ROOT = Path(__file__).parents[3]


class Running:
    """A collector that runs whenever the test waits for something."""

    def __init__(self, folder: Path, port: int, protocol: str = "5", pins: tuple[Pin, ...] = (PIN,)) -> None:
        self.clock = SystemClock()
        self.store = Store(folder / "collector.db")
        self.ingest = Ingest(self.store, COSIGNER, self.clock, pins)
        self.heard, self.rope = os.pipe2(os.O_NONBLOCK)
        self.broker = Broker.at(
            BrokerSettings.model_validate({"host": "127.0.0.1", "port": port, "protocol": protocol, "keepalive_s": 5}),
            "collector-one",
            wake=lambda: self.wake(),
            clock=self.clock,
            random=lambda: 0.5,
            payload_max=PAYLOAD_BYTES_MAX,
            manual_ack=True,
        )
        self.service = Service(self.ingest, self.broker, BASE, self.clock)

    def wake(self) -> None:
        os.write(self.rope, b"\0")

    def until(self, holds: Callable[[], object]) -> None:
        end = time.monotonic() + PATIENCE_S
        while not holds():
            assert time.monotonic() < end, "it did not happen"
            self.service.turn()
            if select.select([self.heard], [], [], min(0.02, self.service.wait_s()))[0]:
                os.read(self.heard, 4096)

    def leaves(self) -> list[bytes]:
        with self.store.transaction() as connection:
            return list(connection.exec_driver_sql("SELECT bytes FROM leaf ORDER BY n").scalars())

    def dropped(self) -> dict[str, int]:
        self.ingest.count(at_once=True)
        with self.store.transaction() as connection:
            return {row[0]: row[1] for row in connection.exec_driver_sql("SELECT cause, count FROM refused")}

    def vanish(self) -> None:
        """Without a good-bye to the broker."""
        self.broker.close()
        self.store.close()


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path) as running:
        yield running


@pytest.fixture
def start(tmp_path: Path, mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Running]]:
    """Starts a collector; one is ended before the next begins."""
    monkeypatch.setattr(service, "SETTLE_S", 0.1)
    monkeypatch.setattr(service, "RETRY_S", 0.05)
    monkeypatch.setattr(replay, "PATIENCE_S", 0.2)
    started: list[Running] = []

    def begin(protocol: str = "5", folder: str = "upstream", pins: tuple[Pin, ...] = (PIN,)) -> Running:
        (tmp_path / folder).mkdir(exist_ok=True)
        started.append(Running(tmp_path / folder, mosquitto.port, protocol, pins))
        return started[-1]

    yield begin
    started[-1].vanish()


@pytest.fixture
def cabinet(mosquitto: Mosquitto) -> Iterator[Onlooker]:
    with Onlooker(mosquitto.port) as onlooker:
        yield onlooker


def acked(onlooker: Onlooker) -> list[int]:
    """Sizes of all acknowledgements that were published, in order; each with both signatures."""
    sizes = []
    for payload in onlooker.payloads(ACK):
        COSIGNER.verifier.check(note.parse(payload))
        sizes.append(checkpoint.read(payload, SIGNER.verifier).size)
    return sizes


def send(onlooker: Onlooker, log: Log, *pieces: tuple[int, int]) -> None:
    for first, end in pieces:
        onlooker.publish(JOURNAL, log.batch(first, end))


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_end_to_end(protocol: str, start: Callable[..., Running], cabinet: Onlooker, mosquitto: Mosquitto) -> None:
    log = made_log(1000)
    cabinet.publish(SESSION, log.session(head=0), retain=True)
    running = start(protocol, pins=())
    running.until(lambda: running.broker.is_up)
    for first in range(0, 1000, 50):
        send(cabinet, log, (first, first + 50))
    running.until(lambda: 1000 in acked(cabinet))
    assert running.leaves() == log.leaves
    assert acked(cabinet) == sorted(set(acked(cabinet)))
    assert running.dropped() == {}
    assert cabinet.payloads(REQUEST) == []
    with Onlooker(mosquitto.port) as late:
        late.wait(lambda: bool(late.payloads(ACK)))
        assert acked(late) == [1000], "the newest is retained"


def test_a_gap_is_asked_for(start: Callable[..., Running], cabinet: Onlooker, mosquitto: Mosquitto) -> None:
    log = made_log(60)
    running = start()
    running.until(lambda: running.broker.is_up)
    send(cabinet, log, (0, 20), (40, 60))
    running.until(lambda: cabinet.payloads(REQUEST))
    assert cabinet.payloads(REQUEST) == [b'{"origin": "cabinet.demo/lobby-01", "from": 20}']
    with Onlooker(mosquitto.port, topics=(REQUEST,)) as late:
        late.publish(REQUEST, b"after what is retained")
        late.wait(lambda: len(late.messages) > 0)
        assert late.payloads(REQUEST) == [b"after what is retained"]
    send(cabinet, log, (20, 40))
    running.until(lambda: 60 in acked(cabinet))
    assert running.leaves() == log.leaves


def test_nobody_is_asked_while_the_broker_is_away_and_nothing_spins(
    start: Callable[..., Running], cabinet: Onlooker, mosquitto: Mosquitto, mocker: MockerFixture
) -> None:
    running = start()
    running.until(lambda: running.broker.is_up)
    send(cabinet, made_log(60), (40, 60))
    running.until(lambda: cabinet.payloads(REQUEST))
    mosquitto.kill()
    running.until(lambda: not running.broker.is_up)
    due = running.ingest.next_s()
    assert due is not None
    running.until(lambda: running.clock.mono_s() > due)
    running.service.turn()
    turns = mocker.spy(running.service, "turn")
    running.until(lambda: running.clock.mono_s() > due + 0.3)
    assert turns.call_count < 100


def test_more_than_a_group_at_once(
    start: Callable[..., Running], cabinet: Onlooker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "GROUP_MAX", 3)
    log = made_log(400)
    running = start()
    running.until(lambda: running.service._settled)
    send(cabinet, log, *((first, first + 10) for first in range(0, 400, 10)))
    running.until(lambda: running.service._pending)
    assert running.service.wait_s() == 0
    running.until(lambda: 400 in acked(cabinet))
    assert running.leaves() == log.leaves
    steps = [0, *acked(cabinet)]
    assert max(after - before for before, after in pairwise(steps)) <= 30
    assert running.service._pending_bytes == 0


def test_what_waits_for_the_disk_is_bounded(
    start: Callable[..., Running], cabinet: Onlooker, monkeypatch: pytest.MonkeyPatch, mocker: MockerFixture
) -> None:
    monkeypatch.setattr(service, "PENDING_BYTES_MAX", 20_000)
    log = made_log(400)
    running = start()
    running.until(lambda: running.service._settled)
    refusal = mocker.patch.object(running.ingest, "take", side_effect=JournalUnwritable("the disk is full"))
    for _ in range(100):
        cabinet._client.publish(JOURNAL, b"", qos=0)
    send(cabinet, log, (0, 10))
    running.until(lambda: running.service._pending[-1:] and running.service._pending[-1][1])
    assert len(running.service._pending) == 10, "nine of QoS 0, and the one of QoS 1 still had room"
    send(cabinet, log, *((first, first + 10) for first in range(10, 200, 10)))
    running.until(lambda: refusal.call_count >= 5)
    assert running.service._pending_bytes <= 20_000
    mocker.stop(refusal)
    running.until(lambda: cabinet.payloads(ACK))
    assert running.leaves() == log.leaves[: acked(cabinet)[-1]]


def test_a_cabinet_that_is_ahead_is_asked(start: Callable[..., Running], cabinet: Onlooker) -> None:
    cabinet.publish(SESSION, made_log(60).session(), retain=True)
    running = start()
    running.until(lambda: cabinet.payloads(REQUEST))
    assert cabinet.newest(REQUEST) == b'{"origin": "cabinet.demo/lobby-01", "from": 0}'


def test_after_a_restart_the_acknowledgement_is_published_again(
    start: Callable[..., Running], cabinet: Onlooker, mosquitto: Mosquitto
) -> None:
    log = made_log(40)
    running = start()
    running.until(lambda: running.broker.is_up)
    send(cabinet, log, (0, 20))
    running.until(lambda: acked(cabinet))
    given = cabinet.newest(ACK)
    running.vanish()
    mosquitto.kill()  # nothing is retained any more
    mosquitto.start()
    again = start()
    with Onlooker(mosquitto.port) as late:
        again.until(lambda: late.payloads(ACK))
        assert late.payloads(ACK) == [given]


def test_a_broker_that_lost_everything_gets_it_again(
    start: Callable[..., Running], cabinet: Onlooker, mosquitto: Mosquitto, mocker: MockerFixture
) -> None:
    log = made_log(40)
    running = start()
    patience = mocker.spy(running.ingest, "connected")
    running.until(lambda: running.broker.is_up)
    send(cabinet, log, (0, 20))
    running.until(lambda: acked(cabinet))
    mosquitto.kill()
    running.until(lambda: not running.broker.is_up)
    mosquitto.start()
    with Onlooker(mosquitto.port) as late:
        running.until(lambda: late.payloads(ACK))
        send(late, log, (20, 40))
        running.until(lambda: acked(late)[-1] == 40)
        assert acked(late) == [20, 40]
    assert patience.call_count == 2


def test_a_lost_database_asks_for_everything_and_never_signs_backwards(
    start: Callable[..., Running], cabinet: Onlooker, mosquitto: Mosquitto
) -> None:
    log = made_log(60)
    before = start()
    before.until(lambda: before.broker.is_up)
    cabinet.publish(SESSION, log.session(head=40), retain=True)
    send(cabinet, log, (0, 20), (20, 40))
    before.until(lambda: 40 in acked(cabinet))
    given = cabinet.newest(ACK)
    before.vanish()
    after = start(folder="anew", pins=())
    with Onlooker(mosquitto.port) as late:
        after.until(lambda: late.payloads(REQUEST))
        assert late.newest(REQUEST) == b'{"origin": "cabinet.demo/lobby-01", "from": 0}'
        send(late, log, (0, 15), (15, 30), (30, 40), (40, 60))
        after.until(lambda: 60 in acked(late))
        assert after.leaves() == log.leaves
        assert set(acked(late)) == {40, 60}
        assert {payload for payload in late.payloads(ACK) if b"\n40\n" in payload} == {given}


def test_nothing_is_published_before_the_retained_acknowledgements_have_come(
    start: Callable[..., Running], cabinet: Onlooker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A restored database may hold an older one: published, it would push out the newer one unread."""
    log = made_log(40)
    before = start()
    before.until(lambda: before.broker.is_up)
    send(cabinet, log, (0, 20))
    before.until(lambda: acked(cabinet) == [20])
    before.vanish()
    monkeypatch.setattr(service, "SETTLE_S", 1000)
    again = start()
    again.until(lambda: again.broker.is_up)
    send(cabinet, log, (0, 20), (20, 40))
    again.until(lambda: len(again.leaves()) == 40)
    send(cabinet, log, (0, 40))
    cabinet.publish(JOURNAL, b"junk")
    again.until(lambda: again.dropped())
    assert acked(cabinet) == [20]
    with again.store.transaction() as connection:
        assert connection.exec_driver_sql("SELECT size FROM ack").scalar_one() == 20, "nor is anything signed"


def test_messages_that_were_not_stored_come_again(
    start: Callable[..., Running], cabinet: Onlooker, mocker: MockerFixture, caplog: pytest.LogCaptureFixture
) -> None:
    log = made_log(40)
    running = start()
    running.until(lambda: running.service._settled)
    refusal = mocker.patch.object(running.ingest, "take", side_effect=JournalUnwritable("the disk is full"))
    send(cabinet, log, (0, 20), (20, 40))
    running.until(lambda: refusal.call_count >= 3)
    assert acked(cabinet) == []
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == [
        "nothing can be stored: the disk is full; trying on"
    ]
    running.vanish()
    again = start()
    again.until(lambda: 40 in acked(cabinet))
    assert again.leaves() == log.leaves


def test_what_waits_for_the_disk_belongs_to_its_connection(
    start: Callable[..., Running], cabinet: Onlooker, mosquitto: Mosquitto, mocker: MockerFixture
) -> None:
    """Its numbers mean other messages on the next one, and what was not acknowledged comes again anyhow."""
    log = made_log(40)
    running = start()
    running.until(lambda: running.service._settled)
    refusal = mocker.patch.object(running.ingest, "take", side_effect=JournalUnwritable("the disk is full"))
    send(cabinet, log, (0, 20))
    running.until(lambda: refusal.call_count >= 3)
    mosquitto.kill()  # here nothing comes again: it is forgotten
    running.until(lambda: not running.broker.is_up)
    mocker.stop(refusal)
    mosquitto.start()
    running.until(lambda: running.broker.is_up)
    assert running.leaves() == []


def test_a_disk_that_takes_data_again(
    start: Callable[..., Running], cabinet: Onlooker, mocker: MockerFixture, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    log = made_log(40)
    running = start()
    running.until(lambda: running.service._settled)
    refusal = mocker.patch.object(running.ingest, "take", side_effect=JournalUnwritable("the disk is full"))
    send(cabinet, log, (0, 20), (20, 40))
    running.until(lambda: refusal.call_count >= 3)
    mocker.stop(refusal)
    running.until(lambda: 40 in acked(cabinet))
    assert running.leaves() == log.leaves
    assert [record.message for record in caplog.records].count("the database takes data again") == 1


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_huge_and_strange_messages_do_not_jam_it(
    protocol: str, start: Callable[..., Running], cabinet: Onlooker
) -> None:
    log = made_log(40)
    running = start(protocol)
    running.until(lambda: running.broker.is_up)
    for _ in range(30):  # more than the broker keeps unacknowledged
        cabinet.publish(JOURNAL, bytes(2 * PAYLOAD_BYTES_MAX))
    for number in range(30):
        cabinet.publish(ROOM + "journal/ack", b"not ours")
        cabinet.publish(f"{BASE}/Not A Site/{number}/journal", b"x")
        cabinet.publish(JOURNAL, b"junk")
        for _ in range(5):
            cabinet._client.publish(JOURNAL, b"", qos=0)
    send(cabinet, log, (0, 40))
    running.until(lambda: 40 in acked_or_junk(cabinet))
    dropped = running.dropped()
    assert dropped.pop("malformed") >= 30
    # MQTT 5 brokers keep back what is too long; the others deliver it.
    assert dropped == ({} if protocol == "5" else {"oversized": 30})


def acked_or_junk(onlooker: Onlooker) -> list[int]:
    return [40 for payload in onlooker.payloads(ACK) if b"\n40\n" in payload]


@pytest.fixture
def process(tmp_path: Path, mosquitto: Mosquitto) -> Iterator[Callable[[], subprocess.Popen[str]]]:
    """Starts the program itself."""
    started: list[subprocess.Popen[str]] = []
    (tmp_path / "collector.toml").write_text(CONFIG.replace("1883", str(mosquitto.port)))

    def begin() -> subprocess.Popen[str]:
        program = "import sys; from sync.collector import main; sys.exit(main())"
        arguments = [sys.executable, "-c", program, "--config", str(tmp_path / "collector.toml")]
        environ = os.environ | {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "200000"}
        started.append(subprocess.Popen(arguments, cwd=ROOT, env=environ, stderr=subprocess.PIPE, text=True))
        return started[-1]

    yield begin
    for one in started:
        one.kill()
        one.communicate()


def test_the_program(process: Callable[[], subprocess.Popen[str]], cabinet: Onlooker, tmp_path: Path) -> None:
    log = made_log(40)
    cabinet.publish(SESSION, log.session(head=0), retain=True)
    systemd = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    systemd.bind(str(tmp_path / "notify"))
    systemd.settimeout(PATIENCE_S)
    first = process()
    assert systemd.recv(100) == b"READY=1"
    assert first.stderr is not None
    while "accepted us" not in first.stderr.readline():
        assert first.poll() is None
    second = process()
    assert second.wait(PATIENCE_S) == 11, "the database is in use"
    send(cabinet, log, (0, 20), (20, 40))
    cabinet.wait(lambda: any(b"\n40\n" in payload for payload in cabinet.payloads(ACK)))
    assert systemd.recv(100) == b"WATCHDOG=1"
    systemd.close()
    first.send_signal(signal.SIGTERM)
    assert first.wait(PATIENCE_S) == 0
    assert "Traceback" not in first.stderr.read()
    assert (tmp_path / "collector.key").stat().st_mode & 0o777 == 0o600
