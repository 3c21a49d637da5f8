"""What an objection is about, looked up among what is the holder's own; and which department answers."""

from typing import Any, Final

from sqlalchemy import Connection, select

from catalog.tables import table
from certificates.tables import CertificateRow
from hub.citizens.access_words import OWN
from hub.citizens.accesses import Accesses
from hub.citizens.licences import Licence, Licences
from hub.citizens.objections.errors import ObjectionError
from hub.citizens.objections.shared import DISCLOSURE, Given, given_in
from hub.citizens.objections.values import OF_LICENCE, Kind, Said, Target
from hub.citizens.values import Whose
from hub.issuing.types.registry import TypeRegistry
from hub.registry.departments.store import read_departments
from hub.storage.database import Database
from hub.storage.errors import MissingError

_CERTIFICATES: Final = table(CertificateRow)


class Targets:
    """Finds them. What is not the holder's own is MissingError, and on the ledger by whoever keeps it."""

    def __init__(self, database: Database, *, licences: Licences, accesses: Accesses, types: TypeRegistry) -> None:
        self._database = database
        self._licences = licences
        self._accesses = accesses
        self._types = types

    async def find(self, holder: Whose, said: Said) -> Target:
        """Raises: MissingError, LevelError, ObjectionError."""
        if said.kind in OF_LICENCE:
            return await self._licence(said, await self._licences.one(holder, said.identifier))
        if said.kind is Kind.MISSING:
            return await self._database.read(lambda tx: self._missing(tx, said))
        if said.kind is Kind.ACCESS:
            return await self._access(holder, said)
        if said.kind is Kind.FIELD:
            return await self._field(holder, said)
        raise ObjectionError("kind", "/kind")

    async def given(self, holder: Whose, entry_id: str) -> list[Given]:
        """What interfaces gave in one look at him. Raises: MissingError, LevelError."""
        entry = await self._accesses.one(holder, entry_id)
        if entry.kind != DISCLOSURE or not entry.asked:
            return []
        return await self._database.read(lambda tx: given_in(tx, entry.asked, entry.given))

    async def _field(self, holder: Whose, said: Said) -> Target:
        found = next((one for one in await self.given(holder, said.entry) if said.claim in (one.name, one.field)), None)
        if found is None:
            raise ObjectionError("unknown_field", "/claim")
        owner = await self._database.read(lambda tx: read_departments(tx).current(found.owner).id)
        shared = {"interface": found.interface, "field": found.field, "entry": said.entry}
        return Target(owner, f"interface:{found.name}", found.of, found.title, shared=shared)

    async def _licence(self, said: Said, licence: Licence) -> Target:
        part = self._claim(licence.type_code, said.claim) if said.kind is Kind.CLAIM else ("", "")

        def unit(tx: Connection) -> str:
            owner = select(_CERTIFICATES.c.owner_department_id).where(_CERTIFICATES.c.id == licence.id)
            return read_departments(tx).current(tx.execute(owner).scalar_one()).id

        return Target(
            await self._database.read(unit),
            f"{licence.id}:{said.claim if said.kind is Kind.CLAIM else ''}",
            (licence.type_zh, licence.type_en),
            part,
            licence.id,
            licence.identifier,
        )

    def _claim(self, type_code: str, name: str) -> tuple[str, str]:
        kind = self._types.newest(type_code)
        if kind is None or name not in kind.claims:
            raise ObjectionError("unknown_claim", "/claim")
        title = kind.claims[name].title
        return title.zh, title.en

    def _missing(self, tx: Connection, said: Said) -> Target:
        kind = self._types.newest(said.type_code) if said.type_code else None
        if kind is None:
            raise ObjectionError("unknown_type", "/type")
        departments = read_departments(tx)
        named = departments.by_code(said.department)
        if named is None:
            raise ObjectionError("unknown_department", "/department")
        return Target(departments.current(named.id).id, f"{kind.code}:{named.id}", (kind.name.zh, kind.name.en))

    async def _access(self, holder: Whose, said: Said) -> Target:
        entry = await self._accesses.one(holder, said.entry)
        if entry.look == OWN:
            raise ObjectionError("own_act", "/entry")

        def office(tx: Connection) -> str | None:
            departments = read_departments(tx)
            named = departments.by_code(entry.office) if entry.office else None
            try:
                return departments.current(named.id if named else entry.office).id
            except (KeyError, MissingError):
                return None

        found: Any = await self._database.read(office)
        return Target(found, entry.id, entry.what, entry.matter, by=entry.by)
