"""Asking the person all the same 仍要求提供: with a reason, and with the rule that it breaks."""

from typing import Annotated, Final, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse
from pydantic import Field

from hub.api.cases import CaseNo
from hub.deps import CallerDep, HubDep, LanguageDep, StaffDep
from hub.edge.body import Body, read_json
from hub.intake.asks.reasons import Reason
from hub.intake.asks.service import Asking

router = APIRouter(prefix="/api/v1", tags=["cases"])


class AskBody(Body):
    """Which requirement, of whom (left out: whom it is about), and why."""

    requirement: Annotated[str, Field(min_length=1, max_length=64)]
    reason: Literal["data_wrong", "data_stale", "original_wanted", "offered", "hub_failed", "instructed", "other"]
    party: Annotated[str, Field(min_length=1, max_length=40)] | None = None


BODIES: Final = (AskBody,)


@router.post(
    "/cases/{case_no}/asks",
    status_code=201,
    summary="The person is asked all the same 仍要求提供",
    openapi_extra={"x-body": "AskBody"},
)
async def ask(case_no: CaseNo, request: Request, caller: CallerDep, hub: HubDep, language: LanguageDep) -> JSONResponse:
    """`rule` names the no-ask rule that this breaks, null where none does. It stands on the ledger either way, and the
    supervisor is told of what breaks a rule. The same again is the same ask.
    """
    body, _ = await read_json(request, AskBody, max_bytes=hub.settings.max_body_bytes)
    asking = Asking(body.requirement, Reason(body.reason), body.party)
    return JSONResponse(await hub.asks.ask(caller, case_no, asking, language), status_code=201)


@router.get("/cases/{case_no}/asks", summary="What the person was asked all the same 仍要求提供的材料")
async def asks_of(case_no: CaseNo, caller: CallerDep, hub: HubDep, language: LanguageDep) -> JSONResponse:
    """Of the caller's own case; and the list of reasons, each with its key."""
    return JSONResponse(await hub.asks.of_case(caller, case_no, language))


@router.get("/asks", summary="Report of asks 仍要求提供情况")
async def report(
    hub: HubDep, actor: StaffDep, language: LanguageDep, days: Annotated[int, Query(ge=1, le=3660)] = 30
) -> JSONResponse:
    """Of the last days: how often each paper was asked for against which rule and why, and the newest 200. Operators
    and auditors see all, an approver the own department's.
    """
    return JSONResponse(await hub.asks.report(actor, days=days, language=language))
