"""The model of a disk: the same answers as the real files, and the loss that a power cut may bring."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cabinet.journal.errors import JournalUnwritable
from cabinet.journal.store import Journal
from simulator.harness.model_disk import ModelDisk
from simulator.harness.model_image import Write
from tests.journal.making import DEVICE, HOLDER, ORIGIN, SIGNER, entry


def _opened(disk: ModelDisk) -> Journal:
    return Journal.open_in(disk, ORIGIN, DEVICE, SIGNER)


def _told(disk: ModelDisk) -> list[Write]:
    told: list[Write] = []
    disk.durable.append(lambda _, write: told.append(write))
    return told


ROWS = st.dictionaries(st.sampled_from(["slots/1", "slots/2", "outs/1"]), st.none() | st.binary(max_size=4), max_size=3)


@given(st.lists(st.tuples(st.integers(1, 4), ROWS, st.booleans()), min_size=1, max_size=8))
def test_it_answers_as_the_real_files_do(
    tmp_path_factory: pytest.TempPathFactory, writes: list[tuple[int, dict[str, bytes | None], bool]]
) -> None:
    folder: Path = tmp_path_factory.mktemp("journal")
    model, real = _opened(ModelDisk(Random(1))), Journal.open(folder, ORIGIN, DEVICE, SIGNER)
    for count, rows, is_acknowledged in writes:
        entries = [entry(real.size + one) for one in range(count)]
        for journal in (model, real):
            commit = journal.append(entries, rows)
            if is_acknowledged:
                journal.ask(lambda file, commit=commit: file.store_ack(commit.size, commit.checkpoint))  # type: ignore[misc]
    assert model.checkpoint() == real.checkpoint()
    for question in (
        lambda file: file.sizes(),
        lambda file: file.leaves(0, 99),
        lambda file: file.leaves(2, 3),
        lambda file: file.outgoing(1, 5),
        lambda file: file.checkpoints_above(2, 3),
        lambda file: file.newest_checkpoint(),
        lambda file: file.acknowledged(),
        lambda file: file.oldest_payload(),
        lambda file: file.concerning(HOLDER, 1, 5),
        lambda file: file.state(),
        lambda file: [file.node(0, n) for n in range(model.size)],
    ):
        assert model.ask(question) == real.ask(question)  # type: ignore[arg-type]  # the answers are of many types
    model.close()
    real.close()


def test_what_was_appended_survives_kill_and_power_cut() -> None:
    disk = ModelDisk(Random(1))
    told = _told(disk)
    _opened(disk).append([entry(0)])
    assert len(told) == 1
    disk.release()
    disk.power_cut()
    assert _opened(disk).size == 1


@pytest.mark.parametrize("failure", ["full", "read-only", "write-error"])
def test_a_write_that_fails_leaves_nothing_behind(failure: str) -> None:
    disk = ModelDisk(Random(1))
    journal = _opened(disk)
    disk.failure = failure  # type: ignore[assignment]  # one of them
    with pytest.raises(JournalUnwritable):
        journal.append([entry(0)])
    disk.failure = None
    disk.release()
    assert _opened(disk).size == 0


def test_a_sync_that_fails_keeps_it_in_the_cache_until_the_power_fails() -> None:
    """Which of both comes, chance decides: seeds are looked at until both have come."""
    sizes = set()
    for seed in range(20):
        disk = ModelDisk(Random(seed))
        journal = _opened(disk)
        journal.append([entry(0)])
        told = _told(disk)
        disk.failure = "sync-error"
        with pytest.raises(JournalUnwritable):
            journal.append([entry(1)])
        disk.release()
        assert len(_opened(disk).leaves(0, 9)) == 2
        assert told == []  # it is read, and not durable
        disk.release()
        disk.power_cut()
        disk.failure = None
        sizes.add(_opened(disk).size)
    assert sizes == {1, 2}
