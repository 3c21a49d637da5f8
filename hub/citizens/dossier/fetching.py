"""Having one's own licences collected 一键归集: every source that can be asked about one person is, in a job.

No case and no grant stand behind it: nothing leaves a department but a licence that this department issues, and its
feed says by `by_holder` that it may be asked about one person. Who asks is the person himself, confirmed, or who acts
for him (`for_others`). Once an hour; a source that is away is asked twice more by itself.

Order: the sources that are to be asked stand on the ledger with the row, and that is committed before any of them hears
of him. A crash leaves the job, which asks those that have not answered yet; asking again is safe.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection

from certificates.stores.holders import subject_by_id
from hub.citizens.dossier import fetching_store as store
from hub.citizens.dossier.fetching_store import Asked
from hub.citizens.dossier.hands import Hand, hand_of
from hub.citizens.present import lock_holder
from hub.citizens.values import Identity
from hub.clock import Clock, new_id
from hub.collection.by_holder import HolderCollection, Outcome
from hub.collection.reach import Named
from hub.edge.errors import RateLimitedError
from hub.issuing.plan import lookup_hash, name_hash
from hub.issuing.types.registry import TypeRegistry
from hub.ledger.entries import Draft
from hub.storage.database import Database
from hub.storage.jobs import enqueue
from hub.storage.vault import Vault
from signing.canonical import canonical, strict_loads

FETCH: Final = "dossier.fetch"
BETWEEN: Final = timedelta(hours=1)
"""Of one subject: each time every department is asked."""
AGAIN: Final = timedelta(minutes=10)
ROUNDS: Final = 3
LONG: Final = timedelta(minutes=10)
"""Behind this no page waits for those that have not answered: the job died, or nobody runs jobs."""


@dataclass(frozen=True, slots=True)
class Giver:
    """A kind of licence that a source could give of one person, and whose it is."""

    feed: str
    type_code: str
    issuer_code: str


class Fetching:
    """Asks, goes on, tells. Whether the caller may act for the subject is the caller's."""

    def __init__(
        self, database: Database, *, vault: Vault, types: TypeRegistry, collecting: HolderCollection, clock: Clock
    ) -> None:
        self._database = database
        self._vault = vault
        self._types = types
        self._collecting = collecting
        self._clock = clock

    async def ask(self, subject_id: str, identity: Identity, *, by: Mapping[str, Any] | Hand) -> Asked:
        """Begin; `by`: who asks, as the ledger names him. Once an hour for the subject, whoever asks.

        Raises: RateLimitedError: within the hour; HolderSignInNeededError: erased a moment ago.
        """
        now = self._clock()
        await self._database.write(lambda tx: self._ask(tx, subject_id, identity, hand_of(by), now))
        asked = await self.last(subject_id)
        assert asked is not None  # noqa: S101  # it was written just now
        return asked

    async def last(self, subject_id: str) -> Asked | None:
        """The last time, as far as it has come."""
        return await self._database.read(lambda tx: store.last_of(tx, subject_id))

    async def givers(self, id_type: str) -> list[Giver]:
        """What sources could give of somebody with such a number."""
        return await self._database.read(lambda tx: self._givers(tx, id_type))

    async def run(self, payload: Mapping[str, Any]) -> None:
        """The job: ask those that have not answered. Raises: StorageError."""
        collection_id = str(payload["collection"])
        found = await self._database.read(lambda tx: self._opened(tx, collection_id))
        if found is None:
            return
        asked, named, feeds = found
        known = await self._collecting.knowing(named.id_type)
        open_ones = [item.feed for item in asked.feeds if item.outcome in {"", Outcome.SOURCE_UNAVAILABLE}]
        waiting = [feed for feed in open_ones if feed in feeds]  # one that SQL put beside them stands on no ledger

        async def still() -> bool:
            """A source may take its time: whoever was erased meanwhile is not brought back by its answer."""
            return await self._database.read(lambda tx: store.find(tx, collection_id)) is not None

        async def one(feed: str) -> None:
            opened = known.get(feed)
            if opened is None or opened.feed.by_holder is None:  # it was ended, or may not be asked any more
                outcome = Outcome.NOT_ALLOWED
            else:
                outcome = await self._collecting.ask(opened, named, still=still)
            await self._database.write(lambda tx: store.answered(tx, collection_id, feed, outcome.value))

        await asyncio.gather(*(one(feed) for feed in waiting))
        await self._database.write(lambda tx: self._end(tx, collection_id))

    def _ask(self, tx: Connection, subject_id: str, given: Identity, hand: Hand, now: datetime) -> None:
        hand.check(tx)
        subject = lock_holder(tx, subject_id)
        last = store.last_of(tx, subject_id)
        if last is not None and now < last.asked_at + BETWEEN:
            raise RateLimitedError(max(1, int((last.asked_at + BETWEEN - now).total_seconds())))
        store.forget(tx, subject_id)
        givers = self._givers(tx, given.id_type)
        key, collection_id = self._vault.data_key(subject.data_key, subject.kek_kid), new_id()
        feeds = sorted(giver.feed for giver in givers)
        content = {"id_number": given.id_number, "id_type": given.id_type, "name": given.name, "feeds": feeds}
        store.begin(
            tx,
            collection_id,
            subject_id,
            [(giver.feed, giver.type_code, giver.issuer_code) for giver in givers],
            key.encrypt(_place(collection_id), canonical(content)),
            now,
        )
        detail = {"by": dict(hand.by), "feeds": feeds}
        hand.write(tx, Draft(kind="collection.own", detail=detail, key=key, subject_id=subject_id), now)
        enqueue(tx, FETCH, {"collection": collection_id}, now=now)

    def _givers(self, tx: Connection, id_type: str) -> list[Giver]:
        """By what is declared. It is believed only with its MAC, which is looked at before the source is asked."""
        found = []
        for item in store.askable(tx):
            kind = self._types.find(item.type)
            if kind is not None and id_type in kind.type.holder_kinds:
                found.append(Giver(item.feed, kind.type.code, item.issuer))
        return found

    def _opened(self, tx: Connection, collection_id: str) -> tuple[Asked, Named, Sequence[str]] | None:
        """It, whom it is about, and the feeds that the ledger names. None: it has ended, or its subject was erased.

        Raises: IntegrityBrokenError: not what was asked.
        """
        asked = store.find(tx, collection_id)
        if asked is None or asked.content is None:
            return None
        subject = subject_by_id(tx, asked.subject_id)
        key = self._vault.data_key(subject.data_key, subject.kek_kid)
        plain = key.decrypt(_place(collection_id), asked.content)
        given = strict_loads(plain, max_bytes=len(plain))
        number = lookup_hash(self._vault, given["id_type"], given["id_number"])
        named = Named(given["id_type"], number, name_hash(self._vault, given["name"]), given["id_number"])
        return asked, named, given["feeds"]

    def _end(self, tx: Connection, collection_id: str) -> None:
        now = self._clock()
        asked = store.find(tx, collection_id)
        if asked is None or asked.ended_at is not None:
            return
        away = any(item.outcome == Outcome.SOURCE_UNAVAILABLE for item in asked.feeds)
        if away and asked.rounds + 1 < ROUNDS:
            if store.again(tx, asked, now + AGAIN):
                enqueue(tx, FETCH, {"collection": collection_id}, now=now, due=now + AGAIN)
            return
        store.end(tx, collection_id, now)


def unanswered(asked: Asked) -> Sequence[str]:
    """The feeds of which nothing is known yet."""
    return [item.feed for item in asked.feeds if not item.outcome]


def is_stuck(asked: Asked, now: datetime) -> bool:
    """Whether nothing more is to be waited for, though sources have not answered."""
    return bool(unanswered(asked)) and now >= asked.asked_at + LONG


def _place(collection_id: str) -> str:
    return f"own_collections:{collection_id}:content"
