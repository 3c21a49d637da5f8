"""A clerk asks first 请求亮证: which licences and claims, in which matter, what for; a code for the person's telephone;
then the verdict and what the person gave, shown once.

Nothing of it goes into a case: what a case needs is asked in the case, under its grants.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from catalog.store import list_matters
from certificates.definitions.certificate_type import CertificateType
from certificates.definitions.parts import Custody
from hub.access.actors import Actor
from hub.citizens.asked.values import ASKED, MOST_WORDS, Asker, Item, Wanted, WantedError
from hub.citizens.codes import grouped
from hub.citizens.errors import PresentationRefusedError
from hub.citizens.showing.licences import showable_claims
from hub.citizens.showing.values import MOST_LICENCES
from hub.clock import BEIJING
from hub.deps import HubDep, UuidText, limit
from hub.runtime import Hub
from hub.storage.errors import MissingError
from hub.web.citizen.showing import qr
from hub.web.console.counter.search import COUNTER
from hub.web.console.forms import FieldError, Form, form
from hub.web.console.frame import redirect, render
from hub.web.console.view import view_of
from hub.web.console.visit import ConsoleDep
from hub.web.received import WORDS
from hub.web.templating import TEMPLATES

router = APIRouter()
ASK: Final = COUNTER + "/ask"
PER_MINUTE: Final = 30
RequestId = Annotated[UuidText, Path()]
_WRONG: Final = {
    "matter": FieldError("matter", "请选择事项", "Choose the matter"),
    "purpose": FieldError(
        "purpose",
        f"请填写用途，最多 {MOST_WORDS} 个字，当事人先看到",
        f"Say what for, in at most {MOST_WORDS} characters: the person reads it first",
    ),
}
_CHANGED: Final = FieldError("type", "这种证照有变动，请重新选择", "This kind of licence has changed: choose again")
_NONE: Final = FieldError("type", "请至少选一种证照", "Choose at least one kind of licence")
_TOO_MANY: Final = FieldError(
    "type", f"一次最多问 {MOST_LICENCES} 种", f"At most {MOST_LICENCES} kinds are asked for at once"
)


@router.get(ASK, response_class=HTMLResponse)
async def ask_form(
    request: Request, hub: HubDep, actor: ConsoleDep, types: Annotated[str, Query(max_length=1000)] = ""
) -> HTMLResponse:
    """Which licences; then which of their claims, in which matter, what for."""
    Asker.clerk(actor)
    return await _form(request, hub, actor, types.split(",") if types else ())


@router.post(ASK + "/kinds")
async def choose(request: Request, hub: HubDep, actor: ConsoleDep) -> Response:
    """The kinds that were ticked, in an address that can be loaded again."""
    Asker.clerk(actor)
    kinds = (await form(request)).all("type")
    if not kinds:
        return await _form(request, hub, actor, (), error=_NONE)
    return redirect(f"{ASK}?{urlencode({'types': ','.join(kinds)})}")


@router.post(ASK, response_class=HTMLResponse)
async def ask(request: Request, hub: HubDep, actor: ConsoleDep) -> Response:
    """A request, alive for five minutes."""
    given, asker = await form(request), Asker.clerk(actor)
    await limit(request, f"showing-request:{actor.id}", PER_MINUTE)
    kinds = [slug[:64] for slug in given.all("type")]
    items = [_item(given, slug) for slug in kinds]
    wanted = Wanted(items, given.text("matter")[:64], given.text("purpose"))
    try:
        made = await hub.showing.asking.ask(asker, wanted)
    except WantedError as error:
        wrong = _WRONG.get(error.why) or replace(_CHANGED, field=f"kind-{kinds[error.item or 0] if kinds else ''}")
        return await _form(request, hub, actor, kinds, given, wrong)
    return redirect(f"{ASK}/{made}")


@router.get(ASK + "/{request_id}", response_class=HTMLResponse)
async def one(request: Request, request_id: RequestId, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """The code while it waits; then what became of it."""
    found = await hub.showing.asking.look(Asker.clerk(actor), request_id)
    values: dict[str, Any] = {"found": found, "taken": None, "qr": "", "typed": ""}
    if found.state == ASKED:
        values |= {"qr": qr(found.scan(hub.settings.public_url)), "typed": grouped(found.typed)}
        values["until"] = found.expires_at.astimezone(BEIJING).strftime("%H:%M:%S")
    return render(request, "console/counter/asked.html", actor, **values, **WORDS)


@router.get(ASK + "/{request_id}/state", response_class=HTMLResponse)
async def state(request: Request, request_id: RequestId, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """What became of it so far, for the page that waits."""
    found = await hub.showing.asking.look(Asker.clerk(actor), request_id)
    html = TEMPLATES.get_template("console/counter/_asked_state.html").render(found=found, t=view_of(request).t)
    return HTMLResponse(html, headers={} if found.state == ASKED else {"X-Done": "1"})


@router.post(ASK + "/{request_id}", response_class=HTMLResponse)
async def see(request: Request, request_id: RequestId, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """What the person gave, shown once: judged at this moment."""
    await form(request)
    asker = Asker.clerk(actor)
    try:
        taken = await hub.showing.asking.collect(asker, request_id)
    except PresentationRefusedError:
        return await one(request, request_id, hub, actor)
    found = await hub.showing.asking.look(asker, request_id)
    return render(request, "console/counter/asked.html", actor, found=found, taken=taken, qr="", typed="", **WORDS)


@router.post(ASK + "/{request_id}/cancel")
async def cancel(request: Request, request_id: RequestId, hub: HubDep, actor: ConsoleDep) -> Response:
    """Taken back; what was answered meanwhile stays, and the page says so."""
    await form(request)
    await hub.showing.asking.cancel(Asker.clerk(actor), request_id)
    return redirect(f"{ASK}/{request_id}")


def _item(given: Form, slug: str) -> Item:
    prefix = f"claim-{slug}-"
    claims = [name for name in given.fields if name.startswith(prefix) and given.text(name)]
    asked = {name.removeprefix(prefix): given.text(name) for name in claims}
    return Item(slug, tuple(asked), tuple(name for name, how in asked.items() if how == "needed"))


async def _form(
    request: Request,
    hub: Hub,
    actor: Actor,
    slugs: Sequence[str],
    given: Form | None = None,
    error: FieldError | None = None,
) -> HTMLResponse:
    t, types = view_of(request).t, _types(hub)
    if not set(slugs) <= set(types):
        raise MissingError("certificate type")
    kinds = [types[slug] for slug in dict.fromkeys(slugs)]
    if len(kinds) > MOST_LICENCES:
        kinds, error = [], _TOO_MANY
    matters = await hub.database.read(list_matters) if kinds else []
    return render(
        request,
        "console/counter/ask.html",
        actor,
        status=422 if error else 200,
        errors=[error] if error else [],
        kinds=[
            (
                kind.slug,
                t(kind.name.zh, kind.name.en),
                [
                    (name, t(*title), given.text(f"claim-{kind.slug}-{name}") if given else "")
                    for name, title in showable_claims(kind).items()
                ],
            )
            for kind in kinds
        ],
        types=[(item.slug, t(item.name.zh, item.name.en), item.slug in slugs) for item in types.values()],
        most=MOST_LICENCES,
        matters=[("", t("请选择", "Choose")), *((item.code, t(item.name_zh, item.name_en)) for item in matters)],
        matter=given.text("matter") if given else "",
        purpose=given.text("purpose") if given else "",
    )


def _types(hub: Hub) -> dict[str, CertificateType]:
    current = (item.type for item in hub.types.current().values())
    return {item.slug: item for item in current if item.custody is Custody.LIBRARY}
