"""Writing what is done to a version: status row, ledger entry, history row, list and notice, in one transaction.

Every change of a status in the hub goes through `change`; nothing else writes one.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import Connection

from certificates.copies.store import follow
from certificates.errors import ActError
from certificates.lifecycle.history import Lifetime
from certificates.lifecycle.rules import Reason
from certificates.lifecycle.states import STATUS_BITS, Operation, Status, transition
from certificates.stores import holders as holder_store
from certificates.stores import status as status_store
from certificates.stores.transitions import MADE, StoredAct, add_act
from certificates.stores.version import VersionRecord
from hub.citizens.notices.kinds import NoticeKind
from hub.citizens.notices.notify import notify
from hub.clock import new_id, rfc3339
from hub.exchange.uses import Event, announce, of_certificate
from hub.ledger.entries import Draft, append, seal
from hub.ledger.guards import check_guards, recorded_at, version_mac
from hub.storage.jobs import enqueue
from hub.storage.vault import Vault
from signing import status_list
from signing.canonical import canonical

PUBLISH_STATUS: Final = "status_list.publish"
RULE: Final[Mapping[str, str]] = {"kind": "rule", "id": "hub"}
"""Who acts when a register or a date says so."""
BROUGHT_BY: Final = "brought_by"
"""In the detail of an act that a register's word caused: what brought that word, as at a version that it made."""
_HEARD: Final[Mapping[int, Event]] = {
    status_list.VALID: Event.RESUMED,
    status_list.INVALID: Event.REVOKED,
    status_list.SUSPENDED: Event.SUSPENDED,
    status_list.SUPERSEDED: Event.SUPERSEDED,
}
"""Receivers hear what a list tells: gone for good, not now, valid again, replaced. The end of a licence's period is not
told: its last day was in what they got."""

_TOLD: Final[Mapping[int, NoticeKind]] = {
    status_list.VALID: NoticeKind.LICENCE_RESUMED,
    status_list.INVALID: NoticeKind.LICENCE_REVOKED,
    status_list.SUSPENDED: NoticeKind.LICENCE_SUSPENDED,
}
"""And so does whose licence it is, but for what is replaced."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Why, by whom and since when something is done. `effective_at` None is now; `detail` names links, nobody."""

    operation: Operation
    reason_code: Reason
    reason: str
    legal_basis: str
    by: Mapping[str, str] = field(default_factory=lambda: dict(RULE))
    effective_at: datetime | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)
    related_id: str | None = None


@dataclass(frozen=True, slots=True)
class Changed:
    """A version before and after an act."""

    before: VersionRecord
    after: VersionRecord


def change(tx: Connection, vault: Vault, version: VersionRecord, cause: Cause, *, now: datetime) -> Changed:
    """Do it to one version, which the caller has locked; `told` follows once all are done.

    Nothing is written before everything is checked: whoever catches an error may go on with the next version.

    Raises: TransitionError when the table does not allow it; ActError ("effective_at"); IntegrityBrokenError.
    """
    check_guards(tx, vault, versions=[version])
    status = transition(Status(version.status), cause.operation)
    effective_at = cause.effective_at or now
    _check_effective(tx, version, effective_at, now)
    subject = holder_store.subject_by_id(tx, version.subject_id)
    entry = Draft(
        kind=f"certificate.{cause.operation.value}",
        detail={
            "identifier": version.identifier,
            "from": version.status,
            "to": status.value,
            "reason_code": cause.reason_code.value,
            "reason": cause.reason,
            "legal_basis": cause.legal_basis,
            "effective_at": rfc3339(effective_at),
            "by": dict(cause.by),
            **cause.detail,
        },
        key=vault.data_key(subject.data_key, subject.kek_kid),
        subject_id=version.subject_id,
        object_id=version.id,
        object_version=version.row_version + 1,
    )
    append(tx, [seal(entry, now=now)])
    after = version.with_status(status.value, ledger_entry_id=entry.id)
    after = replace(after, mac=version_mac(after, vault))
    status_store.change_status(tx, after)
    _add(tx, vault, after, cause, before=version.status, effective_at=effective_at, now=now)
    return Changed(version, after)


