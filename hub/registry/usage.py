"""Who used what and why: a department reads in the ledger how its interfaces and licences were used, without persons.

Entries are decrypted here, counted, and shown with case, matter, purpose and outcome; no party, no value. Entries whose
key was erased say nothing any more and are counted as such.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from sqlalchemy import Connection, and_, select

from catalog.errors import DefinitionError
from catalog.tables import GrantRow, InterfaceRow, table
from certificates.tables import SubjectRow
from hub.access.actors import Actor, Role
from hub.clock import BEIJING, Clock
from hub.intake.tables import CaseRow
from hub.ledger.entries import open_detail
from hub.ledger.tables import LedgerEntryRow
from hub.storage.database import Database
from hub.storage.errors import IntegrityBrokenError
from hub.storage.vault import Vault

KINDS: Final = ("disclosure", "answer", "refusal")
MAX_DAYS: Final = 92
MAX_READ: Final = 50_000
MAX_SHOWN: Final = 500
_ENTRIES: Final = table(LedgerEntryRow)
_CASES: Final = table(CaseRow)
_SUBJECTS: Final = table(SubjectRow)
_GRANTS: Final = table(GrantRow)
_INTERFACES: Final = table(InterfaceRow)


@dataclass(frozen=True, slots=True)
class Use:
    """One entry, without the person it was about."""

    entry: str
    at: datetime
    resource: str
    system: str
    matter: str
    case_no: str
    purpose: str
    outcome: str
    why: str
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Usage:
    """What was found between two days. `counts`: (day, resource, system, matter, outcome) → how often.

    `uses` are the newest; `cut`: there were more entries than are read at once; `mute`: entries that were erased.
    """

    counts: Mapping[tuple[str, str, str, str, str], int]
    uses: tuple[Use, ...]
    cut: bool
    mute: int


@dataclass(frozen=True, slots=True)
class _Own:
    interfaces: frozenset[str]
    grants: Mapping[str, str]


class UsageService:
    """Reads the ledger for the owner of the data. Operator and auditor see the whole city's use."""

    def __init__(self, database: Database, *, vault: Vault, clock: Clock) -> None:
        self._database = database
        self._vault = vault
        self._clock = clock

    async def between(self, actor: Actor, first: date, last: date, *, resource: str = "", system: str = "") -> Usage:
        """Uses from the first to the last day, Beijing time, of one resource or system if named.

        Raises: DefinitionError for more than 92 days, ForbiddenError.
        """
        actor.require(Role.OWNER_ENGINEER, Role.OWNER_APPROVER, Role.OPERATOR, Role.AUDITOR)
        if not timedelta(0) <= last - first < timedelta(days=MAX_DAYS):
            raise DefinitionError(f"usage: from 1 to {MAX_DAYS} days")
        begin, end = (datetime.combine(day, time(), BEIJING) for day in (first, last + timedelta(days=1)))
        return await self._database.read(lambda tx: self._read(tx, actor, begin, end, resource, system))

    def _read(self, tx: Connection, actor: Actor, begin: datetime, end: datetime, resource: str, system: str) -> Usage:
        own = _own(tx, actor)
        counts: Counter[tuple[str, str, str, str, str]] = Counter()
        uses: list[Use] = []
        mute = read = 0
        for row in tx.execute(_entries(begin, end)):
            read += 1
            detail = self._opened(row)
            if detail is None:
                mute += 1
                continue
            use = _use(row.id, row.recorded_at, detail, own)
            if use is None or (resource and use.resource != resource) or (system and use.system != system):
                continue
            day = use.at.astimezone(BEIJING).date().isoformat()
            counts[day, use.resource, use.system, use.matter, use.outcome] += 1
            if len(uses) < MAX_SHOWN:
                uses.append(use)
        return Usage(dict(sorted(counts.items(), reverse=True)), tuple(uses), read == MAX_READ, mute)

    def _opened(self, row: Any) -> dict[str, Any] | None:
        wrapped, kid = (row.subject_key, row.subject_kid) if row.subject_id else (row.case_key, row.case_kid)
        if not wrapped or row.detail is None:
            return None
        try:
            content = open_detail(row.id, row.detail, row.commitment, key=self._vault.data_key(wrapped, kid))
        except (IntegrityBrokenError, ValueError):
            return None
        return {**content["detail"], "kind": content["kind"]}


def _entries(begin: datetime, end: datetime) -> Any:
    where = and_(
        _ENTRIES.c.kind.in_(KINDS),
        _ENTRIES.c.recorded_at >= begin,
        _ENTRIES.c.recorded_at < end,
        _ENTRIES.c.case_id.is_not(None),
    )
    return (
        select(
            _ENTRIES,
            _CASES.c.data_key.label("case_key"),
            _CASES.c.kek_kid.label("case_kid"),
            _SUBJECTS.c.data_key.label("subject_key"),
            _SUBJECTS.c.kek_kid.label("subject_kid"),
        )
        .outerjoin(_CASES, _CASES.c.id == _ENTRIES.c.case_id)
        .outerjoin(_SUBJECTS, _SUBJECTS.c.id == _ENTRIES.c.subject_id)
        .where(where)
        .order_by(_ENTRIES.c.id.desc())
        .limit(MAX_READ)
    )


def _own(tx: Connection, actor: Actor) -> _Own:
    """What the actor's department gives: its interfaces, and the resource of each of its grants."""
    interfaces, grants = select(_INTERFACES.c.code), select(_GRANTS.c.id, _GRANTS.c.type_code)
    if not actor.roles & {Role.OPERATOR, Role.AUDITOR}:
        interfaces = interfaces.where(_INTERFACES.c.owner_department_id == actor.department_id)
        grants = grants.where(_GRANTS.c.owner_department_id == actor.department_id)
    return _Own(
        frozenset(tx.execute(interfaces.distinct()).scalars()), {row.id: row.type_code for row in tx.execute(grants)}
    )


def _use(entry: str, at: datetime, detail: Mapping[str, Any], own: _Own) -> Use | None:
    """The use that an entry tells of, None for one of another department's data."""
    resource = detail.get("interface", "")
    if resource not in own.interfaces:
        resource = next((own.grants[item] for item in detail.get("grants", ()) if item in own.grants), "")
    if not resource:
        return None
    return Use(
        entry=entry,
        at=at,
        resource=resource,
        system=detail.get("client_id", ""),
        matter=detail.get("matter", ""),
        case_no=detail.get("case_no", ""),
        purpose=detail.get("purpose", ""),
        outcome=detail.get("outcome", "refused_before_asking"),
        why=detail.get("why", "") or detail.get("reason", ""),
        fields=tuple(detail.get("fields", ())),
    )
