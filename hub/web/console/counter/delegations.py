"""Letting somebody act, at a counter 窗口代为登记授权: by the person's own card, in large print to take home.

What is read opens the list; each time that something is written down the card is read anew, so that it is he who says
it, and nobody who stays behind.
"""

from collections.abc import Sequence
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from hub.access.actors import Actor
from hub.access.errors import LockedOutError
from hub.citizens.acting.delegating import Told
from hub.citizens.acting.errors import DelegationError
from hub.citizens.acting.proposed import Proposed, day_of
from hub.citizens.acting.values import DELEGABLE
from hub.deps import HubDep
from hub.intake.errors import PartyError
from hub.runtime import Hub
from hub.storage.errors import MissingError
from hub.web.citizen.acting_words import SCOPES, STATES, whom, wrong
from hub.web.console.counter.card_field import Card, card_in, refused, shown
from hub.web.console.counter.search import COUNTER
from hub.web.console.forms import FieldError, Form, form, id_in
from hub.web.console.frame import render
from hub.web.console.view import view_of
from hub.web.console.visit import ConsoleDep
from hub.web.matter_names import Names, codes_in, names_of

router = APIRouter()
DELEGATIONS: Final = COUNTER + "/delegations"
_FIELDS: Final = {"id_number": "to", "name": "to_name"}
_NOBODY: Final = FieldError(
    "id",
    "没有认出此人：请重新读本人身份证件；单位的授权由法定代表人登录后办理",
    "Not recognised: read the person's own card again; for a company its legal representative signs in",
)
_LOCKED: Final = FieldError(
    "to", "没有通过核对的次数过多，请过几分钟再试", "Too many were not confirmed: wait some minutes"
)
_OVER: Final = FieldError("id", "没有这项授权，请重新打开清单", "There is no such delegation: open the list again")
_USED: Final = FieldError("id", "请再读一次证件", "Have the card read once more")


@router.get(DELEGATIONS, response_class=HTMLResponse)
async def begin(request: Request, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """The card, and a new delegation."""
    await hub.counter.caller(actor)
    return _page(request, hub, actor, Form({}))


@router.post(DELEGATIONS, response_class=HTMLResponse)
async def write(request: Request, hub: HubDep, actor: ConsoleDep) -> Response:
    """`do` is list, give, or withdraw; what was written down comes as the paper to take home."""
    given = await form(request)
    card, errors = card_in(given)
    if errors or card is None:
        return _page(request, hub, actor, given, errors)
    try:
        return await _done(request, hub, actor, given, card)
    except PartyError as error:
        errors = [refused(error)]
    except DelegationError as error:
        fault = wrong(error)
        errors = [FieldError(_FIELDS.get(fault.field, fault.field), fault.zh, fault.en), _USED]
    except LockedOutError:
        errors = [_LOCKED]
    except MissingError as error:
        errors = [_NOBODY if str(error) == "person" else _OVER]
    return _page(request, hub, actor, given, errors)


async def _done(request: Request, hub: Hub, actor: Actor, given: Form, card: Card) -> HTMLResponse:
    wanted = id_in(given, "delegation") if given.text("do") == "withdraw" else ""  # before the card is used up
    seen = await shown(hub, await hub.counter.caller(actor), card, "delegation")
    who, desk = (actor, card.identity, seen), hub.citizens.others.at_counter
    if given.text("do") == "give":
        names = await names_of(hub)
        return _slip(request, hub, actor, await desk.give(*who, _proposed(given, names)), names)
    if wanted:
        return _slip(request, hub, actor, await desk.withdraw(*who, wanted), {})
    return _page(request, hub, actor, Form({}), found=await desk.listed(*who))


def _proposed(given: Form, names: Names) -> Proposed:
    return Proposed(
        id_number=given.text("to"),
        name=given.text("to_name"),
        scope=frozenset(scope for scope in DELEGABLE if scope.value in given.all("scope")),
        matters=codes_in(given.text("matters"), names),
        until=day_of(given.text("until")[:10]),
        reason=given.text("reason"),
    )


def _slip(request: Request, hub: Hub, actor: Actor, item: Told, names: Names) -> HTMLResponse:
    matters = [names.get(code, (code, code)) for code in sorted(item.delegation.terms.matters or ())]
    values: dict[str, Any] = {"item": item, "matters": matters, "scopes": SCOPES, "whom": whom, "printed": hub.clock()}
    return render(request, "console/counter/delegated.html", actor, here=DELEGATIONS, **values)


def _page(
    request: Request,
    hub: Hub,
    actor: Actor,
    given: Form,
    errors: Sequence[FieldError] = (),
    *,
    found: Sequence[Told] | None = None,
) -> HTMLResponse:
    say = view_of(request).t
    values: dict[str, Any] = {"scopes": SCOPES, "states": STATES, "whom": whom, "printed": hub.clock()}
    return render(
        request,
        "console/counter/delegations.html",
        actor,
        status=422 if errors else 200,
        errors=errors,
        given=given,
        found=found,
        options=[(str(name), say(*words)) for name, words in SCOPES.items() if name in DELEGABLE],
        here=COUNTER,
        action=DELEGATIONS,
        **values,
    )
