"""A bar where somebody looks, and nothing where a program reads."""

from __future__ import annotations

import io
import sys

import pytest

from cabinet.cli.output import Output


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.setattr(sys, "stderr", shown := Terminal())
    with Output(as_json=False).progress() as bar:
        assert bar is not None
        bar("epoch 2", 500, 1000)
    assert "epoch 2" in shown.getvalue()
    assert "50%" in shown.getvalue()


@pytest.mark.parametrize(("out", "err", "as_json"), [(io.StringIO, Terminal, False), (Terminal, Terminal, True)])
def test_elsewhere(monkeypatch: pytest.MonkeyPatch, out: type, err: type, as_json: bool) -> None:
    monkeypatch.setattr(sys, "stdout", out())
    monkeypatch.setattr(sys, "stderr", shown := err())
    with Output(as_json=as_json).progress() as bar:
        assert bar is None
    assert shown.getvalue() == ""
