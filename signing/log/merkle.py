"""RFC 6962 Merkle trees: hashes, roots, and proofs that a log holds an entry and only ever grew.

A tree is never held here. Whoever stores it hands in `node(level, index)`, the hash of the complete subtree of
2**level leaves that starts at leaf index * 2**level; proofs are arithmetic over that one function.

Wire format: proofs are lists of 32-byte SHA-256 hashes.
Source: RFC 6962 §2.1; RFC 9162 §2.1.3 and §2.1.4 (iterative verification).
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from hmac import compare_digest
from typing import Self, TypeAlias

from signing.errors import ProofError

Node: TypeAlias = Callable[[int, int], bytes]

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()


def leaf_hash(data: bytes) -> bytes:
    """Hash one entry; the 0x00 prefix keeps an entry from posing as an inner node."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash two child hashes into their parent."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root(leaf_hashes: Iterable[bytes]) -> bytes:
    """Compute the root over leaf hashes in order, in constant memory."""
    edge = CompactRange()
    for item in leaf_hashes:
        edge.append(item)
    return edge.root()


def root_at(size: int, node: Node) -> bytes:
    """Compute the root of the first `size` leaves from stored nodes, reading at most 64 of them."""
    return CompactRange.load(size, node).root()


class CompactRange:
    """The right edge of a growing tree: enough to append and to name the root, whatever the size.

    `edge` holds the roots of the complete subtrees that make up the tree, largest first: one per set bit of `size`.
    """

    __slots__ = ("_edge", "size")

    def __init__(self, size: int = 0, edge: Sequence[bytes] = ()) -> None:
        if size < 0 or len(edge) != size.bit_count() or any(len(item) != HASH_BYTES for item in edge):
            raise ValueError("a compact range needs one hash for each set bit of its size")
        self.size = size
        self._edge = list(edge)

    @classmethod
    def load(cls, size: int, node: Node) -> Self:
        """Read the edge of a stored tree of `size` leaves."""
        return cls(size, [node(level, index) for level, index in _subtrees(0, size)])

    @property
    def edge(self) -> tuple[bytes, ...]:
        """The subtree roots, largest first; with `size` they restore this object."""
        return tuple(self._edge)

    def append(self, leaf: bytes) -> None:
        """Add one leaf hash at the right."""
        if len(leaf) != HASH_BYTES:
            raise ValueError("a leaf hash has 32 bytes")
        carry = self.size
        while carry & 1:
            leaf = node_hash(self._edge.pop(), leaf)
            carry >>= 1
        self._edge.append(leaf)
        self.size += 1

    def root(self) -> bytes:
        """Return the root of all leaves so far; SHA-256 of nothing for an empty tree."""
        return _fold(self._edge) if self._edge else EMPTY_ROOT


class HashTree:
    """A whole tree in memory, for tests and for checking a stored log against itself."""

    __slots__ = ("_levels",)

    def __init__(self, leaf_hashes: Iterable[bytes] = ()) -> None:
        self._levels: list[list[bytes]] = [[]]
        for item in leaf_hashes:
            self.append(item)

    @property
    def size(self) -> int:
        """Number of leaves."""
        return len(self._levels[0])

    def append(self, leaf: bytes) -> None:
        """Add one leaf hash at the right and every parent it completes."""
        level = 0
        self._levels[0].append(leaf)
        while len(self._levels[level]) % 2 == 0:
            if level + 1 == len(self._levels):
                self._levels.append([])
            self._levels[level + 1].append(node_hash(*self._levels[level][-2:]))
            level += 1

    def node(self, level: int, index: int) -> bytes:
        """Return the hash of a complete subtree; IndexError if the tree has not grown that far."""
        return self._levels[level][index]

    def root(self, size: int | None = None) -> bytes:
        """Return the root of the first `size` leaves, by default of all."""
        return root_at(self.size if size is None else size, self.node)


def inclusion_proof(index: int, size: int, node: Node) -> tuple[bytes, ...]:
    """Prove that leaf `index` is in the tree of `size` leaves. Source: RFC 6962 §2.1.1."""
    if not 0 <= index < size:
        raise ValueError("the leaf is not in a tree of this size")
    start, end, path = 0, size, []
    while end - start > 1:
        split = _split(start, end)
        if index < split:
            path.append(_range_hash(split, end, node))
            end = split
        else:
            path.append(_range_hash(start, split, node))
            start = split
    return tuple(reversed(path))


