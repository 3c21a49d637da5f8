"""Who looked: every entry of the ledger that is about the holder, in plain words, newest first.

Read from the ledger itself, so that nothing can be left out of it by being left out of a table; each entry is opened
under his key and held against its commitment, and one that does not open is shown as such. What was done of a case
before it was known whom it is about (its opening) lies under the case's key and is not here.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, select

from catalog.tables import DepartmentRow, GrantRow, MatterRow, table
from certificates.definitions.certificate_type import CertificateType
from certificates.errors import NumberingError
from certificates.numbering import parse
from certificates.stores.holders import subject_by_id
from hub.citizens.access_words import kind_of, words_of
from hub.citizens.presentations import refuse_other
from hub.citizens.values import SEES_OWN, Whose
from hub.clock import Clock
from hub.intake.families.tables import LifeEventRow
from hub.issuing.types.registry import TypeRegistry
from hub.ledger.entries import open_detail
from hub.ledger.tables import LedgerEntryRow
from hub.registry.meanings import Words
from hub.storage.database import Database
from hub.storage.errors import IntegrityBrokenError, MissingError
from hub.storage.vault import DataKey, Vault

PAGE: Final = 30
_ENTRIES: Final = table(LedgerEntryRow)
_DEPARTMENTS: Final = table(DepartmentRow)
_MATTERS: Final = table(MatterRow)
_GRANTS: Final = table(GrantRow)
_EVENTS: Final = table(LifeEventRow)
_NOBODY: Final[Words] = ("", "")


@dataclass(frozen=True, slots=True)
class Access:
    """One entry. `whole` False: it does not match what was committed to, and its content is not shown.

    Attributes:
        look: `look`, `nothing` (asked, not given), `own`, `change`.
        licences: kinds of licence it was about. `fields`: names of what was given, as the type calls them.
        ground: articles of law under which it was given, by the grants that were used.
    """

    id: str
    at: datetime
    kind: str
    look: str
    what: Words
    whole: bool
    department: Words = _NOBODY
    matter: Words = _NOBODY
    case_no: str = ""
    purpose: str = ""
    licences: Sequence[Words] = ()
    fields: Sequence[Words] = ()
    ground: Sequence[str] = ()
    office: str = ""
    """Code or id of the department, as the entry has it."""
    by: str = ""
    """Id of the member of staff who did it, if one did."""


@dataclass(frozen=True, slots=True)
class _Names:
    departments: Mapping[str, Words]
    matters: Mapping[str, Words]
    grounds: Mapping[str, str]


class Accesses:
    """Reads them for a signed-in holder. Raises LevelError for one who is not signed in surely enough."""

    def __init__(
        self, database: Database, *, vault: Vault, types: TypeRegistry, log_key: DataKey, clock: Clock
    ) -> None:
        self._database = database
        self._vault = vault
        self._types = types
        self._log_key = log_key
        self._clock = clock

    async def listed(self, holder: Whose, after: str | None = None) -> tuple[Sequence[Access], str | None]:
        """A page, and behind which entry the next goes on."""
        holder.require(SEES_OWN)

        def unit(tx: Connection) -> tuple[list[Access], bool]:
            query = select(_ENTRIES).where(_ENTRIES.c.subject_id == holder.id)
            if after is not None:
                query = query.where(_ENTRIES.c.id < after)
            rows = tx.execute(query.order_by(_ENTRIES.c.id.desc()).limit(PAGE + 1)).all()
            return self._told(tx, holder, rows[:PAGE]), len(rows) > PAGE

        items, more = await self._database.read(unit)
        return items, items[-1].id if more else None

    async def one(self, holder: Whose, entry_id: str) -> Access:
        """One of them. Raises: MissingError for one about somebody else, which goes on the ledger."""
        holder.require(SEES_OWN)

        def unit(tx: Connection) -> list[Access]:
            mine = (_ENTRIES.c.id == entry_id) & (_ENTRIES.c.subject_id == holder.id)
            return self._told(tx, holder, tx.execute(select(_ENTRIES).where(mine)).all())

        found = await self._database.read(unit)
        if not found:
            await refuse_other(self._database, self._log_key, holder, "access", self._clock())
            raise MissingError("access")
        return found[0]

    def _told(self, tx: Connection, holder: Whose, rows: Sequence[Row[Any]]) -> list[Access]:
        subject = subject_by_id(tx, holder.id)
        key = self._vault.data_key(subject.data_key, subject.kek_kid)
        details = {row.id: opened_entry(row, key) for row in rows}
        names = _names(tx, [detail for detail in details.values() if detail is not None])
        return [self._access(row, details[row.id], names) for row in rows]

    def _access(self, row: Row[Any], detail: Mapping[str, Any] | None, names: _Names) -> Access:
        what, look = words_of(row.kind), kind_of(row.kind)
        if detail is None:
            return Access(row.id, row.recorded_at, row.kind, look, what, whole=False)
        department = str(detail.get("department") or detail.get("department_id") or "")
        matter, grounds = str(detail.get("matter") or ""), (names.grounds.get(one) for one in _texts(detail, "grants"))
        kinds = [self._type(text) for text in _certificates(detail)]
        given = _texts(detail, "fields")
        return Access(
            id=row.id,
            at=row.recorded_at,
            kind=row.kind,
            look=look,
            what=what,
            whole=True,
            department=names.departments.get(department, (department, department)),
            matter=names.matters.get(matter, (matter, matter)),
            case_no=str(detail.get("case_no") or ""),
            purpose=str(detail.get("purpose") or ""),
            licences=list(dict.fromkeys((kind.name.zh, kind.name.en) for kind in kinds if kind is not None)),
            fields=[_field(name, kinds) for name in given],
            ground=list(dict.fromkeys(ground for ground in grounds if ground)),
            office=department,
            by=_by(detail),
        )

    def _type(self, identifier: str) -> CertificateType | None:
        try:
            return self._types.newest(parse(identifier).type_code)
        except NumberingError:
            return None


def opened_entry(row: Row[Any], key: DataKey) -> Mapping[str, Any] | None:
    """What an entry about a person says; None: it does not match what was committed to."""
    try:
        content = open_detail(row.id, row.detail, row.commitment, key=key)
    except (IntegrityBrokenError, ValueError):
        return None
    same = content.get("kind") == row.kind and content.get("subject_id") == row.subject_id
    detail: Mapping[str, Any] = content["detail"]
    return detail if same else None


def _names(tx: Connection, details: Iterable[Mapping[str, Any]]) -> _Names:
    """The names of what the entries of one page speak of."""
    found = list(details)
    matters = {str(item["matter"]) for item in found if item.get("matter")}
    grants = {one for item in found for one in _texts(item, "grants")}
    departments = tx.execute(
        select(_DEPARTMENTS.c.id, _DEPARTMENTS.c.code, _DEPARTMENTS.c.name_zh, _DEPARTMENTS.c.name_en)
    )
    named = {key: (row.name_zh, row.name_en) for row in departments for key in (row.id, row.code)}
    called = select(_MATTERS.c.code, _MATTERS.c.definition).where(_MATTERS.c.code.in_(matters))
    events = select(_EVENTS.c.code, _EVENTS.c.definition).where(_EVENTS.c.code.in_(matters))
    lawful = select(_GRANTS.c.id, _GRANTS.c.terms).where(_GRANTS.c.id.in_(grants))
    return _Names(
        named,
        {
            **{row.code: _named(row.definition) for row in tx.execute(events.order_by(_EVENTS.c.version))},
            **{row.code: _named(row.definition) for row in tx.execute(called.order_by(_MATTERS.c.version))},
        },
        {row.id: str(row.terms.get("legal_basis") or "") for row in tx.execute(lawful)},
    )


def _named(definition: Mapping[str, Any]) -> Words:
    """Of a matter, or of the life event for which a code was taken."""
    name = definition.get("name") or definition["title"]
    return str(name["zh"]), str(name["en"])


def _texts(detail: Mapping[str, Any], name: str) -> list[str]:
    value = detail.get(name)
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _certificates(detail: Mapping[str, Any]) -> list[str]:
    single = detail.get("identifier")
    return _texts(detail, "certificates") + ([single] if isinstance(single, str) else [])


def _by(detail: Mapping[str, Any]) -> str:
    by = detail.get("by")
    return str(by.get("id") or "") if isinstance(by, Mapping) and by.get("kind") == "staff" else ""


def _field(name: str, kinds: Sequence[CertificateType | None]) -> Words:
    for kind in kinds:
        if kind is not None and name in kind.claims:
            title = kind.claims[name].title
            return title.zh, title.en
    return name, name
