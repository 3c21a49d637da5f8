"""Founding a hub: everything that is made once. Nothing is overwritten, ever."""

import json
from dataclasses import dataclass

from sqlalchemy import Connection

from hub.assembly.ground import log_key_of, open_desk
from hub.clock import utc_now
from hub.issuing.keys.making import ROOT
from hub.ledger.entries import Draft, append, seal
from hub.ledger.sequencer import create_head, has_head
from hub.runtime import LOG_KEY, open_hub, open_keys
from hub.settings import Settings
from hub.storage.crash import crash_at
from hub.storage.database import Database, open_database
from hub.storage.errors import IntegrityBrokenError, MissingError
from hub.storage.files import write_durably
from hub.storage.keystore.file import KeyFile
from hub.storage.schema import migrate
from hub.storage.vault import SECRET_NAMES
from signing.x509.pki import fingerprint

OPERATOR_NAME = "示例市大数据发展管理局"
OPERATOR_CODE = "11990100MB00000044"


class AlreadyFoundedError(Exception):
    """The home has a hub."""


@dataclass(frozen=True, slots=True)
class Founded:
    """What an operator should write down: the fingerprints others compare."""

    root_fingerprint: str
    log_verifier: str


async def found(settings: Settings) -> Founded:
    """Make keys, certification authority, schema, the log's head, and last `hub.json`, which says that all is there.

    A founding that was killed is gone through again: keys without a database are made anew, a database that names the
    keys of this home is complete.

    Raises: AlreadyFoundedError (this home, or its database, has a hub); StorageError.
    """
    home = settings.home
    marker = home / "hub.json"
    if marker.exists():
        raise AlreadyFoundedError(str(home))
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    keys = open_keys(settings, create=True)
    migrate(settings.effective_database_url())
    database = open_database(settings.effective_database_url())
    try:
        if await database.read(has_head):
            await _check_ours(database, keys, settings)
        else:
            await _fill(database, keys, settings)
    finally:
        await database.close()
    crash_at("found.committed")
    write_durably(
        marker,
        json.dumps({"public_url": settings.public_url, "database": settings.database_kind()}).encode(),
        mode=0o600,
    )
    async with open_hub(settings) as hub:
        await hub.ledger.drain()
    verifier = keys.note_signer("log").verifier
    return Founded(root_fingerprint=fingerprint(keys.authority(ROOT).certificate), log_verifier=verifier.text)


async def _fill(database: Database, keys: KeyFile, settings: Settings) -> None:
    for name in (*SECRET_NAMES, LOG_KEY):
        keys.create_secret(name)
    log_signer = keys.create_note_signer("log", settings.log_origin())
    log_key, desk = log_key_of(keys), open_desk(settings, keys)
    now = utc_now()

    def unit(tx: Connection) -> None:
        create_head(tx, origin=log_signer.name, now=now)
        desk.certify_hub(tx, organization=OPERATOR_NAME, organization_id=OPERATOR_CODE, now=now)
        append(tx, [seal(Draft(kind="hub.founded", detail={"public_url": settings.public_url}, key=log_key), now=now)])

    await database.write(unit)


async def _check_ours(database: Database, keys: KeyFile, settings: Settings) -> None:
    """A database with a head but no marker beside it: ours, cut off before the marker, or another hub's."""
    try:
        await database.read(open_desk(settings, keys).load)
    except (MissingError, IntegrityBrokenError) as error:
        raise AlreadyFoundedError(str(settings.home)) from error
