"""Life events 一件事 and the families of cases 联办 that they open."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import Field, field_validator

from hub.api.cases import CloseBody, Facts, FiledBody, OperatorBody, PartyBody, Word
from hub.api.forms import AnswersBody, SignBody
from hub.api.presented import named
from hub.deps import CallerDep, HubDep, KeyDep, LanguageDep
from hub.edge.body import Body, read_json
from hub.intake.counter.showing import Shown
from hub.intake.families.asking import FamilyCall, request_hash
from hub.intake.families.casting import FamilyOpening
from hub.intake.families.events import described
from hub.intake.families.naming import Named
from hub.storage.idempotency import RequestKey

router = APIRouter(prefix="/api/v1", tags=["life events"])
FamilyNo = Annotated[str, Field(pattern=r"^[0-9A-Za-z-]{4,40}$")]
Purpose = Annotated[str, Field(min_length=1, max_length=200)]


class FamilyBody(FiledBody):
    """A new family. A party's role is a party of the event; what the cases ask of each, their matters say."""

    event: Annotated[str, Field(min_length=1, max_length=64)]
    parties: Annotated[tuple[PartyBody, ...], Field(max_length=100, validate_default=True)] = ()
    external_no: Annotated[str, Field(min_length=1, max_length=90)]
    """Shorter than a case's: each of its cases is called by it and a number."""


class FamilyFactsBody(Body):
    """Answers to questions of the event and of its matters; null takes one back."""

    facts: Facts


class FamilyEvidenceBody(Body):
    """For what: of all cases, and by matter where its grant is for another purpose."""

    purpose: Purpose
    purposes: Annotated[dict[Word, Purpose], Field(max_length=50)] = Field(default_factory=dict)


class EventGuideBody(Body):
    """A situation; what is left out is unknown."""

    facts: Facts = Field(default_factory=dict)
    parties: Annotated[tuple[Annotated[str, Field(max_length=32)], ...], Field(max_length=20)] | None = None
    filed_on: Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")] | None = None

    @field_validator("filed_on")
    @classmethod
    def _is_day(cls, value: str | None) -> str | None:
        if value is not None:
            date.fromisoformat(value)
        return value


class NamedBody(Body):
    """The number of a party that had none, and its name where it is now another one."""

    party: Annotated[str, Field(min_length=1, max_length=40)]
    id_type: Annotated[str, Field(pattern=r"^[0-9]{3}$")]
    id_number: Annotated[str, Field(min_length=1, max_length=40)]
    name: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    operator: OperatorBody


BODIES = (EventGuideBody, NamedBody, FamilyBody, FamilyFactsBody, FamilyEvidenceBody)


@router.get("/life-events", summary="Life events 一件事目录")
async def list_events(hub: HubDep, caller: CallerDep) -> Response:
    """Those in force, by code."""
    del caller
    return JSONResponse({"life_events": [described(event) for event in await hub.life_events.listed()]})


@router.get("/life-events/{code}", summary="One life event 一件事")
async def get_event(code: str, hub: HubDep, caller: CallerDep) -> Response:
    """Its matters, and under which condition each."""
    del caller
    return JSONResponse(described(await hub.life_events.find(code)))


@router.post(
    "/life-events/{code}/guide", summary="Guide of a life event 一件事指南", openapi_extra={"x-body": "EventGuideBody"}
)
async def guide(code: str, request: Request, hub: HubDep, caller: CallerDep, language: LanguageDep) -> Response:
    """What one needs for all its matters, each paper once, and what one need not bring. Nobody's data is looked at."""
    del caller
    body, _ = await read_json(request, EventGuideBody, max_bytes=hub.settings.max_body_bytes)
    parties = None if body.parties is None else frozenset(body.parties)
    on = date.fromisoformat(body.filed_on) if body.filed_on else None
    return JSONResponse((await hub.life_events.guide(code, body.facts, parties, on, language)).as_json())


@router.post("/families", status_code=201, summary="Open a family 联办建件", openapi_extra={"x-body": "FamilyBody"})
async def open_family(request: Request, caller: CallerDep, hub: HubDep, key: KeyDep, language: LanguageDep) -> Response:
    """The cases of every matter that applies are opened at once, or none; the same Idempotency-Key gives the same
    family for 24 hours.
    """
    body, raw = await read_json(request, FamilyBody, max_bytes=hub.settings.max_body_bytes)
    scope = RequestKey.of(caller.system_id, "families", key, raw)
    said = Shown([party.given() for party in body.parties], [item.model_dump() for item in body.corroboration])
    found = await named(request, hub, caller, said, body.presented, scope, matter=body.event)
    opening = FamilyOpening(
        event=body.event,
        parties=found.parties,
        subjects=[subject.model_dump() for subject in body.subjects],
        operator=body.operator.model_dump(),
        channel=body.channel,
        external_no=body.external_no,
        corroboration=found.corroboration,
        facts=body.facts,
        filed_on=date.fromisoformat(body.filed_on) if body.filed_on else None,
        agents=found.agents,
    )
    family = await hub.families.open(caller, opening, request=scope, also=found.also)
    told = await hub.families.progress(caller, family.family_no, language)
    return JSONResponse(told, status_code=201, headers={"Location": f"/api/v1/families/{family.family_no}"})


