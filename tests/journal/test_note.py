"""Notes are read strictly, and no changed byte passes for signed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cabinet.journal import checkpoint, note
from cabinet.journal.checkpoint import Checkpoint
from cabinet.journal.errors import NoteRefused
from cabinet.journal.note import COSIGNATURE, Note, Signer, Verifier
from cabinet.journal.tree import EMPTY_ROOT
from tests.journal.making import ORIGIN, OTHER_SIGNER, SIGNER

SIGNED = Checkpoint(ORIGIN, 12, EMPTY_ROOT).signed(SIGNER)
WITNESS = Signer("witness.example/hq", bytes(32), COSIGNATURE)


def test_every_changed_byte_is_refused() -> None:
    assert checkpoint.read(SIGNED, SIGNER.verifier) == Checkpoint(ORIGIN, 12, EMPTY_ROOT)
    for at in range(len(SIGNED)):
        for bit in (0x01, 0x20, 0x80):
            changed = SIGNED[:at] + bytes([SIGNED[at] ^ bit]) + SIGNED[at + 1 :]
            with pytest.raises(NoteRefused):
                checkpoint.read(changed, SIGNER.verifier)


@given(st.binary(max_size=120) | st.text(max_size=60).map(str.encode))
def test_noise_never_gives_a_traceback(noise: bytes) -> None:
    for data in (noise, SIGNED + noise, SIGNED[:-40] + noise):
        try:
            assert note.parse(data).encode() == data
        except NoteRefused:
            continue


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"text\n",
        b"text\n\n",
        b"text\n\nno dash\n",
        "text\n\n— name\n".encode(),
        "text\n\n— name AAAA\n".encode(),
        "text\n\n— name AAAAAAB=\n".encode(),
        "text\n\n— a+b AAAAAAA=\n".encode(),
        "text\n\n— name AAAAAAA=".encode(),
        "te\rxt\n\n— name AAAAAAA=\n".encode(),
        "te\txt\n\n— name AAAAAAA=\n".encode(),
        b"\xff\n\n" + "— name AAAAAAA=\n".encode(),
        b"x" * note.MAX_NOTE + "\n\n— name AAAAAAA=\n".encode(),
    ],
)
def test_no_note(data: bytes) -> None:
    assert note.parse("text\n\n— name AAAAAAA=\n".encode()).text == "text\n"
    with pytest.raises(NoteRefused):
        note.parse(data)


@pytest.mark.parametrize(
    "text",
    [
        f"{ORIGIN}\n12\n",
        f"{ORIGIN}\n012\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
        f"{ORIGIN}\n-1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
        f"{ORIGIN}\n9007199254740992\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
        f"{ORIGIN}\n12\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB=\n",
        f"{ORIGIN}\n12\nAAAA\n",
        f"{ORIGIN}\n12\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\nextension\n",
        "\n12\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
        "a b\n12\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
        "a+b\n12\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
    ],
)
def test_no_checkpoint(text: str) -> None:
    assert checkpoint.parse(f"{ORIGIN}\n12\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n").size == 12
    with pytest.raises(NoteRefused):
        checkpoint.parse(text)


@pytest.mark.parametrize(
    "vkey", ["", "name", "name+00000000", "name+b736758c+AUjg", "na me+b736758c+AUjg", "+b736758c+" + "A" * 44]
)
def test_no_key(vkey: str) -> None:
    with pytest.raises(NoteRefused):
        Verifier.from_vkey(vkey)


def test_every_changed_character_of_a_key_is_refused() -> None:
    vkey = SIGNER.vkey
    for at in range(len(vkey)):
        with pytest.raises(NoteRefused):
            Verifier.from_vkey(vkey[:at] + chr(ord(vkey[at]) ^ 1) + vkey[at + 1 :])


def test_another_key_or_name_does_not_count() -> None:
    for verifier in (OTHER_SIGNER.verifier, SIGNER.named(f"{ORIGIN}/e2").verifier):
        with pytest.raises(NoteRefused):
            checkpoint.read(SIGNED, verifier)
    text = Checkpoint("cabinet.demo/other", 1, EMPTY_ROOT).text()
    foreign = Note(text, (SIGNER.sign(text),)).encode()
    with pytest.raises(NoteRefused, match="its key is named"):
        checkpoint.read(foreign, SIGNER.verifier)


def test_one_wrong_signature_of_a_known_key_spoils_the_note() -> None:
    text = Checkpoint(ORIGIN, 12, EMPTY_ROOT).text()
    good, bad = SIGNER.sign(text), SIGNER.sign("something else\n")
    with pytest.raises(NoteRefused):
        SIGNER.verifier.check(Note(text, (good, bad)))
    unknown = OTHER_SIGNER.sign("something else\n")
    assert SIGNER.verifier.check(Note(text, (unknown, good))) == 0


def test_cosignatures_carry_their_time() -> None:
    text = Checkpoint(ORIGIN, 12, EMPTY_ROOT).text()
    signed = Note(text, (SIGNER.sign(text), WITNESS.cosign(text, 1_767_226_320)))
    assert WITNESS.verifier.check(note.parse(signed.encode())) == 1_767_226_320
    assert note.known_only(signed, [SIGNER.verifier]).encode() == Checkpoint(ORIGIN, 12, EMPTY_ROOT).signed(SIGNER)


def test_a_file_of_keys() -> None:
    text = f"# the cabinet\n{SIGNER.vkey}\n{WITNESS.vkey}\n"
    assert [one.vkey for one in note.read_vkeys(text)] == [SIGNER.vkey, WITNESS.vkey]
    for wrong in (text[:-1], text.replace("\n", "\r\n"), f" {SIGNER.vkey}\n", "\n"):
        with pytest.raises(NoteRefused):
            note.read_vkeys(wrong)


def test_a_key_never_shows() -> None:
    signer = Signer(ORIGIN, b"very secret seed of 32 bytes !!!")
    assert "secret" not in f"{signer!r} {signer} {vars(signer)['verifier']!r}"
