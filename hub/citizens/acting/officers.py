"""Who stands for a company at this moment, so that what it is asked reaches somebody: nobody signs in as a company.

The registration names its legal representative by number; he is judged as he is when he acts: confirmed, alive, and
borne out by the licence. Whoever is in office tomorrow finds the question under the company, as ever.
"""

from datetime import datetime
from typing import Final

import structlog
from sqlalchemy import Connection

from certificates.profile import CIVIL_ZONE
from certificates.stores import certificates as library
from certificates.stores.holders import Subject
from hub.citizens.acting.grounds import Grounds
from hub.citizens.acting.ties import REGISTRATION
from hub.citizens.confirming import Confirming
from hub.citizens.notices.kinds import NoticeKind
from hub.citizens.notices.notify import notify
from hub.citizens.values import Identity
from hub.intake.identity import in_force
from hub.intake.licences import Licences
from hub.issuing.types.registry import TypeRegistry
from hub.ledger.guards import check_guards, settled
from hub.storage.errors import IntegrityBrokenError
from hub.storage.vault import Vault
from signing.errors import SigningError

_TEXTS: Final = ("id_type", "id_number", "name")
_log = structlog.get_logger(__name__)


class Officers:
    """Finds and tells them."""

    def __init__(self, *, vault: Vault, types: TypeRegistry) -> None:
        self._vault = vault
        self._types = types
        self._grounds = Grounds(vault=vault, types=types)
        self._confirming = Confirming(vault=vault, types=types)
        self._licences = Licences(vault)

    def tell(self, tx: Connection, company: Subject, kind: NoticeKind, *, about: str, now: datetime) -> None:
        """A notice to each. A registration that was written past the hub names nobody, and is an alarm; it keeps the
        company's case from nothing.
        """
        try:
            found = settled(lambda: self.of(tx, company, now))
        except (IntegrityBrokenError, SigningError, KeyError):
            _log.error("officer_not_told", alarm=True, company=company.id)
            return
        for subject_id in found:
            notify(tx, subject_id, kind, about=about, now=now)

    def of(self, tx: Connection, company: Subject, now: datetime) -> list[str]:
        """Subjects of its legal representatives. Raises: IntegrityBrokenError; SigningError, KeyError: a registration
        does not verify.
        """
        kind, today = self._types.find(REGISTRATION), now.astimezone(CIVIL_ZONE).date()
        if kind is None:
            return []
        _, held = library.held_by(tx, [company.lookup_hash], [kind.type.code])
        mine = [item for item in held if item.further is None and in_force(item, today=today)]
        mine = [item for item in mine if item.record.state == "issued"]
        check_guards(tx, self._vault, held=mine)
        self._licences.learn_keys(tx, {item.record.signing_kid for item in mine})
        found = []
        for item in mine:
            claims = self._licences.claims(item)
            person = Identity(*(str(claims.get(name, "")) for name in _TEXTS))
            subject = self._confirming.find(tx, person, now)
            if subject is not None and self._grounds.of_office(tx, subject.id, person, company.id, now) is not None:
                found.append(subject.id)
        return found
