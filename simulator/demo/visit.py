"""The story: Ada takes a key with card and PIN, and brings it back."""

from __future__ import annotations

import json
from time import monotonic
from typing import Any

from simulator.cast import ROSTER
from simulator.demo.stage import Stage

ADA, CARD, PIN, SLOT = "1001", "0006547886", "4711", 7


class Visit:
    """Prints each step as it happens."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._began_s = monotonic()
        self._shown = ""

    def play(self) -> None:
        self._prepare()
        self._began_s = monotonic()
        self._say("person", "holds card 0006547886 to the reader")
        self._stage.world(f"present card {CARD}")
        self._journal("visit.identified")
        self._screen("PIN")
        self._stage.world("remove card")
        self._say("person", "types the PIN and #")
        self._stage.world(f"press {PIN}#")
        self._journal("item.granted")
        self._screen(f"Slot {SLOT}")
        self._stage.until(lambda world: bolt(world, SLOT) == "unlocked", "the bolt")
        self._say("bolt", f"slot {SLOT} unlocked")
        self._say("person", "opens the door and takes the key")
        self._stage.world("open door")
        self._stage.world(f"lift {SLOT}")
        self._journal("item.removed")
        self._screen("taken")
        self._say("person", "later: puts the key back, no menu, no card")
        self._stage.world(f"seat {SLOT}")
        self._journal("item.returned")
        self._screen("is back")
        self._stage.world("close door")
        self._journal("door.closed")
        self._stage.cabinetctl("wait", "synced", "--timeout", "30")
        self._mqtt()

    def _prepare(self) -> None:
        self._stage.cabinetctl("roster", "import", str(ROSTER))
        self._stage.cabinetctl("credential", "enrol", ADA, "--pin", stdin=PIN + "\n")
        self._stage.cabinetctl("wait", "synced", "--timeout", "30")
        self._stage.watch()
        self._stage.upstream.passed(1.0)  # what was published on connecting

    def _journal(self, kind: str) -> None:
        """Prints leaves until one of `kind` has come."""
        while True:
            found = self._stage.next_leaf()
            leaf = found["leaf"]
            self._say("journal", f"{found['n']:>3}  {leaf['ev']:<18} {_facts(leaf)}".rstrip())
            if leaf["ev"] == kind:
                break
        self._mqtt()

    def _mqtt(self) -> None:
        """Prints what has passed at the broker meanwhile."""
        for message in self._stage.upstream.passed(0.3):
            if (told := brief(message)) is not None:
                self._say("mqtt", told)

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
