"""Unit 1 of a pull: everything is checked before anything is touched, then the request is claimed.

The order is that of design §3: system, case, matter, grant, quota, identity. One transaction, no effect outside it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from catalog.grants import CaseKind, Grant, ResourceKind
from catalog.matters.ordering import with_awaited
from catalog.matters.values import Matter, Requirement
from catalog.store import grants_of
from certificates.stores import certificates as library
from certificates.stores.holders import Subject
from certificates.stores.version import HeldVersion
from hub.access.errors import InvalidTokenError
from hub.access.service import Caller
from hub.citizens.authorising.decisions import Decisions, decisions_of
from hub.clock import new_id
from hub.intake import requests, store
from hub.intake.answers import LEASE, LONGEST
from hub.intake.calls import Claimed, EvidenceCall, Waiting
from hub.intake.copies import CopyMaker
from hub.intake.errors import CaseClosedError, CaseNotFoundError, InFlightError, UnlistedRequirementError
from hub.intake.facts import fed, filed_on, values_of
from hub.intake.handling.guard import check_stage, ledger_knows, looking
from hub.intake.holding import officer_of
from hub.intake.identity import identity_types
from hub.intake.materials.service import requirements_named
from hub.intake.parties import each_party
from hub.intake.quotas import QuotaBook, Taken
from hub.intake.resolver import Open, Question, Resolution, Source, grants_for, resolve, unasked
from hub.intake.resolving.asked_back import AskingBack, Chosen
from hub.intake.resolving.asking import Answering
from hub.intake.resolving.remembered import choices_of, with_said
from hub.intake.resolving.telling import may_open, told_by
from hub.issuing.types.halts import written_halts
from hub.issuing.types.registry import TypeRegistry
from hub.ledger.guards import check_guards, settled
from hub.registry.guarding import DefinitionGuard
from hub.registry.matters.guard import MatterBook
from hub.storage.vault import Vault

AnswerFacts = Callable[[Connection, Caller, str, Mapping[str, Any], datetime], None]


class Claiming:
    """Checks and claims requests."""

    def __init__(
        self,
        *,
        vault: Vault,
        types: TypeRegistry,
        copies: CopyMaker,
        quotas: QuotaBook,
        answer_facts: AnswerFacts,
    ) -> None:
        """`answer_facts` puts what the caller answers into the case, in the transaction of unit 1."""
        self._answer_facts = answer_facts
        self._vault = vault
        self._types = types
        self._copies = copies
        self._quotas = quotas
        self._matters = MatterBook(vault)
        self._guard = DefinitionGuard(vault)
        self._asking_back = AskingBack(vault)

    def _own(self, tx: Connection, caller: Caller, call: EvidenceCall) -> store.Case:
        """The caller's case, if anything may be asked for it."""
        case = store.find_case(tx, call.case_no, kid=caller.kid)
        if case is None or case.system_id != caller.system_id:
            raise CaseNotFoundError
        if not case.key_active:
            raise InvalidTokenError("client_disabled")
        check_stage(self._vault, case)
        paid = call.pays and case.state == store.CLOSING
        ended = case.state != store.OPEN or case.decided_at is not None
        if ended and not paid and not call.follows:
            raise CaseClosedError
        return case

    def claim(self, tx: Connection, caller: Caller, call: EvidenceCall, taken: Taken, now: datetime) -> Claimed:
        """Unit 1, in the order of design §3. Raises RepeatedKeyError when the Idempotency-Key has been used."""
        case = self._own(tx, caller, call)
        matter = self._matters.matter(tx, case.matter_id)
        if call.answers and (facts := self._asking_back.facts(case, matter, call.answers)):
            case = self._with_facts(tx, caller, case, facts, now)
        said = self._asking_back.chosen(case, call.answers) if call.answers else {}
        parties = store.parties_of(tx, case.id)
        wants = _wants(matter, case, call, parties)
        question = self._question(tx, case, matter, parties, wants, call, said, now)
        wanted = [requirement for requirement in wants.all() if unasked(requirement, question) is None]
        question, subjects = self._looked(tx, caller, call, parties, wants, wanted, question)
        told = told_by(tx, self._copies.licences, *may_open(wanted, question), question.types)
        question = replace(question, told=told)
        self._quotas.take(tx, quota_uses(wanted, question), today=question.today(), into=taken)
        question = replace(question, exhausted=frozenset(taken.exhausted))
        found = [resolve(requirement, question) for requirement in wants.asked]
        resolutions = (*found, *(Waiting(requirement) for requirement in wants.waiting))
        # Only for what will be disclosed: a statement more for a known person than for an unknown one would tell.
        self._copies.licences.learn_keys(tx, {item.held.record.signing_kid for item in _sources(found)})
        long = bool(wants.waiting or _open(found)) and not call.streams
        request_id, lease = _in_hand(tx, caller, call, case, until=now + (LEASE + LONGEST if long else LEASE), now=now)
        return Claimed(request_id, lease, case, matter, parties, subjects, resolutions, question, said)

    def _question(
        self,
        tx: Connection,
        case: store.Case,
        matter: Matter,
        parties: dict[str, store.Party],
        wants: "_Wants",
        call: EvidenceCall,
        said: Chosen,
        now: datetime,
    ) -> Question:
        """What the resolver is asked, before anything was looked up of anybody."""
        return Question(
            case=case,
            parties=parties,
            purpose=call.purpose,
            grants=(),
            types=self._types.current(),
            held=(),
            exhausted=frozenset(),
            now=now,
            officer=officer_of(self._vault, case),
            values=fed(matter, values_of(self._vault, case, matter, parties)) if matter.ruled else {},
            filed_on=filed_on(case),
            rules=matter.rules,
            answering=answering_of(tx, self._guard, wants.all(), now),
            after=matter.after,
            chosen=with_said(choices_of(self._vault, case), said),
            choice_key=self._vault.row_mac(b"derive\x1fchoice\x1f" + case.id.encode()),
        )

    def _looked(
        self,
        tx: Connection,
        caller: Caller,
        call: EvidenceCall,
        parties: dict[str, store.Party],
        wants: "_Wants",
        wanted: Sequence[Requirement],
        question: Question,
    ) -> tuple[Question, dict[bytes, Subject]]:
        """The question with grants, licences and decisions, each held against the ledger; and whose they are.

        Raises: IntegrityBrokenError.
        """
        case, now = question.case, question.now
        resources = None if wants.names_interfaces() else ResourceKind.CERTIFICATE_TYPE
        latest = looking(tx, case)

        def look() -> tuple[list[Grant], dict[bytes, Subject], list[HeldVersion], Decisions]:
            steps = ledger_knows(latest())
            grants = grants_of(tx, caller.system_id, CaseKind(case.kind), resources)
            subjects, held = self._held(tx, wanted, parties)
            # Unit 2 refuses what a row says is stopped: these rows, too, must be the hub's own.
            check_guards(tx, self._vault, grants=grants, held=held, counted=written_halts(tx, self._vault) | steps)
            resting = [grant.id for grant in grants if grant.terms.consent]
            ends = None if call.follows else case.id  # a yes for the case ends with it, and is not followed
            if not resting:
                return grants, subjects, held, {}
            numbers = _numbers(parties)
            return grants, subjects, held, decisions_of(tx, self._vault, numbers, resting, now=now, case_id=ends)

        grants, subjects, held, decisions = settled(look)
        self._types.learn(tx, {(item.record.type_code, item.record.type_version) for item in held})
        types = self._types.current()
        return replace(question, grants=grants, types=types, held=held, decisions=decisions), subjects

    def _with_facts(
        self, tx: Connection, caller: Caller, case: store.Case, facts: Mapping[str, Any], now: datetime
    ) -> store.Case:
        """The case with its questions answered: by this pull, or not at all."""
        self._answer_facts(tx, caller, case.id, facts, now)
        answered = store.find_case(tx, case.case_no, kid=caller.kid)
        assert answered is not None  # noqa: S101  # found in this transaction
        return answered

    def _held(
        self, tx: Connection, requirements: Sequence[Requirement], parties: dict[str, store.Party]
    ) -> tuple[dict[bytes, Subject], list[HeldVersion]]:
        wanted = {requirement.party for requirement in requirements}
        hashes = {party.lookup_hash for role, party in parties.items() if role in wanted and party.lookup_hash}
        codes = {code for requirement in requirements for code in requirement.type_codes()}
        return library.held_by(tx, sorted(hashes), sorted(codes | set(identity_types(self._types.current()))))


