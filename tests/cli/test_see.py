from __future__ import annotations

import json

import pytest

from cabinet.control.protocol import Code, ControlError
from tests.cli.conftest import Ctl
from tests.cli.fake_daemon import DEVICES, LEAF, SLOTS, STATUS, FakeDaemon


def test_status_says_the_state_planes_keys(ctl: Ctl, daemon: FakeDaemon) -> None:
    ended = ctl("status", "--json")
    assert ended.code == 0
    assert ended.json == {"schema": 1, **STATUS}


def test_status_in_words(ctl: Ctl, daemon: FakeDaemon) -> None:
    lines = ctl("status").out.splitlines()
    assert lines[0].split() == ["door", "closed"]
    assert lines[1].split() == ["tamper", "-"]
    assert "unsynced since   2026-01-01 16:00:00" in lines
    assert "ready            yes" in lines


@pytest.mark.parametrize("wrong", [{"ready": False}, {"devices_lost": ["relays"]}])
def test_a_degraded_cabinet_says_so_by_its_exit(ctl: Ctl, daemon: FakeDaemon, wrong: dict[str, object]) -> None:
    daemon.answers["status"] = STATUS | wrong
    assert ctl("status").code == 3


def test_slots(ctl: Ctl, daemon: FakeDaemon) -> None:
    assert ctl("slots", "--json").json == {"schema": 1, "slots": SLOTS}
    assert ctl("slots").out.splitlines() == [
        "slot  presence  item    fob      since                proven               bolt     overdue",
        "7     absent    K-0007  -        2026-01-01 16:00:00  2026-01-01 17:00:00  locked   yes",
        "8     unknown   -       foreign  -                    -                    unknown  no",
    ]


def test_devices(ctl: Ctl, daemon: FakeDaemon) -> None:
    assert ctl("devices", "--json").json == {"schema": 1, "devices": DEVICES}
    ended = ctl("devices")
    assert "answers" in ended.out.splitlines()[1]
    assert "lost" in ended.out.splitlines()[2]
    assert "check its power" in ended.out.splitlines()[2]
    assert ended.code == 0


def test_watch_shows_each_event_until_the_daemon_ends(ctl: Ctl, daemon: FakeDaemon) -> None:
    ended = ctl("watch", "--from", "12")
    assert daemon.asked == [("watch", {"from": 12})]
    assert ended.out.splitlines()[0] == (
        "     12  2026-01-01 08:00:00  item.removed          slot 7     K-0007    "
        "holder c2l4dGVl  auth=card+pin due=2026-01-01 16:00:00"
    )
    assert len(ended.out.splitlines()) == 2
    assert ended.code == 8
    assert "ended the connection" in ended.err


def test_watch_as_json_lines(ctl: Ctl, daemon: FakeDaemon) -> None:
    ended = ctl("watch", "--json")
    assert daemon.asked == [("watch", {"from": None})]
    *events, error = [json.loads(line) for line in ended.out.splitlines()]
    assert events == [{"schema": 1, "n": n, "leaf": LEAF} for n in (12, 13)]
    assert error["error"]["exit"] == 8


@pytest.mark.parametrize(
    ("what", "asked"),
    [
        ("ready", {"for": "ready"}),
        ("synced", {"for": "synced"}),
        ("slot=7:absent", {"for": "slot", "slot": 7, "presence": "absent"}),
        ("slot=12:present", {"for": "slot", "slot": 12, "presence": "present"}),
    ],
)
def test_wait_asks_for_what_is_meant(ctl: Ctl, daemon: FakeDaemon, what: str, asked: dict[str, object]) -> None:
    assert ctl("wait", what, "--timeout", "5").code == 0
    ((method, params),) = daemon.asked
    timeout_s = params.pop("timeout_s")
    assert isinstance(timeout_s, float)
    assert 4 < timeout_s <= 5
    assert (method, params) == ("wait", asked)


def test_wait_that_takes_too_long(ctl: Ctl, daemon: FakeDaemon) -> None:
    daemon.answers["wait"] = ControlError(Code.TIMEOUT, "slot 7 is still present")
    ended = ctl("wait", "slot=7:absent", "--json")
    assert ended.code == 4
    assert ended.json["error"] == {"exit": 4, "message": "slot 7 is still present"}


def test_wait_ready_asks_again_only_while_the_daemon_is_away(ctl: Ctl, daemon: FakeDaemon) -> None:
    daemon.answers["wait"] = ControlError(Code.HARDWARE, "board 1 does not answer")
    assert ctl("wait", "ready", "--timeout", "1").code == 14
    assert len(daemon.asked) == 1


@pytest.mark.parametrize("what", ["redy", "slot=0:absent", "slot=7:gone", "slot=7", ""])
def test_wait_for_something_unknown(ctl: Ctl, what: str) -> None:
    ended = ctl("wait", what)
    assert ended.code == 2
    assert "slot=N:absent" in ended.err


@pytest.mark.parametrize("timeout", ["-1", "3601", "1e3", "nan", "soon", ""])
def test_wait_is_bounded(ctl: Ctl, timeout: str) -> None:
    assert ctl("wait", "ready", f"--timeout={timeout}").code == 2


def test_wait_ready_waits_for_the_daemon_to_start(
    ctl: Ctl, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = FakeDaemon(tmp_path_factory.mktemp("late") / "service.sock")
    running = late.running()
    sleeps: list[float] = []

    def start_at_the_second(seconds: float) -> None:
        sleeps.append(seconds)
        if len(sleeps) == 2:
            running.__enter__()

    monkeypatch.setattr("time.sleep", start_at_the_second)
    try:
        assert ctl("wait", "ready", "--socket", str(late.path)).code == 0
    finally:
        running.__exit__(None, None, None)
    assert len(sleeps) == 2


def test_wait_ready_without_a_daemon_ends(ctl: Ctl) -> None:
    ended = ctl("wait", "ready", "--timeout", "0")
    assert ended.code == 8
    assert "systemctl start cabinetd" in ended.err
