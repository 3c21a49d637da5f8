"""Which key signed a licence: under a MAC of its own, or else by what the stored token itself says.

The column alone decides nothing: whoever can write the database would spare a licence from the revocation after a
stolen key by naming another one, and would keep it off the list of what that key touched.
"""

import hmac
from collections.abc import Iterable, Mapping
from typing import Any

import structlog
from sqlalchemy import Connection

from certificates.stores import holders as holder_store
from certificates.stores.version import VersionRecord
from hub.issuing.drafting import document_place
from hub.storage.errors import IntegrityBrokenError
from hub.storage.vault import Vault
from signing.canonical import sha256
from signing.errors import SigningError
from signing.sd_jwt import split
from signing.x509.pki import chain_from_header, leaf_key

_log = structlog.get_logger(__name__)


def guarded_results(vault: Vault, results: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rows of results with the MAC over which key signed which version."""
    return [{**item, "mac": vault.row_mac(_meaning(item["row"], item["kid"]))} for item in results]


def names_its_key(vault: Vault, version: VersionRecord) -> bool:
    """Whether the row names the key that signed it under a right MAC; no release before 0004 wrote one."""
    right = vault.row_mac(_meaning(version.id, version.signing_kid))
    return version.signing_mac is not None and hmac.compare_digest(right, version.signing_mac)


def signed_by(tx: Connection, vault: Vault, version: VersionRecord) -> str | None:
    """The thumbprint of the key that signed this version; None: nobody has.

    Where no MAC vouches for the row the token is opened. One that cannot be, since its holder was erased or somebody
    damaged it, goes by its row: it can be shown to nobody.
    """
    if names_its_key(vault, version):
        return version.signing_kid
    if version.signing_mac is not None:
        _log.error("guarded_row_broken", alarm=True, where="certificate_versions", version=version.id)
    try:
        subject = holder_store.subject_by_id(tx, version.subject_id)
        key = vault.data_key(subject.data_key, subject.kek_kid)
        plain = key.decrypt(document_place(version.id), version.document)
        if sha256(plain) == version.payload_digest:
            return None  # an intent, or an index record: what is to be signed, not what was
        return leaf_key(chain_from_header(split(plain).jws.header)[0]).thumbprint
    except (IntegrityBrokenError, SigningError) as error:
        _log.warning("signer_not_read", version=version.id, error=type(error).__name__)
        return version.signing_kid or None


def _meaning(version_id: str, kid: str) -> bytes:
    return f"signed\x1f{version_id}\x1f{kid}".encode()
