"""Binding a network ID 网号 at the counter: the card in the reader, the voucher from the person's phone."""

from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from hub.access.actors import Actor
from hub.access.errors import ProviderError
from hub.citizens.identities.errors import BindingError
from hub.citizens.identities.vouching import read_voucher
from hub.deps import HubDep, limit
from hub.intake.errors import PartyError
from hub.web.console.counter.entering import CODES_PER_MINUTE
from hub.web.console.counter.search import COUNTER
from hub.web.console.counter.words import CODES, PARTY_RULES
from hub.web.console.forms import FieldError, form
from hub.web.console.frame import render
from hub.web.console.visit import ConsoleDep
from hub.web.identity_words import NO_VOUCHER, WHY

router = APIRouter()
BIND: Final = COUNTER + "/network-id"


@router.get(BIND, response_class=HTMLResponse)
async def bind_form(request: Request, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """Two fields; or that this hub has no such service."""
    await hub.counter.caller(actor)
    return _page(request, actor, offered=hub.counter.card_binding is not None)


@router.post(BIND, response_class=HTMLResponse)
async def bind(request: Request, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """Bind it. Nothing of the card is shown again."""
    given = await form(request)
    caller = await hub.counter.caller(actor)
    await limit(request, f"presented:{actor.id}", CODES_PER_MINUTE)
    binding, voucher = hub.counter.card_binding, read_voucher(given.raw("voucher"))
    if binding is None:
        return _page(request, actor, offered=False)
    if voucher is None:
        return _page(request, actor, NO_VOUCHER)
    try:
        await binding.bind(actor, caller, given.text("card"), voucher)
    except PartyError as error:
        return _page(request, actor, FieldError("card", *PARTY_RULES[error.rule]))
    except BindingError as error:
        return _page(request, actor, WHY[error.reason])
    except ProviderError:
        return _page(request, actor, FieldError("voucher", *CODES["away"]))
    return _page(request, actor, done=True)


def _page(request: Request, actor: Actor, error: FieldError | None = None, **shown: Any) -> HTMLResponse:
    status, errors = (422, [error]) if error else (200, [])
    values = {"done": False, "offered": True, **shown}
    return render(request, "console/counter/network_id.html", actor, status=status, errors=errors, **values)
