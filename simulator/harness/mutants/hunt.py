"""All planted bugs, one after the other on all processors, and what became of each."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Final

from simulator.harness.mutants.approving import APPROVING
from simulator.harness.mutants.asking import ASKING
from simulator.harness.mutants.booking import BOOKING
from simulator.harness.mutants.clocks import CLOCKS
from simulator.harness.mutants.deciding import DECIDING
from simulator.harness.mutants.doors import DOORS
from simulator.harness.mutants.enrolling import ENROLLING
from simulator.harness.mutants.epochs import EPOCHS
from simulator.harness.mutants.erasing import ERASING
from simulator.harness.mutants.fingers import FINGERS
from simulator.harness.mutants.fobs import FOBS
from simulator.harness.mutants.incidents import INCIDENTS
from simulator.harness.mutants.monitoring import MONITORING
from simulator.harness.mutants.planting import Mutant, NotPlanted, planted
from simulator.harness.mutants.proving import PROVING
from simulator.harness.mutants.pruning import PRUNING
from simulator.harness.mutants.queueing import QUEUEING
from simulator.harness.mutants.recording import RECORDING
from simulator.harness.mutants.restoring import RESTORING
from simulator.harness.mutants.returning import RETURNING
from simulator.harness.mutants.sending import SENDING
from simulator.harness.mutants.signing import SIGNING
from simulator.harness.mutants.trials import Caught
from simulator.harness.mutants.wiring import WIRING
from simulator.harness.shares import share

MUTANTS: Final[tuple[Mutant, ...]] = (
    *DECIDING,
    *APPROVING,
    *ASKING,
    *INCIDENTS,
    *RETURNING,
    *FOBS,
    *FINGERS,
    *BOOKING,
    *ENROLLING,
    *ERASING,
    *MONITORING,
    *CLOCKS,
    *QUEUEING,
    *DOORS,
    *RECORDING,
    *SIGNING,
    *RESTORING,
    *PROVING,
    *PRUNING,
    *EPOCHS,
    *SENDING,
    *WIRING,
)


@dataclass(frozen=True, slots=True)
class Fate:
    """`invariant` None: it is not caught, and `found` says why; `replay` shows what was found while it is planted."""

    name: str
    what: str
    invariant: int | None
    found: str
    replay: str
    seed: int


def hunt(mutants: tuple[Mutant, ...] = MUTANTS, shares: int | None = None) -> list[Fate]:
    """Blocks."""

    def work(index: int, of: int) -> list[dict[str, object]]:
        return [asdict(_fate(mutant)) for mutant in mutants[index::of]]

    found = {fate["name"]: Fate(**fate) for part in share(work, shares) for fate in part}
    return [found[mutant.name] for mutant in mutants]


def _fate(mutant: Mutant) -> Fate:
    try:
        caught = _look(mutant)
    except NotPlanted as error:
        return Fate(mutant.name, mutant.what, None, f"not planted: {error}", "", 0)
    if caught is None:
        return Fate(mutant.name, mutant.what, None, "escaped", "", 0)
    anyway, found, invariant = caught.again(), caught.finding.what, caught.finding.invariant
    if anyway is not None:
        invariant, found = None, f"found without it too: {anyway.what}"
    elif invariant is None:
        found = f"came to grief: {found}"
    return Fate(mutant.name, mutant.what, invariant, found, caught.finding.replay, caught.seed)


def _look(mutant: Mutant) -> Caught | None:
    with planted(mutant):
        return next((caught for trial in mutant.trials if (caught := trial.look()) is not None), None)
