"""What became of the papers that a department's cases wanted: the waterfall of a department, beside what it asked for.

Counted from what was decided, as the ledger holds it: no number, name or value is read. What nobody asked the hub for
is not counted; what a clerk asked for all the same was asked of the person, whatever the hub had answered.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from sqlalchemy import Connection, func, select

from catalog.tables import table
from catalog.waterfall import Counted, Step, step_of
from hub.access.actors import Actor
from hub.clock import Clock
from hub.intake import store as cases
from hub.intake.asks.service import supervised
from hub.intake.asks.store import asked_in
from hub.intake.outcomes import ASKED, Outcome
from hub.intake.rulings import Ruling, last_rulings
from hub.intake.tables import CaseRow
from hub.registry.matters.guard import MatterBook
from hub.storage.database import Database
from hub.storage.vault import Vault

MOST: Final = 500
"""Cases that are looked at, the newest first: each costs some milliseconds of opening what is sealed."""
SAVED: Final = (Step.MERGED, Step.CERTIFICATE, Step.SHARED_DATA, Step.VERIFIED, Step.COPY_REUSED)
"""Where a paper went that the matter wanted and nobody brought."""
_PAGE: Final = 100
_SANDBOX: Final = "sandbox."
_CASES: Final = table(CaseRow)


@dataclass(frozen=True, slots=True)
class Papers:
    """Papers by what became of them. `insisted`: those among the asked that a clerk wanted all the same."""

    cases: int
    steps: Counter[Step]
    insisted: int

    @property
    def wanted(self) -> int:
        """All of them."""
        return sum(self.steps.values())

    @property
    def saved(self) -> int:
        """Those that were wanted, and nobody brought."""
        return sum(self.steps[step] for step in SAVED)

    @property
    def asked(self) -> int:
        """Those that the person was asked for."""
        return self.steps[Step.ASKED]


@dataclass(frozen=True, slots=True)
class Fates:
    """Over the newest cases of the last days. `all_cases`: how many there were."""

    whole: Papers
    matters: Mapping[str, Papers]
    """By code."""
    all_cases: int


class PaperCounts:
    """Counts papers for supervisors."""

    def __init__(self, database: Database, *, vault: Vault, clock: Clock) -> None:
        self._database = database
        self._vault = vault
        self._matters = MatterBook(vault)
        self._clock = clock

    async def fates(self, actor: Actor, *, days: int, department_id: str | None = None) -> Fates:
        """By matter and together, of the actor's department; operator and auditor see all, or the one they name.

        Raises: ForbiddenError, IntegrityBrokenError.
        """
        mine = supervised(actor, department_id)
        since = self._clock() - timedelta(days=days)
        numbers, total = await self._database.read(lambda tx: _cases_of(tx, mine, since))
        counted: list[_Line] = []
        for at in range(0, len(numbers), _PAGE):  # in short reads: nobody waits behind a supervisor
            counted += await self._database.read(partial(self._count, numbers=numbers[at : at + _PAGE]))
        matters: dict[str, list[_Line]] = {}
        for line in counted:
            matters.setdefault(line.matter, []).append(line)
        each = {code: _together(lines) for code, lines in matters.items()}
        return Fates(_together(counted), dict(sorted(each.items(), key=lambda item: (-item[1].asked, item[0]))), total)

    async def of_case(self, case_no: str) -> Papers:
        """Of one case, for nobody in particular. Raises: IntegrityBrokenError."""
        return _together(await self._database.read(partial(self._count, numbers=[case_no])))

    def _count(self, tx: Connection, numbers: list[str]) -> list["_Line"]:
        known = [case for number in numbers if (case := cases.find_case(tx, number)) is not None]
        insisted = asked_in(tx, [case.id for case in known])
        return [line for case in known for line in self._lines(tx, case, insisted)]

    def _lines(self, tx: Connection, case: cases.Case, insisted: Collection[tuple[str, str, str]]) -> list["_Line"]:
        matter = self._matters.matter(tx, case.matter_id)
        found = []
        for (code, party), ruling in last_rulings(tx, self._vault, case).items():
            requirement, outcome = matter.requirement(code), ruling.said("outcome")
            if requirement is None or outcome not in set(Outcome) or ruling.kind.startswith(_SANDBOX):
                continue
            again = (case.id, code, party) in insisted
            asked = again or outcome in ASKED
            line = Counted(code, party, case.department_code, requirement.papers, outcome, _rung(ruling), asked)
            found.append(_Line(case.case_no, matter.code, step_of(line), requirement.papers, insisted=again))
        return found


@dataclass(frozen=True, slots=True)
class _Line:
    case_no: str
    matter: str
    step: Step
    papers: int
    insisted: bool


def _together(lines: Collection[_Line]) -> Papers:
    steps: Counter[Step] = Counter()
    for line in lines:
        steps[line.step] += line.papers
    insisted = sum(line.papers for line in lines if line.insisted)
    return Papers(len({line.case_no for line in lines}), steps, insisted)


def _rung(ruling: Ruling) -> str:
    detail: Mapping[str, Any] = ruling.detail or {}
    fetched = "shared_data" if detail.get("interfaces") and not detail.get("certificates") else "certificate"
    return str(detail.get("rung") or fetched)


def _cases_of(tx: Connection, department_id: str | None, since: datetime) -> tuple[list[str], int]:
    where = _CASES.c.opened_at >= since
    if department_id is not None:
        where &= _CASES.c.owner_department_id == department_id
    newest = select(_CASES.c.case_no).where(where).order_by(_CASES.c.id.desc()).limit(MOST)
    total = tx.execute(select(func.count()).select_from(_CASES).where(where)).scalar_one()
    return list(tx.execute(newest).scalars()), int(total)
