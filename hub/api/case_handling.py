"""What is done with a case on its way: amendments, stages, the notice of acceptance."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import Field

from hub.access.service import Caller
from hub.api.cases import CaseNo, CorroborationBody, Facts, OperatorBody, PartyBody, SubjectBody, shown, whole
from hub.clock import rfc3339
from hub.deps import CallerDep, HubDep, KeyDep, UuidText
from hub.edge.body import Body, read_json
from hub.intake.handling.amending import Amendment
from hub.intake.handling.asking_more import Asking
from hub.intake.handling.deciding import GRANTED, Decision
from hub.intake.handling.errors import AskError
from hub.intake.handling.granting import Licence
from hub.intake.handling.notices import NoticeOrder
from hub.intake.handling.steps import by_system
from hub.intake.parties import PartyInput
from hub.intake.store import Case
from hub.runtime import Hub
from hub.storage.idempotency import RequestKey

router = APIRouter(prefix="/api/v1", tags=["cases"])
PartyKey = Annotated[str, Field(pattern=r"^[^#\x00-\x1f]{1,32}(#[0-9]{1,2})?$", max_length=40)]


class IdentityBody(Body):
    """Who a party is; its role stays."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    id_type: Annotated[str, Field(pattern=r"^[0-9]{3}$")] | None = None
    id_number: Annotated[str, Field(min_length=1, max_length=40)] | None = None
    acts_for: Annotated[str, Field(min_length=1, max_length=32)] | None = None
    mandate: Annotated[str, Field(max_length=40)] | None = None


class AmendPartiesBody(Body):
    """Parties to add, to correct by key, and to take out by key."""

    add: Annotated[tuple[PartyBody, ...], Field(max_length=20)] = ()
    correct: Annotated[dict[PartyKey, IdentityBody], Field(max_length=20)] = Field(default_factory=dict)
    remove: Annotated[tuple[PartyKey, ...], Field(max_length=20)] = ()


class AmendBody(Body):
    """What changes, by whom, of the case as it stood under `change_no`."""

    change_no: Annotated[int, Field(ge=1)]
    operator: OperatorBody
    parties: AmendPartiesBody = AmendPartiesBody()
    facts: Facts = Field(default_factory=dict)
    subjects: Annotated[tuple[SubjectBody, ...], Field(max_length=20)] | None = None
    corroboration: Annotated[tuple[CorroborationBody, ...], Field(max_length=10)] = ()


@router.post("/cases/{case_no}/amend", summary="Amend a case 更正办件", openapi_extra={"x-body": "AmendBody"})
async def amend_case(case_no: CaseNo, request: Request, caller: CallerDep, hub: HubDep) -> JSONResponse:
    """All of it or nothing. Who amends what somebody else has amended meanwhile gets 409 `case-changed`, with when and
    by which operator, and reads the case again. A party can be corrected until something was disclosed about it.
    """
    body, _ = await read_json(request, AmendBody, max_bytes=hub.settings.max_body_bytes)
    said = Amendment(
        change_no=body.change_no,
        operator=body.operator.model_dump(),
        add=[party.given() for party in body.parties.add],
        correct={
            key: PartyInput("", party.name, party.id_type, party.id_number, party.acts_for, party.mandate)
            for key, party in body.parties.correct.items()
        },
        remove=body.parties.remove,
        facts=body.facts,
        subjects=None if body.subjects is None else [subject.model_dump() for subject in body.subjects],
        corroboration=[item.model_dump() for item in body.corroboration],
    )
    return JSONResponse(await whole(hub, await hub.handling.amending.amend(caller, case_no, said)))


class ByBody(Body):
    """By which officer."""

    operator: OperatorBody


class LicenceBody(Body):
    """A licence that comes of the case: its type by code or short name, and what it says."""

    type: Annotated[str, Field(min_length=1, max_length=64)]
    claims: Annotated[dict[str, Any], Field(max_length=100)]


