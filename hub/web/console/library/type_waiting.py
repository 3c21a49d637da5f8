"""Changes of types that wait for a second person: what each changes, confirming and rejecting it. And the switch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from catalog.errors import DefinitionError
from certificates.definitions.loading import load_type
from certificates.definitions.schema import read_definition
from certificates.definitions.versions import differences
from certificates.errors import CertificateError
from hub.access.actors import Actor, Role
from hub.deps import HubDep, UuidText
from hub.issuing.renditions.face_preview import PreviewOrder
from hub.issuing.renditions.face_templates import SHIPPED, TEMPLATE
from hub.issuing.shelf import CITY, STAFF
from hub.registry.errors import StateError
from hub.registry.proposal import Proposal
from hub.registry.requests.errors import SameHandError, SamePersonError
from hub.registry.sharing import TYPE, TYPE_END, TYPE_LIFT
from hub.runtime import Hub
from hub.storage.errors import MissingError
from hub.web.console.forms import FieldError, Form, form
from hub.web.console.frame import redirect, render
from hub.web.console.library.face_template import (
    EDITOR,
    Shown,
    changed_lines,
    face_language,
    faults_of,
    shown,
)
from hub.web.console.library.one import names_of
from hub.web.console.library.type_words import OWNED, STEPS, place_words, shown_value
from hub.web.console.library.types import TYPES, CodePath, can_preview, waiting_for
from hub.web.console.view import view_of
from hub.web.console.visit import ConsoleDep

router = APIRouter()
PROPOSALS: Final = TYPES + "/proposals"
_PROPOSED: Final = ("已提出，须由另一人确认", "Proposed: somebody else confirms it")
_NOT_OWN: Final = FieldError("", "须由另一人确认，不能自己确认自己的", "Somebody else confirms it, not who proposed it")


@router.get(PROPOSALS + "/{proposal_id}", response_class=HTMLResponse)
async def one(request: Request, proposal_id: UuidText, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """One that waits, with what it changes."""
    return await _page(request, hub, actor, await _found(hub, actor, proposal_id))


@router.post(PROPOSALS + "/{proposal_id}/confirm", response_class=HTMLResponse)
async def confirm(request: Request, proposal_id: UuidText, hub: HubDep, actor: ConsoleDep) -> Response:
    """Bring it into force, as the second person."""
    await form(request)
    item = await _found(hub, actor, proposal_id)
    try:
        done = await hub.sharing.proposals.confirm(actor, proposal_id)
    except (SamePersonError, SameHandError):
        return await _page(request, hub, actor, item, [_NOT_OWN])
    except (CertificateError, DefinitionError, StateError):
        wrong = FieldError("", "现在无法执行，内容已不适用", "It cannot be made now: what it says no longer fits")
        return await _page(request, hub, actor, item, [wrong])
    return redirect(f"{TYPES}/{done.result.get('type', '')}", ("已确认，现已生效", "Confirmed, and in force"))


@router.post(PROPOSALS + "/{proposal_id}/reject", response_class=HTMLResponse)
async def reject(request: Request, proposal_id: UuidText, hub: HubDep, actor: ConsoleDep) -> Response:
    """End it, or take back one's own."""
    given = await form(request)
    reason = given.text("reason")
    if not 0 < len(reason) <= 500:
        wrong = FieldError("reason", "请写明理由，最多 500 字", "Say why, in at most 500 characters")
        return await _page(request, hub, actor, await _found(hub, actor, proposal_id), [wrong])
    await hub.sharing.proposals.reject(actor, proposal_id, reason)
    return redirect(TYPES, ("已否决", "Rejected"))


