"""A collector that begins anew, and a cabinet that has destroyed old payloads meanwhile: the tree is whole all the
same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cabinet.journal import checkpoint
from cabinet.journal.outbox import Outbox
from cabinet.service.upstream import batch_view
from sync import payloads
from sync.collector.reading import reading
from sync.collector.verify import verify
from sync.events import Batch, Head
from tests.journal.making import SIGNER
from tests.journal.test_pruning import GONE, held, pruned
from tests.sync.collector.making import COSIGNER, Collector

__all__ = ["held"]  # a fixture


@pytest.mark.parametrize("again_from", [0, 38], ids=["from the beginning", "from the middle of a gap"])
def test_what_was_pruned_comes_as_hashes_and_is_confirmed(held: Path, tmp_path: Path, again_from: int) -> None:
    journal = pruned(held)
    outbox = Outbox(journal, [])
    collector = Collector(tmp_path / "upstream", pins=())
    head = Head(journal.origin, journal.verifier.vkey, journal.size, 0, outbox.oldest(), "0", "0")
    collector.hear_session(payloads.session(head, 1, "0"))
    for first in (0, again_from):
        while (found := outbox.batch(first)) is not None:
            sent = Batch(**json.loads(json.dumps(batch_view(found))))
            collector.take(payloads.batch(journal.origin, sent, hist=True))
            first += len(found.leaves)
    (ack,) = collector.ingest.acks()
    assert checkpoint.read(ack.note, SIGNER.verifier).size == journal.size == 71
    assert [n for n, data in enumerate(collector.leaves(journal.origin)) if data is None] == GONE
    assert (collector.alarms(), collector.dropped()) == ([], {})
    journal.close()
    collector.close()
    with reading(collector.path) as reader:
        (origin,) = reader.origins()
        verdict = verify(origin, COSIGNER.verifier)
    assert (verdict.result, verdict.pruned) == ("verified", len(GONE))
