"""Ending what a register says has ended, in the transaction that takes its rows in."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from certificates.definitions.certificate_type import CertificateType
from certificates.lifecycle.states import STANDING, Status
from certificates.stores import certificates as store
from certificates.stores.version import VersionRecord
from hub.issuing.plan import Decision, Effect, Ending, Weighed
from hub.issuing.transitions.register import record_ended, record_gone
from hub.issuing.transitions.writing import Changed, told
from hub.storage.errors import ConflictError
from hub.storage.vault import Vault


def end_licences(
    tx: Connection,
    vault: Vault,
    rows: Sequence[Weighed],
    decisions: Sequence[Decision],
    *,
    kind: CertificateType,
    now: datetime,
    origin: str | None,
) -> None:
    """End the licences of these rows for which that was decided, and have those told who were shown them. `origin` is
    what brings the rows in, as the acts are to say.

    Before the others of their batch are issued: who loses one and is granted another in one extract holds one.

    Raises: ConflictError where somebody changed a licence since it was decided: it is decided again.
    """
    changes: list[Changed] = []
    ending = [
        (decision.previous, row)
        for row, decision in zip(rows, decisions, strict=True)
        if decision.effect is Effect.ENDED and isinstance(row, Ending) and decision.previous is not None
    ]
    for known, row in sorted(ending, key=lambda pair: pair[0].id):
        version = store.find_version(tx, known.identifier, for_update=True)
        if version is None or (version.row_version, version.status) != (known.row_version, known.status):
            raise ConflictError("certificate_versions")
        for item in (version, *_beside(tx, version)):
            if row.gone is None:
                changed = record_ended(tx, vault, item, row.operation, since=row.since, now=now, origin=origin)
            else:
                changed = record_gone(tx, vault, item, kind, now=now, origin=origin)
            changes += [changed] if changed is not None else []
    told(tx, changes, now=now)


def _beside(tx: Connection, version: VersionRecord) -> list[VersionRecord]:
    """While the newest version waits for its signature, the one before it still stands."""
    if version.is_whole():
        return []
    versions = store.versions_of(tx, version.certificate_id)
    return [item for item in versions if item.id != version.id and Status(item.status) in STANDING]
