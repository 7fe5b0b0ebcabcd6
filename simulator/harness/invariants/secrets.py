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
        spelt = [rf"(?<![A-Za-z0-9]){re.escape(word)}(?![A-Za-z0-9])" for word in words]
        spelt += [re.escape(one) for key in keys for one in (key.hex(), base64.b64encode(key).decode().rstrip("="))]
        self._forbidden = re.compile("|".join(spelt), re.IGNORECASE)

    def hears(self) -> Mapping[type, Hear]:
        return {
            seen.Leaf: lambda it: self._look("a leaf", it.data.decode()),
            seen.Published: lambda it: self._look(f"a message on {it.topic}", it.topic + it.payload.decode()),
            seen.Logged: lambda it: self._look("the log", it.text),
            seen.Effect: lambda it: self._look("an effect's text in a trace", str(it)),
        }

    def at_rest(self) -> None:
        """Nothing more than at each moment."""

    def _look(self, where: str, text: str) -> None:
        if found := self._forbidden.search(text):
            kind = "a number" if found[0].isdigit() else "a name or key"
            raise Violated(self, f"{where} holds {kind} that must not stand there ({len(found[0])} characters)")