def consistency_proof(old: int, new: int, node: Node) -> tuple[bytes, ...]:
    """Prove that the first `old` leaves of the tree of `new` leaves are unchanged. Source: RFC 6962 §2.1.2."""
    if not 0 <= old <= new:
        raise ValueError("the older tree cannot be the larger one")
    if old in (0, new):
        return ()
    start, end, path = 0, new, []
    while old < end:
        split = _split(start, end)
        if old <= split:
            path.append(_range_hash(split, end, node))
            end = split
        else:
            path.append(_range_hash(start, split, node))
            start = split
    if start > 0:  # the verifier already holds the old root when the old tree is one complete subtree
        path.append(_range_hash(start, end, node))
    return tuple(reversed(path))


def verify_inclusion(leaf: bytes, *, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Check that `leaf`, a leaf hash, stands at `index` in the tree of `size` leaves under `root`.

    Raises: ProofError: it does not, or the proof has a wrong length. Source: RFC 9162 §2.1.3.2.
    """
    if not 0 <= index < size:
        raise ProofError("index_outside_tree")
    _check_hashes([leaf, root, *proof])
    position, last, found = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise ProofError("proof_too_long")
        if position & 1 or position == last:
            found = node_hash(sibling, found)
            while position & 1 == 0 and position:
                position, last = position >> 1, last >> 1
        else:
            found = node_hash(found, sibling)
        position, last = position >> 1, last >> 1
    if last:
        raise ProofError("proof_too_short")
    if not compare_digest(found, root):
        raise ProofError("root_mismatch")


def verify_consistency(
    *, old_size: int, old_root: bytes, new_size: int, new_root: bytes, proof: Sequence[bytes]
) -> None:
    """Check that the newer tree only appended to the older one.

    Everything is consistent with the empty tree, whose root must then be EMPTY_ROOT.

    Raises: ProofError: history was rewritten, or the proof has a wrong length. Source: RFC 9162 §2.1.4.2.
    """
    if not 0 <= old_size <= new_size:
        raise ProofError("tree_shrunk")
    _check_hashes([old_root, new_root, *proof])
    for size, found in ((old_size, old_root), (new_size, new_root)):
        if size == 0 and not compare_digest(found, EMPTY_ROOT):
            raise ProofError("root_mismatch")
    if old_size in (0, new_size):
        if proof:
            raise ProofError("proof_too_long")
        if old_size and not compare_digest(old_root, new_root):
            raise ProofError("root_mismatch")
        return
    path = list(proof) if old_size & (old_size - 1) else [old_root, *proof]
    if not path:
        raise ProofError("proof_too_short")
    position, last = old_size - 1, new_size - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    old_found = new_found = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise ProofError("proof_too_long")
        if position & 1 or position == last:
            old_found = node_hash(sibling, old_found)
            new_found = node_hash(sibling, new_found)
            while position & 1 == 0 and position:
                position, last = position >> 1, last >> 1
        else:
            new_found = node_hash(new_found, sibling)
        position, last = position >> 1, last >> 1
    if last:
        raise ProofError("proof_too_short")
    if not (compare_digest(old_found, old_root) and compare_digest(new_found, new_root)):
        raise ProofError("root_mismatch")


def _split(start: int, end: int) -> int:
    return start + (1 << ((end - start - 1).bit_length() - 1))


def _subtrees(start: int, end: int) -> Iterator[tuple[int, int]]:
    """Cover leaves [start, end) with complete subtrees, largest first; `start` must be aligned to the first."""
    while start < end:
        level = (end - start).bit_length() - 1
        yield level, start >> level
        start += 1 << level


def _range_hash(start: int, end: int, node: Node) -> bytes:
    return _fold([node(level, index) for level, index in _subtrees(start, end)])


def _fold(edge: Sequence[bytes]) -> bytes:
    found = edge[-1]
    for left in reversed(edge[:-1]):
        found = node_hash(left, found)
    return found


def _check_hashes(hashes: Iterable[bytes]) -> None:
    # 31 + 33 bytes hash like 32 + 32: without this check one proof could be cut in two ways.
    if any(len(item) != HASH_BYTES for item in hashes):
        raise ProofError("hash_length")
