"""What is done with a showing is an entry of the ledger about whose licences they are; of one who shows for somebody
else, it names him, and he has an entry of his own.
"""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

from certificates.stores.holders import subject_by_id
from hub.citizens.acting.recording import told, write
from hub.citizens.acting.values import Principal
from hub.citizens.showing.behalf import Behalf
from hub.ledger.entries import Draft, append, seal
from hub.ledger.spent import END
from hub.storage.vault import Vault

_OWN: Final = {
    "showing.made": "acting.showed",
    "showing.given": "acting.showed",
    "showing.offline": "acting.showed",
    "showing.taken": "acting.showed_taken",
}
_HIS: Final = ("department_id", "matter", "purpose", "showing")


def record(
    tx: Connection,
    vault: Vault,
    kind: str,
    subject_id: str,
    detail: dict[str, Any],
    now: datetime,
    *,
    behalf: Behalf | None = None,
    principal: Principal | None = None,
    ends: str | None = None,
) -> str:
    """Write it in the caller's transaction; answers the entry's id.

    Args:
        principal: as he was judged in this transaction; None: of a showing that ended or was refused, for which nobody
            judges.
        ends: the id of what this ends, once (`hub.ledger.spent`).
    """
    if behalf is None:
        return _enter(tx, vault, kind, subject_id, detail, now, ends)
    named = f"acting.{kind.replace('.', '_')}"
    if principal is None:
        return _enter(tx, vault, named, subject_id, behalf.detail() | detail, now, ends)
    agent = (behalf.agent_id, behalf.agent)
    if kind in _OWN:
        his = {name: detail[name] for name in _HIS if name in detail}
        _enter(tx, vault, _OWN[kind], behalf.agent_id, his | {"principal": told(subject_id, behalf.principal)}, now)
    return write(tx, vault, named, agent, principal, detail, now, ends=ends)


def _enter(
    tx: Connection,
    vault: Vault,
    kind: str,
    subject_id: str,
    detail: dict[str, Any],
    now: datetime,
    ends: str | None = None,
) -> str:
    subject = subject_by_id(tx, subject_id)
    key = vault.data_key(subject.data_key, subject.kek_kid)
    version = END if ends else None
    draft = Draft(kind=kind, detail=detail, key=key, subject_id=subject_id, object_id=ends, object_version=version)
    append(tx, [seal(draft, now=now)])
    return draft.id
