"""A signing key gives way to another: both sign that, and whoever knows the old one follows."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest

from cabinet.journal import note
from cabinet.journal.errors import ExportRefused, LeafRefused, NoteRefused
from cabinet.journal.export import export, verify_export
from cabinet.journal.key_walk import KeyWalk, walked
from cabinet.journal.leaf import Entry
from cabinet.journal.note import Note, Signer
from cabinet.journal.reader import JournalReader
from cabinet.journal.receipt import receipt, verify_receipt
from cabinet.journal.store import Journal
from cabinet.journal.verify import verify
from tests.journal.making import DEVICE, ORIGIN, OTHER_SIGNER, SIGNER, entry, opened, tampering

THIRD = Signer(ORIGIN, bytes(range(2, 34)))


def rotation(old: Signer, new: Signer) -> Entry:
    return entry(0, ev="signer.rotated", person=None, old=old.vkey, vkey=new.vkey)


def rotate(journal: Journal, old: Signer, new: Signer) -> None:
    journal.prepare(new)
    journal.append([entry(1), rotation(old, new), entry(2)])


def signers(data: bytes) -> list[bytes]:
    return [line.key_id for line in note.parse(data).signatures]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twice rotated: leaves 0 to 2, then 3 to 5 with the first rotation, 6, 7 to 9 with the second, 10."""
    with closing(opened(tmp_path)) as journal:
        journal.append([entry(0), entry(1), entry(2)])
        rotate(journal, SIGNER, OTHER_SIGNER)
        journal.append([entry(6)])
        rotate(journal, OTHER_SIGNER, THIRD)
        journal.append([entry(10)])
    return tmp_path


def test_both_sign_the_rotation_and_one_everything_else(folder: Path) -> None:
    first, second, third = (one.verifier.key_id for one in (SIGNER, OTHER_SIGNER, THIRD))
    with JournalReader(folder) as reader:
        notes = {size: signers(data) for size, data in reader.checkpoints()}
    assert notes == {0: [first], 3: [first], 6: [first, second], 7: [second], 10: [second, third], 11: [third]}


def test_the_first_key_leads_through_all_and_a_later_one_does_not_lead_back(folder: Path) -> None:
    with JournalReader(folder) as reader:
        assert verify(reader, SIGNER.vkey).result == "verified"
        for later in (OTHER_SIGNER, THIRD):
            verdict = verify(reader, later.vkey)
            assert (verdict.result, verdict.rule, verdict.failed_at) == ("failed", "checkpoint", 0)


def test_an_earlier_checkpoint_of_any_of_the_keys_is_trusted(folder: Path) -> None:
    with JournalReader(folder) as reader:
        for _, data in list(reader.checkpoints()):
            assert verify(reader, SIGNER.vkey, trusted=data).result == "verified"
        stranger = Signer(ORIGIN, bytes(range(3, 35)))
        _, newest = list(reader.checkpoints())[-1]
        forged = Note(note.parse(newest).text, (stranger.sign(note.parse(newest).text),)).encode()
        with pytest.raises(NoteRefused, match="not signed by a key of this journal"):
            verify(reader, SIGNER.vkey, trusted=forged)


def resign(folder: Path, size: int, *by: Signer) -> None:
    """As somebody with the disk and these keys would."""
    connection = tampering(folder)
    (data,) = connection.execute("SELECT note FROM checkpoint WHERE size = ?", (size,)).fetchone()
    text = note.parse(data).text
    changed = Note(text, tuple(one.sign(text) for one in by)).encode()
    connection.execute("UPDATE checkpoint SET note = ? WHERE size = ?", (changed, size))
    connection.close()


@pytest.mark.parametrize(
    ("size", "by", "failed_at"),
    [
        (6, [SIGNER], 3),  # the new key was never there
        (6, [OTHER_SIGNER], 3),  # the old one did not vouch for it
        (7, [SIGNER], 6),  # signs after it was rotated away
        (7, [OTHER_SIGNER, SIGNER], 6),
        (3, [SIGNER, OTHER_SIGNER], 0),  # before it was rotated to
        (10, [SIGNER, THIRD], 7),
        (11, [THIRD, OTHER_SIGNER], 10),
    ],
)
def test_a_note_by_another_set_of_keys_fails(folder: Path, size: int, by: list[Signer], failed_at: int) -> None:
    resign(folder, size, *by)
    with JournalReader(folder) as reader:
        verdict = verify(reader, SIGNER.vkey)
    assert (verdict.result, verdict.rule, verdict.failed_at) == ("failed", "checkpoint", failed_at)


def test_opened_again_it_is_signed_by_the_key_that_is_due(tmp_path: Path) -> None:
    def keys() -> tuple[bytes, list[bytes]]:
        with closing(Journal.open(tmp_path, ORIGIN, DEVICE, SIGNER, OTHER_SIGNER)) as journal:
            return journal.verifier.key_id, [key.key_id for key in journal.former]

    with closing(opened(tmp_path)) as journal:
        journal.append([entry(0)])
    assert keys() == (SIGNER.verifier.key_id, [])
    with closing(opened(tmp_path)) as journal:
        rotate(journal, SIGNER, OTHER_SIGNER)
    assert keys() == (OTHER_SIGNER.verifier.key_id, [SIGNER.verifier.key_id])
    with closing(Journal.open(tmp_path, ORIGIN, DEVICE, SIGNER, OTHER_SIGNER)) as journal:
        journal.append([entry(9)])
        assert signers(journal.checkpoint()) == [OTHER_SIGNER.verifier.key_id]
    assert keys()[0] == OTHER_SIGNER.verifier.key_id


