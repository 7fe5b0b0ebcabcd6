"""What is asked at the cabinet: 25, worked out from the roster's files and the keys that were pressed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from simulator.harness import happenings as seen
from simulator.harness.oracle import Oracle
from simulator.harness.truth import Truth
from simulator.harness.witness import Hear, Violated

BACK = frozenset(("item.returned", "item.found_present"))
SETTLED = frozenset(("prompt.answered", "prompt.unanswered"))


class AnsweredOnce:
    number = 25
    title = "nothing is released without a required answer, and every question is settled once"

    def __init__(self, truth: Truth, oracle: Oracle) -> None:
        self._truth = truth
        self._oracle = oracle
        self._granted: int | None = None
        """The last grant, while its answers follow."""
        self._lacking: set[str] = set()
        self._open: dict[tuple[int, str], str] = {}
        """Questions about a return, by its leaf and the prompt: the item."""
        self._differs: Mapping[str, Any] | None = None

    def hears(self) -> Mapping[type, Hear]:
        return {seen.Leaf: self._leaf}

    def at_rest(self) -> None:
        self._complete()
        for (n, prompt), item in self._open.items():
            raise Violated(self, f"{item} came back with leaf {n}, and nothing says what became of {prompt!r}")

    def _leaf(self, leaf: seen.Leaf) -> None:
        content, kind = leaf.content, leaf.content["ev"]
        if self._differs is not None and kind != "item.counted":
            raise Violated(self, f"leaf {leaf.n}: {self._differs['item']} is not as listed, and nothing says so")
        if kind in SETTLED:
            self._settled(leaf)
            return
        self._complete()
        if kind == "item.granted" and "visit" in content:
            self._granted = leaf.reference
            self._lacking = {one["id"] for one in self._oracle.asked(content["item"], "take") if one.get("required")}
        elif kind in BACK:
            had = any(sub["r"] == "holder" for sub in content.get("subs", ()))
            wanted = [one["id"] for one in self._oracle.asked(content["item"], "return")] if had else []
            if content.get("prompts", []) != wanted:
                raise Violated(self, f"leaf {leaf.n}: {content['item']} is back, and {wanted} are to be asked")
            self._open |= {(leaf.reference, prompt): content["item"] for prompt in wanted}
        elif kind == "item.counted":
            if self._differs is None or content["counted"] != self._differs["answer"]:
                raise Violated(self, f"leaf {leaf.n}: nobody has counted that")
            self._differs = None

    def _complete(self) -> None:
        """The answers of a grant are in its commit, right behind it."""
        if self._lacking:
            raise Violated(self, f"leaf {self._granted} releases an item without an answer to {sorted(self._lacking)}")
        self._granted = None

    def _settled(self, leaf: seen.Leaf) -> None:
        content = leaf.content
        prompt = next(one for one in self._oracle.prompts if one["id"] == content["prompt"])
        if "returned" in content:
            if self._open.pop((content["returned"], content["prompt"]), None) is None:
                raise Violated(self, f"leaf {leaf.n} settles a question that is not open")
        elif content["grant"] != self._granted:
            raise Violated(self, f"leaf {leaf.n} is an answer without its grant")
        if content["ev"] == "prompt.answered":
            self._lacking.discard(content["prompt"])
            self._typed(leaf, prompt)

    def _typed(self, leaf: seen.Leaf, prompt: Mapping[str, Any]) -> None:
        given = leaf.content["answer"]
        keys = {
            "yes-no": lambda: str(["yes", "no"].index(given) + 1),
            "choice": lambda: str([one["en"] for one in prompt["choices"]].index(given) + 1),
        }.get(prompt["kind"], lambda: str(given))()
        if not any(typed.endswith(f"{keys}#") for typed in self._truth.typed_keys()):
            raise Violated(self, f"leaf {leaf.n}: nobody has typed the answer {given!r}")
        keys_listed, seal = self._oracle.stock[leaf.content["item"]]
        listed = {"count": keys_listed, "seal": "".join(one for one in seal if one.isdigit())}.get(prompt["kind"])
        if listed is not None and str(given) != listed:
            self._differs = leaf.content
