"""Amending a case 办件更正: under its change number, so that of two clerks at one case the second is told, not merged.

Parties may be corrected until something was disclosed about them: what stands in the ledger was told about them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

from catalog.matters.roles import ACTING, role_of
from catalog.matters.values import Matter
from hub.access.service import Caller
from hub.clock import Clock
from hub.intake import store
from hub.intake.cases import CaseService
from hub.intake.errors import CaseClosedError, CaseNotFoundError, FactError, PartyError
from hub.intake.facts import checked_facts, facts_of, sealed_facts
from hub.intake.handling import store as rows
from hub.intake.handling.errors import CaseChangedError, StageError
from hub.intake.handling.given import disclosed, given
from hub.intake.handling.guard import believe_stage
from hub.intake.handling.steps import by_system, case_data_key, changed, record_step
from hub.intake.opening import party_row
from hub.intake.owed import store as debts
from hub.intake.owed.ending import record_end
from hub.intake.parties import PartyInput, check_agents, check_roles, numbered
from hub.intake.store import Case, Party
from hub.registry.matters.guard import MatterBook
from hub.storage.database import Database
from hub.storage.errors import IntegrityBrokenError
from hub.storage.vault import Vault
from signing.canonical import strict_loads

MOST_CHANGES: Final = 50
"""Of one case: corrections of a name are no way to try names."""
_MOST_SHOWN: Final = 10
_MOST_SUBJECTS: Final = 20


@dataclass(frozen=True, slots=True)
class Amendment:
    """What is to be changed, by whom, of the case as it stood under `change_no`.

    Attributes:
        correct: who a party is, by its key; its role stays.
        subjects: all of them anew; None leaves them.
        corroboration: more of it; none is taken back.
    """

    change_no: int
    operator: Mapping[str, str]
    add: Sequence[PartyInput] = ()
    correct: Mapping[str, PartyInput] = field(default_factory=dict)
    remove: Sequence[str] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    subjects: Sequence[dict[str, str]] | None = None
    corroboration: Sequence[dict[str, str]] = ()


class Amending:
    """Amends cases."""

    def __init__(self, database: Database, *, cases: CaseService, vault: Vault, clock: Clock) -> None:
        self._database = database
        self._cases = cases
        self._vault = vault
        self._matters = MatterBook(vault)
        self._clock = clock

    async def amend(self, caller: Caller, case_no: str, amendment: Amendment) -> Case:
        """All of it or nothing.

        Raises: CaseNotFoundError, CaseClosedError, StageError: decided; CaseChangedError; PartyError, FactError.
        """
        case = await self._cases.get(caller, case_no)
        now = self._clock()
        try:
            await self._database.write(lambda tx: self._amend(tx, caller, case.id, amendment, now))
        except CaseChangedError:
            await self._cases.refuse(caller, "case_changed", {"change_no": amendment.change_no}, case=case)
            raise
        return await self._cases.get(caller, case_no)

    def amend_in(self, tx: Connection, caller: Caller, case_id: str, said: Amendment, now: datetime) -> None:
        """The unit of `amend`, for whoever has a transaction and has looked whose case it is."""
        self._amend(tx, caller, case_id, said, now)

    def _amend(self, tx: Connection, caller: Caller, case_id: str, said: Amendment, now: datetime) -> None:
        case = store.lock_for_change(tx, case_id)
        if case is None:
            raise CaseNotFoundError
        if case.state != store.OPEN:
            raise CaseClosedError
        if case.change_no != said.change_no:
            raise changed(tx, self._vault, case)
        if case.change_no >= MOST_CHANGES:
            raise FactError("/change_no", f"at_most:{MOST_CHANGES}")
        believe_stage(tx, self._vault, case)
        if case.stage == "decided":
            raise StageError(case.stage)
        matter = self._matters.matter(tx, case.matter_id)
        corroboration = [*case.corroboration, *said.corroboration]
        if len(corroboration) > _MOST_SHOWN:
            raise PartyError("/corroboration", f"at_most:{_MOST_SHOWN}")
        values: dict[str, Any] = {"corroboration": corroboration, "change_no": case.change_no + 1}
        detail: dict[str, Any] = {"change_no": case.change_no + 1}
        told = disclosed(given(tx, self._vault, case))
        if said.add or said.correct or said.remove or said.corroboration:
            detail["parties"] = self._parties(tx, case, matter, said, corroboration, told, now)
        if said.facts:
            checked_facts(matter, said.facts)
            known = facts_of(self._vault, case) | dict(said.facts)
            values["facts"] = sealed_facts(self._vault, case, {k: v for k, v in known.items() if v is not None})
            detail["facts"] = sorted(said.facts)
        if said.subjects is not None:
            values["subjects"] = _subjects(case, said.subjects, told)
            detail["subjects"] = len(said.subjects)
        detail["corroboration"] = sorted({item["kind"] for item in said.corroboration})
        rows.change_case(tx, case.id, **values)
        rows.void_claims(tx, case.id, now)
        hand = by_system(caller, said.operator)
        record_step(tx, self._vault, case, hand, "amend", detail, now, change_no=case.change_no + 1)

    def _parties(
        self,
        tx: Connection,
        case: Case,
        matter: Matter,
        said: Amendment,
        corroboration: Sequence[dict[str, str]],
        told: frozenset[str] | None,
        now: datetime,
    ) -> dict[str, list[str]]:
        stored = store.parties_of(tx, case.id)
        theirs = rows.handed_in(tx, case.id)
        for where, key in [("remove", key) for key in said.remove] + [("correct", key) for key in said.correct]:
            self._may_change(stored, key, f"/parties/{where}", told)
            if key in theirs:
                raise PartyError(f"/parties/{where}", "handed_in")
        if twice := set(said.remove) & set(said.correct):
            raise PartyError("/parties/remove", f"corrected_too:{len(twice)}")
        kept = {key: self._known(case, party) for key, party in stored.items() if key not in said.remove}
        changed = kept | {key: replace(party, role=role_of(key)) for key, party in said.correct.items()}
        added = dict(zip(numbered([party.role for party in said.add], list(stored)), said.add, strict=True))
        whole = changed | added
        places = {key: f"/parties/correct/{key}" for key in said.correct}
        places |= {key: f"/parties/add/{index}" for index, key in enumerate(added)}
        named = {key: party for key, party in whole.items() if not _by_hub(stored, key)}
        _checked(matter, named, corroboration, places)
        sealing = case_data_key(self._vault, case)
        for name in said.remove:
            sealed = stored[name].sealed
            assert sealed is not None  # noqa: S101  # every party of a case has one
            rows.remove_party(tx, sealed.id)
            self._abandoned(tx, case, name, now)
        for name in said.correct:
            self._rewrite(tx, case, stored[name], changed[name])
        for name, party in added.items():
            rows.add_party(tx, party_row(self._vault, case.id, sealing, name, party, 0))
        return {"added": sorted(added), "corrected": sorted(said.correct), "removed": sorted(said.remove)}

    def _may_change(self, stored: Mapping[str, Party], key: str, where: str, told: frozenset[str] | None) -> None:
        if key not in stored:
            raise PartyError(where, "no_such_party")
        if stored[key].origin is not None or _by_hub(stored, key):
            raise PartyError(where, "named_by_record")
        if told is None or key in told:
            raise PartyError(where, "disclosed")

    def _known(self, case: Case, party: Party) -> PartyInput:
        if party.sealed is None:
            raise IntegrityBrokenError("case_parties")
        place = store.identity_place(party.sealed.id)
        plain = case_data_key(self._vault, case).decrypt(place, party.sealed.identity)
        known = strict_loads(plain, max_bytes=4096)
        number = known["id_number"]
        return PartyInput(role_of(party.role), known["name"], party.id_type, number, party.acts_for, party.mandate)

    def _rewrite(self, tx: Connection, case: Case, before: Party, party: PartyInput) -> None:
        assert before.sealed is not None  # noqa: S101  # every party of a case has one
        fresh = party_row(
            self._vault, case.id, case_data_key(self._vault, case), before.role, party, 0, party_id=before.sealed.id
        )
        kept = {name: value for name, value in fresh.items() if name not in {"id", "case_id", "role", "origin"}}
        rows.change_party(tx, before.sealed.id, **kept)

    def _abandoned(self, tx: Connection, case: Case, key: str, now: datetime) -> None:
        """Nothing is owed about somebody who is no party any more."""
        for debt in debts.debts_of(tx, case.id, only_open=True):
            if debt.party == key and debts.end_debt(tx, debt.id, debts.ABANDONED, now=now):
                record_end(tx, self._vault, case, debt, debts.ABANDONED, {}, now)


def _checked(
    matter: Matter,
    whole: Mapping[str, PartyInput],
    corroboration: Sequence[dict[str, str]],
    places: Mapping[str, str],
) -> None:
    """As at opening; a pointer names the place in the amendment."""
    keys, parties = list(whole), list(whole.values())
    try:
        check_roles(matter, parties)
        check_agents(matter, keys, parties, corroboration)
    except PartyError as error:
        _, _, rest = error.pointer.partition("/parties/")
        index, _, member = rest.partition("/")
        place = places.get(keys[int(index)], "/parties") if index.isdigit() else "/parties"
        raise PartyError(f"{place}/{member}" if member else place, error.rule) from None


def _by_hub(stored: Mapping[str, Party], key: str) -> bool:
    """Whether the hub itself named this party, who acts for another: no role of the matter, and not to be changed."""
    return key in stored and role_of(key) == ACTING


def _subjects(case: Case, subjects: Sequence[dict[str, str]], told: frozenset[str] | None) -> list[dict[str, str]]:
    """What was disclosed may rest on which one was meant: afterwards there may be more, and none less."""
    if len(subjects) > _MOST_SUBJECTS:
        raise FactError("/subjects", f"at_most:{_MOST_SUBJECTS}")
    if told != frozenset() and list(subjects[: len(case.subjects)]) != case.subjects:
        raise FactError("/subjects", "disclosed")
    return list(subjects)
