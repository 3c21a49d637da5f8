"""Public verification 核验."""

from typing import Annotated, Final

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import Field

from hub.deps import HubDep, limit
from hub.edge.body import Body, read_json

router = APIRouter(prefix="/api/v1", tags=["verify"])
MAX_VERIFY_BYTES: Final = 262_144
"""Far more than a token may have: what is too long gets its verdict, not an error."""


class VerifyBody(Body):
    """What is to be verified; `audience` is who verifies, needed for a purpose copy."""

    token: Annotated[str, Field(min_length=1, max_length=MAX_VERIFY_BYTES)]
    audience: Annotated[str, Field(min_length=1, max_length=64)] | None = None


@router.post("/verify", summary="Verify a licence or purpose copy 核验证照", openapi_extra={"x-body": "VerifyBody"})
async def verify(request: Request, hub: HubDep) -> JSONResponse:
    """200 with passed, failed or indeterminate and its reason for every readable input; no sign-in."""
    peer = request.client.host if request.client else "unknown"
    await limit(request, f"verify:{peer}", hub.settings.verify_requests_per_minute)
    body, _ = await read_json(request, VerifyBody, max_bytes=MAX_VERIFY_BYTES)
    token = "".join(body.token.split())  # line ends of a pasted token, as the page and the command take them
    verdict = await hub.verification.verify(token.encode(), audience=body.audience)
    return JSONResponse(verdict.to_json())


@router.get("/trust-pack", summary="Everything offline verification needs 离线核验包")
async def trust_pack(hub: HubDep, request: Request) -> Response:
    """Roots, entitlements and status lists of this moment, signed. Compare its root fingerprint another way."""
    peer = request.client.host if request.client else "unknown"
    await limit(request, f"verify:{peer}", hub.settings.verify_requests_per_minute)
    return Response(await hub.verification.trust_pack(), media_type="application/jwt")
