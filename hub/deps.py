"""What routes ask for: the hub, the caller, the language."""

from typing import Annotated, Final, cast

import structlog
from fastapi import Depends, Request
from fastapi.dependencies.models import Dependant
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import Field

from hub.access.actors import Actor
from hub.access.errors import InvalidTokenError, SandboxError
from hub.access.service import Caller
from hub.edge.errors import BadRequestError, Fault, RateLimitedError
from hub.runtime import Hub

_MAX_KEY_LENGTH: Final = 128
_log = structlog.get_logger(__name__)
SANDBOX_ROUTES: Final = frozenset(
    {
        "/api/v1/cases",
        "/api/v1/cases/{case_no}",
        "/api/v1/cases/{case_no}/close",
        "/api/v1/interfaces/{code}/query",
        "/api/v1/catalogue",
        "/api/v1/interfaces",
        "/api/v1/interfaces/{code}",
        "/api/v1/certificate-types",
        "/api/v1/certificate-types/{code}",
        "/api/v1/departments",
        "/api/v1/departments/{code}",
        "/api/v1/matters",
        "/api/v1/matters/{code}",
    }
)
"""All that a sandbox credential may call; a route added later is closed to it until it is named here."""
_BEARER: Final = HTTPBearer(auto_error=False, description="From POST /oauth/token", bearerFormat="at+jwt")


async def get_hub(request: Request) -> Hub:
    """The opened hub of this application."""
    return _hub(request)


def _hub(request: Request) -> Hub:
    return cast("Hub", request.app.state.hub)


async def remembered(
    request: Request, bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]
) -> Caller:
    """The system that calls, by its bearer token. Before the body is read (pitfall F3).

    For routes whose own unit of work checks that the system is still active.

    Raises: InvalidTokenError, RateLimitedError, SandboxError.
    """
    hub = _hub(request)
    try:
        caller = await hub.access.caller(bearer.credentials if bearer else "")
    except InvalidTokenError as error:
        _log.warning("token_refused", reason=error.reason)
        raise
    await limit(request, f"system:{caller.client_id}", hub.settings.system_requests_per_minute)
    if caller.sandbox and request.scope["route"].path not in SANDBOX_ROUTES:
        raise SandboxError
    return caller


async def authenticated(request: Request, caller: Annotated[Caller, Depends(remembered)]) -> Caller:
    """The system that calls, active at this moment. Raises: InvalidTokenError, RateLimitedError."""
    await _hub(request).access.check_active(caller)
    return caller


async def staff_actor(
    request: Request, bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]
) -> Actor:
    """The member of staff behind a token `yzs_…`. Not the browser's cookie: that needs forms with their own token.

    Raises: SignInNeededError, RateLimitedError.
    """
    hub = _hub(request)
    signed_in = await hub.sessions.find(bearer.credentials if bearer else "", "token")
    await limit(request, f"staff:{signed_in.staff.id}", hub.settings.staff_requests_per_minute)
    return signed_in.actor


async def known_query(request: Request) -> None:
    """Refuse a query parameter that the route does not have: a misspelt filter must not silently be none (pitfall F5).

    Raises: BadRequestError; its fault does not repeat the name.
    """
    if not request.scope["query_string"]:
        return
    if not _query_names(request.scope["route"].dependant).issuperset(request.query_params):
        raise BadRequestError(Fault("", "unknown_query_parameter"))


async def not_closed(request: Request) -> None:
    """Before anything is looked at. Raises: PlannedClosureError."""
    _hub(request).closures.check(request.scope["path"])


def _query_names(dependant: Dependant) -> set[str]:
    """Those of the route, and of what it depends on."""
    names = {field.alias for field in dependant.query_params}
    return names.union(*map(_query_names, dependant.dependencies))


async def limit(request: Request, key: str, per_minute: int) -> None:
    """Count one use of `key`. Raises RateLimitedError."""
    allowance = await _hub(request).limits.hit(key, per_minute=per_minute)
    if not allowance.allowed:
        raise RateLimitedError(allowance.retry_after_seconds)


async def get_language(request: Request) -> str:
    """As `language_of`. A dependency that is no coroutine is run in a thread, which costs more than all the others."""
    return language_of(request)


def language_of(request: Request) -> str:
    """`en` when the caller prefers it, else `zh-CN`."""
    return "en" if request.headers.get("accept-language", "").strip().lower().startswith("en") else "zh-CN"


async def idempotency_key(request: Request) -> str | None:
    """The Idempotency-Key, if one was sent. Raises BadRequestError for one that is not 1 to 128 visible characters."""
    key = request.headers.get("idempotency-key")
    if key is None:
        return None
    if not 1 <= len(key) <= _MAX_KEY_LENGTH or not key.isascii() or not key.isprintable():
        raise BadRequestError(Fault("idempotency-key", "1 to 128 visible ASCII characters"))
    return key


HubDep = Annotated[Hub, Depends(get_hub)]
CallerDep = Annotated[Caller, Depends(authenticated)]
StaffDep = Annotated[Actor, Depends(staff_actor)]
RememberedCallerDep = Annotated[Caller, Depends(remembered)]
UuidText = Annotated[str, Field(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
UuidOrEmpty = Annotated[str, Field(pattern=r"^([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})?$")]
"""Anything looser reaches PostgreSQL's uuid columns, which answer it with an error."""
LanguageDep = Annotated[str, Depends(get_language)]
KeyDep = Annotated[str | None, Depends(idempotency_key)]
