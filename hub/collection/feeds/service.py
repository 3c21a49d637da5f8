"""Feeds: declared, run, resumed. A run commits how far it is with each page, and its watermark with its end.

An incremental run never concludes anything from a row that it did not see; only a reconciliation reads a register
whole.
"""

import json
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection

from catalog.errors import DefinitionError
from catalog.source_store import find_source
from catalog.store import find_department
from hub.access.actors import Actor, Role
from hub.clock import Clock, new_id, rfc3339
from hub.collection import runs
from hub.collection.errors import FeedEndedError, NotEntitledError, UnknownIssuerError, UnknownTypeError
from hub.collection.feeds import store
from hub.collection.feeds.definition import Feed, read_feed
from hub.collection.feeds.following import Following, Opened, Progress, until
from hub.collection.feeds.listing import check_operation
from hub.collection.feeds.pushed import still_there
from hub.collection.feeds.reading import FeedReader, Page, Place, since_of
from hub.collection.feeds.store import StoredFeed
from hub.collection.feeds.timetable import Timetable
from hub.collection.going import Going
from hub.collection.mapping import Mapping as ColumnMapping
from hub.collection.mapping_file import read_mapping
from hub.collection.reading.rows_read import Row
from hub.collection.report import Report, Totals
from hub.collection.turns import Turn
from hub.exchange.pool import SourcePool, budget_of
from hub.issuing.service import IssuingService
from hub.issuing.transitions.second_person import DECIDE, SameHand, SecondPerson
from hub.issuing.types.registry import TypeRegistry
from hub.registry.guarding import check_source
from hub.registry.recording import digest_of, plain_json, record
from hub.storage.database import Database
from hub.storage.errors import MissingError
from hub.storage.vault import DataKey, Vault
from signing.canonical import canonical, sha256

_CODE: Final = re.compile(r"[0-9a-z_-]{3,64}", re.ASCII)
_DECLARE: Final = (Role.OWNER_ENGINEER,)


@dataclass(frozen=True, slots=True)
class FeedResult:
    """How a run ended."""

    totals: Totals
    report: Path


