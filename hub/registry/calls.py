"""A consumer's own calls of the last days, read from the ledger: when, what, for which case, what became of it.

No party, no value, no parameter: cases and entries by number. Calls that never reached the ledger (a token that was
refused, a body that could not be read) are not here; their problem document went to the caller.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, and_, or_, select

from catalog.tables import SystemRow, table
from certificates.tables import SubjectRow
from hub.access.actors import Actor, Role
from hub.access.service import SANDBOX_PREFIX
from hub.clock import Clock
from hub.intake.tables import CaseRow, EvidenceRequestRow
from hub.ledger.entries import open_detail
from hub.ledger.tables import LedgerEntryRow
from hub.storage.database import Database
from hub.storage.errors import IntegrityBrokenError
from hub.storage.vault import DataKey, Vault

KEPT: Final = timedelta(days=7)
MAX_SHOWN: Final = 500
MAX_READ: Final = 5_000
_KINDS: Final = ("disclosure", "answer", "refusal")
_ENTRIES: Final = table(LedgerEntryRow)
_CASES: Final = table(CaseRow)
_SUBJECTS: Final = table(SubjectRow)
_SYSTEMS: Final = table(SystemRow)
_REQUESTS: Final = table(EvidenceRequestRow)
_PROBLEMS: Final[Mapping[str, str]] = {
    "case_closed": "case-closed",
    "case_not_found": "case-not-found",
    "case_unknown": "case-not-found",
    "case_not_own": "case-not-found",
    "field_not_granted": "field-not-granted",
    "question_not_acceptable": "invalid-question",
    "interface_unknown": "interface-not-found",
    "requirement_not_listed": "requirement-not-listed",
    "evidence_request_not_found": "evidence-request-not-found",
    "grant_ended": "grant-ended",
    "integrity": "integrity",
}


@dataclass(frozen=True, slots=True)
class Call:
    """One answer or refusal. `problem` is the slug of the problem document, empty for an answer with an outcome.

    `milliseconds` is from the claim to the decision: the checks and the source, not the network.
    """

    entry: str
    at: datetime
    system: str
    resource: str
    case_no: str
    outcome: str
    why: str
    problem: str
    milliseconds: int | None

    @property
    def sandbox(self) -> bool:
        """Whether it was made with a sandbox credential."""
        return self.system.startswith(SANDBOX_PREFIX)


class CallService:
    """Reads the ledger for the department that asked."""

    def __init__(self, database: Database, *, vault: Vault, log_key: DataKey, clock: Clock) -> None:
        self._database = database
        self._vault = vault
        self._log_key = log_key
        self._clock = clock

    async def recent(self, actor: Actor, *, system: str = "", errors: bool = False) -> list[Call]:
        """The newest 500 of seven days, of his department's systems, or of one; `errors` leaves out what was answered.

        Raises: ForbiddenError.
        """
        actor.require(Role.CONSUMER_ENGINEER)
        since = self._clock() - KEPT
        return await self._database.read(lambda tx: self._read(tx, actor, since, system, errors=errors))

    def _read(self, tx: Connection, actor: Actor, since: datetime, system: str, *, errors: bool) -> list[Call]:
        mine = dict(
            tx.execute(
                select(_SYSTEMS.c.id, _SYSTEMS.c.client_id).where(_SYSTEMS.c.owner_department_id == actor.department_id)
            )
            .tuples()
            .all()
        )
        wanted = {item for item in mine.values() if not system or item == system}
        found: list[Call] = []
        taken = _durations(tx, list(mine), since)
        for row in tx.execute(_query(list(mine), since)):
            call = self._call(row, taken)
            if call is None or call.system not in wanted or (errors and call.outcome in {"satisfied", "declared_none"}):
                continue
            found.append(call)
            if len(found) == MAX_SHOWN:
                break
        return found

    def _call(self, row: Any, taken: Mapping[str, int]) -> Call | None:
        detail = self._opened(row)
        if detail is None:
            return None
        reason = str(detail.get("reason", ""))
        return Call(
            entry=row.id,
            at=row.recorded_at,
            system=str(detail.get("client_id", "")),
            resource=str(detail.get("interface") or detail.get("requirement") or ""),
            case_no=str(detail.get("case_no") or row.case_no or ""),
            outcome=str(detail.get("outcome", "refused_before_asking")),
            why=str(detail.get("why", "")) or reason,
            problem=_problem(reason) if reason else "",
            milliseconds=taken.get(str(detail.get("request_id", ""))),
        )

    def _opened(self, row: Any) -> dict[str, Any] | None:
        if row.subject_id:
            key = self._vault.data_key(row.subject_key, row.subject_kid) if row.subject_key else None
        elif row.case_id:
            key = self._vault.data_key(row.case_key, row.case_kid) if row.case_key else None
        else:
            key = self._log_key
        if key is None:
            return None
        try:
            content = open_detail(row.id, row.detail, row.commitment, key=key)
        except (IntegrityBrokenError, ValueError):
            return None
        detail: dict[str, Any] = content["detail"]
        return detail


def _query(systems: list[str], since: datetime) -> Any:
    kinds = [*_KINDS, *(f"sandbox.{kind}" for kind in _KINDS)]
    # A refusal without a case is about whoever it names inside; all others belong to a case of ours.
    ours = or_(_CASES.c.system_id.in_(systems), _ENTRIES.c.case_id.is_(None))
    return (
        select(
            _ENTRIES,
            _CASES.c.case_no,
            _CASES.c.data_key.label("case_key"),
            _CASES.c.kek_kid.label("case_kid"),
            _SUBJECTS.c.data_key.label("subject_key"),
            _SUBJECTS.c.kek_kid.label("subject_kid"),
        )
        .outerjoin(_CASES, _CASES.c.id == _ENTRIES.c.case_id)
        .outerjoin(_SUBJECTS, _SUBJECTS.c.id == _ENTRIES.c.subject_id)
        .where(and_(_ENTRIES.c.kind.in_(kinds), _ENTRIES.c.recorded_at >= since, ours))
        .order_by(_ENTRIES.c.id.desc())
        .limit(MAX_READ)
    )


def _problem(reason: str) -> str:
    if reason.startswith("gateway_"):
        return "gateway-refused"
    return _PROBLEMS.get(reason, "not-granted")


def _durations(tx: Connection, systems: list[str], since: datetime) -> dict[str, int]:
    """Milliseconds from claim to decision, by request."""
    columns = (_REQUESTS.c.id, _REQUESTS.c.created_at, _REQUESTS.c.decided_at)
    decided = and_(
        _REQUESTS.c.system_id.in_(systems), _REQUESTS.c.created_at >= since, _REQUESTS.c.decided_at.is_not(None)
    )
    rows = tx.execute(select(*columns).where(decided).order_by(_REQUESTS.c.id.desc()).limit(MAX_READ))
    return {row.id: round((row.decided_at - row.created_at).total_seconds() * 1000) for row in rows}