@router.get("/families/{family_no}", summary="One view of a family 联办进度")
async def get_family(family_no: FamilyNo, caller: CallerDep, hub: HubDep, language: LanguageDep) -> Response:
    """Every case, what it waits for, and one list of what is still needed."""
    return JSONResponse(await hub.families.progress(caller, family_no, language))


@router.post(
    "/families/{family_no}/facts", summary="Answer questions 回答情形", openapi_extra={"x-body": "FamilyFactsBody"}
)
async def answer_questions(
    family_no: FamilyNo, request: Request, caller: CallerDep, hub: HubDep, language: LanguageDep
) -> Response:
    """Once for all cases that ask. A case that an answer makes applicable is opened; none is closed."""
    body, _ = await read_json(request, FamilyFactsBody, max_bytes=hub.settings.max_body_bytes)
    await hub.families.answer(caller, family_no, body.facts)
    return JSONResponse(await hub.families.progress(caller, family_no, language))


@router.post(
    "/families/{family_no}/parties",
    summary="A party gets its number 补登证件号码",
    openapi_extra={"x-body": "NamedBody"},
)
async def name_party(
    family_no: FamilyNo, request: Request, caller: CallerDep, hub: HubDep, language: LanguageDep
) -> Response:
    """A company that was founded, a child that was registered: said once for all cases. What waits for its certificates
    is asked again by itself.
    """
    body, _ = await read_json(request, NamedBody, max_bytes=hub.settings.max_body_bytes)
    named = Named(body.party, body.id_type, body.id_number, body.name, body.operator.model_dump())
    await hub.family_naming.name(caller, family_no, named)
    return JSONResponse(await hub.families.progress(caller, family_no, language))


@router.post(
    "/families/{family_no}/evidence",
    summary="Ask for all evidence 联办取证",
    openapi_extra={"x-body": "FamilyEvidenceBody"},
)
async def ask(
    family_no: FamilyNo, request: Request, caller: CallerDep, hub: HubDep, key: KeyDep, language: LanguageDep
) -> Response:
    """Each open case is asked under its own matter's grants, and has an answer of its own at
    `/evidence-requests/{id}`; this one says what is still needed, each paper once. Under the same Idempotency-Key each
    case keeps the answer it had.
    """
    body, raw = await read_json(request, FamilyEvidenceBody, max_bytes=hub.settings.max_body_bytes)
    call = FamilyCall(family_no, body.purpose, body.purposes, language, request_hash(family_no, raw), key)
    return JSONResponse(await hub.family_asking.pull(caller, call))


@router.post(
    "/families/{family_no}/close",
    summary="Close all cases 一个出口办结",
    openapi_extra={"x-body": "CloseBody", "x-body-optional": True},
)
async def close(
    family_no: FamilyNo, request: Request, caller: CallerDep, hub: HubDep, language: LanguageDep
) -> Response:
    """Every case that is still open, as one case is closed; the family closes with the last."""
    body, _ = await read_json(request, CloseBody, max_bytes=hub.settings.max_body_bytes, optional=True)
    await hub.families.close(caller, family_no, when_paid=body.when_paid, abandoned=body.abandon)
    return JSONResponse(await hub.families.progress(caller, family_no, language))


@router.get("/families/{family_no}/form", summary="The one form, filled 一表预填")
async def get_form(family_no: FamilyNo, caller: CallerDep, hub: HubDep, language: LanguageDep) -> Response:
    """The forms of all matters, field by field: what two of them ask about the same party stands there once."""
    sheet = await hub.families.sheet(caller, family_no)
    return JSONResponse(await hub.forms.shown(sheet, language))


@router.put(
    "/families/{family_no}/form", summary="Answer the one form 填写一表", openapi_extra={"x-body": "AnswersBody"}
)
async def put_form(
    family_no: FamilyNo, request: Request, caller: CallerDep, hub: HubDep, language: LanguageDep
) -> Response:
    """As the form of one case."""
    body, _ = await read_json(request, AnswersBody, max_bytes=hub.settings.max_body_bytes)
    sheet = await hub.families.sheet(caller, family_no)
    await hub.forms.answer(caller, sheet, body.answers, body.change_no)
    return JSONResponse(await hub.forms.shown(sheet, language))


@router.post(
    "/families/{family_no}/form/sign", summary="Sign the one form 签署一表", openapi_extra={"x-body": "SignBody"}
)
async def sign_form(
    family_no: FamilyNo, request: Request, caller: CallerDep, hub: HubDep, language: LanguageDep
) -> Response:
    """One form, at most two signatures."""
    body, _ = await read_json(request, SignBody, max_bytes=hub.settings.max_body_bytes)
    sheet = await hub.families.sheet(caller, family_no)
    await hub.forms.sign(caller, sheet, body.signature())
    return JSONResponse(await hub.forms.shown(sheet, language))
