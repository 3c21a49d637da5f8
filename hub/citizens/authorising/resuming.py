"""A case goes on after a yes: the hub asks once more, as its own system, and tells it where the answer is.

The answer is kept under a key of the question's own: a try after a crash gets the same one and discloses nothing twice.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

import structlog
from sqlalchemy import Connection, Row, select

from catalog.store import find_system_key
from catalog.tables import table
from hub.access.errors import InvalidTokenError
from hub.access.service import Caller
from hub.citizens.authorising.tables import CaseQuestionRow
from hub.clock import Clock
from hub.intake import store as cases
from hub.intake.calls import EvidenceCall
from hub.intake.errors import CaseClosedError, CaseNotFoundError, GrantEndedError
from hub.intake.evidence import EvidenceService
from hub.intake.outcomes import GIVEN
from hub.intake.owed.store import key_in_use
from hub.intake.told.telling import CaseEvent, tell
from hub.storage.database import Database

_ROWS: Final = table(CaseQuestionRow)
_OVER: Final = (CaseClosedError, CaseNotFoundError, GrantEndedError, InvalidTokenError)
_log = structlog.get_logger(__name__)


class Resuming:
    """Asks once more."""

    def __init__(self, database: Database, *, evidence: EvidenceService, clock: Clock) -> None:
        self._database = database
        self._evidence = evidence
        self._clock = clock

    async def run(self, job: Mapping[str, Any]) -> None:
        """The handler of `RESUME`. Whoever took his yes back meanwhile, or whose case has closed, is asked nothing."""
        found = await self._database.read(lambda tx: _agreed(tx, str(job["question"])))
        if found is None:
            return
        row, case_no, caller = found
        call = EvidenceCall(
            case_no=case_no,
            requirements=(row.code,),
            purpose=row.purpose,
            language=row.language,
            request_hash=row.request_hash,
            idempotency_key=f"holder-agreed:{row.id}",
            party=row.party,
        )
        try:
            body = await self._evidence.pull(caller, call)
        except _OVER as error:
            _log.info("case_not_resumed", question=row.id, error=type(error).__name__)
            return
        answer_id = str(json.loads(body)["evidence_request_id"])
        await self._database.write(lambda tx: self._tell(tx, row, answer_id))

    def _tell(self, tx: Connection, row: Row[Any], answer_id: str) -> None:
        tell(
            tx,
            row.case_id,
            CaseEvent.HOLDER_AGREED,
            entry_id=row.ledger_entry_id,
            now=self._clock(),
            code=row.code,
            party=row.party,
            answer_id=answer_id,
            about=row.id,
        )


def _agreed(tx: Connection, question_id: str) -> tuple[Row[Any], str, Caller] | None:
    """The question with its case's number, and its system by the key that asked or by its newest one."""
    row = tx.execute(select(_ROWS).where(_ROWS.c.id == question_id)).one_or_none()
    case = cases.case_by_id(tx, row.case_id) if row is not None and row.state == GIVEN else None
    if row is None or case is None or case.state != cases.OPEN:
        return None
    kid = key_in_use(tx, case.client_id, row.kid)
    key = find_system_key(tx, case.client_id, kid) if kid else None
    if key is None:
        _log.warning("case_not_resumed", question=question_id, error="client_disabled")
        return None
    caller = Caller(key.system_id, key.client_id, key.department_id, key.kid, key.jwk, expires_at=0.0)
    return row, case.case_no, caller
