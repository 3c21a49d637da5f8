"""The plan of a pull 取证计划: what it would ask and why, before anything is fetched. Nobody's data is read."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection

from catalog.grants import CaseKind, ResourceKind
from catalog.matters.applying import Listed, listed, questions
from catalog.matters.feeding import CLAIMS, OUTCOMES, PARTIES
from catalog.matters.ordering import waves
from catalog.matters.standing_in import described_stand_ins
from catalog.matters.values import Need
from catalog.store import grants_of
from hub.access.service import Caller
from hub.clock import Clock
from hub.intake import store
from hub.intake.cases import CaseService
from hub.intake.claiming import answering_of
from hub.intake.facts import fact_words, fed, filed_on, values_of
from hub.intake.holding import officer_of
from hub.intake.materials.service import material
from hub.intake.parties import each_party
from hub.intake.resolver import Covered, Outcome, Question, Why, absent, grants_for, unasked
from hub.intake.wording import why
from hub.issuing.types.registry import TypeRegistry
from hub.ledger.guards import check_guards, settled
from hub.registry.guarding import DefinitionGuard
from hub.registry.matters.guard import MatterBook
from hub.storage.database import Database
from hub.storage.vault import Vault


class Planning:
    """Explains pulls."""

    def __init__(
        self, database: Database, *, cases: CaseService, vault: Vault, types: TypeRegistry, clock: Clock
    ) -> None:
        self._database = database
        self._cases = cases
        self._vault = vault
        self._matters = MatterBook(vault)
        self._guard = DefinitionGuard(vault)
        self._types = types
        self._clock = clock

    async def plan(self, caller: Caller, case_no: str, *, purpose: str, language: str) -> dict[str, Any]:
        """Each requirement in force: whether it applies, by which condition, and by what it would be met; and the
        questions that are open, those first that settle most, beside the situations that answer several at once.

        Not looked at: quotas, and whether the party has anything.

        Raises: CaseNotFoundError.
        """
        case = await self._cases.get(caller, case_no)
        return await self._database.read(lambda tx: self._plan(tx, caller, case, purpose, language))

    def _plan(self, tx: Connection, caller: Caller, case: store.Case, purpose: str, language: str) -> dict[str, Any]:
        matter = self._matters.matter(tx, case.matter_id)
        parties = store.parties_of(tx, case.id)
        day, now = filed_on(case), self._clock()
        answering = answering_of(tx, self._guard, matter.requirements, now)
        named = any(item.interface_codes() for item in matter.requirements)

        def granted() -> Question:
            found = grants_of(tx, caller.system_id, CaseKind(case.kind))
            if named:
                found += grants_of(tx, caller.system_id, CaseKind(case.kind), ResourceKind.INTERFACE)
            check_guards(tx, self._vault, grants=found)
            return Question(
                case=case, parties=parties, purpose=purpose, grants=found, types=self._types.current(), held=(),
                exhausted=frozenset(), now=now, officer=officer_of(self._vault, case),
                values=fed(matter, values_of(self._vault, case, matter, parties)), filed_on=day,
                answering=answering, after=matter.after,
            )  # fmt: skip

        question = settled(granted)
        found = listed(matter, question.values, on=day)
        each = [
            replace(item, requirement=one) for item in found for one in each_party(matter, [item.requirement], parties)
        ]
        return {
            "case_no": case.case_no,
            "matter": matter.code,
            "filed_on": day.isoformat(),
            "requirements": [_line(item, question, language) for item in each],
            "waves": [list(wave) for wave in waves(matter)],
            "situations": [item.said(language) for item in matter.situations],
            "questions": [fact_words(matter.facts[code], language) for code in questions(matter, found)],
        }


def _line(item: Listed, question: Question, language: str) -> dict[str, Any]:
    requirement, verdict = item.requirement, item.applies
    early = unasked(requirement, question)
    after = question.after.get(requirement.code, frozenset())
    if early is None and requirement.party not in question.parties and not after:  # an answer may still name one
        early = absent(requirement)
    never = early is not None and early.outcome is Outcome.NOT_APPLICABLE
    said: dict[str, Any] = {
        "code": requirement.code,
        "title": requirement.title(language),
        "party": requirement.party,
        "material": material(question.case.materials, requirement),
        "legal_basis": requirement.legal_basis,
        "applies": False if never else verdict.value,
        "condition": requirement.when.source if requirement.when else None,
        "missing": sorted(
            {name.removeprefix("facts.") for name in verdict.missing if not _told(name, after)} | {*item.narrowing}
        ),
        "after": sorted(after),
    }
    if never and early is not None:
        return said | {"why": why(early.why.code, early.why.params, language), "ways": []}
    covered, objection = grants_for(requirement, question)
    ways = [
        {"types": [need.type_code for need in needs if need.interface is None]}
        | ({"interfaces": asked} if (asked := [need.interface for need in needs if need.interface]) else {})
        | {"granted": any(_covers(uses, needs) for uses in covered)}
        for needs in requirement.alternatives
    ]
    refused = Why("no_provider") if not requirement.alternatives else None if covered else objection
    reason = early.why if early is not None else refused
    told = {"why": why(reason.code, reason.params, language)} if reason is not None else {}
    lower = list(described_stand_ins(requirement.stand_ins))
    return said | {"ways": ways} | told | ({"stand_ins": lower} if lower else {})


def _told(name: str, after: Collection[str]) -> bool:
    """Whether the answer to another requirement will tell it, and nobody is asked."""
    return name.startswith((CLAIMS, OUTCOMES)) or (bool(after) and name.startswith(PARTIES))


def _covers(uses: Covered, needs: Sequence[Need]) -> bool:
    return tuple(need for need, _ in uses) == tuple(needs)
