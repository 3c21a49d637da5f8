"""Feeds that run by themselves: what is due, and what its job does.

A reconciliation gives way like a collection, and goes on where it was: what it has seen stays with this process, and
another one that takes the job up begins anew. It acts where the type says so and on nothing that is in doubt: then the
library stays as it is, an alarm and the feed's progress say why, and the next one comes at its time.
"""

from collections.abc import Mapping
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import structlog
from sqlalchemy import Connection

from adapters.errors import SourceError
from certificates.definitions.parts import OnMissing
from hub.clock import Clock, new_id, rfc3339
from hub.collection.errors import FeedEndedError
from hub.collection.feeds import store
from hub.collection.feeds.definition import read_feed
from hub.collection.feeds.reports import FeedReports
from hub.collection.feeds.service import FeedService
from hub.collection.feeds.timetable import Timetable, is_due
from hub.collection.reconciliation.comparing import Counts
from hub.collection.reconciliation.reconciling import NotActedError, Reading, Reconciler, ReconciliationOrder
from hub.collection.reconciliation.registers import of_feed
from hub.collection.turns import FEED_JOB, RECONCILE, Turn, TurnOverError
from hub.storage.database import Database
from hub.storage.jobs import enqueue, unsettled
from hub.storage.objects.guarded import beside
from hub.storage.vault import Vault

_DUE: Final = 20
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Left:
    """A reading that gave way, of this job and this declaration of the feed."""

    job: str
    row_version: int
    reading: Reading


class Rounds:
    """`sweep` enqueues what is due; `collect` and `reconcile` are the handlers of the jobs."""

    def __init__(
        self,
        database: Database,
        *,
        feeds: FeedService,
        reconciler: Reconciler,
        vault: Vault,
        clock: Clock,
        folder: Path,
        reports: FeedReports,
    ) -> None:
        """`folder` has the report of each feed's last reconciliation here, readable by its owner alone; `reports` keeps
        it for the department.
        """
        self._database = database
        self._feeds = feeds
        self._reconciler = reconciler
        self._vault = vault
        self._clock = clock
        self._folder = folder
        self._reports = reports
        self._left: dict[str, _Left] = {}

    async def sweep(self) -> int:
        """Enqueue what every feed whose time has come is to do; answers of how many feeds."""

        def unit(tx: Connection) -> int:
            codes = store.due_feeds(tx, now=self._clock(), most=_DUE)
            for code in codes:
                self._enqueue_due(tx, code)
            return len(codes)

        return await self._database.write(unit)

    async def collect(self, payload: Mapping[str, Any]) -> None:
        """Collect a feed, in its turns; of one that was ended meanwhile nothing more. What stops it is told.

        Raises: as `FeedService.run`, for the job to come back.
        """
        code = str(payload["feed"])
        try:
            await self._feeds.run(code, turn=Turn(self._clock()))
        except TurnOverError:
            await self._database.write(lambda tx: enqueue(tx, FEED_JOB, {"feed": code}, now=self._clock()))
        except FeedEndedError:
            _log.info("feed_ended", feed=code)
        except Exception as error:
            told = {"state": "failed", "at": rfc3339(self._clock()), "problem": _problem(error)}
            await self._database.write(lambda tx: self._move(tx, code, told))
            raise

    async def reconcile(self, payload: Mapping[str, Any]) -> None:
        """Put a feed's register beside the library, in its turns.

        Raises: whatever may pass by itself (a source that is away, a store that is down), for the job to come back.
        """
        code, job = str(payload["feed"]), str(payload["job"])
        try:
            counts = await self._reconciled(code, job)
        except TurnOverError:
            await self._database.write(lambda tx: enqueue(tx, RECONCILE, dict(payload), now=self._clock()))
        except FeedEndedError:
            _log.info("feed_ended", feed=code)
        except NotActedError as error:
            missing, library = error.counts.orphans, error.counts.library
            _log.error(
                "reconciliation_not_acted", alarm=True, feed=code, reason=error.code, missing=missing, library=library
            )
            await self._tell(code, error.code, job=job, counts=asdict(error.counts))
        except Exception as error:
            _log.error("reconciliation_failed", alarm=True, feed=code, error=type(error).__name__)
            await self._tell(code, "failed", error=type(error).__name__, problem=_problem(error))
            raise
        else:
            await self._tell(code, "agrees" if counts.agree else "differs", job=job, counts=asdict(counts))

    async def _reconciled(self, code: str, job: str) -> Counts:
        opened = await self._feeds.open(code)
        version = opened.stored.row_version
        turn = Turn(self._clock())

        async def over() -> bool:
            await self._database.read(lambda tx: turn.look(tx, self._clock()))
            return turn.over

        with ExitStack() as stack:
            reading = self._taken_up(code, job, version)
            reading = reading or Reading(of_feed(self._feeds, opened, self._vault), began=self._clock())
            stack.enter_context(closing(reading))
            try:
                await reading.go_on(over)
            except TurnOverError:
                stack.pop_all()
                self._left[code] = _Left(job, version, reading)
                raise
            order = ReconciliationOrder(
                issued=opened.issued,
                issuer=opened.issuer,
                report=self._report(code),
                origin=f"source:{opened.feed.source}",
                act=opened.issued.type.register_driven.on_missing is OnMissing.REVOKE,
            )
            await self._feeds.open(code)  # while it was read, it may have been ended
            return await self._reconciler.compare(reading, order)

    def _report(self, code: str) -> Path:
        return self._folder / f"{code}.jsonl"

    def _taken_up(self, code: str, job: str, row_version: int) -> Reading | None:
        left = self._left.pop(code, None)
        if left is None or (left.job, left.row_version) == (job, row_version):
            return None if left is None else left.reading
        left.reading.close()
        return None

    def _enqueue_due(self, tx: Connection, code: str) -> None:
        now = self._clock()
        stored = store.find_feed(tx, code, lock=True)
        if stored is None or not is_due(stored.due_at, now):
            return  # somebody was quicker
        times = Timetable.of(stored)
        if is_due(times.collect, now):
            enqueue(tx, FEED_JOB, {"feed": code}, now=now)
        if is_due(times.reconcile, now) and all(job["feed"] != code for job in unsettled(tx, RECONCILE)):
            enqueue(tx, RECONCILE, {"feed": code, "job": new_id()}, now=now)
        after = times.moved(read_feed(stored.definition), now)
        store.move_feed(tx, stored.id, now=now, progress={"due": after.to_json()}, due_at=after.first)

    async def _tell(self, code: str, state: str, *, job: str = "", **more: Any) -> None:
        """How it ended. With a `job` there is a report, which is kept before it is told of; the earlier one goes."""
        stored = await self._database.read(lambda tx: store.find_feed(tx, code))
        if job and stored is not None:
            pieces = await beside(self._reports.keep, stored.id, job, self._report(code))
            more["report"] = {"job": job, "pieces": pieces}
        told = {"state": state, "at": rfc3339(self._clock()), **more}
        await self._database.write(lambda tx: self._move(tx, code, {"reconciliation": told}))
        if job and stored is not None:
            await beside(self._reports.forget, stored.id, but=job)

    def _move(self, tx: Connection, code: str, told: dict[str, Any]) -> None:
        stored = store.find_feed(tx, code, lock=True)
        if stored is not None:
            store.move_feed(tx, stored.id, now=self._clock(), progress=told)


def _problem(error: Exception) -> str:
    """What the department is told: the code of its source's failure, or what kind of error it is; no value."""
    return error.code if isinstance(error, SourceError) else type(error).__name__
