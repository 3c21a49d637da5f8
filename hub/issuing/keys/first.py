"""Keys beside ES256 that nobody made before they were needed: made now, by the built-in authority, in nobody's place.

A department that keeps its own key, or has one from an authority outside, gets no second one from the hub: an operator
makes it, and has it certified. Where the built-in authority is refused, nothing is made at all.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from sqlalchemy import Connection

from certificates.verifying.trust import KeyCustody
from hub.clock import Clock
from hub.issuing.keys.desk import Certified, SigningDesk
from hub.issuing.keys.errors import NoSigningKeyError
from hub.issuing.keys.making import DESK
from hub.issuing.keys.store import KeySlot
from hub.storage.database import Database
from hub.storage.suites import Suite
from signing.x509.pki import Role

_Look = Callable[[Connection], Certified]
_Wanted = Callable[[Connection], tuple[KeySlot, str]]


class FirstNeed:
    """Gives out signers of the suites that pages need beside ES256; SM2, unless another is named."""

    def __init__(self, database: Database, *, desk: SigningDesk, clock: Clock) -> None:
        self._database = database
        self._desk = desk
        self._clock = clock
        self._one = asyncio.Lock()

    async def issuer(self, code: str, type_code: str, *, suite: Suite = Suite.SM2) -> Certified:
        """The department's issuing key for a type; of its own if its ES256 key for the type is (threat S23).

        Raises: SigningKeyError; SuiteUnavailableError: this machine has no SM2; SignerUnavailableError.
        """
        look = partial(self._issuer, code=code, type_code=type_code, suite=suite)
        return await self._had(look, lambda tx: self._beside(tx, code, type_code, suite))

    async def seal_maker(self, issuer: Certified, code: str, organization: str) -> Certified:
        """The key that makes the seals of whoever signs as `issuer`. Raises: as `issuer`."""
        slot = KeySlot("seal", code, Suite.SM2)

        def wanted(_tx: Connection) -> tuple[KeySlot, str]:
            if not issuer.trial:
                raise NoSigningKeyError(slot.name)
            return slot, organization

        return await self._had(lambda tx: self._desk.issuer(tx, code, role="seal", suite=Suite.SM2), wanted)

    async def hub(self, role: Role, *, suite: Suite = Suite.SM2) -> Certified:
        """A key of the hub's own. Raises: as `issuer`."""
        owner = self._desk.owner()
        slot = KeySlot(role, owner.slot.organization_id, suite)

        def wanted(_tx: Connection) -> tuple[KeySlot, str]:
            if not self._desk.hub(role).trial:
                raise NoSigningKeyError(slot.name)
            return slot, owner.organization

        return await self._had(lambda _: self._desk.hub(role, suite=suite), wanted)

    def _issuer(self, tx: Connection, *, code: str, type_code: str, suite: Suite) -> Certified:
        found = self._desk.issuer(tx, code, type_code=type_code, suite=suite)
        if found.scope != self._desk.issuer(tx, code, type_code=type_code).scope:
            raise NoSigningKeyError(found.name)
        return found

    def _beside(self, tx: Connection, code: str, type_code: str, suite: Suite) -> tuple[KeySlot, str]:
        known = self._desk.issuer(tx, code, type_code=type_code)
        slot = KeySlot("issuer", code, suite, known.scope)
        if not known.trial or known.custody is not KeyCustody.HUB:
            raise NoSigningKeyError(slot.name)
        return slot, self._desk.book.find(tx, known.signer.kid).organization

    async def _had(self, look: _Look, wanted: _Wanted) -> Certified:
        try:
            return await self._database.read(look)
        except NoSigningKeyError:
            async with self._one:
                await self._make(look, wanted)
        await self._database.read(self._desk.load)
        return await self._database.read(look)

    async def _make(self, look: _Look, wanted: _Wanted) -> None:
        """Unless it was made while we waited. The key is generated before the transaction: of RSA it takes a second,
        in which nobody else could write. One whose row another process was first to write is left lying; it signs
        nothing.
        """
        desk, owner = self._desk, self._desk.owner()

        def asked(tx: Connection) -> tuple[KeySlot, str] | None:
            slot, organization = wanted(tx)
            there = any(key.slot == slot for key in desk.book.of(tx, slot.role, slot.organization_id))
            return None if there else (slot, organization)

        with suppress(NoSigningKeyError):
            await self._database.read(look)
            return
        if (found := await self._database.read(asked)) is None:
            return
        slot, _ = found
        desk.maker.check_built_in(slot)
        signer = await asyncio.to_thread(desk.maker.prepared, slot, owner.organization, now=self._clock())

        def unit(tx: Connection) -> None:
            now = self._clock()
            desk.book.of(tx, "hub", owner.slot.organization_id, for_update=True)  # one at a time, over all processes
            if (still := asked(tx)) is not None and still[0] == slot:
                drafted = desk.maker.drafted(slot, signer, organization=still[1], now=now)
                desk.book.write(tx, desk.maker.ready(drafted, now=now), "key.made", actor=DESK, now=now)

        await self._database.write(unit)
