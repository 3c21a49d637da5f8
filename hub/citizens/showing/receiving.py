"""Somebody takes a showing: the verdict on each licence, and exactly the claims that its holder picked, once.

Looked up and judged first, which changes nothing; then one transaction holds the licences as they were judged, uses the
showing up, judges anew whether who shows it for somebody else still may, and commits the ledger row, which says what
was shown to whom; only then is anything signed, or a byte sent.
Of two who scan at once one has it. What a crash loses after the commit, the holder shows again.

Unknown, used, over, another department's: all look alike to whoever tries. A code has 86 random bits, and a minute.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any, Final

import structlog
from sqlalchemy import Connection, Row

from hub.citizens.acting.errors import NoLongerActsError
from hub.citizens.code_rows import LIVE, TAKEN
from hub.citizens.codes import read_long
from hub.citizens.errors import HolderSignInNeededError, PresentationRefusedError
from hub.citizens.notices.kinds import NoticeKind
from hub.citizens.notices.notify import notify
from hub.citizens.present import lock_all
from hub.citizens.showing import store
from hub.citizens.showing.behalves import Behalves
from hub.citizens.showing.judging import Judging, Ready, UnopenedError
from hub.citizens.showing.licences import Showable
from hub.citizens.showing.making import PREFIX
from hub.citizens.showing.recording import record
from hub.citizens.showing.sealing import Content, code_hash, key_of, opened, place_in
from hub.citizens.showing.values import Receiver, Taken
from hub.clock import Clock
from hub.ledger.entries import Draft, append, seal
from hub.storage.database import Database
from hub.storage.vault import DataKey, Vault
from signing.canonical import canonical, sha256

_LOOKS: Final = 3
_log = structlog.get_logger(__name__)
_Find = Callable[[Connection], Row[Any] | None]


class Receiving:
    """Takes showings."""

    def __init__(
        self,
        database: Database,
        *,
        vault: Vault,
        showable: Showable,
        behalves: Behalves,
        judging: Judging,
        log_key: DataKey,
        clock: Clock,
    ) -> None:
        self._database = database
        self._vault = vault
        self._showable = showable
        self._behalves = behalves
        self._judging = judging
        self._log_key = log_key
        self._clock = clock

    async def take(self, receiver: Receiver, text: str) -> Taken:
        """What the code opens for this receiver. A refusal goes on the ledger, and where there is a holder he is told;
        of a code that was never one at a public page there is nobody to tell.

        Raises: PresentationRefusedError.
        """
        code = read_long(text, PREFIX)
        if code is None:
            raise PresentationRefusedError
        digest = code_hash(self._vault, code)
        return await self._take(receiver, lambda tx: store.by_code(tx, digest), code)

    async def collect(self, receiver: Receiver, request_id: str) -> Taken:
        """What a holder gave to this request, which is this receiver's: the caller has seen to that. As `take`."""
        return await self._take(receiver, lambda tx: store.by_request(tx, request_id), "")

    async def _take(self, receiver: Receiver, find: _Find, code: str) -> Taken:
        for _ in range(_LOOKS):  # a licence that changes between verdict and commit is judged again
            now = self._clock()
            row, content = await self._looked(receiver, find, code, now)
            try:
                ready = await self._judging.judge(receiver, row.subject_id, content, now)
            except UnopenedError as error:
                await self._refuse(receiver, row, error.why, now)
                raise PresentationRefusedError from None
            try:
                taken = await self._database.write(partial(self._commit, receiver, row, content, ready))
            except (PresentationRefusedError, HolderSignInNeededError):  # the next look says why, and tells the holder
                continue
            except NoLongerActsError:
                await self._refuse(receiver, row, "acting", now)
                raise PresentationRefusedError from None
            if taken is not None:
                return await asyncio.to_thread(self._judging.sign, taken, ready)
        await self._refuse(receiver, row, "changing", now)
        raise PresentationRefusedError

    async def _looked(self, receiver: Receiver, find: _Find, code: str, now: datetime) -> tuple[Row[Any], Content]:
        row = await self._database.read(find)
        content = opened(self._vault, row) if row is not None else None
        why = _objection(row, receiver, now)
        # A code opens the showing that it was made for, whichever row its hash was moved to by SQL.
        if row is None or content is None or why is not None or content.code != code:
            await self._refuse(receiver, row, why or "unreadable", now)
            raise PresentationRefusedError
        return row, content

    async def _refuse(self, receiver: Receiver, row: Row[Any] | None, why: str, now: datetime) -> None:
        if row is None and receiver.kind == "public":
            _log.warning("showing_unknown")
            return

        def unit(tx: Connection) -> None:
            detail: dict[str, Any] = {"by": dict(receiver.by), "department_id": receiver.department_id, "reason": why}
            if row is None:
                unknown = detail | {"reason": "showing_unknown"}
                append(tx, [seal(Draft(kind="refusal", detail=unknown, key=self._log_key), now=now)])
                return
            store.CODES.refused(tx, row.id, receiver.department_id, now)
            content, told = opened(self._vault, row), detail | {"showing": row.id}
            behalf = content.behalf if content else None
            record(tx, self._vault, "showing.refused", row.subject_id, told, now, behalf=behalf)

        await self._database.write(unit)

    def _commit(
        self, receiver: Receiver, row: Row[Any], content: Content, ready: Sequence[Ready], tx: Connection
    ) -> Taken | None:
        """None: a licence has changed since it was judged. Raises: PresentationRefusedError: somebody was first, or the
        minute is over. HolderSignInNeededError: he was erased. NoLongerActsError: who shows it for him may not, now.
        """
        behalf, principal = content.behalf, None
        gone = lock_all(tx, {row.subject_id, behalf.agent_id if behalf else row.subject_id})
        if row.subject_id in gone:  # what is said of him under a destroyed key nobody would ever read
            raise HolderSignInNeededError
        if behalf is not None:
            matter = content.matter or None
            principal = None if gone else self._behalves.judge(tx, behalf, row.subject_id, matter, self._clock())
            if principal is None:
                raise NoLongerActsError
        # In one order, whatever the holder's was.
        for item in sorted(ready, key=lambda item: item.opened.version.id):
            if item.passed and not self._showable.as_opened(tx, item.opened):
                return None
        now, key = self._clock(), key_of(self._vault, row)  # behind the locks: they may have waited
        over = replace(content, code="", called=receiver.called, behalf=behalf.ended() if behalf else None)
        kept = over.sealed(key, place_in(row))
        ended = store.CODES.end(
            tx, row.id, TAKEN, now, content=kept, taken_as=receiver.kind, taken_by=receiver.department_id
        )
        if not ended:
            raise PresentationRefusedError
        detail = {
            "by": dict(receiver.by),
            "called": receiver.called,
            "certificates": [item.opened.version.identifier for item in ready],
            "department_id": receiver.department_id,
            "fields": sorted({name for item in ready for name in item.received.claims}),
            "payload_hash": sha256(
                canonical(
                    {"audience": receiver.audience, "items": [item.meaning() for item in ready]}
                    | ({"behalf": behalf.shown()} if behalf else {})
                )
            ).hex(),
            "purpose": content.purpose,
            "showing": row.id,
            **({"matter": content.matter} if content.matter else {}),
        }
        subject_id, kind = row.subject_id, "showing.taken"
        entry = record(tx, self._vault, kind, subject_id, detail, now, behalf=behalf, principal=principal, ends=row.id)
        for told in sorted({subject_id, behalf.agent_id if behalf else subject_id}):
            notify(tx, told, NoticeKind.SHOWING_TAKEN, about=row.id, now=now)
        return Taken(row.id, now, content.purpose, [item.received for item in ready], entry, behalf)


def _objection(row: Row[Any] | None, receiver: Receiver, now: datetime) -> str | None:
    """Why a showing is not for this receiver now, as its holder is told."""
    if row is None:
        return "unknown"
    if row.department_id is not None and row.department_id != receiver.department_id:
        return "elsewhere"
    if store.CODES.lives(row, now):
        return None
    return "twice" if row.state == TAKEN or (row.state == LIVE and row.spent) else "late"
