"""The sealed file: what was written comes back, and nothing else does."""

from __future__ import annotations

import io

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from cabinet.backup.errors import BackupRefused
from cabinet.backup.sealed import CHUNK_BYTES, MAGIC, SUITE, Sealer, parts
from tests.backup import outsider

IDENTITY = X25519PrivateKey.from_private_bytes(bytes(range(32)))
HEADER = {"part": "journal", "origin": "cabinet.demo/lobby-01"}


def sealed(*pieces: bytes, header: dict[str, str] = HEADER) -> bytes:
    out = bytearray()
    sealer = Sealer(out.extend, header, IDENTITY.public_key())
    for piece in pieces:
        sealer.write(piece)
    sealer.finish()
    return bytes(out)


def opened(data: bytes, identity: X25519PrivateKey = IDENTITY) -> list[bytes]:
    return [b"".join(part.chunks(identity)) for part in parts(io.BytesIO(data), "file")]


def skimmed(data: bytes) -> list[int]:
    return [part.skim() for part in parts(io.BytesIO(data), "file")]


def test_rfc_9180_vectors_of_the_hand_made_opening() -> None:
    """A.2.1: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20-Poly1305, base mode."""
    private = bytes.fromhex("8057991eef8f1f1af18f4a9491d16a1ce333f695d4db8e38da75975c4478e0fb")
    enc = bytes.fromhex("1afa08d3dec047a643885163f1180476fa7ddb54c6a8029ea33f95796bf2ac4a")
    shared = outsider.shared_secret(enc, private)
    assert shared.hex() == "0bbe78490412b4bbea4812666f7916932b828bba79942424abb65244930d69a7"
    info = bytes.fromhex("4f6465206f6e2061204772656369616e2055726e")
    key, nonce = outsider.schedule(shared, info)
    assert key.hex() == "ad2744de8e17f4ebba575b3f5f5a8fa1f69c2a07f6e7500bc60ca6e3e3ec1c91"
    assert nonce.hex() == "5c4d98150661b848853b547f"
    ciphertext = bytes.fromhex(
        "1c5250d8034ec2b784ba2cfd69dbdb8af406cfe3ff938e131f0def8c8b60b4db21993c62ce81883d2dd1b51a28"
    )
    assert outsider.open_single(private, enc, ciphertext, info, b"Count-0") == b"Beauty is truth, truth beauty"


@given(st.binary(max_size=100), st.binary(max_size=64))
def test_the_hand_made_opening_and_the_library_agree(plain: bytes, info: bytes) -> None:
    both = SUITE.encrypt(plain, IDENTITY.public_key(), info=info)
    assert outsider.open_single(IDENTITY.private_bytes_raw(), both[:32], both[32:], info) == plain


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES])
def test_an_outsider_opens_what_we_seal(size: int) -> None:
    plain = bytes(n % 251 for n in range(size))
    data = sealed(plain[: size // 3], plain[size // 3 :])
    assert list(outsider.open_file(data, IDENTITY.private_bytes_raw())) == [(HEADER, plain)]
    assert opened(data) == [plain]
    assert skimmed(data) == [max(1, -(-size // CHUNK_BYTES))]


@given(st.lists(st.integers(0, 2 * CHUNK_BYTES), max_size=4))
def test_any_pieces(sizes: list[int]) -> None:
    plain = bytes(sum(sizes))
    assert opened(sealed(*(bytes(size) for size in sizes))) == [plain]


def test_parts_stand_one_behind_the_other() -> None:
    data = sealed(b"one") + sealed(b"two", header=HEADER | {"part": "roster"})
    assert opened(data) == [b"one", b"two"]
    assert [part.header["part"] for part in parts(io.BytesIO(data), "file") if part.skim()] == ["journal", "roster"]


def test_every_changed_byte_is_found() -> None:
    data = sealed(b"a key hangs in slot 7")
    for at in range(len(data)):
        changed = bytearray(data)
        changed[at] ^= 1
        with pytest.raises(BackupRefused):
            opened(bytes(changed))


def test_every_cut_is_found_without_the_key_too() -> None:
    data = sealed(b"a key hangs in slot 7", header={})
    for end in range(len(data)):
        with pytest.raises(BackupRefused):
            skimmed(data[:end])


def test_a_part_cut_between_two_chunks_is_found() -> None:
    data = sealed(bytes(CHUNK_BYTES + 1))
    frame = 4 + CHUNK_BYTES + 16
    start = len(data) - frame - 4 - 17
    with pytest.raises(BackupRefused, match="cut off"):
        skimmed(data[: start + frame])
    last = bytearray(data[: start + frame])
    last[start] |= 0x80
    assert skimmed(bytes(last)) == [1]
    with pytest.raises(BackupRefused, match="chunk 0 was changed"):
        opened(bytes(last))


def test_chunks_cannot_change_places() -> None:
    data = sealed(bytes(CHUNK_BYTES) + bytes([1]) * CHUNK_BYTES + b"end")
    frame = 4 + CHUNK_BYTES + 16
    start = len(data) - 2 * frame - 4 - 19
    one, two = data[start : start + frame], data[start + frame : start + 2 * frame]
    with pytest.raises(BackupRefused, match="chunk 0"):
        opened(data[:start] + two + one + data[start + 2 * frame :])


def test_another_identity_opens_nothing() -> None:
    with pytest.raises(BackupRefused, match="another recipient"):
        opened(sealed(b"x"), X25519PrivateKey.from_private_bytes(bytes(32)))


@given(st.binary(max_size=200))
def test_noise_is_refused(noise: bytes) -> None:
    with pytest.raises(BackupRefused):
        opened(noise)
    with pytest.raises(BackupRefused):
        opened(MAGIC + noise)
