from __future__ import annotations

import pytest

from cabinet.control.protocol import Code, ControlError
from tests.cli.conftest import Ctl
from tests.cli.fake_daemon import FakeDaemon

MAKE = ("booking", "make", "1002", "K-0001", "--from", "2026-03-10T14:00", "--until", "2026-03-10T16:00")
TIMES = {"from": "2026-03-10T14:00+01:00", "until": "2026-03-10T16:00+01:00"}
BOOKING = {"booking": 41, "item": "K-0001", "person": "1002", **TIMES}
OTHER = {"booking": 44, "item": "V-0005", "person": "1006", **TIMES, "code": False}


@pytest.fixture(autouse=True)
def answers(daemon: FakeDaemon) -> None:
    daemon.answers["booking.make"] = BOOKING
    daemon.answers["booking.list"] = {"bookings": [BOOKING | {"code": True}, OTHER]}
    daemon.answers["booking.cancel"] = BOOKING | {"code": True}


def test_what_is_asked_and_what_is_said(ctl: Ctl, daemon: FakeDaemon) -> None:
    ended = ctl(*MAKE, "--reason", "viewing")
    assert daemon.asked == [
        (
            "booking.make",
            {
                "person": "1002",
                "item": "K-0001",
                "from": "2026-03-10T14:00",
                "until": "2026-03-10T16:00",
                "reason": "viewing",
                "override": False,
                "code": False,
                "dry_run": False,
            },
        )
    ]
    assert ended.out == "booking 41: K-0001 for 1002 from 2026-03-10 14:00 until 2026-03-10 16:00\n"
    assert "code" not in ctl(*MAKE, "--json").json


def test_a_code_is_shown(ctl: Ctl, daemon: FakeDaemon) -> None:
    daemon.answers["booking.make"] = BOOKING | {"code": "40961327"}
    assert ctl(*MAKE, "--code").out.endswith("\ncode, shown this once: 40961327\n")
    assert daemon.asked[0][1]["code"] is True
    assert ctl(*MAKE, "--code", "--json").json["code"] == "40961327"


def test_an_override_says_why(ctl: Ctl, daemon: FakeDaemon) -> None:
    ended = ctl(*MAKE, "--override")
    assert (ended.code, daemon.asked) == (2, [])
    assert "--reason" in ended.err
    assert ctl(*MAKE, "--override", "--reason", "burst pipe").code == 0
    assert daemon.asked[0][1]["override"] is True


def test_a_dry_run_is_one(ctl: Ctl, daemon: FakeDaemon) -> None:
    assert ctl(*MAKE, "--dry-run").out.startswith("dry run: K-0001 for 1002 from 2026-03-10 14:00")
    assert "would be cancelled" in ctl("booking", "cancel", "41", "--reason", "x", "--dry-run").out
    assert [params["dry_run"] for _, params in daemon.asked] == [True, True]


def test_a_refusal_is_5(ctl: Ctl, daemon: FakeDaemon) -> None:
    def refuse(params: object) -> object:
        raise ControlError(Code.REFUSED, "K-0001 is booked 2026-03-10 14:00-16:00 (booking 41)")

    daemon.answers["booking.make"] = refuse
    ended = ctl(*MAKE)
    assert (ended.code, ended.err) == (5, "cabinetctl: K-0001 is booked 2026-03-10 14:00-16:00 (booking 41)\n")


@pytest.mark.parametrize(
    ("options", "numbers"),
    [([], [41, 44]), (["--item", "V-0005"], [44]), (["--who", "1002"], [41]), (["--who", "1002", "--item", "X"], [])],
)
def test_what_is_booked(ctl: Ctl, options: list[str], numbers: list[int]) -> None:
    assert [one["booking"] for one in ctl("booking", "list", "--json", *options).json["bookings"]] == numbers
    lines = ctl("booking", "list", *options).out.splitlines()[1:]
    assert [int(line.split()[0]) for line in lines] == numbers


def test_a_cancellation_needs_a_reason_and_a_number(ctl: Ctl, daemon: FakeDaemon) -> None:
    assert ctl("booking", "cancel", "41").code == 2
    assert ctl("booking", "cancel", "the one", "--reason", "x").code == 2
    assert daemon.asked == []
    ended = ctl("booking", "cancel", "41", "--reason", "called off")
    assert daemon.asked == [("booking.cancel", {"booking": 41, "reason": "called off", "dry_run": False})]
    assert ended.out.endswith(" cancelled\n")
