"""The pull: evidence for a case, in three units of work around one ledger row per answer.

(1) claim and check → read the certificates → (2) re-check, then commit ledger rows, the encrypted unsigned answer and
`decided` together → sign → (3) store the answer, `done`; then its bytes leave. Commit 2 is the moment of disclosure.
Units 2 and 3 compare the lease token: of two workers on one request, the loser writes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from sqlalchemy import Connection

from catalog.grants import CaseKind, Grant, GrantState
from catalog.matters import Matter, Requirement
from catalog.store import grants_of, lock_grants, read_grants, read_matter_row
from certificates import store as library
from hub.access.errors import InvalidTokenError
from hub.access.service import Caller
from hub.clock import Clock, new_id
from hub.intake import store
from hub.intake.cases import CaseService
from hub.intake.compose import (
    Item,
    item_hash,
    read_stored,
    restored_entries,
    sign_answer,
    stored,
    unsigned_answer,
)
from hub.intake.copies import CopyMaker
from hub.intake.errors import (
    CaseClosedError,
    CaseNotFoundError,
    GrantEndedError,
    IdempotencyError,
    InFlightError,
    RequestNotFoundError,
    UnlistedRequirementError,
)
from hub.intake.quotas import QuotaBook, Taken
from hub.intake.resolver import Outcome, Question, Resolution, Why, grants_for, identity_types, resolve
from hub.issuing.desk import SigningDesk
from hub.ledger.entries import Draft, Sealed, append, seal
from hub.registry.guards import check_guards
from hub.registry.types import TypeRegistry
from hub.storage.crash import crash_at
from hub.storage.database import Database
from hub.storage.errors import ConflictError, IntegrityBrokenError
from hub.storage.vault import DataKey, Vault

LEASE: Final = timedelta(seconds=10)
KEY_KEPT: Final = timedelta(hours=24)
_REFUSED_AS: Final = {
    CaseClosedError: "case_closed",
    UnlistedRequirementError: "requirement_not_listed",
    IntegrityBrokenError: "integrity",
}
_log = structlog.get_logger(__name__)


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


class EvidenceService:
    """Answers requirements of a case."""

    def __init__(
        self,
        database: Database,
        *,
        vault: Vault,
        desk: SigningDesk,
        cases: CaseService,
        types: TypeRegistry,
        copies: CopyMaker,
        quotas: QuotaBook,
        clock: Clock,
        public_url: str,
        log_origin: str,
    ) -> None:
        self._database = database
        self._vault = vault
        self._desk = desk
        self._cases = cases
        self._types = types
        self._copies = copies
        self._quotas = quotas
        self._clock = clock
        self._public_url = public_url
        self._log_origin = log_origin
        self._matters: dict[str, Matter] = {}

    async def pull(self, caller: Caller, call: EvidenceCall) -> bytes:
        """The answer's bytes; the same Idempotency-Key gives the same bytes while case and grants hold.

        Raises: CaseNotFoundError, CaseClosedError, UnlistedRequirementError (each after its refusal is on the ledger),
        IdempotencyError, InFlightError, GrantEndedError, StorageError.
        """
        claimed = await self._claim(caller, call)
        if isinstance(claimed, bytes):
            return claimed
        crash_at("pull.claimed")
        items = [self._copies.make(item, caller, claimed.case, call.purpose) for item in claimed.resolutions]
        now = self._clock()
        try:
            decided = await self._database.write(lambda tx: self._decide(tx, caller, call, claimed, items, now))
        except CaseClosedError:
            await self._cases.refuse(caller, "case_closed", {"purpose": call.purpose}, case=claimed.case)
            raise
        crash_at("pull.decided")
        return await self._finish(claimed.request_id, claimed.lease, claimed.case, *decided)

    async def fetch(self, caller: Caller, request_id: str) -> bytes:
        """An earlier answer of the caller's own, while case and grants hold.

        Raises: RequestNotFoundError, InFlightError, CaseClosedError, GrantEndedError.
        """
        request = await self._database.read(lambda tx: store.find_request(tx, request_id, caller.system_id))
        if request is None:
            await self._cases.refuse(caller, "evidence_request_not_found", {"request_id": request_id})
            raise RequestNotFoundError
        case = await self._database.read(lambda tx: store.case_by_id(tx, request.case_id))
        if case is None:
            raise RequestNotFoundError
        return await self._again(caller, case, request)

    async def finish_decided(self) -> int:
        """Sign what a crash left decided, from the stored payload; answers how many. Runs at start."""
        finished = 0
        for request in await self._database.read(lambda tx: store.requests_in(tx, "decided", 1000)):
            if request.lease_until < self._clock() and await self._resume(request) is not None:
                finished += 1
        return finished

    async def _claim(self, caller: Caller, call: EvidenceCall) -> Claimed | bytes:
        now = self._clock()
        taken = Taken()
        try:
            claimed = await self._database.write(lambda tx: self._check(tx, caller, call, taken, now))
        except ConflictError:
            self._quotas.give_back(taken)
            return await self._repeat(caller, call)
        except CaseNotFoundError:
            await self._cases.refuse(caller, "case_not_found", {"case_no": call.case_no})
            raise
        except (CaseClosedError, UnlistedRequirementError, IntegrityBrokenError) as error:
            self._quotas.give_back(taken)
            if isinstance(error, IntegrityBrokenError):
                _log.error("guarded_row_broken", alarm=True, where=error.where)
            case = await self._cases.get(caller, call.case_no)
            await self._cases.refuse(caller, _REFUSED_AS[type(error)], {"purpose": call.purpose}, case=case)
            raise
        except BaseException:
            self._quotas.give_back(taken)
            raise
        self._quotas.confirm(taken)
        return claimed

    def _check(self, tx: Connection, caller: Caller, call: EvidenceCall, taken: Taken, now: datetime) -> Claimed:
        """Unit 1, in the order of design §3. Raises ConflictError when the Idempotency-Key has been used."""
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

    def _decide(
        self, tx: Connection, caller: Caller, call: EvidenceCall, claimed: Claimed, items: Sequence[Item], now: datetime
    ) -> tuple[dict[str, Any], list[Sealed]]:
        """Unit 2: everything is checked again under shared locks, in one fixed order: case, grants, certificates."""
        if store.lock_case_state(tx, claimed.case.id) != "open":
            raise CaseClosedError
        items = self._recheck(tx, items, now)
        unsigned = [item.unsigned(call.language) for item in items]
        entries = [
            seal(self._entry(caller, call, claimed, item, content), now=now)
            for item, content in zip(items, unsigned, strict=True)
        ]
        answer = unsigned_answer(
            request_id=claimed.request_id,
            case_no=claimed.case.case_no,
            audience=caller.client_id,
            issuer=self._public_url,
            request_hash=call.request_hash,
            decided_at=now,
            items=unsigned,
            entries=entries,
        )
        append(tx, entries)
        used = sorted({grant.id for item in items for grant in item.resolution.grants})
        sealed = self._case_key(claimed.case).encrypt(_place(claimed.request_id), stored(answer))
        if not store.decide_request(tx, claimed.request_id, claimed.lease, payload=sealed, grants=used, now=now):
            raise InFlightError
        crash_at("pull.deciding")
        return answer, entries

    def _recheck(self, tx: Connection, items: Sequence[Item], now: datetime) -> list[Item]:
        grants = lock_grants(tx, sorted({grant.id for item in items for grant in item.resolution.grants}))
        wanted = sorted({source.held.record.id for item in items for source in item.resolution.sources})
        versions = library.lock_versions(tx, wanted) if wanted else {}
        return [_rechecked(item, grants, versions, now) for item in items]

    def _entry(
        self, caller: Caller, call: EvidenceCall, claimed: Claimed, item: Item, content: dict[str, Any]
    ) -> Draft:
        resolution = item.resolution
        party = claimed.parties.get(resolution.requirement.party)
        subject = claimed.subjects.get(party.lookup_hash) if party and party.lookup_hash else None
        key = self._vault.data_key(subject.data_key, subject.kek_kid) if subject else self._case_key(claimed.case)
        detail = {
            "case_no": claimed.case.case_no,
            "matter": claimed.matter.code,
            "requirement": resolution.requirement.code,
            "party": resolution.requirement.party,
            "outcome": resolution.outcome.value,
            "why": resolution.why.code,
            "client_id": caller.client_id,
            "department": claimed.case.department_code,
            "purpose": call.purpose,
            "request_id": claimed.request_id,
            "grants": sorted(grant.id for grant in resolution.grants),
            "certificates": [source.held.record.identifier for source in resolution.sources],
            "fields": sorted({name for source in resolution.sources for name in source.need.fields}),
            "payload_hash": item_hash(content),
        }
        return Draft(
            kind="disclosure" if resolution.outcome is Outcome.SATISFIED else "refusal",
            detail=detail,
            key=key,
            subject_id=subject.id if subject else None,
            case_id=claimed.case.id,
        )

    async def _finish(
        self, request_id: str, lease: str, case: store.Case, answer: dict[str, Any], entries: list[Sealed]
    ) -> bytes:
        body = sign_answer(
            answer,
            entries,
            copier=self._desk.hub("purpose-copy"),
            hub=self._desk.hub("hub"),
            log_origin=self._log_origin,
        )
        crash_at("pull.signed")
        sealed = self._case_key(case).encrypt(_place(request_id), body)
        if not await self._database.write(lambda tx: store.finish_request(tx, request_id, lease, payload=sealed)):
            raise InFlightError
        crash_at("pull.done")
        return body

    async def _repeat(self, caller: Caller, call: EvidenceCall) -> bytes:
        key = call.idempotency_key or ""
        request = await self._database.read(lambda tx: store.find_request_by_key(tx, caller.system_id, key))
        if request is None:
            raise InFlightError
        case = await self._database.read(lambda tx: store.case_by_id(tx, request.case_id))
        if case is None:
            raise CaseNotFoundError
        now = self._clock()
        if request.created_at < now - KEY_KEPT or (request.state == "claimed" and request.lease_until < now):
            # Past its 24 hours, or its holder died before anything was decided: free the key and start over. The lease
            # goes too: a holder that was only paused must not decide now, or one key would have two effects.
            if not await self._database.write(lambda tx: store.drop_key(tx, request, lease=new_id())):
                raise InFlightError
            return await self.pull(caller, call)
        if request.request_hash != call.request_hash:
            raise IdempotencyError
        return await self._again(caller, case, request)

    async def _again(self, caller: Caller, case: store.Case, request: store.EvidenceRequest) -> bytes:
        if request.state == "claimed":
            raise InFlightError
        if case.state != "open":
            await self._cases.refuse(caller, "case_closed", {"request_id": request.id}, case=case)
            raise CaseClosedError
        if not await self._database.write(lambda tx: self._grants_hold(tx, request.grants)):
            await self._cases.refuse(caller, "grant_ended", {"request_id": request.id}, case=case)
            raise GrantEndedError
        if request.state == "done" and request.answer is not None:
            return self._case_key(case).decrypt(_place(request.id), request.answer)
        if request.lease_until >= self._clock():
            raise InFlightError
        body = await self._resume(request)
        if body is None:
            raise InFlightError
        return body

    async def _resume(self, request: store.EvidenceRequest) -> bytes | None:
        """Sign a decided request whose holder died; None when somebody else was faster."""
        lease, until = new_id(), self._clock() + LEASE
        if not await self._database.write(
            lambda tx: store.take_over(tx, request.id, old_lease=request.lease, lease=lease, until=until)
        ):
            return None
        crash_at("pull.taken_over")
        case = await self._database.read(lambda tx: store.case_by_id(tx, request.case_id))
        if case is None or request.answer is None:
            return None
        answer = read_stored(self._case_key(case).decrypt(_place(request.id), request.answer))
        return await self._finish(request.id, lease, case, answer, restored_entries(answer))

    def _grants_hold(self, tx: Connection, ids: list[str]) -> bool:
        if not ids:
            return True
        now = self._clock()
        lock_grants(tx, ids)
        found = read_grants(tx, ids)
        check_guards(tx, self._vault, grants=found)
        return len(found) == len(ids) and all(
            grant.state is GrantState.LIVE and now < grant.valid_until for grant in found
        )

    def _matter(self, tx: Connection, matter_id: str) -> Matter:
        known = self._matters.get(matter_id)
        if known is None:
            known = self._matters[matter_id] = read_matter_row(tx, matter_id)
        return known

    def _case_key(self, case: store.Case) -> DataKey:
        return self._vault.data_key(case.data_key, case.kek_kid)


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


def _rechecked(
    item: Item, grants: dict[str, tuple[int, str, datetime]], versions: dict[str, tuple[int, str]], now: datetime
) -> Item:
    """The item as it may be disclosed now: what a grant or a licence has lost since unit 1 is withheld (seam D6)."""
    resolution = item.resolution
    for grant in resolution.grants:
        row_version, state, until = grants.get(grant.id, (0, "withdrawn", now))
        if row_version != grant.row_version or state != "live" or until <= now:
            code = "grant_not_in_force" if state == "live" else f"grant_{state}"
            return Item(Resolution(resolution.requirement, Outcome.NOT_GRANTED, Why(code)), ())
    for source in resolution.sources:
        record = source.held.record
        row_version, status = versions.get(record.id, (0, "superseded"))
        if status in {"revoked", "suspended"}:
            why = Why(f"certificate_{status}", {"type": record.type_code})
            return Item(Resolution(resolution.requirement, Outcome.REFUSED, why), ())
        if (row_version, status) != (record.row_version, record.status):
            why = Why("issue_not_finished", {"type": record.type_code})
            return Item(Resolution(resolution.requirement, Outcome.SOURCE_UNAVAILABLE, why), ())
    return item


def _place(request_id: str) -> str:
    return f"evidence_requests:{request_id}:answer"
