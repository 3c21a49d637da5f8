"""Public verification 核验."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import Field

from certificates.stores.version import VersionRecord
from certificates.verifying.known import MAX_NONCE, MIN_NONCE
from certificates.verifying.verdict import Result, TokenKind, Verdict
from hub.access.errors import InvalidTokenError
from hub.api.certificates import IdentifierText
from hub.deps import CallerDep, HubDep, limit
from hub.edge.body import Body, parse, read_json
from hub.edge.errors import BodyTooLargeError, Fault, InvalidBodyError
from hub.edge.multipart import is_multipart, read_multipart
from hub.runtime import Hub
from hub.verification.asking import (
    MAX_AGE_SECONDS,
    MAX_AS_OF,
    MAX_AUDIENCE,
    MAX_PURPOSE,
    SEVERAL,
    AskedWronglyError,
    Question,
    question,
    typed,
)
from hub.verification.presenting import MAX_UPLOAD_BYTES, UnreadableError
from hub.verification.tally import Verifier

router = APIRouter(prefix="/api/v1", tags=["verify"])
MAX_VERIFY_BYTES: Final = 262_144
"""Far more than a token may have: what is too long gets its verdict, not an error."""
BODY_LIMITS: Final = {r"(/api/v1)?/verify": MAX_UPLOAD_BYTES}


class VerifyQuestion(Body):
    """How it is asked. `audience`: who verifies, needed for a purpose copy. `purpose`: for what he takes a copy; one
    that was made for another fails, and without it none is compared. `nonce`: what the presenter was given to sign with
    the key in the token; then only a fresh key binding over it passes. `as_of`: a civil day or an instant to ask about.
    The rest are the verifier's own rules: how old a status may be, whether trial authorities will do, which algorithms,
    and who may hold the key.
    """

    audience: Annotated[str, Field(min_length=1, max_length=MAX_AUDIENCE)] | None = None
    purpose: Annotated[str, Field(min_length=1, max_length=MAX_PURPOSE)] | None = None
    nonce: Annotated[str, Field(min_length=MIN_NONCE, max_length=MAX_NONCE)] | None = None
    as_of: Annotated[str, Field(min_length=1, max_length=MAX_AS_OF)] | None = None
    max_status_age_seconds: Annotated[int, Field(ge=0, le=MAX_AGE_SECONDS)] | None = None
    accept_trial: bool = True
    suites: Annotated[tuple[str, ...], Field(max_length=8)] | None = None
    custodies: Annotated[tuple[str, ...], Field(max_length=8)] | None = None


class VerifyBody(VerifyQuestion):
    """What is to be verified: a token or the text of an offline code, or the control code of a page, best with the
    identifier beside it; and how it is asked. A file (PDF, OFD, JSON metadata, SD-JWT, a photo of a QR code) comes as
    multipart: `file`, these names, and `proof`, a file that came with the page of another hub.
    """

    token: Annotated[str, Field(min_length=1, max_length=MAX_VERIFY_BYTES)] | None = None
    control_code: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    identifier: Annotated[str, Field(min_length=1, max_length=128)] | None = None


@router.post("/verify", summary="Verify a licence or purpose copy 核验证照", openapi_extra={"x-body": "VerifyBody"})
async def verify(request: Request, hub: HubDep) -> JSONResponse:
    """200 with passed, failed or indeterminate and its reason for every readable input; no sign-in. A system that sends
    its token is named to the licence's holder, everybody else is "in public".
    """
    peer = request.client.host if request.client else "unknown"
    await limit(request, f"verify:{peer}", hub.settings.verify_requests_per_minute)
    if is_multipart(request):
        await limit_files(request, hub)
        form = await read_multipart(request, max_bytes=MAX_UPLOAD_BYTES, several=SEVERAL)
        if "file" not in form.files:
            raise InvalidBodyError(Fault("/file", "missing"))
        asked = _asked(parse(VerifyQuestion, typed(form.fields)), form.files.get("proof"))
        try:
            verdict = await hub.presentation.present(form.files["file"], asked)
        except UnreadableError as error:
            if error.reason == "file_too_large":
                raise BodyTooLargeError from None
            pointer = "/proof" if error.reason == "proof" else "/file"
            raise InvalidBodyError(Fault(pointer, error.reason)) from None
        return JSONResponse(await _told(request, hub, verdict, asked.audience))
    body, _ = await read_json(request, VerifyBody, max_bytes=MAX_VERIFY_BYTES)
    if body.control_code is not None:
        if body.token is not None:
            raise InvalidBodyError(Fault("/token", "not_with_control_code"))
        verdict = await hub.presentation.judge_code(body.identifier, body.control_code, _asked(body))
        return JSONResponse(await _told(request, hub, verdict, None))
    if body.token is None:
        raise InvalidBodyError(Fault("/token", "token_or_control_code"))
    verdict = await hub.presentation.judge_text(body.token, _asked(body))
    return JSONResponse(await _told(request, hub, verdict, body.audience))


@router.get("/certificates/{identifier}/proof", summary="Proof to go with a licence 证照存证证明")
async def get_proof(identifier: IdentifierText, caller: CallerDep, hub: HubDep) -> Response:
    """For systems of the issuing department: since when the ledger knows it; for `yizheng verify --offline --proof`."""

    def own(version: VersionRecord) -> bool:
        return version.owner_department_id == caller.department_id

    return Response(await hub.proofs.prove(identifier, allowed=own), media_type="application/jwt")


@router.get("/trust-pack", summary="Everything offline verification needs 离线核验包")
async def trust_pack(hub: HubDep, request: Request) -> Response:
    """Roots, entitlements and status lists of this moment, signed. Compare its root fingerprint another way."""
    peer = request.client.host if request.client else "unknown"
    await limit(request, f"verify:{peer}", hub.settings.verify_requests_per_minute)
    return Response(await hub.verification.trust_pack(), media_type="application/jwt")


async def limit_files(request: Request, hub: Hub) -> None:
    """Files weigh a hundred times as much as texts: a tenth as many. Raises: RateLimitedError."""
    peer = request.client.host if request.client else "unknown"
    await limit(request, f"verify-file:{peer}", max(1, hub.settings.verify_requests_per_minute // 10))


async def _told(request: Request, hub: Hub, verdict: Verdict, audience: str | None) -> dict[str, Any]:
    """The verdict, once it is on the ledger that there was one; to the receiver of a copy that holds also, whether an
    objection runs against its licence. It is no part of the verdict, and of a licence that anybody may hold nothing is
    told.
    """
    await hub.tally.note(verdict, audience=audience, verifier=await _verifier(request, hub))
    told = verdict.to_json()
    passed, copied = verdict.result is Result.PASSED, verdict.kind is TokenKind.PURPOSE_COPY
    if passed and copied and audience and verdict.certificate:
        identifier = str(verdict.certificate.get("identifier", ""))
        if await hub.citizens.desk.disputed({identifier}):
            told["disputed"] = True
    return told


async def _verifier(request: Request, hub: Hub) -> Verifier | None:
    """The system whose token came with it. One that is not good, or of the sandbox, is nobody's: none was needed."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        return None
    try:
        caller = await hub.access.caller(token.strip())
        await hub.access.check_active(caller)
    except InvalidTokenError:
        return None
    return None if caller.sandbox else Verifier(caller.client_id, caller.department_id)


def _asked(body: VerifyQuestion, proof: bytes | None = None) -> Question:
    try:
        return question(body.model_dump(), proof=proof)
    except AskedWronglyError as error:
        raise InvalidBodyError(Fault(f"/{error.name}", error.rule)) from None
