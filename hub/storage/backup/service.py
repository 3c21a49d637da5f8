"""Backups: what a hub is, as of one instant, in one folder; without the keys that open it.

A backup alone shows no personal value and signs nothing. Never in it: the key file and the master key, and the folder
of the remembered checkpoint with the list of erased persons, which is what a restored store is held against.
`manifest.json` names every file with its SHA-256, under a MAC of the hub: what was changed, swapped or left out is not
restored.
"""

import hashlib
import hmac
import json
import shutil
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from alembic import command
from alembic.util.exc import CommandError

from hub.clock import rfc3339
from hub.settings import Settings
from hub.storage.backup.sqlite import copy_sqlite
from hub.storage.errors import ConflictError, IntegrityBrokenError, MissingError, StorageError
from hub.storage.files import write_durably
from hub.storage.objects.folder import FolderObjects, ObjectStore
from hub.storage.schema import alembic_config, migrate
from hub.storage.vault import Vault
from signing.canonical import canonical

MANIFEST: Final = "manifest.json"
KEY_FILE: Final = "keys/keystore.json"
KEPT_APART: Final = frozenset({"keys", "secrets", "witness"})
"""Folders of a home that no backup contains, and that a restore may find there."""
_FORMAT: Final = 1
_SQLITE: Final = "database/hub.sqlite3"


class NotEmptyError(StorageError):
    """Something is there already, and nothing is ever overwritten."""


@dataclass(frozen=True, slots=True)
class Backup:
    """What a manifest says. `entries` is the length of the log in it."""

    made_at: str
    public_url: str
    database: str
    revision: str
    entries: int
    rows: Mapping[str, int]
    objects: int
    files: Mapping[str, str]
    key_file: str


def make_backup(
    settings: Settings, out: Path, *, vault: Vault, objects: ObjectStore | None, now: datetime
) -> tuple[Backup, tuple[str, ...]]:
    """Write a backup into the folder `out`, which is made, or empty. The hub may go on running.

    First the database, as of one instant, then the objects that are there: one that was deleted in between belonged to
    something that ended. Answers with the names of objects that could not be read; they are not in it.

    Args:
        objects: None leaves them where they are (an object store with a backup of its own).
    Raises: NotEmptyError, StorageError. A folder without a manifest is not a backup.
    """
    if out.exists() and any(out.iterdir()):
        raise NotEmptyError(f"{out} is not empty")
    (out / "database").mkdir(parents=True, mode=0o700)
    out.chmod(0o700)
    revision, entries, rows = _copy_database(settings, out)
    copied, broken = _copy_objects(objects, FolderObjects(out / "objects")) if objects else (0, ())
    shutil.copyfile(settings.home / "hub.json", out / "hub.json")
    backup = Backup(
        made_at=rfc3339(now),
        public_url=settings.public_url,
        database=settings.database_kind(),
        revision=revision,
        entries=entries,
        rows=rows,
        objects=copied,
        files={path: _digest(out / path) for path in _files(out)},
        key_file=str((settings.home / KEY_FILE).absolute()),
    )
    document = _document(backup)
    write_durably(out / MANIFEST, json.dumps({**document, "mac": _mac(document, vault).hex()}, indent=1).encode())
    return backup, broken


def read_backup(folder: Path, *, vault: Vault) -> Backup:
    """The manifest of a whole, unchanged backup. Raises: MissingError, IntegrityBrokenError."""
    try:
        document = json.loads((folder / MANIFEST).read_bytes())
        mac = bytes.fromhex(document.pop("mac"))
        version = document.pop("format")
        backup = Backup(**document)
    except OSError:
        raise MissingError(f"there is no backup in {folder}: {MANIFEST} is missing") from None
    except (ValueError, KeyError, TypeError):
        raise IntegrityBrokenError(MANIFEST) from None
    if version != _FORMAT or not hmac.compare_digest(mac, _mac(_document(backup), vault)):
        raise IntegrityBrokenError(MANIFEST)
    if set(_files(folder)) != set(backup.files):
        raise IntegrityBrokenError("files of the backup")
    for path, digest in backup.files.items():
        if _digest(folder / path) != digest:
            raise IntegrityBrokenError(path)
    return backup


