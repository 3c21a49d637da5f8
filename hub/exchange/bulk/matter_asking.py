"""Sources asked in a campaign: of many holders at once, of each source only as many as it bears, and never for people
who wait: half of a source's places and of its load limit are theirs.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, TypeVar

from catalog.matters.values import Need, Requirement
from catalog.source_store import StoredSource
from hub.clock import Clock
from hub.exchange.bulk.finding import BOUNDED, NotNowError, check_window, chunk_of
from hub.exchange.bulk.matter_ground import MatterStanding
from hub.exchange.bulk.matter_judging import Held, Said, indexed_in, judge_one
from hub.exchange.indexed import IndexedClaims
from hub.exchange.judging import unavailable
from hub.exchange.shared_data import SharedData
from hub.intake.calls import EvidenceCall
from hub.intake.outcomes import Fetched
from hub.intake.resolver import Ask, Open, Resolution, resolve
from hub.intake.resolving.asking import Answering

T = TypeVar("T")
INDEXED_AT_ONCE: Final = 2
"""Holders whose indexed licences are asked about at a time: their sources are known only when asked."""


@dataclass(frozen=True, slots=True)
class Told:
    """What sources said of these holders, by subject; without those who must wait. `later`: why, if the run as a whole
    must; `lasts`: how long all of it has to take, by the sources' load limits.
    """

    said: dict[str, Said]
    lasts: timedelta
    later: NotNowError | None


def size_of(answering: Answering, requirements: Sequence[Requirement], most: int) -> int:
    """How many holders to take together."""
    needs = {need for item in requirements for alternative in item.alternatives for need in alternative}
    asked = Counter(need.interface for need in needs)
    size = most
    for code, (_, source) in answering.items():
        size = min(size, max(1, chunk_of(source.definition)[0] // max(1, asked[code])))
    return size


class MatterAsking:
    """Asks sources about holders. In no transaction."""

    def __init__(self, *, sources: SharedData, indexed: IndexedClaims, clock: Clock) -> None:
        self._sources = sources
        self._indexed = indexed
        self._clock = clock

    async def ask(self, standing: MatterStanding, holders: Sequence[Held], call: EvidenceCall) -> Told:
        """Ask about these holders, as many of them at once as each source bears. A source that fails is an answer."""
        asking = _Asking(self._sources, self._indexed, call, self._clock())
        results = await asyncio.gather(
            *(asking.about(holder, standing.requirements) for holder in holders), return_exceptions=True
        )
        said: dict[str, Said] = {}
        later: NotNowError | None = None
        for holder, result in zip(holders, results, strict=True):
            if isinstance(result, Said):
                said[holder.subject.id] = result
            elif isinstance(result, NotNowError):
                later = result
            else:
                raise result
        return Told(said, asking.lasts(), later)


@dataclass
class _Asking:
    sources: SharedData
    indexed: IndexedClaims
    call: EvidenceCall
    now: datetime
    places: dict[str, asyncio.Semaphore] = field(default_factory=dict)
    counted: Counter[str] = field(default_factory=Counter)
    limits: dict[str, StoredSource] = field(default_factory=dict)
    few: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(INDEXED_AT_ONCE))

    async def about(self, holder: Held, requirements: Sequence[Requirement]) -> Said:
        """All that sources say of one holder. Raises: NotNowError."""
        said = Said()
        asked: dict[tuple[Need, int | None, bool], asyncio.Future[Fetched]] = {}
        each = (self._requirement(holder, item, said, asked) for item in requirements)
        for ended in await asyncio.gather(*each, return_exceptions=True):
            _whole(ended)
        return said

    async def _requirement(
        self,
        holder: Held,
        requirement: Requirement,
        said: Said,
        asked: dict[tuple[Need, int | None, bool], asyncio.Future[Fetched]],
    ) -> None:
        """Its alternatives in their order, one after the other; two requirements that want the same ask once."""
        answers = said.needs.setdefault(requirement.code, {})
        found = judge_one(requirement, holder.question, said)
        while isinstance(found, Open):
            new = []
            for ask in found.asks:
                key = (ask.need, ask.subject, ask.known)
                if key not in asked:
                    asked[key] = asyncio.ensure_future(self._source(holder, requirement, ask))
                new.append(asked[key])
            told = [_whole(one) for one in await asyncio.gather(*new, return_exceptions=True)]
            answers |= {ask.need: one for ask, one in zip(found.asks, told, strict=True)}
            found = judge_one(requirement, holder.question, said)
        if found is None:
            await self._claims(holder, requirement, said)

    async def _claims(self, holder: Held, requirement: Requirement, said: Said) -> None:
        found = resolve(requirement, holder.question, said.needs[requirement.code])
        if not isinstance(found, Resolution):
            return
        for source in indexed_in(found):
            async with self.few:
                question = self.indexed.fetch(holder.claimed, self.call, found, source)
                said.claims[requirement.code, source.held.record.id] = await _or_failed(question)

    async def _source(self, holder: Held, requirement: Requirement, ask: Ask) -> Fetched:
        definition = ask.source.definition
        check_window(definition, self.now)
        places = self.places.setdefault(ask.source.id, asyncio.Semaphore(chunk_of(definition)[1]))
        self.limits[ask.source.id] = ask.source
        async with places:
            self.counted[ask.source.id] += 1
            return await _or_failed(self.sources.fetch(holder.claimed, self.call, requirement, ask))

    def lasts(self) -> timedelta:
        """How long so many questions must take."""
        found = [timedelta()]
        for source_id, count in self.counted.items():
            per_minute = self.limits[source_id].definition.limits.per_minute
            if per_minute is not None:
                found.append(timedelta(minutes=1) * count / max(1, per_minute // 2))
        return max(found)


def _whole(result: T | BaseException) -> T:
    """The result, once everybody has ended: who still waits for a source must not be left behind."""
    if isinstance(result, BaseException):
        raise result
    return result


async def _or_failed(question: Awaitable[Fetched]) -> Fetched:
    """What the source says; where it is away or busy, that is this holder's answer for now, and nobody else's."""
    try:
        return await question
    except NotNowError as error:
        if error.reason in BOUNDED:
            return unavailable("source_unreachable")
        raise
