"""What became of a cabinet's leaves: its journal and the collector's database, compared leaf by leaf."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass

from cabinet.journal.note import Signer, Verifier
from cabinet.journal.reader import JournalReader
from cabinet.journal.verify import verify as verify_journal
from cabinet.vault.signing_key import open_or_create
from sync.collector.reading import Reader, reading
from sync.collector.verify import verify as verify_held
from tests.upstream.journals import ORIGIN
from tests.upstream.site import Site
from tests.upstream.tap import Tap


@dataclass(frozen=True, slots=True)
class Verdict:
    """Counts of leaves. `sent` is None where nobody could count what passed the broker."""

    leaves: int
    lost: int
    """Acknowledged, and not upstream."""
    doubled: int
    """One event at two indexes, upstream."""
    conflicting: int
    """Other bytes upstream than in the journal."""
    early: int
    """Faults at which something acknowledged was not in the database."""
    struck: int
    """Faults that found something left to send."""
    evidence: int
    acked: int
    cosigned: int
    sound: bool
    """Journal and collector both verify."""
    sent: int | None = None
    more_kb: int | None = None
    """What the drain took of memory, in cabinet-uplink."""

    @property
    def redelivered(self) -> float | None:
        return None if self.sent is None else (self.sent - self.leaves) / self.leaves

    @property
    def good(self) -> bool:
        faults = self.lost + self.doubled + self.conflicting + self.early + self.evidence
        return faults == 0 and self.sound and self.acked == self.cosigned == self.leaves

    def __str__(self) -> str:
        faults = f"lost={self.lost} doubled={self.doubled} conflicting={self.conflicting} early={self.early}"
        memory = "" if self.more_kb is None else f" uplink=+{self.more_kb}kB"
        share = "-" if self.redelivered is None else f"{self.redelivered:.2f}"
        return (
            f"struck={self.struck} {faults} evidence={self.evidence} redelivered/count={share} leaves={self.leaves} "
            f"acked={self.acked} cosigned={self.cosigned} verified={'yes' if self.sound else 'NO'}{memory}"
        )


def judge(site: Site, tap: Tap | None = None, more_kb: int | None = None) -> Verdict:
    """While the programs run, or after."""
    journaled, acked, is_journal_sound = _journaled(site)
    with reading(site.database) as upstream:
        held, cosigned, is_held_sound = _held(upstream, site.vkey)
        evidence = _rows(upstream, "evidence") + _rows(upstream, "alarm") + _rows(upstream, "staged")
    salts = Counter(json.loads(data)["salt"] for data in held.values() if data is not None)
    return Verdict(
        leaves=len(journaled),
        lost=sum(1 for n in range(acked) if n not in held),
        doubled=sum(salts.values()) - len(salts),
        conflicting=sum(1 for n, data in held.items() if journaled.get(n) != data),
        early=site.early,
        struck=site.struck,
        evidence=evidence,
        acked=acked,
        cosigned=cosigned,
        sound=is_journal_sound and is_held_sound,
        sent=None if tap is None else tap.leaves,
        more_kb=more_kb,
    )


def _journaled(site: Site) -> tuple[dict[int, bytes | None], int, bool]:
    signer = Signer(ORIGIN, open_or_create(site.state, journal_exists=True))
    with JournalReader(site.state) as journal:
        leaves = {leaf.n: leaf.data for leaf in journal.leaves(0, journal.size)}
        return leaves, journal.acknowledged(), verify_journal(journal, signer.verifier.vkey).result == "verified"


def _held(upstream: Reader, vkey: str) -> tuple[dict[int, bytes | None], int, bool]:
    origin = next(one for one in upstream.origins() if one.name == ORIGIN)
    leaves = {leaf.n: leaf.data for leaf in origin.leaves()}
    found = verify_held(origin, Verifier.from_vkey(vkey))
    return leaves, found.cosigned, found.result == "verified"


def _rows(upstream: Reader, table: str) -> int:
    count: int = upstream.connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one()
    return count