def check_empty(settings: Settings) -> None:
    """Raises: NotEmptyError for a home, or a database, that holds anything but what is kept apart."""
    found = {path.name for path in settings.home.iterdir()} if settings.home.exists() else set()
    if found - KEPT_APART:
        raise NotEmptyError(f"{settings.home} holds {', '.join(sorted(found - KEPT_APART))}")
    if settings.database_url is not None:
        from hub.storage.backup.postgresql import holds_rows

        if holds_rows(settings.effective_database_url()):
            raise NotEmptyError("the database holds rows")


def restore_backup(settings: Settings, folder: Path, *, vault: Vault, objects: ObjectStore) -> Backup:
    """Bring a backup back into an empty home, database and object store; `hub.json` last, which makes it a hub.

    An older schema is migrated. Nothing is started: `hub.runtime` then holds the store against the remembered
    checkpoint and erases again whom the list of erased persons names.

    Raises: NotEmptyError, MissingError, IntegrityBrokenError, ConflictError, StorageError.
    """
    check_empty(settings)
    backup = read_backup(folder, vault=vault)
    if backup.database != settings.database_kind():
        raise ConflictError(f"the backup is of {backup.database}, this hub's database is {settings.database_kind()}")
    _bring_back(settings, folder, backup)
    _copy_objects(FolderObjects(folder / "objects"), objects)
    write_durably(settings.home / "hub.json", (folder / "hub.json").read_bytes(), mode=0o600)
    return backup


def _copy_database(settings: Settings, out: Path) -> tuple[str, int, dict[str, int]]:
    if settings.database_url is not None:
        from hub.storage.backup.postgresql import copy_out

        return copy_out(settings.effective_database_url(), out / "database")
    copy_sqlite(settings.sqlite_path(), out / _SQLITE)
    with closing(sqlite3.connect(f"file:{out / _SQLITE}?mode=ro", uri=True)) as copied:
        revision = copied.execute("SELECT version_num FROM alembic_version").fetchone()[0]
        return str(revision), int(copied.execute("SELECT size FROM ledger_head").fetchone()[0]), {}


def _bring_back(settings: Settings, folder: Path, backup: Backup) -> None:
    url = settings.effective_database_url()
    if settings.database_url is None:
        temporary = settings.home / ".restoring.sqlite3"
        shutil.copyfile(folder / _SQLITE, temporary)
        temporary.chmod(0o600)
        temporary.replace(settings.sqlite_path())
    else:
        from hub.storage.backup.postgresql import copy_in

        try:
            command.upgrade(alembic_config(url), backup.revision)
        except CommandError:
            raise ConflictError(f"schema {backup.revision} is of a newer release") from None
        copy_in(url, folder / "database", dict(backup.rows))
    migrate(url)


def _copy_objects(source: ObjectStore, target: ObjectStore) -> tuple[int, tuple[str, ...]]:
    copied, broken = 0, []
    for name in source.names(""):
        try:
            target.put(name, source.get(name))
            copied += 1
        except MissingError:
            continue
        except IntegrityBrokenError:
            broken.append(name)
    return copied, tuple(broken)


def _files(folder: Path) -> Iterable[str]:
    """Everything but the manifest; relative, sorted."""
    found = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return sorted(path for path in found if path != MANIFEST)


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        raise IntegrityBrokenError(path.name) from None


def _document(backup: Backup) -> dict[str, Any]:
    members = {name: getattr(backup, name) for name in Backup.__slots__}
    return {"format": _FORMAT, **{name: dict(v) if isinstance(v, Mapping) else v for name, v in members.items()}}


def _mac(document: dict[str, Any], vault: Vault) -> bytes:
    return vault.row_mac(b"backup\x1f" + canonical(document))
