"""The slip that somebody takes home from a life event: which departments' records were read, who looked, whom to ask.

What a record says is not on it, nor whether it cleared anything: a closed case tells nothing more.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, select

from catalog.tables import table
from hub.access.actors import Actor
from hub.clock import Clock
from hub.intake.counter.case_slips import codes_of
from hub.intake.counter.service import Counter
from hub.intake.families.reading import Member
from hub.intake.families.service import FamilyService
from hub.intake.handling.given import given, source_department
from hub.intake.store import Case
from hub.ledger.tables import LedgerEntryRow
from hub.registry.departments.store import Departments, read_departments
from hub.registry.meanings import Words
from hub.storage.database import Database
from hub.storage.vault import Vault

_ENTRIES: Final = table(LedgerEntryRow)
_LOOK: Final = "evidence.read"


@dataclass(frozen=True, slots=True)
class Read:
    """What a department's records were read for, by the counter."""

    department: str
    titles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Looks:
    """Of one matter: what the counter read and since when, how often whoever decides looked, and whom to ask."""

    matter: str
    at: datetime | None
    read: tuple[Read, ...]
    decider: str
    looked: tuple[datetime, ...]
    contact: str
    codes: Sequence[tuple[Words, str]] = field(repr=False)
    """By which its parties rate it once it has closed."""


class FamilySlips:
    """Writes slips."""

    def __init__(
        self, database: Database, *, counter: Counter, families: FamilyService, vault: Vault, clock: Clock
    ) -> None:
        self._database = database
        self._counter = counter
        self._families = families
        self._vault = vault
        self._clock = clock

    async def looks(self, actor: Actor, family_no: str, language: str) -> list[Looks]:
        """Case by case. Raises: ForbiddenError, NoCounterError, FamilyNotFoundError, IntegrityBrokenError."""
        family = await self._families.get(await self._counter.caller(actor), family_no)

        def unit(tx: Connection) -> list[Looks]:
            departments = read_departments(tx)
            members = self._families.reader.whole(tx, family).members
            return [self._looks(tx, item, departments, language) for item in members]

        return await self._database.write(unit)  # the codes to rate by, made where there are none

    def _looks(self, tx: Connection, item: Member, departments: Departments, language: str) -> Looks:
        owner = departments.by_code(item.matter.department_code)
        decider = departments.current(owner.id) if owner else None
        reads: dict[str, dict[str, None]] = {}
        first: datetime | None = None
        for answer in given(tx, self._vault, item.case):
            first = first or answer.decided_at
            for one in answer.items():
                known = item.matter.requirement(one["code"])
                title = known.title(language) if known else one["title"]
                for evidence in (one.get("evidence"), *one.get("further_evidence", ())):
                    if evidence:
                        reads.setdefault(source_department(evidence["source"]), {})[title] = None
        return Looks(
            matter=item.matter.name(language),
            at=first,
            read=tuple(Read(_name(departments, code, language), tuple(titles)) for code, titles in reads.items()),
            decider=_name(departments, decider.code, language) if decider else "",
            looked=_looked(tx, item.case),
            contact=decider.contact if decider else "",
            codes=codes_of(tx, self._vault, item.case, self._clock()),
        )


def _looked(tx: Connection, case: Case) -> tuple[datetime, ...]:
    mine = (_ENTRIES.c.case_id == case.id, _ENTRIES.c.kind == _LOOK)
    rows: Sequence[datetime] = (
        tx.execute(select(_ENTRIES.c.recorded_at).where(*mine).order_by(_ENTRIES.c.id)).scalars().all()
    )
    return tuple(rows)


def _name(departments: Departments, code: str, language: str) -> str:
    found = departments.by_code(code)
    if found is None:
        return code
    return found.name_en if language == "en" else found.name_zh
