"""The opened hub: every service, from settings alone; opened, kept at work, closed. Put together by `hub.assembly`."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Final

import structlog

from hub.assembly.ground import LOG_KEY, open_keys
from hub.assembly.hub import Hub, assemble
from hub.clock import Clock, utc_now
from hub.ledger.errors import StandbyError
from hub.ledger.sequencer import LEASE
from hub.settings import Settings
from hub.storage.database import Database, open_database
from hub.storage.errors import STORE_FAILED, MissingError

__all__ = ["LOG_KEY", "Hub", "at_work", "look_into", "open_hub", "open_keys"]
HOUSEKEEPING: Final = timedelta(seconds=10)
IN_HAND: Final = timedelta(seconds=60)
"""How long whoever wrote an intent has it in hand; after that it waits for an approval, or for whoever comes by."""
DRAINING: Final = timedelta(seconds=10)
"""How long a process that ends waits for its jobs in hand."""
_log = structlog.get_logger(__name__)


@asynccontextmanager
async def open_hub(settings: Settings, *, clock: Clock = utc_now) -> AsyncIterator[Hub]:
    """Open the hub of a home, finish what a crash left, and close it again.

    Raises: MissingError when the home has no hub; LedgerBrokenError when the store is older than its last published
    checkpoint, or the clock went back; StorageError.
    """
    database = _founded_on(settings)
    hub = assemble(settings, database, clock)
    try:
        await hub.ledger.check_start()
        await hub.erasure.replay()
        await hub.staff.adopt()
        await hub.registry.typing.adopt()
        await hub.registry.matters.adopt()
        await database.read(hub.desk.load)
        await hub.drift.load()
        await hub.closures.load()
        await hub.issuing.finish()
        await hub.faces.renditions.finish()
        await hub.answers.finish_decided()
        yield hub
    finally:
        await hub.counter.close_down()
        await hub.streaming.close_down()
        hub.faces.press.close()
        await hub.pool.close()
        await hub.agents.close()
        await hub.jobs.close()
        await hub.cache.close()
        await database.close()


@asynccontextmanager
async def look_into(settings: Settings, *, clock: Clock = utc_now) -> AsyncIterator[Hub]:
    """The hub of a home as it lies there: nothing is checked, finished or written. For looking at a broken one."""
    database = _founded_on(settings)
    hub = assemble(settings, database, clock)
    try:
        yield hub
    finally:
        await hub.jobs.close()
        await hub.cache.close()
        await database.close()


@asynccontextmanager
async def at_work(hub: Hub) -> AsyncIterator[None]:
    """Sequence, or stand by, and run jobs in the background while a server or worker runs. Jobs in hand are finished
    at the end, if they can be in time; others are left to their leases.
    """
    jobs, *others = (asyncio.create_task(work) for work in (hub.jobs.serve(), hub.ledger.run(), _keep_house(hub)))
    try:
        yield
    finally:
        with suppress(*STORE_FAILED):
            await hub.tally.sweep()
        hub.jobs.stop()
        await asyncio.wait({jobs}, timeout=DRAINING.total_seconds())
        for task in (jobs, *others):
            task.cancel()
        for task in (jobs, *others):
            with suppress(asyncio.CancelledError):
                await task
        with suppress(StandbyError):  # another process goes on and has the log in hand
            await hub.ledger.drain(patience=LEASE + timedelta(seconds=1))


async def _keep_house(hub: Hub) -> None:
    """Types registered by a command come into force within seconds; answers left decided by a worker that died are
    signed, whether or not anybody asks again; what is past its time is deleted. A step that fails is an alarm, and does
    not keep the others from being done.
    """
    steps: dict[str, Callable[[], Awaitable[object]]] = {
        "keys": lambda: hub.database.read(hub.desk.load),
        "closures": hub.closures.load,
        "types": lambda: hub.database.read(hub.types.load),
        "matters": hub.registry.matters.sweep,
        "intents": lambda: hub.issuing.finish(older_than=IN_HAND),
        "answers": hub.answers.finish_decided,
        "status": hub.status.sweep,
        "expired": hub.expiring.sweep,
        "lapsed acts": hub.transitions.waiting.sweep,
        "renditions": hub.faces.renditions.finish,
        "pushed": hub.pushed.sweep,
        "batches": hub.collection.batches.sweep,
        "feeds": hub.collection.rounds.sweep,
        "retention": hub.retention.sweep,
        "bulk": hub.bulk.ending.sweep,
        "search": hub.catalogue.search.refresh,
        "sealed copies": hub.lower.copies.sweep,
        "scans": hub.scans.sweep,
        "stamps": hub.stamp_queue.work,
        "revocation lists": hub.keyring.crls.fetch_due,
        "reminders": hub.dossier.reminding.sweep,
        "presentations": hub.citizens.presentations.sweep,
        "rating codes": hub.citizens.slip_ratings.sweep,
        "ratings": hub.citizens.ratings.tally.sweep,
        "terminals": hub.kiosk.visits.sweep,
        "showings": hub.showing.showings.sweep,
        "showing requests": hub.showing.asking.sweep,
        "wallet offers": hub.wallets.offers.sweep,
        "wallet requests": hub.wallets.asking.sweep,
        "witnesses": hub.witnessing.sweep,
        "witness calls": hub.witness_calls.sweep,
        "ledger arrears": hub.arrears.sweep,
        "verified": hub.tally.sweep,
        "late orders": hub.late.ending.sweep,
        "stamped pages": hub.faces.stamps.attach_arrived,
    }
    while True:
        await asyncio.sleep(HOUSEKEEPING.total_seconds())
        for name, step in steps.items():
            try:
                await step()
            except STORE_FAILED as error:  # readiness tells; the next round tries again
                _log.warning("housekeeping_waits", step=name, error=type(error).__name__)
            except Exception as error:  # noqa: BLE001  # nobody else would do what the other steps do
                _log.error("housekeeping_failed", alarm=True, step=name, error=type(error).__name__)


def _founded_on(settings: Settings) -> Database:
    """The database of this hub. Raises MissingError rather than make an empty one of the other kind."""
    if settings.database not in {None, settings.database_kind()}:
        raise MissingError(f"this hub was founded on {settings.database}: set YIZHENG_DATABASE_URL accordingly")
    return open_database(settings.effective_database_url())
