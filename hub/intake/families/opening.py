"""Families as they are opened: the cases of every matter that applies, all in one transaction, or none."""

import secrets
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

from catalog.life_events.values import LifeEvent
from catalog.matters.values import Matter
from hub.access.actors import Role
from hub.access.service import Caller
from hub.clock import BEIJING, Clock, new_id
from hub.intake.cases import CaseService
from hub.intake.errors import DuplicateCaseError, FactError, IdempotencyError, PartyError, UnknownEventError
from hub.intake.families import store
from hub.intake.families.casting import (
    FamilyOpening,
    agents_in,
    cast_of,
    check_parties,
    checked_facts,
    chosen,
    facts_for,
)
from hub.intake.families.events import EventService
from hub.intake.families.store import Family, opening_place
from hub.intake.opening import Opening
from hub.ledger.entries import Draft, append, seal
from hub.registry.notices import notify
from hub.storage.database import Database
from hub.storage.errors import ConflictError
from hub.storage.idempotency import RequestKey, find_effect, record_effect
from hub.storage.vault import Vault
from signing.canonical import canonical

_ALPHABET: Final = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
_NUMBER_LENGTH: Final = 20
Also = Callable[[Connection, str | None, str], None]
"""What is done in the transaction that opens a family, with id and number of its first case; with the family's number
where a question decides about every one.
"""


class FamilyOpener:
    """Opens families, and the cases that an answer adds."""

    def __init__(
        self, database: Database, *, vault: Vault, cases: CaseService, events: EventService, clock: Clock
    ) -> None:
        self._database = database
        self._vault = vault
        self._cases = cases
        self._events = events
        self._clock = clock

    async def open(
        self, caller: Caller, opening: FamilyOpening, *, request: RequestKey | None, also: Also | None = None
    ) -> Family:
        """Open the cases of every matter that applies, or none; the same Idempotency-Key gives the same family.

        Args:
            also: runs in the same transaction, also where no case is there yet.
        Raises: UnknownEventError, PartyError, FactError, DuplicateCaseError, IdempotencyError, StorageError.
        """
        now = self._clock()
        try:
            return await self._database.write(lambda tx: self._open(tx, caller, opening, request, also, now))
        except ConflictError:
            return await self._database.write(lambda tx: self._after_conflict(tx, caller, opening, request, now))

    def _open(
        self,
        tx: Connection,
        caller: Caller,
        opening: FamilyOpening,
        request: RequestKey | None,
        also: Also | None,
        now: datetime,
    ) -> Family:
        known = self._known(tx, request, now)
        if known is not None:
            return known
        found = self._events.newest(tx, opening.event)
        if found is None:
            raise UnknownEventError
        event_id, event = found
        day = opening.filed_on or now.astimezone(BEIJING).date()
        versions = self._events.matters_of(tx, event, day)
        matters = {code: matter for code, (_, matter) in versions.items()}
        withdrawn = [item.code for item in event.matters if item.code not in matters]
        check_parties(event, opening.parties)
        facts = checked_facts(event, matters, opening.facts)
        wanted = chosen(event, opening, day)
        if not any(wanted[code] is not False for code in matters):
            raise FactError("/facts", "nothing_applies")
        key, family_id = self._vault.new_data_key(), new_id()
        family_no = "YZF" + "".join(secrets.choice(_ALPHABET) for _ in range(_NUMBER_LENGTH))
        store.add_family(
            tx,
            {
                "id": family_id,
                "family_no": family_no,
                "owner_department_id": caller.department_id,
                "system_id": caller.system_id,
                "external_no": opening.external_no,
                "event_id": event_id,
                "event_code": event.code,
                "state": store.OPEN,
                "opening": key.encrypt(opening_place(family_id), canonical(opening.as_json())),
                "asked": {},
                "withdrawn": withdrawn,
                "data_key": key.wrapped,
                "kek_kid": key.kek_kid,
                "opened_at": now,
                "closed_at": None,
            },
        )
        opened = self.open_cases(tx, caller, event, versions, opening, wanted, family_id, facts, now)
        detail = {
            "family_no": family_no,
            "event": event.code,
            "client_id": caller.client_id,
            "cases": [case_no for _, case_no in opened],
        }
        detail |= {"withdrawn": withdrawn} if withdrawn else {}
        append(tx, [seal(Draft(kind=caller.marked("family.open"), detail=detail, key=key), now=now)])
        if also is not None:  # a code is used up though every case still waits for an answer
            also(tx, *(opened[0] if opened else (None, family_no)))
        if withdrawn:
            self._tell_withdrawn(tx, event_id, now)
        if request is not None:
            record_effect(tx, request, family_id, now=now)
        family = store.family_by_id(tx, family_id)
        assert family is not None  # noqa: S101  # written above, in this transaction
        return family

    def open_cases(
        self,
        tx: Connection,
        caller: Caller,
        event: LifeEvent,
        versions: Mapping[str, tuple[str, Matter]],
        opening: FamilyOpening,
        wanted: Mapping[str, bool | None],
        family_id: str,
        facts: Mapping[str, Any],
        now: datetime,
    ) -> list[tuple[str, str]]:
        """Those that apply and are not there yet; answers id and number of each. Whoever filed the family for one of
        its parties is the agent in each, also in one that an answer opens later: his code was judged when it was taken.
        """
        there = {case.matter_code for case in store.members_of(tx, family_id)}
        opened = []
        for place, item in enumerate(event.matters):
            version = versions.get(item.code)
            if version is None or wanted[item.code] is not True or item.code in there:
                continue
            matter = version[1]
            cast = cast_of(item, event, matter, opening.parties)
            one = Opening(
                matter=matter.code,
                kind="application",
                parties=cast.parties,
                subjects=opening.subjects,
                operator=opening.operator,
                channel=opening.channel,
                external_no=f"{opening.external_no}/{place + 1}",
                corroboration=opening.corroboration,
                facts=facts_for(matter, facts),
                filed_on=opening.filed_on,
                agents=agents_in(cast, opening.agents),
            )
            try:
                case = self._cases.open_in(tx, caller, one, now, found=version)
            except PartyError as error:
                raise _as_sent(error, cast.places) from error
            store.add_member(tx, family_id, case.id, matter=matter.code, place=place)
            opened.append((case.id, case.case_no))
        return opened

    def _known(self, tx: Connection, request: RequestKey | None, now: datetime) -> Family | None:
        effect = find_effect(tx, request, now=now) if request else None
        if effect is None:
            return None
        if not effect[1]:
            raise IdempotencyError
        return store.family_by_id(tx, effect[0])

    def _after_conflict(
        self, tx: Connection, caller: Caller, opening: FamilyOpening, request: RequestKey | None, now: datetime
    ) -> Family:
        known = self._known(tx, request, now)
        if known is not None:
            return known
        number = store.family_no_of(tx, caller.system_id, opening.external_no)
        if number is None:
            raise ConflictError("case_families")
        raise DuplicateCaseError(number)

    def _tell_withdrawn(self, tx: Connection, event_id: str, now: datetime) -> None:
        notify(
            tx, "event.matter_withdrawn", department_id=None, role=Role.OPERATOR, about=("event", event_id), now=now,
            once=now.date().isoformat(),
        )  # fmt: skip


def _as_sent(error: PartyError, places: tuple[int, ...]) -> PartyError:
    """The refusal by where the family was given the party, not where the case was."""
    parts = error.pointer.split("/")
    if len(parts) > 2 and parts[2].isdigit() and int(parts[2]) < len(places):  # as in "/parties/0/role"
        parts[2] = str(places[int(parts[2])])
    return PartyError("/".join(parts), error.rule)
