"""What becomes of the versions that a new one replaces: by the act that made it, or because the register changed."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from certificates.lifecycle.rules import Reason
from certificates.lifecycle.states import STOPPED, TRANSITIONS, Operation, Status
from certificates.stores import transitions as transition_store
from certificates.stores.transitions import MADE, StoredAct
from certificates.stores.version import VersionRecord
from hub.issuing.transitions.writing import Cause, Changed, change, check_act_mac, told
from hub.ledger.guards import recorded_at
from hub.storage.vault import Vault

REGISTER_CHANGED: Final = "登记信息变化，已签发新版本"
REGISTER_BASIS: Final = "登记机关数据归集"


def supersede(
    tx: Connection, vault: Vault, pairs: Sequence[tuple[VersionRecord, VersionRecord]], *, now: datetime
) -> None:
    """End every version that still counts, each with its successor's act and its own ledger entry.

    What was done to a version while its successor was on its way, for days where a department approves each signature,
    is done to the successor too: what was revoked on Tuesday is not valid again on Wednesday.

    A version that somebody changes meanwhile already has the entry of this number: ConflictError.
    """
    made = transition_store.births(tx, {by.id for _, by in pairs})
    changes: list[Changed] = []
    for version, by in pairs:
        if version.status in STOPPED and by.status == Status.VALID and version.version == by.version - 1:
            changes += _passed_on(tx, vault, version, by, now)
        cause = _cause(version, by, made)
        if cause is not None:
            changes.append(change(tx, vault, version, cause, now=now))
    told(tx, changes, now=now)


def _passed_on(
    tx: Connection, vault: Vault, version: VersionRecord, by: VersionRecord, now: datetime
) -> Iterator[Changed]:
    """The acts on a version since its successor was decided, done to the successor in their order."""
    decided_at = recorded_at(tx, by.id, MADE)
    for act in transition_store.acts_on(tx, [version.id])[version.id]:
        if act.mac is None or act.recorded_at is None or act.related_id == by.id:
            continue
        check_act_mac(act, vault)
        operation = Operation(act.operation)
        if decided_at is None or act.recorded_at < decided_at or (Status(by.status), operation) not in TRANSITIONS:
            continue
        cause = Cause(
            operation=operation,
            reason_code=Reason(act.reason_code or Reason.OTHER),
            reason=act.reason,
            legal_basis=act.legal_basis,
            by=act.detail.get("by", {}),
            effective_at=max(act.effective_at, decided_at),
            detail={"predecessor": version.identifier},
        )
        changed = change(tx, vault, by, cause, now=now)
        yield changed
        by = changed.after


def _cause(version: VersionRecord, by: VersionRecord, made: Mapping[str, StoredAct]) -> Cause | None:
    """Why it ends; None when it has ended already."""
    act, status = made.get(by.id), Status(version.status)
    if act is not None and act.related_id == version.id and (status, Operation(act.operation)) in TRANSITIONS:
        return Cause(
            operation=Operation(act.operation),
            reason_code=Reason(act.reason_code or Reason.OTHER),
            reason=act.reason,
            legal_basis=act.legal_basis,
            by=act.detail.get("by", {}),
            detail={"successor": by.identifier},
            related_id=by.id,
        )
    if (status, Operation.SUPERSEDE) not in TRANSITIONS:
        return None
    return Cause(
        operation=Operation.SUPERSEDE,
        reason_code=Reason.REGISTER_CHANGED,
        reason=REGISTER_CHANGED,
        legal_basis=REGISTER_BASIS,
        detail={"successor": by.identifier},
        related_id=by.id,
    )
