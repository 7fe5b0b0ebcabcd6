"""Which checkpoints go: worked out by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from cabinet.journal.epoch import Column, KeptNote
from cabinet.journal.errors import JournalUnwritable
from cabinet.journal.outbox import Outbox
from cabinet.journal.reader import JournalReader
from cabinet.journal.thinning import spare
from cabinet.journal.verify import verify
from tests.journal.making import SIGNER, entry, opened
from tests.journal.test_outbox import COLLECTOR, cosigned

HOUR_MS = 3_600_000
NOON_MS = 1_767_268_800_000
MINUTE_MS = 60_000


def notes(*sizes: int, acked: tuple[int, ...] = ()) -> list[KeptNote]:
    return [KeptNote(size, size in acked) for size in sizes]


def leaves(
    count: int, *, kinds: dict[int, str] | None = None, length: int = 300, every_ms: int = 100, start: int = 0
) -> dict[int, tuple[Column, int]]:
    named = kinds or {}
    return {
        n: (Column(n, NOON_MS + n * every_ms, named.get(n, "item.removed"), True), length)
        for n in range(start, start + count)
    }


def test_all_between_two_near_ones_go() -> None:
    assert spare(notes(0, 1, 2, 5, 9), leaves(9)) == [1, 2, 5]


def test_of_two_there_is_nothing_to_take_away() -> None:
    assert spare(notes(0, 9), leaves(9)) == []
    assert spare([], {}) == []


def test_neighbours_are_at_most_100_leaves_apart() -> None:
    every = notes(*range(0, 251, 10))
    assert set(range(10, 250, 10)) - set(spare(every, leaves(250))) == {100, 200}
    assert spare(notes(0, 60, 100, 160), leaves(160)) == [60]
    assert spare(notes(0, 60, 101, 160), leaves(160)) == [101]
    assert spare(notes(0, 60, 101, 161), leaves(161)) == []


def test_neighbours_are_at_most_32_kb_apart() -> None:
    assert spare(notes(0, 2, 4, 6), leaves(6, length=8192)) == [2]
    assert spare(notes(0, 1, 2, 3, 4, 5), leaves(5, length=8193)) == [1, 2, 4]


def test_cosigned_ones_stay() -> None:
    assert spare(notes(0, 1, 2, 3, 4, acked=(2, 4)), leaves(4)) == [1, 3]


def test_the_last_of_each_hour_stays() -> None:
    twenty_minutes = leaves(7, every_ms=20 * MINUTE_MS)  # 12:00 12:20 12:40 13:00 13:20 13:40 14:00
    assert spare(notes(*range(8)), twenty_minutes) == [1, 2, 4, 5]


def test_the_last_before_a_start_stays() -> None:
    assert spare(notes(*range(7)), leaves(6, kinds={3: "cabinet.started"})) == [1, 2, 4, 5]


def test_those_around_a_change_of_the_key_stay() -> None:
    assert spare(notes(*range(7)), leaves(6, kinds={3: "signer.rotated"})) == [1, 2, 5]


def test_where_the_payload_is_gone_the_note_stays() -> None:
    there = leaves(6)
    del there[2]  # the note of 3 ends there, and that of 2 has nothing behind it
    assert spare(notes(*range(7)), there) == [1, 4, 5]


def test_what_is_left_of_them_gives_the_same_batches_to_send(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    for n in range(150):
        journal.append([entry(n)])
    outbox = Outbox(journal, [COLLECTOR.verifier])
    assert outbox.acknowledge(cosigned(journal.checkpoint(), COLLECTOR)).cause is None
    gone = spare(
        journal.ask(lambda file: file.kept_notes(0, 150)),
        {one.n: (one, length) for one, length in journal.ask(lambda file: file.columns(0, 150))},
    )
    assert len(gone) > 100
    journal.thin(gone)
    with pytest.raises(JournalUnwritable, match="kept until"):
        journal.thin([150])
    at, sent = 0, []
    while (batch := outbox.batch(at)) is not None:
        at += len(batch.leaves)
        sent += batch.leaves
    assert at == 150
    assert [data for _, data in sent] == [data for _, data in journal.leaves(0, 150)]
    journal.append([entry(150)])
    journal.close()
    with JournalReader(tmp_path) as reader:
        assert verify(reader, SIGNER.vkey).result == "verified"
