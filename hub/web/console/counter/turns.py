"""Lines that turn while the clerk looks on: the part of the page that changes, sent when it has changed.

The page comes by its clock where this does not arrive (`data-refresh`), and is whole without either.
"""

import gzip
from collections.abc import AsyncIterator

import structlog
from fastapi import APIRouter, Request
from starlette.responses import Response

from hub.access.actors import Actor
from hub.deps import HubDep
from hub.edge.event_stream import EventStream, frame
from hub.intake.counter.values import CounterCase
from hub.problems import INTERNAL, problem_of
from hub.web.console.counter.case import CASE, CaseNoPath, fragment_of
from hub.web.console.view import view_of
from hub.web.console.visit import ConsoleDep

router = APIRouter()
_log = structlog.get_logger(__name__)


@router.get(CASE + "/turns")
async def turns(request: Request, case_no: CaseNoPath, hub: HubDep, actor: ConsoleDep) -> Response:
    """`turn` whenever lines have turned, `done` when nothing is on its way any more; each with the whole fragment."""
    slot = hub.streaming.slots.take(f"staff:{actor.id}")
    try:
        watched = hub.counter.watch(actor, case_no, view_of(request).language)
        first = await anext(watched)
    except BaseException:
        slot.let_go()
        raise
    return EventStream(_frames(request, actor, first, watched), over=slot.let_go)


async def _frames(
    request: Request, actor: Actor, first: CounterCase, watched: AsyncIterator[CounterCase]
) -> AsyncIterator[bytes]:
    yield _frame(request, actor, first)
    try:
        async for found in watched:
            yield _frame(request, actor, found)
    except Exception as error:  # noqa: BLE001  # the page asks by its clock then, and is told in the ordinary way
        if problem_of(error) is INTERNAL:
            _log.error("internal_error", error=type(error).__name__, request_id=request.state.request_id)


def _frame(request: Request, actor: Actor, found: CounterCase) -> bytes:
    page = fragment_of(request, actor, found)
    html = bytes(page.body)
    if page.headers.get("content-encoding") == "gzip":  # an event is text, whatever the browser takes for a page
        html = gzip.decompress(html)
    # A data field is a line; of several the reader makes one text again.
    return frame("turn" if found.asking else "done", b"\ndata: ".join(html.splitlines()))
