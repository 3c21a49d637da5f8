"""The ASGI application: routes, problems, guard. Nothing else happens here."""

import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final
from urllib.parse import urlsplit

import structlog
from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from hub.api import (
    agents,
    archive,
    asks,
    authorisations,
    batches,
    bulk,
    case_events,
    case_handling,
    cases,
    catalogue,
    certificate_acts,
    certificate_search,
    certificate_types,
    certificates,
    collection_feeds,
    dead_ends,
    demands,
    evidence,
    evidence_events,
    face_templates,
    faces,
    families,
    forms,
    gateway,
    grants,
    health,
    keys,
    late_orders,
    ledger,
    lower,
    lower_tasks,
    materials,
    me,
    me_acting,
    me_acting_agreements,
    me_acting_dossier,
    me_acting_objections,
    me_acting_showing,
    me_dossier,
    me_notices,
    me_objections,
    me_record,
    metrics,
    oauth,
    objections,
    owed,
    proposals,
    publishing,
    pushed,
    query,
    ratings,
    replays,
    showing_requests,
    showings,
    sources,
    staff,
    status_lists,
    subscriptions,
    time_stamps,
    type_halt,
    verify,
    wallet_requests,
    wallets,
    witnesses,
)
from hub.closure.errors import PlannedClosureError
from hub.deps import known_query, language_of, not_closed
from hub.edge.errors import Fault, InvalidBodyError
from hub.edge.guard import EdgeGuard
from hub.openapi import openapi_of
from hub.problems import (
    INTERNAL,
    MEDIA_TYPE,
    METHOD,
    NOT_FOUND,
    ProblemType,
    document,
    mapped_errors,
    problem_of,
)
from hub.runtime import Hub, at_work, open_hub
from hub.settings import Settings
from hub.web import entry_page, guides_page, help_page, pages, rate_page, ratings_page, receive_page, verify_page
from hub.web.citizen import acting_objecting as citizen_acting_objecting
from hub.web.citizen import frame as citizen_frame
from hub.web.citizen import objecting as citizen_objecting
from hub.web.citizen import pages as citizen_pages
from hub.web.console.counter import correcting as counter_correcting
from hub.web.console.counter import objecting as counter_objecting
from hub.web.console.counter import standing_in as counter_scans
from hub.web.console.frame import problem_page
from hub.web.console.library import arriving as library_arriving
from hub.web.console.library import uploading as library_uploading
from hub.web.console.owner import trials as owner_trials
from hub.web.console.router import router as console
from hub.web.kiosk import acting as kiosk_acting
from hub.web.kiosk import agreements as kiosk_agreements
from hub.web.kiosk import collecting as kiosk_collecting
from hub.web.kiosk import delegating as kiosk_delegating
from hub.web.kiosk import doubting as kiosk_doubting
from hub.web.kiosk import forms as kiosk_forms
from hub.web.kiosk import frame as kiosk_frame
from hub.web.kiosk import licence as kiosk_licence
from hub.web.kiosk import lost as kiosk_lost
from hub.web.kiosk import notices as kiosk_notices
from hub.web.kiosk import objecting as kiosk_objecting
from hub.web.kiosk import pages as kiosk_pages
from hub.web.kiosk import rating as kiosk_rating
from hub.web.kiosk import reviewing as kiosk_reviewing
from hub.web.scanning import CAMERA_PAGES
from signing.canonical import canonical

