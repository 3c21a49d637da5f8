"""The ASGI application: routes, problems, guard. Nothing else happens here."""

import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final
from urllib.parse import urlsplit

import structlog
from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi_offline import FastAPIOffline
from pydantic.json_schema import models_json_schema
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from hub.api import (
    agents,
    batches,
    bulk,
    cases,
    catalogue,
    certificates,
    demands,
    evidence,
    gateway,
    grants,
    health,
    ledger,
    oauth,
    proposals,
    publishing,
    pushed,
    query,
    sources,
    staff,
    status_lists,
    subscriptions,
    verify,
)
from hub.deps import known_query, language_of
from hub.edge.errors import Fault, InvalidBodyError
from hub.edge.guard import EdgeGuard
from hub.problems import (
    INTERNAL,
    MEDIA_TYPE,
    METHOD,
    NOT_FOUND,
    PROBLEM_SCHEMA,
    ProblemType,
    document,
    mapped_errors,
    problem_of,
)
from hub.runtime import Hub, at_work, open_hub
from hub.settings import Settings
from hub.web import pages
from hub.web.console import owner_trials
from hub.web.console.frame import problem_page
from hub.web.console.router import router as console
from signing.canonical import canonical

LOOPBACK: Final = ("127.0.0.1", "localhost", "[::1]")
_BODIES: Final = (
    *demands.BODIES,
    cases.CaseBody,
    evidence.EvidenceBody,
    query.QueryBody,
    pushed.PushBody,
    batches.BatchBody,
    subscriptions.SubscriptionBody,
    agents.PollBody,
    agents.AnswerBody,
    agents.ErrandBody,
    verify.VerifyBody,
)
_STAFF_BODIES: Final = (
    staff.StaffBody,
    staff.RolesBody,
    *grants.BODIES,
    *proposals.BODIES,
    *sources.BODIES,
    *publishing.BODIES,
    *bulk.BODIES,
)
_log = structlog.get_logger(__name__)


def create_app(settings: Settings, *, hub: Hub | None = None) -> ASGIApp:
    """The application of one hub. With `hub` given it is already open and stays so; else the application opens it."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        if hub is not None:
            app.state.hub = hub
            yield
            return
        async with open_hub(settings) as opened, at_work(opened):
            app.state.hub = opened
            opened.agents.attend()
            yield

    app = FastAPIOffline(
        title="Yizheng 一证",
        version="0.1.0",
        summary="One ID in; the hub fetches the rest. 以一证通办代替层层证明。",
        lifespan=lifespan,
        dependencies=[Depends(known_query)],
        docs_url="/docs",
        redoc_url="/redoc",
        static_url="/static-docs",
    )
    if hub is not None:
        app.state.hub = hub
        hub.agents.attend()
    for module in (
        query,  # routes are tried in this order: those that are called all day come first
        evidence,
        cases,
        oauth,
        catalogue,
        demands,
        grants,
        proposals,
        gateway,
        pushed,
        batches,
        bulk,
        subscriptions,
        agents,
        sources,
        publishing,
        certificates,
        verify,
        status_lists,
        staff,
        ledger,
        health,
        pages,
    ):
        app.include_router(module.router)
    app.include_router(console)
    pages.mount_static(app)
    _handle_errors(app, settings.public_url)
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]
    hosts = {urlsplit(settings.public_url).hostname or "", *LOOPBACK, *settings.allowed_hosts}
    return EdgeGuard(
        app,
        hosts=hosts,
        max_body_bytes=settings.max_body_bytes,
        refuse=lambda error, request: _answer(request, error, settings.public_url),
        body_limits={
            **pushed.BODY_LIMITS,
            **batches.BODY_LIMITS,
            **bulk.BODY_LIMITS,
            **agents.BODY_LIMITS,
            **owner_trials.BODY_LIMITS,
        },
    )


def _answer(request: Request, error: Exception | None, public_url: str, kind: ProblemType | None = None) -> Response:
    kind = kind or (problem_of(error) if error else INTERNAL)
    language = language_of(request)
    request_id = request.state.request_id
    if "app" in request.scope and (request.scope["path"] + "/").startswith("/console/"):  # people read these
        return problem_page(request, kind, error, request_id)
    body, headers = document(kind, error=error, language=language, request_id=request_id, public_url=public_url)
    headers["Content-Language"] = language
    return Response(canonical(body), status_code=kind.status, media_type=MEDIA_TYPE, headers=headers)


def _handle_errors(app: FastAPI, public_url: str) -> None:
    async def any_error(request: Request, error: Exception) -> Response:
        kind = problem_of(error)
        if kind is INTERNAL:
            # The traceback names code, not values; the error's own text may hold values and stays out.
            _log.error(
                "internal_error", error=type(error).__name__, request_id=request.state.request_id, frames=_frames(error)
            )
        return _answer(request, error, public_url)

    async def http_error(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        kind = {404: NOT_FOUND, 405: METHOD}.get(status, INTERNAL)
        response = _answer(request, None, public_url, kind)
        allowed = (getattr(error, "headers", None) or {}).get("Allow")
        if allowed:
            response.headers["Allow"] = allowed
        return response

    async def invalid(request: Request, error: Exception) -> Response:
        faults = error.errors() if isinstance(error, RequestValidationError) else []
        shown = InvalidBodyError(
            *(Fault("/" + "/".join(str(part) for part in fault["loc"]), fault["type"]) for fault in faults)
        )
        return _answer(request, shown, public_url)

    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http_error)
    for cls in mapped_errors():
        app.add_exception_handler(cls, any_error)
    app.add_exception_handler(Exception, any_error)


def _frames(error: Exception) -> list[str]:
    return [
        f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)
    ][-6:]


def _openapi(app: FastAPI) -> dict[str, Any]:
    """OpenAPI with the bodies that routes read by themselves, after authentication, and problems for every refusal."""
    if app.openapi_schema:
        return app.openapi_schema
    schema = get_openapi(title=app.title, version=app.version, summary=app.summary, routes=app.routes)
    _, definitions = models_json_schema(
        [(model, "validation") for model in (*_BODIES, *_STAFF_BODIES)], ref_template="#/components/schemas/{model}"
    )
    schemas = schema.setdefault("components", {}).setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    schemas.update(definitions["$defs"], Problem=PROBLEM_SCHEMA)
    problem = {"description": "Problem", "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}}
    for path in schema["paths"].values():
        for operation in path.values():
            operation["responses"].pop("422", None)
            operation["responses"]["default"] = problem
            name = operation.pop("x-body", None)
            if name:
                reference = {"$ref": f"#/components/schemas/{name}"}
                operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": reference}}}
    app.openapi_schema = schema
    return schema
