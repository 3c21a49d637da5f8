"""A holder objects, asks about a look, withdraws, and reads what became of it; or a clerk does it for him at a counter.

A clerk's is attested: who wrote it down is on the ledger under the holder's key, and the holder sees that it was.
A scan is judged and stored before the row is written: a row never points at nothing. What is cut off between whoever
wrote it takes back; of a process that died, the job that was committed before the scan was stored.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

from certificates.stores.holders import Subject, subject_by_id
from hub.access.actors import Actor
from hub.citizens.objections import store
from hub.citizens.objections.ending import FILING_TIME, UNFILED
from hub.citizens.objections.errors import ObjectionError, ObjectionOverError, ObjectionRunsError
from hub.citizens.objections.filing import File, Filing
from hub.citizens.objections.sealing import object_name, place, told
from hub.citizens.objections.targets import Targets
from hub.citizens.objections.values import RUNNING_MOST, TEXT_MOST, Page, Said, State, Target, Told
from hub.citizens.objections.whose import end_of
from hub.citizens.once import Once
from hub.citizens.present import lock_holder
from hub.citizens.presentations import refuse_other
from hub.citizens.values import SEES_OWN, Holder, Whose
from hub.clock import Clock, new_id
from hub.intake.errors import IdempotencyError
from hub.intake.lower.papers.checking import Paper, check_paper
from hub.ledger.entries import Draft, append, seal
from hub.ledger.spent import END
from hub.storage.database import Database
from hub.storage.errors import CommitUnknownError, MissingError, UnavailableError
from hub.storage.idempotency import write_once
from hub.storage.jobs import enqueue
from hub.storage.objects.folder import ObjectStore
from hub.storage.vault import DataKey, Vault

PAGE: Final = 30


@dataclass(frozen=True, slots=True)
class Clerk:
    """Who wrote it down at a counter, in the visit of which case, if there is one, and how he saw the card."""

    actor: Actor
    case_no: str = ""
    seen: str = ""

    def as_json(self) -> dict[str, Any]:
        """As the ledger has it."""
        more = {"case_no": self.case_no, "seen": self.seen}
        return {"by": self.actor.as_json()} | {name: text for name, text in more.items() if text}


Act = Callable[[Callable[[Connection], str]], Awaitable[str]]
"""How the unit of an act is committed: in the transaction in which it is judged that he acts for another, or that he
stands at the terminal still.
"""


@dataclass(frozen=True, slots=True)
class Agent:
    """Who acts for the person or company, as the ledger names him, or where the person does it himself without a
    session; how the act is committed; and the channel, as whoever answers is told it.
    """

    told: Mapping[str, Any]
    act: Act
    channel: str = "agent"


class Objections:
    """Use cases of a holder. Another's is MissingError, and on the ledger."""

    def __init__(
        self,
        database: Database,
        *,
        vault: Vault,
        targets: Targets,
        objects: ObjectStore,
        log_key: DataKey,
        clock: Clock,
    ) -> None:
        self._database = database
        self._vault = vault
        self._targets = targets
        self._objects = objects
        self._filing = Filing(vault)
        self._log_key = log_key
        self._clock = clock

    async def raise_(
        self,
        holder: Whose,
        said: Said,
        *,
        once: Once | None = None,
        clerk: Clerk | None = None,
        target: Target | None = None,
        agent: Agent | None = None,
    ) -> str:
        """Write it down and put it before the department; answers its id.

        Args:
            clerk: who wrote it down for somebody at a counter.
            target: what it is about, where the caller has found that already.
            agent: who objects for somebody else, or where.
        Raises: LevelError, MissingError, ObjectionError, PaperRefusedError, IdempotencyError, HolderSignInNeededError;
            ObjectionRunsError: one about the same runs, or too many do.
        """
        holder.require(SEES_OWN)
        text = said.text.strip()
        if not text or len(text) > TEXT_MOST:
            raise ObjectionError("too_long" if text else "missing", "/text")
        if once is not None:
            known = await self._database.read(lambda tx: self._made_before(tx, holder, once))
            if known is not None:
                return known
        target = target or await self._targets.find(holder, said)
        paper = await asyncio.to_thread(check_paper, said.scan) if said.scan else None
        objection_id, now = new_id(), self._clock()
        if paper is not None:
            await self._keep(holder, objection_id, paper)
        channel = "counter" if clerk else agent.channel if agent else "self"
        file = File(objection_id, said.kind, text, paper.media_type if paper else "", channel)
        more = clerk.as_json() if clerk else agent.told if agent else {}

        def unit(tx: Connection) -> str:
            return self._raise(tx, holder, file, target, once, more, now)

        try:
            made = await (agent.act(unit) if agent else write_once(self._database, unit))
        except CommitUnknownError:  # the row may be there, and wants its scan
            raise
        except Exception:
            await self._discard(objection_id, paper)
            raise
        if made != objection_id:  # a twin with the same key was first
            await self._discard(objection_id, paper)
        return made

    async def withdraw(self, holder: Whose, objection_id: str, *, agent: Agent | None = None) -> None:
        """Take it back while it runs.

        Raises: LevelError, MissingError, ObjectionOverError; IntegrityBrokenError: its row was written past the hub.
        """
        holder.require(SEES_OWN)
        await self._own(holder, objection_id)
        now = self._clock()

        def unit(tx: Connection) -> str:
            found = store.find(tx, objection_id, lock=True)
            if found is None:
                raise MissingError("objection")
            ends = end_of(tx, self._vault, found)
            key = self._vault.data_key(found.data_key, found.kek_kid)
            detail = {"objection": found.id, "kind": found.kind.value, "department": found.department.get("code")}
            detail |= agent.told if agent else {}
            draft = Draft(
                kind="objection.withdrawn", detail=detail, key=key, subject_id=found.subject_id, object_id=ends,
                object_version=END,
            )  # fmt: skip
            entry = seal(draft, now=now)
            append(tx, [entry])
            if not store.end(tx, self._vault, found, State.WITHDRAWN, now, ledger_entry_id=entry.id):
                raise ObjectionOverError
            return entry.id

        await (agent.act(unit) if agent else self._database.write(unit))

    async def one(self, holder: Whose, objection_id: str) -> Told:
        """One of his; its answer counts as seen from now on. Raises: LevelError, MissingError."""
        holder.require(SEES_OWN)
        now, found = self._clock(), await self._own(holder, objection_id)
        if found.unseen and found.answer:
            await self._database.write(lambda tx: store.see(tx, objection_id, now))
        return found

    async def listed(self, holder: Whose, after: str | None = None) -> Page:
        """A page of his, the newest first. Raises: LevelError."""
        holder.require(SEES_OWN)
        now = self._clock()
        found = await self._database.read(lambda tx: store.of_holder(tx, holder.id, after=after, limit=PAGE + 1))
        items = [told(self._vault, item, now) for item in found[:PAGE]]
        return Page(items, items[-1].id if len(found) > PAGE else None)

    async def unseen(self, holder: Holder) -> int:
        """How many answers wait for him."""
        return await self._database.read(lambda tx: store.unseen_of(tx, holder.id))

    async def _own(self, holder: Whose, objection_id: str) -> Told:
        now = self._clock()
        found = await self._database.read(lambda tx: store.find(tx, objection_id))
        if found is None or found.subject_id != holder.id:
            await refuse_other(self._database, self._log_key, holder, "objection", now)
            raise MissingError("objection")
        return told(self._vault, found, now)

    async def _discard(self, objection_id: str, paper: Paper | None) -> None:
        if paper is not None:
            with suppress(UnavailableError):
                await asyncio.to_thread(self._objects.delete, object_name(objection_id))

    async def _keep(self, holder: Whose, objection_id: str, paper: Paper) -> None:
        now = self._clock()

        def unit(tx: Connection) -> Subject:
            enqueue(tx, UNFILED, {"objection": objection_id}, now=now, due=now + FILING_TIME)
            return subject_by_id(tx, holder.id)

        subject = await self._database.write(unit)
        key = self._vault.data_key(subject.data_key, subject.kek_kid)
        sealed = key.encrypt(place(objection_id, "object"), paper.content)
        await asyncio.to_thread(self._objects.put, object_name(objection_id), sealed)

    def _raise(
        self,
        tx: Connection,
        holder: Whose,
        file: File,
        target: Target,
        once: Once | None,
        more: Mapping[str, Any],
        now: datetime,
    ) -> str:
        subject = lock_holder(tx, holder.id)
        # Behind the lock: a twin that waited for the first one's commit finds what that made.
        if once is not None and (known := self._made_before(tx, holder, once)) is not None:
            return known
        if store.running_of(tx, holder.id) >= RUNNING_MOST:
            raise ObjectionRunsError
        named = self._once(holder, once) if once else None
        row = {"once": named, "once_hash": once.request_hash if once else None}
        self._filing.file(tx, subject, file, target, more, row, now)
        return file.id

    def _made_before(self, tx: Connection, holder: Whose, once: Once) -> str | None:
        known = store.by_once(tx, self._once(holder, once))
        if known is None:
            return None
        if known[1] != once.request_hash:
            raise IdempotencyError
        return known[0]

    def _once(self, holder: Whose, once: Once) -> str:
        return self._vault.lookup_hash("objection-once", holder.id, once.key).hex()
