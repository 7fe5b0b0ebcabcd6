"""PINs: the rules, the record, and that a wrong guess costs what a right one costs."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from pytest_mock import MockerFixture

from cabinet.vault.pin import PinCheck, PinCost, calibrate, refusal
from hal.clock import Now
from hal.secret import Secret

CHEAP = PinCost(iterations=1, memory_kib=8)
PEPPER = b"p" * 32


def pins(pepper: bytes = PEPPER) -> PinCheck:
    return PinCheck(pepper, lambda: CHEAP, os.urandom)


@pytest.mark.parametrize("pin", ["4711", "1235", "0102", "135790246801", "1122", "9081"])
def test_allowed(pin: str) -> None:
    assert refusal(Secret(pin)) is None


@pytest.mark.parametrize(
    ("pin", "why"),
    [
        ("", "4 to 12 digits"),
        ("471", "4 to 12 digits"),
        ("4711471147114", "4 to 12 digits"),
        ("47a1", "4 to 12 digits"),
        ("٤٧١١", "4 to 12 digits"),
        ("4711\n", "4 to 12 digits"),
        ("0000", "one digit repeated"),
        ("777777777777", "one digit repeated"),
        ("1234", "straight run"),
        ("7890", "straight run"),
        ("4321", "straight run"),
        ("210987", "straight run"),
    ],
)
def test_refused_with_a_sentence(pin: str, why: str) -> None:
    assert why in (refusal(Secret(pin)) or "")
    with pytest.raises(ValueError, match=why):
        pins().make(Secret(pin))


def test_only_the_pin_fits_and_only_with_the_pepper() -> None:
    record = pins().make(Secret("4711"))
    assert pins().check(record, Secret("4711"))
    assert not pins().check(record, Secret("4712"))
    assert not pins().check(record, Secret("47110"))
    assert not pins().check(None, Secret("4711"))
    assert not pins(b"q" * 32).check(record, Secret("4711"))
    assert pins().make(Secret("4711")) != record


def test_record_is_salt_and_argon2id() -> None:
    record = pins().make(Secret("4711"))
    salt, digest = record[:16], record[16:]
    kdf = Argon2id(salt=salt, length=32, iterations=1, lanes=1, memory_cost=8, secret=PEPPER)
    assert kdf.derive(b"4711") == digest


def test_every_check_is_the_same_work(mocker: MockerFixture) -> None:
    check, record = pins(), pins().make(Secret("4711"))
    spy = mocker.patch("cabinet.vault.pin.Argon2id", side_effect=Argon2id)
    for known, pin in ((record, "4711"), (record, "9"), (None, "4711"), (None, "")):
        check.check(known, Secret(pin))
    work = [
        {k: v for k, v in call.kwargs.items() if k != "salt"} | {"salt": len(call.kwargs["salt"])}
        for call in spy.call_args_list
    ]
    assert work == [{"length": 32, "iterations": 1, "lanes": 1, "memory_cost": 8, "secret": PEPPER, "salt": 16}] * 4


class Steps:
    """A clock on which each pass of the hash takes `pass_s`, and starting one 1 ms."""

    def __init__(self, pass_s: float, mocker: MockerFixture) -> None:
        self._now_s = 0.0
        self._pass_s = pass_s
        mocker.patch("cabinet.vault.pin._derive", side_effect=self._derive)

    def _derive(self, cost: PinCost, *_: bytes) -> bytes:
        assert cost.memory_kib == 16 * 1024
        self._now_s += 0.001 + cost.iterations * self._pass_s
        return b""

    def mono_s(self) -> float:
        return self._now_s

    def now(self) -> Now:
        return Now(self._now_s, 0, "none")


@pytest.mark.parametrize(("pass_s", "iterations"), [(0.025, 10), (0.05, 5), (0.4, 2), (0.0001, 256)])
def test_calibrated_to_the_board(pass_s: float, iterations: int, mocker: MockerFixture) -> None:
    assert calibrate(Steps(pass_s, mocker), 0.25) == PinCost(iterations)


def test_a_check_takes_no_more_than_24_mib() -> None:
    program = """
import os
from pathlib import Path
from cabinet.vault.pin import PinCheck, PinCost
from hal.secret import Secret

def peak_kib():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))

cheap = PinCheck(bytes(32), lambda: PinCost(1, 8), os.urandom)
cheap.check(None, Secret("4711"))
Path("/proc/self/clear_refs").write_text("5")  # the high-water mark falls to what is in use now
before = peak_kib()
PinCheck(bytes(32), lambda: PinCost(2), os.urandom).check(None, Secret("4711"))
print(peak_kib() - before)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert 8 * 1024 < int(done.stdout) <= 24 * 1024
