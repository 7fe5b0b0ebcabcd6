"""cabinet-uplink as a program: arguments, signals, notifications, memory."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cabinet.journal.note import Signer
from tests.sync.cabinet import FakeCabinet
from tests.sync.conftest import Collecting
from tests.sync.mosquitto import PATIENCE_S, Mosquitto, Onlooker, free_port, needs_mosquitto
from tests.sync.proxy import Proxy
from tests.sync.upstream import MemoryJournal

STATUS = "kc/v1/demo/lobby-01/status"
PROGRAM = [sys.executable, "-c", "import sys; from sync.uplink import main; sys.exit(main())", "--config"]
ROOT = Path(__file__).parents[2]


def configured(folder: Path, port: int, *more: str) -> Path:
    file = folder / "cabinet.toml"
    lines = ["[cabinet]", 'socket_dir = "."', "[uplink]", f"port = {port}", "jitter_s_max = 0", *more]
    if not any(line.startswith("host") for line in more):
        lines.append('host = "127.0.0.1"')
    file.write_text("\n".join(lines) + "\n")
    return file


class Program:
    def __init__(self, file: Path, **environment: str) -> None:
        self._log = file.with_suffix(".log").open("w+b")
        self.process = subprocess.Popen(
            [*PROGRAM, str(file)], cwd=ROOT, stderr=self._log, env=os.environ | {"PYTHONPATH": str(ROOT)} | environment
        )

    def ended(self) -> tuple[int, str]:
        """Exit code and what it logged."""
        code = self.process.wait(PATIENCE_S)
        self._log.seek(0)
        return code, self._log.read().decode()

    def status(self, field: str) -> int:
        """A figure of proc(5), kB."""
        found = re.search(rf"{field}:\s+(\d+) kB", Path(f"/proc/{self.process.pid}/status").read_text())
        assert found
        return int(found[1])

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self._log.close()


Launch = Callable[..., Program]


@pytest.fixture
def launch() -> Iterator[Launch]:
    programs: list[Program] = []

    def begin(file: Path, **environment: str) -> Program:
        programs.append(Program(file, **environment))
        return programs[-1]

    yield begin
    for program in programs:
        program.close()


@needs_mosquitto
def test_sigterm_says_offline_once_and_ends_well(
    cabinet: FakeCabinet, mosquitto: Mosquitto, tmp_path: Path, launch: Launch
) -> None:
    with Onlooker(mosquitto.port) as tools:
        program = launch(configured(tmp_path, mosquitto.port))
        tools.wait(lambda: tools.newest(STATUS) == b"online")
        program.process.send_signal(signal.SIGTERM)
        code, log = program.ended()
        assert code == 0, log
        tools.wait(lambda: tools.newest(STATUS) == b"offline")
        tools.publish("kc/end", b"")
        tools.wait(lambda: bool(tools.payloads("kc/end")))
        assert tools.payloads(STATUS) == [b"online", b"offline"], "the will was taken back"


@needs_mosquitto
def test_kill_9_leaves_it_to_the_will(
    cabinet: FakeCabinet, mosquitto: Mosquitto, tmp_path: Path, launch: Launch
) -> None:
    with Onlooker(mosquitto.port) as tools:
        program = launch(configured(tmp_path, mosquitto.port))
        tools.wait(lambda: tools.newest(STATUS) == b"online")
        program.process.kill()
        tools.wait(lambda: tools.newest(STATUS) == b"offline")


def test_sigterm_with_nobody_there(tmp_path: Path, launch: Launch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(PATIENCE_S)
        program = launch(
            configured(tmp_path, free_port()), NOTIFY_SOCKET=str(tmp_path / "notify"), WATCHDOG_USEC="200000"
        )
        assert systemd.recv(100) == b"READY=1"
        assert systemd.recv(100) == b"WATCHDOG=1"
        assert systemd.recv(100) == b"WATCHDOG=1"
        program.process.send_signal(signal.SIGTERM)
        code, log = program.ended()
        assert code == 0, log
        while (told := systemd.recv(100)) == b"WATCHDOG=1":
            continue
        assert told == b"STOPPING=1"
    assert log.count("cabinetd does not answer") == 1


def test_cabinetd_that_speaks_for_another_cabinet_ends_it(cabinet: FakeCabinet, tmp_path: Path, launch: Launch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        program = launch(configured(tmp_path, nobody.getsockname()[1]))
        nobody.settimeout(PATIENCE_S)
        nobody.accept()[0].close()
        cabinet.stop()
        cabinet.journal = MemoryJournal(Signer("cabinet.demo/lobby-02", bytes(32)))
        cabinet.start()
        code, log = program.ended()
    assert code == 1
    assert "cabinetd speaks for cabinet.demo/lobby-02 now" in log


@needs_mosquitto
def test_a_broker_under_another_name_is_not_trusted(
    cabinet: FakeCabinet, guarded: Mosquitto, keys: Path, tmp_path: Path, launch: Launch
) -> None:
    files = [f'ca = "{keys}/ca.crt"', f'certificate = "{keys}/lobby-01.crt"', f'key = "{keys}/lobby-01.key"']
    with Proxy(guarded.port, is_mqtt=False) as proxy:
        program = launch(configured(tmp_path, proxy.port, *files))
        proxy.wait_for(connections=2)
    program.process.send_signal(signal.SIGTERM)
    code, log = program.ended()
    assert code == 0
    assert "certificate verify failed: IP address mismatch" in log
    assert log.count("out of reach") == 1


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (["hots = 1"], 'cabinet.toml:6:1: unknown key "hots"'),
        (["keepalive_s = 0"], "cabinet.toml:6:1: keepalive_s: should be 1 to 3600"),
        (['ca = "ca.crt"'], "only ca: ca, certificate and key are needed, all three or none"),
        (['ca = "a"', 'certificate = "b"', 'key = "c"'], "/a: No such file or directory; a CA certificate"),
        (['host = "two..dots"'], "should be a name such as broker.example, or an address"),
        (['base = "kc/+"'], "base: "),
    ],
)
def test_a_bad_configuration_is_named_and_ends_with_78(
    lines: list[str], says: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file = configured(tmp_path, 8883, *lines)
    done = subprocess.run([*PROGRAM, str(file)], cwd=ROOT, timeout=PATIENCE_S, check=False)
    assert done.returncode == 78
    assert says in capfd.readouterr().err


def test_a_key_that_does_not_fit_is_named(keys: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    files = [f'ca = "{keys}/ca.crt"', f'certificate = "{keys}/lobby-01.crt"', f'key = "{keys}/lobby-02.key"']
    file = configured(tmp_path, 8883, *files)
    done = subprocess.run([*PROGRAM, str(file)], cwd=ROOT, timeout=PATIENCE_S, check=False)
    assert done.returncode == 78
    assert "a certificate and its key (PEM, no password), readable for this user, are needed" in capfd.readouterr().err


@needs_mosquitto
def test_draining_takes_less_than_5_mb(
    cabinet: FakeCabinet, mosquitto: Mosquitto, collecting: Collecting, tmp_path: Path, launch: Launch
) -> None:
    program = launch(configured(tmp_path, mosquitto.port))
    collecting.onlooker.wait(lambda: collecting.onlooker.newest(STATUS) == b"online")
    cabinet.write(1)
    cabinet.wait(lambda: cabinet.journal.acked == 1)
    idle_kb = program.status("VmRSS")
    for _ in range(200):
        cabinet.write(50, tell=False, pad="x" * 220)
    collecting.is_answering = False
    cabinet.write(1)
    collecting.onlooker.wait(lambda: collecting.upstream.batches >= 21)
    collecting.is_answering = True
    assert collecting.upstream.newest is not None
    collecting.onlooker.publish("kc/v1/demo/lobby-01/journal/ack", collecting.upstream.newest, retain=True)
    cabinet.wait(lambda: cabinet.journal.acked == cabinet.journal.size == 10_002)
    assert program.status("VmHWM") - idle_kb < 5 * 1024
