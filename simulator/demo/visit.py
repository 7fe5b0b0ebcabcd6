"""Stories, told as they happen: each sentence is done at the simulated cabinet or seen to be so, beside what the real
daemon journals, shows and publishes meanwhile."""

from __future__ import annotations

import json
from collections.abc import Sequence
from time import monotonic
from typing import Any

from simulator import acts, expectations
from simulator.cast import ROSTER, read_cast
from simulator.demo.processes import DemoFailed
from simulator.demo.stage import Stage
from simulator.story import Step, Story

HAND_S = 0.7
"""No door is opened and closed faster, and no contact is read that fast on a busy machine."""

KEY_S = 0.12
"""Between two keys, beside what the finger needs: on a busy machine two presses of one key are one otherwise."""


class Visits:
    """Prints each step as it happens. Knows the sentences about people, doors, fobs, display and journal."""

    def __init__(self, stage: Stage, stories: Sequence[Story]) -> None:
        self._stage = stage
        self._stories = stories
        self._cast = read_cast()
        self._began_s = monotonic()
        self._card_is_held = False

    def play(self) -> None:
        """Raises DemoFailed at a sentence that does not come true."""
        self._prepare()
        self._began_s = monotonic()
        for story in self._stories:
            print(f"\n{story.title}\n")
            for step in story.steps:
                if isinstance(step.sentence, expectations.Expectation):
                    self._see(step.sentence)
                else:
                    self._do(story, step)
        self._stage.cabinetctl("wait", "synced", "--timeout", "30")
        self._mqtt()

    def _prepare(self) -> None:
        self._stage.cabinetctl("roster", "import", str(ROSTER))
        spoken = " ".join(step.text for story in self._stories for step in story.steps)
        for person in self._cast.values():
            if person.pin is not None and f"{person.name} types their PIN" in spoken:
                self._stage.cabinetctl("credential", "enrol", person.id, "--pin", stdin=person.pin + "\n")
        self._stage.cabinetctl("wait", "synced", "--timeout", "30")
        self._stage.watch()
        self._stage.upstream.passed(1.0)  # what was published on connecting

    def _do(self, story: Story, step: Step) -> None:
        world, text = self._stage.world, step.text.removesuffix(".")
        is_left_out = isinstance(step.sentence, acts.Wait)
        self._say("person", f"({text}: left out here)" if is_left_out else text)
        if self._card_is_held:
            world("remove card")
            self._card_is_held = False
        match step.sentence:
            case acts.HoldCard(who, card):
                world(f"present card {card or self._cast[who].card}")
                self._card_is_held = True
            case acts.Type(who, what):
                for key in self._cast[who].keys(what):
                    world(f"press {key}")
                    self._stage.pause(KEY_S)
            case acts.Look():
                world("look yes")
            case acts.Hand(act="seat", slot=slot, fob=fob):
                world(f"seat {slot} {fob}" if fob else f"seat {slot}")
            case acts.Hand(act=act, slot=slot):
                world("open door")
                world(f"{act} {slot}")
            case acts.Bring(_, fob):
                world(f"bring {fob}")
            case acts.MoveDoor(is_open=is_open):
                self._stage.pause(HAND_S)
                world("open door" if is_open else "close door")
            case acts.Wait():
                pass
            case _:
                raise DemoFailed(f"{story.name}.txt:{step.line}: not for a demo: {step.text}")

    def _see(self, sentence: expectations.Expectation) -> None:
        match sentence:
            case expectations.Journals(no=False):
                self._journal(sentence)
            case expectations.Shows(text, no=False):
                self._screen(text)
            case expectations.BoltIs(slot, locked):
                state = "locked" if locked else "unlocked"
                self._stage.until(lambda world: bolt(world, slot) == state, f"slot {slot} {state}")
                self._say("bolt", f"slot {slot} {state}")

    def _journal(self, wanted: expectations.Journals) -> None:
        """Prints leaves until the wanted one has come. Names are sealed: whoever it is will do."""
        while True:
            found = self._stage.next_leaf()
            leaf = found["leaf"]
            self._say("journal", f"{found['n']:>3}  {leaf['ev']:<18} {_facts(leaf)}".rstrip())
            if wanted.fits(leaf, lambda pseudonym, name: True):
                break
        self._mqtt()

    def _mqtt(self) -> None:
        """Prints what has passed at the broker meanwhile."""
        for message in self._stage.upstream.passed(0.3):
            if (line := brief(message)) is not None:
                self._say("mqtt", line)

    def _screen(self, expected: str) -> None:
        """Prints what the person reads, once it holds `expected`."""
        shown = self._stage.until(lambda world: expected in world["display"], f"display with {expected!r}")
        self._say("display", " / ".join(shown["display"].splitlines()))

    def _say(self, who: str, what: str) -> None:
        print(f"{monotonic() - self._began_s:7.2f} s  {who:<8} {what}", flush=True)


def bolt(world: dict[str, Any], slot: int) -> str:
    return str(next(entry["bolt"] for entry in world["slots"] if entry["slot"] == slot))


def _facts(leaf: dict[str, Any]) -> str:
    """What a leaf says beside its envelope; people as roles, for names are sealed."""
    envelope = {"v", "dev", "n", "boot", "mono_ms", "ts", "tq", "ev", "subs", "salt"}
    facts = [f"{key}={value}" for key, value in leaf.items() if key not in envelope]
    return " ".join(facts + [f"{sub['r']}={sub['p'][:6]}…" for sub in leaf.get("subs", [])])


def brief(message: dict[str, Any]) -> str | None:
    """One message in one line; None for what has nothing to do with the visit."""
    topic, payload = message["topic"], message["payload"]
    plane = topic.split("/", 4)[-1]
    if plane == "event":
        return f"{plane:<12} {payload['event_type']}"
    if plane.startswith("slot/"):
        return f"{plane:<12} presence={payload['presence']} bolt={payload['bolt']}"
    if plane == "journal":
        first, count = payload["first"], len(payload["leaves"])
        return f"{plane:<12} leaves {first} to {first + count - 1}, with the signed checkpoint of {first + count}"
    if plane == "journal/ack":
        return f"{plane:<12} upstream holds {payload.splitlines()[1]}, cosigned"
    return None


def verdict(stage: Stage) -> str:
    """What `journal verify` says, and how far upstream is, in two lines."""
    told = json.loads(stage.cabinetctl("--json", "journal", "verify"))
    status = json.loads(stage.cabinetctl("--json", "status"))
    size = status["journal_size"]
    return (
        f"journal {told['result']}: {told['size']} leaves, signed by this cabinet\n"
        f"journal size {size}, acknowledged {size - status['unsynced_events']}, collector {stage.upstream.size()}"
    )
