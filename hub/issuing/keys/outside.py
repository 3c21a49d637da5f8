"""Keys that somebody outside has a part in: an authority that certifies them, a department that keeps one itself."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from hub.access.actors import Actor, Role
from hub.clock import rfc3339
from hub.issuing.keys.anchors_store import read_anchors
from hub.issuing.keys.chain import Certification, certification
from hub.issuing.keys.crl_store import read_crl_of, read_lists
from hub.issuing.keys.errors import CertificateRevokedError, KeyRuleError
from hub.issuing.keys.revoked import revocation_of
from hub.issuing.keys.room import KeyRoom, KeyView, newest
from hub.issuing.keys.store import DEPARTMENTAL, KeySlot, KeyState, SigningKey
from hub.storage.keystore.link import RemotePlace
from hub.storage.keystore.remote import RemoteSigner
from hub.storage.suites import Suite
from hub.storage.vault import Vault
from signing.pem import wrap
from signing.x509.csr import make_csr


class OutsideService:
    """For the operator, at the machine that holds the key store."""

    def __init__(self, room: KeyRoom, *, vault: Vault) -> None:
        self._room = room
        self._vault = vault

    async def request(self, actor: Actor, name: str, *, suite: Suite = Suite.ES256) -> tuple[KeyView, bytes]:
        """A request for a certificate (PKCS #10, PEM) over the key that waits for one; made if none waits.

        The key signs nothing before `install`. Raises: MissingError; SignerUnavailableError.
        """
        actor.require(Role.OPERATOR)
        slot, organization = await self._room.database.read(lambda tx: self._room.slot(tx, name, suite))
        waiting = await self._room.database.read(lambda tx: self._room.waiting(tx, slot))
        if waiting is None:
            signer = await asyncio.to_thread(self._room.desk.maker.new_signer, slot)

            def unit(tx: Connection) -> SigningKey:
                known, now = self._room.waiting(tx, slot, held=True), self._room.clock()
                if known is not None:
                    return known
                key = self._room.desk.maker.drafted(slot, signer, organization=organization, now=now)
                return self._room.desk.book.write(tx, key, "key.made", actor=actor, now=now)

            waiting = await self._room.database.write(unit)
        maker = self._room.desk.maker
        made = await asyncio.to_thread(
            make_csr,
            maker.signer_of(waiting),
            waiting.organization,
            slot.organization_id,
            role=maker.certified_role(slot),
            uri=maker.uri(slot),
        )
        return self._room.view(waiting, self._room.clock()), wrap(made, "CERTIFICATE REQUEST")

    async def install(
        self, actor: Actor, name: str, chain: bytes, *, suite: Suite = Suite.ES256, begins: datetime | None = None
    ) -> KeyView:
        """Take a chain from an authority outside, and sign under it: with the key that waited, or the one in use.

        Checked: the chain leads to a root that an operator named, in its dates; the leaf certifies exactly our key for
        this organisation, this role and this URI. Nothing was changed when one of it does not hold.

        Raises: ChainError, MalformedError, KeyRuleError; CertificateRevokedError: it is on a list already.
        """
        actor.require(Role.OPERATOR)
        slot, _ = await self._room.database.read(lambda tx: self._room.slot(tx, name, suite))

        def unit(tx: Connection) -> SigningKey:
            now = self._room.clock()
            anchors = [item for item in read_anchors(tx, self._vault) if item.trusted]
            keys, maker = self._room.of(tx, slot, held=True), self._room.desk.maker
            found = certification(
                chain, slot, keys[::-1], anchors, role=maker.certified_role(slot), uri=maker.uri(slot), now=now
            )
            key, authority = found.key, found.anchor.fingerprint
            self._refuse_revoked(tx, slot, found)
            certified = replace(key, chain=found.chain, authority=authority, not_after=found.leaf.not_after)
            fresh = key.state is KeyState.PENDING
            if fresh:
                old = newest([item for item in keys if item.state is not KeyState.PENDING])
                start = now if old is None else self._room.begin(slot, old, begins, now)
                certified = replace(certified, state=KeyState.ACTIVE, active_from=start)
                if old is not None:
                    self._room.retire(tx, old, certified, start, actor, now)
            written = self._room.desk.book.write(tx, certified, "key.certified", actor=actor, now=now, anchor=authority)
            self._room.desk.maker.tell_custody(tx, slot)
            return written

        return await self._room.changed(unit)

    def _refuse_revoked(self, tx: Connection, slot: KeySlot, found: Certification) -> None:
        lists = [read_crl_of(tx, item) for item in read_lists(tx, self._vault) if item.digest]
        revocation = revocation_of(found.chain, found.anchor.fingerprint, [found.anchor.certificate], lists)
        if revocation is not None:
            raise CertificateRevokedError(slot.name, rfc3339(revocation.since), revocation.reason)

    async def attach(
        self, actor: Actor, name: str, url: str, files: Sequence[str], *, compared: str, reason: str
    ) -> KeyView:
        """Sign with a key that its department keeps, from now on; the key before it goes on verifying.

        Args:
            files: PEM: the authority of the signer's server, the hub's own certificate and its key.
            compared: the key's thumbprint, which came by another way than the network.
        Raises: KeyRuleError: another key answers there, or it is not a department's; SignerUnavailableError.
        """
        actor.require(Role.OPERATOR)
        if not url.startswith("https://"):
            raise KeyRuleError(name, "the department's signer is reached by https")
        place = RemotePlace(url.rstrip("/"), *files)
        signer = await asyncio.to_thread(RemoteSigner.discover, place)
        if signer.public.thumbprint != compared:
            raise KeyRuleError(name, f"another key answers there: {signer.public.thumbprint}")
        suite = next(item for item in Suite if item.alg == signer.alg)
        slot, organization = await self._room.database.read(lambda tx: self._room.slot(tx, name, suite))
        if slot.role not in DEPARTMENTAL:
            raise KeyRuleError(name, "only departments keep keys of their own")
        await asyncio.to_thread(self._room.desk.maker.keep_remote, slot, signer.kid, signer.reference())

        def unit(tx: Connection) -> SigningKey:
            now = self._room.clock()
            if any(key.kid == signer.kid for key in self._room.desk.book.all(tx)):
                raise KeyRuleError(name, "this key is known already")
            old = newest([key for key in self._room.of(tx, slot, held=True) if key.state is not KeyState.PENDING])
            key = self._room.desk.maker.drafted(slot, signer, organization=organization, now=now)
            key = self._room.desk.maker.ready(key, now=now)
            if old is not None and old.chain and not self._room.desk.maker.is_trial(old):
                key = replace(key, state=KeyState.PENDING, chain=(), authority=None)  # no fall back to the built-in one
            if old is not None and key.state is KeyState.ACTIVE:
                self._room.retire(tx, old, key, now, actor, now)
            written = self._room.desk.book.write(tx, key, "key.attached", actor=actor, now=now, reason=reason)
            self._room.desk.maker.tell_custody(tx, slot)
            return written

        return await self._room.changed(unit)
