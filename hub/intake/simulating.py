"""The simulator: which type or interface next would save most papers, by the cases that this hub has had."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from sqlalchemy import Connection, select

from catalog.grants import CaseKind, GrantState, ResourceKind
from catalog.matters.simulating import SUPPOSES, Unmet, simulate
from catalog.matters.values import Need, Requirement
from catalog.store import grants_of
from catalog.tables import table
from hub.access.actors import Actor, Role
from hub.clock import Clock
from hub.intake import store
from hub.intake.outcomes import ASKED
from hub.intake.rulings import last_rulings
from hub.intake.tables import CaseRow
from hub.issuing.types.registry import TypeRegistry
from hub.registry.matters.examining import known_to
from hub.registry.matters.guard import MatterBook
from hub.storage.database import Database
from hub.storage.vault import Vault

_CASES: Final = table(CaseRow)
_PAGE: Final = 200
_MOST: Final = 50_000
"""Cases that are looked at, the newest first: beyond that the figures say nothing new."""


class Simulating:
    """Counts what was asked of people, and tries out what would have spared it."""

    def __init__(self, database: Database, *, vault: Vault, types: TypeRegistry, clock: Clock) -> None:
        self._database = database
        self._vault = vault
        self._matters = MatterBook(vault)
        self._types = types
        self._clock = clock

    async def simulate(
        self, actor: Actor, *, days: int, weights: Mapping[str, int] | None = None, most: int = _MOST
    ) -> dict[str, Any]:
        """Over the cases of the last days, open and closed, by how each requirement was answered last.

        Read are outcomes, reasons and rules; no number, name or value. Not counted: what nobody asked the hub for.

        Args:
            weights: how many cases one stands for, by the part of the intake system's own number before its first "-";
                what has no weight is left out. None: each stands for itself.
            most: how many cases are looked at, about, the newest first.
        Raises: ForbiddenError, IntegrityBrokenError.
        """
        actor.require(Role.OPERATOR, Role.AUDITOR)
        since = self._clock() - timedelta(days=days)
        unmet: list[Unmet] = []
        counted, looked, last = 0, 0, None
        while looked < most:
            numbers = await self._database.read(partial(_page, since=since, last=last))
            if not numbers:
                break
            last, looked = numbers[-1][0], looked + len(numbers)
            weighed = [(number, _weight(external, weights)) for _, number, external in numbers]
            wanted = [(number, weight) for number, weight in weighed if weight]
            unmet += await self._database.read(partial(self._unmet, numbers=wanted))
            counted += sum(weight for _, weight in wanted)
        return await self._database.read(lambda tx: self._simulated(tx, unmet, days, counted))

    def _unmet(self, tx: Connection, numbers: list[tuple[str, int]]) -> list[Unmet]:
        found = []
        for number, weight in numbers:
            case = store.find_case(tx, number)
            if case is None:
                continue
            matter = self._matters.matter(tx, case.matter_id)
            for (code, _), ruling in last_rulings(tx, self._vault, case).items():
                requirement = matter.requirement(code)
                if requirement is not None and ruling.said("outcome") in ASKED:
                    granted = self._granted(tx, case, requirement) if ruling.said("outcome") == "not_granted" else ()
                    outcome, why = ruling.said("outcome"), ruling.said("why")
                    found.append(Unmet(case.id, requirement, outcome, why, matter.code, frozenset(granted), weight))
        return found

    def _granted(self, tx: Connection, case: store.Case, requirement: Requirement) -> set[str]:
        kind = CaseKind(case.kind)
        grants = [item for each in ResourceKind for item in grants_of(tx, case.system_id, kind, each)]
        live = [item for item in grants if item.state is GrantState.LIVE and case.matter_code in item.terms.matters]

        def covered(need: Need) -> bool:
            wanted = ResourceKind.CERTIFICATE_TYPE if need.interface is None else ResourceKind.INTERFACE
            mine = (item for item in live if item.resource == need.code and item.resource_kind is wanted)
            return any(item.terms.fields.issuperset(need.wanted) for item in mine)

        return {need.code for needs in requirement.alternatives for need in needs if covered(need)}

    def _simulated(self, tx: Connection, unmet: list[Unmet], days: int, cases: int) -> dict[str, Any]:
        asked = {id(item.requirement): item.requirement for item in unmet}
        known = known_to(tx, self._types, asked=list(asked.values()))
        complete = {code for code, item in self._types.current().items() if item.type.complete}
        found = simulate(unmet, known, complete)
        titles = {f"{item.matter}/{item.requirement.code}": _paper(item.requirement) for item in unmet}
        told = [
            item.as_json() | {"name": titles.get(item.code) or _name(item.code, known.types, known.interfaces)}
            for item in found.savings
        ]
        return {
            "days": days,
            "cases": cases,
            "papers_asked": found.papers,
            "next": told,
            "not_by_one": found.beyond,
            "supposes": [{"zh": zh, "en": en} for zh, en in SUPPOSES],
        }


def _page(tx: Connection, since: datetime, last: str | None) -> list[tuple[str, str, str]]:
    columns = (_CASES.c.id, _CASES.c.case_no, _CASES.c.external_no)
    query = select(*columns).where(_CASES.c.opened_at >= since).order_by(_CASES.c.id.desc()).limit(_PAGE)
    rows = tx.execute(query if last is None else query.where(_CASES.c.id < last))
    return [(row.id, row.case_no, row.external_no) for row in rows]


def _weight(external_no: str, weights: Mapping[str, int] | None) -> int:
    return 1 if weights is None else weights.get(external_no.partition("-")[0], 0)


def _paper(requirement: Requirement) -> dict[str, str]:
    """What paper it is."""
    zh, en = requirement.own_paper_zh, requirement.own_paper_en
    return {"zh": zh or requirement.title_zh, "en": en or requirement.title_en}


def _name(code: str, *known: Mapping[str, Any]) -> dict[str, str] | None:
    found = next((each[code] for each in known if code in each), None)
    return {"zh": found.name_zh, "en": found.name_en} if found is not None else None
