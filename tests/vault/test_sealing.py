"""What is sealed in a leaf: exactly bound to its place, readable with the person's key alone."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from base64 import b64decode, b64encode

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from cabinet.core.leaves import Leaf, Subject
from cabinet.journal.leaf import encode
from cabinet.vault import person_key
from cabinet.vault.box import SealError
from cabinet.vault.sealing import open_sealed, seal
from hal.clock import Now

ORIGIN = "cabinet.demo/lobby-01"
NOW = Now(mono_s=81.2349, wall_ms=1767225600123, quality="ntp")
ADA_KEY, LIN_KEY = b"a" * 32, b"l" * 32
ADA, LIN = person_key.pseudonym(ADA_KEY, "demo"), person_key.pseudonym(LIN_KEY, "demo")
KEYS = {ADA: ADA_KEY, LIN: LIN_KEY}


def sealed(leaf: Leaf):  # type: ignore[no-untyped-def]
    return seal(leaf, origin=ORIGIN, now=NOW, boot="1f0c9a2e", key_of=KEYS.get, random=os.urandom)


def test_entry_fits_the_journal_and_opens_again() -> None:
    leaf = Leaf(
        "item.removed",
        {"slot": 7, "item": "K-0007"},
        (Subject("holder", ADA, {"note": "Gärten"}), Subject("authoriser", LIN)),
    )
    entry = sealed(leaf)
    assert encode(entry, "lobby-01", 0)
    assert (entry.ts, entry.mono_ms, entry.tq, entry.boot) == (1767225600123, 81234, "ntp", "1f0c9a2e")
    assert [sub["r"] for sub in entry.subs] == ["holder", "authoriser"]
    assert open_sealed(entry.subs[0], origin=ORIGIN, salt=entry.salt, key=ADA_KEY) == {"note": "Gärten"}
    assert open_sealed(entry.subs[1], origin=ORIGIN, salt=entry.salt, key=LIN_KEY) == {}


def test_bytes_as_the_format_says() -> None:
    entry = sealed(Leaf("item.removed", {}, (Subject("holder", ADA, {"note": "x" * 60}),)))
    box = b64decode(entry.subs[0]["e"])
    aad = f"cabinet-event/1|{ORIGIN}|holder|{entry.salt}".encode()
    text = AESGCM(ADA_KEY).decrypt(box[:12], box[12:], aad)
    assert len(text) == 128
    assert text.rstrip(b" ") == json.dumps({"note": "x" * 60}, separators=(",", ":")).encode()


def test_pseudonym_is_hkdf_of_key_and_site() -> None:
    # RFC 5869 with an empty salt: extract with 32 zero bytes, expand one block.
    extracted = hmac.digest(bytes(32), ADA_KEY, hashlib.sha256)
    block = hmac.digest(extracted, b"pseudonym/1|demo\x01", hashlib.sha256)
    assert b64encode(block[:16]).decode() == ADA
    assert person_key.pseudonym(ADA_KEY, "other") != ADA


def test_an_erased_person_keeps_role_and_pseudonym_alone() -> None:
    gone = person_key.pseudonym(b"g" * 32, "demo")
    entry = sealed(Leaf("item.returned", {}, (Subject("returner", gone, {"note": "x"}),)))
    assert entry.subs == ({"r": "returner", "p": gone},)
    assert open_sealed(entry.subs[0], origin=ORIGIN, salt=entry.salt, key=ADA_KEY) == {}


def test_the_name_is_added_where_it_is_known() -> None:
    leaf = Leaf("visit.identified", {}, (Subject("holder", ADA, {"at": 1}), Subject("host", LIN)))
    names = {ADA: "Ada"}
    entry = seal(leaf, origin=ORIGIN, now=NOW, boot="00000000", key_of=KEYS.get, random=os.urandom, name_of=names.get)
    opened = [
        open_sealed(sub, origin=ORIGIN, salt=entry.salt, key=key)
        for sub, key in zip(entry.subs, (ADA_KEY, LIN_KEY), strict=True)
    ]
    assert opened == [{"name": "Ada", "at": 1}, {}]


@pytest.mark.parametrize("change", ["origin", "role", "salt", "key", "byte", "base64"])
def test_another_place_does_not_open(change: str) -> None:
    entry = sealed(Leaf("item.removed", {}, (Subject("holder", ADA, {"note": "x"}),)))
    sub = dict(entry.subs[0])
    place = {"origin": ORIGIN, "salt": entry.salt}
    key = LIN_KEY if change == "key" else ADA_KEY
    if change == "role":
        sub["r"] = "returner"
    elif change == "byte":
        box = bytearray(b64decode(sub["e"]))
        box[20] ^= 1
        sub["e"] = b64encode(box).decode()
    elif change == "base64":
        sub["e"] = "!"
    elif change != "key":
        place[change] += "x"
    with pytest.raises(SealError):
        open_sealed(sub, origin=place["origin"], salt=place["salt"], key=key)


@given(st.integers(0, 300))
def test_length_tells_only_the_block(length: int) -> None:
    entry = sealed(Leaf("a.b", {}, (Subject("holder", ADA, {"n": "x" * length}),)))
    assert len(b64decode(entry.subs[0]["e"])) == 28 + -(-(length + 8) // 64) * 64


@given(st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32))
def test_a_wrapped_key_fits_one_device_and_one_person(wrap_key: bytes, key: bytes) -> None:
    wrapped = person_key.wrap(wrap_key, key, ADA, os.urandom)
    assert person_key.unwrap(wrap_key, wrapped, ADA) == key
    with pytest.raises(SealError):
        person_key.unwrap(wrap_key, wrapped, LIN)
    with pytest.raises(SealError):
        person_key.unwrap(bytes(b ^ 1 for b in wrap_key), wrapped, ADA)
