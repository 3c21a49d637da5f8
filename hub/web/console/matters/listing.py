"""Matters: the list with versions, one with what each version changed, and its declaration to take away."""

from typing import Annotated, Final

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from hub.access.actors import Actor, Role
from hub.deps import HubDep
from hub.registry.matters.publishing import PUBLISH
from hub.registry.proposal import Proposal
from hub.runtime import Hub
from hub.web.console.frame import render
from hub.web.console.library.one import names_of
from hub.web.console.matters.words import place_words, shown_value
from hub.web.console.visit import ConsoleDep

router = APIRouter()
MATTERS: Final = "/console/matters"
CodePath = Annotated[str, Path(pattern=r"^[0-9A-Za-z_.-]{1,64}$")]
WRITERS: Final = (Role.OWNER_ENGINEER, Role.OWNER_APPROVER, Role.OPERATOR)
_Words = Annotated[str, Query(max_length=100)]


@router.get(MATTERS, response_class=HTMLResponse)
async def matters(request: Request, hub: HubDep, actor: ConsoleDep, q: _Words = "") -> HTMLResponse:
    """All of them by code; what waits for a second person stands above them."""
    wanted = q.strip().casefold()
    found = [
        item
        for item in await hub.registry.matters.listed(actor)
        if any(wanted in text.casefold() for text in (item["code"], *item["name"].values()))
    ]
    return render(
        request, "console/matters.html", actor, found=found, q=q, path_of=MATTERS, may_write=may_write(actor),
        waiting=await waiting_for(hub, actor), names=await names_of(hub, actor),
    )  # fmt: skip


@router.get(MATTERS + "/{code}", response_class=HTMLResponse)
async def one(request: Request, code: CodePath, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """Every version, the newest first, with what it changed in the one before."""
    found = await hub.registry.matters.shown(actor, code)
    return render(
        request, "console/matter.html", actor, found=found, path_of=MATTERS, places=place_words, shown=shown_value,
        may_change=may_write(actor) and (actor.department_id in {None, found["owner_department_id"]}),
    )  # fmt: skip


@router.get(MATTERS + "/{code}/definition.yaml")
async def definition(
    code: CodePath, hub: HubDep, actor: ConsoleDep, version: Annotated[int | None, Query(ge=1)] = None
) -> Response:
    """A version, the newest by default."""
    text = await hub.registry.matters.text_of(actor, code, version)
    headers = {"Content-Disposition": f'attachment; filename="{code}.yaml"'}
    return Response(text, media_type="application/yaml; charset=utf-8", headers=headers)


def may_write(actor: Actor) -> bool:
    """Whether he may propose a version of some matter."""
    return bool(actor.roles.intersection(WRITERS))


async def waiting_for(hub: Hub, actor: Actor) -> list[Proposal]:
    """Open proposals about matters that he may decide or see."""
    if actor.roles & {Role.OPERATOR, Role.AUDITOR}:
        listed = await hub.sharing.proposals.list(actor, only_open=True)
    else:
        listed = list(await hub.sharing.proposals.waiting_on(actor))
    return [item for item in listed if item.action == PUBLISH]
