"""A delegation begins or ends: its row, its entries about both sides, a notice to who did not do it himself; in the
caller's transaction, which holds both and has judged that he may.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection

from certificates.stores.holders import Subject, subject_by_id
from hub.citizens.acting import delegations as store
from hub.citizens.acting.delegations import Delegation, Terms
from hub.citizens.acting.recording import told
from hub.citizens.notices.kinds import NoticeKind
from hub.citizens.notices.notify import notify
from hub.citizens.values import Holder
from hub.clock import new_id
from hub.ledger.entries import Draft, append, seal
from hub.storage.vault import Vault


@dataclass(frozen=True, slots=True)
class At:
    """Where it was written down, if not in his own session: `counter` or `kiosk`, and what the entry says of that.
    `must_hold` raises, in the transaction that writes it, where he is there no more.
    """

    place: str
    said: Mapping[str, Any]
    must_hold: Callable[[Connection], None] | None = field(default=None, repr=False)


def write(
    tx: Connection,
    vault: Vault,
    holder: Holder,
    terms: Terms,
    between: tuple[str, Subject],
    *,
    until: date,
    once: tuple[str | None, str | None],
    at_counter: Mapping[str, Any] | None,
    now: datetime,
) -> str:
    """A new one, which `holder` gives; answers its id.

    Args:
        between: the principal's subject, and the delegate.
        once: hashes of the Idempotency-Key that makes it, and of the request.
        at_counter: who wrote it down for him, and how he saw the card: a notice tells him of it.
    """
    delegation_id, (subject_id, delegate) = new_id(), between
    subject = subject_by_id(tx, subject_id)
    said: dict[str, Any] = {
        "delegation": delegation_id,
        "scope": sorted(terms.scope),
        "matters": None if terms.matters is None else sorted(terms.matters),
        "until": until.isoformat(),
        "reason": terms.reason,
    }
    people = {"agent": told(delegate.id, terms.to), "given_by": told(holder.id, terms.giver)}
    detail = {**said, **people, "session": holder.session_id, **(at_counter or {})}
    entry = _enter(
        tx,
        vault,
        _kind("delegation.given", At("counter", at_counter) if at_counter else None),
        subject,
        detail,
        now,
        of=(delegation_id, 1),
    )
    said["principal"] = told(subject.id, terms.principal)
    _enter(tx, vault, "delegation.received", delegate, said, now)
    for told_too in (delegate.id, *([holder.id] if at_counter else ())):
        notify(tx, told_too, NoticeKind.DELEGATION_GIVEN, about=delegation_id, now=now)
    values = {
        "id": delegation_id,
        "subject_id": subject.id,
        "given_by": holder.id,
        "to_id": delegate.id,
        "valid_until": until.isoformat(),
        "state": store.LIVE,
        "once": once[0],
        "once_hash": once[1],
        "made_at": now,
        "row_version": 1,
        "ledger_entry_id": entry,
    }
    store.add(tx, vault, vault.data_key(subject.data_key, subject.kek_kid), terms, values)
    return delegation_id


def end(
    tx: Connection,
    vault: Vault,
    holder: Holder,
    found: Delegation,
    now: datetime,
    *,
    where: At | None = None,
) -> None:
    """`holder` ends a live one, from either side. `where`: if not in his own session; a notice tells him, too."""
    subject, delegate = subject_by_id(tx, found.subject_id), subject_by_id(tx, found.to_id)
    people = {"agent": told(found.to_id, found.terms.to), "by": told(holder.id, holder.identity)}
    detail = {"delegation": found.id, "session": holder.session_id, **people, **(where.said if where else {})}
    kind, version = _kind("delegation.withdrawn", where), found.row_version + 1
    entry = _enter(tx, vault, kind, subject, detail, now, of=(found.id, version))
    _enter(tx, vault, "delegation.ended", delegate, {"delegation": found.id}, now)
    for other in sorted({subject.id, delegate.id} - (set() if where else {holder.id})):
        notify(tx, other, NoticeKind.DELEGATION_WITHDRAWN, about=found.id, now=now)
    store.end(tx, vault, found, now, ledger_entry_id=entry)


def _kind(kind: str, where: At | None) -> str:
    """What was not done in his own session is called so: he may ask about it, which he may not about his own doing."""
    return f"{kind}_at_{where.place}" if where else kind


def _enter(
    tx: Connection,
    vault: Vault,
    kind: str,
    subject: Subject,
    detail: dict[str, Any],
    now: datetime,
    *,
    of: tuple[str | None, int | None] = (None, None),
) -> str:
    key = vault.data_key(subject.data_key, subject.kek_kid)
    draft = Draft(kind=kind, detail=detail, key=key, subject_id=subject.id, object_id=of[0], object_version=of[1])
    append(tx, [seal(draft, now=now)])
    return draft.id
