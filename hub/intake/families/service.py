"""Families: opened at once in one transaction, shown in one view, with one form, closed when all their cases are."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from catalog.life_events.joining import one_form
from hub.access.service import Caller
from hub.clock import BEIJING, Clock
from hub.intake import store as cases_store
from hub.intake.cases import CaseService
from hub.intake.errors import (
    CaseClosedError,
    FamilyNotFoundError,
)
from hub.intake.families import store
from hub.intake.families.casting import FamilyOpening, checked_facts, chosen, facts_for
from hub.intake.families.events import EventService
from hub.intake.families.opening import Also, FamilyOpener
from hub.intake.families.reading import FamilyReader, Whole
from hub.intake.families.store import Family, opening_place
from hub.intake.families.views import shown
from hub.intake.forms.disclosed import Disclosed, Disclosures
from hub.intake.forms.service import Sheet
from hub.intake.parties import numbered
from hub.ledger.entries import Draft, append, seal
from hub.storage.database import Database
from hub.storage.errors import MissingError
from hub.storage.idempotency import RequestKey
from hub.storage.vault import Vault
from signing.canonical import canonical


class FamilyService:
    """Opens, shows and closes families."""

    def __init__(
        self,
        database: Database,
        *,
        vault: Vault,
        cases: CaseService,
        events: EventService,
        disclosures: Disclosures,
        clock: Clock,
    ) -> None:
        self._database = database
        self._cases = cases
        self._events = events
        self._disclosures = disclosures
        self._clock = clock
        self.reader = FamilyReader(vault=vault, events=events)
        self._opener = FamilyOpener(database, vault=vault, cases=cases, events=events, clock=clock)

    async def open(
        self, caller: Caller, opening: FamilyOpening, *, request: RequestKey | None, also: Also | None = None
    ) -> Family:
        """As `FamilyOpener.open`."""
        return await self._opener.open(caller, opening, request=request, also=also)

    async def get(self, caller: Caller, family_no: str) -> Family:
        """The caller's own family. Raises FamilyNotFoundError; a look at somebody else's goes on the ledger."""
        family = await self._database.read(lambda tx: store.find_family(tx, family_no))
        if family is not None and family.system_id == caller.system_id:
            return family
        await self._cases.refuse(caller, "family_not_own" if family else "family_unknown", {"family_no": family_no})
        raise FamilyNotFoundError

    async def progress(self, caller: Caller, family_no: str, language: str) -> dict[str, Any]:
        """One view of all cases. Raises: FamilyNotFoundError."""
        family = await self.get(caller, family_no)

        def look(tx: Connection) -> dict[str, Any]:
            whole = self.reader.whole(tx, family)
            return shown(whole, self.reader.lines(tx, whole), language)

        return await self._database.read(look)

    async def answer(self, caller: Caller, family_no: str, facts: Mapping[str, Any]) -> None:
        """Answer questions for all cases at once; what an answer makes applicable is opened, and nothing is closed.

        Raises: FamilyNotFoundError, CaseClosedError, FactError.
        """
        family = await self.get(caller, family_no)
        now = self._clock()
        await self._database.write(lambda tx: self._answer(tx, caller, family.id, facts, now))

    async def close(self, caller: Caller, family_no: str, *, when_paid: bool, abandoned: bool) -> None:
        """One exit: close every case that is still open, as a case is closed. The family closes with the last.

        Raises: FamilyNotFoundError, CaseClosedError: all are; DebtsOpenError.
        """
        family = await self.get(caller, family_no)
        members = await self._database.read(lambda tx: store.members_of(tx, family.id))
        still = [case for case in members if case.state == cases_store.OPEN]
        if not still:
            raise CaseClosedError
        for case in still:
            await self._cases.close(caller, case.case_no, when_paid=when_paid, abandoned=abandoned)

    async def sheet(self, caller: Caller, family_no: str) -> Sheet:
        """The ground of the one form of all matters.

        Raises: FamilyNotFoundError, CaseClosedError; MissingError: none of them has a form.
        """
        family = await self.get(caller, family_no)
        if family.state != store.OPEN:
            raise CaseClosedError
        whole, parties = await self._database.read(lambda tx: self._whole_with_parties(tx, family))
        names = {item.case.id: {key: item.called(key) for key in parties[item.case.id]} for item in whole.members}
        keys = numbered([party.role for party in whole.opening.parties])
        keys += sorted({name for mine in names.values() for name in mine.values()} - set(keys))
        fields = one_form(whole.event, {item.matter.code: item.matter for item in whole.members}, keys)
        if not fields:
            raise MissingError("form")
        # What was disclosed to a case that is closed stays with that case.
        still = [item for item in whole.members if item.case.state == cases_store.OPEN]
        if not still:
            raise CaseClosedError
        found = [
            await self._disclosures.of_case(caller, item.case, parties[item.case.id], names[item.case.id])
            for item in still
        ]
        return Sheet(
            about=f"family:{family.id}",
            number=family.family_no,
            key=self.reader.key(family),
            fields=fields,
            signers=tuple(role for role in whole.event.signers if role in keys),
            disclosed=Disclosed(
                tuple(one for item in found for one in item.said),
                sum(item.pulls for item in found),
                sum(item.withheld for item in found),
            ),
        )

    def _whole_with_parties(
        self, tx: Connection, family: Family
    ) -> tuple[Whole, dict[str, dict[str, cases_store.Party]]]:
        whole = self.reader.whole(tx, family)
        return whole, {item.case.id: cases_store.parties_of(tx, item.case.id) for item in whole.members}

    def _answer(self, tx: Connection, caller: Caller, family_id: str, facts: Mapping[str, Any], now: datetime) -> None:
        family = store.family_by_id(tx, family_id, change=True)
        if family is None or family.state != store.OPEN:
            raise CaseClosedError
        event, opening = self._events.version(tx, family.event_id), self.reader.opening(family)
        day = opening.filed_on or family.opened_at.astimezone(BEIJING).date()
        versions = self._events.matters_of(tx, event, day)
        matters = {code: matter for code, (_, matter) in versions.items()}
        checked_facts(event, matters, facts)
        said = {code: value for code, value in (dict(opening.facts) | dict(facts)).items() if value is not None}
        changed = FamilyOpening.of_json(opening.as_json() | {"facts": said})
        key = self.reader.key(family)
        store.change_family(tx, family.id, opening=key.encrypt(opening_place(family.id), canonical(changed.as_json())))
        for member in self.reader.whole(tx, family).members:
            if member.case.state == cases_store.OPEN and (mine := facts_for(member.matter, facts)):
                self._cases.answer_in(tx, caller, member.case.id, mine, now)
        wanted = chosen(event, changed, day)
        made = self._opener.open_cases(tx, caller, event, versions, changed, wanted, family.id, said, now)
        opened = [case_no for _, case_no in made]
        detail = {"family_no": family.family_no, "facts": sorted(facts), "cases": opened}
        append(tx, [seal(Draft(kind=caller.marked("family.facts"), detail=detail, key=key), now=now)])
