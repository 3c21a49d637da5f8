"""Dead ends as stored, and as whoever may see them reads them. Queries take the caller's connection, never commit."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, and_, func, or_, select

from catalog.tables import DepartmentRow, table
from hub.clock import rfc3339
from hub.intake.handling.tables import DeadEndRow
from hub.intake.store import Case
from hub.storage.vault import DataKey
from signing.canonical import canonical, strict_loads

OPEN: Final = "open"
ANSWERED: Final = "answered"
REASONS: Final[Mapping[str, tuple[str, str]]] = {
    "source_stays_away": ("数据源长期无法答复", "a source stays away"),
    "record_wrong": ("记录有误，部门未予更正", "a record is wrong, and its department has not mended it"),
    "departments_disagree": ("部门之间互相推诿或意见不一", "departments disagree, or each names the other"),
    "circular_prerequisite": ("事项互为前置", "each matter wants the other first"),
    "rule_does_not_fit": ("规定与实际情况不符", "the rule does not fit the case"),
    "left_over_from_history": ("历史遗留问题", "left over from history"),
    "system_fault": ("系统故障", "a fault of a system"),
    "other": ("其他", "something else"),
}
"""Why a case is stuck, in Chinese and English."""
OUTCOMES: Final[Mapping[str, tuple[str, str]]] = {
    "solved": ("已解决", "solved"),
    "way_shown": ("已告知办理途径", "another way was shown"),
    "handed_on": ("已转有关部门办理", "handed on to a department"),
    "not_possible": ("依法不能办理，已说明理由", "the law does not allow it; the reason was given"),
}
"""How the desk answers."""
ENDS: Final = table(DeadEndRow)
_DEPARTMENTS: Final = table(DepartmentRow)
_WITH: Final = _DEPARTMENTS.alias("handed_to")
_LISTED: Final = 1000


def rows(tx: Connection, where: Any = None) -> list[Row[Any]]:
    """The newest thousand of the condition, with the codes of who sent them and who has them."""
    query = (
        select(ENDS, _DEPARTMENTS.c.code.label("department"), _WITH.c.code.label("with_department"))
        .join(_DEPARTMENTS, _DEPARTMENTS.c.id == ENDS.c.department_id)
        .outerjoin(_WITH, _WITH.c.id == ENDS.c.with_department_id)
    )
    newest = (query if where is None else query.where(where)).order_by(ENDS.c.id.desc()).limit(_LISTED)
    return list(reversed(tx.execute(newest).all()))


def shown(case: Case, row: Row[Any], key: DataKey, now: datetime, *, words: bool = True) -> dict[str, Any]:
    """One of them as JSON; without its words for whoever sees figures alone. Raises: IntegrityBrokenError."""
    said: dict[str, Any] = {"note": None, "operator": {}}
    answer: dict[str, Any] = {"text": None}
    if words:
        said = opened(key, row.id, "sealed", row.sealed)
        if row.answer is not None:
            answer = opened(key, row.id, "answer", row.answer)
    zh, en = REASONS.get(row.reason, (row.reason, row.reason))
    return {
        "id": row.id,
        "case_no": case.case_no,
        "matter": case.matter_code,
        "department": row.department,
        "reason": {"key": row.reason, "zh": zh, "en": en},
        "code": row.code,
        "party": row.party,
        "note": said["note"],
        "sent_by": said["operator"].get("id"),
        "state": row.state,
        "opened_at": rfc3339(row.opened_at),
        "due_at": rfc3339(row.due_at),
        "overdue": (row.answered_at or now) >= row.due_at,
        "outcome": row.outcome,
        "answer": answer["text"],
        "answered_at": rfc3339(row.answered_at) if row.answered_at else None,
        "with": row.with_department,
        "taken_by": row.taken_by,
        "course": course_of(key, row) if words else [],
    }


def course_of(key: DataKey, row: Row[Any]) -> list[dict[str, Any]]:
    """Who took it, handed it on or gave it back, with his words, oldest first. Raises: IntegrityBrokenError."""
    return list(opened(key, row.id, "course", row.course)["steps"]) if row.course is not None else []


def sealed_course(key: DataKey, end_id: str, steps: list[dict[str, Any]]) -> bytes:
    """As `course_of` reads it."""
    return key.encrypt(place(end_id, "course"), canonical({"steps": steps}))


def counted(tx: Connection, now: datetime) -> dict[str, Any]:
    """How many came for which reason, from which department, how they ended, and how many too late."""

    def by(column: Any) -> dict[str, int]:
        joined = ENDS.join(_DEPARTMENTS, _DEPARTMENTS.c.id == ENDS.c.department_id)
        found = tx.execute(select(column, func.count()).select_from(joined).group_by(column))
        return {str(name): count for name, count in sorted((row[0] or "", row[1]) for row in found)}

    late = or_(ENDS.c.answered_at >= ENDS.c.due_at, and_(ENDS.c.answered_at.is_(None), ENDS.c.due_at <= now))
    states = by(ENDS.c.state)
    return {
        "all": sum(states.values()),
        "open": states.get(OPEN, 0),
        "overdue": tx.execute(select(func.count()).select_from(ENDS).where(late)).scalar() or 0,
        "reasons": by(ENDS.c.reason),
        "outcomes": {name: count for name, count in by(ENDS.c.outcome).items() if name},
        "departments": by(_DEPARTMENTS.c.code),
    }


def place(end_id: str, column: str) -> str:
    """Where a word of one is stored, for its encryption."""
    return f"dead_ends:{end_id}:{column}"


def opened(key: DataKey, end_id: str, column: str, sealed: bytes) -> dict[str, Any]:
    """A stored word. Raises: IntegrityBrokenError."""
    plain = key.decrypt(place(end_id, column), sealed)
    found: dict[str, Any] = strict_loads(plain, max_bytes=len(plain))
    return found
