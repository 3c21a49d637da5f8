"""What is done for somebody is an entry of the ledger about him: who did it, on what ground, what."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from certificates.stores.holders import Subject, subject_by_id
from hub.citizens.acting.delegations import add_use
from hub.citizens.acting.values import Principal
from hub.citizens.values import Holder, Identity
from hub.issuing.shelf import masked_number
from hub.ledger.entries import Draft, append, seal
from hub.ledger.spent import END
from hub.storage.vault import Vault


def record(
    tx: Connection,
    vault: Vault,
    kind: str,
    holder: Holder,
    principal: Principal,
    detail: dict[str, Any],
    now: datetime,
) -> None:
    """Write it in the caller's transaction, in which the ground was judged; the principal is told who by name."""
    said = {"session": holder.session_id, "level": holder.level.name.lower(), **detail}
    write(tx, vault, kind, (holder.id, holder.identity), principal, said, now)


def write(
    tx: Connection,
    vault: Vault,
    kind: str,
    agent: tuple[str, Identity],
    principal: Principal,
    detail: dict[str, Any],
    now: datetime,
    *,
    case_id: str | None = None,
    ends: str | None = None,
) -> str:
    """The same for whoever has no session at hand: `agent` is the subject and the identity of who acts; `ends`: the id
    of what the entry ends, once. Answers the entry's id.
    """
    subject: Subject = subject_by_id(tx, principal.id)
    said = {"agent": told(*agent), **principal.as_told(), **detail}
    key = vault.data_key(subject.data_key, subject.kek_kid)
    draft = Draft(
        kind=kind, detail=said, key=key, subject_id=subject.id, case_id=case_id, object_id=ends,
        object_version=END if ends else None,
    )  # fmt: skip
    append(tx, [seal(draft, now=now)])
    if principal.delegation_id is not None:
        add_use(tx, principal.delegation_id, draft.id)
    return draft.id


def told(subject_id: str, who: Identity) -> dict[str, str]:
    """Somebody as an entry about another names him: by name, and by the ends of his number."""
    return {"id": subject_id, "name": who.name, "number": masked_number(who.id_type, who.id_number)}
