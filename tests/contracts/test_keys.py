"""The keys port, and what the key file promises about tampering."""

import json
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from hub.storage.errors import IntegrityBrokenError, MissingError, StorageError
from hub.storage.keystore.file import KeyFile
from hub.storage.keystore.port import KeyStore, master_key
from signing.x509.pki import new_root
from tests.contracts.conftest import MASTER_KEY

Open = Callable[[], KeyStore]


def test_every_kind_of_key_is_there_for_the_next_process(open_keystore: Open) -> None:
    keys = open_keystore()
    signer, note, secret = keys.create_signer("token"), keys.create_note_signer("log", "o"), keys.create_secret("kek")
    root = new_root("Test root", now=datetime(2026, 1, 1, tzinfo=UTC))
    keys.add_authority("root", root)
    again = open_keystore()
    signer.public.verify(b"message", again.signer("token").sign(b"message"))
    assert again.signer("token").kid == signer.kid
    assert again.note_signer("log").verifier.text == note.verifier.text
    assert again.secret("kek") == secret
    assert again.authority("root") == root
    again.add_authority("root", new_root("Another", now=datetime(2026, 1, 1, tzinfo=UTC)))  # a process that saw none
    assert open_keystore().authority("root") == root
    assert again.names() == ("kek", "log", "root", "token")


def test_the_newest_key_of_a_name_is_used_and_older_ones_stay(open_keystore: Open) -> None:
    keys = open_keystore()
    old, new = keys.create_secret("kek"), keys.create_secret("kek")
    assert old.kid != new.kid
    assert open_keystore().secret("kek") == new
    assert open_keystore().secret("kek", old.kid) == old


def test_a_name_kind_or_kid_that_is_not_there_is_missing(open_keystore: Open) -> None:
    keys = open_keystore()
    keys.create_secret("kek")
    for asked in (lambda: keys.secret("token"), lambda: keys.signer("kek"), lambda: keys.secret("kek", "kek-9")):
        with pytest.raises(MissingError):
            asked()


def test_a_key_made_by_another_process_is_found(open_keystore: Open) -> None:
    first, second = open_keystore(), open_keystore()
    made = first.create_signer("issuer/1")
    assert second.signer("issuer/1").kid == made.kid


def test_two_processes_that_create_lose_nothing(open_keystore: Open) -> None:
    def create(process: int) -> list[str]:
        keys = open_keystore()
        return [keys.create_secret(f"p{process}").kid for _ in range(5)] + [keys.create_secret("both").kid]

    with ThreadPoolExecutor(4) as pool:
        kids = [kid for made in pool.map(create, range(4)) for kid in made]
    assert len(set(kids)) == 24
    keys = open_keystore()
    assert all(keys.secret(kid.rpartition("-")[0], kid).kid == kid for kid in kids)


# The key file


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A key file with two names of each kind, one of them with a history."""
    keys = KeyFile(tmp_path / "keystore.json", master_key=MASTER_KEY)
    for name in ("a", "b", "b"):
        keys.create_secret(f"secret-{name}")
        keys.create_signer(f"signer-{name}")
    return tmp_path / "keystore.json"


def read_all(path: Path) -> None:
    keys = KeyFile(path, master_key=MASTER_KEY)
    for name in ("a", "b"):
        keys.secret(f"secret-{name}")
        keys.signer(f"signer-{name}")
    keys.secret("secret-b", "secret-b-1")


def entries(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(path.read_bytes())["entries"]
    return found


def rewrite(path: Path, changed: list[dict[str, Any]]) -> None:
    path.write_text(json.dumps(json.loads(path.read_bytes()) | {"entries": changed}))


def test_the_file_is_for_its_owner_only(path: Path) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_file_shows_no_key(path: Path) -> None:
    secret = KeyFile(path, master_key=MASTER_KEY).secret("secret-a").value
    assert secret not in path.read_bytes()
    assert b"PRIVATE" not in path.read_bytes()


@pytest.mark.parametrize("first", range(6))
@pytest.mark.parametrize("second", range(6))
def test_two_swapped_entries_are_noticed(path: Path, first: int, second: int) -> None:
    if first >= second:
        read_all(path)
        return
    for members in (("sealed",), ("kid", "sealed"), ("name", "kind", "kid", "sealed")):
        changed = entries(path)
        for member in members:
            changed[first][member], changed[second][member] = changed[second][member], changed[first][member]
        original = path.read_bytes()
        rewrite(path, changed)
        with pytest.raises(IntegrityBrokenError):
            read_all(path)
        path.write_bytes(original)


def test_a_removed_entry_is_noticed(path: Path) -> None:
    whole = entries(path)
    for at in range(len(whole)):
        rewrite(path, whole[:at] + whole[at + 1 :])
        with pytest.raises(IntegrityBrokenError):
            read_all(path)


def test_any_flipped_byte_is_noticed_or_changes_nothing(path: Path) -> None:
    keys = KeyFile(path, master_key=MASTER_KEY)
    expected = keys.secret("secret-b"), keys.signer("signer-b").kid
    whole = path.read_bytes()
    for at in range(0, len(whole), 3):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        try:
            read_all(path)
            after = KeyFile(path, master_key=MASTER_KEY)
            assert (after.secret("secret-b"), after.signer("signer-b").kid) == expected
        except IntegrityBrokenError:
            continue


def test_another_master_key_opens_nothing(path: Path) -> None:
    with pytest.raises(IntegrityBrokenError):
        KeyFile(path, master_key=bytes(32)).secret("secret-a")


@pytest.mark.parametrize("text", ["", "AAAA", "not base64url!", "A" * 44])
def test_a_master_key_that_is_not_32_bytes_is_refused(
    tmp_path: Path, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("YIZHENG_MASTER_KEY", text)
    with pytest.raises(StorageError):
        master_key(tmp_path)


def test_the_master_key_is_made_once_for_its_owner_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("YIZHENG_MASTER_KEY", raising=False)
    with pytest.raises(MissingError):
        master_key(tmp_path)
    made = master_key(tmp_path, create=True)
    assert master_key(tmp_path, create=True) == made
    assert stat.S_IMODE((tmp_path / "secrets" / "master.key").stat().st_mode) == 0o600
