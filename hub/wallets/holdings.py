"""What of a holder's licences lies in which wallet, and taking it back: the phone is lost, the licence stays.

A holding is one licence in one wallet, however often it was fetched. Removing it ends its copies and the wallet's bond:
whoever has the phone gets no new ones either.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, func, select

from catalog.tables import DepartmentRow, table
from certificates.copies.tables import CopiesRow
from certificates.lifecycle.states import STATUS_BITS, Status
from certificates.tables import CertificateRow, CertificateVersionRow
from hub.citizens.present import lock_holder
from hub.citizens.presentations import refuse_other
from hub.citizens.values import SEES_OWN, Holder
from hub.clock import Clock
from hub.issuing.types.registry import TypeRegistry
from hub.ledger.spent import spent
from hub.storage.database import Database
from hub.storage.errors import MissingError
from hub.storage.vault import DataKey, Vault
from hub.wallets import bonds
from hub.wallets.ending import end_batches
from hub.wallets.tables import WalletBatchRow, WalletBondRow, WalletCredentialRow
from signing import status_list

MOST: Final = 2000
REMOVED: Final = "wallet.removed"
_BATCHES: Final = table(WalletBatchRow)
_BONDS: Final = table(WalletBondRow)
_COPIES: Final = table(CopiesRow)
_CREDENTIALS: Final = table(WalletCredentialRow)
_CERTIFICATES: Final = table(CertificateRow)
_VERSIONS: Final = table(CertificateVersionRow)
_DEPARTMENTS: Final = table(DepartmentRow)
_REFUSED: Final = [item.value for item in Status if STATUS_BITS[item] in {status_list.INVALID, status_list.SUPERSEDED}]
"""Copies of a licence in these states are refused for good."""


@dataclass(frozen=True, slots=True)
class Holding:
    """One licence in one wallet; without copies: the wallet may fetch it, and has none that would be taken. Older ones,
    which have no entry of their own, are not removed and name no bond.
    """

    bond_id: str
    certificate_id: str
    type_zh: str
    type_en: str
    issuer_zh: str
    issuer_en: str
    identifier: str
    wallet: str
    """The name of a registered wallet; empty: taken by a QR code, or of an early release, which believed any name."""
    copies: int
    first_at: datetime
    last_at: datetime
    renews_until: datetime | None = None


class Holdings:
    """Lists and removes them, for their holder."""

    def __init__(
        self,
        database: Database,
        *,
        vault: Vault,
        types: TypeRegistry,
        clients: Mapping[str, Sequence[str]],
        log_key: DataKey,
        clock: Clock,
    ) -> None:
        self._database = database
        self._vault = vault
        self._types = types
        self._clients = clients
        self._log_key = log_key
        self._clock = clock

    async def listed(self, holder: Holder) -> list[Holding]:
        """What would still be taken as his, the last fetched first, then what wallets may fetch; of many the newest.

        Raises: LevelError.
        """
        holder.require(SEES_OWN)
        return await self._database.read(lambda tx: self._listed(tx, holder.id, self._clock()))

    async def remove(self, holder: Holder, bond_id: str, certificate_id: str) -> int:
        """From this commit on these copies are refused, and the wallet renews nothing; answers how many batches ended.

        Raises: LevelError; MissingError: not his, which goes on the ledger; IntegrityBrokenError.
        """
        holder.require(SEES_OWN)
        now = self._clock()

        def unit(tx: Connection) -> int | None:
            lock_holder(tx, holder.id)
            bonds.hold(tx, bond_id)  # no copy is made of it meanwhile
            bond = tx.execute(select(_BONDS).where(_BONDS.c.id == bond_id)).one_or_none()
            mine = (_BATCHES.c.bond_id == bond_id) & (_BATCHES.c.certificate_id == certificate_id)
            ids = tx.execute(select(_BATCHES.c.id).where(mine, _BATCHES.c.subject_id == holder.id)).scalars().all()
            if bond is None or not (ids or (bond.subject_id == holder.id and certificate_id in bond.certificate_ids)):
                return None
            named = select(_VERSIONS.c.identifier).where(_VERSIONS.c.certificate_id == certificate_id)
            identifier = tx.execute(named.order_by(_VERSIONS.c.version.desc()).limit(1)).scalar_one()
            detail = {"identifier": identifier, "session": holder.session_id, "wallet": bond.client_id}
            ended = end_batches(tx, self._vault, holder.id, ids, kind=REMOVED, detail=detail, now=now)
            bonds.end(tx, self._vault, bond_id, now, why="removed")
            return ended

        found = await self._database.write(unit)
        if found is None:
            await refuse_other(self._database, self._log_key, holder, "wallet_copies", now)
            raise MissingError("wallet copies")
        return found

    def _listed(self, tx: Connection, subject_id: str, now: datetime) -> list[Holding]:
        newest = (
            select(_BATCHES.c.bond_id, _BATCHES.c.certificate_id, _BATCHES.c.copies, _BATCHES.c.made_at)
            .add_columns(_BONDS.c.client_id, _BONDS.c.refresh_hash, _BONDS.c.expires_at, *_NAMED)
            .join(_COPIES, _COPIES.c.id == _BATCHES.c.id)
            .join(_BONDS, _BONDS.c.id == _BATCHES.c.bond_id)
            .join(_VERSIONS, _VERSIONS.c.id == _COPIES.c.version_id)
            .join(_CERTIFICATES, _CERTIFICATES.c.id == _VERSIONS.c.certificate_id)
            .join(_DEPARTMENTS, _DEPARTMENTS.c.id == _CERTIFICATES.c.owner_department_id)
            .where(_BATCHES.c.subject_id == subject_id, _COPIES.c.ended_at.is_(None))
            .where(_VERSIONS.c.status.not_in(_REFUSED))
            .order_by(_BATCHES.c.id.desc())
            .limit(MOST)
        )
        holdings: dict[tuple[str, str], list[Row[Any]]] = {}
        for row in tx.execute(newest):
            holdings.setdefault((row.bond_id, row.certificate_id), []).append(row)
        held = [self._holding(rows, now) for rows in holdings.values()]
        return held + self._promised(tx, subject_id, holdings.keys(), now) + self._older(tx, subject_id)

    def _promised(
        self, tx: Connection, subject_id: str, held: Collection[tuple[str, str]], now: datetime
    ) -> list[Holding]:
        """What a wallet may fetch though nothing of it lies there (any more): whoever has that phone could."""
        live = (_BONDS.c.subject_id == subject_id) & (_BONDS.c.expires_at > now) & ~spent(_BONDS.c.id)
        found = tx.execute(select(_BONDS).where(live).order_by(_BONDS.c.id.desc()).limit(MOST)).all()
        wanted = [(bond, item) for bond in found for item in bond.certificate_ids if (bond.id, item) not in held]
        ids = {item for _, item in wanted}
        query = (
            select(_CERTIFICATES.c.id, _VERSIONS.c.status, *_NAMED)
            .join(_VERSIONS, _VERSIONS.c.certificate_id == _CERTIFICATES.c.id)
            .join(_DEPARTMENTS, _DEPARTMENTS.c.id == _CERTIFICATES.c.owner_department_id)
            .where(_CERTIFICATES.c.id.in_(list(ids)))
            .order_by(_VERSIONS.c.version)
        )
        newest = {row.id: row for row in tx.execute(query)} if ids else {}
        return [
            self._named(newest[item], bond, bond.id, item, 0, bond.made_at, bond.expires_at)
            for bond, item in wanted
            if item in newest and newest[item].status not in _REFUSED
        ]

    def _older(self, tx: Connection, subject_id: str) -> list[Holding]:
        """Of early releases: under the entry of their licence."""
        query = (
            select(_CREDENTIALS.c.client_id, func.count().label("copies"))
            .add_columns(func.min(_CREDENTIALS.c.made_at).label("first_at"))
            .add_columns(func.max(_CREDENTIALS.c.made_at).label("made_at"), *_NAMED)
            .join(_VERSIONS, _VERSIONS.c.id == _CREDENTIALS.c.version_id)
            .join(_CERTIFICATES, _CERTIFICATES.c.id == _VERSIONS.c.certificate_id)
            .join(_DEPARTMENTS, _DEPARTMENTS.c.id == _CERTIFICATES.c.owner_department_id)
            .where(_CREDENTIALS.c.subject_id == subject_id, _CREDENTIALS.c.batch_id.is_(None))
            .where(_VERSIONS.c.status.not_in(_REFUSED))
            .group_by(_CREDENTIALS.c.client_id, *_NAMED)
            .limit(MOST)
        )
        return [self._named(row, row, "", "", row.copies, row.first_at) for row in tx.execute(query)]

    def _holding(self, rows: Sequence[Row[Any]], now: datetime) -> Holding:
        row, copies = rows[0], sum(item.copies for item in rows)
        renews = row.expires_at if row.refresh_hash is not None and row.expires_at > now else None
        return self._named(row, row, row.bond_id, row.certificate_id, copies, rows[-1].made_at, renews)

    def _named(
        self,
        row: Row[Any],
        fetched: Row[Any],
        bond_id: str,
        certificate_id: str,
        copies: int,
        first_at: datetime,
        renews_until: datetime | None = None,
    ) -> Holding:
        """Args: row: what the licence is called by. fetched: by which wallet, and when last."""
        kind = self._types.newest(row.type_code)
        return Holding(
            bond_id=bond_id,
            certificate_id=certificate_id,
            type_zh=kind.name.zh if kind else row.type_code,
            type_en=kind.name.en if kind else row.type_code,
            issuer_zh=row.name_zh,
            issuer_en=row.name_en or row.name_zh,
            identifier=row.identifier,
            wallet=fetched.client_id if bond_id and fetched.client_id in self._clients else "",
            copies=copies,
            first_at=first_at,
            last_at=fetched.made_at,
            renews_until=renews_until,
        )


_NAMED: Final = (
    _VERSIONS.c.identifier,
    _CERTIFICATES.c.type_code,
    _DEPARTMENTS.c.name_zh,
    _DEPARTMENTS.c.name_en,
)
"""What a licence is called by."""
