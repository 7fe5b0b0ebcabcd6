"""What leaves the house can be checked by anyone, and no byte of it changed unnoticed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cabinet.journal import b64, checkpoint, note
from cabinet.journal.connection import close, open_writer
from cabinet.journal.errors import ExportRefused, NoteRefused
from cabinet.journal.export import export, verify_export
from cabinet.journal.note import COSIGNATURE, Note, Signer
from cabinet.journal.reader import JournalReader
from cabinet.journal.receipt import receipt, verify_receipt
from cabinet.journal.tree import Frontier, leaf_hash
from tests.journal.making import ORIGIN, OTHER_SIGNER, SIGNER, entry, filled, opened, tampering

WITNESS = Signer("witness.example/hq", bytes(32), COSIGNATURE)
STRANGER = Signer("stranger.example", bytes(32), COSIGNATURE)
VKEYS = [SIGNER.vkey, WITNESS.vkey]


@pytest.fixture
def seven(tmp_path: Path) -> Path:
    """Seven leaves in three transactions; the newest is cosigned, two leaves are pruned."""
    folder = tmp_path / "seven"
    filled(folder, 7)
    connection = open_writer(folder / "journal-1.db")
    with connection.begin():
        data = connection.exec_driver_sql("SELECT note FROM checkpoint WHERE size = 7").scalar_one()
        signed = note.parse(data)
        lines = (*signed.signatures, STRANGER.cosign(signed.text, 5), WITNESS.cosign(signed.text, 1_767_226_320))
        connection.exec_driver_sql("INSERT INTO ack VALUES (7, ?)", (Note(signed.text, lines).encode(),))
        connection.exec_driver_sql("DELETE FROM payload WHERE n IN (1, 2)")
    close(connection)
    return folder


@pytest.fixture
def exported(seven: Path, tmp_path: Path) -> Path:
    with JournalReader(seven) as reader:
        notes = dict(reader.checkpoints())
        assert export(reader, tmp_path / "out", VKEYS, prove=[0, 5], since=[notes[3], notes[6]]).size == 7
    return tmp_path / "out"


def test_the_files_as_an_outsider_reads_them(exported: Path) -> None:
    files = sorted(path.name for path in exported.iterdir())
    assert files == ["checkpoint", "consistency.json", "inclusion.json", "leaves.jsonl", "vkey"]
    assert (exported / "vkey").read_text().splitlines() == VKEYS
    lines = [json.loads(line) for line in (exported / "leaves.jsonl").read_text().splitlines()]
    assert [line["index"] for line in lines] == list(range(7))
    assert ["leaf" in line for line in lines] == [True, False, False, True, True, True, True]
    frontier = Frontier()
    for line in lines:
        frontier.push(leaf_hash(b64.decode(line["leaf"])) if "leaf" in line else b64.decode(line["leaf_hash"]))
    signed = checkpoint.read((exported / "checkpoint").read_bytes(), SIGNER.verifier)
    assert (signed.size, signed.root) == (7, frontier.root())
    inclusion = json.loads((exported / "inclusion.json").read_text())
    assert [(one["index"], one["size"], len(one["proof"])) for one in inclusion] == [(0, 7, 3), (5, 7, 3)]
    assert json.loads((exported / "leaves.jsonl").read_text().splitlines()[5])["leaf"]
    assert len(json.loads((exported / "consistency.json").read_text())) == 2


def test_cosignatures_of_the_keys_that_go_with_it(exported: Path) -> None:
    signed = note.parse((exported / "checkpoint").read_bytes())
    assert [one.name for one in signed.signatures] == [ORIGIN, WITNESS.name], "the log's own line first"
    assert WITNESS.verifier.check(signed) == 1_767_226_320


def test_it_verifies(exported: Path) -> None:
    found = verify_export(exported)
    assert (found.checkpoint.origin, found.checkpoint.size) == (ORIGIN, 7)
    assert (found.vkeys, found.pruned) == ((SIGNER.vkey,), 2)


def test_every_changed_byte_is_found(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    for number in range(3):
        journal.append([entry(number, person=None)])
    exported = tmp_path / "out"
    with JournalReader(tmp_path) as reader:
        export(reader, exported, [SIGNER.vkey], prove=[1], since=[dict(reader.checkpoints())[2]])
    journal.close()
    tried = 0
    for path in sorted(exported.iterdir()):
        whole = path.read_bytes()
        for at in range(len(whole)):
            path.write_bytes(whole[:at] + bytes([whole[at] ^ (1 << at % 8)]) + whole[at + 1 :])
            with pytest.raises(ExportRefused):
                verify_export(exported)
            tried += 1
        path.write_bytes(whole)
    assert tried > 1500
    verify_export(exported)


def test_cut_and_stretched_files_are_found(exported: Path) -> None:
    for path in sorted(exported.iterdir()):
        whole = path.read_bytes()
        lines = whole.splitlines(keepends=True)
        for changed in (b"", whole[:-1], whole + b"\n", whole + lines[-1], b"".join(lines[1:]), whole + b" "):
            path.write_bytes(changed)
            with pytest.raises(ExportRefused):
                verify_export(exported)
        path.write_bytes(whole)


def test_a_witness_alone_is_not_enough(exported: Path) -> None:
    signed = note.parse((exported / "checkpoint").read_bytes())
    for lines in (signed.signatures[1:], signed.signatures[:1] * 2):
        (exported / "checkpoint").write_bytes(Note(signed.text, lines).encode())
        with pytest.raises(ExportRefused, match="sign"):
            verify_export(exported)


@pytest.mark.parametrize("name", ["checkpoint", "vkey", "leaves.jsonl"])
def test_a_missing_file_is_named(exported: Path, name: str) -> None:
    (exported / name).unlink()
    with pytest.raises(ExportRefused, match=name) as refused:
        verify_export(exported)
    assert refused.value.file == name


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("inclusion.json", '[{"index":[],"size":7,"leaf_hash":"","proof":[]}]\n'),
        ("inclusion.json", '[{"index":true,"size":7,"leaf_hash":"","proof":[]}]\n'),
        ("inclusion.json", '[{"index":0,"size":7,"leaf_hash":null,"proof":null}]\n'),
        ("inclusion.json", "{}\n"),
        ("inclusion.json", "[1]\n"),
        ("inclusion.json", "[" * 20_000),
        ("consistency.json", '[{"old_checkpoint":5,"proof":[]}]\n'),
        ("consistency.json", '[{"old_checkpoint":"","proof":[]}]\n'),
        ("consistency.json", '[{"old_checkpoint":"\\ud800","proof":[]}]\n'),
        ("leaves.jsonl", "[]\n"),
        ("leaves.jsonl", '{"index":0,"leaf":5}\n'),
        ("leaves.jsonl", '{"index":0,"leaf_hash":"AAAA"}\n'),
        ("leaves.jsonl", "x" * 40_000),
    ],
)
def test_nonsense_gives_no_traceback(exported: Path, name: str, content: str) -> None:
    (exported / name).write_text(content)
    with pytest.raises(ExportRefused, match=name):
        verify_export(exported)


def test_a_tail_without_a_checkpoint_is_left_out(tmp_path: Path) -> None:
    filled(tmp_path / "journal", 7)
    connection = tampering(tmp_path / "journal")
    connection.execute("DELETE FROM checkpoint WHERE size = 7")
    connection.close()
    with JournalReader(tmp_path / "journal") as reader:
        assert export(reader, tmp_path / "out", [SIGNER.vkey]).size == 6
    assert verify_export(tmp_path / "out").checkpoint.size == 6
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["checkpoint", "leaves.jsonl", "vkey"]


def test_what_cannot_be_exported_writes_nothing(seven: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    longer = filled(tmp_path / "longer", 9)
    with JournalReader(seven) as reader:
        with pytest.raises(NoteRefused):
            export(reader, out, [OTHER_SIGNER.vkey])
        with pytest.raises(ValueError):
            export(reader, out, VKEYS, prove=[7])
        with pytest.raises(ValueError):
            export(reader, out, VKEYS, since=[longer])
        with pytest.raises(NoteRefused):
            export(reader, out, VKEYS, since=[b"nonsense"])
        assert not out.exists()
        out.mkdir()
        (out / "mine").touch()
        with pytest.raises(FileExistsError):
            export(reader, out, VKEYS)
    assert [path.name for path in out.iterdir()] == ["mine"]


def test_a_receipt_stands_alone(seven: Path) -> None:
    with JournalReader(seven) as reader:
        data = receipt(reader, 5, VKEYS)
        (stored,) = reader.leaves(5, 6)
        others = [leaf.data for leaf in reader.leaves() if leaf.n != 5]
        with pytest.raises(ValueError, match="pruned"):
            receipt(reader, 1, VKEYS)
        with pytest.raises(ValueError):
            receipt(reader, 7, VKEYS)
    found = verify_receipt(data, [SIGNER.vkey])
    assert (found.n, found.leaf, found.checkpoint.size) == (5, stored.data, 7)
    assert not any(leaf is not None and b64.encode(leaf).encode() in data for leaf in others)
    assert data.startswith(b"c2sp.org/tlog-proof@v1\nextra ")


def test_every_changed_byte_of_a_receipt_is_found(seven: Path) -> None:
    with JournalReader(seven) as reader:
        data = receipt(reader, 5, [SIGNER.vkey])
    for at in range(len(data)):
        with pytest.raises(ExportRefused):
            verify_receipt(data[:at] + bytes([data[at] ^ (1 << at % 8)]) + data[at + 1 :], [SIGNER.vkey])
    for wrong in (b"", data[:-1], data + b"\n", data * 30):
        with pytest.raises(ExportRefused):
            verify_receipt(wrong, [SIGNER.vkey])
    with pytest.raises(ExportRefused):
        verify_receipt(data, [OTHER_SIGNER.vkey])
    with pytest.raises(NoteRefused):
        verify_receipt(data, ["no key"])


def test_a_receipt_reads_no_index_from_end_to_end(seventy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One key signed all along: nothing is searched, however long the journal is."""
    monkeypatch.setattr(JournalReader, "find", None)
    with JournalReader(seventy) as reader:
        data = receipt(reader, 5, [SIGNER.vkey])
    assert verify_receipt(data, [SIGNER.vkey]).n == 5
