"""A compromised key: stopped at once, by one; declared by two; and everything it signed since is revoked, its pages are
withdrawn.

Proposing stops it, because waiting for a second person would be the thief's time; putting it back takes two again.
What it signed before goes on verifying where the time of its signature is proven: here by the ledger, which committed
to the payload before any key was used.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import structlog
from sqlalchemy import ColumnElement, Connection, and_, func, insert, select, update

from catalog.errors import DefinitionError
from catalog.tables import table
from certificates.errors import TransitionError
from certificates.lifecycle.rules import Reason
from certificates.lifecycle.states import Operation
from certificates.rendering.store import withdrawn_count
from certificates.stores import certificates as store
from certificates.stores.version import VersionRecord
from certificates.tables import CertificateVersionRow
from hub.access.actors import Actor, Role
from hub.clock import Clock, rfc3339
from hub.issuing.keys.desk import SigningDesk
from hub.issuing.keys.errors import KeyRuleError
from hub.issuing.keys.making import DESK
from hub.issuing.keys.signers import signed_by
from hub.issuing.keys.store import KeyState, SigningKey
from hub.issuing.renditions.withdrawing import withdraw_some
from hub.issuing.tables import KeyRevocationRow
from hub.issuing.transitions.writing import Cause, Changed, change, told
from hub.ledger.entries import Draft, append, seal
from hub.ledger.tables import LedgerEntryRow
from hub.storage.database import Database
from hub.storage.errors import IntegrityBrokenError, MissingError
from hub.storage.jobs import enqueue
from hub.storage.vault import DataKey, Vault

COMPROMISED: Final = "key.compromised"
RESUME: Final = "key.resume"
REVOKE_SIGNED: Final = "key.revoke_signed"
"""The job."""
_PAGE: Final = 200
_COUNTS: Final = ("affected", "revoked", "passed_over", "pages")
_WORK: Final = table(KeyRevocationRow)
_VERSIONS: Final = table(CertificateVersionRow)
_ENTRIES: Final = table(LedgerEntryRow)
_MAKING: Final = and_(_ENTRIES.c.object_id == _VERSIONS.c.id, _ENTRIES.c.object_version == 1)
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Declared:
    """What two operators declare of a key."""

    kid: str
    since: datetime
    reason: str
    legal_basis: str

    @classmethod
    def read(cls, payload: Mapping[str, Any]) -> "Declared":
        """Out of a proposal. Raises: DefinitionError."""
        for name in ("kid", "since", "reason", "legal_basis"):
            if not isinstance(payload.get(name), str) or not 0 < len(payload[name].strip()) <= 500:
                raise DefinitionError(f"{COMPROMISED}: {name} of at most 500 characters")
        try:
            since = datetime.fromisoformat(payload["since"])
        except ValueError:
            since = datetime.min  # noqa: DTZ901  # refused below
        if since.tzinfo is None:
            raise DefinitionError(f"{COMPROMISED}: since is an instant with its zone: 2026-11-22T08:00:00+08:00")
        return cls(payload["kid"], since, payload["reason"].strip(), payload["legal_basis"].strip())


class KeyEmergency:
    """Stops keys, declares them compromised, revokes what they signed."""

    def __init__(self, database: Database, *, desk: SigningDesk, vault: Vault, log_key: DataKey, clock: Clock) -> None:
        self._database = database
        self._desk = desk
        self._vault = vault
        self._log_key = log_key
        self._clock = clock

    def stop(self, tx: Connection, payload: dict[str, Any], now: datetime) -> None:
        """No signature by this key is stored from this commit on. Runs when it is proposed. Raises: MissingError."""
        key = self._desk.book.find(tx, Declared.read(payload).kid, for_update=True)
        if key.state is KeyState.ACTIVE:
            stopped = replace(key, state=KeyState.STOPPED)
            self._desk.book.write(tx, stopped, "key.stopped", actor=DESK, now=now, reason=payload["reason"])

    def declare(self, tx: Connection, payload: dict[str, Any], by: Actor, now: datetime) -> dict[str, Any]:
        """Compromised since an instant; a second declaration may only name an earlier one. A unit of two persons."""
        declared = Declared.read(payload)
        key = self._desk.book.find(tx, declared.kid, for_update=True)
        since = min(declared.since, key.compromised_since or declared.since)
        changed = replace(key, state=KeyState.COMPROMISED, compromised_since=since)
        said = {"since": rfc3339(since), "reason": declared.reason, "legal_basis": declared.legal_basis}
        self._desk.book.write(tx, changed, COMPROMISED, actor=by, now=now, **said)
        work = {
            "since": since, "reason": declared.reason, "legal_basis": declared.legal_basis, "affected": 0, "revoked": 0,
            "passed_over": 0, "pages": 0, "after_id": None, "begun_at": now, "ended_at": None,
        }  # fmt: skip
        if tx.execute(update(_WORK).where(_WORK.c.kid == key.kid).values(**work)).rowcount == 0:
            tx.execute(insert(_WORK).values(kid=key.kid, **work))
        enqueue(tx, REVOKE_SIGNED, {"kid": key.kid}, now=now)
        return {"kid": key.kid, "since": rfc3339(since)}

    def resume(self, tx: Connection, payload: dict[str, Any], by: Actor, now: datetime) -> dict[str, Any]:
        """Put a stopped key back to work: the suspicion was wrong. A unit of two persons. Raises: KeyRuleError."""
        key = self._desk.book.find(tx, self.check_named(payload), for_update=True)
        if key.state is not KeyState.STOPPED:
            raise KeyRuleError(key.slot.name, f"it is {key.state.value}: nothing to resume")
        resumed = replace(key, state=KeyState.ACTIVE)
        self._desk.book.write(tx, resumed, "key.resumed", actor=by, now=now)
        return {"kid": key.kid}

    @staticmethod
    def check_named(payload: Mapping[str, Any]) -> str:
        """The key that a proposal names. Raises: DefinitionError."""
        if not isinstance(kid := payload.get("kid"), str) or not kid:
            raise DefinitionError(f"{RESUME}: kid")
        return kid

    async def revoke_signed(self, job: Mapping[str, Any]) -> None:
        """Withdraw the pages and revoke the licences that the key signed since the instant; the handler of the job.
        Killed, it goes on where it was.
        """
        kid, after, more = str(job["kid"]), None, True
        while more:
            after = await self._database.write(lambda tx, after=after: self._withdraw_some(tx, kid, after))  # type: ignore[misc]
            more = after is not None
        affected = await self._database.read(lambda tx: self._named(tx, kid))
        while await self._database.write(lambda tx: self._revoke_some(tx, kid, affected)):
            pass

    async def progress(self, actor: Actor, kid: str) -> dict[str, Any] | None:
        """How far the revoking is. For operators and auditors."""
        actor.require(Role.OPERATOR, Role.AUDITOR)
        row = await self._database.read(lambda tx: tx.execute(select(_WORK).where(_WORK.c.kid == kid)).one_or_none())
        if row is None:
            return None
        counts = {name: getattr(row, name) for name in _COUNTS}
        ended = rfc3339(row.ended_at) if row.ended_at else None
        return {"kid": kid, "since": rfc3339(row.since), **counts, "begun_at": rfc3339(row.begun_at), "ended_at": ended}

    def _named(self, tx: Connection, kid: str) -> int:
        """How many rows name this key: to show how far the work is. What is revoked goes by another way."""
        row = tx.execute(select(_WORK).where(_WORK.c.kid == kid)).one()
        where = and_(_VERSIONS.c.signing_kid == kid, _VERSIONS.c.state == "issued", _ENTRIES.c.recorded_at >= row.since)
        return tx.execute(select(func.count()).select_from(_VERSIONS).join(_ENTRIES, _MAKING).where(where)).scalar_one()

    def _withdraw_some(self, tx: Connection, kid: str, after: str | None) -> str | None:
        key, now = self._desk.book.find(tx, kid), self._clock()
        if key.compromised_since is None:
            return None
        return withdraw_some(tx, self._vault, kid, key.compromised_since, after, key=self._log_key, now=now)

    def _revoke_some(self, tx: Connection, kid: str, affected: int) -> bool:
        row = tx.execute(select(_WORK).where(_WORK.c.kid == kid).with_for_update()).one_or_none()
        if row is None:
            raise MissingError("key revocation")
        if row.ended_at is not None:
            return False
        now, key = self._clock(), self._desk.book.find(tx, kid)
        cause = Cause(
            operation=Operation.REVOKE,
            reason_code=Reason.KEY_COMPROMISED,
            reason=row.reason,
            legal_basis=row.legal_basis,
            detail={"kid": kid},
        )
        read = _made_since(tx, key.compromised_since or row.since, row.after_id)  # guarded there
        found = [version for version in read if signed_by(tx, self._vault, version) == kid]
        changes = [done for version in found if (done := self._revoked(tx, version.identifier, cause, now))]
        told(tx, changes, now=now)
        seen = row.revoked + row.passed_over + len(found)
        values: dict[str, Any] = {
            "affected": max(affected, seen) if read else seen,
            "revoked": row.revoked + len(changes),
            "passed_over": row.passed_over + len(found) - len(changes),
            "after_id": read[-1].id if read else row.after_id,
        }
        if not read:
            values |= {"pages": withdrawn_count(tx, kid), "ended_at": now}
            self._record_end(tx, key, values, now)
        tx.execute(update(_WORK).where(_WORK.c.kid == kid).values(**values))
        return bool(read)

    def _revoked(self, tx: Connection, identifier: str, cause: Cause, now: datetime) -> Changed | None:
        """None for one that is final already, or that somebody else wrote: an alarm of its own."""
        version = store.find_version(tx, identifier, for_update=True)
        if version is None:
            return None
        try:
            return change(tx, self._vault, version, cause, now=now)
        except TransitionError:
            return None
        except IntegrityBrokenError as error:
            _log.error("guarded_row_broken", alarm=True, where=error.where)
            return None

    def _record_end(self, tx: Connection, key: SigningKey, counts: Mapping[str, Any], now: datetime) -> None:
        detail = {"kid": key.kid} | {name: counts[name] for name in _COUNTS}
        append(tx, [seal(Draft(kind="key.revoked_signed", detail=detail, key=self._log_key), now=now)])


def _made_since(tx: Connection, since: datetime, after: str | None) -> list[VersionRecord]:
    """The next page of everything that was decided since, by the ledger's time, whatever its rows say of key or state:
    no MAC covers their time and state, and an hour's change of them would spare a licence.

    Without an index, in one pass over the table: it is asked once in years, and every licence would pay for it.
    """
    where: list[ColumnElement[bool]] = [_ENTRIES.c.recorded_at >= since]
    if after is not None:
        where.append(_VERSIONS.c.id > after)
    wanted = select(_VERSIONS.c.id).join(_ENTRIES, _MAKING).where(*where).order_by(_VERSIONS.c.id).limit(_PAGE)
    ids = list(tx.execute(wanted).scalars())
    return sorted(store.read_versions(tx, ids), key=lambda version: version.id)
