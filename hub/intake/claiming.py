"""Unit 1 of a pull: everything is checked before anything is touched, then the request is claimed.

The order is that of design §3: system, case, matter, grant, quota, identity. One transaction, no effect outside it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from catalog.grants import CaseKind, Grant
from catalog.matters import Matter, Requirement
from catalog.store import grants_of, read_matter_row
from certificates import store as library
from hub.access.errors import InvalidTokenError
from hub.access.service import Caller
from hub.clock import new_id
from hub.intake import store
from hub.intake.answers import LEASE
from hub.intake.cases import officer_of
from hub.intake.copies import CopyMaker
from hub.intake.errors import CaseClosedError, CaseNotFoundError, UnlistedRequirementError
from hub.intake.identity import identity_types
from hub.intake.quotas import QuotaBook, Taken
from hub.intake.resolver import Question, Resolution, grants_for, resolve
from hub.issuing.types import TypeRegistry
from hub.ledger.guards import check_guards
from hub.storage.vault import Vault


@dataclass(frozen=True, slots=True)
class EvidenceCall:
    """One request for evidence as it came in. `requirements` None asks for all the matter lists."""

    case_no: str
    requirements: tuple[str, ...] | None
    purpose: str
    language: str
    request_hash: str
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True)
class Claimed:
    """A request that passed unit 1."""

    request_id: str
    lease: str
    case: store.Case
    matter: Matter
    parties: dict[str, store.Party]
    subjects: dict[bytes, library.Subject]
    resolutions: tuple[Resolution, ...]


class Claiming:
    """Checks and claims requests. Keeps the matters it has read: a matter's version never changes."""

    def __init__(self, *, vault: Vault, types: TypeRegistry, copies: CopyMaker, quotas: QuotaBook) -> None:
        self._vault = vault
        self._types = types
        self._copies = copies
        self._quotas = quotas
        self._matters: dict[str, Matter] = {}

    def claim(self, tx: Connection, caller: Caller, call: EvidenceCall, taken: Taken, now: datetime) -> Claimed:
        """Unit 1, in the order of design §3. Raises RepeatedKeyError when the Idempotency-Key has been used."""
        case = store.find_case(tx, call.case_no, kid=caller.kid)
        if case is None or case.system_id != caller.system_id:
            raise CaseNotFoundError
        if not case.key_active:
            raise InvalidTokenError("client_disabled")
        if case.state != "open":
            raise CaseClosedError
        matter = self._matter(tx, case.matter_id)
        requirements = _asked(matter, call.requirements)
        parties = store.parties_of(tx, case.id)
        grants = grants_of(tx, caller.system_id, CaseKind(case.kind))
        subjects, held = self._held(tx, requirements, parties)
        check_guards(tx, self._vault, grants=grants, versions=[item.record for item in held])
        question = Question(
            case=case,
            parties=parties,
            purpose=call.purpose,
            grants=grants,
            types=self._types.current(),
            held=held,
            exhausted=frozenset(),
            now=now,
            officer=officer_of(self._vault, case),
        )
        self._quotas.take(tx, _quota_uses(requirements, question), today=question.today(), into=taken)
        question = replace(question, exhausted=frozenset(taken.exhausted))
        resolutions = tuple(resolve(requirement, question) for requirement in requirements)
        # Only for what will be disclosed: a statement more for a known person than for an unknown one would tell.
        self._copies.learn_keys(tx, {item.held.record.signing_kid for found in resolutions for item in found.sources})
        request_id, lease = new_id(), new_id()
        store.claim_request(
            tx,
            {
                "id": request_id,
                "case_id": case.id,
                "system_id": caller.system_id,
                "idempotency_key": call.idempotency_key,
                "request_hash": call.request_hash,
                "state": "claimed",
                "lease": lease,
                "lease_until": now + LEASE,
                "grants": [],
                "answer": None,
                "created_at": now,
                "decided_at": None,
            },
        )
        return Claimed(request_id, lease, case, matter, parties, subjects, resolutions)

    def _held(
        self, tx: Connection, requirements: Sequence[Requirement], parties: dict[str, store.Party]
    ) -> tuple[dict[bytes, library.Subject], list[library.HeldVersion]]:
        wanted = {requirement.party for requirement in requirements}
        hashes = {party.lookup_hash for role, party in parties.items() if role in wanted and party.lookup_hash}
        codes = {code for requirement in requirements for code in requirement.type_codes()}
        return library.held_by(tx, sorted(hashes), sorted(codes | set(identity_types(self._types.current()))))

    def _matter(self, tx: Connection, matter_id: str) -> Matter:
        known = self._matters.get(matter_id)
        if known is None:
            known = self._matters[matter_id] = read_matter_row(tx, matter_id)
        return known


def _asked(matter: Matter, codes: tuple[str, ...] | None) -> tuple[Requirement, ...]:
    if codes is None:
        return matter.requirements
    unlisted = tuple(place for place, code in enumerate(codes) if matter.requirement(code) is None)
    if unlisted:
        raise UnlistedRequirementError(unlisted)
    found = tuple(matter.requirement(code) for code in dict.fromkeys(codes))
    return tuple(requirement for requirement in found if requirement is not None)


def _quota_uses(requirements: Sequence[Requirement], question: Question) -> list[Grant]:
    """The limited grants this request would use, once per requirement."""
    uses: list[Grant] = []
    for requirement in requirements:
        covered, _ = grants_for(requirement, question)
        grants = {grant.id: grant for needs in covered for _, grant in needs}
        uses += [grant for grant in grants.values() if grant.terms.quota_per_day is not None]
    return uses
