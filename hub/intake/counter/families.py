"""A life event 一件事 at the counter: opened by one card, asked once for all its matters, taken in and ended together.

It goes through the counter's own use cases, case by case, and through those of families; there is no other way to data.
"""

import asyncio
import hashlib
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from sqlalchemy import select

from catalog.store import list_departments
from catalog.tables import table
from hub.access.actors import Actor
from hub.access.service import Caller
from hub.intake import store
from hub.intake.counter.family_reading import has_form, parts_of, people_of, questions_of
from hub.intake.counter.family_values import CounterFamily, FamilyCase, proofs_of
from hub.intake.counter.lines import whose
from hub.intake.counter.service import Counter
from hub.intake.counter.values import CounterCase, CounterOpening
from hub.intake.errors import DebtsOpenError, DuplicateCaseError
from hub.intake.families import store as rows
from hub.intake.families.asking import FamilyAsking, FamilyCall
from hub.intake.families.casting import FamilyOpening
from hub.intake.families.reading import Member, Whole
from hub.intake.families.service import FamilyService
from hub.intake.families.tables import CaseFamilyRow
from hub.intake.handling.asking_more import Asking
from hub.intake.handling.errors import AskedAlreadyError, AskError, HandlingError, MandateMissingError
from hub.intake.handling.file import CaseFiles
from hub.intake.handling.stages import Stages
from hub.intake.handling.steps import Hand, by_system
from hub.issuing.types.registry import TypeRegistry
from hub.storage.database import Database

_FAMILIES: Final = table(CaseFamilyRow)
_SHOWN: Final = 5


