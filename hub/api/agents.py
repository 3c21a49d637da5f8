"""Agents 前置代理: programs beside sources that nothing can reach fetch their questions here, and bring the answers."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import JSONResponse
from pydantic import Field

from adapters.guarded import Health
from catalog.source_store import find_source
from hub.agent.wire import ANSWER_HEADER, CONTENT_TYPE, MAX_CONTENT_BYTES, MAX_QUESTION_BYTES, MAX_WAIT_SECONDS
from hub.clock import rfc3339
from hub.deps import CallerDep, HubDep, StaffDep, UuidText, limit
from hub.edge.body import Body, read_bytes, read_json, require_media_type
from hub.edge.errors import BodyTooLargeError, Fault, InvalidBodyError
from hub.exchange.agents.access import agent_of
from hub.exchange.agents.signs import Beat
from hub.storage.errors import MissingError
from signing.errors import SigningError

router = APIRouter(prefix="/api/v1/agents", tags=["agents"])
BODY_LIMITS: Final = {
    r"/api/v1/agents/[^/]+/answers/[^/]+": MAX_CONTENT_BYTES,
    r"/api/v1/agents/[^/]+/errands": 2 * MAX_QUESTION_BYTES,
}
"""Paths that take more than other bodies, for the guard around the application."""
Code = Annotated[str, Path(pattern=r"^[a-z0-9_-]{3,64}$")]


class PollBody(Body):
    """What an agent says of itself. `take: false` is a sign of life of one that has its hands full; `check: true` is
    none, and only asks whether it would be let in.
    """

    instance: Annotated[str, Field(pattern=r"^[0-9a-f-]{8,40}$")]
    version: Annotated[str, Field(pattern=r"^[0-9A-Za-z.+-]{1,40}$")]
    wait_seconds: Annotated[float, Field(ge=0, le=MAX_WAIT_SECONDS)] = MAX_WAIT_SECONDS
    take: bool = True
    leaving: bool = False
    check: bool = False
    refused: Annotated[int, Field(ge=0, le=1_000_000_000)] = 0


class AnswerBody(Body):
    """An answer: the agent's JWS over the question's id and the digest of `content`, which is JSON as text."""

    token: Annotated[str, Field(min_length=1, max_length=8192)]
    content: Annotated[str, Field(max_length=MAX_CONTENT_BYTES)] = ""


class ErrandBody(Body):
    """A question of a command of this hub to an agent, signed with the hub's key to the hub itself."""

    token: Annotated[str, Field(min_length=1, max_length=MAX_QUESTION_BYTES, repr=False)]


@router.post("/{source}/poll", summary="Fetch the next question 领取提问", openapi_extra={"x-body": "PollBody"})
async def poll(request: Request, source: Code, caller: CallerDep, hub: HubDep) -> Response:
    """Waits at most 25 seconds. 200 with `item`, a signed question or delivery, or 204.

    Only for the system that the source names as its agent. As many polls as are open, so many questions at once.
    """
    agent = await hub.database.read(lambda tx: agent_of(tx, caller, source, hub.vault))
    body, _ = await read_json(request, PollBody, max_bytes=hub.settings.max_body_bytes)
    if body.check:
        return Response(status_code=204)
    beat = Beat(body.instance, body.version, body.wait_seconds, body.take, body.leaving, body.refused)
    item = await hub.agents.poll(agent, beat, _gone(request))
    return Response(status_code=204) if item is None else JSONResponse({"item": item})


@router.post("/{source}/answers/{item}", summary="Bring an answer 提交答复", openapi_extra={"x-body": "AnswerBody"})
async def answer(request: Request, source: Code, item: UuidText, caller: CallerDep, hub: HubDep) -> Response:
    """`accepted` is false when nobody waits for it any more. What the agent did not sign is refused.

    A longer content comes as it is (`application/octet-stream`), with the token in the header `Agent-Answer`: at most
    twice the bytes that the question allows.
    """
    agent = await hub.database.read(lambda tx: agent_of(tx, caller, source, hub.vault))
    most = await hub.agents.expected(agent, item)
    if most is None:
        return JSONResponse({"accepted": False})
    try:
        token, content = await _said(request, most, hub.settings.max_body_bytes)
    except BodyTooLargeError:
        await hub.agents.answer_too_large(agent, item)
        raise
    try:
        accepted = await hub.agents.answer(agent, item, token, content)
    except SigningError as error:
        raise InvalidBodyError(Fault("/token", error.reason)) from error
    return JSONResponse({"accepted": accepted})


