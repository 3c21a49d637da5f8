"""Forms that make a version: a licence issued, or renewed, changed, corrected. Fields come from the type's claims."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from certificates.definitions.certificate_type import CertificateType
from certificates.errors import ActError
from certificates.lifecycle.rules import By
from certificates.lifecycle.states import Operation
from certificates.stores.certificates import find_version
from hub.access.actors import Actor
from hub.deps import HubDep
from hub.issuing.shelf import STAFF
from hub.issuing.transitions.acts import Act
from hub.issuing.transitions.arriving import Arrival, check_holder
from hub.runtime import Hub
from hub.storage.errors import MissingError
from hub.web.console.forms import FieldError, Form, form
from hub.web.console.frame import redirect, render
from hub.web.console.library.forms import (
    REFUSED,
    act_in,
    answers_of,
    claims_in,
    faults_of,
    kept_fields,
    reasons_of,
    refusal,
    shown_claims,
    told,
)
from hub.web.console.library.listing import LIST
from hub.web.console.library.one import ONE, IdentifierPath, contents_of, history_of, mine
from hub.web.console.library.words import EFFECTS, OPERATIONS, ORIGIN_WORDS, STATUSES, act_fault
from hub.web.console.visit import ConsoleDep

router = APIRouter()
_MADE: Final = (Operation.RENEW, Operation.CHANGE, Operation.CORRECT)
_DONE: Final = ("已签发", "It is signed")


@dataclass(frozen=True, slots=True)
class Target:
    """What a form makes.

    Attributes:
        identifier: the version whose place it takes; empty for a first one.
        arrival: the licence of another place that was verified, and `ticket` what says so between two pages.
    """

    kind: CertificateType
    operation: Operation
    path: str
    back: str
    identifier: str = ""
    arrival: Arrival | None = None
    ticket: str = ""


@router.get(ONE + "/make/{operation}", response_class=HTMLResponse)
async def begin(
    request: Request, identifier: IdentifierPath, operation: str, hub: HubDep, actor: ConsoleDep
) -> HTMLResponse:
    """Before the form is filled with what the licence says: why."""
    target = await _replacing(hub, actor, identifier, operation)
    return _begin_page(request, actor, target, Form({}))


@router.post(ONE + "/make/{operation}", response_class=HTMLResponse)
async def go_on(
    request: Request, identifier: IdentifierPath, operation: str, hub: HubDep, actor: ConsoleDep
) -> Response:
    """The form, its check, and the act."""
    target = await _replacing(hub, actor, identifier, operation)
    given = await form(request)
    if given.text("step") != "begin":
        return await taken(request, hub, actor, target, given)
    if not 0 < len(given.text("reason")) <= 500:
        wrong = FieldError("reason", "请写明事由，最多 500 字", "Say why, in at most 500 characters")
        return _begin_page(request, actor, target, given, [wrong])
    claims = await contents_of(hub, actor, identifier, given.text("reason"))
    values = shown_claims(target.kind, claims) | {"reason": given.text("reason")}
    return form_page(request, actor, target, values)


async def taken(request: Request, hub: Hub, actor: Actor, target: Target, given: Form) -> Response:
    """A step of the form: edit, check or send."""
    actor.require(*STAFF)
    claims = claims_in(target.kind, given)
    kept = kept_fields(target.kind, given)
    if given.text("step") == "edit":
        return form_page(request, actor, target, kept)
    faults = faults_of(target.operation, given, target.kind, claims, By.ISSUER, target.arrival)
    if faults := faults or _of_holder(hub, target, claims):
        return form_page(request, actor, target, kept, faults)
    if given.text("step") != "send":
        lines = answers_of(target.kind, target.operation, given, claims)
        return render(
            request, "console/library_check.html", actor, target=target, lines=lines, kept=kept, danger=False,
            operations=OPERATIONS, two=target.kind.maker_checker, effects=EFFECTS,
        )  # fmt: skip
    try:
        act = act_in(target.operation, given, claims, target.arrival)
        if target.identifier:
            outcome = await hub.transitions.act(actor, target.identifier, act)
        else:
            act = await _from_here(hub, act)
            outcome = await hub.transitions.begin(actor, target.kind.code, act, arrival=target.arrival)
    except REFUSED as error:
        return form_page(request, actor, target, kept, refusal(error, target.kind))
    return redirect(*told(outcome, LIST, _DONE))


def _of_holder(hub: Hub, target: Target, claims: Mapping[str, Any]) -> list[FieldError]:
    try:
        check_holder(claims, target.arrival, target.kind, hub.vault)
    except ActError as error:
        return [act_fault(error)]
    return []


async def _from_here(hub: Hub, act: Act) -> Act:
    """A licence that is only named, and is one of this hub: it is the predecessor."""
    named = (act.origin or {}).get("identifier")
    if named is None or await hub.database.read(lambda tx: find_version(tx, named)) is None:
        return act
    return replace(act, origin=None, predecessor=named)


def form_page(
    request: Request,
    actor: Actor,
    target: Target,
    values: Mapping[str, str],
    errors: Sequence[FieldError] = (),
) -> HTMLResponse:
    """The form with these values."""
    reasons = reasons_of(target.operation)
    first = "moved" if target.operation is Operation.TRANSFER_IN else reasons[0][0]
    given = {"legal_basis": target.kind.legal_basis, "reason_code": first, **values}
    return render(
        request, "console/library_make.html", actor, status=422 if errors else 200, errors=errors, target=target,
        values=given, reasons=reasons, operations=OPERATIONS, effects=EFFECTS, statuses=STATUSES,
        origin_words=ORIGIN_WORDS, arriving=target.operation is Operation.TRANSFER_IN,
    )  # fmt: skip


def _begin_page(
    request: Request, actor: Actor, target: Target, given: Form, errors: Sequence[FieldError] = ()
) -> HTMLResponse:
    return render(
        request, "console/library_begin.html", actor, status=422 if errors else 200, errors=errors, target=target,
        given=given, operations=OPERATIONS, effects=EFFECTS,
    )  # fmt: skip


async def _replacing(hub: Hub, actor: Actor, identifier: str, operation: str) -> Target:
    actor.require(*STAFF)
    if operation not in {item.value for item in _MADE}:
        raise MissingError("page")
    version = (await history_of(hub, actor, identifier)).asked
    found = hub.types.find(version.type_code)
    if found is None or not mine(actor, version):
        raise MissingError("certificate type")
    path = f"{LIST}/id/{identifier}"
    return Target(found.type, Operation(operation), f"{path}/make/{operation}", path, identifier)
