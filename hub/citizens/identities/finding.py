"""Whose pseudonym it is: by its keyed hash, believed by its MAC, and only while a record of ours confirms him."""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row

from certificates.stores.holders import Subject
from hub.citizens.confirming import Confirming
from hub.citizens.errors import HolderSignInNeededError
from hub.citizens.identities import store
from hub.citizens.identities.vouching import Vouched, Voucher
from hub.citizens.present import lock_holder
from hub.citizens.values import Identity, Level
from hub.ledger.guards import settled
from hub.ledger.spent import id_of
from hub.storage.errors import IntegrityBrokenError
from hub.storage.vault import Vault
from signing.canonical import canonical, strict_loads

_REMEMBERED: Final = timedelta(days=1)
"""Longer than any answer is good for: a voucher that comes again is refused without asking what it would say."""


@dataclass(frozen=True, slots=True)
class Found:
    """The person, and how surely: no surer than the service says, nor than he was when he bound it."""

    subject: Subject
    identity: Identity = field(repr=False)
    level: Level
    binding_id: str | None


class Finding:
    """Finds persons by what the service at `issuer` vouches for."""

    def __init__(self, *, vault: Vault, confirming: Confirming, issuer: str, production: bool) -> None:
        self._vault = vault
        self._confirming = confirming
        self._issuer = issuer
        self._production = production

    def use(self, tx: Connection, voucher: Voucher, vouched: Vouched, now: datetime) -> bool:
        """Whether voucher and answer are both here for the first time; they are used up."""
        said = (f"voucher:{voucher.text}", f"answer:{self._issuer}:{vouched.transaction}")
        digests = [hashlib.sha256(each.encode()).hexdigest() for each in said]
        return store.use(tx, digests, self.once(voucher), now + _REMEMBERED, now)

    def once(self, voucher: Voucher) -> str:
        """The id under which the ledger says that by this voucher somebody came in, or a case was opened."""
        return id_of(self._vault, "voucher", voucher.text)

    def digest(self, vouched: Vouched) -> bytes:
        """The keyed hash under which a pseudonym is bound; the service's address in it keeps two services apart."""
        return self._vault.lookup_hash("network-id", self._issuer, vouched.pseudonym)

    def bound(self, tx: Connection, vouched: Vouched) -> Row[Any] | None:
        """The binding of a pseudonym. Raises: IntegrityBrokenError: a row that the hub did not write."""
        return settled(lambda: store.by_pseudonym(tx, self._vault, self.digest(vouched)))

    def confirmed(self, tx: Connection, given: Identity, now: datetime) -> Subject | None:
        """Whom a record of ours confirms by number and name."""
        return self._confirming.find(tx, given, now)

    def person(self, tx: Connection, vouched: Vouched, now: datetime) -> Found | None:
        """Whom it is bound to, or who the service itself says it is, where it is asked that; None alike for an unknown
        pseudonym, the dead, the erased and whom the register knows by another name by now.

        Raises: IntegrityBrokenError.
        """
        row = self.bound(tx, vouched)
        if row is None:
            subject = self._confirming.find(tx, vouched.identity, now) if vouched.identity else None
            return Found(subject, vouched.identity, vouched.level, None) if subject and vouched.identity else None
        if row.trial and self._production:
            return None
        key = self._vault.data_key(row.data_key, row.kek_kid)
        try:
            plain = key.decrypt(place(row.id), row.content)
        except IntegrityBrokenError:  # erased since, and the row put back: his key is another one
            return None
        given = Identity(**strict_loads(plain, max_bytes=len(plain)))
        subject = self._confirming.find(tx, given, now)
        if subject is None or subject.id != row.subject_id:
            return None
        return Found(subject, given, Level(min(vouched.level, row.level)), row.id)

    def held(self, tx: Connection, vouched: Vouched, now: datetime) -> Found | None:
        """The same, and so he stays until the transaction ends: a release or an erasure that goes on at this moment is
        waited for, and counts. Raises: IntegrityBrokenError.
        """
        found = self.person(tx, vouched, now)
        if found is None:
            return None
        try:
            lock_holder(tx, found.subject.id)
        except HolderSignInNeededError:
            return None
        return self.person(tx, vouched, now)

    def sealed(self, binding_id: str, subject: Subject, given: Identity) -> bytes:
        """Number and name as a binding keeps them."""
        key = self._vault.data_key(subject.data_key, subject.kek_kid)
        content = {"id_number": given.id_number, "id_type": given.id_type, "name": given.name}
        return key.encrypt(place(binding_id), canonical(content))


def place(binding_id: str) -> str:
    """Where it is sealed for."""
    return f"holder_identities:{binding_id}:content"
