"""What a dossier lacks: kinds of licence that a source could give of this person, and that people of his age usually
have. It says what could be asked for, and nothing of whether any source knows him.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from sqlalchemy import Connection, or_, select

from catalog.tables import DepartmentRow, table
from certificates.definitions.parts import Stage
from certificates.lifecycle.states import Status
from certificates.profile import CIVIL_ZONE
from certificates.tables import CertificateRow, CertificateVersionRow
from hub.citizens.dossier.fetching import Fetching
from hub.citizens.dossier.stages import RANKS, age_of, usual
from hub.citizens.licences import held_by
from hub.citizens.values import Identity
from hub.clock import Clock
from hub.issuing.types.registry import TypeRegistry
from hub.registry.meanings import Words
from hub.storage.database import Database

_DEPARTMENTS: Final = table(DepartmentRow)
_CERTIFICATES: Final = table(CertificateRow)
_VERSIONS: Final = table(CertificateVersionRow)


@dataclass(frozen=True, slots=True)
class Lack:
    """A kind of which he has none in force, and who could give it."""

    type_code: str
    name: Words
    stage: Stage
    issuer: Words


class Missing:
    """Finds them."""

    def __init__(self, database: Database, *, fetching: Fetching, types: TypeRegistry, clock: Clock) -> None:
        self._database = database
        self._fetching = fetching
        self._types = types
        self._clock = clock

    async def of(self, subject_id: str, identity: Identity) -> Sequence[Lack]:
        """In the order of a dossier; each kind once."""
        givers = await self._fetching.givers(identity.id_type)
        today = self._clock().astimezone(CIVIL_ZONE).date()
        age = age_of(identity.id_type, identity.id_number, today)
        held = await self._database.read(lambda tx: _in_force(tx, subject_id, today))
        codes = {giver.issuer_code for giver in givers}
        named = select(_DEPARTMENTS.c.code, _DEPARTMENTS.c.name_zh, _DEPARTMENTS.c.name_en)
        rows = await self._database.read(lambda tx: tx.execute(named.where(_DEPARTMENTS.c.code.in_(codes))).all())
        issuers = {row.code: (row.name_zh, row.name_en or row.name_zh) for row in rows}
        found: dict[str, Lack] = {}
        for giver in givers:
            kind = self._types.newest(giver.type_code)
            if kind is None or giver.type_code in held or not usual(kind.stage, age):
                continue
            issuer = issuers.get(giver.issuer_code, (giver.issuer_code, giver.issuer_code))
            found.setdefault(giver.type_code, Lack(giver.type_code, (kind.name.zh, kind.name.en), kind.stage, issuer))
        return sorted(found.values(), key=lambda lack: (RANKS[lack.stage], lack.type_code))


def _in_force(tx: Connection, subject_id: str, today: date) -> set[str]:
    """The types of which he has one that stands, as principal or further holder."""
    until = _VERSIONS.c.valid_until
    stands = _VERSIONS.c.status.in_([Status.VALID.value, Status.SUSPENDED.value])
    found: set[str] = set()
    for part in held_by(subject_id):
        lasting = part.with_only_columns(_CERTIFICATES.c.type_code).distinct()
        found |= set(tx.execute(lasting.where(stands, or_(until.is_(None), until >= today.isoformat()))).scalars())
    return found
