"""The job of a bulk run: a handful of subjects at a time, until none is left; then the file.

Killed anywhere it goes on where it was: a subject is decided once, its entry and its result in one transaction. A run
gives its place to others every minute, waits where the source or the quota says so, and ends where it has lost what it
stood on.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from sqlalchemy import Connection

from catalog.matters.roles import PLAIN
from hub.clock import BEIJING, Clock, new_id
from hub.exchange.bulk import store, subject_store
from hub.exchange.bulk.deciding import Answered, BulkDeciding
from hub.exchange.bulk.ending import BulkEnding
from hub.exchange.bulk.entries import order_of
from hub.exchange.bulk.files import opened
from hub.exchange.bulk.finding import BOUNDED, BulkFinder, NotNowError, check_window, chunk_of, until_tomorrow
from hub.exchange.bulk.matter_ground import undecided
from hub.exchange.bulk.matter_work import MatterWork
from hub.exchange.bulk.order import BulkOrder
from hub.exchange.bulk.standing import ENDED, BulkGround, Standing, ended_as
from hub.exchange.bulk.store import RUN, Run, RunState
from hub.exchange.bulk.subject_store import Subject
from hub.exchange.claiming import ClaimedQuery
from hub.exchange.compose import Found
from hub.exchange.errors import QuestionError
from hub.exchange.judging import unavailable
from hub.exchange.known import known_people
from hub.exchange.question import Identity, QueryCall, bind_params
from hub.intake.answers import case_key
from hub.intake.errors import InFlightError
from hub.intake.identity import standing_of
from hub.intake.quotas import QuotaBook, Taken
from hub.intake.store import Party, case_by_id
from hub.issuing.plan import lookup_hash, name_hash
from hub.issuing.types.registry import TypeRegistry
from hub.registry.matters.guard import MatterBook
from hub.storage.crash import crash_at
from hub.storage.database import Database
from hub.storage.jobs import enqueue
from hub.storage.vault import Vault

TURN: Final = timedelta(minutes=1)
"""How long a run keeps a worker before others have theirs."""
MAX_ATTEMPTS: Final = 8
"""Turns that did not move it: fewer than a job's, so that a run that cannot go on says so itself."""
MAX_PAUSES: Final = 3
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Chunk:
    """A handful of subjects with what is asked about each; empty when none is left."""

    asked: tuple[tuple[Subject, ClaimedQuery | None], ...]
    call: QueryCall
    at_once: int
    lasts: timedelta


