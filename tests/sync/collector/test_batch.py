"""What can be said of a batch without knowing any tree."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cabinet.journal import b64
from cabinet.journal.tree import leaf_hash
from sync.collector.batch import Cause, Refused, read
from sync.collector.names import Cabinet, read_topic
from tests.sync.collector.making import CABINET, COSIGNER, SIGNER, made_log

LOG = made_log(120)
GOOD = json.loads(LOG.batch(10, 20))


def refused(payload: bytes, cabinet: Cabinet = CABINET) -> Cause | None:
    try:
        read(payload, cabinet)
    except Refused as error:
        return error.cause
    return None


def changed(**changes: object) -> bytes:
    return json.dumps(GOOD | changes).encode()


def test_what_is_in_it() -> None:
    batch = read(LOG.batch(10, 20, pruned=[12]), CABINET)
    assert (batch.origin, batch.epoch, batch.first, batch.end, batch.orphan) == (SIGNER.name, 1, 10, 20, False)
    assert batch.leaves == [None if n == 12 else leaf for n, leaf in enumerate(LOG.leaves[10:20], 10)]
    assert batch.hashes == [leaf_hash(leaf) for leaf in LOG.leaves[10:20]]
    assert (batch.checkpoint.size, batch.checkpoint.root) == (20, LOG.root(20))
    assert batch.signed_by(SIGNER.verifier).encode() == LOG.note(20)


def test_only_the_line_of_the_log_is_passed_on() -> None:
    batch = read(changed(checkpoint=GOOD["checkpoint"] + COSIGNER.cosign("x\n", 1).line()), CABINET)
    assert batch.signed_by(SIGNER.verifier).encode().decode() == GOOD["checkpoint"]


def test_another_key_is_told_apart() -> None:
    batch = read(LOG.batch(10, 20), CABINET)
    with pytest.raises(Refused, match="unsigned"):
        batch.signed_by(SIGNER.named("cabinet.demo/other").verifier)
    forged = read(changed(checkpoint=LOG.note(20).decode().replace("\n20\n", "\n19\n"), first=9), CABINET)
    with pytest.raises(Refused, match="unsigned"):
        forged.signed_by(SIGNER.verifier)


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"v": 2}, "malformed"),
        ({"v": "1"}, "malformed"),
        ({"extra": 1}, "malformed"),
        ({"first": -1}, "malformed"),
        ({"first": 2**53}, "malformed"),
        ({"first": 10.0}, "malformed"),
        ({"first": "10"}, "malformed"),
        ({"leaves": []}, "malformed"),
        ({"leaves": [None]}, "malformed"),
        ({"leaves": [{"hash": b64.encode(bytes(31))}]}, "malformed"),
        ({"leaves": [{"hash": b64.encode(bytes(32)), "leaf": ""}]}, "malformed"),
        ({"hist": 0}, "malformed"),
        ({"checkpoint": "no note"}, "malformed"),
        ({"checkpoint": "\ud800"}, "malformed"),
        ({"checkpoint": GOOD["checkpoint"] + "x" * 4096}, "malformed"),
        ({"checkpoint": GOOD["checkpoint"].replace("\n20\n", "\n020\n")}, "malformed"),
        ({"origin": "cabinet.demo/lobby-02"}, "foreign-origin"),
        ({"origin": "cabinet.demo/lobby-01/e2"}, "foreign-origin"),  # but the checkpoint is of the first epoch
        ({"origin": ""}, "foreign-origin"),
        ({"first": 11}, "wrong-size"),
        ({"leaves": GOOD["leaves"][1:]}, "wrong-size"),
        ({"leaves": ["YQ"]}, "base64"),
        ({"leaves": ["YR=="]}, "base64"),
        ({"leaves": ["Y Q="]}, "base64"),
        ({"leaves": ["_-__"]}, "base64"),
        ({"leaves": ["ä==="]}, "base64"),
        ({"leaves": [{"hash": "YQ"}]}, "base64"),
        ({"leaves": ["YQ=="] * 101}, "limits"),
        ({"leaves": [b64.encode(bytes(8193))]}, "limits"),
        ({"leaves": [b64.encode(bytes(8192))] * 5}, "limits"),
    ],
)
def test_refused(changes: dict[str, object], cause: Cause) -> None:
    assert refused(changed(**changes)) == cause


@pytest.mark.parametrize("missing", ["v", "origin", "first", "leaves", "checkpoint", "hist"])
def test_every_key_is_needed(missing: str) -> None:
    assert refused(json.dumps({key: value for key, value in GOOD.items() if key != missing}).encode()) == "malformed"


def test_the_longest_is_taken_and_not_one_leaf_more() -> None:
    assert refused(LOG.batch(0, 100)) is None
    assert refused(LOG.batch(0, 101)) == "limits"


def test_a_huge_payload_is_not_looked_into() -> None:
    payload = LOG.batch(10, 20)
    assert refused(payload + b" " * (1_000_000 - len(payload))) is None
    assert refused(payload + b" " * (1_000_001 - len(payload))) == "oversized"
    assert refused(b"[" * 999_999) == "malformed"


@settings(max_examples=60)
@given(noise=st.binary(max_size=200), at=st.integers(0, 1500), cut=st.integers(0, 40))
def test_any_noise_is_refused_or_harmless(noise: bytes, at: int, cut: int) -> None:
    payload = LOG.batch(10, 20)
    at = min(at, len(payload))
    refused(payload[:at] + noise + payload[at + cut :])
    refused(noise)


@pytest.mark.parametrize(
    ("origin", "epoch"),
    [
        ("cabinet.demo/lobby-01", 1),
        ("cabinet.demo/lobby-01/e2", 2),
        ("cabinet.demo/lobby-01/e999999", 999_999),
        ("cabinet.demo/lobby-01/e1", None),
        ("cabinet.demo/lobby-01/e02", None),
        ("cabinet.demo/lobby-01/e2\n", None),
        ("cabinet.demo/lobby-01/", None),
        ("cabinet.demo/lobby-011", None),
        ("cabinet.demo2/lobby-01", None),
        ("/e2", None),
    ],
)
def test_the_epochs_of_a_cabinet(origin: str, epoch: int | None) -> None:
    assert CABINET.epoch(origin) == epoch


@pytest.mark.parametrize(
    ("topic", "found"),
    [
        ("kc/v1/demo/lobby-01/journal", (CABINET, "journal")),
        ("kc/v1/demo/lobby-01/journal/ack", (CABINET, "journal/ack")),
        ("kc/v1/demo/Lobby/journal", None),
        ("kc/v1/demo/lobby_1/journal", None),
        ("kc/v1/demo", None),
        ("kc/v2/demo/lobby-01/journal", None),
        ("other", None),
    ],
)
def test_whose_topic_it_is(topic: str, found: tuple[Cabinet, str] | None) -> None:
    assert read_topic("kc/v1", topic) == found
