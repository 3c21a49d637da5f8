"""The signing desk: who signs what with which key, under which certificate chain.

Which key is in use is said by rows, which every process reads again: a rotated or stopped key is noticed without a
restart, by the issuing of licences at its next batch, by the hub's own signatures within the round of housekeeping.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection

from certificates.verifying.trust import KeyCustody
from hub.clock import Clock, rfc3339, utc_now
from hub.issuing.keys.anchors_store import trusted_anchors
from hub.issuing.keys.certificates import KeyCertificate, find_key_certificate
from hub.issuing.keys.errors import (
    BuiltInAuthorityError,
    CertificateEndedError,
    CertificateRevokedError,
    KeyScopeError,
    KeyStoppedError,
    NoSigningKeyError,
    NotCertifiedError,
)
from hub.issuing.keys.making import HUB_ROLES, TOKEN_ROLE, KeyMaker
from hub.issuing.keys.revoked import KnownLists, revoked_keys
from hub.issuing.keys.store import DEPARTMENTAL, KeyBook, KeySlot, KeyState, SigningKey
from hub.storage.errors import MissingError
from hub.storage.keystore.port import KeyStore, Place
from hub.storage.suites import Suite
from hub.storage.vault import Vault
from signing.keys import Signer, VerifyingKey
from signing.x509.crl import Revocation
from signing.x509.pki import Role, x5c

__all__ = ["Certified", "KeyCertificate", "SigningDesk", "find_key_certificate"]
JWKS_AGE: Final = timedelta(minutes=5)
"""How long anybody may keep the key set; a new key of the hub is in it for longer before it signs."""
TOKEN_OVERLAP: Final = timedelta(hours=24)
"""A replaced token key is published that long: longer than any token lives."""


@dataclass(frozen=True, slots=True)
class Certified:
    """A signer with the header that carries its chain.

    Attributes:
        trial: the chain leads to the built-in authority: whatever it signs is marked as for trying out.
        scope: the only type of licences that it signs; empty for all but `others`, which have keys of their own.
    """

    signer: Signer
    header: Mapping[str, Any]
    chain: tuple[bytes, ...] = ()
    trial: bool = True
    custody: KeyCustody = KeyCustody.HUB
    place: Place = Place.FILE
    name: str = ""
    scope: str = ""
    others: frozenset[str] = field(default=frozenset())

    def about(self, **summary: str | int) -> Signer:
        """The signer for one object, which tells a department that keeps its key what it is: `kind`, and what else
        people should read. Its `sign` raises SignatureWaitingError until they approved.
        """
        described = getattr(self.signer, "about", None)
        return self.signer if described is None else described(summary)

    def check_type(self, type_code: str) -> None:
        """Whether it signs licences of this type. Raises: KeyScopeError."""
        if type_code in self.others if not self.scope else type_code != self.scope:
            raise KeyScopeError(self.name)


class SigningDesk:
    """Gives out certified signers. Private keys stay where they are: in the key store, a token, at a department."""

    def __init__(
        self,
        keys: KeyStore,
        *,
        vault: Vault,
        book: KeyBook,
        public_url: str,
        clock: Clock = utc_now,
        refuse_built_in: bool = False,
    ) -> None:
        self.book = book
        self.maker = KeyMaker(keys, book=book, public_url=public_url, refuse_built_in=refuse_built_in)
        self._keys = keys
        self._vault = vault
        self._clock = clock
        self._refuse_built_in = refuse_built_in
        self._own: dict[str, list[SigningKey]] = {}
        self._in_use: tuple[SigningKey, ...] = ()
        self._anchors: tuple[bytes, ...] = ()
        self._compromised: dict[str, datetime] = {}
        self._lists = KnownLists()
        self._revoked: dict[str, Revocation] = {}
        self._certified: dict[tuple[str, int, frozenset[str]], Certified] = {}

    def issuer_uri(self, organization_id: str) -> str:
        """The `iss` of what a department signs."""
        return self.maker.uri(KeySlot("issuer", organization_id))

    def load(self, tx: Connection) -> None:
        """Look up the hub's own keys and the roots it trusts; again whenever somebody may have changed them.

        Raises: MissingError when this home has not the keys that the database names; IntegrityBrokenError.
        """
        own: dict[str, list[SigningKey]] = {}
        compromised = {}
        keys = self.book.all(tx)
        for key in keys:
            if key.state is KeyState.COMPROMISED and key.compromised_since is not None:
                compromised[key.kid] = key.compromised_since
            if key.slot.role not in DEPARTMENTAL:
                own.setdefault(key.slot.role, []).append(key)
        for role in HUB_ROLES:
            if role not in own:
                raise MissingError(f"no certificate over the key of {role}")
        if TOKEN_ROLE not in own:
            own[TOKEN_ROLE] = [self.maker.first_token_key(own["hub"][-1])]
        for key in [keys[-1] for keys in own.values()]:
            self.maker.signer_of(key)
        anchors = trusted_anchors(tx, self._vault)
        self._lists.load(tx, self._vault)
        revoked = revoked_keys(keys, anchors, self._lists.ders())
        self._revoked = {kid: revocation for kid, (_, revocation) in revoked.items()}
        self._own, self._compromised = own, compromised
        self._in_use = tuple(key for key in keys if key.state is KeyState.ACTIVE)
        self._anchors = anchors if self._refuse_built_in else (*self.maker.built_in(), *anchors)

    def owner(self) -> SigningKey:
        """A key of the hub itself, for its organisation; as of the last `load`."""
        return self._own["hub"][-1]

    def hub(self, role: Role, *, suite: Suite = Suite.ES256) -> Certified:
        """A signer of the hub's own, as of the last `load`. Raises: SigningKeyError."""
        return self._certify(self._choose([key for key in self._own.get(role, []) if key.slot.suite is suite], role))

    def token_signer(self) -> Signer:
        """The key that signs access tokens; only this hub's own key set verifies it. Raises: SigningKeyError."""
        return self.maker.signer_of(self._choose(self._own.get(TOKEN_ROLE, []), TOKEN_ROLE))

    def token_keys(self) -> dict[str, VerifyingKey]:
        """Every key whose tokens are accepted, by kid."""
        return self._published(TOKEN_ROLE)

    def issuer(
        self,
        tx: Connection,
        organization_id: str,
        *,
        role: Role = "issuer",
        type_code: str | None = None,
        suite: Suite = Suite.ES256,
    ) -> Certified:
        """The department's issuing key, or the one that it has for this type alone; or its key of another role.

        Raises: SigningKeyError.
        """
        keys = [key for key in self.book.of(tx, role, organization_id) if key.slot.suite is suite]
        others = frozenset(key.slot.scope for key in keys if key.slot.scope)
        scope = type_code if type_code in others else ""
        chosen = self._choose([key for key in keys if key.slot.scope == scope], f"{role}/{organization_id}")
        return self._certify(chosen, others)

    def check_usable(self, tx: Connection, kids: Iterable[str]) -> None:
        """Before signatures by these keys are stored: whoever stops one waits for this transaction, or is seen here.

        Raises: KeyStoppedError.
        """
        for key in self.book.hold(tx, kids):
            if key.state in {KeyState.STOPPED, KeyState.COMPROMISED}:
                raise KeyStoppedError(key.slot.name)

    def certify_issuer(self, tx: Connection, *, organization: str, organization_id: str, now: datetime) -> None:
        """Make a department's issuing key and certify it. The key is durable before the row that names it.

        Where the built-in authority is refused, the key waits for a certificate from outside, and signs nothing.
        """
        self.maker.make(tx, KeySlot("issuer", organization_id), organization=organization, now=now)

    def certify_hub(self, tx: Connection, *, organization: str, organization_id: str, now: datetime) -> None:
        """Make the built-in root and the hub's own keys. Once, when the hub is made."""
        self.maker.make_root(organization, now=now)
        for role in (*HUB_ROLES, TOKEN_ROLE):
            self.maker.make(tx, KeySlot(role, organization_id), organization=organization, now=now)

    def anchors(self) -> tuple[bytes, ...]:
        """The roots a verifier of this hub's licences must trust, as of the last `load`: the built-in one, unless it is
        refused, and those that an operator named.
        """
        return self._anchors

    def compromised(self) -> dict[str, datetime]:
        """Keys, by kid, that are not to be believed for what they signed since an instant; as of the last `load`."""
        return dict(self._compromised)

    def ending(self) -> list[str]:
        """Keys in use, by name, that cannot sign much longer, or no more, and that nothing is to take the place of; as
        of the last `load`, by the clock of now.
        """
        now = self._clock()
        return sorted({key.slot.name for key in self._in_use if key.ends(now)})

    def crls(self) -> tuple[bytes, ...]:
        """The newest revocation lists of authorities outside, DER, each of its own authority; as of the last `load`."""
        return self._lists.ders()

    def public_keys(self) -> dict[str, VerifyingKey]:
        """The hub's own keys by kid, for the JWKS: tokens, receipts and bundles. Those in use, those about to be used,
        and those that were replaced, for what they signed; never one that was stopped.
        """
        found: dict[str, VerifyingKey] = {}
        for role in (TOKEN_ROLE, *HUB_ROLES):
            found |= self._published(role)
        return found

    def _published(self, role: str) -> dict[str, VerifyingKey]:
        now, found = self._clock(), {}
        for key in self._own.get(role, []):
            end = key.not_after if role != TOKEN_ROLE or key.retired_at is None else key.retired_at + TOKEN_OVERLAP
            stopped = key.state in {KeyState.STOPPED, KeyState.COMPROMISED}
            if not stopped and now < end and key.slot.suite is Suite.ES256:
                # From the key store, not from the row: a key that somebody wrote there is not ours.
                found[key.kid] = self.maker.signer_of(key).public
        return found

    def _choose(self, keys: Sequence[SigningKey], name: str) -> SigningKey:
        now = self._clock()
        made = [key for key in keys if key.state is not KeyState.PENDING and key.signs_at(now)]
        if not made:
            raise NotCertifiedError(name) if keys else NoSigningKeyError(name)
        key = made[-1]
        if (taken_back := self._revoked.get(key.kid)) is not None:
            raise CertificateRevokedError(name, rfc3339(taken_back.since), taken_back.reason)
        if key.state is not KeyState.ACTIVE:
            raise KeyStoppedError(name)
        if self.maker.refuses(key):
            raise BuiltInAuthorityError(name)
        if key.not_after < now:  # no verifier would believe it, and what it signed meanwhile would be lost
            trial = self.maker.is_trial(key) or key.slot.role == TOKEN_ROLE
            raise CertificateEndedError(name, rfc3339(key.not_after), trial=trial)
        return key

    def _certify(self, key: SigningKey, others: frozenset[str] = frozenset()) -> Certified:
        wanted = key.kid, key.row_version, others
        known = self._certified.get(wanted)
        if known is None:
            known = self._certified[wanted] = Certified(
                self.maker.signer_of(key),
                {"x5c": tuple(x5c(key.chain))},
                chain=key.chain,
                trial=self.maker.is_trial(key),
                custody=key.custody,
                place=key.place,
                name=key.slot.name,
                scope=key.slot.scope,
                others=others,
            )
        return known
