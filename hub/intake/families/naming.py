"""A party of a family gets its number, said once for all cases: a company founded, a child registered.

Until then nothing is known of it; from then on what waits for its certificates is asked again by itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import structlog
from sqlalchemy import Connection

from certificates.stores import certificates as library
from hub.access.service import Caller
from hub.clock import Clock
from hub.intake import store as cases_store
from hub.intake.errors import CaseClosedError, FactError, PartyError
from hub.intake.families import store
from hub.intake.families.asking import ADVANCE, OUT_OF_USE, caller_of
from hub.intake.families.casting import FamilyOpening
from hub.intake.families.service import FamilyService
from hub.intake.families.store import opening_place
from hub.intake.handling.amending import Amending, Amendment
from hub.intake.parties import PartyInput, checked_number, numbered
from hub.ledger.entries import Draft, append, seal
from hub.ledger.guards import check_guards
from hub.storage.database import Database
from hub.storage.jobs import enqueue
from hub.storage.vault import Vault
from signing.canonical import canonical

_DECIDED: Final = "decided"
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Named:
    """Which party, by its key in the family, and its number; the name where it is now another one."""

    party: str
    id_type: str
    id_number: str
    name: str | None
    operator: Mapping[str, str]


class FamilyNaming:
    """Gives numbers to parties that had none."""

    def __init__(
        self, database: Database, *, vault: Vault, families: FamilyService, amending: Amending, clock: Clock
    ) -> None:
        self._database = database
        self._vault = vault
        self._families = families
        self._amending = amending
        self._clock = clock

    async def name(self, caller: Caller, family_no: str, named: Named) -> None:
        """Amend every case that is open and not decided, all of them or none.

        Raises: FamilyNotFoundError, CaseClosedError; PartyError: no such party, it has a number, or its role takes no
        such; FactError: a case was amended too often.
        """
        family = await self._families.get(caller, family_no)
        now = self._clock()
        await self._database.write(lambda tx: self._name(tx, caller, family.id, named, now))

    async def decided(self, payload: Mapping[str, Any]) -> None:
        """The handler of `DECIDED`: whoever decided a case named the licences that came of it; a party that had no
        number has that of the licence made out to it. Then what waits is asked again.
        """
        now, case_id = self._clock(), payload["case"]
        try:
            await self._database.write(lambda tx: self._decided(tx, case_id, payload["results"], payload, now))
        except (FactError, PartyError) as error:
            # Another case takes no such party: no try would end otherwise, and what else waits goes on.
            _log.warning("family_party_not_named", case=case_id, error=type(error).__name__)
            await self._database.write(lambda tx: self._decided(tx, case_id, (), payload, now))

    def _decided(
        self, tx: Connection, case_id: str, results: Sequence[str], payload: Mapping[str, Any], now: datetime
    ) -> None:
        family_id = store.family_id_of(tx, case_id)
        family = store.family_by_id(tx, family_id, change=True) if family_id else None
        if family is None or family.state != store.OPEN:
            return
        caller = caller_of(tx, family)
        if caller is None:
            again = {**payload, "results": list(results)}
            enqueue(tx, store.DECIDED, again, now=now, due=now + OUT_OF_USE)
            return
        whole = self._families.reader.whole(tx, family)
        member = next(item for item in whole.members if item.case.id == case_id)
        names = store.names_in(self._vault, member.case, payload)
        for identifier in results:
            version = library.find_version(tx, identifier)
            made = next((one for one in member.matter.results if version and one.type_code == version.type_code), None)
            if version is None or made is None:
                continue
            check_guards(tx, self._vault, versions=[version])
            holder = store.holder_of(tx, version.certificate_id)
            party = member.called(made.party)
            if holder is not None and _is_nameless(whole.opening, party):
                subject, id_type, sealed, data_key, kek_kid = holder
                key = self._vault.data_key(data_key, kek_kid)
                number = key.decrypt(f"subjects:{subject}:id_number", sealed).decode()
                named = Named(party, id_type, number, names.get(identifier), whole.opening.operator)
                self._name(tx, caller, family.id, named, now)
        enqueue(tx, ADVANCE, {"family": family.id}, now=now)

    def _name(self, tx: Connection, caller: Caller, family_id: str, named: Named, now: datetime) -> None:
        family = store.family_by_id(tx, family_id, change=True)
        if family is None or family.state != store.OPEN:
            raise CaseClosedError
        whole = self._families.reader.whole(tx, family)
        parties = list(whole.opening.parties)
        keys = numbered([party.role for party in parties])
        if named.party not in keys:
            raise PartyError("/party", "no_such_party")
        place = keys.index(named.party)
        if parties[place].id_type is not None:
            raise PartyError("/party", "has_a_number")
        known = replace(
            parties[place], id_type=named.id_type, id_number=named.id_number, name=named.name or parties[place].name
        )
        _checked(known)
        parties[place] = known
        amended = []
        for member in whole.members:
            mine = {key: known for key, name in member.cast.names.items() if name == named.party}
            if not mine or member.case.state != cases_store.OPEN or member.case.stage == _DECIDED:
                continue
            change = Amendment(change_no=member.case.change_no, operator=named.operator, correct=mine)
            self._amending.amend_in(tx, caller, member.case.id, change, now)
            amended.append(member.case.case_no)
        opening: FamilyOpening = replace(whole.opening, parties=parties)
        key = self._families.reader.key(family)
        sealed = key.encrypt(opening_place(family.id), canonical(opening.as_json()))
        store.change_family(tx, family.id, opening=sealed)
        detail = {"family_no": family.family_no, "party": named.party, "cases": amended}
        append(tx, [seal(Draft(kind=caller.marked("family.party"), detail=detail, key=key), now=now)])
        enqueue(tx, ADVANCE, {"family": family.id}, now=now)


def _is_nameless(opening: FamilyOpening, party: str) -> bool:
    keys = numbered([item.role for item in opening.parties])
    return party in keys and opening.parties[keys.index(party)].id_type is None


def _checked(party: PartyInput) -> None:
    try:
        checked_number(party, 0)
    except PartyError as error:
        raise PartyError("/id_number", error.rule) from error