@router.get(TYPES + "/{code}/{step}", response_class=HTMLResponse)
async def step_form(request: Request, code: CodePath, step: str, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """Why, on which legal basis."""
    return await _step_page(request, hub, actor, code, step, Form({}))


@router.post(TYPES + "/{code}/{step}", response_class=HTMLResponse)
async def take_step(request: Request, code: CodePath, step: str, hub: HubDep, actor: ConsoleDep) -> Response:
    """Stop it at once, or propose its end or its going on."""
    given = await form(request)
    told = {name: given.text(name) for name in ("reason", "legal_basis")}
    needed = [name for name in told if name == "reason" or step != "resume"]
    wrong = [
        FieldError(name, "请填写，最多 500 字", "Enter it, in at most 500 characters")
        for name in needed
        if not 0 < len(told[name]) <= 500
    ]
    if wrong:
        return await _step_page(request, hub, actor, code, step, given, wrong)
    known = str((await hub.registry.typing.shown(code))["code"])
    if step == "halt":
        await hub.halts.halt(actor, known, reason=told["reason"], legal_basis=told["legal_basis"])
        return redirect(f"{TYPES}/{known}", ("已停用，立即生效", "The type is stopped, at once"))
    if step not in STEPS:
        raise MissingError("page")
    action = TYPE_LIFT if step == "resume" else TYPE_END
    payload = {"code": known, **{name: told[name] for name in needed}}
    made = await hub.sharing.proposals.propose(actor, action, payload, told["reason"])
    return redirect(f"{PROPOSALS}/{made.id}", _PROPOSED)


async def _step_page(
    request: Request,
    hub: Hub,
    actor: Actor,
    code: str,
    step: str,
    given: Form,
    errors: Sequence[FieldError] = (),
) -> HTMLResponse:
    actor.require(*STAFF, Role.OPERATOR)
    if step not in STEPS:
        raise MissingError("page")
    kind = load_type(await hub.registry.typing.text_of(code))
    return render(
        request, "console/library_type_step.html", actor, status=422 if errors else 200, errors=errors, kind=kind,
        step=step, said=STEPS[step], given=given, path_of=f"{TYPES}/{kind.code}",
    )  # fmt: skip


async def _found(hub: Hub, actor: Actor, proposal_id: str) -> Proposal:
    actor.require(*STAFF, *CITY)
    found = next((item for item in await waiting_for(hub, actor) if item.id == proposal_id), None)
    if found is None:
        raise MissingError("proposal")
    return found


async def _page(
    request: Request, hub: Hub, actor: Actor, item: Proposal, errors: Sequence[FieldError] = ()
) -> HTMLResponse:
    text = str(item.payload.get("definition") or "")
    kind = load_type(text) if item.action == TYPE else None
    code = kind.code if kind else str(item.payload.get("code") or item.payload.get("type") or "")
    known = hub.types.find(code)
    own = dict(item.proposed_by) == actor.as_json()
    face = await _face(request, hub, actor, code, item.payload.get("source")) if item.action == TEMPLATE else None
    return render(
        request, "console/library_type_proposal.html", actor, status=422 if errors else 200, errors=errors, item=item,
        kind=kind or (known.type if known else None), code=code, said=OWNED[item.action], own=own,
        text=face.text if face else text, face=face,
        changes=await _changes(hub, code, text) if kind and known else [], known=known, places=place_words,
        shown=shown_value, names=await names_of(hub, actor), types_path=TYPES, path_of=f"{PROPOSALS}/{item.id}",
        may_decide=not own and bool(actor.roles & {Role.OWNER_APPROVER, Role.OPERATOR}),
        may_reject=bool(actor.roles & {*STAFF, Role.OPERATOR}),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Face:
    """A proposed template: its text, what it changes in what is in force, its pages, what went wrong with them."""

    text: str
    back: bool
    lines: Sequence[str]
    shown: Shown
    faults: Sequence[FieldError]
    path: str


async def _face(request: Request, hub: Hub, actor: Actor, code: str, source: str | None) -> _Face:
    if hub.types.find(code) is None:  # nothing is issued of it any more
        return _Face(source or "", source is None, (), Shown(), (), "")
    before = await hub.faces.templates.text(actor, code)
    after = source or await hub.faces.templates.text(actor, code, SHIPPED)
    order = PreviewOrder(after, face_language(view_of(request).language), "png", long_values=False)
    made = await shown(hub, actor, code, order) if can_preview(actor) else Shown()
    lines, path = changed_lines(before, after), EDITOR.format(code=code)
    return _Face(after, source is None, lines, made, faults_of(made), path)


async def _changes(hub: Hub, code: str, text: str) -> list[dict[str, Any]]:
    before = read_definition(await hub.registry.typing.text_of(code))
    return [item.as_json() for item in differences(before, read_definition(text))]