class FeedService:
    """Declares and runs feeds."""

    def __init__(
        self,
        database: Database,
        *,
        pool: SourcePool,
        issuing: IssuingService,
        types: TypeRegistry,
        vault: Vault,
        log_key: DataKey,
        clock: Clock,
        folder: Path,
        same_hand: SameHand,
    ) -> None:
        """`folder` keeps the report of each feed's last runs, readable by its owner alone."""
        self._database = database
        self._pool = pool
        self._issuing = issuing
        self._types = types
        self._vault = vault
        self._log_key = log_key
        self._clock = clock
        self._folder = folder
        self._progress = Progress(log_key, clock)
        self.second = SecondPerson(vault, same_hand)

    async def declare(self, actor: Actor, declared: Mapping[str, Any]) -> Feed:
        """Declare a feed, or declare it anew, also one that was ended: its watermark stays. The source must be the
        issuing department's own. What staff declare issues by hand: as of an upload, an approver of the department
        confirms it first where the type wants two persons, or where whoever declares it approves nothing himself.

        Raises: DefinitionError, DefinitionFaultError, MappingError, UnknownTypeError, UnknownIssuerError;
            MissingError; ForbiddenError; NotEntitledError; NoSecondPersonError: it would wait for nobody.
        """
        plain = plain_json(declared)
        feed = read_feed(plain)
        if _CODE.fullmatch(feed.code) is None:  # it names folders of reports, and pages
            raise DefinitionError("feed: code: 3 to 64 lower-case letters, digits, hyphens, underscores")
        now = self._clock()

        def look(tx: Connection) -> Opened:
            known = store.find_feed(tx, feed.code)
            stored = known or StoredFeed(new_id(), feed.code, "", {}, True, {}, None, None, 0, b"")  # noqa: FBT003
            return self._assembled(tx, replace(stored, definition=plain), actor)

        opened = await self._database.read(look)
        for operation in (feed.operation, feed.full, feed.by_holder):
            if operation is not None:
                reader = await self.reader(opened, operation)
                if reader.unknown_params:
                    raise DefinitionError(f"feed: the hub cannot fill {', '.join(reader.unknown_params)}")
                kind = opened.source.definition.kind
                check_operation(feed, operation, kind=kind, params=reader.params, key_column=_key_column(opened))
                if feed.reconcile_every and operation is feed.whole and reader.by_offset:
                    raise DefinitionError(
                        "feed: reconcile_every_minutes: rows paged by `offset` shift while they are read, and one that"
                        " was passed over would be missing; page by `after`"
                    )
        times = Timetable.declared(feed, now)
        waits = actor.kind != "command" and (opened.issued.type.maker_checker or not actor.roles.intersection(DECIDE))
        by = {"by": actor.as_json()} | ({"waits": True} if waits else {})

        def unit(tx: Connection) -> None:
            known = store.find_feed(tx, feed.code, lock=True)
            if known is not None and known.owner_department_id != opened.issuer.id:
                raise MissingError("feed")
            if known is not None:
                self.check(known)
            if waits:
                self.second.require_one(tx, actor, opened.issuer.id)
            changed = replace(
                known or opened.stored,
                owner_department_id=opened.issuer.id,
                definition=plain,
                active=not waits,
                progress=(known or opened.stored).progress | {"due": times.to_json(), "declared": by},
                due_at=times.first,
                row_version=(known.row_version if known else 0) + 1,
            )
            self.write(tx, changed, now=now)
            record(tx, self._log_key, actor, "collection.feed", _told(feed, plain), now=now)

        await self._database.write(unit)
        return feed

    async def open(self, code: str, actor: Actor | None = None) -> Opened:
        """A feed that is believed and runs, of his department.

        Raises: FeedEndedError, IntegrityBrokenError; as `declare`.
        """

        def unit(tx: Connection) -> Opened:
            stored = store.find_feed(tx, code)
            if stored is None:
                raise MissingError("feed")
            if not stored.active:
                raise FeedEndedError("feed")
            self.check(stored)
            return self._assembled(tx, stored, actor)

        return await self._database.read(unit)

    async def reader(self, opened: Opened, operation: Mapping[str, Any]) -> FeedReader:
        """Whoever asks one operation of its source. Raises: DefinitionFaultError."""
        return FeedReader(
            await self._pool.source(opened.source),
            operation,
            feed=opened.feed,
            key_column=_key_column(opened),
            columns=frozenset(opened.mapping.read_columns),
            budget=budget_of(opened.source.definition),
            clock=self._clock,
        )

    async def run(self, code: str, actor: Actor | None = None, *, turn: Turn | None = None) -> FeedResult:
        """Collect what changed, or go on with a run that was killed.

        Args:
            turn: when to give way; TurnOverError says that it has.

        Raises: SourceError, and nothing that was committed is lost; as `open`; RunElsewhereError; StorageError.
        """
        opened = await self.open(code, actor)
        started = self._clock()
        mark, run_id, place = self._progress.place(opened)
        scope = sha256(canonical(["feed", opened.stored.id, opened.stored.definition])).hex()
        run = await self._database.write(lambda tx: runs.start_or_resume(tx, scope, now=started))
        if run_id != run.id or place is None:
            place = Place(since=since_of(opened.feed.watermark, mark))
        reader = await self.reader(opened, opened.feed.operation)
        observer = Following(self._progress, opened, run.id, mark, turn or Turn(None))
        pages = reader.pages(place, number=run.next_row)
        if opened.source.definition.kind == "push":
            source = await self._pool.source(opened.source)
            pages = still_there(opened, source, _key_column(opened), pages)
        totals, report = await self._collect(opened, pages, run, observer, origin=f"source:{opened.feed.source}")
        after = until(observer.place.high, mark, run.started_at)
        reasons = json.loads(report.read_bytes())["reasons"]

        def end(tx: Connection) -> None:
            now = self._clock()
            runs.finish(tx, run.id, now=now)
            told = {"at": rfc3339(now), "totals": totals.to_json(), "state": "finished", "reasons": reasons}
            told |= {"problem": None}
            store.move_feed(
                tx, opened.stored.id, now=now, progress=told, place=self._progress.sealed(opened, after, "", None)
            )

        await self._database.write(end)
        return FeedResult(totals, report)

    async def collect_once(self, opened: Opened, pages: AsyncIterator[Page], folder: Path) -> FeedResult:
        """Collect these pages, with a report in this folder; nothing of it is remembered as progress of the feed."""
        run = await self._database.write(lambda tx: runs.start_or_resume(tx, new_id(), now=self._clock()))
        totals, report = await self._collect(
            opened, pages, run, None, origin=f"source:{opened.feed.source}", folder=folder
        )
        await self._database.write(lambda tx: runs.finish(tx, run.id, now=self._clock()))
        return FeedResult(totals, report)

    async def _collect(
        self,
        opened: Opened,
        pages: AsyncIterator[Page],
        run: runs.Run,
        observer: Following | None,
        *,
        origin: str,
        folder: Path | None = None,
    ) -> tuple[Totals, Path]:
        mapper = None
        with Report(folder or self._folder / opened.feed.code, run_id=run.id) as report:
            going = Going(
                self._database,
                issuing=self._issuing,
                vault=self._vault,
                clock=self._clock,
                issued=opened.issued,
                issuer=opened.issuer,
                conflicts=frozenset(),
                run=run,
                report=report,
                observer=observer,
                origin=origin,
            )
            async for page in pages:
                if not page.rows:
                    continue
                if mapper is None:
                    mapper = opened.mapping.bind(opened.issued.type, tuple(page.rows[0].cells))
                if observer is not None:
                    observer.place = page.place
                rows = [Row(raw.number - 1, opened.feed.code, 0, said_at, raw, mapper) for raw, said_at in page.dated()]
                await going.batch(rows)
            path = report.finish(
                going.totals, mapping=opened.mapping.digest, type=opened.issued.type.code, issuer=opened.issuer.code
            )
        return going.totals, path

    def _assembled(self, tx: Connection, stored: StoredFeed, actor: Actor | None) -> Opened:
        feed = read_feed(stored.definition)
        issuer = find_department(tx, feed.issuer)
        if issuer is None:
            raise UnknownIssuerError(feed.issuer)
        if actor is not None:
            actor.require(*_DECLARE, owner=issuer.id)
        source = find_source(tx, feed.source)
        if source is None or source.owner_department_id != issuer.id:
            raise MissingError("source")
        check_source(self._vault, source)
        issued = self._types.find(feed.type)
        if issued is None:
            raise UnknownTypeError(feed.type)
        if issued.type.code not in issuer.issues or issuer.closed:
            raise NotEntitledError(f"{issuer.code} may not issue {issued.type.slug}")
        mapping = (
            ColumnMapping.of_type(issued.type)
            if feed.mapping is None
            else read_mapping(json.dumps(dict(feed.mapping), ensure_ascii=False).encode())
        )
        mapping.bind(issued.type, mapping.read_columns)
        return Opened(stored, feed, issued, issuer, mapping, source)

    def check(self, stored: StoredFeed) -> None:
        """Raises: IntegrityBrokenError for a row that somebody else has written."""
        self._vault.check_row_mac(b"feed\x1f" + canonical(stored.meaning()), stored.mac, where="collection_feeds")

    def write(self, tx: Connection, stored: StoredFeed, *, now: datetime) -> None:
        """Write a feed as it now stands, under its MAC."""
        mac = self._vault.row_mac(b"feed\x1f" + canonical(stored.meaning()))
        store.write_feed(tx, replace(stored, mac=mac), now=now)


def _key_column(opened: Opened) -> str:
    key = opened.issued.type.record_key
    return next(name for name, rule in opened.mapping.columns.items() if rule.claim == key)


def _told(feed: Feed, plain: dict[str, Any]) -> dict[str, Any]:
    return {"feed": feed.code, "source": feed.source, "type": feed.type, "definition": digest_of(plain)}
