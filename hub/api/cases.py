"""Cases 办件."""

import hashlib
from datetime import date, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import Field, ValidationInfo, field_validator, model_validator

from catalog.matters.roles import number_of, role_of
from hub.api.presented import PresentedBody, named, somebody
from hub.clock import rfc3339
from hub.deps import CallerDep, HubDep, KeyDep
from hub.edge.body import Body, read_json
from hub.intake.counter.showing import Shown
from hub.intake.facts import filed_on
from hub.intake.handling.file import stage_of
from hub.intake.opening import Opening
from hub.intake.parties import PartyInput
from hub.intake.resolving.asked_back import AskingBack
from hub.intake.store import CLOSED, Case, Party
from hub.runtime import Hub
from hub.storage.idempotency import RequestKey

router = APIRouter(prefix="/api/v1", tags=["cases"])
Word = Annotated[str, Field(min_length=1, max_length=100)]
Facts = Annotated[dict[str, Any], Field(max_length=50)]
"""By code. Of which kind each is, its matter says: a refusal by type here would repeat the sender's own words (F4)."""
CaseNo = Annotated[str, Field(pattern=r"^[0-9A-Za-z-]{4,40}$")]


class PartyBody(Body):
    """A party by role; a person without an ID has neither type nor number. An agent acts for another party, by the key
    that the hub gives it (role, or role and number: `seller#2`), and `mandate` is the corroboration that shows so.
    """

    role: Annotated[str, Field(min_length=1, max_length=32)]
    name: Annotated[str, Field(min_length=1, max_length=200)]
    id_type: Annotated[str, Field(pattern=r"^[0-9]{3}$")] | None = None
    id_number: Annotated[str, Field(min_length=1, max_length=40)] | None = None
    acts_for: Annotated[str, Field(min_length=1, max_length=32)] | None = None
    mandate: Annotated[str, Field(max_length=40)] | None = None

    def given(self) -> PartyInput:
        """As the intake takes it."""
        return PartyInput(self.role, self.name, self.id_type, self.id_number, self.acts_for, self.mandate)


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
        "card_read",
        "clerk_attested",
        "presentation_code",
        "signed_in_holder",
        "holder_confirmation",
        "countersigned_acceptance",
        "mandate_paper",
        "e_mandate",
    ]
    at: Annotated[str, Field(max_length=40)]
    reference: Word

    @field_validator("at")
    @classmethod
    def _is_instant(cls, value: str) -> str:
        if datetime.fromisoformat(value).tzinfo is None:
            raise ValueError("needs a time zone")
        return value


class FiledBody(Body):
    """What is filed, for one matter or for several."""

    presented: Annotated[tuple[PresentedBody, ...], Field(max_length=5)] = ()
    """Parties who show a code instead of saying name and number; the hub names them, behind `parties`."""
    parties: Annotated[tuple[PartyBody, ...], Field(max_length=20, validate_default=True)] = ()
    subjects: Annotated[tuple[SubjectBody, ...], Field(max_length=20)] = ()
    operator: OperatorBody
    channel: Annotated[str, Field(pattern=r"^[a-z_]{1,20}$")]
    external_no: Word
    corroboration: Annotated[tuple[CorroborationBody, ...], Field(max_length=10)] = ()
    facts: Facts = Field(default_factory=dict)
    filed_on: Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")] | None = None

    @field_validator("parties")
    @classmethod
    def _has_somebody(cls, value: tuple[PartyBody, ...], info: ValidationInfo) -> tuple[PartyBody, ...]:
        somebody(value, info.data.get("presented"))
        return value

    @field_validator("filed_on")
    @classmethod
    def _is_day(cls, value: str | None) -> str | None:
        if value is not None:
            date.fromisoformat(value)
        return value


class CaseBody(FiledBody):
    """A new case."""

    matter: Annotated[str, Field(min_length=1, max_length=64)]
    kind: Literal["application", "ex_officio"] = "application"


class FactsBody(Body):
    """Answers to the matter's questions; null takes one back."""

    facts: Facts


class CloseBody(Body):
    """What becomes of what is owed to the case; one of the two."""

    when_paid: bool = False
    abandon: bool = False

    @model_validator(mode="after")
    def _is_one(self) -> "CloseBody":
        if self.when_paid and self.abandon:
            raise ValueError("one of the two")
        return self


