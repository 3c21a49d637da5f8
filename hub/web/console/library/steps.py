"""Acts that change a licence's state: suspend, resume, revoke, withdraw, cancel, transfer. Asked, checked, done."""

from collections.abc import Sequence
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from certificates.lifecycle.rules import RULES, By
from certificates.lifecycle.states import MAKING, Operation
from certificates.stores.version import VersionRecord
from hub.access.actors import Actor, Role
from hub.deps import HubDep
from hub.issuing.shelf import STAFF
from hub.runtime import Hub
from hub.storage.errors import MissingError
from hub.web.console.forms import FieldError, Form, form
from hub.web.console.frame import redirect, render
from hub.web.console.library.forms import (
    REFUSED,
    act_in,
    answers_of,
    faults_of,
    kept_fields,
    reasons_of,
    refusal,
    told,
)
from hub.web.console.library.listing import LIST
from hub.web.console.library.make import Target
from hub.web.console.library.one import ONE, IdentifierPath, history_of, mine, two_persons
from hub.web.console.library.words import EFFECTS, FINAL, OPERATIONS
from hub.web.console.visit import ConsoleDep

router = APIRouter()
_ACTS: Final = frozenset(operation.value for operation in EFFECTS if operation not in MAKING)


@router.get(ONE + "/act/{operation}", response_class=HTMLResponse)
async def act_form(
    request: Request, identifier: IdentifierPath, operation: str, hub: HubDep, actor: ConsoleDep
) -> HTMLResponse:
    """Why, on which legal basis, since when."""
    target, _ = await _target(hub, actor, identifier, operation)
    return _page(request, actor, target, Form({}))


@router.post(ONE + "/act/{operation}", response_class=HTMLResponse)
async def act(request: Request, identifier: IdentifierPath, operation: str, hub: HubDep, actor: ConsoleDep) -> Response:
    """Check it, or do it."""
    target, version = await _target(hub, actor, identifier, operation)
    given = await form(request)
    if given.text("step") == "edit":
        return _page(request, actor, target, given)
    own = mine(actor, version)
    by = By.ISSUER if own and By.ISSUER in RULES[target.operation].by else By.OPERATOR
    if faults := faults_of(target.operation, given, target.kind, None, by):
        return _page(request, actor, target, given, faults)
    if given.text("step") != "send":
        lines = answers_of(target.kind, target.operation, given, None)
        return render(
            request, "console/library_check.html", actor, target=target, lines=lines, effects=EFFECTS,
            kept=kept_fields(target.kind, given), danger=target.operation in FINAL, operations=OPERATIONS,
            two=own and two_persons(hub, version.type_code),
        )  # fmt: skip
    try:
        outcome = await hub.transitions.act(actor, identifier, act_in(target.operation, given, None))
    except REFUSED as error:
        return _page(request, actor, target, given, refusal(error, target.kind))
    zh, en = OPERATIONS[target.operation]
    return redirect(*told(outcome, LIST, (f"已办理：{zh}", f"Done: {en}")))


def _page(
    request: Request, actor: Actor, target: Target, given: Form, errors: Sequence[FieldError] = ()
) -> HTMLResponse:
    return render(
        request, "console/library_act.html", actor, status=422 if errors else 200, errors=errors, target=target,
        given=given, reasons=reasons_of(target.operation), operations=OPERATIONS, effects=EFFECTS,
    )  # fmt: skip


async def _target(hub: Hub, actor: Actor, identifier: str, operation: str) -> tuple[Target, VersionRecord]:
    actor.require(*STAFF, Role.OPERATOR)
    if operation not in _ACTS:
        raise MissingError("page")
    version = (await history_of(hub, actor, identifier)).asked
    kind = hub.types.version(version.type_code, version.type_version)
    path = f"{LIST}/id/{identifier}"
    return Target(kind, Operation(operation), f"{path}/act/{operation}", path, identifier), version
