"""What is sealed of an objection, and how it is told when it is opened."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import structlog

from hub.citizens.objections import store
from hub.citizens.objections.values import ORDERED, OVER_BY_ANSWER, REVIEW, Objection, State, Told, results
from hub.storage.errors import IntegrityBrokenError
from hub.storage.vault import DataKey, Vault
from signing.canonical import strict_loads

_log = structlog.get_logger(__name__)


def place(objection_id: str, column: str) -> str:
    """Where something of it is stored, for its encryption."""
    return f"objections:{objection_id}:{column}"


def object_name(objection_id: str) -> str:
    """Where its scan lies."""
    return f"objections/{objection_id}"


def opened(key: DataKey, objection_id: str, column: str, sealed: bytes) -> dict[str, Any]:
    """A sealed member. Raises: IntegrityBrokenError."""
    plain = key.decrypt(place(objection_id, column), sealed)
    found: dict[str, Any] = strict_loads(plain, max_bytes=len(plain))
    return found


def told(vault: Vault, found: Objection, now: datetime) -> Told:
    """One with what is in it; of a person who was erased, and of a row that somebody wrote anew, without."""
    content: Mapping[str, Any] = {}
    answer: Mapping[str, Any] = {}
    state = found.state
    try:
        content, answer = _opened(vault, found)
    except IntegrityBrokenError:
        _log.error("guarded_row_broken", alarm=True, where="objections")
    what, part = content.get("what", ("", "")), content.get("part", ("", ""))
    key = str(content.get("key", ""))
    return Told(
        id=found.id,
        kind=found.kind,
        state=state,
        channel=found.channel,
        what=(what[0], what[1]),
        part=(part[0], part[1]),
        identifier=str(content.get("identifier", "")),
        text=str(content.get("text", "")),
        file=str(content.get("file", "")),
        department=found.department,
        raised_at=found.raised_at,
        due_at=found.due_at,
        overdue=state is State.RUNNING and now > found.due_at,
        ended_at=found.ended_at,
        unseen=state in OVER_BY_ANSWER and found.seen_at is None,
        review=key.startswith(REVIEW),
        ordered=key.startswith(ORDERED),
        results=results(found.kind, key, found.department_id),
        scan=str(content.get("scan", found.id)),
        answer=answer,
    )


def _opened(vault: Vault, found: Objection) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    if found.state is State.ERASED:
        return {}, {}
    if not store.is_whole(vault, found):
        raise IntegrityBrokenError("objections")
    key = vault.data_key(found.data_key, found.kek_kid)
    content = opened(key, found.id, "content", found.content)
    if found.answer is None or found.token is None:  # unsigned it counts for nothing
        return content, {}
    answer = opened(key, found.id, "answer", found.answer) | {"signed_by": found.signed_by}
    return content, answer | {"token": key.decrypt(place(found.id, "token"), found.token).decode()}
