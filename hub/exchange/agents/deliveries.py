"""Deliveries: closed cases are written back by the agent beside a department's system, so that nobody re-types.

At least once, under an id by which the agent makes the effect once. A delivery that an agent took and never answered is
given out again after its lease; one that failed too often is dead, shown to its department, and can be tried again.
Each goes on the ledger before it can be fetched, and again at its end; without values.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from sqlalchemy import Connection

from adapters.errors import SourceError
from catalog.source_store import find_source
from hub.access.actors import Actor, Role
from hub.agent.wire import Delivery, Party, read_answer, sign_delivery
from hub.clock import Clock, new_id, rfc3339
from hub.exchange.agents import store
from hub.exchange.agents.access import Agent
from hub.issuing.keys.desk import SigningDesk
from hub.ledger.entries import Draft, append, seal
from hub.registry.recording import record
from hub.storage.database import Database
from hub.storage.errors import ConflictError, MissingError
from hub.storage.vault import DataKey, Vault
from signing.canonical import strict_loads
from signing.keys import Es256Key

MAX_ATTEMPTS: Final = 8
_FIRST_DELAY: Final = timedelta(seconds=2)
_LONGEST_DELAY: Final = timedelta(hours=1)
_SHOWN: Final = 200
_READERS: Final = (Role.OWNER_ENGINEER, Role.OWNER_APPROVER, Role.OPERATOR, Role.AUDITOR)
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class DeliveryView:
    """A delivery as its department sees it: no value of the case."""

    stored: store.StoredDelivery

    def as_json(self) -> dict[str, Any]:
        """For the API, the command line and the console."""
        item = self.stored
        return {
            "id": item.id,
            "matter": item.matter,
            "operation": item.operation,
            "state": item.state,
            "attempts": item.attempts,
            "last_error": item.last_error,
            "created_at": rfc3339(item.created_at),
            "changed_at": rfc3339(item.changed_at),
        }


class DeliveryDesk:
    """Gives deliveries out and takes acknowledgements in."""

    def __init__(
        self,
        database: Database,
        *,
        vault: Vault,
        desk: SigningDesk,
        log_key: DataKey,
        public_url: str,
        clock: Clock,
        delay: timedelta = _FIRST_DELAY,
    ) -> None:
        self._database = database
        self._vault = vault
        self._desk = desk
        self._log_key = log_key
        self._public_url = public_url
        self._clock = clock
        self._delay = delay

    async def next(self, agent: Agent) -> str | None:
        """The next delivery for this agent, signed, or None. Raises: StorageError."""
        now = self._clock()
        if not await self._database.read(lambda tx: store.any_due(tx, agent.source_id, now=now)):
            return None
        taken = await self._database.write(lambda tx: self._take(tx, agent, now))
        if taken is None:
            return None
        delivery = Delivery(taken.id, agent.source, taken.operation, self._opened(taken))
        return sign_delivery(
            delivery,
            jti=new_id(),
            signer=self._desk.hub("hub").signer,
            party=Party(self._public_url, agent.client_id),
            now=now,
        )

    async def acknowledge(self, agent: Agent, delivery_id: str, token: str, content: bytes) -> bool:
        """Take an agent's word on a delivery: done, or the error. False when it was done before.

        Raises: MissingError; SigningError for what is not this agent's signed word on this delivery.
        """
        now = self._clock()
        error = read_answer(
            token,
            content,
            subject=delivery_id,
            key=Es256Key.from_jwk(agent.key_jwk),
            party=Party(agent.client_id, self._public_url),
            now=now,
        )
        return await self._database.write(lambda tx: self._settle(tx, agent, delivery_id, error, now))

    async def list(self, actor: Actor, source: str, *, dead: bool = False) -> list[DeliveryView]:
        """Deliveries of a source, newest first; or only the dead ones. Raises: MissingError, ForbiddenError."""
        states = (store.DEAD,) if dead else (store.WAITING, store.TAKEN, store.DONE, store.DEAD)

        def unit(tx: Connection) -> list[DeliveryView]:
            source_id = _owned(tx, actor, source, *_READERS)
            return [DeliveryView(item) for item in store.list_deliveries(tx, source_id, states=states, most=_SHOWN)]

        return await self._database.read(unit)

    async def line(self, actor: Actor, source: str) -> tuple[int, int]:
        """How many wait or are under way, and how many were given up. Raises: MissingError, ForbiddenError."""

        def unit(tx: Connection) -> tuple[int, int]:
            source_id = _owned(tx, actor, source, *_READERS)
            return (
                store.count_deliveries(tx, source_id, states=(store.WAITING, store.TAKEN)),
                store.count_deliveries(tx, source_id, states=(store.DEAD,)),
            )

        return await self._database.read(unit)

    async def retry(self, actor: Actor, source: str, delivery_id: str) -> None:
        """Try a dead delivery again. Raises: MissingError, ForbiddenError, ConflictError: it is not dead."""
        now = self._clock()

        def unit(tx: Connection) -> None:
            source_id = _owned(tx, actor, source, Role.OWNER_ENGINEER)
            found = store.find_delivery(tx, source_id, delivery_id, lock=True)
            if found is None:
                raise MissingError("delivery")
            if found.state != store.DEAD:
                raise ConflictError("agent_deliveries")
            store.change(tx, found.id, state=store.WAITING, attempts=0, due_at=now, changed_at=now)
            record(tx, self._log_key, actor, "delivery.retry", {"source": source, "delivery": found.id}, now=now)

        await self._database.write(unit)

    def _take(self, tx: Connection, agent: Agent, now: datetime) -> store.StoredDelivery | None:
        taken = store.take(tx, agent.source_id, now=now)
        if taken is None or taken.attempts <= MAX_ATTEMPTS:
            return taken
        # Whoever took it died each time, or never said anything.
        self._bury(tx, agent, taken, "unanswered", now)
        return None

    def _settle(self, tx: Connection, agent: Agent, delivery_id: str, error: SourceError | None, now: datetime) -> bool:
        found = store.find_delivery(tx, agent.source_id, delivery_id, lock=True)
        if found is None:
            raise MissingError("delivery")
        if found.state == store.DONE:
            return False
        if error is None:
            # What was delivered need not be kept.
            store.change(tx, found.id, state=store.DONE, sealed=b"", last_error="", changed_at=now)
            self._record(tx, "delivery.done", agent, found, {}, now)
            return True
        if found.state == store.TAKEN:
            _log.warning("delivery_failed", source=agent.source, delivery=found.id, code=error.code)
            if found.attempts >= MAX_ATTEMPTS:
                self._bury(tx, agent, found, error.code, now)
            else:
                due = now + min(self._delay * 2 ** (found.attempts - 1), _LONGEST_DELAY)
                store.change(tx, found.id, state=store.WAITING, due_at=due, last_error=error.code[:200], changed_at=now)
        return True

    def _bury(self, tx: Connection, agent: Agent, found: store.StoredDelivery, why: str, now: datetime) -> None:
        _log.error("delivery_dead", alarm=True, source=agent.source, delivery=found.id, code=why)
        store.change(tx, found.id, state=store.DEAD, last_error=why[:200], changed_at=now)
        self._record(tx, "delivery.dead", agent, found, {"why": why}, now)

    def _record(
        self,
        tx: Connection,
        kind: str,
        agent: Agent,
        found: store.StoredDelivery,
        more: Mapping[str, Any],
        now: datetime,
    ) -> None:
        detail = {
            "source": agent.source,
            "agent": agent.client_id,
            "delivery": found.id,
            "matter": found.matter,
            "operation": found.operation,
            "attempts": found.attempts,
            **more,
        }
        append(tx, [seal(Draft(kind=kind, detail=detail, key=self._log_key, case_id=found.case_id), now=now)])

    def _opened(self, found: store.StoredDelivery) -> dict[str, Any]:
        key = self._vault.data_key(found.data_key, found.kek_kid)
        plain = key.decrypt(store.sealed_place(found.id), found.sealed)
        fields: dict[str, Any] = strict_loads(plain, max_bytes=len(plain))
        return fields


def _owned(tx: Connection, actor: Actor, code: str, *roles: Role) -> str:
    stored = find_source(tx, code)
    if stored is None:
        raise MissingError("source")
    actor.require(*roles, owner=stored.owner_department_id)
    return stored.id
