"""Keyed fingerprints of claims: telling whether a record changed without keeping, or revealing, what it says."""

import hmac
from collections.abc import Mapping
from typing import Final

from signing.canonical import canonical

MIN_KEY_BYTES: Final = 16


def fingerprint(claims: Mapping[str, str | int], key: bytes) -> bytes:
    """Give the HMAC-SHA-256 of the claims' canonical JSON, 32 bytes; the order of the claims does not count.

    Keyed, because the few possible values of a person's record could be tried one after the other against a plain hash.

    Raises: ValueError: a key of less than 16 bytes.
    """
    if len(key) < MIN_KEY_BYTES:
        raise ValueError(f"a fingerprint key has at least {MIN_KEY_BYTES} bytes")
    return hmac.digest(key, canonical(dict(claims)), "sha256")
