"""Who looked: every entry of the ledger that is about the holder, in plain words, newest first.

Read from the ledger itself, so that nothing can be left out of it by being left out of a table; each entry is opened
under the key it lies under and held against its commitment, and one that does not open is shown as such. What an order
in force holds back (`hub.citizens.late`) is not there until the order ends: no line, no gap, no page of its own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

from certificates.definitions.certificate_type import CertificateType
from certificates.errors import NumberingError
from certificates.numbering import parse
from certificates.stores.holders import subject_by_id
from hub.citizens import access_rows as rows
from hub.citizens.access_filter import EVERYTHING, Wanted
from hub.citizens.access_names import Names, interfaces_of, names_of, text, texts
from hub.citizens.access_offices import names_of_office, of_office, office_in
from hub.citizens.access_words import kind_of, words_of
from hub.citizens.late.holding import Held, late
from hub.citizens.late.values import REASONS, Order
from hub.citizens.presentations import refuse_other
from hub.citizens.values import SEES_OWN, Whose
from hub.clock import Clock
from hub.issuing.types.registry import TypeRegistry
from hub.registry.meanings import Words
from hub.storage.database import Database
from hub.storage.errors import MissingError
from hub.storage.vault import DataKey, Vault

PAGE: Final = 30
_STEP: Final = 500
_OPENED: Final = 2000
"""How many entries are opened at most for one page of one department's; and how many at a time, above."""
_NOBODY: Final[Words] = ("", "")


@dataclass(frozen=True, slots=True)
class Late:
    """That an entry was held back: by whose order, why, on what ground, and until when."""

    department: Words
    reason: Words
    ground: str
    until: datetime


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
    person: str = ""
    """Name of who acted for the holder, or of for whom the holder may act; `person_id`: his subject."""
    person_id: str = ""
    times: int = 1
    """How often it happened on its day, where one entry tells of several."""
    late: Late | None = None
    asked: Sequence[str] = ()
    """Interfaces that were asked, as `code@version`. `given`: names of all that was given, as the entry has them."""
    given: Sequence[str] = ()


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

    async def listed(
        self, holder: Whose, after: str | None = None, *, wanted: Wanted = EVERYTHING, size: int | None = None
    ) -> tuple[Sequence[Access], str | None]:
        """A page, and behind which entry the next goes on. Of one department it may be short, or empty, and go on all
        the same: among the entries that were opened for it there were no more.
        """
        holder.require(SEES_OWN)
        return await self._database.read(lambda tx: self._page(tx, holder, after, wanted, size or PAGE))

    async def one(self, holder: Whose, entry_id: str) -> Access:
        """One of them. Raises: MissingError for one about somebody else, which goes on the ledger; for one that is held
        back it is the same, after as many questions to the database: ids of entries are public.
        """
        holder.require(SEES_OWN)

        def unit(tx: Connection) -> list[Access]:
            subject, now = subject_by_id(tx, holder.id), self._clock()
            one = rows.one(tx, self._vault, subject, entry_id)
            nothing = rows.Found("", entry_id, now, "", entry_id, None)
            held = late(tx, self._vault, subject, [one or nothing], now=now)
            return self._told(tx, [(one, held)] if one and not held.hides(one) else [])

        found = await self._database.read(unit)
        if not found:
            await refuse_other(self._database, self._log_key, holder, "access", self._clock())
            raise MissingError("access")
        return found[0]

    def _page(
        self, tx: Connection, holder: Whose, after: str | None, wanted: Wanted, size: int
    ) -> tuple[list[Access], str | None]:
        """As many as a page has, whatever is held back between them; and behind which place the next begins."""
        subject, now = subject_by_id(tx, holder.id), self._clock()
        office, only = names_of_office(tx, wanted.department), wanted.conditions()
        step, opened = (_STEP if office else size + 1), 0
        shown: list[tuple[rows.Found, Held]] = []
        while True:
            found = rows.page(tx, self._vault, subject, after=after, limit=step, only=only)
            held = late(tx, self._vault, subject, found, now=now)
            # What is held back neither counts nor is a place to go on from: where a page ends would tell of it.
            seen = [item for item in found if not held.hides(item)]
            if office:
                seen = seen[: _OPENED - opened]
                opened += len(seen)
            shown += [(item, held) for item in (of_office(tx, seen, office) if office else seen)]
            if opened >= _OPENED and len(shown) <= size:
                return self._told(tx, shown), seen[-1].place
            if len(found) < step or len(shown) > size:
                break
            after = found[-1].place
        more = len(shown) > size
        return self._told(tx, shown[:size]), shown[size - 1][0].place if more else None

    def _told(self, tx: Connection, found: Sequence[tuple[rows.Found, Held]]) -> list[Access]:
        """In words."""
        names = names_of(tx, [item.detail for item, _ in found if item.detail is not None])
        return [self._access(item, names, held.was(item)) for item, held in found]

    def _access(self, row: rows.Found, names: Names, order: Order | None) -> Access:
        what, look, detail = words_of(row.kind), kind_of(row.kind), row.detail
        held = None if order is None else _late(order, names)
        if detail is None:
            return Access(row.id, row.at, row.kind, look, what, whole=False, late=held)
        department = office_in(row.kind, detail, names.offices)
        matter, grounds = str(detail.get("matter") or ""), (names.grounds.get(one) for one in texts(detail, "grants"))
        kinds = [self._type(text) for text in _certificates(detail)]
        given = texts(detail, "fields")
        return Access(
            id=row.id,
            at=row.at,
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
            ground=list(dict.fromkeys(ground for ground in (*grounds, text(detail, "legal_basis")) if ground)),
            office=department,
            by=_by(detail),
            person=_person(detail, "name"),
            person_id=_person(detail, "id"),
            times=detail["times"] if isinstance(detail.get("times"), int) else 1,
            late=held,
            asked=interfaces_of(detail),
            given=given,
        )

    def _type(self, identifier: str) -> CertificateType | None:
        try:
            return self._types.newest(parse(identifier).type_code)
        except NumberingError:
            return None


def _late(order: Order, names: Names) -> Late:
    department = names.departments.get(order.department_id, (order.department_id, order.department_id))
    return Late(department, REASONS[order.reason], order.legal_basis, order.ended_at or order.until)


def _certificates(detail: Mapping[str, Any]) -> list[str]:
    single = detail.get("identifier")
    return texts(detail, "certificates") + ([single] if isinstance(single, str) else [])


def _person(detail: Mapping[str, Any], member: str) -> str:
    who = detail.get("agent") or detail.get("principal")
    return str(who.get(member) or "") if isinstance(who, Mapping) else ""


def _by(detail: Mapping[str, Any]) -> str:
    by = detail.get("by")
    return str(by.get("id") or "") if isinstance(by, Mapping) and by.get("kind") == "staff" else ""


def _field(name: str, kinds: Sequence[CertificateType | None]) -> Words:
    for kind in kinds:
        if kind is not None and name in kind.claims:
            title = kind.claims[name].title
            return title.zh, title.en
    return name, name
