"""Routes that a system calls for itself and staff call with a token of theirs."""

from typing import Annotated, Final

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from hub.access.actors import Actor
from hub.access.service import Caller
from hub.deps import authenticated, remembered, staff_actor

_BEARER: Final = HTTPBearer(auto_error=False, description="Of a system, or of staff (`yzs_…`)")
_STAFF_TOKEN: Final = "yzs_"  # noqa: S105  # what such tokens begin with


async def either(
    request: Request, bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]
) -> Actor | Caller:
    """A member of staff, or a system that is active at this moment.

    Raises: SignInNeededError, InvalidTokenError, RateLimitedError, SandboxError.
    """
    if bearer is not None and bearer.credentials.startswith(_STAFF_TOKEN):
        return await staff_actor(request, bearer)
    return await authenticated(request, await remembered(request, bearer))


def actor_of(who: Actor | Caller) -> Actor:
    """Whoever calls, as ledger entries name him. A system acts for its department, in no role of a person."""
    if isinstance(who, Actor):
        return who
    return Actor("system", who.client_id, who.client_id, who.department_id, frozenset())


EitherDep = Annotated[Actor | Caller, Depends(either)]
