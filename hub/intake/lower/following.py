"""The end of promises: when one is due the hub looks for itself, and only then is it broken.

A look that fails, because a source does or a grant was taken back, is no answer: it is repeated, and nobody is blamed.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

import structlog
from sqlalchemy import Connection

from catalog.store import find_system_key
from hub.access.actors import Role
from hub.access.errors import InvalidTokenError
from hub.access.service import Caller
from hub.clock import Clock
from hub.intake import store as cases
from hub.intake.calls import EvidenceCall
from hub.intake.errors import IntakeError
from hub.intake.lower import promise_store as store
from hub.intake.lower.promise_store import BROKEN, GIVEN, VERIFIED, Promise
from hub.intake.lower.promised import record_promise
from hub.intake.lower.promising import FOLLOW
from hub.intake.outcomes import CLEARED, Outcome
from hub.intake.owed.store import key_in_use
from hub.registry.notices import notify
from hub.storage.database import Database
from hub.storage.jobs import enqueue
from hub.storage.vault import Vault

AGAIN: Final = timedelta(hours=6)
MOST_TRIES: Final = 20
"""Looks that fail, over five days; then the department looks for itself, and its supervisor is told."""
_NONE: Final = frozenset({Outcome.NO_SOURCE, Outcome.REFUSED, Outcome.IDENTITY_UNCONFIRMED})
"""Answers of records that there is none. Whatever else is said is no answer: nobody has broken his word by it."""
_log = structlog.get_logger(__name__)


class Checks(Protocol):
    """Asks for one requirement without giving the answer to anybody."""

    async def check(self, caller: Caller, call: EvidenceCall) -> Outcome:
        """What a pull would be answered now."""
        ...


class Following:
    """Follows promises up."""

    def __init__(self, database: Database, *, vault: Vault, checks: Checks, clock: Clock) -> None:
        self._database = database
        self._vault = vault
        self._checks = checks
        self._clock = clock

    async def near(self, payload: Mapping[str, Any]) -> None:
        """The handler of `NEAR`: whoever handles the case is told that a promise is due soon."""
        now = self._clock()

        def unit(tx: Connection) -> None:
            promise = store.find_promise(tx, payload["commitment"])
            if promise is not None and promise.state == GIVEN:
                _tell(tx, promise, "commitment.near", now)

        await self._database.write(unit)

    async def follow(self, payload: Mapping[str, Any]) -> None:
        """The handler of `FOLLOW`: verified by the hub, or broken; asked again later where a source fails."""
        now = self._clock()
        promise = await self._database.write(lambda tx: _begin(tx, payload, now))
        if promise is None:
            return
        outcome = await self._look(promise)
        if outcome is None or outcome not in CLEARED | _NONE:
            if promise.attempts == MOST_TRIES:
                await self._database.write(lambda tx: _tell(tx, promise, "commitment.unchecked", now))
            return  # the next look is written already
        state = VERIFIED if outcome in CLEARED else BROKEN
        await self._database.write(lambda tx: self._end(tx, promise, state, outcome, now))

    async def _look(self, promise: Promise) -> Outcome | None:
        """What records say now; None where nobody could be asked, which is nobody's breach."""
        caller = await self._database.read(lambda tx: _caller(tx, promise))
        if caller is None:
            return None
        call = EvidenceCall(
            case_no=promise.case_no,
            requirements=(promise.code,),
            party=promise.party,
            purpose=promise.purpose,
            language="zh-CN",
            request_hash=promise.text_digest,
            follows=promise.id,
        )
        try:
            return await self._checks.check(caller, call)
        except (IntakeError, InvalidTokenError) as error:
            _log.warning("promise_not_checked", commitment=promise.id, error=type(error).__name__)
            return None

    def _end(self, tx: Connection, promise: Promise, state: str, outcome: Outcome, now: datetime) -> None:
        case = cases.case_by_id(tx, promise.case_id)
        standing = store.find_promise(tx, promise.id, lock=True)
        if case is None or standing is None or standing.state != GIVEN:
            return
        if store.end(tx, standing, state, now=now):
            key = (case.data_key, case.kek_kid)
            record_promise(tx, self._vault, standing, key, state, now, outcome=outcome.value)
            _tell(tx, standing, f"commitment.{state}", now)


def _begin(tx: Connection, payload: Mapping[str, Any], now: datetime) -> Promise | None:
    """Count the look, and write the next one before this one begins: a process may die in it."""
    promise = store.find_promise(tx, payload["commitment"])
    if promise is None or promise.state != GIVEN or promise.attempts != payload["attempt"]:
        return None
    if promise.attempts > MOST_TRIES:
        return None
    if not store.begin_try(tx, promise):
        return None
    enqueue(tx, FOLLOW, {"commitment": promise.id, "attempt": promise.attempts + 1}, now=now, due=now + AGAIN)
    return promise


def _caller(tx: Connection, promise: Promise) -> Caller | None:
    kid = key_in_use(tx, promise.client_id, promise.kid)
    key = find_system_key(tx, promise.client_id, kid) if kid else None
    if key is None:
        return None
    return Caller(key.system_id, key.client_id, key.department_id, key.kid, key.jwk, expires_at=0.0)


def _tell(tx: Connection, promise: Promise, code: str, now: datetime) -> None:
    about, department = ("commitment", promise.id), promise.department_id
    notify(tx, code, department_id=department, role=Role.CONSUMER_ENGINEER, about=about, now=now)
    if code in {"commitment.broken", "commitment.unchecked"}:
        notify(tx, code, department_id=department, role=Role.OWNER_APPROVER, about=about, now=now)
