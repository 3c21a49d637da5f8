"""The counter 受理台: a clerk opens a case, sees each requirement turn to its tick, and closes it.

Everything goes through the services that systems call, under the department's counter system and its grants; the clerk
is the case's operator. He sees outcomes and reasons; what the evidence says is for whoever decides the case.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import Connection, select

from catalog.grants import CaseKind
from catalog.matters.values import Matter
from catalog.tables import table
from hub.access.actors import Actor, Role
from hub.access.service import Caller
from hub.clock import Clock
from hub.intake import store
from hub.intake.asks.service import Asks
from hub.intake.cases import CaseService
from hub.intake.counter import lines
from hub.intake.counter.acting import counter_caller, purposes_of
from hub.intake.counter.asking import Asking, batches
from hub.intake.counter.binding import CardBinding
from hub.intake.counter.case_reading import CaseReading
from hub.intake.counter.presenting import Presenting
from hub.intake.counter.values import CounterCase, CounterOpening, Line, Recent
from hub.intake.errors import CaseClosedError, DuplicateCaseError
from hub.intake.families.store import family_no_of_case
from hub.intake.handling.errors import StageError
from hub.intake.handling.store import passed_over
from hub.intake.opening import Opening
from hub.intake.planning import Planning
from hub.intake.streaming.service import Streaming
from hub.intake.tables import CaseRow
from hub.issuing.types.registry import TypeRegistry
from hub.registry.matters.guard import MatterBook
from hub.storage.database import Database
from hub.storage.errors import IntegrityBrokenError
from hub.storage.vault import Vault

_CASES: Final = table(CaseRow)
_SHOWN: Final = 10
_ELSEWHERE: Final = 2.0
"""Seconds after which it is looked whether another process has got further."""
_TOGETHER: Final = 0.03
_Prepared = tuple[Caller, store.Case, Matter, dict[str, Sequence[Mapping[str, Any]]], list[lines.Answered]]


class Counter:
    """Use cases of a clerk. Each raises ForbiddenError, and NoCounterError where his department has no counter."""

    def __init__(
        self,
        database: Database,
        *,
        cases: CaseService,
        streaming: Streaming,
        planning: Planning,
        asks: Asks,
        presenting: Presenting,
        card_binding: CardBinding | None,
        vault: Vault,
        types: TypeRegistry,
        clock: Clock,
    ) -> None:
        self._database = database
        self._cases = cases
        self._planning = planning
        self.presenting = presenting
        self.readers = presenting.readers
        self.card_binding = card_binding
        self._vault = vault
        self._matters = MatterBook(vault)
        self._types = types
        self._asking = Asking(streaming)
        self._reading = CaseReading(
            database, planning=planning, asks=asks, asking=self._asking, vault=vault, clock=clock
        )

    async def caller(self, actor: Actor) -> Caller:
        """The system under which a clerk acts: his department's, and no other."""
        actor.require(Role.CLERK)
        return await self._database.read(lambda tx: counter_caller(tx, actor.department_id))

    async def close_down(self) -> None:
        """End what is on its way in this process."""
        await self._asking.close()

    async def recent(self, actor: Actor) -> list[Recent]:
        """The newest ten cases of this counter, of whichever clerk."""
        caller = await self.caller(actor)
        query = select(_CASES.c.case_no, _CASES.c.matter_id, _CASES.c.state, _CASES.c.opened_at)
        query = query.where(_CASES.c.system_id == caller.system_id).order_by(_CASES.c.id.desc()).limit(_SHOWN)

        def unit(tx: Connection) -> list[Recent]:
            found = []
            for row in tx.execute(query):
                with suppress(IntegrityBrokenError):  # one matter that is not believed does not keep the others away
                    item = self._matters.matter(tx, row.matter_id)
                    found.append(Recent(row.case_no, item.name_zh, item.name_en, row.state, row.opened_at))
            return found

        return await self._database.read(unit)

    async def open(self, actor: Actor, opening: CounterOpening) -> str:
        """Open a case and answer its number; the same form opens one.

        Raises: UnknownMatterError, PartyError, StorageError; PresentationRefusedError, LockedOutError: of a code shown.
        """
        caller = await self.caller(actor)
        external_no = f"counter-{opening.once}"
        if opening.codes:  # its code is used up: sent again, it leads to its case
            for known in await self._cases.by_external_no(caller, external_no):
                return known.case_no
        found = await self.presenting.present(actor, caller, opening)
        asked = Opening(
            matter=opening.code,
            kind=CaseKind.APPLICATION.value,
            parties=found.parties,
            subjects=(),
            operator={"id": actor.id, "name": actor.name},
            channel="counter",
            external_no=external_no,
            corroboration=found.corroboration,
            also=found.also,
            agents=found.agents,
        )
        try:
            return (await self._cases.open(caller, asked, request=None)).case_no
        except DuplicateCaseError as error:
            return error.case_no

    async def answer(self, actor: Actor, case_no: str, facts: Mapping[str, Any]) -> None:
        """Answers to the matter's questions, as the person gave them. Raises: CaseNotFoundError, CaseClosedError,
        FactError.
        """
        await self._cases.answer(await self.caller(actor), case_no, facts)

    async def ask(self, actor: Actor, case_no: str, language: str) -> None:
        """Ask for all that is not cleared yet and not on its way; what takes longer than a moment goes on by itself.

        Raises: CaseNotFoundError, CaseClosedError.
        """
        caller, case, matter, planned, found = await self._prepared(actor, case_no, language)
        items = lines.decided(self._vault, case, found)
        first = next(iter(planned.values()))
        shown = lines.lines_of(first, items, asking=(), departments={}, language=language)
        applying = {step["code"] for step in first if step["applies"]}
        wanted = {line.code for line in shown if not line.cleared or (line.spared and line.code in applying)}
        wanted -= self._asking.codes(case_no)
        await self._asking.begin(caller, case_no, list(batches(matter, planned, wanted, self._types)), language)

    async def choose(self, actor: Actor, case_no: str, line: Line, choice: str | None, language: str) -> None:
        """Ask once more for a line whose answer asked which one, and say which; None: take back what was said.

        Raises: as `ask`.
        """
        caller, _, matter, planned, _ = await self._prepared(actor, case_no, language)
        said = ((line.resume_token, choice),)
        again = [replace(batch, answers=said) for batch in batches(matter, planned, {line.code}, self._types)]
        await self._asking.begin(caller, case_no, again, language)

    async def _prepared(self, actor: Actor, case_no: str, language: str) -> _Prepared:
        """What is needed to ask: the plan by purpose, and what was decided so far."""
        caller = await self.caller(actor)
        case = await self._cases.get(caller, case_no)
        if case.state != store.OPEN:
            raise CaseClosedError

        def unit(tx: Connection) -> tuple[Matter, tuple[str, ...], list[lines.Answered]]:
            matter = self._matters.matter(tx, case.matter_id)
            return matter, purposes_of(tx, caller, case), lines.answers_of(tx, case)

        matter, purposes, found = await self._database.read(unit)
        planned = {
            purpose: (await self._planning.plan(caller, case_no, purpose=purpose, language=language))["requirements"]
            for purpose in purposes or (matter.name_zh,)
        }
        return caller, case, matter, planned, found

    async def look(self, actor: Actor, case_no: str, language: str) -> CounterCase:
        """The case as it stands. Of a closed one, no outcomes: nothing more is told of it.

        Raises: CaseNotFoundError, IntegrityBrokenError.
        """
        caller = await self.caller(actor)
        case = await self._cases.get(caller, case_no)
        matter, parties, purposes, family_no, passed = await self._database.read(
            lambda tx: (
                self._matters.matter(tx, case.matter_id),
                store.parties_of(tx, case.id),
                purposes_of(tx, caller, case),
                family_no_of_case(tx, case.id),
                passed_over(tx, case.id) if case.asked_at else frozenset[str](),
            )
        )
        people = lines.people(self._vault, case, list(parties.values()), language)
        if case.state == store.CLOSED:
            return CounterCase(case, matter.name(language), people, (), (), asking=False, family_no=family_no)
        found = await self._reading.of_open(caller, case, matter, people, (*purposes, matter.name_zh)[0], language)
        return replace(found, family_no=family_no, passed_over=passed)

    async def watch(self, actor: Actor, case_no: str, language: str) -> AsyncIterator[CounterCase]:
        """The case as it stands, and again whenever lines turn, until nothing is on its way. Raises: as `look`."""
        found = await self.look(actor, case_no, language)
        yield found
        while found.asking:
            await self._asking.turned(case_no, longest=_ELSEWHERE)
            await asyncio.sleep(_TOGETHER)  # lines that turn together are shown together
            found = await self.look(actor, case_no, language)
            yield found

    async def purpose(self, actor: Actor, case_no: str) -> str:
        """For what the counter asks in this case, by its grants. Raises: CaseNotFoundError."""
        caller = await self.caller(actor)
        case = await self._cases.get(caller, case_no)
        found = await self._database.read(lambda tx: purposes_of(tx, caller, case))
        return (*found, case.matter_code)[0]

    async def close(self, actor: Actor, case_no: str, *, when_paid: bool = False) -> None:
        """Close it, at once or `when_paid`: accepted now, and it closes itself when all that is owed has come.

        Raises: CaseNotFoundError, CaseClosedError, DebtsOpenError; StageError: it waits for a decision.
        """
        caller = await self.caller(actor)
        if (await self._cases.get(caller, case_no)).stage == "accepted":
            raise StageError("accepted")
        await self._cases.close(caller, case_no, when_paid=when_paid)
