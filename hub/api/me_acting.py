"""Acting for somebody else 代办, and letting somebody act 授权代办. By the person's own session alone.

Each request under a `key` is judged anew: what was a ground a moment ago may be none now.
"""

import hashlib
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import Field

from hub.api.me import ActingHolderDep, Cursor, PresentationBody, licence_json, presented_json
from hub.api.me_objections import shown as objection_json
from hub.citizens.acting.acting import Listed
from hub.citizens.acting.delegating import Told
from hub.citizens.acting.proposed import GIVEN_PER_MINUTE, Proposed, day_of
from hub.citizens.acting.uses import Use
from hub.citizens.acting.values import Acting, Scope
from hub.citizens.once import Once
from hub.citizens.paging import Pages
from hub.citizens.presentations import CODES_PER_MINUTE
from hub.citizens.values import BODIES as COMPANIES
from hub.citizens.values import Holder
from hub.clock import rfc3339
from hub.deps import HubDep, KeyDep, LanguageDep, UuidText, limit
from hub.edge.body import Body, read_json
from hub.intake.counter.lines import masked_name
from hub.issuing.shelf import masked_number
from hub.runtime import Hub
from hub.web.citizen.visit import HolderDep

router = APIRouter(prefix="/api/v1/me", tags=["me"])
_KEY: Final = r"^[0-9a-f]{32}$"
ActingKey = Annotated[str, Path(pattern=_KEY)]
As = Annotated[str | None, Query(alias="acting", pattern=_KEY)]
"""As a company's legal representative: the key of that acting."""
Delegable = Literal["see_licences", "open_licences", "see_accesses", "file", "show"]


class ToBody(Body):
    """To whom: a natural person by number and name."""

    id_number: Annotated[str, Field(min_length=1, max_length=100)]
    name: Annotated[str, Field(min_length=1, max_length=100)]


class DelegationBody(Body):
    """`matters` left out: all; they count for `file` and `show`. `open_licences` comes with `see_licences`. `until` is
    the last day, at most a year ahead.
    """

    to: ToBody
    scope: Annotated[tuple[Delegable, ...], Field(min_length=1, max_length=5)]
    matters: Annotated[tuple[Annotated[str, Field(max_length=64)], ...], Field(max_length=50)] | None = None
    until: Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
    reason: Annotated[str, Field(min_length=1, max_length=200)]


BODIES: Final = (DelegationBody,)


@router.get("/acting", summary="For whom one may act 我能为谁代办")
async def acting(holder: HolderDep, hub: HubDep) -> JSONResponse:
    """By licences that are in force now, and by delegations that run; the principal's number masked."""
    found = await hub.citizens.others.acting.listed(holder)
    return JSONResponse({"acting": [_listed(item) for item in found]})


@router.post("/acting/{key}", status_code=201, summary="Begin to act 开始代办")
async def begin(key: ActingKey, holder: ActingHolderDep, hub: HubDep) -> JSONResponse:
    """In this session; the principal is told. Anybody else's key is 404."""
    found = await hub.citizens.others.acting.begin(holder, key)
    return JSONResponse(_listed(Listed(found, begun=True)), status_code=201)


@router.delete("/acting/{key}", status_code=204, summary="End acting 结束代办")
async def end(key: ActingKey, holder: ActingHolderDep, hub: HubDep) -> Response:
    """One that was not begun is nothing."""
    await hub.citizens.others.acting.end(holder, key)
    return Response(status_code=204)


@router.get("/acting/{key}/certificates", summary="The principal's licences 被代办人的证照")
async def certificates(
    key: ActingKey, holder: HolderDep, hub: HubDep, language: LanguageDep, cursor: Cursor = None
) -> JSONResponse:
    """Of a company all that its credit code holds 一照通. The look is an entry of the principal's."""
    whose = await hub.citizens.others.acting.act(holder, key, Scope.LICENCES, "licences")
    pages = Pages(hub.catalogue.cursors, whose, "licences")
    found, behind = await hub.citizens.licences.listed(whose, pages.after(cursor))
    return JSONResponse({"certificates": [licence_json(item, language) for item in found], "next": pages.next(behind)})


@router.get("/acting/{key}/objections", summary="The principal's objections 被代办人的异议")
async def objections(
    key: ActingKey, holder: HolderDep, hub: HubDep, language: LanguageDep, cursor: Cursor = None
) -> JSONResponse:
    """The newest first."""
    whose = await hub.citizens.others.acting.act(holder, key, Scope.ACCESSES, "objections")
    pages = Pages(hub.catalogue.cursors, whose, "objections")
    page = await hub.citizens.objections.listed(whose, pages.after(cursor))
    found = [objection_json(item, language) for item in page.items]
    return JSONResponse({"objections": found, "next": pages.next(page.behind)})


