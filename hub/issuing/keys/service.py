"""Keys as operators handle them: list, make beside, rotate. Each change is on the ledger.

A rotation overlaps: the new key is published before it signs where others keep the hub's key set, the old one verifies
for as long as its certificate lives. Nothing is ever certified by the built-in authority in place of another one.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from catalog.store import list_departments
from hub.access.actors import Actor, Role
from hub.issuing.keys.errors import KeyRuleError
from hub.issuing.keys.room import KeyRoom, KeyView
from hub.issuing.keys.store import SigningKey
from hub.storage.suites import Suite


class KeyService:
    """For the operator, at the machine that holds the key store."""

    def __init__(self, room: KeyRoom) -> None:
        self._room = room

    async def list(self, actor: Actor) -> list[KeyView]:
        """Every key, by name and time. For operators and auditors. Raises: IntegrityBrokenError."""
        actor.require(Role.OPERATOR, Role.AUDITOR)
        now = self._room.clock()
        keys = await self._room.database.read(self._room.desk.book.all)
        return [self._room.view(key, now) for key in sorted(keys, key=lambda key: (key.slot.name, key.active_from))]

    async def own(self, actor: Actor) -> Sequence[KeyView]:
        """Those of the actor's department, for its engineers and approvers. Raises: ForbiddenError."""
        actor.require(Role.OWNER_ENGINEER, Role.OWNER_APPROVER)

        def unit(tx: Connection) -> Sequence[SigningKey]:
            mine = next((item for item in list_departments(tx) if item.id == actor.department_id), None)
            return [key for key in self._room.desk.book.all(tx) if mine and key.slot.organization_id == mine.code]

        keys, now = await self._room.database.read(unit), self._room.clock()
        return [self._room.view(key, now) for key in sorted(keys, key=lambda key: (key.slot.name, key.active_from))]

    async def show(self, actor: Actor, kid: str) -> KeyView:
        """One of them. Raises: MissingError."""
        actor.require(Role.OPERATOR, Role.AUDITOR)
        return self._room.view(
            await self._room.database.read(lambda tx: self._room.desk.book.find(tx, kid)), self._room.clock()
        )

    async def add(self, actor: Actor, name: str, *, suite: Suite = Suite.ES256, reason: str) -> KeyView:
        """A key where there is none: of another suite, for one type alone, for a role that has none yet.

        Raises: KeyRuleError: there is one already; MissingError: no such department; BuiltInAuthorityError is not
        raised: where that authority is refused, the key waits for a certificate.
        """
        actor.require(Role.OPERATOR)
        slot, organization = await self._room.database.read(lambda tx: self._room.slot(tx, name, suite))
        signer = await asyncio.to_thread(self._room.prepared, slot)

        def unit(tx: Connection) -> SigningKey:
            if any(key.slot == slot for key in self._room.desk.book.of(tx, slot.role, slot.organization_id)):
                raise KeyRuleError(name, "it has a key; rotate it")
            now = self._room.clock()
            key = self._room.desk.maker.drafted(slot, signer, organization=organization, now=now)
            key = self._room.desk.maker.ready(key, now=now)
            return self._room.desk.book.write(tx, key, "key.made", actor=actor, now=now, reason=reason)

        return await self._room.changed(unit)

    async def rotate(
        self, actor: Actor, name: str, *, suite: Suite = Suite.ES256, begins: datetime | None = None, reason: str
    ) -> KeyView:
        """A new key in place of the one in use. The old one goes on verifying.

        Args:
            begins: when the new one begins to sign; by default at once, and ten minutes later where others keep the
                hub's key set.
        Raises: NoSigningKeyError, KeyRuleError: certified from outside, or a rotation is under way. ConflictError.
        """
        actor.require(Role.OPERATOR)
        slot, organization = await self._room.database.read(lambda tx: self._room.slot(tx, name, suite))
        await self._room.database.read(lambda tx: self._room.replaceable(tx, slot, self._room.clock()))
        signer = await asyncio.to_thread(self._room.prepared, slot)

        def unit(tx: Connection) -> SigningKey:
            now = self._room.clock()
            old = self._room.replaceable(tx, slot, now, held=True)
            start = self._room.begin(slot, old, begins, now)
            key = self._room.desk.maker.drafted(slot, signer, organization=organization, now=now)
            key = replace(self._room.desk.maker.ready(key, now=now), active_from=start)
            self._room.retire(tx, old, key, start, actor, now)
            return self._room.desk.book.write(
                tx, key, "key.rotated", actor=actor, now=now, replaces=old.kid, reason=reason
            )

        return await self._room.changed(unit)
