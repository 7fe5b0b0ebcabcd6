"""A cabinet goes on from a backup that still knows somebody it had erased since: upstream tells it, with proof."""

from __future__ import annotations

import asyncio
import shutil
from base64 import b64encode
from pathlib import Path

import pytest

from cabinet.books import Books
from cabinet.config import load
from cabinet.control.protocol import ControlError
from cabinet.engine import Engine
from cabinet.epochs import Old, open_next
from cabinet.journal.note import Signer
from cabinet.journal.outbox import Outbox
from cabinet.journal.sqlite_epoch import SqliteFolder
from cabinet.service.erased_before import ErasedBefore
from hal.system_clock import SystemClock
from hal.worker import InlineWorker
from sync import payloads
from sync.collector.names import Cabinet
from sync.events import Batch, Head
from tests.daemon.people import LIN, SEVERIN
from tests.daemon.records import ORIGIN
from tests.daemon.test_erasure import TECHNICIAN, Offline, leaves, until
from tests.sync.collector.making import COSIGNER, Collector

CABINET = Cabinet(*ORIGIN.removeprefix("cabinet.").split("/"))


def erased_upstream(template: Path, folder: Path, collector: Collector) -> str:
    """The cabinet as it was before it was restored: its pseudonym for whom it erased."""

    async def lived() -> str:
        async with Offline(template, folder) as engine:
            books = engine.books
            severin = books.roster.pseudonym_of(SEVERIN.id) or ""
            await engine.erasure.person({"person": SEVERIN.id, "reason": "left the company"}, TECHNICIAN)
            outbox, first = Outbox(books.journal, []), 0
            collector.hear_session(session(books), CABINET)
            while (batch := outbox.batch(first)) is not None:
                sent = Batch(
                    batch.first,
                    [b64encode(data or b"").decode() for _, data in batch.leaves],
                    batch.checkpoint.decode(),
                )
                collector.take(payloads.batch(ORIGIN, sent, hist=True), cabinet=CABINET)
                first += len(batch.leaves)
            assert first == books.journal.size
        return severin

    return asyncio.run(lived())


def session(books: Books) -> bytes:
    journal = books.journal
    return payloads.session(Head(journal.origin, journal.verifier.vkey, journal.size, 0, 0, "0", "0"), 1, "0")


def restored(folder: Path) -> None:
    """The next epoch, opened over the copy."""
    state = folder / "state"
    signer = Signer(ORIGIN, bytes.fromhex((state / "signing.key").read_text()))
    books = Books.open(load(folder / "cabinet.toml", {}), SystemClock())
    old, ledger = Old(ORIGIN, books.journal.size, books.journal.root), books.state().ledger
    books.close()
    store = SqliteFolder(state)
    claim = store.claim()
    device = ORIGIN.partition("/")[2]
    number = open_next(
        store,
        origin=ORIGIN,
        device=device,
        signer=signer,
        old=old,
        reason="restored",
        ledger=ledger,
        now=SystemClock().now(),
        random=bytes,
    )
    claim.release()
    assert number == 2


def erased_before(engine: Engine, books: Books) -> ErasedBefore:
    worker = InlineWorker()
    outbox = Outbox(books.journal, [COSIGNER.verifier])
    return ErasedBefore(outbox, worker, books.roster, worker, engine.runner)


def test_whom_the_backup_still_knows_is_erased_again(template: Path, tmp_path: Path) -> None:
    backup = tmp_path / "restored"
    shutil.copytree(template, backup / "state")
    shutil.copy(write_config(template, tmp_path / "before"), backup / "cabinet.toml")
    collector = Collector(tmp_path / "upstream", pins=())
    severin = erased_upstream(template, tmp_path / "before", collector)
    restored(backup)

    async def told() -> None:
        async with Offline(template, backup) as engine:
            books = engine.books
            lin = books.roster.pseudonym_of(LIN.id)
            assert books.roster.name_of(severin) == SEVERIN.name
            collector.hear_session(session(books), CABINET)
            (receipt,) = collector.ingest.receipts()
            service = erased_before(engine, books)
            forged = receipt.text.replace(b"index ", b"index 1")
            assert await service.erased({"receipt": forged.decode()}, TECHNICIAN) == {"erased": 0}
            assert books.roster.name_of(severin) == SEVERIN.name
            assert await service.erased({"receipt": receipt.text.decode()}, TECHNICIAN) == {"erased": 1}
            await until(
                engine, lambda: books.roster.name_of(severin) is None and not engine.runner.state.ledger.erasures
            )
            assert await service.erased({"receipt": receipt.text.decode()}, TECHNICIAN) == {"erased": 0}
            assert books.roster.pseudonym_of(LIN.id) == lin
            with pytest.raises(ControlError, match="receipt"):
                await service.erased({"receipt": 3}, TECHNICIAN)

    asyncio.run(told())
    collector.close()
    found = [leaf for leaf in leaves(backup) if leaf["ev"] in ("person.erased", "input.rejected")]
    assert [(leaf["ev"], leaf.get("stage"), leaf.get("cause")) for leaf in found] == [
        ("input.rejected", None, "erased-unproven"),
        ("person.erased", "intent", None),
        ("person.erased", "done", None),
    ]
    assert {sub["p"] for leaf in found[1:] for sub in leaf["subs"]} == {severin}
    assert found[1]["operator"] == "upstream"


def write_config(template: Path, folder: Path) -> Path:
    Offline(template, folder)
    return folder / "cabinet.toml"
