"""A query: one question to one source, in three units of work around one ledger row.

(1) claim and check (`claiming`) → ask the source, in no transaction → (2) re-check, then commit ledger row, encrypted
unsigned answer and `decided` together (`deciding`) → sign → (3) store the answer, `done`; then its bytes leave.
"""

import asyncio
from typing import Final

import structlog

from adapters.errors import DefinitionFaultError, SourceError
from adapters.port import Context
from hub.access.service import Caller
from hub.clock import BEIJING, Clock
from hub.exchange.cache import AnswerCache, fresh
from hub.exchange.claiming import ClaimedQuery, QueryClaiming, scoped_key
from hub.exchange.compose import Found
from hub.exchange.contract import Difference
from hub.exchange.deciding import QueryDeciding
from hub.exchange.drift import DriftWatch
from hub.exchange.errors import (
    ExchangeError,
    FieldNotGrantedError,
    NotGrantedError,
    QuestionError,
    UnknownInterfaceError,
)
from hub.exchange.judging import Asked, Readers, Reading, unavailable
from hub.exchange.pool import SourcePool
from hub.exchange.question import QueryCall, needs_party
from hub.intake.answers import Answers
from hub.intake.cases import CaseService
from hub.intake.errors import CaseClosedError, CaseNotFoundError
from hub.intake.quotas import QuotaBook, Taken
from hub.intake.resolver import Outcome, Why
from hub.issuing.plan import name_hash
from hub.storage.crash import crash_at
from hub.storage.database import Database
from hub.storage.errors import ConflictError, IntegrityBrokenError
from hub.storage.vault import Vault
from signing.canonical import canonical

GRID_SECONDS: Final = 0.025
"""As for evidence: an answer that confirms no identity leaves on this grid (threat S14)."""
_log = structlog.get_logger(__name__)


