"""What stands in for a case's evidence: sealed copies 材料共享章 and promises 告知承诺."""

from typing import Annotated, Final, Literal

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import Field

from hub.api.cases import CaseNo
from hub.deps import CallerDep, HubDep, KeyDep, UuidText
from hub.edge.body import Body, parse, read_json
from hub.edge.errors import BadRequestError, Fault, InvalidBodyError
from hub.edge.multipart import is_multipart, read_multipart
from hub.intake.lower.copy_intents import Scan
from hub.intake.lower.papers.checking import MOST_BYTES
from hub.intake.lower.promising import Confirmation
from hub.storage.idempotency import RequestKey

router = APIRouter(prefix="/api/v1", tags=["stand-ins"])
_FORM_BYTES: Final = MOST_BYTES + 65_536
"""The largest file, and room for the form around it."""
BODY_LIMITS: Final = {r"/api/v1/cases/[^/]+/sealed-copies": _FORM_BYTES}
Code = Annotated[str, Field(min_length=1, max_length=64)]
PartyKey = Annotated[str, Field(min_length=1, max_length=40)]
Clerk = Annotated[str, Field(min_length=1, max_length=64, description="受理员编号 The clerk's id, never a name")]


class SealedCopyForm(Body):
    """The fields beside `file`: of which requirement, about which party, by which clerk."""

    requirement: Code
    party: PartyKey | None = None
    clerk: Clerk
    original_seen: Literal["true", "false"] = "false"


class WithdrawalBody(Body):
    """Why a copy serves nobody any more."""

    reason: Annotated[str, Field(min_length=1, max_length=200)]


class CommitmentBody(Body):
    """The person chooses to promise a paper. `chosen_by` has no default: nobody chooses for him."""

    requirement: Code
    party: PartyKey | None = None
    chosen_by: Literal["holder"]
    purpose: Annotated[str, Field(min_length=1, max_length=200, description="Under which the hub verifies it later")]


class ConfirmationBody(Body):
    """The person confirms the text that was shown in full, by its SHA-256 as it was answered."""

    text_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    method: Literal["signed_paper", "e_signature", "on_screen"]
    clerk: Clerk
    reference: Annotated[str, Field(max_length=100)] = ""


class CommitmentEndBody(Body):
    """Who says so, and where what was supplied lies."""

    clerk: Clerk
    reference: Annotated[str, Field(max_length=100)] = ""


BODIES: Final = (WithdrawalBody, CommitmentBody, ConfirmationBody, CommitmentEndBody)


@router.post("/cases/{case_no}/sealed-copies", status_code=201, summary="Seal a scan 加盖材料共享章")
async def seal_copy(case_no: CaseNo, request: Request, caller: CallerDep, hub: HubDep, key: KeyDep) -> Response:
    """Multipart: `file` (PDF, JPEG or PNG, at most 10 MB, nothing in it that acts), `requirement`, `party` where the
    role has several, `clerk`, `original_seen`. What is kept of a picture is the picture, without metadata.
    """
    if not is_multipart(request):
        raise BadRequestError(Fault("", "multipart"))
    form = await read_multipart(request, max_bytes=_FORM_BYTES)
    body = parse(SealedCopyForm, dict(form.fields))
    if "file" not in form.files:
        raise InvalidBodyError(Fault("/file", "missing"))
    scan = Scan(body.requirement, body.party, body.clerk, form.files["file"], body.original_seen == "true")
    raw = repr(sorted(form.fields.items())).encode() + form.files["file"]
    copy = await hub.lower.copies.seal(
        caller, case_no, scan, request=RequestKey.of(caller.system_id, "sealed-copies", key, case_no.encode() + raw)
    )
    return JSONResponse(copy, status_code=201)


@router.get("/cases/{case_no}/sealed-copies", summary="Sealed copies of a case 材料共享副本")
async def list_copies(case_no: CaseNo, caller: CallerDep, hub: HubDep) -> Response:
    """What was scanned for one's own case, with the seals."""
    return JSONResponse({"sealed_copies": await hub.lower.copies.list(caller, case_no)})


