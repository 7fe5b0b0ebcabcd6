"""Vectors from outside this code: tree, proofs, notes and keys as Go's x/mod computes and checks them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cabinet.journal import checkpoint, note, tree
from cabinet.journal.errors import ProofRefused
from cabinet.journal.note import COSIGNATURE, Signer, Verifier

VECTORS: dict[str, Any] = json.loads(Path(__file__).with_name("vectors.json").read_text())
MERKLE, NOTE = VECTORS["merkle"], VECTORS["note"]
HASHES = [bytes.fromhex(one) for one in MERKLE["leaf_hashes"]]
ROOTS = {int(size): bytes.fromhex(root) for size, root in MERKLE["roots"].items()}


def nodes() -> tree.NodeReader:
    frontier, stored = tree.Frontier(), {}
    for index, hashed in enumerate(HASHES):
        levels = hashed + frontier.push(hashed)
        for level in range(len(levels) // 32):
            stored[level, index >> level] = levels[level * 32 : level * 32 + 32]
    return lambda level, index: stored[level, index]


def test_leaf_hashes() -> None:
    leaves = [bytes.fromhex(leaf) for leaf in MERKLE["leaves_hex"]]
    assert [tree.leaf_hash(leaf) for leaf in leaves] == HASHES
    assert len(leaves) == 8


def test_roots_of_every_size() -> None:
    frontier = tree.Frontier()
    roots = {0: frontier.root()}
    for hashed in HASHES:
        frontier.push(hashed)
        roots[frontier.size] = frontier.root()
    assert roots == ROOTS
    assert all(tree.Frontier.read(size, nodes()).root() == root for size, root in ROOTS.items())


@pytest.mark.parametrize("case", MERKLE["inclusion"], ids=lambda case: f"{case['index']}-of-{case['size']}")
def test_inclusion(case: dict[str, Any]) -> None:
    index, size, proof = case["index"], case["size"], [bytes.fromhex(one) for one in case["proof"]]
    assert tree.inclusion(index, size, nodes()) == proof
    tree.check_inclusion(HASHES[index], index, size, proof, ROOTS[size])
    with pytest.raises(ProofRefused):
        tree.check_inclusion(HASHES[index - 1], index, size, proof, ROOTS[size])


@pytest.mark.parametrize("case", MERKLE["consistency"], ids=lambda case: f"{case['old']}-to-{case['new']}")
def test_consistency(case: dict[str, Any]) -> None:
    old, new, proof = case["old"], case["new"], [bytes.fromhex(one) for one in case["proof"]]
    assert tree.consistency(old, new, nodes()) == proof
    tree.check_consistency(old, new, proof, ROOTS[old], ROOTS[new])
    with pytest.raises(ProofRefused):
        tree.check_consistency(old, new, proof, ROOTS[old + 1 if old < 8 else 3], ROOTS[new])


def test_keys() -> None:
    log = Signer("cabinet.example/demo-01", bytes.fromhex(NOTE["log_seed_hex"]))
    witness = Signer("witness.example/hq", bytes.fromhex(NOTE["witness_seed_hex"]), COSIGNATURE)
    assert log.verifier.public.hex() == NOTE["log_public_hex"]
    assert (log.vkey, witness.vkey) == (NOTE["log_vkey"], NOTE["witness_vkey"])
    assert Verifier.from_vkey(log.vkey).vkey == log.vkey
    assert Verifier.from_vkey(witness.vkey).vkey == witness.vkey


@pytest.mark.parametrize(("name", "size"), [("checkpoint_size_7", 7), ("checkpoint_size_12_cosigned", 12)])
def test_checkpoints(name: str, size: int) -> None:
    found = checkpoint.read(NOTE[name].encode(), Verifier.from_vkey(NOTE["log_vkey"]))
    assert (found.origin, found.size) == ("cabinet.example/demo-01", size)
    signer = Signer(found.origin, bytes.fromhex(NOTE["log_seed_hex"]))
    assert NOTE[name].encode().startswith(found.signed(signer))


def test_cosignature() -> None:
    signed = note.parse(NOTE["checkpoint_size_12_cosigned"].encode())
    seconds = Verifier.from_vkey(NOTE["witness_vkey"]).check(signed)
    assert note.cosigned(signed.text, seconds).decode() == NOTE["cosigned_message"]
    witness = Signer("witness.example/hq", bytes.fromhex(NOTE["witness_seed_hex"]), COSIGNATURE)
    assert witness.cosign(signed.text, seconds) == signed.signatures[1]
    assert signed.encode().decode() == NOTE["checkpoint_size_12_cosigned"]
