"""PINs and faces: 8 (a wrong one is on the disk before it is answered, and costs time, also after pulling the plug)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from cabinet.core.effects import AskVerifier, CheckPin, Show
from cabinet.core.messages import text
from cabinet.policy.rights import Language
from simulator.harness import happenings as seen
from simulator.harness.witness import Hear, Violated

WAITS_S = (0, 0, 0, 5, 15, 30, 60, 120, 300)
LONGEST_S = 900
BLOCKED_AT = 100
LANGUAGES: tuple[Language, ...] = ("en", "zh")
ROUNDED_S = 1.5
PASSED_AS = {"visit.identified": "holder", "visit.authorised": "authoriser", "item.handed_over": "receiver"}
"""By which leaf somebody's right PIN is told, and as whom they stand in it."""


class GuessesCounted:
    number = 8
    title = "a wrong PIN is counted before it is answered"

    def __init__(self, now_s: Callable[[], float], pin_of: Callable[[str], str | None]) -> None:
        """`pin_of` a pseudonym."""
        self._now_s = now_s
        self._pin_of = pin_of
        self._pending: list[bool] = []
        """Whether each PIN that is being checked is wrong."""
        self._answered = 0
        self._counted = 0
        self._failed: dict[str, tuple[int, float]] = {}
        """How many in a row, and when the last one was, of each person and keypad."""
        self._asked = False
        """The verifier has a question, and nothing is known of its answer."""
        self._unrecognised = tuple(
            text(key, language).split("\n")[0]
            for key in ("not_verified", "enter_pin_unrecognised")
            for language in LANGUAGES
        )
        self._clock_good = True
        self._is_up = False
        """The daemon has looked at the clock."""
        self._moved = False
        """The clock has, and no leaf says so yet."""
        self._answers = tuple(
            text(key, language, wait_s=0).split("\n")[0]
            for key in ("wrong_pin", "locked_out")
            for language in LANGUAGES
        )

    def hears(self) -> Mapping[type, Hear]:
        return {
            seen.Effect: self._effect,
            seen.Leaf: self._leaf,
            seen.Died: self._died,
            seen.WallClock: self._jumped,
            seen.Booted: self._booted,
        }

    def at_rest(self) -> None:
        """Nothing more than at each moment."""

    def _effect(self, happening: seen.Effect) -> None:
        effect = happening.effect
        if isinstance(effect, Show):
            self._answer(effect.text)
        if isinstance(effect, AskVerifier):
            self._asked = True
            self._waited([f"verified:{effect.person}"])
        if not isinstance(effect, CheckPin):
            return
        keys = [effect.person] if effect.person else []
        keys += [f"keypad:{effect.keypad}"] if effect.by_number else []
        self._waited(keys, effect.person)
        pin = self._pin_of(effect.person or "")
        self._pending.append(pin is None or pin != effect.secret.reveal())

    def _waited(self, keys: list[str], person: str | None = None) -> None:
        for key in keys:
            count, last_s = self._failed.get(key, (0, 0.0))
            wait_s = WAITS_S[count] if count < len(WAITS_S) else LONGEST_S
            waited_s = self._now_s() - last_s
            if self._clock_good and waited_s < wait_s - ROUNDED_S:
                raise Violated(self, f"after {count} wrong PINs the next is checked {waited_s:.1f} s later")
            if count >= BLOCKED_AT and key == person:
                raise Violated(self, f"a PIN is checked after {count} wrong ones")

    def _leaf(self, leaf: seen.Leaf) -> None:
        content = leaf.content
        self._is_up = self._is_up or content["ev"] == "cabinet.started"
        self._moved = self._moved and content["ev"] != "clock.adjusted"
        holder = next((sub["p"] for sub in content.get("subs", ()) if sub["r"] == "holder"), None)
        if content["ev"] == "visit.refused" and content.get("rule") == "wrong_pin":
            self._counted += 1
            for key, count in ((holder, "failed"), (f"keypad:{content['keypad']}", "keypad_failed")):
                if key is not None and content.get(count) is not None:
                    self._count(key, content[count])
        elif content["ev"] == "visit.refused" and content.get("verifier_failed") is not None:
            self._asked = False
            self._count(f"verified:{holder}", content["verifier_failed"])
        elif content["ev"] == "visit.refused" and content.get("finger_failed") is not None:
            self._count(f"finger:{holder}", content["finger_failed"])
        elif (role := PASSED_AS.get(content["ev"])) is not None:
            person = next(sub["p"] for sub in content["subs"] if sub["r"] == role)
            if "finger" in content["auth"].split("+"):
                self._failed.pop(f"finger:{person}", None)
            if "verified" in content["auth"]:
                self._asked = False
                self._failed.pop(f"verified:{person}", None)
            if "pin" not in content["auth"]:
                return
            self._failed.pop(person, None)
            if "number" in content["auth"]:
                self._failed.pop(f"keypad:{content.get('keypad')}", None)
        elif content["ev"] == "person.erased":
            gone = content["subs"][0]["p"]
            theirs = (gone, f"verified:{gone}", f"finger:{gone}")
            self._failed = {key: one for key, one in self._failed.items() if key not in theirs}
        elif content["ev"] == "credential.enrolled" and content["credential"] == "finger":
            self._failed.pop(f"finger:{holder}", None)
        elif content["ev"] == "credential.enrolled" and content["credential"] == "pin":
            self._failed.pop(holder or "", None)
            self._failed.pop(f"verified:{holder}", None)

    def _count(self, key: str, count: int) -> None:
        known, _ = self._failed.get(key, (0, 0.0))
        if count != known + 1:
            raise Violated(self, f"a wrong PIN after {known} in a row is counted as number {count}")
        self._failed[key] = count, self._now_s()

    def _answer(self, text: str) -> None:
        if text.startswith(self._unrecognised) and self._asked:
            raise Violated(self, "somebody is told that they are not recognised, and it is not counted")
        if not self._pending or not text.startswith(self._answers):
            return
        if self._pending.pop(0):
            self._answered += 1
        if self._answered > self._counted:
            raise Violated(self, f"{self._answered} wrong PINs are answered, {self._counted} are on the disk")

    def _died(self, died: seen.Died) -> None:
        if died.process == "cabinetd":
            self._pending.clear()
            self._asked = self._is_up = False
            self._clock_good = self._clock_good and not self._moved

    def _booted(self, booted: seen.Booted) -> None:
        self._is_up = self._is_up and booted.process != "cabinetd"

    def _jumped(self, clock: seen.WallClock) -> None:
        """Under a running daemon the waits go along. Otherwise those of the wall clock are not the stopwatch's from
        then on."""
        self._moved = self._moved or clock.moved
        self._clock_good = self._clock_good and (self._is_up or not clock.moved)