@router.post(
    "/{source}/deliveries/{item}", summary="Acknowledge a delivery 确认回写", openapi_extra={"x-body": "AnswerBody"}
)
async def acknowledge(request: Request, source: Code, item: UuidText, caller: CallerDep, hub: HubDep) -> Response:
    """`accepted` is false for one that was done before. An error in the agent's word puts it back in line."""
    agent = await hub.database.read(lambda tx: agent_of(tx, caller, source, hub.vault))
    body, _ = await read_json(request, AnswerBody, max_bytes=hub.settings.max_body_bytes)
    try:
        accepted = await hub.agents.deliveries.acknowledge(agent, item, body.token, body.content.encode())
    except SigningError as error:
        raise InvalidBodyError(Fault("/token", error.reason)) from error
    return JSONResponse({"accepted": accepted})


@router.post("/{source}/errands", summary="Ask for a command of the hub 代问", openapi_extra={"x-body": "ErrandBody"})
async def errand(request: Request, source: Code, hub: HubDep) -> Response:
    """Only for commands on the hub's own machine, where no Redis joins them to the agents: they hold the hub's keys."""
    await limit(request, "errands", hub.settings.system_requests_per_minute)
    body, _ = await read_json(request, ErrandBody, max_bytes=2 * MAX_QUESTION_BYTES)
    stored = await hub.database.read(lambda tx: find_source(tx, source))
    if stored is None or stored.definition.kind != "agent":
        raise MissingError("source")
    try:
        said = await hub.agents.errand(source, str(stored.definition.connection["agent"]), body.token)
    except SigningError as error:
        raise InvalidBodyError(Fault("/token", error.reason)) from error
    return JSONResponse(said)


@router.get("/{source}", summary="The agent of a source and its deliveries 前置代理状态")
async def show(source: Code, actor: StaffDep, hub: HubDep, dead: bool = False) -> Response:
    """Whether it is there, when it was last seen; deliveries newest first, with `dead=true` only those given up."""
    found = await hub.agents.deliveries.list(actor, source, dead=dead)
    view = await hub.agents.view(actor, source)
    stored = await hub.database.read(lambda tx: find_source(tx, source))
    opened = hub.pool.opened(stored.id) if stored else None
    shown = {
        "agent": view.as_json(),
        "questions": _questions(opened.health()) if opened else None,
        "deliveries": [item.as_json() for item in found],
    }
    return JSONResponse(shown)


@router.post("/{source}/deliveries/{item}/retry", summary="Try a dead delivery again 重试回写")
async def retry(source: Code, item: UuidText, actor: StaffDep, hub: HubDep) -> Response:
    """Puts it in line again, with all its attempts."""
    await hub.agents.deliveries.retry(actor, source, item)
    return JSONResponse({"delivery": item, "state": "waiting"})


def _questions(health: Health) -> dict[str, Any]:
    """Questions of this process to the source, since it was first asked."""
    return {
        "in_flight": health.in_flight,
        "waiting": health.waiting,
        "p50_milliseconds": None if health.p50 is None else round(health.p50 * 1000),
        "p95_milliseconds": None if health.p95 is None else round(health.p95 * 1000),
        "last_ok": rfc3339(health.last_ok) if health.last_ok else None,
        "last_error": health.last_error,
    }


async def _said(request: Request, most: int, most_json: int) -> tuple[str, bytes]:
    """Token and content. A long content inside JSON would have to be read twice, and the first time all at once."""
    token = request.headers.get(ANSWER_HEADER)
    if token is None:
        body, _ = await read_json(request, AnswerBody, max_bytes=most_json)
        return body.token, body.content.encode()
    require_media_type(request, CONTENT_TYPE)
    return token[:8192], await read_bytes(request, max_bytes=most)


async def _gone(request: Request) -> None:
    """Ends when the caller leaves; its body has been read."""
    await request.receive()
