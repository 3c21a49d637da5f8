"""Subscriptions of my systems: made with a handshake, tried again, what was not delivered sent again, ended.

The address with its token and the secret are typed in once and shown on no page afterwards.
"""

import re
import secrets
from collections.abc import Mapping
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from hub.access.actors import Actor, Role
from hub.clock import new_id
from hub.deps import HubDep, UuidText
from hub.edge.errors import InvalidBodyError
from hub.exchange.errors import WebhookError
from hub.exchange.subscriptions.service import MOST, Wish
from hub.exchange.subscriptions.webhooks import Receiver
from hub.exchange.uses import Event
from hub.intake.told.telling import CaseEvent
from hub.runtime import Hub
from hub.storage.errors import MissingError
from hub.web.console.forms import FieldError, Form, form
from hub.web.console.frame import redirect, render
from hub.web.console.subscription_words import SHARED, acts, fault
from hub.web.console.visit import ConsoleDep
from signing.canonical import canonical

router = APIRouter()
LIST: Final = "/console/consumer/subscriptions"
_SECRET: Final = re.compile(r"[\x21-\x7e]{32,256}")
_FIELDS: Final = {"/url": "url", "/ca": "ca"}


@router.get(LIST, response_class=HTMLResponse)
async def subscriptions(request: Request, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """Of every system of the department, with what waits and what was given up."""
    found = await hub.exchange.subscription_desk.seen_by(actor)
    may_write = Role.CONSUMER_ENGINEER in actor.roles
    return render(request, "console/consumer/subscriptions.html", actor, found=found, may_write=may_write, **SHARED)


@router.get(LIST + "/new", response_class=HTMLResponse)
async def new(request: Request, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """The form, with a secret made for it: the receiver must know it before it is asked."""
    actor.require(Role.CONSUMER_ENGINEER)
    return await _form_page(request, hub, actor, {"secret": secrets.token_urlsafe(32), "once": new_id()}, ())


@router.post(LIST + "/new", response_class=HTMLResponse)
async def subscribe(request: Request, hub: HubDep, actor: ConsoleDep) -> Response:
    """Ask the address; a subscription if it answers, else what was wrong. A second click makes no second one."""
    actor.require(Role.CONSUMER_ENGINEER)
    given = await form(request)
    values = {name: given.text(name) for name in ("system", "url", "secret", "ca", "once")}
    chosen = tuple(event for event in (*Event, *CaseEvent) if event.value in given.all("events"))
    errors = _checked(given, chosen)
    if not errors:
        wish = Wish(chosen, Receiver(values["url"], values["secret"], values["ca"] or None))
        hashed = canonical(values | {"events": [event.value for event in chosen]})
        try:
            made = await hub.exchange.subscription_desk.subscribe(
                actor, values["system"], wish, once=values["once"], hashed=hashed
            )
        except WebhookError as error:
            zh, en = fault(error.reason)
            errors = [FieldError(_FIELDS[error.pointer], zh, en)]
        except InvalidBodyError:
            errors = [FieldError("system", f"该系统已有 {MOST} 个订阅", f"This system has {MOST} subscriptions")]
        except MissingError:
            errors = [FieldError("system", "请选择使用中的应用系统", "Choose a system that is in use")]
        else:
            said = ("地址已验证，订阅已生效", "The address answered: you are subscribed")
            return redirect(f"{LIST}/{made.id}", said)
    return await _form_page(request, hub, actor, values, tuple(event.value for event in chosen), errors)


@router.get(LIST + "/{subscription}", response_class=HTMLResponse)
async def one(request: Request, subscription: UuidText, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """Its dead letters, then its newest messages."""
    seen = await hub.exchange.subscription_desk.view(actor, subscription)
    may_write = Role.CONSUMER_ENGINEER in actor.roles and actor.department_id == seen.owned.department_id
    return render(
        request, "console/consumer/subscription.html", actor, owned=seen.owned, dead=seen.dead, messages=seen.messages,
        may_write=may_write, path_of=f"{LIST}/{subscription}", list_path=LIST, **SHARED,
    )  # fmt: skip


@router.post(LIST + "/{subscription}/verify")
async def verify(request: Request, subscription: UuidText, hub: HubDep, actor: ConsoleDep) -> Response:
    """The handshake once more; the answer says what is wrong and who must act."""
    await form(request)
    try:
        await hub.exchange.subscription_desk.verify(actor, subscription)
    except WebhookError as error:
        (zh, en), (who_zh, who_en) = fault(error.reason), acts(error.reason)
        return redirect(f"{LIST}/{subscription}", (f"验证未通过：{zh}。{who_zh}", f"It failed: {en}. {who_en}"))
    return redirect(f"{LIST}/{subscription}", ("地址答复正确", "The address answers as it must"))


@router.post(LIST + "/{subscription}/messages/{message}/replay")
async def replay(
    request: Request, subscription: UuidText, message: UuidText, hub: HubDep, actor: ConsoleDep
) -> Response:
    """Send one again."""
    await form(request)
    await hub.exchange.subscription_desk.replay(actor, subscription, message)
    return redirect(f"{LIST}/{subscription}", ("已安排重发", "It is being sent again"))


@router.post(LIST + "/{subscription}/end")
async def end(request: Request, subscription: UuidText, hub: HubDep, actor: ConsoleDep) -> Response:
    """Hear nothing more."""
    await form(request)
    await hub.exchange.subscription_desk.end(actor, subscription)
    return redirect(LIST, ("订阅已取消，地址和密钥已删除", "Ended; address and secret are forgotten"))


def _checked(given: Form, chosen: tuple[Event | CaseEvent, ...]) -> list[FieldError]:
    errors = []
    if not given.text("system"):
        errors.append(FieldError("system", "请选择应用系统", "Choose a system"))
    if not chosen:
        errors.append(FieldError("events", "请至少选择一种变更", "Choose at least one kind of change"))
    if not 8 <= len(given.text("url")) <= 1000:
        errors.append(FieldError("url", *fault("url")))
    if not _SECRET.fullmatch(given.text("secret")):
        wrong = ("密钥为 32 至 256 位可见字符，不含空格", "A secret takes 32 to 256 visible characters, no spaces")
        errors.append(FieldError("secret", *wrong))
    if len(given.text("ca")) > 20_000:
        errors.append(FieldError("ca", *fault("pem")))
    return errors


async def _form_page(
    request: Request,
    hub: Hub,
    actor: Actor,
    values: Mapping[str, str],
    chosen: tuple[str, ...],
    errors: list[FieldError] | None = None,
) -> HTMLResponse:
    systems = [item for item in await hub.systems.list(actor) if item.active and not item.sandbox]
    own = [item for item in systems if item.department_id == actor.department_id]
    given = {name: values.get(name, "") for name in ("system", "url", "secret", "ca", "once")}
    return render(
        request, "console/consumer/subscription_new.html", actor, status=422 if errors else 200, errors=errors or (),
        systems=own, given=given, chosen=chosen, list_path=LIST, **SHARED,
    )  # fmt: skip
