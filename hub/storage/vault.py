"""Encryption at rest: KEK → one data key per subject or case → AES-256-GCM bound to table, row and column.

Look-ups and names use a separate HMAC key: a citizen ID has fewer than 2^37 values, so a plain hash falls in minutes
(threat S16). Nothing here touches the database; wrapped keys and ciphertext are the caller's to store.
"""

import hmac
import secrets
from collections import OrderedDict
from functools import lru_cache
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from hub.storage.errors import IntegrityBrokenError, MissingError
from hub.storage.keystore.port import KeyStore

SECRET_NAMES: Final = ("kek", "lookup", "mac", "fingerprint", "permutation", "cursor")
_CACHED_KEYS: Final = 10_000
_NONCE_BYTES: Final = 12


class DataKey:
    """The key of one subject or case."""

    __slots__ = ("_cipher", "kek_kid", "wrapped")

    def __init__(self, key: bytes, *, wrapped: bytes, kek_kid: str) -> None:
        self._cipher = AESGCM(key)
        self.wrapped = wrapped
        self.kek_kid = kek_kid

    def encrypt(self, where: str, plaintext: bytes) -> bytes:
        """Seal `plaintext` for one place, written `table:row:column`; it opens nowhere else."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, plaintext, where.encode())

    def decrypt(self, where: str, sealed: bytes) -> bytes:
        """Open what was sealed for this place. Raises IntegrityBrokenError for anything else."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], where.encode())
        except (InvalidTag, ValueError) as error:
            raise IntegrityBrokenError(where.split(":", 1)[0]) from error


class Vault:
    """Keyed hashes, row MACs and data keys, over a key store."""

    def __init__(self, keys: KeyStore) -> None:
        self._keys = keys
        self._kek = keys.secret("kek")
        self._lookup = keys.secret("lookup")
        self._mac = keys.secret("mac").value
        self._fingerprint = keys.secret("fingerprint").value
        self.permutation_key = keys.secret("permutation").value
        self._open_keys: OrderedDict[bytes, DataKey] = OrderedDict()
        self.lookup_kid = self._lookup.kid
        self._kek_cipher = lru_cache(8)(lambda kid: AESGCM(keys.secret("kek", kid).value))

    def lookup_hash(self, *parts: str) -> bytes:
        """The keyed hash by which a row is found without storing what it hashes."""
        return hmac.digest(self._lookup.value, "\x00".join(parts).encode(), "sha256")

    def fingerprint_key(self) -> bytes:
        """The key of the change fingerprints of collected rows."""
        return self._fingerprint

    def row_mac(self, meaning: bytes) -> bytes:
        """The MAC over a guarded row's meaning columns."""
        return hmac.digest(self._mac, meaning, "sha256")

    def check_row_mac(self, meaning: bytes, mac: bytes, *, where: str) -> None:
        """Raises IntegrityBrokenError when the row was changed by anyone without the key (threat S9)."""
        if not hmac.compare_digest(self.row_mac(meaning), mac):
            raise IntegrityBrokenError(where)

    def new_data_key(self) -> DataKey:
        """A fresh data key, wrapped under the newest KEK."""
        key = secrets.token_bytes(32)
        nonce = secrets.token_bytes(_NONCE_BYTES)
        cipher = self._kek_cipher(self._kek.kid)
        return DataKey(key, wrapped=nonce + cipher.encrypt(nonce, key, b"data-key"), kek_kid=self._kek.kid)

    def data_key(self, wrapped: bytes, kek_kid: str) -> DataKey:
        """Unwrap a stored data key. Raises IntegrityBrokenError when it is not one of ours."""
        known = self._open_keys.get(wrapped)
        if known is not None:
            self._open_keys.move_to_end(wrapped)
            return known
        try:
            key = self._kek_cipher(kek_kid).decrypt(wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:], b"data-key")
        except (InvalidTag, ValueError, MissingError) as error:
            raise IntegrityBrokenError("data key") from error
        opened = DataKey(key, wrapped=wrapped, kek_kid=kek_kid)
        self._open_keys[wrapped] = opened
        if len(self._open_keys) > _CACHED_KEYS:
            self._open_keys.popitem(last=False)
        return opened
