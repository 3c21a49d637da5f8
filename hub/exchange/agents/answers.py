"""What an agent sent, read as strictly as if the source itself had: its own department may have taken it over."""

from base64 import b64decode
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from adapters.errors import FaultyAnswerError, SourceError
from adapters.port import Answer, Budget
from hub.agent.wire import MAX_CONTENT_BYTES, error_of
from hub.threads import off_loop
from signing.canonical import strict_loads
from signing.errors import MalformedError


async def answer_told(said: Mapping[str, Any], budget: Budget) -> Answer:
    """What an agent sent, read as strictly as if a source had. Raises: SourceError."""
    if "content" not in said:
        return answer_of(said, budget)
    content = b64decode(said["content"])
    return await off_loop(len(content), lambda: answer_of(_content(content, budget), budget))


def most_bytes(budget: Budget) -> int:
    """Written in ASCII, so up to twice as long as at the source, where the agent's adapter counted."""
    return min(2 * budget.max_bytes + 1024, MAX_CONTENT_BYTES)


def _content(content: bytes, budget: Budget) -> dict[str, Any]:
    try:
        value = strict_loads(content, max_bytes=most_bytes(budget), max_depth=budget.max_depth + 2)
    except MalformedError as error:
        reason = {"too_large": "too_large", "depth": "too_deep"}.get(error.reason, "not_json")
        raise FaultyAnswerError(reason) from None
    rows = value.get("rows") if isinstance(value, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise FaultyAnswerError("shape")
    return {"rows": rows, "as_of": value.get("as_of")}


def answer_of(said: Mapping[str, Any], budget: Budget) -> Answer:
    """What an agent said, as a source's answer. Raises: SourceError."""
    if "error" in said:
        error: SourceError = error_of(said["error"])
        raise error
    if len(said["rows"]) > budget.max_rows:
        raise FaultyAnswerError("too_many")
    try:
        as_of = datetime.fromisoformat(said["as_of"]) if said["as_of"] is not None else None
    except (TypeError, ValueError):
        raise FaultyAnswerError("shape") from None
    if as_of is not None and as_of.tzinfo is None:
        raise FaultyAnswerError("shape")
    return Answer(tuple(said["rows"]), as_of)
