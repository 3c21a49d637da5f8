"""Where a live answer comes from: the cache while it is fresh, else the source; judged before it means anything."""

from typing import Protocol

import structlog

from adapters.errors import DefinitionFaultError, SourceError
from adapters.port import Context
from hub.clock import BEIJING, Clock
from hub.exchange.cache import AnswerCache, fresh
from hub.exchange.claiming import ClaimedQuery
from hub.exchange.compose import Found
from hub.exchange.contract import Difference
from hub.exchange.drift import DriftWatch
from hub.exchange.judging import Asked, Readers, Reading, unavailable
from hub.exchange.pool import SourcePool
from hub.exchange.question import QueryCall, needs_party
from hub.intake.compose import can_be_read_again
from hub.intake.resolver import Outcome, Why
from hub.issuing.plan import name_hash
from hub.storage.vault import Vault
from hub.threads import off_loop, weight
from signing.canonical import canonical

_log = structlog.get_logger(__name__)


class Finder(Protocol):
    """Answers a claimed question; a source that fails is an outcome, not an error. In no transaction."""

    async def find(self, claimed: ClaimedQuery, call: QueryCall) -> Found:
        """What was found, filtered to the claimed fields."""
        ...


class SourceFinder:
    """Asks the sources of departments."""

    def __init__(
        self, *, vault: Vault, pool: SourcePool, cache: AnswerCache, drift: DriftWatch, readers: Readers, clock: Clock
    ) -> None:
        self._vault = vault
        self._pool = pool
        self._cache = cache
        self._drift = drift
        self._readers = readers
        self._clock = clock

    async def find(self, claimed: ClaimedQuery, call: QueryCall) -> Found:
        """From the cache or the source."""
        stored, interface = claimed.interface, claimed.interface.interface
        if claimed.dead == "holder_dead":
            return Found(Outcome.IDENTITY_UNCONFIRMED, Why(claimed.dead))
        if needs_party(interface) and interface.identity_name is None and not claimed.identity_known:
            return Found(Outcome.IDENTITY_UNCONFIRMED, Why("identity_unconfirmed"))
        if claimed.grant.terms.consent and not claimed.identity_known:  # what an unknown person decided nobody learns
            return Found(Outcome.IDENTITY_UNCONFIRMED, Why("identity_unconfirmed"))
        if claimed.not_agreed is not None:
            return Found(*claimed.not_agreed)
        if claimed.source.state != "active" or await self._drift.quarantined(stored.id):
            return unavailable("source_quarantined")
        now = self._clock()
        kept = await self._cache.get(stored, claimed.source, claimed.params, now=now)
        if kept is not None and fresh(kept, stored, now=now):
            found = await self._judged(claimed, kept, cached=True)
            if found.outcome is not Outcome.IDENTITY_UNCONFIRMED:
                return found
            # As if nothing were kept: a source that is not asked, or whose failure does not show, would tell that
            # somebody of another name has this number (threat S14).
            kept = None
        try:
            reading = await self._asked(claimed, call)
        except SourceError as error:
            _log.warning("source_failed", source=claimed.source.definition.code, code=error.code)
            if kept is not None:
                found = await self._judged(claimed, kept, cached=True, stale=True)
                if found.outcome is not Outcome.IDENTITY_UNCONFIRMED:
                    return found
            return unavailable(failed_as(error))
        if isinstance(reading, Difference):
            return await self._faulty(claimed, reading)
        found = await self._judged(claimed, reading)
        if found.outcome is Outcome.SATISFIED:
            await self._cache.put(stored, claimed.source, claimed.params, reading)
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
        reader, now = self._readers.of(claimed.interface), self._clock()
        return await off_loop(weight(answer.rows), lambda: reader.read(answer, now=now))

    async def _judged(
        self, claimed: ClaimedQuery, reading: Reading, *, cached: bool = False, stale: bool = False
    ) -> Found:
        party, dead = claimed.party, bool(claimed.dead)
        asked = Asked(
            params=claimed.params,
            fields=claimed.fields,
            identity_known=claimed.identity_known,
            today=self._clock().astimezone(BEIJING).date(),
            # Of the dead, under another name than the case's, the source is asked as of anybody, and confirms nobody.
            name_matches=(lambda name: not dead and name_hash(self._vault, name) == party.name_hash) if party else None,
            several=claimed.several,
        )
        reader = self._readers.of(claimed.interface)

        def judged() -> tuple[Found | Difference, bool]:
            found = reader.judge(reading, asked, cached=cached, stale=stale)
            return found, isinstance(found, Difference) or can_be_read_again(found.records)

        found, readable = await off_loop(weight(reading.records), judged)
        if isinstance(found, Difference):
            _log.error("answer_about_another", alarm=True, source=claimed.source.definition.code, field=found.field)
            return unavailable("other_record")
        await self._drift.observe(claimed.interface, None)
        if not readable:
            _log.warning("answer_too_large_or_deep", source=claimed.source.definition.code)
            return unavailable("source_faulty")
        return found

    async def _faulty(self, claimed: ClaimedQuery, fault: Difference) -> Found:
        code = claimed.interface.interface.code
        _log.warning("answer_breaks_contract", interface=code, field=fault.field, code=fault.code)
        question = self._vault.lookup_hash("question", canonical(dict(claimed.params)).decode())
        await self._drift.observe(claimed.interface, fault, question=question)
        return unavailable("source_faulty")


def failed_as(error: SourceError) -> str:
    """The reason a caller is told: in which way the source failed, never what it said."""
    if isinstance(error, DefinitionFaultError):
        return "source_misconfigured"
    if error.code.startswith("timed_out"):
        return "source_timeout"
    if error.code == "denied":
        return "source_denied"
    return "source_faulty" if error.code.startswith("faulty") else "source_unreachable"
