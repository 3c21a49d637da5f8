"""The signing desk: who signs what with which key, under which certificate chain."""

from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, insert, select

from catalog.tables import table
from hub.issuing.tables import KeyCertificateRow
from hub.storage.errors import MissingError
from hub.storage.keystore import KeyStore
from signing.keys import Signer, VerifyingKey
from signing.pki import Role, issue_leaf, new_root, x5c

_CERTIFICATES: Final = table(KeyCertificateRow)
ROOT: Final = "ca"
LEAF_DAYS: Final = 10 * 365
"""A licence without an end date verifies as long as its signer's certificate; until licences carry proven time, that
must be long (decision 0013)."""
ROOT_YEARS: Final = 20
HUB_ROLES: Final[tuple[Role, ...]] = ("hub", "purpose-copy", "status")


@dataclass(frozen=True, slots=True)
class Certified:
    """A signer with the header that carries its chain."""

    signer: Signer
    header: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class KeyCertificate:
    """A stored certificate over a key."""

    kid: str
    role: str
    organization: str
    organization_id: str
    public: VerifyingKey
    chain: tuple[bytes, ...]


class SigningDesk:
    """Gives out certified signers, kept in memory once looked up.

    Private keys stay in the key store; issuing keys are `hub_held` here, which every verdict says.
    """

    def __init__(self, keys: KeyStore, *, public_url: str) -> None:
        self._keys = keys
        self._public_url = public_url
        self._known: dict[str, Certified] = {}

    def issuer_uri(self, organization_id: str) -> str:
        """The `iss` of what a department signs."""
        return f"{self._public_url}/issuers/{organization_id}"

    def signer(self, name: str) -> Signer:
        """A signer without a chain, for tokens that only this hub's own JWKS verifies."""
        return self._keys.signer(name)

    def certified(self, tx: Connection, name: str) -> Certified:
        """The signer of a role or of `issuer/<USCC>`, with its chain. Raises MissingError."""
        known = self._known.get(name)
        if known is None:
            signer = self._keys.signer(name)
            row = find_key_certificate(tx, signer.kid)
            if row is None:
                raise MissingError(f"no certificate over the key of {name}")
            known = self._known[name] = Certified(signer, {"x5c": tuple(x5c(row.chain))})
        return known

    def load(self, tx: Connection) -> None:
        """Look up the hub's own signers; they do not change while it runs."""
        for role in HUB_ROLES:
            self.certified(tx, role)

    def hub(self, role: Role) -> Certified:
        """A signer of the hub's own, looked up by `load`."""
        return self._known[role]

    def issuer(self, tx: Connection, organization_id: str) -> Certified:
        """The department's issuing key."""
        return self.certified(tx, f"issuer/{organization_id}")

    def certify_issuer(self, tx: Connection, *, organization: str, organization_id: str, now: datetime) -> None:
        """Make a department's issuing key and certify it. The key is durable before the row that names it."""
        uri = self.issuer_uri(organization_id)
        self._certify(tx, f"issuer/{organization_id}", "issuer", organization, organization_id, uri, now)

    def certify_hub(self, tx: Connection, *, organization: str, organization_id: str, now: datetime) -> None:
        """Make the built-in root and the hub's own keys. Once, when the hub is made."""
        self._keys.add_authority(ROOT, new_root(f"{organization} root", now=now, years=ROOT_YEARS))
        for role in HUB_ROLES:
            self._certify(tx, role, role, organization, organization_id, self._public_url, now)
        self._keys.create_signer("token")

    def anchors(self) -> tuple[bytes, ...]:
        """The roots a verifier of this hub's licences must trust."""
        return (self._keys.authority(ROOT).certificate,)

    def public_keys(self) -> dict[str, VerifyingKey]:
        """The hub's own keys by kid, for the JWKS: tokens, receipts and bundles."""
        signers = [self._keys.signer(name) for name in ("token", *HUB_ROLES)]
        return {signer.kid: signer.public for signer in signers}

    def _certify(
        self, tx: Connection, name: str, role: Role, organization: str, organization_id: str, uri: str, now: datetime
    ) -> None:
        signer = self._keys.create_signer(name)
        leaf = issue_leaf(
            self._keys.authority(ROOT),
            public=signer.public,
            organization=organization,
            organization_id=organization_id,
            role=role,
            uri=uri,
            now=now - timedelta(minutes=5),
            days=LEAF_DAYS,
        )
        tx.execute(
            insert(_CERTIFICATES).values(
                kid=signer.kid,
                role=role,
                organization=organization,
                organization_id=organization_id,
                jwk=signer.public.jwk,
                chain=[b64encode(leaf).decode()],
                created_at=now,
                not_after=now + timedelta(days=LEAF_DAYS),
            )
        )
        self._known.pop(name, None)


def find_key_certificate(tx: Connection, kid: str) -> KeyCertificate | None:
    """The certificate over this key, ours or a department's, however old."""
    row = tx.execute(select(_CERTIFICATES).where(_CERTIFICATES.c.kid == kid)).one_or_none()
    return None if row is None else _certificate(row)


def _certificate(row: Any) -> KeyCertificate:
    chain = tuple(b64decode(item) for item in row.chain)
    public = VerifyingKey.from_jwk(row.jwk)
    return KeyCertificate(row.kid, row.role, row.organization, row.organization_id, public, chain)
