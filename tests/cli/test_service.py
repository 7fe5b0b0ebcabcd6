from __future__ import annotations

import sys

import pytest

from cabinet.cli import main
from tests.cli.conftest import Ctl
from tests.cli.fake_daemon import FakeDaemon
from tests.cli.test_people import Terminal

RELEASE = ("slot", "release", "7", "--reason", "lost fob")


def test_a_release_reaches_the_daemon_with_its_reason(ctl: Ctl, daemon: FakeDaemon) -> None:
    ended = ctl(*RELEASE, "--yes")
    assert daemon.asked == [("slot.release", {"slot": 7, "reason": "lost fob", "dry_run": False})]
    assert (ended.code, ended.out) == (0, "slot 7 (K-0007) released\n")
    assert ctl(*RELEASE, "--yes", "--json").json == {"schema": 1, "slot": 7, "item": "K-0007", "dry_run": False}


def test_where_nobody_can_be_asked_it_needs_yes(ctl: Ctl, daemon: FakeDaemon) -> None:
    ended = ctl(*RELEASE, typed="y\n")
    assert (ended.code, ended.out, daemon.asked) == (2, "", [])
    assert "--yes" in ended.err


def test_a_dry_run_needs_no_yes(ctl: Ctl, daemon: FakeDaemon) -> None:
    ended = ctl(*RELEASE, "--dry-run")
    assert daemon.asked[0][1]["dry_run"] is True
    assert "would be released" in ended.out


@pytest.mark.parametrize(
    ("typed", "released"), [("y\n", 1), ("YES\n", 1), ("n\n", 0), ("\n", 0), ("", 0), ("sure\n", 0)]
)
def test_on_a_terminal_it_asks(
    daemon: FakeDaemon,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    typed: str,
    released: int,
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(typed))
    code = main(RELEASE)
    assert len(daemon.asked) == released
    assert code == (0 if released else 130)
    assert "Open slot 7 now (lost fob)?" in capsys.readouterr().err


@pytest.mark.parametrize("reason", ["", "   ", "x" * 201, "two\nlines", "\x1b[2J"])
def test_a_reason_must_say_something(ctl: Ctl, daemon: FakeDaemon, reason: str) -> None:
    ended = ctl("slot", "release", "7", "--yes", f"--reason={reason}")
    assert ended.code == 2
    assert daemon.asked == []


def test_without_a_reason(ctl: Ctl) -> None:
    assert "--reason" in ctl("slot", "release", "7", "--yes").err


@pytest.mark.parametrize("slot", ["0", "-1", "seven", "7.5", "10000", ""])
def test_no_slot_number(ctl: Ctl, daemon: FakeDaemon, slot: str) -> None:
    assert ctl("slot", "release", slot, "--reason", "x", "--yes").code == 2
    assert daemon.asked == []


def test_a_slot_that_is_not_there(ctl: Ctl, daemon: FakeDaemon) -> None:
    ended = ctl("slot", "release", "99", "--reason", "x", "--yes", "--json")
    assert ended.code == 10
    assert ended.json["error"]["exit"] == 10


CONFIRM = ("clock", "confirm", "--reason", "station clock")


def test_the_clock_is_shown_before_it_is_confirmed(
    daemon: FakeDaemon, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal("y\n"))
    assert main(CONFIRM) == 0
    printed = capsys.readouterr()
    assert (
        "says 2026-03-10 09:30:12 (Europe/Zurich); it was set while no time service vouched for it. Is it right?"
        in (printed.err)
    )
    assert printed.out == "2026-03-10 09:30:12 (Europe/Zurich) is confirmed\n"
    assert daemon.asked[-1] == ("clock.confirm", {"reason": "station clock", "dry_run": False})


def test_who_does_not_say_yes_confirms_nothing(ctl: Ctl, daemon: FakeDaemon) -> None:
    ended = ctl(*CONFIRM, typed="n\n")
    assert ended.code == 2
    assert [method for method, _ in daemon.asked] == ["clock.show"]
    ended = ctl(*CONFIRM, "--dry-run", "--json")
    assert (ended.json["dry_run"], daemon.asked[-1][1]["dry_run"]) == (True, True)
