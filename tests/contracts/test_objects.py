"""The objects port: durable, whole or absent, and never somebody else's bytes."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hub.storage.errors import IntegrityBrokenError, MissingError, UnavailableError
from hub.storage.objects.folder import FolderObjects, ObjectStore

Open = Callable[[], ObjectStore]


def test_what_was_put_is_there_for_the_next_process(open_objects: Open) -> None:
    open_objects().put("status-lists/0", b"\x00\xffbytes")
    assert open_objects().get("status-lists/0") == b"\x00\xffbytes"


@pytest.mark.parametrize("data", [b"", b"x", bytes(3_000_000)], ids=["empty", "one byte", "3 MB"])
def test_every_size_comes_back_as_it_was(open_objects: Open, data: bytes) -> None:
    open_objects().put("a", data)
    assert open_objects().get("a") == data


def test_a_second_put_replaces(open_objects: Open) -> None:
    store = open_objects()
    store.put("a", b"a long first value")
    store.put("a", b"short")
    assert store.get("a") == b"short"


def test_nothing_under_a_name_is_missing_before_and_after_a_delete(open_objects: Open) -> None:
    store = open_objects()
    store.delete("a/b")
    with pytest.raises(MissingError):
        store.get("a/b")
    store.put("a/b", b"1")
    store.delete("a/b")
    with pytest.raises(MissingError):
        store.get("a/b")


def test_names_are_listed_sorted_by_prefix(open_objects: Open) -> None:
    store = open_objects()
    assert store.names("") == []
    for name in ("lists/2", "lists/10", "faces/1", "listing"):
        store.put(name, b"")
    assert store.names("lists/") == ["lists/10", "lists/2"]
    assert store.names("list") == ["listing", "lists/10", "lists/2"]


@pytest.mark.parametrize(
    "name", ["", "/a", "a/", "a//b", "../a", "a/../b", ".a", "A", "a\n", "a\0", "x" * 102, "/".join("abcdefghi")]
)
def test_a_name_that_is_not_plain_segments_is_refused(open_objects: Open, name: str) -> None:
    store = open_objects()
    for refused in (lambda: store.put(name, b""), lambda: store.get(name), lambda: store.delete(name)):
        with pytest.raises(ValueError, match="object name"):
            refused()


def test_readers_beside_many_writers_see_a_whole_object(open_objects: Open) -> None:
    store = open_objects()
    values = [bytes([number]) * 50_000 for number in range(8)]
    store.put("a", values[0])

    def write(value: bytes) -> None:
        for _ in range(10):
            store.put("a", value)

    with ThreadPoolExecutor(12) as pool:
        written = [pool.submit(write, value) for value in values]
        read = [pool.submit(store.get, "a") for _ in range(200)]
        assert all(one.result() in values for one in read)
        assert all(one.result() is None for one in written)
    assert store.get("a") in values
    assert store.names("") == ["a"]


# The folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two objects."""
    store = FolderObjects(tmp_path)
    store.put("a", b"first")
    store.put("b", b"second")
    return tmp_path


def test_two_swapped_files_are_noticed(folder: Path) -> None:
    first, second = (folder / "a").read_bytes(), (folder / "b").read_bytes()
    (folder / "a").write_bytes(second)
    (folder / "b").write_bytes(first)
    for name in "ab":
        with pytest.raises(IntegrityBrokenError, match=f"object {name}"):
            FolderObjects(folder).get(name)


def test_any_flipped_byte_and_any_cut_is_noticed(folder: Path) -> None:
    whole = (folder / "a").read_bytes()
    flipped = [whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :] for at in range(len(whole))]
    for broken in [*flipped, *(whole[:length] for length in range(len(whole))), whole + b"\0"]:
        (folder / "a").write_bytes(broken)
        with pytest.raises(IntegrityBrokenError):
            FolderObjects(folder).get("a")


def test_a_file_where_a_folder_should_be_is_unavailable(folder: Path) -> None:
    store = FolderObjects(folder / "a")
    for refused in (lambda: store.put("x", b""), lambda: store.get("x"), lambda: store.delete("x")):
        with pytest.raises(UnavailableError):
            refused()


def test_a_put_syncs_the_file_and_every_folder_it_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    really = os.fsync

    def watched(descriptor: int) -> None:
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink().as_posix())
        really(descriptor)

    monkeypatch.setattr(os, "fsync", watched)
    FolderObjects(tmp_path / "home" / "objects").put("lists/0", b"1")
    made = [tmp_path, tmp_path / "home", tmp_path / "home/objects", tmp_path / "home/objects/lists"]
    assert {path.as_posix() for path in made} <= set(synced)
    assert sum("/lists/.0." in name for name in synced) == 1


def test_a_put_that_fails_leaves_the_old_object_and_no_litter(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UnavailableError):
        FolderObjects(folder).put("a", b"new")
    monkeypatch.undo()
    assert FolderObjects(folder).get("a") == b"first"
    assert sorted(path.name for path in folder.iterdir()) == ["a", "b"]