@router.get("/cases/{case_no}/sealed-copies/{copy_id}/content", summary="The scan 查看副本")
async def copy_content(case_no: CaseNo, copy_id: UuidText, caller: CallerDep, hub: HubDep) -> Response:
    """Of one's own case; or one with which an open case was answered, where grants cover all that the page shows. Each
    look is on the ledger.
    """
    content, media_type = await hub.lower.copies.content(caller, case_no, copy_id)
    headers = {"Content-Disposition": "attachment", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
    return Response(content, media_type=media_type, headers=headers)


@router.post(
    "/cases/{case_no}/sealed-copies/{copy_id}/withdraw",
    summary="Withdraw a copy 撤回副本",
    openapi_extra={"x-body": "WithdrawalBody"},
)
async def withdraw_copy(
    case_no: CaseNo, copy_id: UuidText, request: Request, caller: CallerDep, hub: HubDep
) -> Response:
    """By the office that sealed it. Twice is a 409."""
    body, _ = await read_json(request, WithdrawalBody, max_bytes=hub.settings.max_body_bytes)
    return JSONResponse(await hub.lower.copies.withdraw(caller, case_no, copy_id, body.reason))


@router.post(
    "/cases/{case_no}/commitments",
    status_code=201,
    summary="Offer a promise 告知",
    openapi_extra={"x-body": "CommitmentBody"},
)
async def offer(case_no: CaseNo, request: Request, caller: CallerDep, hub: HubDep) -> Response:
    """The whole text, in Chinese and English, to be shown before it is confirmed. Only where the person is asked for a
    paper that nobody has; never for what a department owes.
    """
    body, _ = await read_json(request, CommitmentBody, max_bytes=hub.settings.max_body_bytes)
    told = await hub.lower.promises.offer(
        caller, case_no, body.requirement, body.party, chosen_by=body.chosen_by, purpose=body.purpose
    )
    return JSONResponse(told, status_code=201)


@router.get("/cases/{case_no}/commitments", summary="Promises of a case 告知承诺")
async def list_commitments(case_no: CaseNo, caller: CallerDep, hub: HubDep) -> Response:
    """Every one, ended ones too, also of a case that has closed."""
    return JSONResponse({"commitments": await hub.lower.promises.list(caller, case_no)})


@router.post(
    "/cases/{case_no}/commitments/{commitment_id}/confirm",
    summary="Confirm a promise 承诺",
    openapi_extra={"x-body": "ConfirmationBody"},
)
async def confirm(
    case_no: CaseNo, commitment_id: UuidText, request: Request, caller: CallerDep, hub: HubDep
) -> Response:
    """From now on it stands, and is due by the clock; the next pull says `satisfied` on the rung `commitment`."""
    body, _ = await read_json(request, ConfirmationBody, max_bytes=hub.settings.max_body_bytes)
    confirmation = Confirmation(body.text_sha256, body.method, body.clerk, body.reference)
    return JSONResponse(await hub.lower.promises.confirm(caller, case_no, commitment_id, confirmation))


@router.post(
    "/cases/{case_no}/commitments/{commitment_id}/{step}",
    summary="End a promise 履行或撤回承诺",
    openapi_extra={"x-body": "CommitmentEndBody"},
)
async def end_commitment(
    case_no: CaseNo,
    commitment_id: UuidText,
    step: Literal["kept", "withdraw"],
    request: Request,
    caller: CallerDep,
    hub: HubDep,
) -> Response:
    """`kept`: what was promised was supplied, also after the case has closed. `withdraw`: the person takes it back, and
    the paper is wanted again.
    """
    body, _ = await read_json(request, CommitmentEndBody, max_bytes=hub.settings.max_body_bytes)
    told = await hub.lower.promises.end(
        caller, case_no, commitment_id, kept=step == "kept", clerk=body.clerk, reference=body.reference
    )
    return JSONResponse(told)
