"""What the source says of a licence of which the hub keeps an index alone, for its holder who wants to read it, or for
who acts for him.

The way of a pull (`indexed`), without a case and without a grant: nobody else is given it. The source is told that he
asks himself, or that somebody asks for him. Only an interface of the department that issued the licence is asked, by
his number and name or by the number of the licence. Nothing is taken from the cache of answers, and nothing is put
there.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy import Connection

from adapters.errors import SourceError
from adapters.guarded import next_window
from adapters.port import Context, Value
from catalog.interface_store import StoredInterface
from catalog.interfaces import Origin
from catalog.source_store import StoredSource
from certificates.definitions.certificate_type import CertificateType
from certificates.stores.version import VersionRecord
from hub.clock import BEIJING, Clock
from hub.exchange.compose import Found
from hub.exchange.contract import Difference
from hub.exchange.drift import DriftWatch
from hub.exchange.errors import QuestionError
from hub.exchange.finding import failed_as
from hub.exchange.judging import Asked, Readers, Reading, unavailable
from hub.exchange.pool import SourcePool
from hub.exchange.question import Identity, QueryCall, bind_params
from hub.intake.outcomes import Outcome, Why
from hub.issuing.plan import name_hash
from hub.registry.guarding import DefinitionGuard
from hub.storage.database import Database
from hub.storage.vault import Vault
from hub.threads import off_loop, weight
from signing.canonical import canonical

AGAIN: Final = timedelta(minutes=5)
"""After a failure of which nobody knows how long it lasts."""
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class OwnQuestion:
    """Of which licence, and who its holder is. `number`: of the licence, as its index has it; `fields`: of the answer,
    those that may be shown and those by which it is held against the index. `purpose`: as the source is told.
    """

    record: VersionRecord
    kind: CertificateType
    fields: frozenset[str]
    number: str | int = field(repr=False)
    holder: Identity = field(repr=False)
    purpose: str


@dataclass(frozen=True, slots=True)
class OwnAnswer:
    """What was found; of a failure also from when on asking again may help."""

    found: Found
    again_at: datetime | None = None


class OwnLicences:
    """Asks. Whether the licence is his, and what is written down of it, is the caller's."""

    def __init__(
        self, database: Database, *, vault: Vault, pool: SourcePool, drift: DriftWatch, readers: Readers, clock: Clock
    ) -> None:
        self._database = database
        self._vault = vault
        self._pool = pool
        self._drift = drift
        self._readers = readers
        self._clock = clock
        self._guard = DefinitionGuard(vault)

    async def ask(self, question: OwnQuestion) -> OwnAnswer:
        """What the source says now, in no transaction. A failure is an outcome; so is an answer about somebody else
        (`other_record`). Raises: IntegrityBrokenError: source or interface were written past the hub.
        """
        rule, now = question.kind.source, self._clock()
        if rule is None:
            return OwnAnswer(unavailable("source_misconfigured"))
        answering = await self._database.read(lambda tx: self._answering(tx, rule.interface, now))
        if answering is None or answering[0].interface.department != question.record.issuer_code:
            return OwnAnswer(unavailable("source_misconfigured"))
        stored, source = answering
        try:
            params = _params(question, stored)
        except QuestionError:
            return OwnAnswer(unavailable("source_misconfigured"))
        if self._readers.of(stored).contract.check_params(params):
            return OwnAnswer(unavailable("source_misconfigured"))
        if source.state != "active" or await self._drift.quarantined(stored.id):
            return OwnAnswer(unavailable("source_quarantined"))
        context = Context(
            material=question.kind.name.zh,
            purpose=question.purpose,
            applicant_name=question.holder.name,
            applicant_code=question.holder.id_number or "",
        )
        try:
            answer = await self._pool.ask(source, stored, params, context)
        except SourceError as error:
            _log.warning("source_failed", source=source.definition.code, code=error.code)
            return OwnAnswer(unavailable(failed_as(error)), self._again(source))
        reader = self._readers.of(stored)
        reading = await off_loop(weight(answer.rows), lambda: reader.read(answer, now=self._clock()))
        if isinstance(reading, Difference):
            _log.warning("answer_breaks_contract", interface=rule.interface, field=reading.field, code=reading.code)
            asked = self._vault.lookup_hash("question", canonical(dict(params)).decode())
            await self._drift.observe(stored, reading, question=asked)
            return OwnAnswer(unavailable("source_faulty"), self._clock() + AGAIN)
        await self._drift.observe(stored, None)
        return OwnAnswer(await self._judged(question, stored, params, reading))

    async def _judged(
        self, question: OwnQuestion, stored: StoredInterface, params: Mapping[str, Value], reading: Reading
    ) -> Found:
        asked = Asked(
            params=params,
            fields=question.fields,
            identity_known=True,
            today=self._clock().astimezone(BEIJING).date(),
            name_matches=lambda name: name_hash(self._vault, name) == question.record.name_hash,
        )
        reader = self._readers.of(stored)
        found = await off_loop(weight(reading.records), lambda: reader.judge(reading, asked))
        if isinstance(found, Difference) or found.outcome is Outcome.IDENTITY_UNCONFIRMED:
            return Found(Outcome.REFUSED, Why("other_record"))
        return found

    def _answering(self, tx: Connection, code: str, now: datetime) -> tuple[StoredInterface, StoredSource] | None:
        return self._guard.answering(tx, code, now=now)

    def _again(self, source: StoredSource) -> datetime:
        """When its hours begin, when its breaker lets somebody through, or in a while."""
        now = self._clock()
        opens = next_window(source.definition.windows, now)
        if opens is not None:
            return opens
        opened = self._pool.opened(source.id)
        shut = timedelta(seconds=opened.health().open_seconds) if opened else timedelta()
        return now + max(AGAIN, shut)


def _params(question: OwnQuestion, stored: StoredInterface) -> Mapping[str, Value]:
    """Raises: QuestionError: an interface that is asked by something else than the holder or the licence's number."""
    wanted = [param.name for param in stored.interface.params.values() if param.origin is Origin.CALLER]
    if len(wanted) > 1:
        raise QuestionError("/params", "more_than_a_number")
    call = QueryCall(
        interface=stored.interface.code,
        case_no="",
        purpose=None,
        party=None,
        subject=None,
        params=dict.fromkeys(wanted, question.number),
        fields=None,
        material=question.kind.name.zh,
        language="zh-CN",
        request_hash="",
    )
    return bind_params(stored.interface, call, question.holder, ())
