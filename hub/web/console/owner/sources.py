"""Sources of the department: what is registered, whether it answers, and if not, why and who must act."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from sqlalchemy import Connection
from starlette.responses import Response

from adapters.guarded import Health
from catalog.errors import DefinitionError
from catalog.source_store import find_source
from hub.access.actors import Actor, Role
from hub.deps import HubDep, UuidText
from hub.exchange.agents.deliveries import DeliveryView
from hub.exchange.agents.signs import AgentView
from hub.registry.meanings import Words, agent_advice, failure
from hub.registry.source_views import SourceView
from hub.runtime import Hub
from hub.web.console.forms import FieldError, form
from hub.web.console.frame import redirect, render
from hub.web.console.owner import words
from hub.web.console.visit import ConsoleDep

router = APIRouter()
LIST = "/console/owner/sources"


@dataclass(frozen=True, slots=True)
class Shown:
    """A source with the health that this process saw. `failed` is the newest failure, its words and who must act."""

    view: SourceView
    health: Health | None
    failed: tuple[Words, Words] | None
    agent: AgentView | None = None
    """Of a source that only its agent reaches."""
    advice: tuple[Words, ...] = ()
    dead: tuple[DeliveryView, ...] = ()


@router.get(LIST, response_class=HTMLResponse)
async def sources(request: Request, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """The list, and forms that were not finished."""
    views = await hub.sources.list(actor)
    found = [await _shown(hub, view) for view in views]
    drafts = await hub.drafts.list(actor, "source")
    return render(request, "console/owner/sources.html", actor, sources=found, drafts=drafts, **_words(actor))


@router.get(LIST + "/{code}", response_class=HTMLResponse)
async def source(request: Request, code: str, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """One source."""
    return await _page(request, hub, actor, code)


@router.post(LIST + "/{code}/probe")
async def probe(request: Request, code: str, hub: HubDep, actor: ConsoleDep) -> Response:
    """Reach it now."""
    await form(request)
    found = await hub.sources.probe(actor, code)
    if found.ok:
        return redirect(
            f"{LIST}/{code}", (f"连接成功，用时 {found.milliseconds} 毫秒", f"It answers, in {found.milliseconds} ms")
        )
    zh, en = failure(found.code)[0]
    return redirect(f"{LIST}/{code}", (f"连接未成功：{zh}", f"It does not answer: {en}"))


@router.post(LIST + "/{code}/secret", response_class=HTMLResponse)
async def secret(request: Request, code: str, hub: HubDep, actor: ConsoleDep) -> Response:
    """Set or replace a credential; it is never shown again."""
    given = await form(request)
    name, value = given.text("name"), given.raw("value")
    try:
        await hub.sources.put_secret(actor, code, name, value)
    except DefinitionError:
        wrong = FieldError("value", "请选择名称并输入密钥", "Choose a name and enter the secret")
        return await _page(request, hub, actor, code, [wrong])
    return redirect(f"{LIST}/{code}", ("密钥已保存，不再显示", "The secret is set; it is never shown again"))


@router.post(LIST + "/{code}/state", response_class=HTMLResponse)
async def state(request: Request, code: str, hub: HubDep, actor: ConsoleDep) -> Response:
    """Disable with a reason, or enable."""
    given = await form(request)
    if given.text("to") == "active":
        await hub.sources.enable(actor, code)
        return redirect(f"{LIST}/{code}", ("数据源已启用", "The source is enabled"))
    if not given.text("reason"):
        wrong = FieldError("reason", "请写明停用理由", "Say why it is disabled")
        return await _page(request, hub, actor, code, [wrong])
    await hub.sources.disable(actor, code, reason=given.text("reason"))
    return redirect(
        f"{LIST}/{code}", ("数据源已停用，其接口不再询问", "The source is disabled; its interfaces ask it no more")
    )


@router.post(LIST + "/{code}/deliveries/{item}/retry")
async def retry(request: Request, code: str, item: UuidText, hub: HubDep, actor: ConsoleDep) -> Response:
    """Write a closed case back after all."""
    await form(request)
    await hub.agents.deliveries.retry(actor, code, item)
    return redirect(f"{LIST}/{code}", ("已重新排队", "It is in line again"))


async def _page(request: Request, hub: Hub, actor: Actor, code: str, errors: Sequence[FieldError] = ()) -> HTMLResponse:
    view = await hub.sources.show(actor, code)
    shown = await _with_agent(hub, actor, await _shown(hub, view))
    status = 422 if errors else 200
    return render(
        request, "console/owner/source.html", actor, status=status, errors=errors, shown=shown, **_words(actor)
    )


async def _shown(hub: Hub, view: SourceView) -> Shown:
    def unit(tx: Connection) -> str:
        stored = find_source(tx, view.code)
        return stored.id if stored else ""

    opened = hub.pool.opened(await hub.database.read(unit))
    health = opened.health() if opened else None
    probed = view.health
    code = health.last_error if health and health.last_error else ""
    if health and code and health.last_ok and health.last_error_at and health.last_ok > health.last_error_at:
        code = ""
    if not code and probed is not None and not probed.ok and not (health and health.last_ok):
        code = probed.code
    if view.state != "active":
        code = "disabled"
    if any(secret.changed_at is None for secret in view.secrets):
        code = code or "definition"
    return Shown(view, health, failure(code) if code else None)


async def _with_agent(hub: Hub, actor: Actor, shown: Shown) -> Shown:
    code = shown.view.code
    if shown.view.declared["kind"] != "agent":
        return shown
    agent = await hub.agents.view(actor, code)
    dead = await hub.agents.deliveries.list(actor, code, dead=True) if agent.deliveries_dead else []
    return replace(shown, agent=agent, advice=agent_advice(agent), dead=tuple(dead))


def _words(actor: Actor) -> dict[str, Any]:
    return {
        "kinds": words.KINDS,
        "states": words.STATES,
        "breaker": words.BREAKER,
        "may_write": Role.OWNER_ENGINEER in actor.roles and actor.department_id is not None,
        "may_stop": bool(actor.roles & {Role.OWNER_ENGINEER, Role.OWNER_APPROVER}) and actor.department_id is not None,
        "may_probe": bool(actor.roles & {Role.OWNER_ENGINEER, Role.OWNER_APPROVER, Role.OPERATOR}),
    }
