"""A text screen on a serial line: takes UTF-8 and the few control sequences (ECMA-48) that screens are made of.

    ESC [ 2 J   erase all     ESC [ H   to the top left     CR, LF   line ends

25 lines of 80 characters. Text goes where the cursor is, what does not fit is not shown; other sequences are
swallowed.
"""

from __future__ import annotations

import codecs
import random
from collections.abc import Callable, Mapping
from typing import ClassVar

from simulator.body import Spoil
from simulator.faults import Fault
from simulator.options import Options

ROWS, COLUMNS = 25, 80
ESC = "\x1b"
SEQUENCE_MAX = 32


class TerminalDisplay:
    title = "text screen, UTF-8 over a serial line"
    options: ClassVar = {"baud": "any rate; a pty has none"}
    faults = ("echo", "unplug", "power-cycle")
    spoilers: ClassVar[Mapping[str, Spoil]] = {}

    def __init__(self, on_text: Callable[[str], None]) -> None:
        """`on_text` gets all that stands on the screen after each change, lines parted by a line feed."""
        self._on_text = on_text
        self._blank()

    @classmethod
    def alone(cls, options: Options, rng: random.Random) -> TerminalDisplay:
        options.number("baud", 9600, 1, 1_000_000)
        return cls(lambda text: None)

    @property
    def text(self) -> str:
        return "\n".join("".join(row).rstrip() for row in self._rows).rstrip("\n")

    def connect(self, send: Callable[[bytes], None]) -> None:
        """The screen says nothing."""

    def receive(self, data: bytes) -> None:
        before = self.text
        for char in self._decoder.decode(data):
            self._take(char)
        if self.text != before:
            self._on_text(self.text)

    def power(self, *, on: bool) -> None:
        self._blank()
        self._on_text(self.text)

    def afflict(self, fault: Fault) -> None:
        raise AssertionError(f"{fault.name}: all faults of this screen are faults of its line")

    def heal(self) -> None:
        """Has none of its own."""

    def _blank(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._sequence = ""
        self._row = self._column = 0
        self._erase()

    def _erase(self) -> None:
        self._rows = [[" "] * COLUMNS for _ in range(ROWS)]

    def _take(self, char: str) -> None:
        if char == ESC:
            self._sequence = ESC
        elif self._sequence:
            self._take_in_sequence(char)
        elif char == "\r":
            self._column = 0
        elif char == "\n":
            self._row += 1
        elif char.isprintable():
            self._put(char)

    def _take_in_sequence(self, char: str) -> None:
        self._sequence += char
        begins = self._sequence == f"{ESC}["
        if self._sequence == f"{ESC}[2J":
            self._erase()
        elif self._sequence == f"{ESC}[H":
            self._row = self._column = 0
        elif (begins or not "@" <= char <= "~") and len(self._sequence) < SEQUENCE_MAX:
            return
        self._sequence = ""

    def _put(self, char: str) -> None:
        if self._row < ROWS and self._column < COLUMNS:
            self._rows[self._row][self._column] = char
            self._column += 1
