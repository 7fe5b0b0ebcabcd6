"""10: no PIN, card number, key or plain name in anything that is written or sent."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping

from simulator.harness import happenings as seen
from simulator.harness.witness import Hear, Violated


class NothingPersonal:
    number = 10
    title = "no PIN, key or name in logs, leaves, topics or traces"

    def __init__(self, words: Iterable[str], keys: Iterable[bytes]) -> None:
        """`words` are names, card numbers and PINs, the latter long enough not to come about by chance."""
        spelt = [one for key in keys for one in (key.hex(), base64.b64encode(key).decode().rstrip("="))]
        self._forbidden = (*words, *spelt)

    def hears(self) -> Mapping[type, Hear]:
        return {
            seen.CodeGiven: lambda it: self._forbid(it.code),
            seen.Offered: lambda it: self._forbid(it.code),
            seen.FirstPin: lambda it: self._forbid(it.pin),
            seen.Leaf: lambda it: self._look("a leaf", it.data.decode()),
            seen.Published: self._published,
            seen.Logged: lambda it: self._look("the log", it.text),
            seen.Effect: lambda it: self._look("an effect's text in a trace", str(it)),
        }

    def at_rest(self) -> None:
        """Nothing more than at each moment."""

    def _forbid(self, word: str) -> None:
        self._forbidden = (*self._forbidden, word)

    def _published(self, published: seen.Published) -> None:
        # Leaves have been looked at when they were stored, and are the same bytes.
        if not published.topic.endswith("/journal"):
            self._look(f"a message on {published.topic}", published.topic + published.payload.decode())

    def _look(self, where: str, text: str) -> None:
        for word in self._forbidden:
            if word in text and not (word.isdigit() and _part_of_a_number(word, text)):
                kind = "a number" if word.isdigit() else "a name or key"
                raise Violated(self, f"{where} holds {kind} that must not stand there ({len(word)} characters)")


def _part_of_a_number(digits: str, text: str) -> bool:
    """Of a time in milliseconds, or of a hash."""
    return re.search(rf"(?<![0-9a-f]){digits}(?![0-9a-f])", text) is None
