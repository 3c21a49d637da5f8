"""Making and certifying keys: what they are for, under which name they lie, and whose certificate they get.

A key is durable in its store before the row that names it; one whose row was never committed signs nothing.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, cast

from cryptography import x509
from sqlalchemy import Connection

from certificates.verifying.trust import KeyCustody
from hub.access.actors import Actor
from hub.issuing.keys.errors import BuiltInAuthorityError
from hub.issuing.keys.store import DEPARTMENTAL, KeyBook, KeySlot, KeyState, SigningKey, set_custody
from hub.storage.errors import MissingError
from hub.storage.keystore.port import KeyStore, Place
from hub.storage.suites import Suite
from signing.keys import Signer
from signing.x509.pki import Role, fingerprint, issue_leaf, new_root

ROOT: Final = "ca"
SM2_ROOT: Final = "ca#sm2"
ROOT_YEARS: Final = 20
LEAF_DAYS: Final = 10 * 365
"""A licence without an end date verifies as long as its signer's certificate; until licences carry proven time, that
must be long (decision 0013)."""
HUB_ROLES: Final = ("hub", "purpose-copy", "status")
TOKEN_ROLE: Final = "token"  # noqa: S105  # a role
DESK: Final = Actor("rule", "signing-desk", "signing desk", None, frozenset())
"""Makes the first key of a department that begins to issue, because the catalogue says so."""
_EARLIER: Final = timedelta(minutes=5)
"""Verifiers' clocks may be behind."""


