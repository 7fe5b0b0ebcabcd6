"""The journal in a backup: whole, beside a writer, and in pieces that have to join."""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path

import pytest

from cabinet.backup import records
from cabinet.backup.errors import BackupRefused
from cabinet.backup.sealed import Sealer
from cabinet.journal import checkpoint
from cabinet.journal.reader import JournalReader
from cabinet.journal.rebuild import EpochBuilder
from cabinet.journal.verify import verify
from tests.backup import outsider
from tests.backup.making import IDENTITY, backed_up, replayed
from tests.journal.making import ORIGIN, OTHER_SIGNER, SIGNER, entry, filled, opened, tampering


def grown(folder: Path, by: int) -> bytes:
    journal = opened(folder)
    journal.append([entry(journal.size + n) for n in range(by)], {"slots/7": b'{"n":%d}' % journal.size})
    journal.close()
    return journal.checkpoint()


def test_an_outsider_finds_every_leaf_and_the_signed_root(tmp_path: Path) -> None:
    note = filled(tmp_path, 70)
    [(header, content)] = outsider.open_file(backed_up(tmp_path), IDENTITY.private_bytes_raw())
    found = list(outsider.records(content))
    hashes = [outsider.leaf_hash(body) for kind, body in found if kind == "L"]
    assert (len(hashes), outsider.root(hashes)) == (70, checkpoint.read(note, SIGNER.verifier).root)
    assert header["epochs"] == [{"epoch": 1, "first": 0, "checkpoint": note.decode()}]
    assert json.loads(found[0][1]) == {
        "epoch": 1, "first": 0, "origin": ORIGIN, "size": 70, "vkey": SIGNER.vkey
    }  # fmt: skip
    assert [kind for kind, _ in found[:6]] == ["E", "C", "L", "L", "L", "C"]


def test_a_file_made_anew_is_the_file_that_was(seventy: Path, tmp_path: Path) -> None:
    grown(seventy, 3)
    rebuilt(tmp_path / "new", backed_up(seventy))
    assert dump(tmp_path / "new") == dump(seventy)
    with JournalReader(tmp_path / "new") as reader:
        assert verify(reader, SIGNER.vkey).result == "verified"
    journal = opened(tmp_path / "new")
    assert journal.append([entry(73)]).size == 74
    journal.close()


def test_increments_join(tmp_path: Path) -> None:
    source, copy = tmp_path / "a", tmp_path / "b"
    first = filled(source, 10)
    files = [backed_up(source)]
    second = grown(source, 5)
    files.append(backed_up(source, first))
    files.append(backed_up(source, second))  # nothing new
    grown(source, 64)
    files.append(backed_up(source, second))
    rebuilt(copy, *files)
    assert dump(copy) == dump(source)
    assert len(files[1]) < len(files[0])


def test_what_does_not_join_is_refused(tmp_path: Path) -> None:
    first = filled(tmp_path / "a", 10)
    full = backed_up(tmp_path / "a")
    second = grown(tmp_path / "a", 5)
    one = backed_up(tmp_path / "a", first)
    grown(tmp_path / "a", 5)
    two = backed_up(tmp_path / "a", second)
    with pytest.raises(BackupRefused, match="goes on from 10 leaves"):
        replayed(one)
    with pytest.raises(BackupRefused, match="goes on from 15 leaves"):
        replayed(full, two)
    with pytest.raises(BackupRefused, match="goes on from 10 leaves"):
        replayed(full, one, one)
    with pytest.raises(BackupRefused, match="file 1: is a full backup"):
        replayed(full, full)
    filled(tmp_path / "other", 10)
    with pytest.raises(BackupRefused, match="goes on from 10 leaves"):
        replayed(backed_up(tmp_path / "other"), one)
    with pytest.raises(BackupRefused, match="does not continue --since"):
        backed_up(tmp_path / "other", first)


def test_pruned_leaves_stay_pruned(seventy: Path, tmp_path: Path) -> None:
    file = tampering(seventy)
    file.execute("DELETE FROM payload WHERE n < 5")
    file.close()
    found = rebuilt(tmp_path / "new", backed_up(seventy))
    assert found == 5
    with JournalReader(tmp_path / "new") as reader:
        assert [leaf.n for leaf in reader.leaves() if leaf.data is None] == [0, 1, 2, 3, 4]


def test_beside_a_writer_it_is_of_one_moment(tmp_path: Path) -> None:
    filled(tmp_path, 10)
    journal = opened(tmp_path)
    journal.append([entry(10)])
    data = backed_up(tmp_path)
    journal.append([entry(11)])
    journal.close()
    assert replayed(data).epochs[1].frontier.size == 11


def test_a_changed_leaf_is_found_though_the_seal_is_good(seventy: Path) -> None:
    """Whoever has the recipient's public key can seal; only the cabinet can sign."""
    [(header, content)] = outsider.open_file(backed_up(seventy), IDENTITY.private_bytes_raw())
    with pytest.raises(BackupRefused, match=r"the checkpoint of 10 leaves .* is of another tree"):
        replayed(resealed(header, content.replace(b"K-0003", b"K-0004")))
    other = header | {"epochs": []}
    assert replayed(resealed(other, content)).leaves == 70
    forged = content.replace(SIGNER.vkey.encode(), OTHER_SIGNER.vkey.encode())
    with pytest.raises(BackupRefused, match="checkpoint of 0: note is not signed"):
        replayed(resealed(other, forged))


def test_content_that_ends_early_is_found(seventy: Path) -> None:
    [(header, content)] = outsider.open_file(backed_up(seventy), IDENTITY.private_bytes_raw())
    kept = [record for record in outsider.records(content) if record[0] != "Z"]
    framed = b"".join(kind.encode() + len(body).to_bytes(4, "big") + body for kind, body in kept)
    with pytest.raises(BackupRefused, match="ends too early"):
        replayed(resealed(header, framed))
    with pytest.raises(BackupRefused, match="middle of a record"):
        replayed(resealed(header, content[:-1]))
    counts = next(body for kind, body in outsider.records(content) if kind == "Z")
    fewer = counts.replace(b'"L":70', b'"L":71')
    with pytest.raises(BackupRefused, match="not everything"):
        replayed(resealed(header, framed + records.END + len(fewer).to_bytes(4, "big") + fewer))


def resealed(header: dict[str, object], content: bytes) -> bytes:
    out = bytearray()
    sealer = Sealer(out.extend, header, IDENTITY.public_key())
    sealer.write(content)
    sealer.finish()
    return bytes(out)


def rebuilt(folder: Path, *files: bytes) -> int:
    """Gives how many leaves are pruned in it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    builders: list[EpochBuilder] = []

    def keep(epoch: int, origin: str) -> EpochBuilder:
        builders.append(EpochBuilder(folder, epoch))
        return builders[-1]

    replay = replayed(*files, keep=keep)
    for builder in builders:
        builder.close()
    return replay.epochs[1].pruned


def dump(folder: Path) -> list[str]:
    """The whole database as SQL."""
    connection = sqlite3.connect(folder / "journal-1.db")
    try:
        return [line for line in connection.iterdump() if not line.startswith("PRAGMA")]
    finally:
        connection.close()
