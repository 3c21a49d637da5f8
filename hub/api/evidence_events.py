"""Evidence as it comes 逐项取证: an answer as server-sent events, and the same again from where it broke off."""

from collections.abc import AsyncIterator
from typing import Annotated, Final

import structlog
from fastapi import APIRouter, Header, Request, Response

from hub.access.service import Caller
from hub.deps import CallerDep, HubDep, UuidText, language_of
from hub.edge.event_stream import ALIVE, EVENT_STREAM, RETRY, SIGN_OF_LIFE, EventStream, frame
from hub.intake.calls import EvidenceCall
from hub.intake.streaming.live import END, Live
from hub.problems import INTERNAL, document, problem_of
from hub.runtime import Hub
from signing.canonical import canonical

router = APIRouter(prefix="/api/v1", tags=["evidence"])
_log: Final = structlog.get_logger(__name__)
_UUID: Final = r"^([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|end)$"
LastEventDep = Annotated[str | None, Header(alias="Last-Event-ID", pattern=_UUID)]


def wants_stream(request: Request) -> bool:
    """Whether the caller would rather have it requirement by requirement."""
    return EVENT_STREAM in request.headers.get("accept", "").lower()


async def stream(request: Request, caller: Caller, hub: Hub, call: EvidenceCall) -> Response:
    """Begin a pull, or follow the one that this Idempotency-Key began. Raises: as the pull; TooManyStreamsError."""
    slot = hub.streaming.slots.take(caller.system_id)
    slot.hold()  # the pull goes on when its reader leaves
    try:
        live = await hub.streaming.begin(caller, call, over=slot.let_go)
    except BaseException:
        slot.let_go()
        raise
    return EventStream(_frames(request, hub, live, last=""), over=slot.let_go)


@router.get(
    "/evidence-requests/{request_id}/events",
    summary="Follow an answer, or go on with it 续接",
    responses={200: {"content": {EVENT_STREAM: {}}}, 204: {"description": "The end was seen: there is nothing more"}},
)
async def events(
    request_id: UuidText,
    request: Request,
    caller: CallerDep,
    hub: HubDep,
    last_event_id: LastEventDep = None,
) -> Response:
    """The events behind `Last-Event-ID`, from whichever way the pull was begun; all of them without it. Every event
    leaves after its own ledger row, and no row is written for being followed.
    """
    if last_event_id == END:  # what browsers' own readers understand as "do not come back"
        await hub.evidence.find(caller, request_id)
        return Response(status_code=204)
    slot = hub.streaming.slots.take(caller.system_id)
    try:
        live = await hub.streaming.follow(caller, request_id)
    except BaseException:
        slot.let_go()
        raise
    return EventStream(_frames(request, hub, live, last=last_event_id or ""), over=slot.let_go)


async def _frames(request: Request, hub: Hub, live: Live, *, last: str) -> AsyncIterator[bytes]:
    """`request`, once: which request it is. Then `item` for each requirement, and `end` or `problem`."""
    begun = {"evidence_request_id": live.request_id, "case_no": live.case_no}
    yield RETRY + frame("request", canonical(begun))
    try:
        async for event in live.after(last, alive=ALIVE):
            yield SIGN_OF_LIFE if event is None else frame(event.name, event.data, id=event.id)
    except Exception as error:  # noqa: BLE001  # whatever it is, the reader is told so as elsewhere
        kind = problem_of(error)
        if kind is INTERNAL:
            _log.error("internal_error", error=type(error).__name__, request_id=request.state.request_id)
        body, _ = document(
            kind,
            error=error,
            language=language_of(request),
            request_id=request.state.request_id,
            public_url=hub.settings.public_url,
        )
        yield frame("problem", canonical(body))
