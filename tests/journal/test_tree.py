"""Proofs of every pair of sizes against the definition of RFC 6962, and no other proof accepted."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cabinet.journal import tree
from cabinet.journal.errors import ProofRefused
from cabinet.journal.tree import (
    EMPTY_ROOT,
    Frontier,
    check_consistency,
    check_inclusion,
    consistency,
    inclusion,
    leaf_hash,
    node_hash,
)

HASHES = [leaf_hash(bytes([number])) for number in range(40)]


def defined_root(hashes: list[bytes]) -> bytes:
    """MTH of RFC 6962, section 2.1, word for word."""
    if len(hashes) < 2:
        return hashes[0] if hashes else EMPTY_ROOT
    split = 1
    while split * 2 < len(hashes):
        split *= 2
    return node_hash(defined_root(hashes[:split]), defined_root(hashes[split:]))


def node(level: int, index: int) -> bytes:
    covered = HASHES[index << level : (index + 1) << level]
    assert len(covered) == 1 << level, "only complete subtrees are asked for"
    return defined_root(covered)


def test_frontier_at_every_size() -> None:
    frontier = Frontier()
    for size, hashed in enumerate(HASHES):
        assert frontier.root() == defined_root(HASHES[:size]) == Frontier.read(size, node).root()
        assert Frontier.parse(frontier.serialise()).serialise() == frontier.serialise()
        assert frontier.copy().push(hashed) == frontier.push(hashed)


@settings(max_examples=120, deadline=None)
@given(st.data())
def test_inclusion_and_only_that(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 40))
    index = data.draw(st.integers(0, size - 1))
    proof, root = inclusion(index, size, node), defined_root(HASHES[:size])
    check_inclusion(HASHES[index], index, size, proof, root)
    wrong = [
        (HASHES[index], index, size, [*proof, bytes(32)], root),
        (HASHES[index], index, size, [bytes(32), *proof], root),
        (HASHES[index], index + 1, size, proof, root),
        (bytes(32), index, size, proof, root),
        (HASHES[index], index, size, proof, bytes(32)),
        *((HASHES[index], index, size, [*proof[:at], *proof[at + 1 :]], root) for at in range(len(proof))),
    ]
    for case in wrong:
        with pytest.raises(ProofRefused):
            check_inclusion(*case)


@settings(max_examples=120, deadline=None)
@given(st.data())
def test_consistency_and_only_that(data: st.DataObject) -> None:
    new = data.draw(st.integers(1, 40))
    old = data.draw(st.integers(0, new))
    proof = consistency(old, new, node)
    roots = defined_root(HASHES[:old]), defined_root(HASHES[:new])
    check_consistency(old, new, proof, *roots)
    wrong = [
        ([*proof, bytes(32)], *roots),
        (proof, bytes(32), roots[1]),
        *(([*proof[:at], bytes(32), *proof[at + 1 :]], *roots) for at in range(len(proof))),
        *((([*proof[:at], *proof[at + 1 :]]), *roots) for at in range(len(proof))),
    ]
    if old > 0:
        wrong.append((proof, roots[0], bytes(32)))
    for case in wrong:
        with pytest.raises(ProofRefused):
            check_consistency(old, new, *case)


@pytest.mark.parametrize(("index", "size"), [(-1, 3), (3, 3), (0, 0)])
def test_no_leaf_there(index: int, size: int) -> None:
    with pytest.raises(ValueError):
        inclusion(index, size, node)
    with pytest.raises(ProofRefused):
        check_inclusion(HASHES[0], index, size, [], HASHES[0])


def test_no_way_back() -> None:
    with pytest.raises(ValueError):
        consistency(5, 4, node)
    with pytest.raises(ProofRefused):
        check_consistency(5, 4, [], HASHES[0], HASHES[0])


@pytest.mark.parametrize("data", [b"", bytes(7), bytes(8) + b"x", bytes(7) + b"\x01", bytes(7) + b"\x02" + bytes(64)])
def test_no_frontier(data: bytes) -> None:
    with pytest.raises(ValueError):
        Frontier.parse(data)


@pytest.mark.parametrize("size", [1_000_000, 999_999, 1 << 20, (1 << 20) - 1])
def test_a_proof_in_a_million_leaves_reads_a_few_rows(size: int) -> None:
    """Twice the height at most: one row for each subtree, and those of the ragged right edge."""
    read: list[tuple[int, int]] = []

    def node(level: int, index: int) -> bytes:
        read.append((level, index))
        return tree.leaf_hash(b"%d/%d" % (level, index))

    most = 2 * size.bit_length()
    for n in (0, 1, 524_287, 524_288, size // 3, size - 2, size - 1):
        read.clear()
        assert len(tree.inclusion(n, size, node)) <= size.bit_length()
        assert 0 < len(read) <= most, n
        read.clear()
        tree.consistency(n + 1, size, node)
        assert len(read) <= most, n
        assert len(set(read)) == len(read), "no row twice"
