"""Whose keys signed the parts of an archive: chains to the verifier's own roots, judged at a proven time.

A signature in an archive was made at some time between the entry that it belongs to and the time-stamp over everything.
Its certificate must have been in force at one of these two: a key may have been replaced in between.
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from certificates.errors import ArchiveError
from signing.canonical import canonical, strict_loads
from signing.errors import ChainError, MalformedError, SigningError
from signing.jose import read_header
from signing.x509.leaf import Leaf, Role
from signing.x509.pki import chain_from_header, validate_chain

MAX_TOKEN_BYTES: Final = 16 * 1024 * 1024
"""An answer of four megabytes under its signature, in base64url, and what is around it."""
_MAX_KEYS_BYTES: Final = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class KeyCertificates:
    """Certificates over keys that an archive names by `kid`, because the tokens that they signed carry none."""

    chains: Mapping[str, tuple[bytes, ...]]
    anchors: tuple[bytes, ...]
    hub: str
    """URI of the hub whose keys they all must be: another hub may be certified under the same roots."""

    @classmethod
    def read(cls, data: bytes, *, anchors: tuple[bytes, ...], hub: str) -> "KeyCertificates":
        """Read the file of `keys_file`. Raises: ArchiveError ("keys")."""
        try:
            listed = strict_loads(data, max_bytes=_MAX_KEYS_BYTES)["keys"]
            chains = {
                str(item["kid"]): tuple(base64.b64decode(text, validate=True) for text in item["chain"])
                for item in listed
            }
        except (SigningError, KeyError, TypeError, ValueError, AttributeError, binascii.Error) as error:
            raise ArchiveError("keys") from error
        return cls(chains, anchors, hub)

    def by_header(self, token: str | bytes, *, role: Role, times: Sequence[datetime]) -> Leaf:
        """Whose key signed a token that brings its chain along. Raises: SigningError; ChainError ("role")."""
        return self._leaf(chain_from_header(read_header(token, max_bytes=MAX_TOKEN_BYTES)), role, times)

    def by_kid(self, token: str | bytes, *, role: Role, times: Sequence[datetime]) -> Leaf:
        """Whose key signed a token that only names its key. Raises: SigningError; ChainError ("unknown", "role")."""
        kid = read_header(token, max_bytes=MAX_TOKEN_BYTES).get("kid")
        if not isinstance(kid, str) or kid not in self.chains:
            raise ChainError("unknown")
        leaf = self._leaf(self.chains[kid], role, times)
        if leaf.public.kid != kid:  # the name is the key's own thumbprint
            raise ChainError("unknown")
        return leaf

    def _leaf(self, chain: Sequence[bytes], role: Role, times: Sequence[datetime]) -> Leaf:
        refused: ChainError | None = None
        for moment in times:
            try:
                leaf = validate_chain(chain, anchors=self.anchors, now=moment)
            except ChainError as error:
                refused = refused or error
                continue
            if role not in leaf.roles or self.hub not in leaf.uris:
                raise ChainError("role")
            return leaf
        raise refused or MalformedError("time")


def keys_file(keys: Sequence[Mapping[str, Any]]) -> bytes:
    """The file of the keys: `kid`, `role`, `organization`, `organization_id`, `chain` (base64 DER, leaf first)."""
    return canonical({"keys": sorted((dict(key) for key in keys), key=lambda key: str(key["kid"]))})
