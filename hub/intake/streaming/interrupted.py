"""What a crash cut off: what was decided is signed as it stands, and the rest is owed by the hub.

No source is asked: a start that asked would disclose to nobody who asked for it. The debt that is opened asks again by
itself, as every debt does, and so does whoever pulls again.
"""

from collections.abc import Sequence
from typing import Any, Final

import structlog
from sqlalchemy import Connection

from catalog.store import find_system_key
from hub.access.errors import InvalidTokenError
from hub.access.service import Caller
from hub.clock import Clock, new_id
from hub.intake import requests, store
from hub.intake.answers import LEASE, Answers, answer_place, case_key
from hub.intake.calls import EvidenceCall
from hub.intake.claiming import Claiming
from hub.intake.compose import Item, read_stored, restored_entries, stored
from hub.intake.deciding import Deciding
from hub.intake.errors import CaseClosedError, GrantEndedError, InFlightError
from hub.intake.outcomes import Failed, Outcome, Why
from hub.intake.owed.store import key_in_use
from hub.intake.quotas import QuotaBook, Taken
from hub.intake.requests import EvidenceRequest
from hub.intake.resolver import Resolution
from hub.intake.streaming.parts import Parts, SoFar, restored
from hub.ledger.entries import Sealed
from hub.storage.database import Database
from hub.storage.errors import IntegrityBrokenError
from hub.storage.vault import Vault
from signing.errors import MalformedError

_log: Final = structlog.get_logger(__name__)
_Decided = tuple[str, dict[str, Any], list[Sealed]]
"""Under which lease what was decided."""


class Interrupted:
    """Finishes what nobody else has in hand."""

    def __init__(
        self,
        database: Database,
        *,
        vault: Vault,
        claiming: Claiming,
        deciding: Deciding,
        parts: Parts,
        answers: Answers,
        quotas: QuotaBook,
        clock: Clock,
    ) -> None:
        self._database = database
        self._vault = vault
        self._claiming = claiming
        self._deciding = deciding
        self._parts = parts
        self._answers = answers
        self._quotas = quotas
        self._clock = clock

    async def complete(self, request: EvidenceRequest) -> None:
        """Decide the rest of a request whose holder died, sign and store the whole.

        Raises: InFlightError: somebody else was faster; IntegrityBrokenError, StorageError.
        """
        request, case = await self._database.write(lambda tx: self._in_hand(tx, request))
        if case is None or request.answer is None:
            raise InFlightError
        try:
            kept = read_stored(case_key(self._vault, case).decrypt(answer_place(request.id), request.answer))
            so_far, asked = restored(kept, request.grants), dict(kept["asked"])
            call = EvidenceCall(
                case_no=case.case_no,
                requirements=tuple(asked["codes"]),
                purpose=asked["purpose"],
                language=asked["language"],
                request_hash=request.request_hash,
                resumes=(request.id, request.lease),
            )
        except (MalformedError, KeyError, TypeError, ValueError) as error:
            raise IntegrityBrokenError("evidence_requests") from error

        def unit(tx: Connection) -> _Decided:
            kid = key_in_use(tx, case.client_id, asked["kid"])
            key = find_system_key(tx, case.client_id, kid) if kid else None
            if key is None:
                raise InvalidTokenError("client_disabled")
            caller = Caller(key.system_id, key.client_id, key.department_id, key.kid, key.jwk, expires_at=0.0)
            return self._owing(tx, caller, call, so_far)

        try:
            lease, answer, entries = await self._database.write(unit)
        except (CaseClosedError, GrantEndedError, InvalidTokenError) as error:
            # Nothing more is disclosed, and nothing is owed: what was disclosed is filed, and given to nobody.
            _log.info("cut_off_and_over", request=request.id, reason=type(error).__name__)
            kept.pop("asked")
            lease, answer, entries = await self._database.write(lambda tx: self._as_it_is(tx, request, case, kept))
        await self._answers.finish(request.id, lease, case, answer, entries)

    def _in_hand(self, tx: Connection, seen: EvidenceRequest) -> tuple[EvidenceRequest, store.Case | None]:
        """The request as it is now: a holder who lives may have decided more of it until it was taken from him."""
        until = self._clock() + LEASE
        if not requests.take_over(tx, seen.id, old_lease=seen.lease, lease=new_id(), until=until):
            raise InFlightError
        request = requests.find_request(tx, seen.id, seen.system_id)
        if request is None or not request.begun:
            raise InFlightError
        return request, store.case_by_id(tx, request.case_id)

    def _owing(self, tx: Connection, caller: Caller, call: EvidenceCall, so_far: SoFar) -> _Decided:
        if not self._answers.grants_hold(tx, sorted(so_far.grants)):
            raise GrantEndedError
        now, taken = self._clock(), Taken()
        try:
            claimed = self._claiming.claim(tx, caller, call, taken, now)
        finally:
            self._quotas.give_back(taken)  # nobody is asked
        told = {code for code, _ in so_far.about()}
        asked = [item.requirement for item in claimed.resolutions]  # one of several parties, once of each
        items = [
            Item(
                Resolution(
                    requirement,
                    Outcome.SOURCE_UNAVAILABLE,
                    Why("interrupted"),
                    failed=Failed(None, *_provider(requirement.type_codes(), requirement.interface_codes())),
                ),
                (),
            )
            for requirement in asked
            if requirement.code not in told
        ]
        whole = so_far
        if items:
            whole = so_far.with_more(self._deciding.write(tx, caller, call, claimed, items, now))
        codes = [item.code for item in (claimed.matter.requirements if claimed.matter.after else asked)]
        keys = sorted(whole.about(), key=lambda key: codes.index(key[0]))
        answer, entries = self._parts.close(tx, caller, call, claimed, whole.in_order(keys), now)
        return claimed.lease, answer, entries

    def _as_it_is(self, tx: Connection, request: EvidenceRequest, case: store.Case, kept: dict[str, Any]) -> _Decided:
        now, lease = self._clock(), new_id()
        payload = case_key(self._vault, case).encrypt(answer_place(request.id), stored(kept))
        if not (
            requests.take_over(tx, request.id, old_lease=request.lease, lease=lease, until=now + LEASE)
            and requests.decide_request(tx, request.id, lease, payload=payload, grants=request.grants, now=now)
        ):
            raise InFlightError
        return lease, kept, restored_entries(kept)


def _provider(types: Sequence[str], interfaces: Sequence[str]) -> tuple[str, str]:
    """Whose turns are taken when it is asked again."""
    return ("", interfaces[0]) if interfaces else (types[0] if types else "", "")
