"""Which certificates of keys their authorities took back, as far as the lists that are here say.

The lists are read again only where a row says that one is new; every process looks with each reading of the keys.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from sqlalchemy import Connection

from hub.issuing.keys.crl_store import read_crl_of, read_lists
from hub.issuing.keys.store import SigningKey
from hub.storage.vault import Vault
from signing.x509.crl import Revocation, revocation_lists
from signing.x509.pki import fingerprint

_NOTHING: Final[dict[str, bytes]] = {}


class KnownLists:
    """The lists as of the last `load`."""

    def __init__(self) -> None:
        self._by_digest: dict[str, bytes] = _NOTHING

    def load(self, tx: Connection, vault: Vault) -> None:
        """See what is new. Raises: IntegrityBrokenError."""
        known = self._by_digest
        self._by_digest = {
            item.digest: known.get(item.digest) or read_crl_of(tx, item)
            for item in read_lists(tx, vault)
            if item.digest
        }

    def ders(self) -> tuple[bytes, ...]:
        """The lists themselves."""
        return tuple(self._by_digest.values())


def revocation_of(
    chain: Sequence[bytes], authority: str | None, anchors: Iterable[bytes], crls: Sequence[bytes]
) -> Revocation | None:
    """Whether any certificate of a key's chain is on one of these lists. `authority`: the fingerprint of its root."""
    if not chain or not crls:
        return None
    roots = [anchor for anchor in anchors if authority is not None and fingerprint(anchor) == authority]
    return revocation_lists(tuple(crls)).revocation((*chain, *roots))


def revoked_keys(
    keys: Iterable[SigningKey], anchors: Sequence[bytes], crls: Sequence[bytes]
) -> dict[str, tuple[SigningKey, Revocation]]:
    """Those of these keys whose certificate was taken back, by kid."""
    found = ((key, revocation_of(key.chain, key.authority, anchors, crls)) for key in keys)
    return {key.kid: (key, revocation) for key, revocation in found if revocation is not None}