@pytest.mark.parametrize(
    "entries",
    [
        [rotation(SIGNER, THIRD)],
        [rotation(THIRD, OTHER_SIGNER)],
        [rotation(SIGNER, OTHER_SIGNER), rotation(OTHER_SIGNER, THIRD)],
    ],
)
def test_nothing_is_rotated_but_to_the_key_that_was_prepared(tmp_path: Path, entries: list[Entry]) -> None:
    with closing(opened(tmp_path)) as journal:
        with pytest.raises(LeafRefused, match="prepared"):
            journal.append([rotation(SIGNER, OTHER_SIGNER)])
        journal.prepare(OTHER_SIGNER)
        with pytest.raises(LeafRefused, match="prepared"):
            journal.append(entries)
        assert journal.size == 0
        journal.append([rotation(SIGNER, OTHER_SIGNER)])
        assert journal.verifier.public == OTHER_SIGNER.verifier.public


def test_the_walk_needs_no_leaves_but_the_rotations(folder: Path) -> None:
    with JournalReader(folder) as reader:
        rotations = list(reader.rotations())
        walk = walked(SIGNER.verifier, rotations)
        assert [n for n, _, _ in rotations] == [4, 8]
        assert [key.vkey for key in walk.keys] == [SIGNER.vkey, OTHER_SIGNER.vkey, THIRD.vkey]
        assert walk.rotations == [6, 10]
        for _, data in reader.checkpoints():
            walk.check(data)
    following = walk.next(f"{ORIGIN}/e2")
    assert following.key.vkey == THIRD.named(f"{ORIGIN}/e2").vkey
    with pytest.raises(NoteRefused, match="rotates key"):
        walked(SIGNER.verifier, rotations[1:])


def test_an_export_leads_from_the_first_key_to_the_last(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with JournalReader(folder) as reader:
        export(reader, out, [SIGNER.vkey])
        notes = dict(reader.checkpoints())
    found = verify_export(out)
    assert found.vkeys == (SIGNER.vkey, OTHER_SIGNER.vkey, THIRD.vkey)
    assert (out / "vkey").read_text() == (
        f"# The key that the log began with; up to size 6:\n{SIGNER.vkey}\n"
        f"# From size 6 on, which both sign:\n{OTHER_SIGNER.vkey}\n"
        f"# From size 10 on, which both sign:\n{THIRD.vkey}\n"
    )
    olds = [entry["old_checkpoint"].encode() for entry in json.loads((out / "consistency.json").read_bytes())]
    assert olds == [notes[6], notes[10]]


@pytest.mark.parametrize("change", ["comment", "key", "rotation"])
def test_an_export_whose_keys_do_not_follow_is_refused(folder: Path, tmp_path: Path, change: str) -> None:
    out = tmp_path / "out"
    with JournalReader(folder) as reader:
        export(reader, out, [SIGNER.vkey])
    vkeys = (out / "vkey").read_text()
    if change == "comment":
        (out / "vkey").write_text(vkeys.replace("size 10", "size 11"))
    elif change == "key":
        (out / "vkey").write_text(f"{OTHER_SIGNER.vkey}\n{SIGNER.vkey}\n{THIRD.vkey}\n")
    else:
        first, second = json.loads((out / "consistency.json").read_bytes())
        assert first != second
        (out / "consistency.json").write_text(json.dumps([second], ensure_ascii=False, separators=(",", ":")) + "\n")
    with pytest.raises(ExportRefused, match="vkey: "):
        verify_export(out)


def test_a_receipt_is_by_the_newest_key(folder: Path) -> None:
    with JournalReader(folder) as reader:
        data = receipt(reader, 1, [SIGNER.vkey])
    assert verify_receipt(data, [SIGNER.vkey, THIRD.vkey]).n == 1
    for vkey in (SIGNER.vkey, OTHER_SIGNER.vkey):
        with pytest.raises(ExportRefused, match="not signed"):
            verify_receipt(data, [vkey])


def test_nobody_rotates_back(tmp_path: Path) -> None:
    walk = KeyWalk(SIGNER.verifier)
    with closing(opened(tmp_path)) as journal:
        rotate(journal, SIGNER, OTHER_SIGNER)
        rotate(journal, OTHER_SIGNER, SIGNER)
    with JournalReader(tmp_path) as reader:
        (first, second) = reader.rotations()
        walk.leaf(*first[:2])
        walk.check(first[2])
        with pytest.raises(NoteRefused, match="goes back"):
            walk.leaf(*second[:2])
        assert verify(reader, SIGNER.vkey).rule == "rotation"