@router.post(
    "/acting/{key}/presentations",
    status_code=201,
    summary="Make a code for the principal 代办出示码",
    openapi_extra={"x-body": "PresentationBody"},
)
async def present(request: Request, key: ActingKey, holder: ActingHolderDep, hub: HubDep, once: KeyDep) -> JSONResponse:
    """It opens a case with the principal for a party, and this person as who acts for him; one at a time, seen under
    `/api/v1/me/presentations` as his own. The same Idempotency-Key gives the same code for 24 hours, as it is by then.
    """
    body, raw = await read_json(request, PresentationBody, max_bytes=hub.settings.max_body_bytes)
    await limit(request, f"present:{holder.id}", CODES_PER_MINUTE)
    named = Once(once, hashlib.sha256(raw).hexdigest()) if once else None
    made = await hub.citizens.others.acting.present(holder, key, body.department, once=named)
    return JSONResponse(presented_json(await hub.citizens.presentations.look(holder, made)), status_code=201)


@router.get("/delegations", summary="Given and received 授权代办")
async def delegations(holder: HolderDep, hub: HubDep, key: As = None) -> JSONResponse:
    """What one has given and was given; with `acting`, what the company has given."""
    found = await hub.citizens.others.delegating.listed(holder, acting=await _company(hub, holder, key, looks=True))
    return JSONResponse({"delegations": [_told(item) for item in found]})


@router.post(
    "/delegations", status_code=201, summary="Let somebody act 授权代办", openapi_extra={"x-body": "DelegationBody"}
)
async def delegate(
    request: Request, holder: ActingHolderDep, hub: HubDep, once: KeyDep, key: As = None
) -> JSONResponse:
    """For oneself, or, with `acting`, for the company. A number that nobody has and a name that is another's are the
    same 422.
    """
    body, raw = await read_json(request, DelegationBody, max_bytes=hub.settings.max_body_bytes)
    await limit(request, f"delegate:{holder.id}", GIVEN_PER_MINUTE)
    company = await _company(hub, holder, key)
    proposed = Proposed(
        id_number=body.to.id_number,
        name=body.to.name,
        scope=frozenset(Scope(item) for item in body.scope),
        matters=None if body.matters is None else frozenset(body.matters),
        until=day_of(body.until),
        reason=body.reason,
    )
    named = Once(once, hashlib.sha256(raw).hexdigest()) if once else None
    service = hub.citizens.others.delegating
    made = await service.give(holder, proposed, acting=company, once=named)
    return JSONResponse(_told(await service.one(holder, made, acting=company)), status_code=201)


@router.get("/delegations/{delegation_id}", summary="One of them 单个授权代办")
async def delegation(delegation_id: UuidText, holder: HolderDep, hub: HubDep, key: As = None) -> JSONResponse:
    """With every use of it. One that concerns others is 404."""
    company = await _company(hub, holder, key, looks=True)
    return JSONResponse(_told(await hub.citizens.others.delegating.one(holder, delegation_id, acting=company)))


@router.post("/delegations/{delegation_id}/withdraw", summary="End it 撤回授权代办")
async def withdraw(delegation_id: UuidText, holder: ActingHolderDep, hub: HubDep, key: As = None) -> JSONResponse:
    """At once, by either side."""
    company = await _company(hub, holder, key)
    await hub.citizens.others.delegating.withdraw(holder, delegation_id, acting=company)
    return JSONResponse(_told(await hub.citizens.others.delegating.one(holder, delegation_id, acting=company)))


async def _company(hub: Hub, holder: Holder, key: str | None, *, looks: bool = False) -> Acting | None:
    return await hub.citizens.others.acting.in_office(holder, key, looks=looks) if key else None


def _listed(item: Listed) -> dict[str, Any]:
    found = item.principal
    return {
        "key": found.key,
        "ground": found.ground.value,
        "principal": _person(found.identity.id_type, found.identity.id_number, found.identity.name),
        "scope": sorted(found.scope),
        "matters": None if found.matters is None else sorted(found.matters),
        "until": found.until.isoformat() if found.until else None,
        "sources": list(found.sources),
        "begun": item.begun,
    }


def _told(item: Told) -> dict[str, Any]:
    found, terms = item.delegation, item.delegation.terms
    return {
        "id": found.id,
        "side": "given" if item.given else "received",
        "state": found.state,
        "stands": item.stands,
        "principal": _person(terms.principal.id_type, terms.principal.id_number, terms.principal.name),
        "to": _person(terms.to.id_type, terms.to.id_number, terms.to.name),
        "scope": sorted(terms.scope),
        "matters": None if terms.matters is None else sorted(terms.matters),
        "until": found.valid_until.isoformat(),
        "reason": terms.reason,
        "made_at": rfc3339(found.made_at),
        "ended_at": rfc3339(found.ended_at) if found.ended_at else None,
        "uses": [_use(use) for use in item.uses],
    }


def _use(use: Use) -> dict[str, Any]:
    return {
        "entry": use.entry_id,
        "at": rfc3339(use.at),
        "kind": use.kind,
        "case_no": use.case_no or None,
        "whole": use.whole,
    }


def _person(id_type: str, number: str, name: str) -> dict[str, str]:
    return {
        "id_type": id_type,
        "id_number": masked_number(id_type, number),
        "name": name if id_type in COMPANIES else masked_name(name),
    }
