"""Which licences can go into a wallet now: whole, current, in force, of their principal holder, signed by a key
that is here.

A licence whose department signs by hand waits for people with every copy; nobody's wallet waits that long.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, select

from catalog.tables import table
from certificates.definitions.parts import Custody
from certificates.lifecycle.states import Status
from certificates.profile import CIVIL_ZONE
from certificates.stores import certificates as library
from certificates.stores.version import VersionRecord
from certificates.tables import CertificateRow, CertificateVersionRow
from certificates.verifying.trust import KeyCustody
from hub.issuing.held_then import standing
from hub.issuing.keys.desk import Certified, SigningDesk
from hub.issuing.renditions.source import Opened, RenditionSource
from hub.issuing.types.halts import stopped_types
from hub.storage.vault import Vault
from hub.wallets.errors import NotForWalletsError

_CERTIFICATES: Final = table(CertificateRow)
_VERSIONS: Final = table(CertificateVersionRow)


@dataclass(frozen=True, slots=True)
class Giving:
    """An opened licence and who signs its copies."""

    opened: Opened
    certified: Certified


class WalletLicences:
    """Opens licences for wallets. Never changes one."""

    def __init__(self, *, vault: Vault, desk: SigningDesk, source: RenditionSource) -> None:
        self._vault = vault
        self._desk = desk
        self._source = source

    def own(self, tx: Connection, subject_id: str, identifier: str) -> str | None:
        """The certificate with this identifier, if the subject is its principal holder."""
        mine = (_VERSIONS.c.identifier == identifier) & (_CERTIFICATES.c.subject_id == subject_id)
        joined = select(_CERTIFICATES.c.id).join(_VERSIONS, _VERSIONS.c.certificate_id == _CERTIFICATES.c.id)
        found: str | None = tx.execute(joined.where(mine)).scalar_one_or_none()
        return found

    def of_type(self, tx: Connection, subject_id: str, type_code: str) -> list[VersionRecord]:
        """The holder's current licences of a type, in whichever state, each once."""
        return [item for item in library.held_of(tx, subject_id, type_code) if item.is_current() and item.is_whole()]

    def give(self, tx: Connection, subject_id: str, certificate_id: str, *, now: datetime) -> Giving:
        """The licence as it stands at this moment, checked.

        Raises: NotForWalletsError; SigningKeyError; IntegrityBrokenError: somebody wrote it by SQL, or its holder was
            erased.
        """
        current = next((item for item in library.versions_of(tx, certificate_id) if item.is_current()), None)
        if current is None or current.subject_id != subject_id or not current.is_whole():
            raise NotForWalletsError("state")
        today = now.astimezone(CIVIL_ZONE).date()
        if standing(current.status, current.valid_until, today) != Status.VALID.value:
            raise NotForWalletsError("state")
        if self._source.type_of(tx, current).custody is not Custody.LIBRARY or current.state != "issued":
            raise NotForWalletsError("custody")
        if current.type_code in stopped_types(tx, self._vault):
            raise NotForWalletsError("halted")
        certified = self._desk.issuer(tx, current.issuer_code, type_code=current.type_code)
        certified.check_type(current.type_code)
        if certified.custody is not KeyCustody.HUB:
            raise NotForWalletsError("custody")
        return Giving(self._source.open_version(tx, current), certified)

    def hold(self, tx: Connection, giving: Giving) -> None:
        """Whoever revokes or replaces the licence waits for this transaction, or is seen here (seam D6).

        Raises: NotForWalletsError: it is not any more what was opened.
        """
        version = giving.opened.version
        if library.lock_versions(tx, [version.id]) != {version.id: (version.row_version, version.status)}:
            raise NotForWalletsError("state")
