"""Tiles: names, growth, and proofs made from nothing else."""

import pytest

from signing.errors import ProofError
from signing.log.merkle import HashTree, consistency_proof, inclusion_proof, leaf_hash, root_at
from signing.log.tiles import Tile, node_from_tiles, tile_bytes, tiles

TREE = HashTree(leaf_hash(number.to_bytes(4, "big")) for number in range(70_000))


def published(size: int) -> dict[str, bytes]:
    return {tile.path: tile_bytes(tile, TREE.node) for tile in tiles(size)}


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (Tile(0, 0), "tile/0/000"),
        (Tile(0, 273, 112), "tile/0/273.p/112"),
        (Tile(1, 1234067), "tile/1/x001/x234/067"),
        (Tile(2, 1000, 1), "tile/2/x001/000.p/1"),
    ],
)
def test_path_is_that_of_the_specification_and_reads_back(tile: Tile, path: str) -> None:
    assert tile.path == path
    assert Tile.parse(path) == tile


@pytest.mark.parametrize(
    "path",
    [
        "tile/0/0",
        "tile/0/x000/001",
        "tile/00/001",
        "tile/8/001",
        "tile/0/001.p/0",
        "tile/0/001.p/256",
        "tile/0/001.p/01",
        "tile/0/../001",
        "tile/0/001\n",
        "tile/entries/001",
    ],
)
def test_path_in_another_spelling_is_refused(path: str) -> None:
    with pytest.raises(ProofError) as error:
        Tile.parse(path)
    assert error.value.reason == "tile_path"


def test_impossible_tile_is_a_value_error() -> None:
    for level, index, width in ((-1, 0, 1), (8, 0, 1), (0, -1, 1), (0, 0, 0), (0, 0, 257)):
        with pytest.raises(ValueError):
            Tile(level, index, width)


def test_tree_of_70000_has_the_tiles_of_the_specification() -> None:
    found = [(tile.level, tile.width) for tile in tiles(70_000)]
    assert found == [(0, 256)] * 273 + [(0, 112), (1, 256), (1, 17), (2, 1)]


def test_growth_names_only_new_and_wider_tiles() -> None:
    assert [tile.path for tile in tiles(257, 255)] == ["tile/0/000", "tile/0/001.p/1", "tile/1/000.p/1"]
    assert [tile.path for tile in tiles(300, 257)] == ["tile/0/001.p/44"]
    assert list(tiles(300, 300)) == list(tiles(0)) == []


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 511, 65_535, 65_536, 65_537, 70_000])
def test_proofs_made_from_tiles_alone_equal_those_of_the_tree(size: int) -> None:
    files = published(size)
    node = node_from_tiles(size, lambda tile: files[tile.path])
    assert root_at(size, node) == TREE.root(size)
    for index in {0, size // 3, size - 1}:
        assert inclusion_proof(index, size, node) == inclusion_proof(index, size, TREE.node)
        assert consistency_proof(index, size, node) == consistency_proof(index, size, TREE.node)


def test_tile_of_wrong_length_is_refused() -> None:
    files = published(300)
    node = node_from_tiles(300, lambda tile: files[tile.path][:-1])
    with pytest.raises(ProofError) as error:
        node(0, 299)
    assert error.value.reason == "tile_length"


def test_node_beyond_the_tree_is_a_value_error() -> None:
    node = node_from_tiles(300, lambda tile: published(300)[tile.path])
    with pytest.raises(ValueError):
        node(2, 75)
