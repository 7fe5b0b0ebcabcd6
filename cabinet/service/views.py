"""What the cabinet says of itself: the same keys for `cabinetctl` and for the planes upstream. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import TypeAlias

from cabinet.core.places import item_in
from cabinet.core.state import State
from cabinet.policy.rights import Rights

View: TypeAlias = dict[str, object]


def state_view(state: State, acknowledged: int, waiting_since_ms: int | None) -> View:
    """The cabinet as a whole. `acknowledged` is how many leaves upstream has confirmed to hold, `waiting_since_ms`
    the time of the oldest one it has not."""
    ledger = state.ledger
    return {
        "door": _word(state.door, "closed", "open") if "door" in ledger.door or state.door is not None else None,
        "mode": "monitor" if state.setup.monitors else "normal",
        "tamper": None,
        "power": None,
        "clock": _clock(state),
        "items_out": len(ledger.outs),
        "overdue": sum(out.overdue for out in ledger.outs.values()),
        "alarms": len(ledger.alarms) + (not state.journal_good),
        "unsynced_events": state.size - acknowledged,
        "unsynced_since": iso(waiting_since_ms),
    }


def slot_view(state: State, rights: Rights, slot: int, proof_at_ms: int | None) -> View:
    """One slot. `item` hangs there or, while nothing does, belongs there; `fob` is what a reader said of it. `since` is
    when the journal last saw it change, `proof_at` when its sensor was last read."""
    ledger = state.ledger
    mark, out, hung = ledger.slots.get(slot), ledger.outs.get(slot), ledger.hangs.get(slot)
    return {
        "presence": _word(state.presence.get(slot), "present", "absent"),
        "item": item_in(ledger, rights, slot),
        "fob": hung.kind if hung else None,
        "since": iso(mark.since_ms) if mark else None,
        "proof_at": iso(proof_at_ms),
        "overdue": bool(out and out.overdue),
        "bolt": bolt(state, slot),
    }


def bolt(state: State, slot: int) -> str:
    """`unlocked` while a release stands, `unknown` when its board cannot be asked or did not confirm."""
    if state.setup.slots[slot].lock_device in state.lost or state.pulsed.get(slot) == "unknown":
        return "unknown"
    return "unlocked" if slot in state.grant_ends else "locked"


def _clock(state: State) -> str | None:
    """What vouches for the wall time."""
    if "clock.untrusted" in state.ledger.alarms:
        return "untrusted"
    return "confirmed" if state.ledger.clock and state.clock_source != "ntp" else state.clock_source


@lru_cache(maxsize=1024)
def iso(wall_ms: int | None) -> str | None:
    """ISO 8601 with Z, milliseconds only where there are any."""
    if wall_ms is None:
        return None
    instant = datetime.fromtimestamp(wall_ms / 1000, tz=UTC)
    return instant.isoformat(timespec="milliseconds" if wall_ms % 1000 else "seconds").replace("+00:00", "Z")


def _word(level: bool | None, yes: str, no: str) -> str:
    return "unknown" if level is None else yes if level else no