@dataclass(frozen=True, slots=True)
class _Wants:
    """What is asked for: each requirement once for each party, now or after others are answered."""

    asked: tuple[Requirement, ...]
    later: tuple[Requirement, ...]
    waiting: tuple[Requirement, ...]
    """The later ones as the matter has them."""

    def all(self) -> tuple[Requirement, ...]:
        """All of them."""
        return (*self.asked, *self.later)

    def names_interfaces(self) -> bool:
        """Whether a source may be asked."""
        return any(requirement.interface_codes() for requirement in self.all())


def _wants(matter: Matter, case: store.Case, call: EvidenceCall, parties: dict[str, store.Party]) -> _Wants:
    codes = call.requirements
    if call.materials is not None:
        codes = requirements_named(case.materials, matter, call.materials)
    requirements = _asked(matter, codes)
    waiting = tuple(item for item in requirements if item.code in matter.after)
    asked = tuple(item for item in requirements if item.code not in matter.after)
    only = call.party if not waiting else None
    return _Wants(each_party(matter, asked, parties, only=only), each_party(matter, waiting, parties), waiting)


def _in_hand(
    tx: Connection, caller: Caller, call: EvidenceCall, case: store.Case, *, until: datetime, now: datetime
) -> tuple[str, str]:
    """The request's id and the lease under which it is in hand: a new one, or one that a crash cut off.

    Raises: RepeatedKeyError; InFlightError: somebody else goes on with it.
    """
    lease = new_id()
    if call.resumes is not None:
        request_id, old_lease = call.resumes
        if not requests.take_over(tx, request_id, old_lease=old_lease, lease=lease, until=until):
            raise InFlightError
        return request_id, lease
    request_id = new_id()
    requests.claim_request(
        tx,
        {
            "id": request_id,
            "case_id": case.id,
            "system_id": caller.system_id,
            "idempotency_key": call.idempotency_key,
            "request_hash": call.request_hash,
            "state": "claimed",
            "lease": lease,
            "lease_until": until,
            "grants": [],
            "answer": None,
            "created_at": now,
            "decided_at": None,
        },
    )
    return request_id, lease


