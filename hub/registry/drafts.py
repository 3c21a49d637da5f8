"""Unfinished forms of a department, kept at every step: nothing that was typed is lost to an error or a lunch break.

A draft belongs to the department: a colleague goes on where an engineer stopped. It may hold credentials that were
typed before the source exists, so it lies encrypted as a whole, and ends after 30 days without a change.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, and_, delete, insert, select, update

from catalog.errors import DefinitionError
from catalog.tables import table
from hub.access.actors import Actor, Role
from hub.clock import Clock, new_id
from hub.registry.tables import FormDraftRow
from hub.storage.database import Database
from hub.storage.errors import MissingError
from hub.storage.vault import Vault
from signing.canonical import strict_loads

KEPT: Final = timedelta(days=30)
MAX_BYTES: Final = 262_144
MOST: Final = 200
_DRAFTS: Final = table(FormDraftRow)
_CONSUMERS: Final = frozenset({"ask", "demand"})


@dataclass(frozen=True, slots=True)
class FormDraft:
    """What was typed so far."""

    id: str
    kind: str
    content: Mapping[str, Any] = field(repr=False)
    changed_at: datetime


class DraftService:
    """Drafts of forms. Not part of the catalogue: nothing here is published, and nothing goes to the ledger."""

    def __init__(self, database: Database, *, vault: Vault, clock: Clock) -> None:
        self._database = database
        self._vault = vault
        self._clock = clock

    async def begin(self, actor: Actor, kind: str, content: Mapping[str, Any]) -> str:
        """Keep a new draft; answers its id. Raises: ForbiddenError; DefinitionError when there are too many."""
        department_id = _place(actor, kind)
        draft_id, now = new_id(), self._clock()
        key = self._vault.new_data_key()
        sealed = key.encrypt(_where(draft_id), _bytes(content))

        def unit(tx: Connection) -> None:
            tx.execute(delete(_DRAFTS).where(_DRAFTS.c.changed_at < now - KEPT))
            known = tx.execute(select(_DRAFTS.c.id).where(_DRAFTS.c.owner_department_id == department_id)).all()
            if len(known) >= MOST:
                raise DefinitionError("draft: the department has too many unfinished forms")
            tx.execute(
                insert(_DRAFTS).values(
                    id=draft_id,
                    kind=kind,
                    owner_department_id=department_id,
                    sealed=sealed,
                    data_key=key.wrapped,
                    kek_kid=key.kek_kid,
                    changed_at=now,
                )
            )

        await self._database.write(unit)
        return draft_id

    async def get(self, actor: Actor, draft_id: str) -> FormDraft:
        """One draft of his department. Raises: MissingError, ForbiddenError, IntegrityBrokenError."""
        return await self._database.read(lambda tx: self._read(_row(tx, draft_id, actor)))

    async def save(self, actor: Actor, draft_id: str, changes: Mapping[str, Any]) -> FormDraft:
        """Replace members of the content; None takes one away. Raises: as `get`; DefinitionError when too large."""
        now = self._clock()

        def unit(tx: Connection) -> FormDraft:
            row = _row(tx, draft_id, actor, lock=True)
            merged = {**self._read(row).content, **changes}
            content = {name: value for name, value in merged.items() if value is not None}
            key = self._vault.data_key(row.data_key, row.kek_kid)
            sealed = key.encrypt(_where(draft_id), _bytes(content))
            tx.execute(update(_DRAFTS).where(_DRAFTS.c.id == draft_id).values(sealed=sealed, changed_at=now))
            return FormDraft(draft_id, row.kind, content, now)

        return await self._database.write(unit)

    async def remove(self, actor: Actor, draft_id: str) -> None:
        """Forget a draft. Raises: MissingError, ForbiddenError."""

        def unit(tx: Connection) -> None:
            row = _row(tx, draft_id, actor, lock=True)
            tx.execute(delete(_DRAFTS).where(_DRAFTS.c.id == row.id))

        await self._database.write(unit)

    async def list(self, actor: Actor, kind: str) -> list[FormDraft]:
        """Unfinished forms of a kind, newest first; empty for those who write none."""
        if writer_of(kind) not in actor.roles or actor.department_id is None:
            return []
        query = (
            select(_DRAFTS)
            .where(and_(_DRAFTS.c.owner_department_id == actor.department_id, _DRAFTS.c.kind == kind))
            .order_by(_DRAFTS.c.changed_at.desc())
        )
        rows = await self._database.read(lambda tx: tx.execute(query).all())
        return [self._read(row) for row in rows]

    def _read(self, row: Row[Any]) -> FormDraft:
        plain = self._vault.data_key(row.data_key, row.kek_kid).decrypt(_where(row.id), row.sealed)
        return FormDraft(row.id, row.kind, strict_loads(plain, max_bytes=MAX_BYTES), row.changed_at)


def writer_of(kind: str) -> Role:
    """Who fills in forms of this kind: requests and demands the consumer's engineer, all others the owner's."""
    return Role.CONSUMER_ENGINEER if kind in _CONSUMERS else Role.OWNER_ENGINEER


def _place(actor: Actor, kind: str) -> str:
    actor.require(writer_of(kind))
    if actor.department_id is None:
        raise MissingError("department")
    return actor.department_id


def _row(tx: Connection, draft_id: str, actor: Actor, *, lock: bool = False) -> Row[Any]:
    mine = and_(_DRAFTS.c.id == draft_id, _DRAFTS.c.owner_department_id == actor.department_id)
    query = select(_DRAFTS).where(mine)
    row = tx.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise MissingError("draft")
    _place(actor, row.kind)
    return row


def _bytes(content: Mapping[str, Any]) -> bytes:
    # Not the canonical form: it would lose the order of the fields.
    plain = json.dumps(dict(content), ensure_ascii=False, separators=(",", ":")).encode()
    if len(plain) > MAX_BYTES:
        raise DefinitionError("draft: larger than a form may be")
    return plain


def _where(draft_id: str) -> str:
    return f"form_drafts:{draft_id}:sealed"
