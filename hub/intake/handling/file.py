"""The file of a case 案卷, for its own system and for whoever decides it: parties, answers with their values, steps.

From acceptance on the deciding department sees what the accepting one was given for it. Each look is on the ledger,
under each person whom it was about.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Connection

from catalog.matters.roles import number_of, role_of
from certificates.stores import certificates as library
from certificates.stores.holders import Subject
from hub.access.actors import Role
from hub.clock import Clock, rfc3339
from hub.intake import store
from hub.intake.cases import CaseService
from hub.intake.errors import CaseClosedError, CaseNotFoundError, InFlightError, RequestNotFoundError
from hub.intake.families.store import awaited
from hub.intake.forms.filed import filed_form
from hub.intake.handling import store as rows
from hub.intake.handling.clocks import CaseClocks
from hub.intake.handling.given import Given, given, latest
from hub.intake.handling.guard import believed, believed_case
from hub.intake.handling.steps import Hand, case_data_key, words_of
from hub.intake.handling.whose import case_for, concerns
from hub.intake.resolver import ASKED, CLEARED, Outcome
from hub.intake.store import Case
from hub.ledger.entries import Draft, append, seal
from hub.registry.matters.guard import MatterBook
from hub.storage.database import Database
from hub.storage.vault import Vault
from signing.canonical import strict_loads

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class FileParty:
    """A party in clear."""

    key: str
    role: str
    number: int
    name: str = field(repr=False)
    id_type: str | None
    id_number: str | None = field(repr=False)
    acts_for: str | None


@dataclass(frozen=True, slots=True)
class CaseFile:
    """A case as whoever decides it sees it. `answers` are what its system got, oldest first."""

    case: Case
    parties: tuple[FileParty, ...]
    outcomes: Mapping[tuple[str, str], Outcome]
    answers: tuple[Given, ...] = field(repr=False)
    steps: tuple[dict[str, Any], ...]
    clocks: tuple[dict[str, Any], ...]
    form: Mapping[str, Any] | None = field(default=None, repr=False)
    """As it was signed, its matter's fields; None while nobody has signed it."""
    untold: tuple[tuple[str, str], ...] = ()
    """Of what is missing, what the person may still be told of: nothing that another case of the family gives."""
    results: tuple[str, ...] = ()
    """Types of the licences that its matter, as it stood for this case, has come of it."""

    @property
    def missing(self) -> tuple[tuple[str, str], ...]:
        """Requirements with their parties that are still asked of the person."""
        return tuple(key for key, outcome in self.outcomes.items() if outcome in ASKED)


