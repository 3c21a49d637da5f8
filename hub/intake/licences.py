"""Licences of the library, opened: decrypted, and verified under the key that signed them."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from certificates.stores.version import HeldVersion
from hub.issuing.drafting import document_place
from hub.issuing.keys.desk import find_key_certificate
from hub.storage.errors import IntegrityBrokenError
from hub.storage.vault import Vault
from signing import sd_jwt
from signing.errors import SigningError
from signing.keys import VerifyingKey


class Licences:
    """Opens licences; remembers the keys that issued them, whose certificates never change."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._keys: dict[str, VerifyingKey] = {}

    def unknown(self, kids: set[str]) -> set[str]:
        """Issuing keys not seen before."""
        return kids - self._keys.keys()

    def learn_keys(self, tx: Connection, kids: set[str]) -> None:
        """Look up issuing keys not seen before."""
        for kid in self.unknown(kids):
            found = find_key_certificate(tx, kid)
            if found is not None:
                self._keys[kid] = found.public

    def claims(self, held: HeldVersion) -> Mapping[str, Any]:
        """What a licence says. Its issuing key must have been learnt.

        Raises: IntegrityBrokenError, SigningError, KeyError: it does not verify.
        """
        record, keeper = held.record, held.kept_by
        key = self._vault.data_key(keeper.data_key, keeper.kek_kid)
        token = key.decrypt(document_place(record.id), record.document)
        return sd_jwt.verify(token, key=self._keys[record.signing_kid]).claims

    def content(self, held: HeldVersion) -> Mapping[str, Any] | None:
        """The same; None for one that does not verify: whoever makes a copy of it raises the alarm."""
        try:
            return self.claims(held)
        except (IntegrityBrokenError, SigningError, KeyError):
            return None
