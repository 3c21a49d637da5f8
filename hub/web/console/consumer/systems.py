"""Systems of my department and their credentials: register, make or upload keys, rotate with overlap, take out of use.

A private key that is made here is shown on the answer to the post and kept nowhere: no page shows it again.
"""

import base64
import json
from collections.abc import Mapping
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from catalog.errors import DefinitionError
from hub.access.actors import Actor, Role
from hub.deps import HubDep
from hub.runtime import Hub
from hub.storage.errors import ConflictError
from hub.web.console.consumer import words
from hub.web.console.forms import FieldError, Form, form, upload
from hub.web.console.frame import redirect, render
from hub.web.console.visit import ConsoleDep
from signing.errors import SigningError
from signing.keys import Es256Key, SoftwareSigner

router = APIRouter()
LIST: Final = "/console/consumer/systems"
_MADE: Final = "made"


@router.get(LIST, response_class=HTMLResponse)
async def systems(request: Request, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """Live systems and sandbox credentials."""
    found = await hub.systems.list(actor)
    return render(
        request,
        "console/consumer/systems.html",
        actor,
        systems=found,
        may_write=Role.CONSUMER_ENGINEER in actor.roles,
        **words.SHARED,
    )


@router.get(LIST + "/new", response_class=HTMLResponse)
async def new(request: Request, actor: ConsoleDep) -> HTMLResponse:
    """Register a live system."""
    actor.require(Role.CONSUMER_ENGINEER)
    return _new_page(request, actor, {})


@router.post(LIST + "/new", response_class=HTMLResponse)
async def register(request: Request, hub: HubDep, actor: ConsoleDep) -> Response:
    """With its first public key, made here or uploaded."""
    given = await upload(request)
    values = {name: given.text(name) for name in ("code", "name_zh", "name_en", "key")}
    errors = []
    if not values["name_zh"]:
        errors.append(FieldError("name_zh", "请填写中文名称", "Enter the Chinese name"))
    jwk, pem, wrong = read_key(given)
    errors += wrong
    if not errors:
        try:
            made = await hub.systems.register(actor, values, jwk, sandbox=False)
        except DefinitionError:
            errors = [
                FieldError("code", "编码为 2 至 41 位小写字母、数字、_ 和 -", "A code takes 2 to 41 of a-z 0-9 _ -")
            ]
        except ConflictError:
            errors = [FieldError("code", "该编码已被使用", "This code is taken")]
        else:
            if pem:
                return key_page(request, actor, made.client_id, made.keys[0].kid, pem)
            return redirect(f"{LIST}/{made.client_id}", ("应用系统已登记", "The system is registered"))
    return _new_page(request, actor, values, errors)


@router.post(LIST + "/sandbox", response_class=HTMLResponse)
async def make_sandbox(request: Request, hub: HubDep, actor: ConsoleDep) -> Response:
    """A sandbox credential by one button."""
    given = await form(request)
    signer = SoftwareSigner.generate()
    names = {"name_zh": given.text("name_zh") or "沙箱凭据", "name_en": "Sandbox credential"}
    made = await hub.systems.register(actor, names, signer.public.jwk, sandbox=True)
    return key_page(request, actor, made.client_id, signer.kid, signer.to_pem())


@router.get(LIST + "/{client_id}", response_class=HTMLResponse)
async def system(request: Request, client_id: str, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """One system with its keys."""
    return await _page(request, hub, actor, client_id)


@router.post(LIST + "/{client_id}/keys", response_class=HTMLResponse)
async def add_key(request: Request, client_id: str, hub: HubDep, actor: ConsoleDep) -> Response:
    """One more key, made here or uploaded; the old ones go on until they are ended."""
    given = await upload(request)
    jwk, pem, errors = read_key(given)
    if not errors:
        try:
            kid = await hub.systems.add_key(actor, client_id, jwk)
        except ConflictError:
            errors = [FieldError("public_key", "该密钥已登记", "This key is registered already")]
        except DefinitionError:
            errors = [FieldError("key", "使用中的密钥已有五把，请先停用一把", "Five keys are in use; end one first")]
        else:
            if pem:
                return key_page(request, actor, client_id, kid, pem)
            return redirect(
                f"{LIST}/{client_id}", ("公钥已登记，新旧密钥同时有效", "Added: old and new keys both work")
            )
    return await _page(request, hub, actor, client_id, errors)


@router.post(LIST + "/{client_id}/keys/end")
async def end_key(request: Request, client_id: str, hub: HubDep, actor: ConsoleDep) -> Response:
    """Take one key out of use."""
    given = await form(request)
    await hub.systems.end_key(actor, client_id, given.text("kid"))
    return redirect(f"{LIST}/{client_id}", ("密钥已停用，立即生效", "The key is ended, at once"))


@router.post(LIST + "/{client_id}/state")
async def set_state(request: Request, client_id: str, hub: HubDep, actor: ConsoleDep) -> Response:
    """Out of use, or back."""
    given = await form(request)
    active = given.text("to") == "active"
    await hub.systems.set_active(actor, client_id, active=active)
    said = ("已启用", "In use again") if active else ("已停用，立即生效", "Out of use, at once")
    return redirect(f"{LIST}/{client_id}", said)


@router.post(LIST + "/{client_id}/gateway", response_class=HTMLResponse)
async def gateway(request: Request, client_id: str, hub: HubDep, actor: ConsoleDep) -> Response:
    """The operator gives or ends a key of the provincial gateway's dialect."""
    given = await form(request)
    if given.text("to") == "off":
        await hub.exchange.gateway.disable(actor, client_id)
        return redirect(f"{LIST}/{client_id}", ("网关方言已关闭", "The gateway's dialect is off"))
    app_key, secret = await hub.exchange.gateway.enable(actor, client_id)
    return render(
        request, "console/consumer/gateway_key.html", actor, client_id=client_id, app_key=app_key, secret=secret
    )


def read_key(given: Form) -> tuple[dict[str, Any], bytes, list[FieldError]]:
    """The public key of a form, the private PEM if the pair is made here, and what is wrong."""
    if given.text("key") != "upload":
        signer = SoftwareSigner.generate()
        return signer.public.jwk, signer.to_pem(), []
    file = given.files.get("public_key")
    text = (file.content if file else given.text("public_key_text").encode()).strip()
    if b"PRIVATE" in text or b'"d"' in text:
        wrong = FieldError(
            "public_key",
            "这是私钥：不要上传，请换用新的密钥对，只上传公钥",
            "This is a private key: make a new pair, and upload the public half only",
        )
        return {}, b"", [wrong]
    try:
        key = Es256Key.from_jwk(json.loads(text)) if text[:1] == b"{" else Es256Key.from_pem(text)
    except (SigningError, ValueError, TypeError, AttributeError):
        wrong = FieldError("public_key", "请上传 P-256 公钥（PEM 或 JWK）", "Upload a public P-256 key, PEM or JWK")
        return {}, b"", [wrong]
    return key.jwk, b"", []


def key_page(request: Request, actor: Actor, client_id: str, kid: str, pem: bytes) -> HTMLResponse:
    """The private key, this once."""
    return render(
        request,
        "console/consumer/key_once.html",
        actor,
        client_id=client_id,
        kid=kid,
        pem=pem.decode(),
        download="data:application/x-pem-file;base64," + base64.b64encode(pem).decode(),
    )


def _new_page(
    request: Request, actor: Actor, values: Mapping[str, str], errors: list[FieldError] | None = None
) -> HTMLResponse:
    given = {name: values.get(name, "") for name in ("code", "name_zh", "name_en")} | {
        "key": values.get("key") or _MADE
    }
    return render(
        request,
        "console/consumer/system_new.html",
        actor,
        status=422 if errors else 200,
        errors=errors or (),
        given=given,
    )


async def _page(
    request: Request, hub: Hub, actor: Actor, client_id: str, errors: list[FieldError] | None = None
) -> HTMLResponse:
    found = await hub.systems.get(actor, client_id)
    return render(
        request,
        "console/consumer/system.html",
        actor,
        status=422 if errors else 200,
        errors=errors or (),
        system=found,
        may_write=Role.CONSUMER_ENGINEER in actor.roles and actor.department_id == found.department_id,
        is_operator=Role.OPERATOR in actor.roles,
        **words.SHARED,
    )
