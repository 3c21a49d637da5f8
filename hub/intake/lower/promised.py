"""Promises 告知承诺 in an answer: one that stands serves until it is kept, proved or broken."""

from datetime import datetime
from typing import Final

import structlog
from sqlalchemy import Connection

from catalog.grants import CaseKind
from hub.clock import BEIJING, rfc3339
from hub.intake.ladder import Rung
from hub.intake.lower import promise_store as store
from hub.intake.lower.promise_store import BROKEN, GIVEN, VERIFIED, Promise
from hub.intake.lower.values import StandIn, standing_of
from hub.intake.lower.wanting import Wanted
from hub.intake.resolver import Why
from hub.ledger.entries import Draft, append, seal
from hub.ledger.guards import latest_changes, settled
from hub.storage.errors import IntegrityBrokenError
from hub.storage.vault import Vault
from signing.canonical import strict_loads

_log = structlog.get_logger(__name__)
_GIVEN_AS: Final = 1
"""The change of a promise, as the ledger numbers them, by which it was given; its end is the next one."""
_BOUND: Final = ("code", "party", "template", "text_digest", "given_at", "due_at")


def promise_place(promise_id: str) -> str:
    """Where a promise's content is stored, for its encryption."""
    return f"commitments:{promise_id}:content"


def bound_of(promise: Promise) -> dict[str, str]:
    """What the row repeats of a promise that was confirmed: sealed with it, so that nobody changes it by SQL."""
    instants = {name: getattr(promise, name) for name in ("given_at", "due_at")}
    said = {name: getattr(promise, name) for name in ("code", "party", "template", "text_digest")}
    return said | {name: rfc3339(value) if value else "" for name, value in instants.items()}


class Promised:
    """Looks for promises, and ends those that records have proved."""

    def __init__(self, *, vault: Vault) -> None:
        self._vault = vault

    def held(self, tx: Connection, wanted: Wanted) -> StandIn | None:
        """The promise that stands. None in a case that nobody applied for: there is nobody to promise."""
        try:
            promise = settled(lambda: self._believed(tx, wanted))
        except IntegrityBrokenError:
            _log.error("guarded_row_broken", alarm=True, where="commitments")
            return None
        if promise is None or promise.given_at is None or promise.due_at is None:
            return None
        shown = {
            "promised_on": promise.given_at.astimezone(BEIJING).date().isoformat(),
            "due_on": promise.due_at.astimezone(BEIJING).date().isoformat(),
            "template": promise.template,
        }
        answers_for = wanted.case.department_code
        why = "commitment_given"
        return StandIn(Rung.COMMITMENT, promise.id, promise.text_digest, answers_for, why, shown, promise.given_at)

    def _believed(self, tx: Connection, wanted: Wanted) -> Promise | None:
        """The promise that stands, as it was confirmed, and of which the ledger knows no end.

        Raises: IntegrityBrokenError.
        """
        promise = self._standing(tx, wanted)
        if promise is None or promise.state != GIVEN:
            return None
        key = self._vault.data_key(wanted.case.data_key, wanted.case.kek_kid)
        plain = key.decrypt(promise_place(promise.id), promise.content)
        confirmed = strict_loads(plain, max_bytes=len(plain)).get("confirmed", {})
        same = {name: confirmed.get(name) for name in _BOUND} == bound_of(promise)
        if not same or latest_changes(tx, [promise.id]).get(promise.id, ("", 0))[1] != _GIVEN_AS:
            raise IntegrityBrokenError("commitments")
        return promise

    def why_not(self, tx: Connection, wanted: Wanted) -> Why | None:
        """Why no promise is taken any more."""
        promise = self._standing(tx, wanted)
        return Why("commitment_broken") if promise is not None and promise.state == BROKEN else None

    def proved(self, tx: Connection, wanted: Wanted, request_id: str) -> None:
        """Records show what was promised: the promise is over."""
        promise = self._standing(tx, wanted)
        if promise is not None and promise.state == GIVEN:
            end_promise(tx, self._vault, wanted, promise, VERIFIED, request_id)

    def _standing(self, tx: Connection, wanted: Wanted) -> Promise | None:
        requirement = wanted.requirement
        if requirement.stand_ins.commitment is None or wanted.case.kind == CaseKind.EX_OFFICIO.value:
            return None
        return store.standing_promise(tx, standing_of(wanted.case.id, requirement.code, requirement.party))


def end_promise(tx: Connection, vault: Vault, wanted: Wanted, promise: Promise, state: str, request_id: str) -> None:
    """End a promise in this transaction, on the ledger, by an answer."""
    if store.end(tx, promise, state, now=wanted.now):
        record_promise(
            tx, vault, promise, (wanted.case.data_key, wanted.case.kek_kid), state, wanted.now, request_id=request_id
        )


def record_promise(
    tx: Connection, vault: Vault, promise: Promise, key: tuple[bytes, str], state: str, now: datetime, **said: str
) -> str:
    """Append the entry of a promise that was given or has ended; under the case's key."""
    kind = "commitment.given" if state == GIVEN else "commitment.ended"
    detail = {
        "case_no": promise.case_no,
        "commitment": promise.id,
        "code": promise.code,
        "party": promise.party,
        "state": state,
        "text": promise.text_digest,
        "chosen_by": promise.chosen_by,
    } | said
    change = _GIVEN_AS if state == GIVEN else _GIVEN_AS + 1
    draft = Draft(
        kind=kind,
        detail=detail,
        key=vault.data_key(*key),
        case_id=promise.case_id,
        object_id=promise.id,
        object_version=change,
    )
    entry = seal(draft, now=now)
    append(tx, [entry])
    return entry.id
