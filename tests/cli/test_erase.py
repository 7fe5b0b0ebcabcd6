"""person erase and customer erase: what still hangs on somebody is said first, and nobody is erased unasked."""

from __future__ import annotations

import sys

import pytest

from cabinet.cli import main
from tests.cli.conftest import Ctl
from tests.cli.fake_daemon import ERASED, FakeDaemon
from tests.cli.test_people import Terminal

ERASE = ("erase", "1003", "--reason", "left the company")


@pytest.mark.parametrize("kind", ["person", "customer"])
def test_what_is_left_is_told_and_then_it_is_done(kind: str, ctl: Ctl, daemon: FakeDaemon) -> None:
    ended = ctl(kind, *ERASE, "--yes")
    asked = {kind: "1003", "reason": "left the company"}
    assert daemon.asked == [(f"{kind}.erase", asked | {"dry_run": dry_run}) for dry_run in (True, False)]
    assert (ended.code, ended.out) == (0, f"{kind} 1003 is erased; the journal calls them c2l4dGVlbmJ5dGVzISEhIQ==\n")
    for told in (
        "they still hold K-0003 (slot 3): whoever brings it back, the journal names nobody",
        "just released for them: something (slot 4)",
        "bookings that end with it: 2",
        "not reached by this: set-aside-20260302T080000Z; delete it",
        "open incidents whose text ends with it: 1",
    ):
        assert told in ended.err


def test_a_dry_run_needs_no_yes_and_erases_nobody(ctl: Ctl, daemon: FakeDaemon) -> None:
    ended = ctl("person", *ERASE, "--dry-run", "--json")
    assert [params["dry_run"] for _, params in daemon.asked] == [True]
    assert ended.json == {"schema": 1, **ERASED, "dry_run": True}


def test_where_nobody_can_be_asked_it_needs_yes(ctl: Ctl, daemon: FakeDaemon) -> None:
    ended = ctl("person", *ERASE, typed="y\n")
    assert (ended.code, daemon.asked) == (2, [])
    assert "--yes" in ended.err


@pytest.mark.parametrize(("typed", "erased"), [("y\n", True), ("\n", False), ("yesterday\n", False)])
def test_on_a_terminal_it_asks(
    daemon: FakeDaemon,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    typed: str,
    erased: bool,
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(typed))
    assert main(("person", *ERASE)) == (0 if erased else 130)
    assert [params["dry_run"] for _, params in daemon.asked] == ([True, False] if erased else [True])
    shown = capsys.readouterr().err
    assert shown.index("they still hold") < shown.index("Erase person 1003 for good?")
