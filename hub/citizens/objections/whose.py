"""Whose an objection is to answer, and that somebody had it in his hands, on the ledger of the person whose it is."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import Connection, select, true

from hub.access.actors import Actor, Role
from hub.access.staff_reading import HUB_WIDE
from hub.citizens.objections import store
from hub.citizens.objections.errors import ObjectionOverError
from hub.citizens.objections.values import Kind, Objection, State, answerers
from hub.ledger.entries import Draft, append, seal
from hub.ledger.spent import END, id_of, spent
from hub.storage.errors import IntegrityBrokenError, MissingError
from hub.storage.vault import Vault

_log = structlog.get_logger(__name__)


def objections_to_answer(tx: Connection, actor: Actor) -> int:
    """How many wait for him."""
    kinds = kinds_of(actor)
    return store.waiting(tx, mine(actor, wide=False), kinds) if kinds else 0


def kinds_of(actor: Actor) -> list[Kind]:
    """Which kinds he may see."""
    if actor.kind == "command" or actor.roles & HUB_WIDE:
        return list(Kind)
    return [kind for kind in Kind if actor.roles.intersection(answerers(kind))]


def mine(actor: Actor, *, wide: bool = True) -> Any:
    """The condition on whose they are; `wide`: operators and auditors see all, not only what is theirs to answer."""
    if actor.kind == "command" or actor.roles & HUB_WIDE:
        return true() if wide else store.ROWS.c.owner_department_id.is_(None)
    return store.ROWS.c.owner_department_id == (actor.department_id or "")


def owned(actor: Actor, found: Objection | None) -> Objection:
    """The objection, for whoever may answer it. Raises: MissingError, ForbiddenError."""
    if found is None:
        raise MissingError("objection")
    if found.department_id is None:
        if not actor.roles & HUB_WIDE and actor.kind != "command":
            raise MissingError("objection")
        actor.require(Role.OPERATOR)
    else:
        actor.require(*answerers(found.kind), owner=found.department_id)
    return found


def end_of(tx: Connection, vault: Vault, found: Objection) -> str:
    """The id under which the ledger knows the end of one that runs, answered or withdrawn: it has one, whatever its row
    says.

    Raises: ObjectionOverError, IntegrityBrokenError.
    """
    if found.state is not State.RUNNING:
        raise ObjectionOverError
    if not store.is_whole(vault, found):
        raise IntegrityBrokenError("objections")
    ends = id_of(vault, "objection-answer", found.id)
    if tx.execute(select(spent(ends))).scalar_one():  # its row was put back as it stood before its end
        _log.error("guarded_row_broken", alarm=True, where="objections")
        raise ObjectionOverError
    return ends


def record(
    tx: Connection,
    vault: Vault,
    actor: Actor,
    found: Objection,
    kind: str,
    more: Mapping[str, Any],
    now: datetime,
    *,
    ends: str | None = None,
) -> str:
    """Write what somebody did with it under the person's key; answers the entry's id. `ends`: what can be done once."""
    detail = {
        "objection": found.id,
        "kind": found.kind.value,
        "department_id": found.department_id,
        "by": actor.as_json(),
        **more,
    }
    key = vault.data_key(found.data_key, found.kek_kid)
    once = END if ends else None
    draft = Draft(kind=kind, detail=detail, key=key, subject_id=found.subject_id, object_id=ends, object_version=once)
    entry = seal(draft, now=now)
    append(tx, [entry])
    return entry.id
