"""What a register and the calendar do to licences: a record that is gone or revoked there, a last day that is past."""

import asyncio
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Final

import structlog
from sqlalchemy import Connection

from certificates.definitions.certificate_type import CertificateType
from certificates.definitions.parts import OnMissing
from certificates.errors import ActError
from certificates.lifecycle.rules import Reason
from certificates.lifecycle.states import TRANSITIONS, Operation, Status
from certificates.profile import CIVIL_ZONE
from certificates.stores import certificates as store
from certificates.stores import status as status_store
from certificates.stores.version import VersionRecord
from hub.clock import Clock
from hub.issuing.transitions.writing import BROUGHT_BY, Cause, Changed, change, lifetime_of, told
from hub.storage.database import Database
from hub.storage.errors import IntegrityBrokenError
from hub.storage.vault import Vault

_log = structlog.get_logger(__name__)
_SOME: Final = 50
_MOST: Final = 2_000
"""A round of the housekeeping; the next one goes on."""
_BREATH_SECONDS: Final = 0.002


def record_gone(
    tx: Connection,
    vault: Vault,
    version: VersionRecord,
    type_: CertificateType,
    *,
    now: datetime,
    origin: str | None = None,
) -> Changed | None:
    """The register, read whole or by its own word, no longer has the record of this version: by the rule of its type it
    stays, or is revoked. The caller has locked it, and calls `told` with all that changed. `origin`: as in
    `record_ended`.
    """
    if type_.register_driven.on_missing is OnMissing.KEEP:
        return None
    cause = _cause(Operation.REVOKE, Reason.REGISTER_MISSING, "登记库已无该记录", origin)
    return _by_register(tx, vault, version, cause, now)


def record_ended(
    tx: Connection,
    vault: Vault,
    version: VersionRecord,
    operation: Operation,
    *,
    since: date | None,
    now: datetime,
    origin: str | None = None,
) -> Changed | None:
    """The register says that it is withdrawn, revoked or cancelled there, since this civil day; so it is here.

    A licence younger than that day ends as it begins. The caller has locked it, and calls `told`.

    Args:
        origin: what brought the register's word, to find what it ended again: `run:ID`, `batch:ID`, `source:CODE`.
    """
    begins = None if since is None else max(_midnight(since), lifetime_of(version).begins)
    cause = _cause(operation, Reason.REGISTER_REVOKED, "登记库记载已失去效力", origin)
    return _by_register(tx, vault, version, replace(cause, effective_at=begins), now)


class Expiring:
    """Marks what has ended. Verifiers judge by the dates; this is for lists of licences, and for whoever asks why."""

    def __init__(self, database: Database, *, vault: Vault, clock: Clock) -> None:
        self._database = database
        self._vault = vault
        self._clock = clock

    async def sweep(self) -> int:
        """Mark licences whose last day is past, the longest past first; answers how many, at most two thousand."""
        done = 0
        while done < _MOST:
            some = await self._database.write(self._some)
            done += some
            if some < _SOME:
                break
            await asyncio.sleep(_BREATH_SECONDS)
        return done

    def _some(self, tx: Connection) -> int:
        now = self._clock()
        today = now.astimezone(CIVIL_ZONE).date()
        changes = []
        for identifier in status_store.ended_before(tx, today.isoformat(), most=_SOME):
            version = store.find_version(tx, identifier, for_update=True)
            if version is None or version.valid_until is None or not _may(version, Operation.EXPIRE):
                continue
            try:
                changes.append(change(tx, self._vault, version, _ended(version, version.valid_until), now=now))
            except (IntegrityBrokenError, ActError) as error:  # somebody else wrote it: the others end all the same
                _log.error("licence_not_ended", alarm=True, version=version.id, error=type(error).__name__)
        told(tx, changes, now=now)
        return len(changes)


def _ended(version: VersionRecord, last_day: str) -> Cause:
    """It ended with its last day, or, where a register brought it in later, with its making."""
    end = _midnight(date.fromisoformat(last_day)) + timedelta(days=1)
    return Cause(
        operation=Operation.EXPIRE,
        reason_code=Reason.PERIOD_ENDED,
        reason="有效期届满",
        legal_basis="证照载明的有效期",
        effective_at=max(end, lifetime_of(version).begins),
    )


def _cause(operation: Operation, reason_code: Reason, reason: str, origin: str | None) -> Cause:
    return Cause(
        operation=operation,
        reason_code=reason_code,
        reason=reason,
        legal_basis="登记机关数据归集",
        detail={} if origin is None else {BROUGHT_BY: origin},
    )


def _by_register(tx: Connection, vault: Vault, version: VersionRecord, cause: Cause, now: datetime) -> Changed | None:
    return change(tx, vault, version, cause, now=now) if _may(version, cause.operation) else None


def _may(version: VersionRecord, operation: Operation) -> bool:
    return (Status(version.status), operation) in TRANSITIONS


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, CIVIL_ZONE)
