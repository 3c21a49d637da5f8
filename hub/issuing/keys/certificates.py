"""Stored certificates over keys, however old: for verifying what they signed. Public; nothing here decides who signs.

Not held against their guard: what they are asked about stands sealed for its row, or carries its own chain, which is
followed to a root like anybody's.
"""

from base64 import b64decode
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, select

from catalog.tables import table
from hub.issuing.tables import KeyCertificateRow
from signing.keys import VerifyingKey
from signing.suites import key_from_jwk

_CERTIFICATES: Final = table(KeyCertificateRow)


@dataclass(frozen=True, slots=True)
class KeyCertificate:
    """A stored certificate over a key."""

    kid: str
    role: str
    organization: str
    organization_id: str
    public: VerifyingKey
    chain: tuple[bytes, ...]


def find_key_certificate(tx: Connection, kid: str) -> KeyCertificate | None:
    """The certificate over this key, ours or a department's, however old."""
    row = tx.execute(select(_CERTIFICATES).where(_CERTIFICATES.c.kid == kid)).one_or_none()
    return None if row is None else _certificate(row)


def _certificate(row: Any) -> KeyCertificate:
    chain = tuple(b64decode(item) for item in row.chain)
    public = key_from_jwk(row.jwk)
    return KeyCertificate(row.kid, row.role, row.organization, row.organization_id, public, chain)