class DecideBody(Body):
    """How the case ends; a refusal says why. `results`: identifiers of licences that were issued by it; `licences` are
    issued with the decision.
    """

    operator: OperatorBody
    outcome: Literal["granted", "refused", "not_accepted"]
    change_no: Annotated[int, Field(ge=1)] | None = None
    reason: Annotated[str, Field(max_length=2000)] | None = None
    results: Annotated[tuple[Annotated[str, Field(max_length=100)], ...], Field(max_length=20)] = ()
    licences: Annotated[tuple[LicenceBody, ...], Field(max_length=10)] = ()


class MissingBody(Body):
    """A requirement; with its party where it is asked of several."""

    code: Annotated[str, Field(min_length=1, max_length=64)]
    party: PartyKey | None = None


class AskBody(Body):
    """All that is missing."""

    operator: OperatorBody
    missing: Annotated[tuple[MissingBody, ...], Field(min_length=1, max_length=100)]
    note: Annotated[str, Field(max_length=2000)] | None = None


class NoticeBody(Body):
    """Which notice, for whom, and what it says of the applicant: as little as the receiver needs."""

    operator: OperatorBody
    kind: Literal["acceptance", "decision"] = "acceptance"
    audience: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    shown: tuple[Literal["applicant_name", "applicant_id_tail", "subjects"], ...] = ()


@router.post("/cases/{case_no}/accept", summary="Accept a case 受理", openapi_extra={"x-body": "ByBody"})
async def accept_case(case_no: CaseNo, request: Request, caller: CallerDep, hub: HubDep) -> JSONResponse:
    """For the own department, or under the mandate of the one that decides: without it, 403 `mandate-missing`. A case
    to which something is owed is accepted all the same.
    """
    body, _ = await read_json(request, ByBody, max_bytes=hub.settings.max_body_bytes)
    hand = by_system(caller, body.operator.model_dump())
    return await _told(hub, caller, await hub.handling.stages.accept(hand, case_no))


@router.post("/cases/{case_no}/decide", summary="Decide a case 审批决定", openapi_extra={"x-body": "DecideBody"})
async def decide_case(case_no: CaseNo, request: Request, caller: CallerDep, hub: HubDep) -> JSONResponse:
    """By a system of the department that decides. Nothing is decided while something is owed to the case. With
    `licences`, 200 and `issued`, their identifiers: decision and licences take effect together. 202 and `act` where a
    type wants a second person of the department: with that one's word the case is decided.
    """
    body, _ = await read_json(request, DecideBody, max_bytes=hub.settings.max_body_bytes)
    hand = by_system(caller, body.operator.model_dump())
    decision = Decision(body.outcome, body.reason, body.results, body.change_no)
    if body.licences:
        if body.outcome != GRANTED:
            raise AskError([("/licences", "nothing_was_granted")])
        licences = [Licence(item.type, item.claims) for item in body.licences]
        made = await hub.handling.granting.grant(hand, case_no, licences, decision)
        if made.waiting is not None:
            return JSONResponse({"case_no": case_no, "act": made.waiting}, status_code=202)
        progress = await hub.handling.files.progress(hand, case_no)
        return JSONResponse({"case_no": case_no, **progress, "issued": list(made.identifiers)})
    return await _told(hub, caller, await hub.handling.stages.decide(hand, case_no, decision))


@router.post(
    "/cases/{case_no}/ask-more", summary="Say what is missing, once 一次性告知", openapi_extra={"x-body": "AskBody"}
)
async def ask_more(case_no: CaseNo, request: Request, caller: CallerDep, hub: HubDep) -> JSONResponse:
    """Everything that the hub's answers leave to the person, and nothing that is proved or owed. A second notice is
    refused: 409 `asked-already`. The clocks stand still until it is supplied.
    """
    body, _ = await read_json(request, AskBody, max_bytes=hub.settings.max_body_bytes)
    hand = by_system(caller, body.operator.model_dump())
    asking = Asking([(item.code, item.party) for item in body.missing], body.note)
    return await _told(hub, caller, await hub.handling.stages.ask_more(hand, case_no, asking))