def born(tx: Connection, vault: Vault, version: VersionRecord, cause: Cause, *, now: datetime) -> None:
    """Write the act that made a version, beside the ledger entry of its issue."""
    _add(tx, vault, version, cause, before="", effective_at=cause.effective_at or now, now=now)


def told(tx: Connection, changes: Iterable[Changed], *, now: datetime) -> None:
    """Have copies follow, lists published, and users and holders told, once for all changes of a transaction."""
    lists: set[int] = set()
    marks: dict[Event, list[str]] = {}
    changed_to: dict[str, str] = {}
    for item in changes:
        changed_to[item.after.id] = item.after.status
        bits = STATUS_BITS[Status(item.after.status)]
        if bits != STATUS_BITS[Status(item.before.status)]:
            lists.add(item.after.status_list)
        if item.after.status != Status.EXPIRED:
            marks.setdefault(_HEARD[bits], []).append(of_certificate(item.after.id))
        kind = _TOLD.get(bits)
        if kind is not None and item.after.status != Status.EXPIRED:
            about = f"{item.after.certificate_id}:{item.after.ledger_entry_id}"
            notify(tx, item.after.subject_id, kind, about=about, now=now)
    lists |= follow(tx, changed_to)
    for number in sorted(lists):
        enqueue(tx, PUBLISH_STATUS, {"number": number}, now=now)
    for event, changed in marks.items():
        announce(tx, event, changed, now=now)


def check_act_mac(act: StoredAct, vault: Vault) -> None:
    """Raises: IntegrityBrokenError for an act that anybody but the hub wrote. Those of early releases have no MAC."""
    if act.mac is not None:
        vault.check_row_mac(_meaning(act), act.mac, where="certificate_transitions")


def _meaning(act: StoredAct) -> bytes:
    return b"transition\x1f" + canonical(act.meaning())


def _add(
    tx: Connection,
    vault: Vault,
    version: VersionRecord,
    cause: Cause,
    *,
    before: str,
    effective_at: datetime,
    now: datetime,
) -> None:
    act = StoredAct(
        id=new_id(),
        version_id=version.id,
        operation=cause.operation.value,
        from_status=before,
        to_status=version.status,
        reason=cause.reason,
        legal_basis=cause.legal_basis,
        effective_at=effective_at,
        detail={"by": dict(cause.by), **cause.detail},
        object_version=version.row_version if before else MADE,
        recorded_at=now,
        reason_code=cause.reason_code.value,
        related_id=cause.related_id,
        ledger_entry_id=version.ledger_entry_id,
        mac=None,
    )
    add_act(tx, replace(act, mac=vault.row_mac(_meaning(act))))


def _check_effective(tx: Connection, version: VersionRecord, effective_at: datetime, now: datetime) -> None:
    """Back-dated as far as the version goes back, and never ahead: what is true tomorrow is written tomorrow."""
    if effective_at > now:
        raise ActError("effective_at", "in_the_future")
    if effective_at == now:
        return
    made_at = recorded_at(tx, version.id, MADE)  # no MAC covers the row's own time
    if made_at is None or effective_at < replace(lifetime_of(version), made_at=made_at).begins:
        raise ActError("effective_at", "before_the_certificate")


def lifetime_of(version: VersionRecord) -> Lifetime:
    """A version's dates, without its acts; its making as the row has it, which no MAC covers."""
    until = version.valid_until
    return Lifetime(
        identifier=version.identifier,
        version=version.version,
        made_at=version.created_at,
        valid_from=date.fromisoformat(version.valid_from),
        valid_until=None if until is None else date.fromisoformat(until),
        events=(),
    )