class FamilyCounter:
    """Use cases of a clerk. Each raises as the counter's, and FamilyNotFoundError for another counter's family."""

    def __init__(
        self,
        database: Database,
        *,
        counter: Counter,
        families: FamilyService,
        asking: FamilyAsking,
        stages: Stages,
        files: CaseFiles,
        types: TypeRegistry,
    ) -> None:
        self._database = database
        self._counter = counter
        self._families = families
        self._asking = asking
        self._stages = stages
        self._files = files
        self._types = types

    async def open(self, actor: Actor, opening: CounterOpening) -> str:
        """Open it and answer its number.

        Raises: UnknownEventError, PartyError, FactError, StorageError; PresentationRefusedError, LockedOutError: of a
        code shown.
        """
        caller = await self._counter.caller(actor)
        external_no = f"counter-{opening.once}"
        if opening.codes:  # they are used up: sent again, they lead to their family
            known = await self._database.read(lambda tx: rows.family_no_of(tx, caller.system_id, external_no))
            if known is not None:
                return known
        here = await self._counter.presenting.present(actor, caller, opening)
        asked = FamilyOpening(
            event=opening.code,
            parties=here.parties,
            subjects=(),
            operator={"id": actor.id, "name": actor.name},
            channel="counter",
            external_no=external_no,
            corroboration=here.corroboration,
            agents=here.agents,
        )
        try:
            return (await self._families.open(caller, asked, request=None, also=here.also)).family_no
        except DuplicateCaseError as error:
            return error.case_no

    async def recent(self, actor: Actor) -> list[tuple[str, str]]:
        """Number and event of the newest of this counter that are open."""
        caller = await self._counter.caller(actor)
        mine = (_FAMILIES.c.system_id == caller.system_id, _FAMILIES.c.state == rows.OPEN)
        query = select(_FAMILIES.c.family_no, _FAMILIES.c.event_code).where(*mine)
        query = query.order_by(_FAMILIES.c.id.desc()).limit(_SHOWN)
        return await self._database.read(lambda tx: [(row.family_no, row.event_code) for row in tx.execute(query)])

    async def look(self, actor: Actor, family_no: str, language: str) -> CounterFamily:
        """As it stands. Of closed cases no outcomes. Raises: FamilyNotFoundError, IntegrityBrokenError."""
        caller = await self._counter.caller(actor)
        family = await self._families.get(caller, family_no)
        whole, departments = await self._database.read(
            lambda tx: (
                self._families.reader.whole(tx, family),
                {item.code: item.name_en if language == "en" else item.name_zh for item in list_departments(tx)},
            )
        )
        found = [await self._counter.look(actor, item.case.case_no, language) for item in whole.members]
        cases = [
            await self._case(caller, item, one, whole, departments, language)
            for item, one in zip(whole.members, found, strict=True)
        ]
        keyed = [
            (key, whose(party, language), part)
            for item, one in zip(whole.members, found, strict=True)
            for key, party, part in parts_of(whole, item, one, language)
        ]
        return CounterFamily(
            family=family,
            title=whole.event.title(language),
            people=people_of(whole, language),
            cases=cases,
            proofs=proofs_of(keyed),
            questions=questions_of(whole, found, language),
            withdrawn=family.withdrawn,
            has_form=has_form(whole),
        )

    async def answer(self, actor: Actor, family_no: str, facts: Mapping[str, Any]) -> None:
        """The person's answers, once for all cases. Raises: FamilyNotFoundError, CaseClosedError, FactError."""
        await self._families.answer(await self._counter.caller(actor), family_no, facts)

    async def ask(self, actor: Actor, family_no: str, language: str) -> None:
        """Ask in every case that is not decided, all at once; what takes longer than a moment goes on by itself.

        Raises: FamilyNotFoundError, CaseClosedError.
        """
        caller = await self._counter.caller(actor)
        family = await self._families.get(caller, family_no)
        members = await self._database.read(lambda tx: rows.members_of(tx, family.id))
        still = [case for case in members if case.state == store.OPEN and case.stage != "decided"]
        purposes = {case.matter_code: await self._counter.purpose(actor, case.case_no) for case in still}
        first = next(iter(purposes.values()), "")
        asked = hashlib.sha256(f"counter\n{family_no}".encode()).hexdigest()
        await self._asking.begin(caller, family, FamilyCall(family_no, first, purposes, language, asked))
        await asyncio.gather(*(self._counter.ask(actor, case.case_no, language) for case in still))
        await self._asking.settle(family, language)

    async def accept(self, actor: Actor, family_no: str, language: str) -> list[str]:
        """Take in every case that is asked through, for whoever decides it; answers the matters for which this counter
        has no mandate. Raises: FamilyNotFoundError.
        """
        found = await self.look(actor, family_no, language)
        hand, refused = await self._hand(actor), []
        for item in found.cases:
            if item.fileable and not item.found.unknown:
                try:
                    await self._stages.accept(hand, item.found.case.case_no)
                except MandateMissingError:
                    refused.append(item.found.matter_name)
        return refused

    async def tell(self, actor: Actor, family_no: str, language: str) -> None:
        """Tell everything that is missing, once, in every case that has not been told; what another case gives is asked
        of nobody. Raises: FamilyNotFoundError.
        """
        caller = await self._counter.caller(actor)
        await self._asking.settle(await self._families.get(caller, family_no), language)
        found = await self.look(actor, family_no, language)
        missing: dict[str, list[tuple[str, str | None]]] = {}
        for part in (part for proof in found.proofs for part in proof.parts if not part.waits):
            if part.line.wanted or part.line.first_settled:
                missing.setdefault(part.case_no, []).append((part.line.code, part.line.party))
        hand = await self._hand(actor)
        for item in found.cases:
            case_no = item.found.case.case_no
            if item.found.open and case_no in missing:
                # It was told before, or an answer came meanwhile: the sheet has it either way.
                with suppress(AskedAlreadyError, AskError, HandlingError):
                    await self._stages.ask_more(hand, case_no, Asking(missing[case_no]))

    async def supplied(self, actor: Actor, family_no: str, language: str) -> None:
        """What was missing has come, in every case that was told. Raises: FamilyNotFoundError."""
        found, hand = await self.look(actor, family_no, language), await self._hand(actor)
        for item in found.cases:
            case = item.found.case
            if case.asked_at and not case.supplied_at and case.stage == "filed" and item.found.open:
                await self._stages.supplied(hand, case.case_no)

    async def close(self, actor: Actor, family_no: str) -> bool:
        """One exit: close every case that waits for no decision; where something is owed, it closes itself when that
        has come. Answers whether something is left to a decision or a department. Raises: FamilyNotFoundError.
        """
        caller = await self._counter.caller(actor)
        family = await self._families.get(caller, family_no)
        left = False
        for case in await self._database.read(lambda tx: rows.members_of(tx, family.id)):
            if case.state != store.OPEN:
                left = left or case.state != store.CLOSED
            elif case.stage == "accepted":
                left = True
            else:
                try:
                    await self._counter.close(actor, case.case_no)
                except DebtsOpenError:
                    await self._counter.close(actor, case.case_no, when_paid=True)
                    left = True
        return left

    async def _hand(self, actor: Actor) -> Hand:
        return by_system(await self._counter.caller(actor), {"id": actor.id, "name": actor.name})

    async def _case(
        self,
        caller: Caller,
        item: Member,
        found: CounterCase,
        whole: Whole,
        departments: Mapping[str, str],
        language: str,
    ) -> FamilyCase:
        hand = by_system(caller, {})
        progress = await self._files.progress(hand, item.case.case_no)
        named = [one for step in progress["steps"] if step["step"] == "decide" for one in step.get("results", ())]
        names = {member.matter.code: member.matter.name(language) for member in whole.members}
        first = [names[code] for code in whole.first.get(item.matter.code, ()) if code in whole.coming]
        return FamilyCase(
            found=found,
            department=departments.get(item.matter.department_code, ""),
            first=tuple(first) if item.case.stage in {"filed", "accepted"} and found.open else (),
            clocks=tuple(clock for clock in progress["clocks"] if clock.get("due_at")),
            results=tuple((self._type_words(one, item, language), one) for one in named),
        )

    def _type_words(self, identifier: str, item: Member, language: str) -> str:
        for result in item.matter.results:
            known = self._types.current().get(result.type_code)
            if known is not None and result.type_code in identifier:
                return str(known.type.name.en if language == "en" else known.type.name.zh)
        return ""
