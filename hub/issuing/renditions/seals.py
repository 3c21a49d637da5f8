"""Electronic seals 电子印章 of those who sign OFD: made once for a certificate and a look, then kept.

Two seals of one number would differ in their maker's signature, and a page that waits for an approval must meet the
same one again.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import structlog
from sqlalchemy import Connection, Row, insert, select

from catalog.tables import table
from certificates.rendering.face import Face
from hub.clock import Clock, rfc3339
from hub.issuing.keys.desk import Certified
from hub.issuing.keys.first import FirstNeed
from hub.issuing.tables import IssuerSealRow
from hub.ledger.entries import Draft, append, seal
from hub.storage.database import Database
from hub.storage.errors import ConflictError, IntegrityBrokenError
from hub.storage.vault import DataKey, Vault
from signing.canonical import canonical, sha256

_SEALS: Final = table(IssuerSealRow)
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class KeptSeal:
    """A seal as its row tells; `guarded`: nobody but the hub wrote it."""

    number: str
    organization_id: str
    maker_kid: str
    created_at: datetime
    guarded: bool


def seals_by(tx: Connection, vault: Vault, kid: str) -> list[KeptSeal]:
    """The seals that this key made, by number; and those that somebody else wrote, whoever made them."""
    kept = []
    for row in tx.execute(select(_SEALS).order_by(_SEALS.c.number)):
        try:
            _check(row, vault)
            guarded = True
        except IntegrityBrokenError as error:
            _log.error("guarded_row_broken", alarm=True, where=error.where, seal=row.number)
            guarded = False
        if not guarded or row.maker_kid == kid:
            kept.append(KeptSeal(row.number, row.organization_id, row.maker_kid, row.created_at, guarded))
    return kept


class Seals:
    """Keeps seals. Who may use one is in the seal: the certificate that it names."""

    def __init__(self, database: Database, *, vault: Vault, log_key: DataKey, keys: FirstNeed, clock: Clock) -> None:
        self._database = database
        self._vault = vault
        self._log_key = log_key
        self._keys = keys
        self._clock = clock

    async def of(self, face: Face, certified: Certified, *, owner: str, name: str) -> bytes:
        """The seal (DER) that a face of this look bears under this certificate; made now if there is none.

        Args:
            owner, name: the organisation whose certificate it is; its key in the role "seal" makes the seal.
        Raises: SigningKeyError, SuiteUnavailableError, SignerUnavailableError, IntegrityBrokenError, StorageError.
        """
        from certificates.rendering.ofd.making import issuer_seal, seal_number

        number = seal_number(face, certified.chain[0])
        known = await self._database.read(lambda tx: self._find(tx, number))
        if known is not None:
            return known
        maker = await self._keys.seal_maker(certified, owner, name)
        now = self._clock()
        # An outline of every letter of the name: tens of milliseconds the first time.
        made = await asyncio.to_thread(
            issuer_seal,
            face,
            certificate=certified.chain[0],
            maker=maker.about(kind="seal", identifier=number),
            maker_certificate=maker.chain[0],
            now=now,
        )
        try:
            return await self._database.write(lambda tx: self._keep(tx, number, made, owner, maker.signer.kid, now))
        except ConflictError:  # another process made it meanwhile
            return await self._database.write(lambda tx: self._keep(tx, number, made, owner, maker.signer.kid, now))

    def _keep(self, tx: Connection, number: str, made: bytes, owner: str, kid: str, now: datetime) -> bytes:
        known = self._find(tx, number)
        if known is not None:
            return known
        detail = {"number": number, "organization_id": owner, "maker": kid, "digest": sha256(made).hex()}
        entry = Draft(kind="seal.made", detail=detail, key=self._log_key)
        append(tx, [seal(entry, now=now)])
        values = {
            "number": number,
            "organization_id": owner,
            "seal": made,
            "maker_kid": kid,
            "ledger_entry_id": entry.id,
            "created_at": now,
        }
        mac = self._vault.row_mac(_meaning(number, owner, made, kid, entry.id, now))
        tx.execute(insert(_SEALS).values(**values, mac=mac))
        return made

    def _find(self, tx: Connection, number: str) -> bytes | None:
        row = tx.execute(select(_SEALS).where(_SEALS.c.number == number)).one_or_none()
        if row is None:
            return None
        _check(row, self._vault)
        return bytes(row.seal)


def _check(row: Row[Any], vault: Vault) -> None:
    meaning = _meaning(row.number, row.organization_id, row.seal, row.maker_kid, row.ledger_entry_id, row.created_at)
    vault.check_row_mac(meaning, row.mac, where="issuer_seals")


def _meaning(number: str, owner: str, made: bytes, kid: str, entry_id: str, at: datetime) -> bytes:
    return b"issuer seal\x1f" + canonical([number, owner, sha256(made).hex(), kid, entry_id, rfc3339(at)])
