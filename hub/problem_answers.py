"""Every error becomes one problem: a document for programs, a page of its own kind for people."""

import traceback
from typing import Final

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from hub.closure.errors import PlannedClosureError
from hub.deps import language_of
from hub.edge.errors import Fault, InvalidBodyError
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
from hub.web import pages
from hub.web.citizen import frame as citizen_frame
from hub.web.console import frame as console_frame
from hub.web.kiosk import frame as kiosk_frame
from signing.canonical import canonical

_FRAMES: Final = (
    ("/console/", console_frame.problem_page),
    ("/me/", citizen_frame.problem_page),
    ("/kiosk/", kiosk_frame.problem_page),
)
"""Where people read the answer, whatever their browser says that it takes."""
_log = structlog.get_logger(__name__)


def answer(request: Request, error: Exception | None, public_url: str, kind: ProblemType | None = None) -> Response:
    """The answer to a request that `error` ended, or that is of `kind`. Never quotes the error itself."""
    kind = kind or (problem_of(error) if error else INTERNAL)
    language = language_of(request)
    request_id = request.state.request_id
    if isinstance(error, PlannedClosureError) and pages.wants_page(request):
        told = pages.told_of_closure(request, error, request_id)
        at_terminal = f"{request.scope['path']}/".startswith("/kiosk/")
        page = (kiosk_frame.closed_page if at_terminal else pages.closed_page)(request, told)
        page.headers["Retry-After"] = str(error.retry_after_seconds)
        return page
    if "app" in request.scope:  # the guard's own refusals come before there is one
        path = request.scope["path"] + "/"
        framed = next((page for place, page in _FRAMES if path.startswith(place)), None)
        if framed or pages.wants_page(request):
            return (framed or pages.problem_page)(request, kind, error, request_id)
    body, headers = document(kind, error=error, language=language, request_id=request_id, public_url=public_url)
    headers["Content-Language"] = language
    return Response(canonical(body), status_code=kind.status, media_type=MEDIA_TYPE, headers=headers)


def handle_errors(app: FastAPI, public_url: str) -> None:
    """Has `app` answer every error as a problem; one that nobody foresaw is logged, by places in the code."""

    async def any_error(request: Request, error: Exception) -> Response:
        kind = problem_of(error)
        if kind is INTERNAL:
            # The traceback names code, not values; the error's own text may hold values and stays out.
            _log.error(
                "internal_error", error=type(error).__name__, request_id=request.state.request_id, frames=_frames(error)
            )
        return answer(request, error, public_url)

    async def http_error(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        kind = {404: NOT_FOUND, 405: METHOD}.get(status, INTERNAL)
        response = answer(request, None, public_url, kind)
        allowed = (getattr(error, "headers", None) or {}).get("Allow")
        if allowed:
            response.headers["Allow"] = allowed
        return response

    async def invalid(request: Request, error: Exception) -> Response:
        faults = error.errors() if isinstance(error, RequestValidationError) else []
        shown = InvalidBodyError(
            *(Fault("/" + "/".join(str(part) for part in fault["loc"]), fault["type"]) for fault in faults)
        )
        return answer(request, shown, public_url)

    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http_error)
    for cls in mapped_errors():
        app.add_exception_handler(cls, any_error)
    app.add_exception_handler(Exception, any_error)


def _frames(error: Exception) -> list[str]:
    return [
        f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)
    ][-6:]
