"""A holder's own licences, by the hash of his number: what they are and how they stand; none of their claims.

As principal holder and as a further one. Rows are not held against their guards here: whoever is to rely on a licence
pulls or verifies it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, select

from catalog.tables import DepartmentRow, table
from certificates.definitions.parts import Stage
from certificates.profile import CIVIL_ZONE
from certificates.tables import CertificateHolderRow, CertificateRow, CertificateVersionRow
from hub.citizens.presentations import refuse_other
from hub.citizens.values import SEES_OWN, Whose
from hub.clock import Clock
from hub.issuing.held_then import standing
from hub.issuing.shelf import CURRENT, SOON, masked_number, spines
from hub.issuing.types.registry import TypeRegistry
from hub.storage.database import Database
from hub.storage.errors import IntegrityBrokenError, MissingError
from hub.storage.vault import DataKey, Vault

PAGE: Final = 50
REMINDED: Final = timedelta(days=90)
"""So long before its end a licence says how long it still lasts."""
_CERTIFICATES: Final = table(CertificateRow)
_VERSIONS: Final = table(CertificateVersionRow)
_FURTHER: Final = table(CertificateHolderRow)
_DEPARTMENTS: Final = table(DepartmentRow)


@dataclass(frozen=True, slots=True)
class Licence:
    """One licence as its holder sees it in a list."""

    id: str
    identifier: str
    type_code: str
    type_zh: str
    type_en: str
    issuer_code: str
    issuer_zh: str
    issuer_en: str
    status: str
    issued_on: str
    valid_until: str | None
    ends_soon: bool
    principal: bool
    stage: Stage = Stage.OTHER
    days_left: int | None = None
    """To its last day, while it is valid and ends within `REMINDED`."""
    indexed: bool = False
    """Only its index is here: what it says stays at its source."""
    of: str = field(default="", repr=False)
    """Of one that he holds with another, whose it is first: a body's number, a person's with its ends alone."""


class Licences:
    """Reads them for a signed-in holder. Raises LevelError for one who is not signed in surely enough."""

    def __init__(
        self, database: Database, *, vault: Vault, types: TypeRegistry, log_key: DataKey, clock: Clock
    ) -> None:
        self._database = database
        self._vault = vault
        self._types = types
        self._log_key = log_key
        self._clock = clock

    async def listed(self, holder: Whose, after: str | None = None) -> tuple[Sequence[Licence], str | None]:
        """A page, the newest first, and behind which certificate id the next goes on."""
        holder.require(SEES_OWN)
        now = self._clock()
        rows = await self._database.read(lambda tx: self._rows(tx, holder.id, after))
        items = [self.told(row, holder.id, now) for row in rows[:PAGE]]
        return items, items[-1].id if len(rows) > PAGE else None

    async def one(self, holder: Whose, identifier: str) -> Licence:
        """One of them. Raises: MissingError for anybody else's, which goes on the ledger."""
        holder.require(SEES_OWN)
        found = await self.own(holder.id, identifier)
        if found is None:
            await refuse_other(self._database, self._log_key, holder, "certificate", self._clock())
            raise MissingError("certificate")
        return found

    async def own(self, subject_id: str, identifier: str) -> Licence | None:
        """A subject's licence of this identifier, whoever looks; None: it has none. Whether he may look, and what is
        written down of one who may not, is the caller's.
        """
        now = self._clock()
        this = _VERSIONS.c.identifier == identifier
        found = await self._database.read(
            lambda tx: [
                row for part in held_by(subject_id) if (row := tx.execute(part.where(this)).first()) is not None
            ]
        )
        return self.told(found[0], subject_id, now) if found else None

    def _rows(self, tx: Connection, subject_id: str, after: str | None) -> Sequence[Row[Any]]:
        once: dict[str, Row[Any]] = {}
        for part in held_by(subject_id):
            query = part if after is None else part.where(_CERTIFICATES.c.id < after)
            for row in tx.execute(query.order_by(_CERTIFICATES.c.id.desc()).limit(PAGE + 1)):
                once.setdefault(row.certificate_id, row)
        return [once[key] for key in sorted(once, reverse=True)][: PAGE + 1]

    def told(self, row: Row[Any], subject_id: str, now: datetime) -> Licence:
        """A row of `held_by` as this holder sees it."""
        today = now.astimezone(CIVIL_ZONE).date()
        kind = self._types.newest(row.type_code)
        status = standing(row.status, row.valid_until, today)
        left = _days_left(row.valid_until, today) if status == "valid" else None
        return Licence(
            id=row.certificate_id,
            identifier=row.identifier,
            type_code=row.type_code,
            type_zh=kind.name.zh if kind else row.type_code,
            type_en=kind.name.en if kind else row.type_code,
            issuer_code=row.issuer_code,
            issuer_zh=row.issuer_zh or row.issuer_code,
            issuer_en=row.issuer_en or row.issuer_code,
            status=status,
            issued_on=row.issued_on,
            valid_until=row.valid_until,
            ends_soon=left is not None and left <= SOON.days,
            principal=row.subject_id == subject_id,
            stage=kind.stage if kind else Stage.OTHER,
            days_left=left if left is not None and left <= REMINDED.days else None,
            indexed=row.state == "indexed",
            of="" if row.subject_id == subject_id else self._number(row),
        )

    def _number(self, row: Row[Any]) -> str:
        """Of the principal holder, which tells one company's from another's; empty where he was erased."""
        try:
            key = self._vault.data_key(row.data_key, row.kek_kid)
            number = key.decrypt(f"subjects:{row.subject_id}:id_number", row.id_number).decode()
        except IntegrityBrokenError:
            return ""
        return masked_number(row.id_type, number)


def held_by(subject_id: str) -> tuple[Select[Any], Select[Any]]:
    """As principal holder and as a further one: two statements, each led by an index; one with OR would read the whole
    table.
    """
    named = (_DEPARTMENTS.c.name_zh.label("issuer_zh"), _DEPARTMENTS.c.name_en.label("issuer_en"))
    joined = spines().add_columns(*named).outerjoin(_DEPARTMENTS, _DEPARTMENTS.c.code == _CERTIFICATES.c.issuer_code)
    too = select(_FURTHER.c.version_id).where(_FURTHER.c.subject_id == subject_id)
    principal = joined.where(CURRENT, _CERTIFICATES.c.subject_id == subject_id)
    return principal, joined.where(CURRENT, _VERSIONS.c.id.in_(too))


def _days_left(until: str | None, today: date) -> int | None:
    return None if until is None else (date.fromisoformat(until) - today).days
