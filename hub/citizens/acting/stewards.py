"""Who stands for a company or a child at this moment, and is told what it is told: a company signs in nowhere, and a
child of six reads no notices.

The company's registration names its legal representative, the child's birth record a guardian, by number; each is
judged as he is when he acts: confirmed, alive, in office or a parent, and the child under age. So delegates and heirs
hear nothing. Whoever comes tomorrow finds the matter under the principal, as ever. A parent whom only a proof of
kinship names is not looked for.
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Final

import structlog
from sqlalchemy import Connection

from catalog.identifiers import CITIZEN_ID
from certificates.profile import CIVIL_ZONE
from certificates.stores import certificates as library
from certificates.stores.holders import Subject, subject_by_id
from certificates.stores.version import HeldVersion
from hub.citizens.acting.grounds import Grounds
from hub.citizens.acting.ties import BIRTH, REGISTRATION, is_minor
from hub.citizens.acting.values import Ground
from hub.citizens.confirming import Confirming
from hub.citizens.notices.kinds import FOR, NoticeKind
from hub.citizens.notices.notify import notify
from hub.citizens.values import Identity
from hub.intake.identity import in_force
from hub.intake.licences import Licences
from hub.issuing.types.registry import TypeRegistry
from hub.ledger.guards import check_guards, settled
from hub.storage.errors import IntegrityBrokenError
from hub.storage.vault import Vault
from signing.errors import SigningError

MOST: Final = 4
"""So many are judged, each in a number of statements of its own; a company has one representative, a child two
parents.
"""
_STAND: Final = frozenset({Ground.LEGAL_REPRESENTATIVE, Ground.PARENT})
_log = structlog.get_logger(__name__)


class Stewards:
    """Finds and tells them."""

    def __init__(self, *, vault: Vault, types: TypeRegistry) -> None:
        self._vault = vault
        self._types = types
        self._grounds = Grounds(vault=vault, types=types)
        self._confirming = Confirming(vault=vault, types=types)
        self._licences = Licences(vault)

    def notify(self, tx: Connection, subject_id: str, kind: NoticeKind, *, about: str, now: datetime) -> None:
        """A notice to the holder, and of the kinds in `FOR` one to each who stands for him; what he was told before is
        told nobody again. A licence that was written past the hub names nobody, and is an alarm; it stops nothing.
        """
        if not notify(tx, subject_id, kind, about=about, now=now):
            return
        try:
            found = settled(lambda: self.of(tx, subject_by_id(tx, subject_id), now))
        except (IntegrityBrokenError, SigningError, KeyError):
            _log.error("steward_not_told", alarm=True, principal=subject_id)
            return
        for steward in found:
            notify(tx, steward, FOR[kind], about=about, now=now)

    def of(self, tx: Connection, principal: Subject, now: datetime) -> list[str]:
        """Subjects of those who stand for him; who has no licence that could name one costs one statement more.

        Raises: IntegrityBrokenError; SigningError, KeyError: a licence does not verify.
        """
        today = now.astimezone(CIVIL_ZONE).date()
        types = (self._types.find(slug) for slug in (REGISTRATION, BIRTH))
        slugs = {known.type.code: known.type.slug for known in types if known is not None}
        if not slugs:
            return []
        _, held = library.held_by(tx, [principal.lookup_hash], list(slugs))
        mine = [item for item in held if item.further is None and in_force(item, today=today)]
        mine = [item for item in mine if item.record.state == "issued"]
        check_guards(tx, self._vault, held=mine)
        self._licences.learn_keys(tx, {item.record.signing_kid for item in mine})
        mine.sort(key=lambda item: item.record.id, reverse=True)
        found = []
        for person in list(dict.fromkeys(self._named(mine, slugs, today)))[:MOST]:
            subject = self._confirming.find(tx, person, now)
            stands = self._grounds.of(tx, subject.id, person, now) if subject else []
            if subject and any(item.id == principal.id and item.ground in _STAND for item in stands):
                found.append(subject.id)
        return found

    def _named(self, held: Sequence[HeldVersion], slugs: dict[str, str], today: date) -> Iterator[Identity]:
        for item in held:
            claims = self._licences.claims(item)
            if slugs[item.record.type_code] == REGISTRATION:
                yield Identity(*(str(claims.get(name, "")) for name in ("id_type", "id_number", "name")))
            elif is_minor(str(claims.get("citizen_id", "")), today):
                yield Identity(CITIZEN_ID, str(claims.get("guardian_id", "")), str(claims.get("guardian_name", "")))
