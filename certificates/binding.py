"""The binding of renditions: PDF, OFD and metadata of one version carry one digest over what was signed.

Salted, so that nobody who has a rendition can try out claims against it; the salt stays with the original. A purpose
copy never carries it: copies of one licence in two hands are not to be recognised as such.
"""

import secrets
from collections.abc import Mapping
from typing import Any, Final

from signing.canonical import canonical, sha256

SALT_BYTES: Final = 32


def new_salt() -> bytes:
    """A fresh salt, one for each version."""
    return secrets.token_bytes(SALT_BYTES)


def binding(salt: bytes, payload: Mapping[str, Any]) -> bytes:
    """SHA-256 over the salt and the canonical JSON of the licence's claims, disclosures opened; 32 bytes.

    Raises: ValueError: a salt of another length; MalformedError: what is no JSON.
    """
    if len(salt) != SALT_BYTES:
        raise ValueError(f"a salt has {SALT_BYTES} bytes")
    return sha256(salt + canonical(dict(payload)))
