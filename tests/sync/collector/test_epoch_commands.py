"""What an operator is told of epochs and evidence, and what an outsider can make of it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from cabinet.control.protocol import Exit
from tests.sync.collector.making import CABINET, Collector, Log, made_log
from tests.sync.collector.test_commands import answers, config, run
from tests.sync.collector.test_epochs import LATER, OLD, opened

__all__ = ["config"]  # a fixture


@pytest.fixture
def reborn(config: Path) -> Path:
    """20 leaves, a fork at 12, and the epoch that the cabinet opened then, with what it gave up."""
    collector = Collector(config.parent)
    collector.take(OLD.batch(0, 20), forked().batch(8, 15), forked().batch(10, 26))
    collector.take(opened(12, "fork").batch(0, 10), forked().batch(12, 26, orphan=True))
    collector.close()
    return config


def forked() -> Log:
    return Log(OLD.leaves[:12] + made_log(40, tag="another life").leaves[12:], OLD.sizes)


def test_epochs(reborn: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, text = run(capsys, "--config", reborn, "epochs", "--json")
    (found,) = answers(text)
    (epoch,) = found["epochs"]
    assert (code, epoch.pop("opened")[:19]) == (Exit.OK, "2026-01-01T00:16:40")
    assert epoch == {
        "cabinet": CABINET.origin,
        "epoch": 2,
        "origin": LATER,
        "reason": "fork",
        "old_origin": CABINET.origin,
        "old_size": 12,
        "old_held": 20,
        "relation": "beyond",
        "orphans": 14,
        "accepted": None,
        "accepted_by": None,
        "accepted_reason": None,
    }


def test_epochs_for_people(reborn: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, text = run(capsys, "--config", reborn, "epochs")
    assert code == Exit.OK
    assert re.split(r" {2,}", text.splitlines()[1]) == [
        LATER,
        "2026-01-01T00:16:40Z",
        "fork",
        f"{CABINET.origin} at 12",
        "the same, and 8 more",
        "14",
        "NO",
    ]


def test_an_operator_accepts_beside_a_running_collector(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    collector = Collector(config.parent)
    collector.take(OLD.batch(0, 20), forked().batch(8, 15), opened(12, "fork").batch(0, 10))
    code, text = run(capsys, "--config", config, "accept-epoch", "lobby-01", "2", "--reason", "the board was swapped")
    assert (code, text) == (Exit.OK, f"{LATER} is accepted: the board was swapped\n")
    assert collector.alarms() == [], "of the epoch, and of the contradiction that it ends"
    assert [one.origin for one in collector.ingest.accepted()] == [LATER]
    [(by, reason)] = collector.ask("SELECT accepted_by, accepted_reason FROM epoch")
    assert by
    assert reason == "the board was swapped"
    code, text = run(capsys, "--config", config, "accept-epoch", "demo/lobby-01", "2", "--reason", "again")
    assert code == Exit.REFUSED
    assert "was accepted at" in text
    assert len(collector.ask("SELECT * FROM evidence")) == 2, "it stays"
    collector.close()


def test_accepting_says_what_is_missing(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    collector = Collector(config.parent)
    collector.take(OLD.batch(0, 20), opened(33, "salvaged").batch(0, 10))
    collector.close()
    code, text = run(capsys, "--config", config, "accept-epoch", "lobby-01", "2", "--reason", "the disk broke")
    assert code == Exit.OK
    assert text.splitlines()[1] == f"of {CABINET.origin} 13 events have not come; they are on the cabinet, if anywhere"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("lobby-01", "3", "--reason", "x"), Exit.NOT_FOUND, "has opened no epoch 3; later epochs of it: 2"),
        (("lobby-09", "2", "--reason", "x"), Exit.NOT_FOUND, "later epochs of it: none"),
        (("lobby-01", "2", "--reason", " "), Exit.USAGE, "--reason is 1 to 200 characters"),
    ],
)
def test_what_cannot_be_accepted(
    reborn: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], code: Exit, words: str
) -> None:
    found, text = run(capsys, "--config", reborn, "accept-epoch", *arguments)
    assert found == code
    assert words in text
    assert run(capsys, "--config", reborn, "epochs")[1].rstrip().endswith("NO")


def test_evidence_is_listed(reborn: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, text = run(capsys, "--config", reborn, "evidence")
    assert code == Exit.OK
    assert [line.split()[:6] for line in text.splitlines()[1:]] == [
        ["1", "rollback", CABINET.origin, "12", "20", "15"],
        ["2", "fork", CABINET.origin, "12", "20", "26"],
        ["3", "epoch", CABINET.origin, "12", "20", "10"],
    ]


@pytest.mark.parametrize("number", [1, 2])
def test_an_outsider_sees_that_one_key_signed_two_histories(
    reborn: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], number: int
) -> None:
    """With nothing of ours: signatures by cryptography, the proof as RFC 6962 checks it."""
    folder = tmp_path / "outside"
    assert run(capsys, "--config", reborn, "evidence", str(number), folder)[0] == Exit.OK
    assert {path.name for path in folder.iterdir()} == {"ours", "theirs", "vkey", "batch.json", "proof.json"}
    (vkey,) = (folder / "vkey").read_text().splitlines()
    notes = {name: read_note(folder / name, vkey) for name in ("ours", "theirs")}
    proof = json.loads((folder / "proof.json").read_text())
    other = "theirs" if proof["tree"] == "ours" else "ours"
    size, root = notes[proof["tree"]]
    assert proof["size"] == notes[other][0], "the proof is of the size of the other note"
    hashes = [base64.b64decode(one) for one in proof["proof"]]
    check_consistency(proof["size"], size, hashes, base64.b64decode(proof["root"]), root)
    assert base64.b64decode(proof["root"]) != notes[other][1], "one key, one size, two roots"


def test_evidence_of_an_epoch_names_both_keys(reborn: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "outside"
    code, text = run(capsys, "--config", reborn, "evidence", "3", folder, "--json")
    assert (code, answers(text)[0]["kind"]) == (Exit.OK, "epoch")
    ours, theirs = (folder / "vkey").read_text().splitlines()
    assert read_note(folder / "ours", ours)[0] == 20
    assert read_note(folder / "theirs", theirs)[0] == 10
    said = json.loads(base64.b64decode(json.loads((folder / "batch.json").read_text())["leaves"][0]))
    assert (said["old_origin"], said["old_size"]) == (CABINET.origin, 12)


@pytest.mark.parametrize(("arguments", "code"), [(("9", "x"), Exit.NOT_FOUND), (("1",), Exit.USAGE)])
def test_evidence_that_cannot_be_had(
    reborn: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], code: Exit
) -> None:
    assert run(capsys, "--config", reborn, "evidence", *arguments)[0] == code


def read_note(path: Path, vkey: str) -> tuple[int, bytes]:
    """Size and root that this key signed."""
    text, _, signatures = path.read_text().partition("\n\n")
    name, _, key = vkey.split("+", 2)
    line = next(line for line in signatures.splitlines() if line.startswith(f"— {name} "))
    public = Ed25519PublicKey.from_public_bytes(base64.b64decode(key)[1:])
    public.verify(base64.b64decode(line.split(" ")[2])[4:], f"{text}\n".encode())
    origin, size, root = text.split("\n")
    assert origin == name
    return int(size), base64.b64decode(root)


def check_consistency(old: int, new: int, proof: list[bytes], old_root: bytes, new_root: bytes) -> None:
    """RFC 9162, 2.1.4.2."""
    path = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    fn, sn = old - 1, new - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = path[0]
    for c in path[1:]:
        assert sn
        if fn & 1 or fn == sn:
            fr, sr = pair(c, fr), pair(c, sr)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = pair(sr, c)
        fn, sn = fn >> 1, sn >> 1
    assert (fr, sr, sn) == (old_root, new_root, 0)


def pair(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()
