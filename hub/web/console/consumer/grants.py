"""My grants: exactly what, for what, until when, how much of today's quota is left; renewal; programs to copy."""

from collections.abc import Mapping
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from catalog.grants import ResourceKind
from catalog.interface_store import answering_interface
from catalog.store import find_matter, quota_leased
from hub.access.actors import Actor, Role
from hub.clock import BEIJING
from hub.deps import HubDep, UuidText
from hub.registry.grants_views import GrantView
from hub.runtime import Hub
from hub.web.console.consumer import words
from hub.web.console.consumer.ask import BASE as ASK
from hub.web.console.consumer.names import Names, names_of, titles_of
from hub.web.console.forms import form
from hub.web.console.frame import redirect, render
from hub.web.console.visit import ConsoleDep
from hub.web.snippets import LANGUAGES, Filling, snippet

router = APIRouter()
LIST: Final = "/console/consumer/grants"


@router.get(LIST, response_class=HTMLResponse)
async def grants(request: Request, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """What systems of my department may use."""
    views = await _held(hub, actor)
    used = await _used(hub, views)
    named = [(view.grant.resource_kind, view.grant.resource) for view in views]
    titles = await hub.database.read(lambda tx: titles_of(tx, hub.types, named))
    return render(
        request, "console/consumer/grants.html", actor, views=views, used=used, titles=titles, moment=hub.clock(),
        **words.SHARED,
    )  # fmt: skip


@router.get(LIST + "/{grant_id}", response_class=HTMLResponse)
async def one(request: Request, grant_id: UuidText, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """One grant, and how to use it."""
    view = await hub.registry.grants.get(actor, grant_id)
    return render(
        request,
        "console/consumer/grant.html",
        actor,
        view=view,
        moment=hub.clock(),
        grant=view.grant,
        used=(await _used(hub, [view])).get(view.id, 0),
        names=await _names(hub, view),
        answers=await _answers(hub, view),
        snippets=await _snippets(hub, actor, view),
        may_renew=Role.CONSUMER_ENGINEER in actor.roles,
        **words.SHARED,
    )


@router.post(LIST + "/{grant_id}/renew")
async def renew(request: Request, grant_id: UuidText, hub: HubDep, actor: ConsoleDep) -> Response:
    """A request for the same again, filled in; only the new end has to be said."""
    await form(request)
    view = await hub.registry.grants.get(actor, grant_id)
    grant = view.grant
    word = "interface" if grant.resource_kind is ResourceKind.INTERFACE else "type"
    terms = {name: value for name, value in grant.terms.as_json().items() if value}
    definition: dict[str, Any] = {name: terms[name] for name in _RENEWED if name in terms}
    definition |= {"system": view.system, word: grant.resource, "kind": grant.kind.value, "purpose": grant.purpose}
    draft_id = await hub.drafts.begin(actor, "ask", {"definition": definition, "reached": True, "renews": view.id})
    return redirect(f"{ASK}/{draft_id}/check", ("请补充场景、联系方式和新的期限", "Add scene, contact and the new end"))


_RENEWED: Final = (
    "fields", "matters", "legal_basis", "quota_per_day", "corroboration", "officers", "bulk", "bulk_subjects",
)  # fmt: skip


async def _held(hub: Hub, actor: Actor) -> list[GrantView]:
    mine = {item.client_id for item in await hub.systems.list(actor)}
    return [item for item in await hub.registry.grants.list(actor) if item.system in mine]


async def _answers(hub: Hub, view: GrantView) -> bool:
    """Whether what was granted answers at all: a grant outlives its interface, and then is good for nothing."""
    code, now = view.grant.resource, hub.clock()
    if view.grant.resource_kind is not ResourceKind.INTERFACE:
        return True
    return await hub.database.read(lambda tx: answering_interface(tx, code, now=now)) is not None


async def _used(hub: Hub, views: list[GrantView]) -> Mapping[str, int]:
    day = hub.clock().astimezone(BEIJING).date().isoformat()
    ids = [item.id for item in views]
    return await hub.database.read(lambda tx: quota_leased(tx, ids, day))


async def _names(hub: Hub, view: GrantView) -> Names:
    grant = view.grant
    return await hub.database.read(
        lambda tx: names_of(
            tx, hub.types, grant.resource_kind, grant.resource, matters=grant.terms.matters, owner=view.owner
        )
    )


async def _snippets(hub: Hub, actor: Actor, view: GrantView) -> list[tuple[str, str]]:
    """Programs for this grant; the party is left to be filled in: no page names a real person."""
    grant = view.grant
    if grant.resource_kind is not ResourceKind.INTERFACE or Role.CONSUMER_ENGINEER not in actor.roles:
        return []
    system = await hub.systems.get(actor, view.system)
    key = next((item for item in system.keys if item.active and item.kind == "key"), None)
    matter = min(grant.terms.matters)
    found = await hub.database.read(lambda tx: find_matter(tx, matter))
    if key is None or found is None:
        return []
    filling = Filling(
        hub=hub.settings.public_url,
        client_id=view.system,
        kid=key.kid,
        interface=grant.resource,
        matter=matter,
        purpose=grant.purpose,
        party={"role": found[1].roles[0], "id_type": "ID_TYPE", "id_number": "ID_NUMBER", "name": "NAME"},
        key_file=f"{view.system}.pem",
    )
    return [(language, snippet(language, filling)) for language in LANGUAGES]
