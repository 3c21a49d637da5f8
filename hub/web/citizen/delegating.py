"""Letting somebody act 授权代办: what was given and received, a form for a new one, every use, and the end of it."""

from collections.abc import Sequence
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from hub.citizens.acting.errors import DelegationError
from hub.citizens.acting.proposed import GIVEN_PER_MINUTE, Proposed, day_of
from hub.citizens.acting.values import DELEGABLE, Acting
from hub.citizens.values import Holder
from hub.deps import HubDep, UuidText, limit
from hub.runtime import Hub
from hub.web.citizen.acting_words import GROUNDS, SCOPES, STATES, USES, whom, wrong
from hub.web.citizen.frame import redirect, render
from hub.web.citizen.visit import HolderDep, holder_form
from hub.web.console.forms import FieldError, Form
from hub.web.console.view import view_of
from hub.web.matter_names import Names, codes_in, names_of, titles

router = APIRouter()
DELEGATIONS: Final = "/me/delegations"
NEW: Final = DELEGATIONS + "/new"
As = Annotated[str, Query(alias="acting", pattern=r"^([0-9a-f]{32})?$")]
"""As a company's legal representative: the key of that acting."""
DelegationId = Annotated[UuidText, Path()]
_NEEDED: Final = {
    "id_number": ("missing", "/to/id_number"),
    "name": ("missing", "/to/name"),
    "scope": ("missing", "/scope"),
    "until": ("kind", "/until"),
    "reason": ("missing", "/reason"),
}
"""Fields that must not be empty, and the fault where one is: all of them at once, in the order of the form."""


@router.get(DELEGATIONS, response_class=HTMLResponse)
async def listed(request: Request, hub: HubDep, holder: HolderDep, key: As = "") -> HTMLResponse:
    """What one has given and was given; or what the company has given."""
    company = await _company(hub, holder, key, looks=True)
    found = await hub.citizens.others.delegating.listed(holder, acting=company)
    return _render(request, "me/delegations.html", holder, company, key, found=found)


@router.get(NEW, response_class=HTMLResponse)
async def begin(request: Request, hub: HubDep, holder: HolderDep, key: As = "") -> HTMLResponse:
    """The form."""
    return _form(request, holder, await _company(hub, holder, key), key, Form({}))


@router.post(NEW, response_class=HTMLResponse)
async def give(request: Request, hub: HubDep, holder: HolderDep, key: As = "") -> Response:
    """Write it; what is wrong with it is said beside its field."""
    given = await holder_form(request, holder)
    await limit(request, f"delegate:{holder.id}", GIVEN_PER_MINUTE)
    company = await _company(hub, holder, key)
    blank = [wrong(DelegationError(*fault)) for name, fault in _NEEDED.items() if not given.text(name)]
    if blank:
        return _form(request, holder, company, key, given, blank)
    try:
        proposed = _proposed(given, await names_of(hub))
        made = await hub.citizens.others.delegating.give(holder, proposed, acting=company)
    except DelegationError as error:
        return _form(request, holder, company, key, given, [wrong(error)])
    return redirect(f"{DELEGATIONS}/{made}{_query(key)}")


@router.get(DELEGATIONS + "/{delegation_id}", response_class=HTMLResponse)
async def one(
    request: Request, delegation_id: DelegationId, hub: HubDep, holder: HolderDep, key: As = ""
) -> HTMLResponse:
    """Its terms, and every use of it."""
    company = await _company(hub, holder, key, looks=True)
    found = await hub.citizens.others.delegating.one(holder, delegation_id, acting=company)
    codes = found.delegation.terms.matters or ()
    matters = titles(codes, await names_of(hub), view_of(request).language)
    return _render(request, "me/delegation.html", holder, company, key, item=found, uses=USES, matters=matters)


@router.post(DELEGATIONS + "/{delegation_id}/withdraw", response_class=HTMLResponse)
async def withdraw(
    request: Request, delegation_id: DelegationId, hub: HubDep, holder: HolderDep, key: As = ""
) -> Response:
    """End it at once."""
    await holder_form(request, holder)
    company = await _company(hub, holder, key)
    await hub.citizens.others.delegating.withdraw(holder, delegation_id, acting=company)
    return redirect(f"{DELEGATIONS}/{delegation_id}{_query(key)}")


async def _company(hub: Hub, holder: Holder, key: str, *, looks: bool = False) -> Acting | None:
    return await hub.citizens.others.acting.in_office(holder, key, looks=looks) if key else None


def _proposed(given: Form, names: Names) -> Proposed:
    return Proposed(
        id_number=given.text("id_number"),
        name=given.text("name"),
        scope=frozenset(scope for scope in DELEGABLE if scope.value in given.all("scope")),
        matters=codes_in(given.text("matters"), names),
        until=day_of(given.text("until")[:10]),
        reason=given.text("reason"),
    )


def _query(key: str) -> str:
    return f"?acting={key}" if key else ""


def _form(
    request: Request,
    holder: Holder,
    company: Acting | None,
    key: str,
    given: Form,
    errors: Sequence[FieldError] = (),
) -> HTMLResponse:
    view = view_of(request)
    options = [(name, view.t(*words)) for name, words in SCOPES.items() if name in DELEGABLE]
    return _render(
        request,
        "me/delegate.html",
        holder,
        company,
        key,
        status=422 if errors else 200,
        errors=errors,
        given=given,
        options=options,
    )


def _render(
    request: Request, template: str, holder: Holder, company: Acting | None, key: str, **values: Any
) -> HTMLResponse:
    who = company.principal.identity if company else holder.identity
    shared: dict[str, Any] = {
        "called": whom(who.id_type, who.id_number, who.name),
        "company": company is not None,
        "query": _query(key),
        "acting": key,
        "scopes": SCOPES,
        "grounds": GROUNDS,
        "states": STATES,
        "whom": whom,
    }
    return render(request, template, holder, **{**shared, **values})
