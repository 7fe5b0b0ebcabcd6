"""AES as cards use it, against the vectors of NIST SP 800-38A, RFC 4493, AN10922 and AN12196."""

from __future__ import annotations

import pytest

from drivers.wire.card_aes import cmac, crc32, decrypt, diversified, encrypt, padded, rotated

SITE_KEY = bytes.fromhex("00112233445566778899AABBCCDDEEFF")


def test_nist_sp_800_38a_f_2_1() -> None:
    key, iv = bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c"), bytes(range(16))
    text = bytes.fromhex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51")
    cipher = "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2"
    assert encrypt(key, text, iv).hex() == cipher
    assert decrypt(key, bytes.fromhex(cipher), iv) == text
    first = encrypt(key, text[:16], iv)
    assert (first + encrypt(key, text[16:], first)).hex() == cipher, "the last block is where it goes on"


def test_padding_and_turning() -> None:
    assert padded(b"") == b"\x80" + bytes(15)
    assert padded(bytes(15)) == bytes(15) + b"\x80"
    assert padded(bytes(16)) == bytes(16) + b"\x80" + bytes(15)
    assert rotated(b"\x01\x02\x03") == b"\x02\x03\x01"


def test_an10922_table_2() -> None:
    inputs = bytes.fromhex("04782E21801D80 3042F5 4E585020416275")
    assert diversified(SITE_KEY, inputs).hex().upper() == "A8DD63A3B89D54B37CA802473FDA9175"


def test_the_longest_input_is_not_padded_and_the_shortest_fills_two_blocks() -> None:
    """CMAC itself would make one block of a short one (AN10922 2.2)."""
    assert diversified(SITE_KEY, bytes(31)) == cmac(SITE_KEY, b"\x01" + bytes(31))
    assert diversified(SITE_KEY, b"\x02") != cmac(SITE_KEY, b"\x01\x02")
    for wrong in (b"", bytes(32)):
        with pytest.raises(ValueError, match="1 to 31 bytes"):
            diversified(SITE_KEY, wrong)


def test_rfc_4493() -> None:
    key = bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c")
    text = bytes.fromhex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411")
    assert cmac(key, b"").hex() == "bb1d6929e95937287fa37d129b756746"
    assert cmac(key, text[:16]).hex() == "070a16b46b4d4144f79bdd9dd04a287c"
    assert cmac(key, text).hex() == "dfa66747de9ae63030ca32611497c827"


def test_an12196_table_25_crc() -> None:
    assert crc32(bytes.fromhex("F3847D627727ED3BC9C4CC050489B966")).hex().upper() == "789DFADC"
