"""Sheaves: the intents of a large batch, written as one row until their signatures are there.

A version that is written as an intent and then again with its document costs the database twice, indexes included. A
sheaf is the same commitment (its ledger rows, holders and certificates are committed with it) in one row; with the
signatures the versions are written once, and the sheaf goes. What a crash left is untied: its versions become intents
like any other, and are signed like any other. Whoever meets a record that is in a sheaf unties it, too; the batch in
hand then finds its sheaf gone and stores signatures to the intents.

Until then the versions are nowhere else: not current, on no list. Queries take the caller's connection, never commit.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import structlog
from sqlalchemy import Connection, delete, insert, select, update

from catalog.bulk import decode, insert_rows
from catalog.tables import table
from certificates.tables import CertificateHolderRow, CertificateRow, CertificateVersionRow
from hub.issuing.tables import IntentSheafRow
from hub.storage.errors import IntegrityBrokenError

_SHEAVES: Final = table(IntentSheafRow)
_CERTIFICATES: Final = table(CertificateRow)
VERSIONS: Final = table(CertificateVersionRow)
HOLDERS: Final = table(CertificateHolderRow)
_AT_ONCE: Final = 500
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheaf:
    """Intents of one batch. Rows are pieces as `catalog.bulk.encode` makes them for PostgreSQL."""

    id: str
    type_code: str
    owner_department_id: str
    version_columns: Sequence[str]
    versions: bytes
    holder_columns: Sequence[str]
    holders: bytes
    created_at: datetime

    def version_rows(self) -> list[dict[str, Any]]:
        """Its versions, as intents."""
        return decode(VERSIONS, self.version_columns, self.versions)


def tie(tx: Connection, sheaf: Sheaf) -> None:
    """Commit intents as one row. Their certificates name version 1 already, which is there with the signatures."""
    tx.execute(insert(_SHEAVES).values(**{name: getattr(sheaf, name) for name in Sheaf.__dataclass_fields__}))


def take(tx: Connection, sheaf_id: str) -> bool:
    """Remove a sheaf whose versions are written in this transaction; False where somebody has untied it."""
    return tx.execute(delete(_SHEAVES).where(_SHEAVES.c.id == sheaf_id)).rowcount == 1


def sheaves_before(tx: Connection, before: datetime, *, after: str | None, limit: int) -> list[str]:
    """Ids of sheaves made by `before`, in their order, beyond `after`."""
    where = [_SHEAVES.c.created_at <= before, *([] if after is None else [_SHEAVES.c.id > after])]
    return list(tx.execute(select(_SHEAVES.c.id).where(*where).order_by(_SHEAVES.c.id).limit(limit)).scalars())


def untie(tx: Connection, sheaf_id: str) -> int:
    """Make plain intents of a sheaf; answers how many, none if it is gone.

    Raises: IntegrityBrokenError: it cannot be read, or holds versions that are there already; it stays as it is.
    """
    row = tx.execute(select(_SHEAVES).where(_SHEAVES.c.id == sheaf_id).with_for_update()).one_or_none()
    return 0 if row is None else _untie(tx, *_read(tx, row))


def untie_of(tx: Connection, type_code: str, department_id: str) -> int:
    """Untie all sheaves of this type and department; answers of how many versions. A damaged one
    stays: it must not keep other records from being issued.
    """
    of = (_SHEAVES.c.type_code == type_code, _SHEAVES.c.owner_department_id == department_id)
    untied = 0
    for row in tx.execute(select(_SHEAVES).where(*of).order_by(_SHEAVES.c.id).with_for_update()).all():
        try:
            read = _read(tx, row)
        except IntegrityBrokenError:
            _log.warning("sheaf_broken", sheaf=row.id)  # the alarm is given by whoever finishes intents
            continue
        untied += _untie(tx, *read)
    return untied


_Rows = list[dict[str, Any]]


def _read(tx: Connection, row: Any) -> tuple[str, _Rows, _Rows]:
    sheaf = Sheaf(**{name: getattr(row, name) for name in Sheaf.__dataclass_fields__})
    try:
        versions = sheaf.version_rows()
        holders = decode(HOLDERS, sheaf.holder_columns, sheaf.holders) if sheaf.holders else []
        ids = [version["id"] for version in versions]
    except (ValueError, KeyError, TypeError) as error:
        raise IntegrityBrokenError("intent_sheaves") from error
    for first in range(0, len(ids), _AT_ONCE):
        some = ids[first : first + _AT_ONCE]
        if tx.execute(select(VERSIONS.c.id).where(VERSIONS.c.id.in_(some)).limit(1)).first() is not None:
            raise IntegrityBrokenError("intent_sheaves")
    return sheaf.id, versions, holders


def _untie(tx: Connection, sheaf_id: str, versions: _Rows, holders: _Rows) -> int:
    insert_rows(tx, VERSIONS, versions)
    insert_rows(tx, HOLDERS, holders)
    certificates = [version["certificate_id"] for version in versions]
    for first in range(0, len(certificates), _AT_ONCE):
        some = _CERTIFICATES.c.id.in_(certificates[first : first + _AT_ONCE])
        tx.execute(update(_CERTIFICATES).where(some).values(current_version=0))  # an intent is nobody's current one
    take(tx, sheaf_id)
    return len(versions)
