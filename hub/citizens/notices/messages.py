"""The job behind a notice's message: told to the gateway at least once, its id telling repeats, until it is given up.

A gateway that is down loses nothing, for the notice stands in the portal and the message waits; and it delays nobody,
for each message is tried in a job of its own, with growing pauses.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import structlog
from sqlalchemy import Connection, Row, select

from catalog.tables import table
from certificates.tables import SubjectRow
from hub.access.actors import Actor, Role
from hub.citizens.notices import store
from hub.citizens.notices.gateway import MessageGateway
from hub.citizens.notices.kinds import KINDS, NoticeKind
from hub.citizens.notices.notify import MESSAGE
from hub.clock import Clock
from hub.exchange.errors import WebhookError
from hub.exchange.subscriptions.delivery import PAUSES
from hub.exchange.subscriptions.webhooks import Webhooks
from hub.ledger.tables import ErasureRow
from hub.storage.database import Database
from hub.storage.errors import MissingError
from hub.storage.jobs import enqueue
from hub.storage.vault import Vault

WAITING: Final = "waiting"
DELIVERED: Final = "delivered"
DEAD: Final = "dead"
NO_GATEWAY: Final = "no_gateway"
LISTED: Final = 100
_SUBJECTS: Final = table(SubjectRow)
_ERASURES: Final = table(ErasureRow)
_log = structlog.get_logger(__name__)


def given_up(tx: Connection, actor: Actor) -> int:
    """How many were given up, for the operator's home page."""
    del actor
    return store.counted(tx).get(DEAD, 0)


class Messages:
    """Sends them. `gateway` None: notices stay in the portal."""

    def __init__(
        self,
        database: Database,
        *,
        gateway: MessageGateway | None,
        webhooks: Webhooks,
        vault: Vault,
        public_url: str,
        clock: Clock,
    ) -> None:
        self._database = database
        self._gateway = gateway
        self._webhooks = webhooks
        self._vault = vault
        self._public_url = public_url
        self._clock = clock

    @property
    def on(self) -> bool:
        """Whether there is a gateway."""
        return self._gateway is not None

    async def run(self, job: Mapping[str, Any]) -> None:
        """The handler of `MESSAGE`. A failure is written down and tried again later; it is no error of the job."""
        gateway, notice_id, attempt = self._gateway, str(job["notice"]), int(job.get("attempt", 0))
        if gateway is None:  # taken away since: whoever brings one back finds it among what was given up
            await self._database.write(lambda tx: self._give_up(tx, notice_id, attempt))
            return
        body = await self._database.write(lambda tx: self._begin(tx, gateway, notice_id, attempt))
        if body is None:
            return
        error = ""
        try:
            await self._webhooks.send(gateway.receiver, body, message_id=notice_id, now=self._clock())
        except WebhookError as failure:
            error = failure.reason[:40]
            _log.warning("notice_message_failed", reason=error, attempt=attempt + 1)
        await self._database.write(lambda tx: self._settle(tx, notice_id, attempt, error))

    async def dead(self, actor: Actor) -> list[dict[str, Any]]:
        """What was given up, the newest first, at most 100: when, of which kind and why, not whose."""
        actor.require(Role.OPERATOR)
        rows = await self._database.read(lambda tx: store.dead_messages(tx, limit=LISTED))
        return [dict(zip(row._fields, row, strict=True)) for row in rows]

    async def again(self, actor: Actor, notice_id: str) -> None:
        """Send one that was given up once more, from the start. Raises: MissingError, also without a gateway."""
        actor.require(Role.OPERATOR)
        if self._gateway is None:
            raise MissingError("gateway")

        def unit(tx: Connection) -> None:
            found = store.message(tx, notice_id, lock=True)
            if found is None or found.state != DEAD:
                raise MissingError("message")
            now = self._clock()
            store.change_message(tx, notice_id, now, state=WAITING, attempts=0)
            enqueue(tx, MESSAGE, {"notice": notice_id}, now=now)

        await self._database.write(unit)

    def _begin(self, tx: Connection, gateway: MessageGateway, notice_id: str, attempt: int) -> dict[str, Any] | None:
        notice = self._wanted(tx, notice_id, attempt)
        if notice is None:
            return None
        return gateway.body(
            self._vault,
            notice_id=notice_id,
            legal=KINDS[NoticeKind(notice.kind)].legal,
            made_at=notice.made_at,
            subject_id=notice.subject_id,
            number=self._number(tx, notice.subject_id),
            public_url=self._public_url,
        )

    def _give_up(self, tx: Connection, notice_id: str, attempt: int) -> None:
        if self._wanted(tx, notice_id, attempt) is not None:
            self._settle(tx, notice_id, attempt, NO_GATEWAY, last=True)

    def _wanted(self, tx: Connection, notice_id: str, attempt: int) -> Row[Any] | None:
        """The notice, whose message is now written down; None where it went on without this job, or its holder wants no
        message or is erased.
        """
        notice, known = store.own(tx, notice_id), store.message(tx, notice_id)
        if notice is None or (known is None and attempt):
            return None
        if known is not None and (known.state != WAITING or known.attempts != attempt):
            return None
        kind = NoticeKind(notice.kind)
        quiet = not KINDS[kind].legal and kind.value in store.without_message(tx, notice.subject_id)
        erased = select(_ERASURES.c.id).where(_ERASURES.c.subject_id == notice.subject_id).limit(1)
        if quiet or tx.execute(erased).first() is not None:
            store.drop_message(tx, notice_id)  # or it would wait for ever
            return None
        if known is None:
            store.add_message(tx, notice_id, self._clock())
        return notice

    def _number(self, tx: Connection, subject_id: str) -> tuple[str, str]:
        row = tx.execute(select(_SUBJECTS).where(_SUBJECTS.c.id == subject_id)).one()
        key = self._vault.data_key(row.data_key, row.kek_kid)
        return row.id_type, key.decrypt(f"subjects:{row.id}:id_number", row.id_number).decode()

    def _settle(self, tx: Connection, notice_id: str, attempt: int, error: str, *, last: bool = False) -> None:
        found = store.message(tx, notice_id, lock=True)
        if found is None or found.state != WAITING or found.attempts != attempt:
            return
        now: datetime = self._clock()
        tried = attempt + 1
        if not error:
            store.change_message(tx, notice_id, now, state=DELIVERED, attempts=tried, last_error="")
        elif last or attempt >= len(PAUSES):
            store.change_message(tx, notice_id, now, state=DEAD, attempts=tried, last_error=error)
        else:
            store.change_message(tx, notice_id, now, attempts=tried, last_error=error)
            enqueue(tx, MESSAGE, {"notice": notice_id, "attempt": tried}, now=now, due=now + PAUSES[attempt])
