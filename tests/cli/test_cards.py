"""`credential personalise`: it looks, asks, writes, and leaves alone what is not ours."""

from __future__ import annotations

import sys

import pytest

from cabinet.cli import main
from tests.cli.conftest import Ctl
from tests.cli.fake_daemon import FakeDaemon
from tests.cli.test_people import Terminal

CARD = "04:78:2E:21:80:1D:80"
PERSONALISE = ("credential", "personalise", "nfc-reader")
LOOKED = ("credential.look", {"reader": "nfc-reader", "timeout_s": 30.0})
WRITTEN = ("credential.personalise", {"reader": "nfc-reader", "card": CARD})


def lies(daemon: FakeDaemon, state: str, hint: str = "") -> None:
    daemon.answers["credential.look"] = {"card": CARD, "state": state, "hint": hint}
    daemon.answers["credential.personalise"] = {"card": CARD}


@pytest.mark.parametrize(("typed", "written"), [("y\n", True), ("n\n", False), ("", False)])
def test_it_asks_before_it_writes(
    daemon: FakeDaemon,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    typed: str,
    written: bool,
) -> None:
    lies(daemon, "new")
    monkeypatch.setattr(sys, "stdin", Terminal(typed))
    code = main(PERSONALISE)
    assert daemon.asked == [LOOKED, WRITTEN][: 1 + written]
    assert code == (0 if written else 130)
    assert f"Write the keys of this site onto card {CARD} (nothing of this site is on it)?" in capsys.readouterr().err


def test_what_it_has_done(ctl: Ctl, daemon: FakeDaemon) -> None:
    lies(daemon, "unfinished")
    assert ctl(*PERSONALISE, "--yes").out == f"card {CARD} has got its keys and has proved them\n"
    assert ctl(*PERSONALISE, "--yes", "--json").json == {
        "schema": 1,
        "card": CARD,
        "state": "unfinished",
        "dry_run": False,
    }


@pytest.mark.parametrize(
    ("state", "arguments", "code", "said"),
    [
        ("ours", (), 0, "holds the keys of this site already; nothing was written"),
        ("new", ("--dry-run",), 0, "dry run: card 04:78:2E:21:80:1D:80 would get the keys of this site"),
        ("foreign", ("--yes",), 5, "is left alone: it holds another key"),
    ],
)
def test_what_is_left_as_it_is(
    ctl: Ctl, daemon: FakeDaemon, state: str, arguments: tuple[str, ...], code: int, said: str
) -> None:
    lies(daemon, state, "it holds another key")
    ended = ctl(*PERSONALISE, *arguments)
    assert (ended.code, daemon.asked) == (code, [LOOKED])
    assert said in ended.out + ended.err
