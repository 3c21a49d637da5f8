"""Proven time at the hub that issued: the ledger recorded the payload of a licence before any key was used."""

from datetime import datetime
from typing import Final

from sqlalchemy import Connection, and_, select

from catalog.tables import table
from certificates.stores import certificates as library
from certificates.stores import holders as holder_store
from certificates.verifying.procedure import presented_identifier
from hub.issuing.drafting import document_place
from hub.ledger.tables import LedgerEntryRow
from hub.storage.errors import IntegrityBrokenError
from hub.storage.vault import Vault

_ENTRIES: Final = table(LedgerEntryRow)
_MADE: Final = 1


def signed_by(tx: Connection, vault: Vault, token: bytes) -> datetime | None:
    """When the hub's ledger recorded this very licence, whichever of its claims are disclosed; None if it did not.

    The licence must be the stored one, byte for byte in its signed part: somebody with a stolen key can write any
    identifier into a licence of his own.
    """
    version = library.find_version(tx, presented_identifier(token) or "")
    if version is None or version.state != "issued":
        return None
    subject = holder_store.subject_by_id(tx, version.subject_id)
    try:
        stored = vault.data_key(subject.data_key, subject.kek_kid).decrypt(document_place(version.id), version.document)
    except IntegrityBrokenError:
        return None
    if stored.partition(b"~")[0] != token.partition(b"~")[0]:
        return None
    made = and_(_ENTRIES.c.object_id == version.id, _ENTRIES.c.object_version == _MADE)
    return tx.execute(select(_ENTRIES.c.recorded_at).where(made)).scalar_one_or_none()