def _numbers(parties: Mapping[str, store.Party]) -> list[bytes]:
    return sorted({party.lookup_hash for party in parties.values() if party.lookup_hash})


def answering_of(
    tx: Connection, guard: DefinitionGuard, requirements: Sequence[Requirement], now: datetime
) -> Answering:
    """The interfaces that these name, as far as they answer: one statement, whomever the case is about.

    Raises: IntegrityBrokenError.
    """
    codes = {code for requirement in requirements for code in requirement.interface_codes()}
    return guard.all_answering(tx, sorted(codes), now=now)


def _asked(matter: Matter, codes: tuple[str, ...] | None) -> tuple[Requirement, ...]:
    """What is asked for, and all that this waits for: nobody can judge it without."""
    if codes is None:
        return matter.requirements
    unlisted = tuple(place for place, code in enumerate(codes) if matter.requirement(code) is None)
    if unlisted:
        raise UnlistedRequirementError(unlisted)
    wanted = with_awaited(matter, codes) if matter.after else codes
    found = tuple(matter.requirement(code) for code in dict.fromkeys(wanted))
    return tuple(requirement for requirement in found if requirement is not None)


def _sources(found: Iterable[Resolution | Open]) -> Iterator[Source]:
    return (source for item in found if isinstance(item, Resolution) for source in item.sources)


def _open(found: Iterable[Resolution | Open]) -> bool:
    return any(isinstance(item, Open) or item.elsewhere for item in found)


def quota_uses(requirements: Sequence[Requirement], question: Question) -> list[Grant]:
    """The limited grants this request would use, once per requirement."""
    uses: list[Grant] = []
    for requirement in requirements:
        covered, _ = grants_for(requirement, question)
        grants = {grant.id: grant for needs in covered for _, grant in needs}
        uses += [grant for grant in grants.values() if grant.terms.quota_per_day is not None]
    return uses