class BulkRunner:
    """Works runs off; `run` is the handler of the job."""

    def __init__(
        self,
        database: Database,
        *,
        vault: Vault,
        types: TypeRegistry,
        ground: BulkGround,
        quotas: QuotaBook,
        finder: BulkFinder,
        ending: BulkEnding,
        matters: MatterWork,
        clock: Clock,
    ) -> None:
        self._database = database
        self._vault = vault
        self._matters = MatterBook(vault)
        self._types = types
        self._ground = ground
        self._quotas = quotas
        self._finder = finder
        self._deciding = BulkDeciding(vault=vault)
        self._ending = ending
        self._campaigns = matters
        self._clock = clock

    async def run(self, job: Mapping[str, Any]) -> None:
        """Go on with a run for a while. Raises: whatever may pass by itself, for the job to come back."""
        run = await self._database.write(lambda tx: self._begin(tx, str(job["run"]), int(job["turn"])))
        if run is None:
            return
        if run.attempts > MAX_ATTEMPTS:
            await self._ending.stop(run, "gave_up")
            return
        until = self._clock() + TURN
        try:
            while self._clock() < until:
                if not await self._chunk(run):
                    await self._ending.finish(run)
                    return
            await self._hand_over(run, None)
        except NotNowError as error:
            await self._hand_over(run, error)
        except InFlightError:
            _log.info("bulk_run_elsewhere", run=run.id)
        except ENDED as error:
            await self._end(run, ended_as(error))

    async def _chunk(self, run: Run) -> bool:
        """Ask about and decide the next subjects; False when there are none."""
        if "matter" in run.ordered:
            return await self._campaigns.chunk(run)
        began = self._clock()
        chunk = await self._claimed(run)
        if not chunk.asked:
            return False
        crash_at("bulk.claimed")
        places = asyncio.Semaphore(chunk.at_once)

        async def ask(claimed: ClaimedQuery | None) -> Found:
            if claimed is None:
                return unavailable("source_misconfigured")
            async with places:
                return await self._finder.find(claimed, chunk.call)

        results = await asyncio.gather(*(ask(claimed) for _, claimed in chunk.asked), return_exceptions=True)
        answered, later = self._sorted(run, chunk.asked, results)
        if answered:
            await self._database.write(lambda tx: self._deciding.decide(tx, run, answered, self._clock()))
            crash_at("bulk.decided")
        if later is not None:
            raise later
        rest = chunk.lasts - (self._clock() - began)
        if rest > timedelta():
            raise NotNowError("load_limit", rest)
        return True

    def _sorted(
        self,
        run: Run,
        asked: Sequence[tuple[Subject, ClaimedQuery | None]],
        results: Sequence[Found | BaseException],
    ) -> tuple[list[Answered], NotNowError | None]:
        """What has an answer, and why the others must wait. A source that stays away is an answer in the end."""
        answered: list[Answered] = []
        later: NotNowError | None = None
        for (subject, claimed), result in zip(asked, results, strict=True):
            if isinstance(result, Found):
                answered.append(Answered(subject, result, claimed))
            elif not isinstance(result, NotNowError):
                raise result
            elif result.reason in BOUNDED and run.pauses >= MAX_PAUSES:
                answered.append(Answered(subject, unavailable("source_unreachable"), claimed))
            else:
                later = result
        return answered, later

    async def _claimed(self, run: Run) -> Chunk:
        """Unit 1: everything is checked before the source is asked. Near the end of a quota, one subject at a time.

        Raises: those of `ENDED`; NotNowError; InFlightError.
        """
        for alone in (False, True):
            taken = Taken()
            try:
                chunk = await self._database.write(
                    lambda tx, taken=taken, alone=alone: self._claim(tx, run, taken, alone=alone)  # type: ignore[misc]
                )
            except NotNowError as error:
                self._quotas.give_back(taken)
                if error.reason != "quota_exhausted" or alone:
                    raise
            except BaseException:
                self._quotas.give_back(taken)
                raise
            else:
                self._quotas.confirm(taken)
                return chunk
        raise AssertionError("unreachable")

    def _claim(self, tx: Connection, run: Run, taken: Taken, *, alone: bool) -> Chunk:
        now = self._clock()
        stored = store.find_run(tx, run.id)
        case = case_by_id(tx, run.case_id)
        if stored is None or case is None or stored.state is not RunState.RUNNING or stored.lease != run.lease:
            raise InFlightError
        store.check_run(tx, self._vault, stored)
        order = order_of(run, case_key(self._vault, case))
        if not subject_store.waiting(tx, run.id, most=1):
            return Chunk((), order.call(), 1, timedelta())
        standing = self._ground.again(tx, run, order, now)
        undecided(standing.case)
        check_window(standing.source.definition, now)
        size, at_once, lasts = chunk_of(standing.source.definition)
        subjects = subject_store.waiting(tx, run.id, most=1 if alone else size)
        grant = standing.grant
        self._quotas.take(tx, [grant] * len(subjects), today=now.astimezone(BEIJING).date(), into=taken)
        if grant.id in taken.exhausted:
            raise NotNowError("quota_exhausted", until_tomorrow(now))
        return Chunk(self._asked(tx, standing, order, subjects, now), order.call(), at_once, lasts)

    def _asked(
        self, tx: Connection, standing: Standing, order: BulkOrder, subjects: Sequence[Subject], now: datetime
    ) -> tuple[tuple[Subject, ClaimedQuery | None], ...]:
        key = case_key(self._vault, standing.case)
        people = [Identity(**opened(key, subject.id, "sealed", subject.sealed)) for subject in subjects]
        parties = [self._party(who) for who in people]
        types = self._types.current()
        hashes = sorted({party.lookup_hash for party in parties if party.lookup_hash})
        known, held = known_people(tx, self._vault, hashes, types)
        today = now.astimezone(BEIJING).date()
        found: list[tuple[Subject, ClaimedQuery | None]] = []

        def deceased() -> bool:
            """Whether the campaign is about the dead: the first role of its matter is theirs."""
            matter = self._matters.matter(tx, standing.case.matter_id)
            return matter.rules.get(matter.roles[0], PLAIN).deceased

        for subject, who, party in zip(subjects, people, parties, strict=True):
            try:
                params = bind_params(standing.interface.interface, order.call(), who, ())
            except QuestionError:  # the interface has changed since the run was asked for
                found.append((subject, None))
                continue
            standing_as = standing_of(party, held, types, today=today, deceased=deceased)
            claimed = ClaimedQuery(
                request_id=subject.id,
                lease="",
                case=standing.case,
                interface=standing.interface,
                source=standing.source,
                owner_code=standing.interface.interface.department,
                grant=standing.grant,
                fields=standing.fields,
                party=party,
                identity=who,
                identity_known=standing_as.confirmed,
                dead=standing_as.dead,
                subject=known.get(party.lookup_hash) if party.lookup_hash else None,
                operator_id=order.officer,
                params=params,
            )
            found.append((subject, claimed))
        return tuple(found)

    def _party(self, who: Identity) -> Party:
        hashed = lookup_hash(self._vault, who.id_type, who.id_number) if who.id_type and who.id_number else None
        return Party("subject", who.id_type, hashed, name_hash(self._vault, who.name))

    def _begin(self, tx: Connection, run_id: str, turn: int) -> Run | None:
        run = store.find_run(tx, run_id, lock=True)
        if run is None or run.state is not RunState.RUNNING or run.turn != turn:
            return None  # over, or a job that was enqueued twice
        store.check_run(tx, self._vault, run)
        changed = {"lease": new_id(), "attempts": run.attempts + 1, "paused_until": None, "paused_why": ""}
        store.touch_run(tx, run_id, now=self._clock(), **changed)
        return replace(run, **changed)  # type: ignore[arg-type]

    async def _hand_over(self, run: Run, later: NotNowError | None) -> None:
        """Put the rest of the run behind what others wait for, or off until it may go on."""
        now = self._clock()
        due = now + later.after if later else now
        bounded = later is not None and later.reason in BOUNDED

        def unit(tx: Connection) -> None:
            stored = store.find_run(tx, run.id, lock=True)
            if stored is None or stored.state is not RunState.RUNNING or stored.lease != run.lease:
                return
            store.touch_run(
                tx,
                run.id,
                now=now,
                turn=run.turn + 1,
                attempts=0,
                pauses=stored.pauses + 1 if bounded else stored.pauses,
                paused_until=due if later else None,
                paused_why=later.reason if later else "",
            )
            enqueue(tx, RUN, {"run": run.id, "turn": run.turn + 1}, now=now, due=due)

        await self._database.write(unit)

    async def _end(self, run: Run, code: str) -> None:
        """What it stood on has ended: every subject that is left is refused, and nothing of the run will leave."""
        while await self._database.write(lambda tx: self._deciding.refuse(tx, run, code, self._clock())):
            pass
        await self._ending.stop(run, code)
