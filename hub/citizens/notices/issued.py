"""Holders are told of licences that were issued to them one by one. A register that is collected tells nobody."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, select

from catalog.tables import table
from certificates.tables import CertificateRow
from hub.citizens.notices.kinds import NoticeKind
from hub.citizens.notices.notify import notify

FEW: Final = 5
"""More licences than this, signed at once, are a register's."""
_CERTIFICATES: Final = table(CertificateRow)


def tell_of_issue(tx: Connection, made: Mapping[str, str], now: datetime) -> None:
    """In the transaction that makes them current. `made`: certificates, by the ids of the versions."""
    if not 0 < len(made) <= FEW:
        return
    query = select(_CERTIFICATES.c.id, _CERTIFICATES.c.subject_id).where(_CERTIFICATES.c.id.in_(set(made.values())))
    holders = {row.id: row.subject_id for row in tx.execute(query)}
    for version_id, certificate_id in sorted(made.items()):
        notify(tx, holders[certificate_id], NoticeKind.LICENCE_ISSUED, about=version_id, now=now)
