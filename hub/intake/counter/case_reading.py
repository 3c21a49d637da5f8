"""How an open case stands, line by line: what was planned, what was decided, what is being asked, and what a clerk may
still do about it.
"""

from dataclasses import replace
from typing import Any

from catalog.matters.values import Matter
from catalog.store import list_departments
from hub.access.service import Caller
from hub.clock import Clock
from hub.intake import store
from hub.intake.asks.reasons import REASONS, Reason
from hub.intake.asks.service import Asks
from hub.intake.counter import lines
from hub.intake.counter.asking import Asking
from hub.intake.counter.values import CounterCase, Line
from hub.intake.lower.values import serves
from hub.intake.planning import Planning
from hub.intake.resolving.asked_back import AskingBack
from hub.storage.database import Database
from hub.storage.vault import Vault
from hub.threads import off_loop


class CaseReading:
    """Reads open cases. Whether the caller may see them is checked before."""

    def __init__(
        self, database: Database, *, planning: Planning, asks: Asks, asking: Asking, vault: Vault, clock: Clock
    ) -> None:
        self._database = database
        self._planning = planning
        self._asks = asks
        self._asking = asking
        self._vault = vault
        self._clock = clock

    async def of_open(
        self, caller: Caller, case: store.Case, matter: Matter, people: list[Any], purpose: str, language: str
    ) -> CounterCase:
        """What its lines say, planned for this purpose."""
        plan = await self._planning.plan(caller, case.case_no, purpose=purpose, language=language)
        found, elsewhere, known = await self._database.read(
            lambda tx: (
                lines.answers_of(tx, case),
                lines.being_asked(tx, case, self._clock()),
                {item.code: item.name_en if language == "en" else item.name_zh for item in list_departments(tx)},
            )
        )
        size = sum(len(sealed or b"") for _, _, sealed in found)
        items = await off_loop(size, lambda: lines.decided(self._vault, case, found))
        asking = self._asking.codes(case.case_no)
        asked = (await self._asks.of_case(caller, case.case_no, language))["asks"]
        place = 2 if language == "en" else 1
        insisted = {(item["requirement"], item["party"]): REASONS[Reason(item["reason"])][place] for item in asked}
        shown = lines.lines_of(
            plan["requirements"], items, asking=asking, departments=known, language=language, insisted=insisted
        )
        kept = AskingBack(self._vault).remembered(case)
        shown = lines.with_choices(shown, {(one["requirement"], one["party"]): one["resume_token"] for one in kept})
        shown = [_with_stand_ins(line, matter) for line in shown]
        return CounterCase(
            case,
            matter.name(language),
            people,
            shown,
            plan["questions"],
            asking=bool(asking) or elsewhere,
            situations=plan.get("situations", ()),
            has_form=bool(matter.form.fields),
        )


def _with_stand_ins(line: Line, matter: Matter) -> Line:
    """The line with what may stand in for its paper: only where nobody has it, never for what is owed or refused."""
    requirement = matter.requirement(line.code)
    if requirement is None or line.outcome is None or not serves(requirement, line.outcome):
        return line
    stand_ins = requirement.stand_ins
    return replace(line, may_scan=bool(stand_ins.sealed_copy), may_promise=stand_ins.commitment is not None)