class CaseFiles:
    """Opens files and queues of cases."""

    def __init__(self, database: Database, *, cases: CaseService, vault: Vault, clock: Clock) -> None:
        self._database = database
        self._cases = cases
        self._vault = vault
        self._clocks = CaseClocks(vault)
        self._matters = MatterBook(vault)
        self._clock = clock

    async def queue(self, hand: Hand, *, limit: int = 200) -> list[dict[str, Any]]:
        """Accepted cases that wait for the decision of whoever asks, oldest first, with their clocks. Nobody's name."""
        if hand.actor is not None:
            hand.actor.require(Role.DECIDER)
        now = self._clock()

        def unit(tx: Connection) -> list[dict[str, Any]]:
            waiting = rows.waiting_for(tx, hand.department_id, limit, delegated=hand.actor is None)
            found = believed(tx, self._vault, waiting)
            return [
                {
                    "case_no": case.case_no,
                    "matter": case.matter_code,
                    "accepting_department": case.department_code,
                    "accepted_at": rfc3339(case.accepted_at) if case.accepted_at else None,
                    "owing": case.owing,
                    "asked": case.asked_at is not None and case.supplied_at is None,
                    "clocks": [clock.as_json(now) for clock in self._clocks.running(tx, case, now)],
                }
                for case in found
            ]

        return await self._database.read(unit)

    async def open(self, hand: Hand, case_no: str) -> CaseFile:
        """Everything of a case; the look is on the ledger before it is given.

        Raises: CaseNotFoundError, CaseClosedError, IntegrityBrokenError, ForbiddenError.
        """
        now = self._clock()
        return await self._write(hand, case_no, lambda tx, case: self._open(tx, hand, case, now))

    async def answer(self, hand: Hand, case_no: str, request_id: str) -> bytes:
        """One answer, byte for byte as the case's system got it, for whoever decides; the look is on the ledger. That
        system itself fetches it again while grants hold, and not here.

        Raises: CaseNotFoundError, CaseClosedError, RequestNotFoundError, InFlightError: it is not signed yet.
        """
        now = self._clock()
        return await self._write(hand, case_no, lambda tx, case: self._answer(tx, hand, case, request_id, now))

    async def progress(self, hand: Hand, case_no: str) -> dict[str, Any]:
        """Stages, clocks and steps: nothing of an answer, and nobody's name but those of the officers."""
        now = self._clock()
        found = await self._found(hand, case_no)

        def unit(tx: Connection) -> dict[str, Any]:
            return self._progress(tx, believed_case(tx, self._vault, found), now)

        return await self._database.read(unit)

    async def _found(self, hand: Hand, case_no: str) -> Case:
        if hand.actor is not None:
            hand.actor.require(Role.DECIDER)
        return await case_for(self._database, self._cases, hand, case_no)

    async def _write(self, hand: Hand, case_no: str, unit: Callable[[Connection, Case], T]) -> T:
        found = await self._found(hand, case_no)

        def work(tx: Connection) -> T:
            case = store.case_by_id(tx, found.id)
            if case is None or not concerns(hand, case):
                raise CaseNotFoundError
            case = believed_case(tx, self._vault, case)
            if case.state == store.CLOSED:
                raise CaseClosedError
            return unit(tx, case)

        return await self._database.write(work)

    def _open(self, tx: Connection, hand: Hand, case: Case, now: datetime) -> CaseFile:
        answers = given(tx, self._vault, case)
        parties = store.parties_of(tx, case.id)
        keys = sorted(parties, key=lambda key: (role_of(key), number_of(key)))
        self._looked(tx, hand, case, answers, now)
        told, outcomes, coming = self._progress(tx, case, now), latest(answers), awaited(tx, case.id)
        left = rows.passed_over(tx, case.id) if case.asked_at else {code for code, _ in outcomes} - coming
        return CaseFile(
            case=case,
            parties=tuple(self._party(case, parties[key]) for key in keys),
            outcomes=outcomes,
            answers=tuple(answers),
            steps=tuple(told["steps"]),
            clocks=tuple(told["clocks"]),
            form=filed_form(tx, self._vault, case),
            untold=tuple(key for key, outcome in outcomes.items() if outcome in ASKED and key[0] in left),
            results=tuple(item.type_code for item in self._matters.matter(tx, case.matter_id).results),
        )

    def _answer(self, tx: Connection, hand: Hand, case: Case, request_id: str, now: datetime) -> bytes:
        answers = given(tx, self._vault, case) if case.approving_department_id == hand.department_id else []
        found = next((item for item in answers if item.id == request_id), None)
        if found is None:
            raise RequestNotFoundError
        if not found.finished:
            raise InFlightError
        self._looked(tx, hand, case, [found], now)
        return found.raw

    def _progress(self, tx: Connection, case: Case, now: datetime) -> dict[str, Any]:
        steps = [
            {
                "step": step.step,
                "at": rfc3339(step.at),
                "department": step.department,
                "operator": words["operator"].get("id"),
                "reason": words["reason"],
                **step.detail,
            }
            for step in rows.steps_of(tx, case.id)
            for words in [words_of(self._vault, case, step)]
        ]
        return {
            "stage": stage_of(case),
            "decision": case.decision,
            "accepted_at": rfc3339(case.accepted_at) if case.accepted_at else None,
            "decided_at": rfc3339(case.decided_at) if case.decided_at else None,
            "clocks": [clock.as_json(now) for clock in self._clocks.running(tx, case, now)],
            "steps": steps,
        }

    def _party(self, case: Case, party: store.Party) -> FileParty:
        known: dict[str, Any] = {"name": "", "id_number": None}
        if party.sealed is not None:
            place = store.identity_place(party.sealed.id)
            known = strict_loads(case_data_key(self._vault, case).decrypt(place, party.sealed.identity), max_bytes=4096)
        return FileParty(
            key=party.role,
            role=role_of(party.role),
            number=number_of(party.role),
            name=known["name"],
            id_type=party.id_type,
            id_number=known["id_number"],
            acts_for=party.acts_for,
        )

    def _looked(self, tx: Connection, hand: Hand, case: Case, answers: Sequence[Given], now: datetime) -> None:
        """One entry for each person of whom an answer tells something, under that person; one for the rest."""
        parties = store.parties_of(tx, case.id)
        told: dict[str, set[str]] = {}
        for answer in answers:
            for item in answer.items():
                if Outcome(item["outcome"]) in CLEARED - {Outcome.NOT_APPLICABLE}:
                    told.setdefault(item["party"], set()).add(item["code"])
        hashes = sorted({party.lookup_hash for key, party in parties.items() if key in told and party.lookup_hash})
        subjects = library.held_by(tx, hashes, [])[0] if hashes else {}
        entries: list[tuple[Subject | None, str, list[str]]] = [] if told else [(None, "", [])]
        for key in sorted(told):
            party = parties.get(key)
            subject = subjects.get(party.lookup_hash) if party is not None and party.lookup_hash else None
            entries.append((subject, key, sorted(told[key])))
        drafts = [self._entry(hand, case, answers, *said) for said in entries]
        append(tx, [seal(draft, now=now) for draft in drafts])

    def _entry(
        self,
        hand: Hand,
        case: Case,
        answers: Sequence[Given],
        subject: Subject | None,
        party: str,
        codes: list[str],
    ) -> Draft:
        detail = {
            "case_no": case.case_no,
            "matter": case.matter_code,
            "by": hand.as_json(),
            "operator": dict(hand.operator),
            "department_id": hand.department_id,
            "party": party,
            "requirements": codes,
            "requests": [answer.id for answer in answers],
        }
        key = self._vault.data_key(subject.data_key, subject.kek_kid) if subject else case_data_key(self._vault, case)
        kind = hand.marked("evidence.read")
        return Draft(kind=kind, detail=detail, key=key, subject_id=subject.id if subject else None, case_id=case.id)


def stage_of(case: Case) -> str:
    """`filed`, `accepted`, `decided`, or `closed`."""
    return "closed" if case.state == store.CLOSED else case.stage