LOOPBACK: Final = ("127.0.0.1", "localhost", "[::1]")
_ROUTERS: Final = (
    query.router,
    evidence.router,
    evidence_events.router,
    cases.router,
    case_handling.router,
    dead_ends.router,
    owed.router,
    asks.router,
    replays.router,
    lower.router,
    lower_tasks.router,
    forms.router,
    me.router,
    me_acting.router,
    me_acting_agreements.router,
    me_acting_dossier.router,
    me_acting_objections.router,
    me_acting_showing.router,
    showings.router,
    showing_requests.router,
    authorisations.router,
    me_notices.router,
    me_dossier.router,
    me_objections.router,
    me_record.router,
    ratings.router,
    ratings_page.router,
    objections.router,
    families.router,
    case_events.router,
    materials.router,
    archive.router,
    oauth.router,
    wallets.router,
    wallet_requests.router,
    catalogue.router,
    demands.router,
    grants.router,
    proposals.router,
    gateway.router,
    pushed.router,
    batches.router,
    collection_feeds.router,
    bulk.router,
    subscriptions.router,
    agents.router,
    sources.router,
    publishing.router,
    certificate_types.router,
    certificates.router,
    faces.router,
    face_templates.router,
    certificate_acts.router,
    certificate_search.router,
    type_halt.router,
    verify.router,
    status_lists.router,
    time_stamps.router,
    staff.router,
    keys.router,
    late_orders.router,
    ledger.router,
    witnesses.router,
    health.router,
    metrics.router,
    pages.router,
    guides_page.router,
    help_page.router,
    verify_page.router,
    receive_page.router,
    rate_page.router,
    entry_page.router,
    citizen_pages.router,
    kiosk_pages.router,
    kiosk_licence.router,
    kiosk_acting.router,
    kiosk_delegating.router,
    kiosk_agreements.router,
    kiosk_doubting.router,
    kiosk_reviewing.router,
    kiosk_objecting.router,
    kiosk_forms.router,
    kiosk_collecting.router,
    kiosk_lost.router,
    kiosk_notices.router,
    kiosk_rating.router,
    console,
)
"""Tried in this order: what is called all day comes first."""
_BODY_LIMITS: Final = {
    **pushed.BODY_LIMITS,
    **batches.BODY_LIMITS,
    **bulk.BODY_LIMITS,
    **agents.BODY_LIMITS,
    **owner_trials.BODY_LIMITS,
    **library_arriving.BODY_LIMITS,
    **library_uploading.BODY_LIMITS,
    **verify.BODY_LIMITS,
    **lower.BODY_LIMITS,
    **me_objections.BODY_LIMITS,
    **me_acting_objections.BODY_LIMITS,
    **citizen_objecting.BODY_LIMITS,
    **citizen_acting_objecting.BODY_LIMITS,
    **counter_objecting.BODY_LIMITS,
    **counter_correcting.BODY_LIMITS,
    **counter_scans.BODY_LIMITS,
}
"""Bytes of a body, for routes (regular expressions) that take more than others."""
ROUTES: Final = APIRouter(dependencies=[Depends(not_closed), Depends(known_query)])
"""All routes. FastAPI works out an included router's when it is first asked, half a second for all of them: once a
process, however many applications it makes.
"""
for _router in _ROUTERS:
    ROUTES.include_router(_router)
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
        docs_url="/docs",
        redoc_url="/redoc",
        static_url="/static-docs",
    )
    if hub is not None:
        app.state.hub = hub
        hub.agents.attend()
    app.router.routes.extend(ROUTES.routes)
    pages.mount_static(app)
    _handle_errors(app, settings.public_url)
    app.openapi = lambda: openapi_of(app)  # type: ignore[method-assign]
    hosts = {urlsplit(settings.public_url).hostname or "", *LOOPBACK, *settings.allowed_hosts}
    return EdgeGuard(
        app,
        hosts=hosts,
        max_body_bytes=settings.max_body_bytes,
        refuse=lambda error, request: _answer(request, error, settings.public_url),
        body_limits=_BODY_LIMITS,
        camera=CAMERA_PAGES,
    )


def _answer(request: Request, error: Exception | None, public_url: str, kind: ProblemType | None = None) -> Response:
    kind = kind or (problem_of(error) if error else INTERNAL)
    language = language_of(request)
    request_id = request.state.request_id
    if isinstance(error, PlannedClosureError) and pages.wants_page(request):
        return pages.closed_page(request, error, request_id)
    if "app" in request.scope and (request.scope["path"] + "/").startswith("/console/"):  # people read these
        return problem_page(request, kind, error, request_id)
    if "app" in request.scope and (request.scope["path"] + "/").startswith("/me/"):
        return citizen_frame.problem_page(request, kind, error, request_id)
    if "app" in request.scope and (request.scope["path"] + "/").startswith("/kiosk/"):
        return kiosk_frame.problem_page(request, kind, error, request_id)
    if "app" in request.scope and pages.wants_page(request):
        return pages.problem_page(request, kind, error, request_id)
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
