"""What is asked of the daemon from outside: 11 (done once, for whom it is), 16 (bad input replaces nothing good)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from simulator.harness import happenings as seen
from simulator.harness.truth import Truth
from simulator.harness.witness import Hear, Violated


class DoneOnce:
    number = 11
    title = "a command acts at most once, and none from upstream"

    def __init__(self) -> None:
        self._reasons: dict[str, int] = {}

    def hears(self) -> Mapping[type, Hear]:
        return {seen.Leaf: self._leaf}

    def at_rest(self) -> None:
        """Nothing more than at each moment."""

    def _leaf(self, leaf: seen.Leaf) -> None:
        content = leaf.content
        if content["ev"].startswith("command.accepted"):
            raise Violated(self, f"leaf {leaf.n}: a command from upstream was accepted; the broker's are all forged")
        if content["ev"] != "item.granted" or content.get("auth") != "service":
            return
        reason = content["reason"]
        if "forged" in reason:
            raise Violated(self, f"leaf {leaf.n}: a forged command opened slot {content['slot']}")
        if (first := self._reasons.setdefault(reason, leaf.reference)) != leaf.reference:
            raise Violated(self, f"leaf {leaf.n}: the request of leaf {first} is done a second time")


class GoodStays:
    number = 16
    title = "a bad roster never replaces a good one"

    def __init__(self, truth: Truth, version: Callable[[], tuple[int, str]]) -> None:
        """`version`: of the roster database, with its digest."""
        self._truth = truth
        self._version = version
        self._good = version()
        self._said: tuple[int, str] | None = None
        self._at_the_cabinet: tuple[int, str] | None = None
        """What somebody's own choice there has led to, or will in a moment: nobody is answered."""
        self._erasing: set[str] = set()
        """The roster changes without a request that is answered, until it is done."""

    def hears(self) -> Mapping[type, Hear]:
        return {seen.Asked: self._asked, seen.Leaf: self._leaf}

    def at_rest(self) -> None:
        if self._said is not None and self._said != self._version():
            raise Violated(self, f"the journal has roster {self._said[0]}, in force is {self._version()[0]}")

    def _asked(self, asked: seen.Asked) -> None:
        if not asked.method.startswith(("roster.", "module.", "finger.")):
            return
        good = (self._good, self._at_the_cabinet)
        refused = asked.method.startswith("roster.") and asked.outcome.startswith("refused")
        if refused and not self._erasing and self._version() not in good:
            raise Violated(self, f"a roster change was refused, and the roster is version {self._version()[0]} now")
        self._good = self._version()

    def _leaf(self, leaf: seen.Leaf) -> None:
        if "roster" in leaf.content:
            self._said = leaf.content["roster"], leaf.content["digest"]
            if leaf.content["ev"] in ("consent.recorded", "credential.enrolled"):
                self._at_the_cabinet = self._said
        if leaf.content["ev"] == "person.erased":
            who = leaf.content["subs"][0]["p"]
            if leaf.content["stage"] == "intent":
                self._erasing.add(who)
            else:
                self._erasing.discard(who)
                self._good = self._version()