@router.post(
    "/cases/{case_no}/supplied", summary="What was missing has come 已补正", openapi_extra={"x-body": "ByBody"}
)
async def supplied(case_no: CaseNo, request: Request, caller: CallerDep, hub: HubDep) -> JSONResponse:
    """The clocks go on."""
    body, _ = await read_json(request, ByBody, max_bytes=hub.settings.max_body_bytes)
    hand = by_system(caller, body.operator.model_dump())
    return await _told(hub, caller, await hub.handling.stages.supplied(hand, case_no))


@router.get("/cases/{case_no}/progress", summary="Stages, clocks and steps of a case 办理进度")
async def progress(case_no: CaseNo, caller: CallerDep, hub: HubDep) -> JSONResponse:
    """For its own system and, from acceptance on, for systems of the department that decides."""
    return JSONResponse({"case_no": case_no, **await hub.handling.files.progress(by_system(caller, {}), case_no)})


@router.get("/cases-to-decide", summary="Cases that wait for a decision 待审批办件")
async def to_decide(caller: CallerDep, hub: HubDep) -> JSONResponse:
    """Of the caller's department, also those that another one accepted for it."""
    return JSONResponse({"cases": await hub.handling.files.queue(by_system(caller, {}))})


@router.get("/cases/{case_no}/file", summary="The file of a case 案卷")
async def case_file(case_no: CaseNo, caller: CallerDep, hub: HubDep) -> JSONResponse:
    """Parties by name, outcomes, and the ids of the answers; each look is on the ledger."""
    file = await hub.handling.files.open(by_system(caller, {}), case_no)
    return JSONResponse(
        {
            **shown(file.case),
            "parties": [
                {
                    "party": party.key,
                    "role": party.role,
                    "number": party.number,
                    "name": party.name,
                    "id_type": party.id_type,
                    "id_number": party.id_number,
                    "acts_for": party.acts_for,
                }
                for party in file.parties
            ],
            "outcomes": [
                {"code": code, "party": party, "outcome": outcome.value}
                for (code, party), outcome in file.outcomes.items()
            ],
            "answers": [
                {"evidence_request_id": item.id, "kind": item.kind, "decided_at": rfc3339(item.decided_at)}
                for item in file.answers
            ],
            "clocks": list(file.clocks),
            "steps": list(file.steps),
            "form": file.form,
        }
    )


@router.get("/cases/{case_no}/file/{request_id}", summary="An answer in the file of a case 案卷中的取证结果")
async def answer_in_file(case_no: CaseNo, request_id: UuidText, caller: CallerDep, hub: HubDep) -> Response:
    """Byte for byte what the case's own system got, with bundle and receipts; the look is on the ledger."""
    body = await hub.handling.files.answer(by_system(caller, {}), case_no, request_id)
    return Response(body, media_type="application/json")


@router.post(
    "/cases/{case_no}/notice", summary="A notice for others 受理通知、结果通知", openapi_extra={"x-body": "NoticeBody"}
)
async def notice(case_no: CaseNo, request: Request, caller: CallerDep, hub: HubDep, key: KeyDep) -> JSONResponse:
    """Signed by the hub, for whoever needs to know that the case was accepted, or how it ended, and no more: water and
    power, a bank. `/api/v1/verify` knows it as `case_notice`, which is no licence. The same Idempotency-Key gives the
    same notice for 24 hours.
    """
    body, raw = await read_json(request, NoticeBody, max_bytes=hub.settings.max_body_bytes)
    order = NoticeOrder(body.kind, body.audience, body.shown)
    scope = RequestKey.of(caller.system_id, "notices", key, case_no.encode() + b"\x1f" + raw)
    hand = by_system(caller, body.operator.model_dump())
    token = await hub.handling.notices.give(hand, case_no, order, request=scope)
    return JSONResponse({"format": "dc+sd-jwt", "notice": token})


async def _told(hub: Hub, caller: Caller, case: Case) -> JSONResponse:
    """The case after a step; its parties to its own system alone."""
    return JSONResponse(await whole(hub, case) if case.system_id == caller.system_id else shown(case))


BODIES = (AmendBody, ByBody, DecideBody, AskBody, NoticeBody)