@router.post("/cases", status_code=201, summary="Open a case 建立办件", openapi_extra={"x-body": "CaseBody"})
async def open_case(request: Request, caller: CallerDep, hub: HubDep, key: KeyDep) -> Response:
    """Parties by role; the same Idempotency-Key gives the same case for 24 hours."""
    body, raw = await read_json(request, CaseBody, max_bytes=hub.settings.max_body_bytes)
    scope = RequestKey(caller.system_id, "cases", key, hashlib.sha256(raw).hexdigest()) if key else None
    said = Shown([party.given() for party in body.parties], [item.model_dump() for item in body.corroboration])
    found = await named(request, hub, caller, said, body.presented, scope, matter=body.matter)
    opening = Opening(
        matter=body.matter,
        kind=body.kind,
        parties=found.parties,
        subjects=[subject.model_dump() for subject in body.subjects],
        operator=body.operator.model_dump(),
        channel=body.channel,
        external_no=body.external_no,
        corroboration=found.corroboration,
        facts=body.facts,
        filed_on=date.fromisoformat(body.filed_on) if body.filed_on else None,
        also=found.also,
        agents=found.agents,
    )
    case = await hub.cases.open(caller, opening, request=scope)
    return JSONResponse(await whole(hub, case), status_code=201, headers={"Location": f"/api/v1/cases/{case.case_no}"})


@router.get("/cases", summary="One's own case by its own number 按业务编号查办件")
async def find_cases(
    caller: CallerDep, hub: HubDep, external_no: Annotated[str, Query(min_length=1, max_length=100)]
) -> Response:
    """The case that this system opened under this number of its own; at most one."""
    found = await hub.cases.by_external_no(caller, external_no)
    return JSONResponse({"cases": [shown(case) for case in found]})


@router.get("/cases/{case_no}", summary="One's own case 查询办件")
async def get_case(case_no: CaseNo, caller: CallerDep, hub: HubDep) -> Response:
    """Somebody else's case is a 404, and the look is on the ledger."""
    return JSONResponse(await whole(hub, await hub.cases.get(caller, case_no)))


@router.post("/cases/{case_no}/facts", summary="Answer questions 回答情形", openapi_extra={"x-body": "FactsBody"})
async def answer_questions(case_no: CaseNo, request: Request, caller: CallerDep, hub: HubDep) -> Response:
    """The answers of the person, beside those given before; they decide which requirements apply."""
    body, _ = await read_json(request, FactsBody, max_bytes=hub.settings.max_body_bytes)
    return JSONResponse(shown(await hub.cases.answer(caller, case_no, body.facts)))


@router.post(
    "/cases/{case_no}/close",
    summary="Close a case 办结",
    openapi_extra={"x-body": "CloseBody", "x-body-optional": True},
)
async def close_case(case_no: CaseNo, request: Request, caller: CallerDep, hub: HubDep) -> Response:
    """Nothing is disclosed for a closed case; closing it twice is a 409. No body is needed, but where something is owed
    to the case: then `when_paid` has it close itself, and `abandon` gives up what is owed.
    """
    body, _ = await read_json(request, CloseBody, max_bytes=hub.settings.max_body_bytes, optional=True)
    closed = await hub.cases.close(caller, case_no, when_paid=body.when_paid, abandoned=body.abandon)
    return JSONResponse(shown(closed))


async def whole(hub: Hub, case: Case) -> dict[str, Any]:
    """A case with its parties, as the hub has numbered them."""
    chosen = AskingBack(hub.vault).remembered(case) if case.state != CLOSED else []
    parties = [shown_party(party) for party in await hub.cases.parties(case)]
    return shown(case) | {"parties": parties} | ({"choices": chosen} if chosen else {})


def shown_party(party: Party) -> dict[str, Any]:
    """Who has which role by which kind of document; without name and number."""
    said = {
        "party": party.role,
        "role": role_of(party.role),
        "number": number_of(party.role),
        "id_type": party.id_type,
    }
    more = {"acts_for": party.acts_for, "mandate": party.mandate, "named_by": party.origin}
    return said | {name: value for name, value in more.items() if value is not None}


def shown(case: Case) -> dict[str, Any]:
    """A case as its own system sees it; without the parties' identities, which it has itself."""
    return {
        "case_no": case.case_no,
        "external_no": case.external_no,
        "matter": case.matter_code,
        "kind": case.kind,
        "channel": case.channel,
        "state": "closed" if case.state == CLOSED else "open",
        "stage": stage_of(case),
        "decision": case.decision,
        "change_no": case.change_no,
        "subjects": case.subjects,
        "filed_on": filed_on(case).isoformat(),
        "opened_at": rfc3339(case.opened_at),
        "closing_asked_at": rfc3339(case.closing_asked_at) if case.closing_asked_at else None,
        "closed_at": rfc3339(case.closed_at) if case.closed_at else None,
    }