class QueryService:
    """Answers queries."""

    def __init__(
        self,
        database: Database,
        *,
        vault: Vault,
        cases: CaseService,
        claiming: QueryClaiming,
        deciding: QueryDeciding,
        answers: Answers,
        quotas: QuotaBook,
        pool: SourcePool,
        cache: AnswerCache,
        drift: DriftWatch,
        readers: Readers,
        clock: Clock,
    ) -> None:
        self._database = database
        self._vault = vault
        self._cases = cases
        self._claiming = claiming
        self._deciding = deciding
        self._answers = answers
        self._quotas = quotas
        self._pool = pool
        self._cache = cache
        self._drift = drift
        self._clock = clock
        self._readers = readers

    async def query(self, caller: Caller, call: QueryCall) -> bytes:
        """The answer's bytes; the same Idempotency-Key gives the same bytes while case and grant hold.

        Raises, each after its refusal is on the ledger: CaseNotFoundError, CaseClosedError, UnknownInterfaceError,
        NotGrantedError, FieldNotGrantedError, QuestionError; besides IdempotencyError, InFlightError, GrantEndedError,
        StorageError. A source that fails is an outcome, not an error.
        """
        arrived = asyncio.get_running_loop().time()
        claimed = await self._claim(caller, call)
        if isinstance(claimed, bytes):
            return claimed
        crash_at("query.claimed")
        found = await self._find(claimed, call)
        now = self._clock()
        try:
            decided = await self._database.write(
                lambda tx: self._deciding.decide(tx, caller, call, claimed, found, now)
            )
        except CaseClosedError:
            await self._cases.refuse(caller, "case_closed", {"purpose": call.purpose}, case=claimed.case)
            raise
        crash_at("query.decided")
        body = await self._answers.finish(claimed.request_id, claimed.lease, claimed.case, *decided)
        if found.outcome is Outcome.IDENTITY_UNCONFIRMED:
            elapsed = asyncio.get_running_loop().time() - arrived
            await asyncio.sleep(GRID_SECONDS - elapsed % GRID_SECONDS)
        return body

    async def _claim(self, caller: Caller, call: QueryCall) -> ClaimedQuery | bytes:
        now = self._clock()
        taken = Taken()
        try:
            claimed = await self._database.write(lambda tx: self._claiming.claim(tx, caller, call, taken, now))
        except ConflictError:
            self._quotas.give_back(taken)
            key = scoped_key(call.idempotency_key) or ""
            stored = await self._answers.repeated(caller, key, call.request_hash)
            return stored if stored is not None else await self.query(caller, call)
        except CaseNotFoundError:
            await self._cases.refuse(caller, "case_not_found", {"case_no": call.case_no})
            raise
        except (CaseClosedError, ExchangeError, IntegrityBrokenError) as error:
            self._quotas.give_back(taken)
            if isinstance(error, IntegrityBrokenError):
                _log.error("guarded_row_broken", alarm=True, where=error.where)
            case = await self._cases.get(caller, call.case_no)
            detail = {"purpose": call.purpose, "interface": call.interface}
            await self._cases.refuse(caller, _refused_as(error), detail, case=case)
            raise
        except BaseException:
            self._quotas.give_back(taken)
            raise
        self._quotas.confirm(taken)
        return claimed

    async def _find(self, claimed: ClaimedQuery, call: QueryCall) -> Found:
        stored, interface = claimed.interface, claimed.interface.interface
        if needs_party(interface) and interface.identity_name is None and not claimed.identity_known:
            return Found(Outcome.IDENTITY_UNCONFIRMED, Why("identity_unconfirmed"))
        if claimed.source.state != "active" or self._drift.quarantined(stored.id):
            return unavailable("source_quarantined")
        now = self._clock()
        kept = await self._cache.get(stored, claimed.params, now=now)
        if kept is not None and fresh(kept, stored, now=now):
            return await self._judged(claimed, kept, cached=True)
        try:
            reading = await self._asked(claimed, call)
        except SourceError as error:
            _log.warning("source_failed", source=claimed.source.definition.code, code=error.code)
            if kept is not None:
                return await self._judged(claimed, kept, cached=True, stale=True)
            return unavailable(_failed_as(error))
        if isinstance(reading, Difference):
            return await self._faulty(claimed, reading)
        found = await self._judged(claimed, reading)
        if found.outcome is Outcome.SATISFIED:
            await self._cache.put(stored, claimed.params, reading)
        return found

    async def _asked(self, claimed: ClaimedQuery, call: QueryCall) -> Reading | Difference:
        identity = claimed.identity
        context = Context(
            case_no=claimed.case.case_no,
            matter=claimed.case.matter_code,
            material=call.material,
            purpose=claimed.grant.purpose,
            operator_id=claimed.operator_id,
            applicant_name=identity.name if identity else "",
            applicant_code=(identity.id_number or "") if identity else "",
        )
        answer = await self._pool.ask(claimed.source, claimed.interface, claimed.params, context)
        return self._readers.of(claimed.interface).read(answer, now=self._clock())

    async def _judged(
        self, claimed: ClaimedQuery, reading: Reading, *, cached: bool = False, stale: bool = False
    ) -> Found:
        party = claimed.party
        asked = Asked(
            params=claimed.params,
            fields=claimed.fields,
            identity_known=claimed.identity_known,
            today=self._clock().astimezone(BEIJING).date(),
            name_matches=(lambda name: name_hash(self._vault, name) == party.name_hash) if party else None,
        )
        found = self._readers.of(claimed.interface).judge(reading, asked, cached=cached, stale=stale)
        if isinstance(found, Difference):
            _log.error("answer_about_another", alarm=True, source=claimed.source.definition.code, field=found.field)
            return unavailable("other_record")
        await self._drift.observe(claimed.interface, None)
        return found

    async def _faulty(self, claimed: ClaimedQuery, fault: Difference) -> Found:
        code = claimed.interface.interface.code
        _log.warning("answer_breaks_contract", interface=code, field=fault.field, code=fault.code)
        question = self._vault.lookup_hash("question", canonical(dict(claimed.params)).decode())
        await self._drift.observe(claimed.interface, fault, question=question)
        return unavailable("source_faulty")


def _refused_as(error: Exception) -> str:
    match error:
        case NotGrantedError():
            return error.code
        case FieldNotGrantedError():
            return "field_not_granted"
        case QuestionError():
            return "question_not_acceptable"
        case UnknownInterfaceError():
            return "interface_unknown"
        case CaseClosedError():
            return "case_closed"
        case _:
            return "integrity"


def _failed_as(error: SourceError) -> str:
    """The reason a caller is told: in which way the source failed, never what it said."""
    if isinstance(error, DefinitionFaultError):
        return "source_misconfigured"
    if error.code.startswith("timed_out"):
        return "source_timeout"
    if error.code == "denied":
        return "source_denied"
    return "source_faulty" if error.code.startswith("faulty") else "source_unreachable"
