"""What a check of the journal ended in: for people, for programs, as an exit code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cabinet.control.protocol import Exit

if TYPE_CHECKING:
    from cabinet.journal.verdict import Verdict
    from cabinet.journal.verify_epochs import EpochVerdict, JournalVerdict
    from cabinet.state_check import Difference, StateVerdict

KEEP = "keep the files as they are"
_EXITS = {"verified": Exit.OK, "unsealed-tail": Exit.DEGRADED}


def exit_code(verdict: JournalVerdict, state: StateVerdict | None) -> Exit:
    if state is not None and not state.good:
        return Exit.JOURNAL
    return _EXITS.get(verdict.deciding.verdict.result, Exit.JOURNAL)


def sentence(verdict: JournalVerdict, state: StateVerdict | None) -> str:
    """The result of the whole."""
    deciding = verdict.deciding
    if exit_code(verdict, None) == Exit.JOURNAL:
        where = f"epoch {deciding.epoch} " if len(verdict.epochs) > 1 else ""
        return f"{where}{_words(deciding.verdict)}; {KEEP}"
    if state is not None and not state.good:
        return f"failed: {_wrong(state)}; {KEEP}"
    added = f"; they add up to the {state.rows} rows of state" if state is not None else ""
    return f"{_all(verdict)}{added}"


def lines(verdict: JournalVerdict, state: StateVerdict | None) -> list[str]:
    """What stands above that sentence: each epoch where there are several, each row of state that differs."""
    found = [_epoch_line(one) for one in verdict.epochs] if len(verdict.epochs) > 1 else []
    return found + ([_difference_line(one) for one in state.differences] if state is not None else [])


def as_json(verdict: JournalVerdict, state: StateVerdict | None) -> dict[str, object]:
    deciding = verdict.deciding
    found: dict[str, object] = {"epoch": deciding.epoch, **_plain(deciding.verdict)}
    if state is not None and not state.good:
        found |= {
            "epoch": verdict.epochs[-1].epoch,
            "result": "failed",
            "rule": "state",
            "failed_at": _failed_at(state),
        }
    found["epochs"] = [_epoch_json(one) for one in verdict.epochs]
    if state is not None:
        found["state"] = _state_json(state)
    return found


def _all(verdict: JournalVerdict) -> str:
    if len(verdict.epochs) == 1:
        return _words(verdict.deciding.verdict)
    if verdict.deciding.verdict.result != "verified":
        return f"epoch {verdict.deciding.epoch} {_words(verdict.deciding.verdict)}"
    events = sum(one.verdict.size for one in verdict.epochs if not one.accounted)
    return f"verified: {events} events in {len(verdict.epochs)} epochs"


def _words(verdict: Verdict) -> str:
    pruned = f"; {verdict.pruned} are pruned to their hash" if verdict.pruned else ""
    if verdict.result == "verified":
        return f"verified: {verdict.size} events{pruned}"
    if verdict.result == "unsealed-tail":
        tail = verdict.size - verdict.sealed
        return f"verified: {verdict.sealed} events, and {tail} more that are not sealed yet{pruned}"
    if verdict.result == "failed":
        return f"failed at index {verdict.failed_at} ({verdict.rule})"
    what = "is shorter than" if verdict.result == "rolled-back" else "does not continue"
    return f"{verdict.result}: it {what} the trusted checkpoint, or what the next epoch says of it"


def _epoch_line(one: EpochVerdict) -> str:
    opened = one.opened
    why = f" ({opened.reason}, from size {opened.old.size} of {opened.old.origin})" if opened is not None else ""
    known = "; known: the next epoch goes on from what is good" if one.accounted else ""
    return f"epoch {one.epoch}{why}: {_words(one.verdict)}{known}"


def _wrong(state: StateVerdict) -> str:
    if state.gap is not None:
        return f"event {state.gap} was pruned, and no complete set of state follows it"
    if state.unknown is not None:
        return f"event {state.unknown} means nothing to this version; was a newer one running here?"
    return f"{len(state.differences)} rows of state are not what the events say"


def _difference_line(one: Difference) -> str:
    since = f"event {one.n} says" if one.n is not None else "the events say"
    return f"{one.row}: stored is {_row(one.stored)}, {since} {_row(one.folded)}"


def _row(data: bytes | None) -> str:
    return "nothing" if data is None else data.decode("utf-8", "replace")


def _failed_at(state: StateVerdict) -> int | None:
    if state.gap is not None or state.unknown is not None:
        return state.gap if state.gap is not None else state.unknown
    return min((one.n for one in state.differences if one.n is not None), default=None)


def _plain(verdict: Verdict) -> dict[str, object]:
    fields = ("result", "size", "sealed", "failed_at", "rule", "pruned")
    return {name: getattr(verdict, name) for name in fields}


def _epoch_json(one: EpochVerdict) -> dict[str, object]:
    opened = one.opened
    old = None if opened is None else {"origin": opened.old.origin, "size": opened.old.size}
    return {
        "epoch": one.epoch,
        "origin": one.origin,
        **_plain(one.verdict),
        "keys": list(one.verdict.keys),
        "reason": None if opened is None else opened.reason,
        "old": old,
        "accounted": one.accounted,
    }


def _state_json(state: StateVerdict) -> dict[str, object]:
    differences = [
        {"row": one.row, "stored": _row(one.stored), "folded": _row(one.folded), "index": one.n}
        for one in state.differences
    ]
    fields = ("good", "first", "size", "rows", "gap", "unknown")
    return {**{name: getattr(state, name) for name in fields}, "differences": differences}
