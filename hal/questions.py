"""A question on a line whose replies carry no transaction number, and how its answer is told from what else is
heard. No I/O and no protocol here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")

HEARD_MAX = 1024
"""Bytes kept while looking for an answer; the longest one has 255."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """The unit answered that it will not; `code` is its reason in its own protocol."""

    reason: str
    code: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Question(Generic[T]):
    """One request. `heads` are the ways a reply may begin, each with its whole length, the good one first.

    `check` gives the answer in a candidate of that length, None when it is no reply to this question; it never
    raises. Without heads the unit does not reply: `check` gives the answer in nothing once the frame was sent."""

    unit: int
    frame: bytes
    heads: tuple[tuple[bytes, int], ...]
    check: Callable[[bytes], T | Refusal | None]
    asks: int
    """How often it may be sent: 2 for reads, 1 for anything that acts."""
    urgent: bool
    answer_s: float | None = None
    """How long it may take before it answers this one, with other bytes before that; None: as the line says."""

    @property
    def size(self) -> int:
        """Of the good reply."""
        return self.heads[0][1] if self.heads else 0


class Hearing(Generic[T]):
    """What was heard since a question was sent, and the answer found in it."""

    def __init__(self, question: Question[T], *, echo: bool, owed: dict[bytes, Question[Any]]) -> None:
        """`echo`: a copy of the question comes first. `owed`: earlier questions to this unit whose answers may
        still come, by their frames; those that came, or cannot come any more, are taken out of it."""
        self.answer: T | Refusal | None = None
        self.anything = False
        self._question = question
        self._owed = owed
        self._echo_due = echo
        self._heard = bytearray()
        self._found = False
        self._misleading = False

    def take(self, chunk: bytes) -> bool:
        """Whether the answer is certain now."""
        self.anything = True
        self._heard += chunk
        del self._heard[:-HEARD_MAX]
        if self._echo_due and not self._drop_echo():
            return False
        while found := self._first_reply():
            end, answer, late = found
            del self._heard[:end]
            if answer is None:
                for frame in late:
                    del self._owed[frame]
                continue
            self.answer, self._found = answer, True
            if not late:
                # Units answer in order: what was asked before this will not be answered any more.
                self._owed.clear()
                self._misleading = False
                return True
            self._misleading = self._misleading or any(frame != self._question.frame for frame in late)
        return False

    @property
    def enough(self) -> bool:
        """As much was heard as an answer has: if silence follows, it was that or it was nothing."""
        if self._echo_due or self._question.answer_s is not None:
            return False
        return self._found or len(self._heard) >= self._question.size

    def end(self) -> None:
        """Nothing more comes. A reply that an owed question may have brought is taken only if that question was
        the same."""
        if self._misleading:
            self.answer = None

    @property
    def complaint(self) -> str:
        """Why there is no answer, and what to check."""
        if self._echo_due and not self.anything:
            return "not even the echo came; check the adapter, or set echo = false"
        if self.anything:
            return "unusable answer; check baud, termination and that no two boards have one address"
        return "no answer; check its power, its address and the wires A and B"

    def _first_reply(self) -> tuple[int, T | Refusal | None, list[bytes]] | None:
        """Where the first reply ends, the answer if it fits the question, and which owed questions it fits."""
        own = find(self._question, self._heard)
        owed = {frame: found for frame, question in self._owed.items() if (found := find(question, self._heard))}
        ends = [end for _, end in owed.values()]
        if own:
            ends.append(own[1])
        if not ends:
            return None
        first = min(ends)
        late = [frame for frame, (_, end) in owed.items() if end == first]
        return first, own[0] if own and own[1] == first else None, late

    def _drop_echo(self) -> bool:
        at = self._heard.find(self._question.frame)
        if at < 0:
            return False
        del self._heard[: at + len(self._question.frame)]
        self._echo_due = False
        return True


def find(question: Question[T], heard: bytearray) -> tuple[T | Refusal, int] | None:
    """The first reply to `question` in what was heard, whatever stands before it, and the index after it."""
    first: tuple[T | Refusal, int] | None = None
    for head, size in question.heads:
        at = heard.find(head)
        while at >= 0 and at + size <= len(heard):
            answer = question.check(bytes(heard[at : at + size]))
            if answer is not None:
                if first is None or at + size < first[1]:
                    first = (answer, at + size)
                break
            at = heard.find(head, at + 1)
    return first
