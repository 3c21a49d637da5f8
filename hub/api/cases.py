"""Cases 办件."""

import hashlib
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import Field, field_validator

from hub.clock import rfc3339
from hub.deps import CallerDep, HubDep, KeyDep
from hub.edge.body import Body, read_json
from hub.intake.cases import Opening, PartyInput
from hub.intake.store import Case
from hub.storage.idempotency import RequestKey

router = APIRouter(prefix="/api/v1", tags=["cases"])
Word = Annotated[str, Field(min_length=1, max_length=100)]
CaseNo = Annotated[str, Field(pattern=r"^[0-9A-Za-z-]{4,40}$")]


class PartyBody(Body):
    """A party by role; a person without an ID has neither type nor number."""

    role: Annotated[str, Field(min_length=1, max_length=32)]
    name: Annotated[str, Field(min_length=1, max_length=200)]
    id_type: Annotated[str, Field(pattern=r"^[0-9]{3}$")] | None = None
    id_number: Annotated[str, Field(min_length=1, max_length=40)] | None = None


class SubjectBody(Body):
    """What the case is about: a project, a property unit, a vehicle."""

    kind: Annotated[str, Field(min_length=1, max_length=40)]
    code: Word


class OperatorBody(Body):
    """The officer who handles the case; stands in every ledger entry of it."""

    id: Annotated[str, Field(min_length=1, max_length=64)]
    name: Word


class CorroborationBody(Body):
    """What shows that the case is real."""

    kind: Literal[
        "card_read", "presentation_code", "signed_in_holder", "holder_confirmation", "countersigned_acceptance"
    ]
    at: Annotated[str, Field(max_length=40)]
    reference: Word

    @field_validator("at")
    @classmethod
    def _is_instant(cls, value: str) -> str:
        if datetime.fromisoformat(value).tzinfo is None:
            raise ValueError("needs a time zone")
        return value


class CaseBody(Body):
    """A new case."""

    matter: Annotated[str, Field(min_length=1, max_length=64)]
    kind: Literal["application", "ex_officio"] = "application"
    parties: Annotated[tuple[PartyBody, ...], Field(min_length=1, max_length=20)]
    subjects: Annotated[tuple[SubjectBody, ...], Field(max_length=20)] = ()
    operator: OperatorBody
    channel: Annotated[str, Field(pattern=r"^[a-z_]{1,20}$")]
    external_no: Word
    corroboration: Annotated[tuple[CorroborationBody, ...], Field(max_length=10)] = ()


@router.post("/cases", status_code=201, summary="Open a case 建立办件", openapi_extra={"x-body": "CaseBody"})
async def open_case(request: Request, caller: CallerDep, hub: HubDep, key: KeyDep) -> Response:
    """Parties by role; the same Idempotency-Key gives the same case for 24 hours."""
    body, raw = await read_json(request, CaseBody, max_bytes=hub.settings.max_body_bytes)
    opening = Opening(
        matter=body.matter,
        kind=body.kind,
        parties=[PartyInput(party.role, party.name, party.id_type, party.id_number) for party in body.parties],
        subjects=[subject.model_dump() for subject in body.subjects],
        operator=body.operator.model_dump(),
        channel=body.channel,
        external_no=body.external_no,
        corroboration=[item.model_dump() for item in body.corroboration],
    )
    scope = RequestKey(caller.system_id, "cases", key, hashlib.sha256(raw).hexdigest()) if key else None
    case = await hub.cases.open(caller, opening, request=scope)
    return JSONResponse(shown(case), status_code=201, headers={"Location": f"/api/v1/cases/{case.case_no}"})


@router.get("/cases/{case_no}", summary="One's own case 查询办件")
async def get_case(case_no: CaseNo, caller: CallerDep, hub: HubDep) -> Response:
    """Somebody else's case is a 404, and the look is on the ledger."""
    return JSONResponse(shown(await hub.cases.get(caller, case_no)))


@router.post("/cases/{case_no}/close", summary="Close a case 办结")
async def close_case(case_no: CaseNo, caller: CallerDep, hub: HubDep) -> Response:
    """Nothing is disclosed for a closed case; closing it twice is a 409."""
    return JSONResponse(shown(await hub.cases.close(caller, case_no)))


def shown(case: Case) -> dict[str, Any]:
    """A case as its own system sees it; without the parties' identities, which it has itself."""
    return {
        "case_no": case.case_no,
        "external_no": case.external_no,
        "matter": case.matter_code,
        "kind": case.kind,
        "channel": case.channel,
        "state": case.state,
        "subjects": case.subjects,
        "opened_at": rfc3339(case.opened_at),
        "closed_at": rfc3339(case.closed_at) if case.closed_at else None,
    }