class KeyMaker:
    """Makes keys and their rows."""

    def __init__(self, keys: KeyStore, *, book: KeyBook, public_url: str, refuse_built_in: bool) -> None:
        self._keys = keys
        self._book = book
        self._public_url = public_url
        self._refuse_built_in = refuse_built_in

    def uri(self, slot: KeySlot) -> str:
        """The `iss` of what a key of this slot signs; its certificate must name it."""
        issuing = slot.role in DEPARTMENTAL
        return f"{self._public_url}/issuers/{slot.organization_id}" if issuing else self._public_url

    def certified_role(self, slot: KeySlot) -> Role:
        """What a certificate over a key of this slot lets it do."""
        return cast("Role", slot.role)

    def signer_of(self, key: SigningKey) -> Signer:
        """The private half, wherever it is. Raises: MissingError."""
        return self._keys.signer(key.slot.store_name, key.kid)

    def make_root(self, organization: str, *, now: datetime) -> None:
        """The built-in authority, for trying out."""
        self._keys.add_authority(ROOT, new_root(f"{organization} root", now=now, years=ROOT_YEARS))

    def ensure_root(self, suite: Suite, organization: str, *, now: datetime) -> None:
        """The built-in authority of SM2, which is made when first asked for: no path mixes it with another suite."""
        if suite is not Suite.SM2 or self._refuse_built_in:
            return
        try:
            self._keys.authority(SM2_ROOT)  # `names` may not know yet what another process made
        except MissingError:  # of two processes that find none, the second one's root is not kept
            root = new_root(f"{organization} SM2 root", now=now, years=ROOT_YEARS, alg=suite.alg)
            self._keys.add_authority(SM2_ROOT, root)

    def built_in(self) -> tuple[bytes, ...]:
        """The certificates of the built-in authority."""
        names = self._keys.names()
        return tuple(self._keys.authority(name).certificate for name in (ROOT, SM2_ROOT) if name in names)

    def is_trial(self, key: SigningKey) -> bool:
        """Whether the built-in authority certified it. Before there was a choice, it certified every key."""
        if not key.chain:
            return False
        if key.authority is None:
            return key.row_version == 0
        return key.authority in {fingerprint(certificate) for certificate in self.built_in()}

    def refuses(self, key: SigningKey) -> bool:
        """Whether it signs nothing because of who certified it."""
        return self._refuse_built_in and self.is_trial(key)

    def check_built_in(self, slot: KeySlot) -> None:
        """Raises: BuiltInAuthorityError: this hub refuses it."""
        if self._refuse_built_in:
            raise BuiltInAuthorityError(slot.name)

    def make(
        self, tx: Connection, slot: KeySlot, *, organization: str, now: datetime, actor: Actor = DESK
    ) -> SigningKey:
        """A key in use from now on, certified by the built-in authority; where that is refused, one that waits."""
        key = self.ready(self.drafted(slot, self.new_signer(slot), organization=organization, now=now), now=now)
        return self._book.write(tx, key, "key.made", actor=actor, now=now)

    def ready(self, key: SigningKey, *, now: datetime) -> SigningKey:
        """A drafted key, certified by the built-in authority where that is allowed, else as it is. Not yet written."""
        if key.slot.role == TOKEN_ROLE:
            return replace(key, state=KeyState.ACTIVE)
        return key if self._refuse_built_in else self._certified_here(key, now=now)

    def prepared(self, slot: KeySlot, owner: str, *, now: datetime) -> Signer:
        """A new private key, and the built-in authority that may certify it, which is named after the hub's `owner`.
        Blocks, with RSA for a second; not in a transaction.
        """
        self.ensure_root(slot.suite, owner, now=now)
        return self.new_signer(slot)

    def new_signer(self, slot: KeySlot) -> Signer:
        """A new private key in its store. Not in a transaction that may be run twice, where that can be helped."""
        return self._keys.create_signer(slot.store_name, slot.suite)

    def keep_remote(self, slot: KeySlot, kid: str, reference: bytes) -> None:
        """Remember where a department's key is. Again is no harm: the newest place of a key is the one used."""
        self._keys.add_remote(slot.store_name, kid, reference)

    def tell_custody(self, tx: Connection, slot: KeySlot) -> None:
        """Let the department's row say who holds its issuing keys, as every verdict repeats: the department, if no key
        that signs for it is here.
        """
        if slot.role != "issuer":
            return
        keys = [key for key in self._book.of(tx, slot.role, slot.organization_id) if key.retired_at is None]
        signing = [key for key in keys if key.state is not KeyState.PENDING]
        held = all(key.custody is KeyCustody.DEPARTMENT for key in signing)
        custody = KeyCustody.DEPARTMENT if signing and held else KeyCustody.HUB
        set_custody(tx, slot.organization_id, custody)

    def drafted(self, slot: KeySlot, signer: Signer, *, organization: str, now: datetime) -> SigningKey:
        """A key without a certificate, not yet written."""
        place = self._keys.place(slot.store_name, signer.kid)
        return SigningKey(
            kid=signer.kid,
            slot=slot,
            organization=organization,
            jwk=signer.public.jwk,
            chain=(),
            created_at=now,
            not_after=now + timedelta(days=LEAF_DAYS),
            state=KeyState.PENDING,
            custody=KeyCustody.DEPARTMENT if place is Place.REMOTE else KeyCustody.HUB,
            place=place,
            authority=None,
            active_from=now,
        )

    def _certified_here(self, key: SigningKey, *, now: datetime) -> SigningKey:
        authority = self._keys.authority(SM2_ROOT if key.slot.suite is Suite.SM2 else ROOT)
        leaf = issue_leaf(
            authority,
            public=self.signer_of(key).public,
            organization=key.organization,
            organization_id=key.slot.organization_id,
            role=self.certified_role(key.slot),
            uri=self.uri(key.slot),
            now=now - _EARLIER,
            days=LEAF_DAYS,
        )
        ends = min(now + timedelta(days=LEAF_DAYS), _end_of(authority.certificate))
        root = fingerprint(authority.certificate)
        return replace(key, chain=(leaf,), state=KeyState.ACTIVE, authority=root, not_after=ends)

    def first_token_key(self, owner: SigningKey) -> SigningKey:
        """The token key of a hub that was founded before token keys had rows; `owner` is another key of that hub."""
        slot = KeySlot(TOKEN_ROLE, owner.slot.organization_id)
        signer = self._keys.signer(TOKEN_ROLE, next(iter(self._keys.kids(TOKEN_ROLE)), None))
        key = self.drafted(slot, signer, organization=owner.organization, now=owner.created_at)
        return replace(key, state=KeyState.ACTIVE)


def _end_of(certificate: bytes) -> datetime:
    return x509.load_der_x509_certificate(certificate).not_valid_after_utc
