"""Reading an answer that comes requirement by requirement, as server-sent events (WHATWG HTML §9.2)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from yizheng_client.errors import NetworkError, VerificationError, problem_error
from yizheng_client.flow import Reply
from yizheng_client.jose import read_json

EVENT_STREAM: Final = "text/event-stream"


@dataclass(frozen=True, slots=True)
class Turned:
    """A requirement that was settled, for a screen: not verified yet, and nothing to act on."""

    code: str
    party: str
    outcome: str
    title: str


class Events:
    """Takes the pieces of a stream as they come, over as many connections as it needs; tells of each item once."""

    def __init__(self, told: Callable[[Turned], None]) -> None:
        self._told = told
        self._seen: set[str] = set()
        self._rest = b""

    def begin(self) -> None:
        """Another connection: what came before is sent again."""
        self._rest = b""

    def take(self, piece: bytes) -> None:
        """More bytes. What is no event of ours is passed over."""
        *blocks, self._rest = (self._rest + piece).split(b"\n\n")
        for block in blocks:
            name, id_, data = event_of(block)
            if name == "item" and id_ not in self._seen:
                self._seen.add(id_)
                shown = read_json(data)
                if isinstance(shown, dict):
                    self._told(Turned(*(str(shown.get(part, "")) for part in ("code", "party", "outcome", "title"))))


def whole_of(reply: Reply) -> bytes:
    """The answer at the end of a stream, as it would have come without one.

    Raises: ProblemError: the stream ended with one; NetworkError: it ended with neither.
    """
    if not reply.headers.get("content-type", "").startswith(EVENT_STREAM):
        return reply.body
    for block in reversed(reply.body.split(b"\n\n")):
        name, _, data = event_of(block)
        if name == "end":
            return data
        if name == "problem":
            document = _problem(data)
            raise problem_error(document, status=int(document["status"]), retry_after=None)
    raise NetworkError("broken", reply.status)


def _problem(data: bytes) -> dict[str, Any]:
    try:
        document = read_json(data)
    except VerificationError:
        document = None
    if not isinstance(document, dict) or not isinstance(document.get("status"), int):
        raise NetworkError("not_the_hub", 200)
    return document


def event_of(block: bytes) -> tuple[str, str, bytes]:
    """Name, id and data of the lines between two empty ones; of a comment, nothing."""
    name, id_, data = "", "", b""
    for line in block.split(b"\n"):
        field, _, value = line.partition(b": ")
        match field:
            case b"event":
                name = value.decode(errors="replace")
            case b"id":
                id_ = value.decode(errors="replace")
            case b"data":
                data = value
    return name, id_, data
