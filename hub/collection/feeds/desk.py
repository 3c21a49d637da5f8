"""Feeds as staff of the issuing department see and steer them: declared, confirmed, run, reconciled, ended.

What is asked for is a job; how far it is stands in the feed. Each step is on the ledger with whoever took it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import Connection

from adapters.errors import DefinitionFaultError, SourceError
from hub.access.actors import Actor, Role
from hub.clock import Clock, new_id
from hub.collection.errors import MappingError, UnknownIssuerError, UnknownTypeError
from hub.collection.feeds import store
from hub.collection.feeds.reports import FeedReports
from hub.collection.feeds.service import FeedService
from hub.collection.feeds.store import StoredFeed
from hub.collection.turns import FEED_JOB, RECONCILE
from hub.edge.errors import Fault, InvalidBodyError
from hub.issuing.transitions.second_person import DECIDE
from hub.registry.errors import Lack, NotReadyError, StateError
from hub.registry.recording import record
from hub.storage.database import Database
from hub.storage.errors import ConflictError, MissingError
from hub.storage.jobs import enqueue, unsettled
from hub.storage.vault import DataKey

_SEE: Final = (Role.OWNER_ENGINEER, Role.OWNER_APPROVER, Role.OPERATOR, Role.AUDITOR)
STEER: Final = (Role.OWNER_ENGINEER, Role.OPERATOR)
END: Final = (Role.OWNER_ENGINEER, Role.OWNER_APPROVER, Role.OPERATOR)
_RUN: Final = ("state", "at", "totals", "reasons", "problem")


@dataclass(frozen=True, slots=True)
class FeedView:
    """A feed, and whether jobs of it wait or are in hand."""

    stored: StoredFeed
    collecting: bool
    reconciling: bool

    @property
    def state(self) -> str:
        """`active`, `unconfirmed` (an approver is waited for) or `ended`."""
        if self.stored.active:
            return "active"
        return "unconfirmed" if self.stored.declared.get("waits") else "ended"

    @property
    def reads_whole(self) -> bool:
        """Whether it declares how its register is read whole."""
        declared = self.stored.definition
        return declared.get("full") is not None or declared.get("watermark") is None

    @property
    def run(self) -> dict[str, Any] | None:
        """How far its run is, or how the last one ended; None before the first."""
        known = self.stored.progress
        return {name: known.get(name) for name in _RUN} if "state" in known else None

    @property
    def reconciliation(self) -> dict[str, Any] | None:
        """How the last one ended."""
        found: dict[str, Any] | None = self.stored.progress.get("reconciliation")
        return found

    def as_json(self) -> dict[str, Any]:
        """For the API."""
        declared, compared = self.stored.definition, self.reconciliation
        return {
            "code": self.stored.code,
            "state": self.state,
            **{name: declared[name] for name in ("source", "issuer", "type")},
            "due": self.stored.progress.get("due") if self.state == "active" else None,
            "collecting": self.collecting,
            "run": self.run,
            "reconciling": self.reconciling,
            "reconciliation": compared and {name: item for name, item in compared.items() if name != "report"},
            "declared": self.stored.declared,
            "row_version": self.stored.row_version,
            "definition": declared,
        }


class FeedDesk:
    """Use cases of staff. Another department's feed does not exist."""

    def __init__(
        self, database: Database, *, feeds: FeedService, reports: FeedReports, log_key: DataKey, clock: Clock
    ) -> None:
        self._database = database
        self._feeds = feeds
        self._reports = reports
        self._log_key = log_key
        self._clock = clock

    async def list(self, actor: Actor) -> list[FeedView]:
        """Those of his department; of the whole city for operator and auditor. Raises: ForbiddenError."""
        actor.require(*_SEE)

        def unit(tx: Connection) -> list[FeedView]:
            collecting, reconciling = _in_line(tx, FEED_JOB), _in_line(tx, RECONCILE)
            return [
                FeedView(item, item.code in collecting, item.code in reconciling)
                for item in store.list_feeds(tx)
                if actor.sees(item.owner_department_id)
            ]

        return await self._database.read(unit)

    async def show(self, actor: Actor, code: str) -> FeedView:
        """One of them. Raises: MissingError, ForbiddenError, IntegrityBrokenError."""
        return await self._database.read(lambda tx: _view(tx, self._found(tx, actor, code, *_SEE)))

    async def declare(self, actor: Actor, declared: Mapping[str, Any]) -> FeedView:
        """Declare a feed. What is wrong is told by its place.

        Raises: as `FeedService.declare`; InvalidBodyError in place of errors that name a place.
        """
        try:
            feed = await self._feeds.declare(actor, declared)
        except DefinitionFaultError as error:
            raise InvalidBodyError(Fault(f"/operation{error.pointer}", error.rule)) from None
        except SourceError as error:
            raise InvalidBodyError(Fault("/source", error.code)) from None
        except MappingError as error:
            raise InvalidBodyError(Fault(f"/mapping/{error.where}", error.reason)) from None
        except UnknownTypeError:
            raise InvalidBodyError(Fault("/type", "unknown")) from None
        except UnknownIssuerError:
            raise InvalidBodyError(Fault("/issuer", "unknown")) from None
        except MissingError as error:
            if str(error) != "source":
                raise
            raise InvalidBodyError(Fault("/source", "unknown")) from None
        return await self.show(actor, feed.code)

    async def confirm(self, actor: Actor, code: str, *, row_version: int) -> FeedView:
        """Let it run as it stood when he looked, as the second person of the department.

        Raises: ConflictError("row_version"): it was declared anew meanwhile; StateError, SamePersonError,
            SameHandError, MissingError, ForbiddenError.
        """

        def unit(tx: Connection) -> FeedView:
            stored = self._found(tx, actor, code, *DECIDE, lock=True)
            if not stored.declared.get("waits"):
                raise StateError(_view(tx, stored).state, "confirm")
            if stored.row_version != row_version:
                raise ConflictError("row_version")
            self._feeds.second.check(tx, stored.declared["by"], actor)
            declared = {"by": stored.declared["by"], "second": actor.as_json()}
            return self._changed(tx, actor, "collection.feed.confirm", stored, declared, active=True)

        return await self._database.write(unit)

    async def end(self, actor: Actor, code: str) -> FeedView:
        """Nothing is asked or issued any more, also by a run under way; its licences stay. Declaring it anew begins
        behind its watermark.

        Raises: StateError when it was ended already; MissingError, ForbiddenError.
        """

        def unit(tx: Connection) -> FeedView:
            stored = self._found(tx, actor, code, *END, lock=True)
            if _view(tx, stored).state == "ended":
                raise StateError("ended", "end")
            declared = {name: item for name, item in stored.declared.items() if name != "waits"}
            return self._changed(tx, actor, "collection.feed.end", stored, declared, active=False)

        return await self._database.write(unit)

    async def run(self, actor: Actor, code: str) -> FeedView:
        """Have it collected now. While it is in line, nothing more happens.

        Raises: StateError when it does not run; MissingError, ForbiddenError.
        """
        return await self._database.write(lambda tx: self._asked(tx, actor, code, FEED_JOB, {}))

    async def reconcile(self, actor: Actor, code: str) -> FeedView:
        """Have its register read whole and put beside the library. What is missing is revoked where the type says so,
        as by itself. While it is in line, nothing more happens.

        Raises: NotReadyError: it does not read its register whole, or by `offset`; as `run`; DefinitionFaultError.
        """
        view = await self._database.read(lambda tx: _view(tx, self._found(tx, actor, code, *STEER)))
        if view.state == "active":
            opened = await self._feeds.open(code)
            if opened.feed.whole is None:
                raise NotReadyError([Lack("/full", "missing")])
            if (await self._feeds.reader(opened, opened.feed.whole)).by_offset:
                raise NotReadyError([Lack("/full", "paged_by_offset")])
        job = {"job": new_id()}
        return await self._database.write(lambda tx: self._asked(tx, actor, code, RECONCILE, job))

    async def report(self, actor: Actor, code: str) -> Iterator[bytes]:
        """What the last reconciliation found: JSON lines with rows by number and licences by identifier; blocks.

        Raises: StateError: there is none yet; MissingError, ForbiddenError.
        """

        def unit(tx: Connection) -> Iterator[bytes]:
            stored = self._found(tx, actor, code, *_SEE)
            kept = (_view(tx, stored).reconciliation or {}).get("report")
            if kept is None:
                raise StateError("not_reconciled", "report")
            record(tx, self._log_key, actor, "collection.feed.report", {"feed": code}, now=self._clock())
            return self._reports.read(stored.id, kept["job"], kept["pieces"])

        return await self._database.write(unit)

    def _found(self, tx: Connection, actor: Actor, code: str, *roles: Role, lock: bool = False) -> StoredFeed:
        stored = store.find_feed(tx, code, lock=lock)
        if stored is None:
            actor.require(*roles)
            raise MissingError("feed")
        actor.require(*roles, owner=stored.owner_department_id)
        self._feeds.check(stored)
        return stored

    def _asked(self, tx: Connection, actor: Actor, code: str, kind: str, more: dict[str, Any]) -> FeedView:
        stored = self._found(tx, actor, code, *STEER, lock=True)
        if not stored.active:
            raise StateError(_view(tx, stored).state, "run")
        if code not in _in_line(tx, kind):
            now = self._clock()
            step = "run" if kind == FEED_JOB else "reconcile"
            record(tx, self._log_key, actor, f"collection.feed.{step}", {"feed": code}, now=now)
            enqueue(tx, kind, {"feed": code} | more, now=now)
        return _view(tx, stored)

    def _changed(
        self, tx: Connection, actor: Actor, kind: str, stored: StoredFeed, declared: dict[str, Any], *, active: bool
    ) -> FeedView:
        now = self._clock()
        changed = replace(
            stored,
            active=active,
            progress=stored.progress | {"declared": declared},
            row_version=stored.row_version + 1,
        )
        self._feeds.write(tx, changed, now=now)
        record(tx, self._log_key, actor, kind, {"feed": stored.code}, now=now)
        return _view(tx, changed)


def _view(tx: Connection, stored: StoredFeed) -> FeedView:
    return FeedView(stored, stored.code in _in_line(tx, FEED_JOB), stored.code in _in_line(tx, RECONCILE))


def _in_line(tx: Connection, kind: str) -> frozenset[str]:
    return frozenset(str(job["feed"]) for job in unsettled(tx, kind))
