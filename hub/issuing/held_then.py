"""What somebody held as of a moment, each with its state then: by versions and histories, as they are known now.

What is shown of them, to whom, and the entry of the look in the ledger are the caller's.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from sqlalchemy import Connection, select, union

from catalog.tables import table
from certificates.lifecycle.history import standing_at
from certificates.lifecycle.states import Status
from certificates.profile import CIVIL_ZONE
from certificates.stores import certificates as store
from certificates.stores.further_holders import further_of
from certificates.stores.holders import Subject
from certificates.stores.version import HeldVersion, VersionRecord
from certificates.tables import CertificateHolderRow, CertificateRow, CertificateVersionRow
from hub.issuing.transitions.reading import read_history
from hub.ledger.guards import check_guards
from hub.storage.vault import Vault

_CERTIFICATES: Final = table(CertificateRow)
_VERSIONS: Final = table(CertificateVersionRow)
_FURTHER: Final = table(CertificateHolderRow)


@dataclass(frozen=True, slots=True)
class HeldThen:
    """A version that stood, and its state at that moment."""

    record: VersionRecord
    status: str


def standing(status: str, valid_until: str | None, today: date) -> str:
    """The state on a day: what is past its last day is expired, whether or not it was written down yet."""
    past = valid_until is not None and valid_until < today.isoformat()
    return Status.EXPIRED.value if past and status in {Status.VALID, Status.SUSPENDED} else status


def held_then(
    tx: Connection,
    vault: Vault,
    subjects: Collection[Subject],
    moment: datetime,
    *,
    now: datetime,
    owner: str | None = None,
) -> list[HeldThen]:
    """Of every certificate that one of them ever held, the version that stood at a moment, if he held that one, as
    principal or further holder.

    Args:
        owner: the department whose certificates count; None: all.
    Raises: IntegrityBrokenError: a version, an act or a further holder that somebody wrote by SQL.
    """
    found = []
    for certificate in _ever_held(tx, {subject.id for subject in subjects}, owner):
        stood = stood_then(tx, vault, certificate, moment, now=now)
        if stood is not None and _holds(tx, vault, subjects, stood.record):
            found.append(stood)
    return sorted(found, key=lambda item: item.record.identifier)


def stood_then(tx: Connection, vault: Vault, certificate: str, moment: datetime, *, now: datetime) -> HeldThen | None:
    """The version of a certificate that stood at a moment, whoever held it; None if none did.

    Raises: IntegrityBrokenError.
    """
    asked = next((item for item in store.versions_of(tx, certificate) if item.is_whole()), None)
    if asked is None:
        return None
    history = read_history(tx, vault, asked)
    life = standing_at(list(history.lifetimes.values()), moment, known_at=now)
    status = None if life is None else life.status_at(moment, known_at=now)
    if life is None or status is None:
        return None
    record = next(item for item in history.versions if item.identifier == life.identifier)
    day = moment.astimezone(CIVIL_ZONE).date()
    return HeldThen(record, standing(status.value, record.valid_until, day))


def _ever_held(tx: Connection, ids: Collection[str], owner: str | None) -> list[str]:
    """Certificates, by two queries that an index leads."""
    principal = select(_CERTIFICATES.c.id).where(_CERTIFICATES.c.subject_id.in_(ids))
    further = (
        select(_CERTIFICATES.c.id)
        .join(_VERSIONS, _VERSIONS.c.certificate_id == _CERTIFICATES.c.id)
        .join(_FURTHER, _FURTHER.c.version_id == _VERSIONS.c.id)
        .where(_FURTHER.c.subject_id.in_(ids))
    )
    if owner is not None:
        mine = _CERTIFICATES.c.owner_department_id == owner
        principal, further = principal.where(mine), further.where(mine)
    return list(tx.execute(union(principal, further)).scalars())


def _holds(tx: Connection, vault: Vault, subjects: Collection[Subject], record: VersionRecord) -> bool:
    known = {subject.id: subject for subject in subjects}
    if record.subject_id in known:
        return True
    held = [
        HeldVersion(record, known[item.subject_id], further=item)
        for item in further_of(tx, record.id)
        if item.subject_id in known
    ]
    check_guards(tx, vault, held=held)
    return bool(held)
