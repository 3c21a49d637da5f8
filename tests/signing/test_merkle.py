"""Merkle trees against published vectors, a naive recursion of RFC 6962, and everything that must not verify."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signing.errors import ProofError
from signing.log.merkle import (
    EMPTY_ROOT,
    CompactRange,
    HashTree,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    root,
    root_at,
    verify_consistency,
    verify_inclusion,
)

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "vectors" / "merkle" / "certificate_transparency.json").read_text()
)
LEAVES = [leaf_hash(bytes.fromhex(text)) for text in VECTORS["leaves"]]
ROOTS = [bytes.fromhex(text) for text in VECTORS["roots"]]
MANY = [leaf_hash(bytes([number, number % 7])) for number in range(70)]


def reference_root(leaves: list[bytes]) -> bytes:
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << ((len(leaves) - 1).bit_length() - 1)
    return hashlib.sha256(b"\1" + reference_root(leaves[:split]) + reference_root(leaves[split:])).digest()


@pytest.mark.parametrize("size", range(9))
def test_root_of_each_size_is_the_published_one(size: int) -> None:
    assert root(LEAVES[:size]) == ROOTS[size]
    assert HashTree(LEAVES).root(size) == ROOTS[size]
    assert HashTree(LEAVES[:size]).root() == ROOTS[size]


@pytest.mark.parametrize("vector", VECTORS["inclusion"])
def test_inclusion_proof_is_the_published_one(vector: dict[str, Any]) -> None:
    proof = inclusion_proof(vector["index"], vector["size"], HashTree(LEAVES).node)
    assert [item.hex() for item in proof] == vector["proof"]


@pytest.mark.parametrize("vector", VECTORS["consistency"])
def test_consistency_proof_is_the_published_one(vector: dict[str, Any]) -> None:
    proof = consistency_proof(vector["old"], vector["new"], HashTree(LEAVES).node)
    assert [item.hex() for item in proof] == vector["proof"]


def test_roots_of_many_sizes_agree_with_the_recursion_of_the_standard() -> None:
    tree = HashTree(MANY)
    for size in range(len(MANY) + 1):
        assert tree.root(size) == reference_root(MANY[:size]) == root_at(size, tree.node)


def test_every_inclusion_proof_verifies_and_only_for_its_leaf() -> None:
    tree = HashTree(MANY)
    for size in range(1, 40):
        for index in range(size):
            proof = inclusion_proof(index, size, tree.node)
            verify_inclusion(MANY[index], index=index, size=size, proof=proof, root=tree.root(size))
            with pytest.raises(ProofError):
                verify_inclusion(MANY[index + 1], index=index, size=size, proof=proof, root=tree.root(size))


def test_every_consistency_proof_verifies_and_not_for_a_rewritten_past() -> None:
    tree, forged = HashTree(MANY), HashTree([leaf_hash(b"other"), *MANY[1:]])
    for new in range(40):
        for old in range(new + 1):
            proof = consistency_proof(old, new, tree.node)
            verify_consistency(
                old_size=old, old_root=tree.root(old), new_size=new, new_root=tree.root(new), proof=proof
            )
            if old:
                with pytest.raises(ProofError) as error:
                    verify_consistency(
                        old_size=old, old_root=forged.root(old), new_size=new, new_root=tree.root(new), proof=proof
                    )
                assert error.value.reason == "root_mismatch"


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_inclusion_proof_with_any_change_is_refused(data: st.DataObject) -> None:
    tree = HashTree(MANY)
    size = data.draw(st.integers(2, len(MANY)))
    index = data.draw(st.integers(0, size - 1))
    proof = list(inclusion_proof(index, size, tree.node))
    change = data.draw(st.sampled_from(["flip", "drop", "add", "other index"]))
    position = data.draw(st.integers(0, len(proof) - 1))
    claimed = index
    if change == "flip":
        proof[position] = bytes([proof[position][0] ^ 1]) + proof[position][1:]
    elif change == "drop":
        del proof[position]
    elif change == "add":
        proof.insert(position, leaf_hash(b"more"))
    else:
        claimed = data.draw(st.integers(0, size - 1).filter(lambda other: other != index))
    with pytest.raises(ProofError):
        verify_inclusion(MANY[index], index=claimed, size=size, proof=proof, root=tree.root(size))


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_consistency_proof_with_any_change_is_refused(data: st.DataObject) -> None:
    tree = HashTree(MANY)
    new = data.draw(st.integers(2, len(MANY)))
    old = data.draw(st.integers(1, new - 1))
    proof = list(consistency_proof(old, new, tree.node))
    position = data.draw(st.integers(0, len(proof) - 1))
    change = data.draw(st.sampled_from(["flip", "drop", "add"]))
    if change == "flip":
        proof[position] = bytes([proof[position][0] ^ 1]) + proof[position][1:]
    elif change == "drop":
        del proof[position]
    else:
        proof.insert(position, leaf_hash(b"more"))
    with pytest.raises(ProofError):
        verify_consistency(old_size=old, old_root=tree.root(old), new_size=new, new_root=tree.root(new), proof=proof)


@pytest.mark.parametrize(
    ("index", "size", "length", "reason"),
    [
        (8, 8, 3, "index_outside_tree"),
        (-1, 8, 3, "index_outside_tree"),
        (0, 0, 0, "index_outside_tree"),
        (0, 8, 2, "proof_too_short"),
        (0, 8, 4, "proof_too_long"),
        (0, 1, 1, "proof_too_long"),
    ],
)
def test_inclusion_proof_of_wrong_shape_names_the_reason(index: int, size: int, length: int, reason: str) -> None:
    with pytest.raises(ProofError) as error:
        verify_inclusion(LEAVES[0], index=index, size=size, proof=[ROOTS[1]] * length, root=ROOTS[8])
    assert error.value.reason == reason


@pytest.mark.parametrize(
    ("old", "new", "length", "reason"),
    [
        (8, 7, 0, "tree_shrunk"),
        (-1, 7, 0, "tree_shrunk"),
        (7, 7, 1, "proof_too_long"),
        (0, 7, 1, "proof_too_long"),
        (4, 8, 0, "proof_too_short"),
        (3, 8, 0, "proof_too_short"),
        (4, 8, 2, "proof_too_long"),
    ],
)
def test_consistency_proof_of_wrong_shape_names_the_reason(old: int, new: int, length: int, reason: str) -> None:
    with pytest.raises(ProofError) as error:
        verify_consistency(
            old_size=old, old_root=ROOTS[max(old, 0)], new_size=new, new_root=ROOTS[new], proof=[ROOTS[1]] * length
        )
    assert error.value.reason == reason


def test_two_roots_for_one_size_are_a_split_view() -> None:
    with pytest.raises(ProofError) as error:
        verify_consistency(old_size=7, old_root=ROOTS[6], new_size=7, new_root=ROOTS[7], proof=[])
    assert error.value.reason == "root_mismatch"


@pytest.mark.parametrize(("old", "new"), [(ROOTS[1], ROOTS[2]), (EMPTY_ROOT, ROOTS[2])])
def test_empty_tree_with_another_root_is_refused(old: bytes, new: bytes) -> None:
    with pytest.raises(ProofError) as error:
        verify_consistency(old_size=0, old_root=old, new_size=0, new_root=new, proof=[])
    assert error.value.reason == "root_mismatch"


def test_hash_cut_at_another_place_is_refused() -> None:
    proof = inclusion_proof(0, 8, HashTree(LEAVES).node)
    joined = LEAVES[0] + proof[0]
    with pytest.raises(ProofError) as error:
        verify_inclusion(joined[:31], index=0, size=8, proof=[joined[31:], *proof[1:]], root=ROOTS[8])
    assert error.value.reason == "hash_length"


def test_entry_that_imitates_an_inner_node_has_another_hash() -> None:
    assert leaf_hash(LEAVES[0] + LEAVES[1]) != node_hash(LEAVES[0], LEAVES[1])


@pytest.mark.parametrize("cut", [0, 1, 5, 64, 69])
def test_compact_range_resumed_from_its_edge_ends_at_the_same_root(cut: int) -> None:
    first = CompactRange()
    for item in MANY[:cut]:
        first.append(item)
    resumed = CompactRange(first.size, first.edge)
    for item in MANY[cut:]:
        resumed.append(item)
    assert (resumed.size, resumed.root()) == (70, HashTree(MANY).root())
    assert CompactRange.load(cut, HashTree(MANY).node).edge == first.edge


def test_misuse_by_the_caller_is_a_value_error() -> None:
    node = HashTree(LEAVES).node
    for call in (
        lambda: CompactRange(3, [LEAVES[0]]),
        lambda: CompactRange(-1),
        lambda: CompactRange(1, [b"short"]),
        lambda: CompactRange().append(b"short"),
        lambda: inclusion_proof(8, 8, node),
        lambda: consistency_proof(9, 8, node),
    ):
        with pytest.raises(ValueError):
            call()
