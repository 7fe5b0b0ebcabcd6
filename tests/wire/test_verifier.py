"""What a verifier is asked, and which answers are believed."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.wire.verifier import REPLY_MAX, Answer, Reply, alive_request, signature, verify_request

KEY = bytes(range(32))
NONCE, PERSON = "00112233445566778899aabbccddeeff", "QURBQURBQURBQURBQURBQQ=="
SIGNED_YES = "add9188c8934ee4117c85d77327106d956b9915c74c208fed1de62631779ae63"
"""printf 'cabinet-verifier/1\\n<nonce>\\n<person>\\nyes\\n' | openssl dgst -sha256 -mac hmac -macopt hexkey:0001…1f"""
VERIFY: tuple[Answer, ...] = ("yes", "no", "none")


def http(body: str, head: str = "HTTP/1.0 200 OK\r\n") -> bytes:
    return f"{head}\r\n{body}".encode()


def said(answer: object = "yes", signed: object = SIGNED_YES) -> str:
    return json.dumps({"answer": answer, "signature": signed})


def read(wire: bytes, nonce: str = NONCE, person: str = PERSON) -> tuple[Answer | None, str]:
    reply = Reply()
    reply.feed(wire)
    return reply.answer(KEY, nonce, person, VERIFY)


def test_the_signature_of_openssl() -> None:
    assert signature(KEY, NONCE, PERSON, "yes") == SIGNED_YES
    assert read(http(said())) == ("yes", "")


def test_the_requests() -> None:
    head, _, body = verify_request(NONCE, PERSON, 10_000).partition(b"\r\n\r\n")
    assert head.split(b"\r\n") == [
        b"POST /verify HTTP/1.0",
        b"Host: verifier",
        b"Content-Type: application/json",
        b"Content-Length: %d" % len(body),
    ]
    assert json.loads(body) == {"nonce": NONCE, "person": PERSON, "within_ms": 10_000}
    assert alive_request(NONCE).startswith(b"POST /alive HTTP/1.0\r\n")


@pytest.mark.parametrize(
    ("wire", "hint"),
    [
        (b"", "hung up"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "no HTTP reply"),
        (http(said(), "HTTP/1.0 500 Oops\r\n"), "status 500"),
        (http("yes"), "no JSON object"),
        (http("[" * 3000), "no JSON object"),
        (http("[]"), "no JSON object"),
        (http('{"answer": "yes"}'), "no JSON object"),
        (http(said(signed=None)), "no text of hex digits"),
        (http(said(signed="是")), "no text of hex digits"),
        (http(said("alive", signature(KEY, NONCE, PERSON, "alive"))), "none of yes, no, none"),
        (http(said(["yes"])), "none of yes, no, none"),
        (http(said("no")), "does not fit"),
        (http(said(), "HTTP/1.0 200 OK\r\nContent-Length: 5000\r\n"), "cut short"),
        (http(said() + " " * REPLY_MAX), "no HTTP reply"),
    ],
)
def test_what_is_not_believed(wire: bytes, hint: str) -> None:
    answer, told = read(wire)
    assert answer is None
    assert hint in told


@pytest.mark.parametrize(("nonce", "person"), [("f" * 32, PERSON), (NONCE, "RVZF"), (NONCE, "")])
def test_an_answer_to_another_question_is_none(nonce: str, person: str) -> None:
    assert read(http(said()), nonce, person)[0] is None


@settings(max_examples=40)
@given(st.lists(st.integers(0, 140), max_size=8), st.booleans())
def test_any_chopping(cuts: list[int], with_length: bool) -> None:
    body = said()
    length = f"content-length: {len(body)}\r\n" if with_length else ""
    wire = http(body, f"HTTP/1.1 200 OK\r\nServer: x\r\n{length}")
    edges = sorted({0, len(wire), *(cut for cut in cuts if cut < len(wire))})
    reply = Reply()
    enough = [reply.feed(wire[a:b]) for a, b in itertools.pairwise(edges)]
    assert enough == [False] * (len(enough) - 1) + [with_length]
    assert reply.answer(KEY, NONCE, PERSON, VERIFY) == ("yes", "")


@settings(max_examples=40)
@given(st.binary(max_size=200), st.integers(0, 200))
def test_no_noise_is_a_yes_and_none_fills_the_memory(noise: bytes, at: int) -> None:
    wire = http(said("yes", "0" * 64))
    reply = Reply()
    reply.feed(wire[:at] + noise + wire[at:])
    assert reply.answer(KEY, NONCE, PERSON, VERIFY)[0] is None
    assert reply.feed(bytes(2 * REPLY_MAX))
    assert len(reply._data) == REPLY_MAX + 1
