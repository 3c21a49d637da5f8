"""The editor of a matter: its YAML, what is wrong with it by place, what it changes, what people would be told; and
its publication by a second person. Nothing is kept before it is proposed.
"""

from collections.abc import Sequence
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from catalog.errors import DefinitionError
from catalog.matters.findings import Finding, Level
from catalog.store import list_departments
from certificates.definitions.schema import MAX_DEFINITION_CHARACTERS
from hub.access.actors import Actor, Role
from hub.access.errors import ForbiddenError
from hub.deps import HubDep, UuidText
from hub.registry.matters.publishing import PUBLISH
from hub.registry.proposal import Proposal
from hub.registry.requests.errors import SameHandError, SamePersonError
from hub.runtime import Hub
from hub.storage.errors import MissingError
from hub.web.console.forms import FieldError, form
from hub.web.console.frame import redirect, render
from hub.web.console.library.one import names_of
from hub.web.console.matters.listing import MATTERS, WRITERS, CodePath, waiting_for
from hub.web.console.matters.words import FATES, line_words, place_words, shown_value
from hub.web.console.view import view_of
from hub.web.console.visit import ConsoleDep

router = APIRouter()
PROPOSALS: Final = MATTERS + "/proposals"
_MAX_FORM: Final = 4 * MAX_DEFINITION_CHARACTERS * 3
_BEGIN: Final = """\
code_system: 示例市政务服务事项目录
code: my_matter
name: {zh: 事项名称, en: Name of the matter}
department: ""
roles: [applicant]
requirements:
  - code: paper
    title: {zh: 材料名称, en: Name of the paper}
    party: applicant
    legal_basis: 《示例市某办法》第一条
    alternatives:
      - - {type: "", fields: [name]}
"""
_SENT: Final = ("已提出，须由另一人确认后发布", "Proposed: it is published when somebody else confirms it")
_NOT_OWN: Final = FieldError("", "须由另一人确认，不能自己确认自己的", "Somebody else confirms it, not who proposed it")
_NO_LONGER: Final = FieldError(
    "", "现在无法发布，内容已不适用", "It cannot be published now: what it says no longer fits"
)
_WHY: Final = FieldError("reason", "请写明理由，最多 500 字", "Say why, in at most 500 characters")


@router.get(MATTERS + "/new", response_class=HTMLResponse)
async def new(request: Request, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """Begin with the smallest one."""
    actor.require(*WRITERS)
    departments = await hub.database.read(list_departments)
    mine = next((item.code for item in departments if item.id == actor.department_id), "")
    return await _page(request, hub, actor, "", _BEGIN.replace('department: ""', f'department: "{mine}"'))


@router.post(MATTERS + "/new", response_class=HTMLResponse)
async def take_new(request: Request, hub: HubDep, actor: ConsoleDep) -> Response:
    """Check it, or propose it."""
    return await _taken(request, hub, actor, "")


@router.get(MATTERS + "/{code}/edit", response_class=HTMLResponse)
async def edit(request: Request, code: CodePath, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """The newest version's text."""
    actor.require(*WRITERS)
    return await _page(request, hub, actor, code, await hub.registry.matters.text_of(actor, code))


@router.post(MATTERS + "/{code}/edit", response_class=HTMLResponse)
async def take_edit(request: Request, code: CodePath, hub: HubDep, actor: ConsoleDep) -> Response:
    """Check it, or propose it as the next version."""
    actor.require(*WRITERS)
    await hub.registry.matters.text_of(actor, code)
    return await _taken(request, hub, actor, code)


@router.get(PROPOSALS + "/{proposal_id}", response_class=HTMLResponse)
async def proposal(request: Request, proposal_id: UuidText, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """One that waits: what it changes, and what people would be told."""
    return await _waiting(request, hub, actor, await _found(hub, actor, proposal_id))


@router.post(PROPOSALS + "/{proposal_id}/confirm", response_class=HTMLResponse)
async def confirm(request: Request, proposal_id: UuidText, hub: HubDep, actor: ConsoleDep) -> Response:
    """Publish it, as the second person."""
    await form(request)
    item = await _found(hub, actor, proposal_id)
    try:
        done = await hub.sharing.proposals.confirm(actor, proposal_id)
    except (SamePersonError, SameHandError):
        return await _waiting(request, hub, actor, item, [_NOT_OWN])
    except DefinitionError:
        return await _waiting(request, hub, actor, item, [_NO_LONGER])
    told = (
        f"已确认，发布为第 {done.result['version']} 版",
        f"Confirmed, and published as version {done.result['version']}",
    )
    return redirect(f"{MATTERS}/{done.result['matter']}", told)


@router.post(PROPOSALS + "/{proposal_id}/reject", response_class=HTMLResponse)
async def reject(request: Request, proposal_id: UuidText, hub: HubDep, actor: ConsoleDep) -> Response:
    """End it, or take back one's own."""
    given = await form(request)
    item = await _found(hub, actor, proposal_id)
    if not 0 < len(given.text("reason")) <= 500:
        return await _waiting(request, hub, actor, item, [_WHY])
    await hub.sharing.proposals.reject(actor, proposal_id, given.text("reason"))
    return redirect(MATTERS, ("已否决", "Rejected"))


async def _taken(request: Request, hub: Hub, actor: Actor, code: str) -> Response:
    actor.require(*WRITERS)
    given = await form(request, max_bytes=_MAX_FORM)
    text, reason = given.raw("definition"), given.text("reason")
    draft = await hub.registry.matters.look_at(actor, text)
    errors = [_fault(text, item) for item in draft.findings if item.level is Level.ERROR]
    if code and draft.matter is not None and draft.matter.code != code:
        errors.append(FieldError("definition", f"代码须为 {code}", f"The code stays {code}"))
    if given.text("step") == "send" and not errors:
        if not 0 < len(reason) <= 500:
            errors.append(_WHY)
        else:
            try:
                made = await hub.sharing.proposals.propose(actor, PUBLISH, {"definition": text}, reason)
            except ForbiddenError:
                wrong = ("只有本事项的部门和平台运行人员可以提出", "Only its own department and operators propose it")
                errors.append(FieldError("definition", *wrong))
            except DefinitionError as error:
                errors.append(FieldError("definition", f"无法发布：{error}", f"It cannot be published: {error}"))
            else:
                return redirect(f"{PROPOSALS}/{made.id}", _SENT)
    return await _page(request, hub, actor, code, text, reason=reason, errors=errors, checked=True)


async def _page(
    request: Request,
    hub: Hub,
    actor: Actor,
    code: str,
    text: str,
    *,
    reason: str = "",
    errors: Sequence[FieldError] = (),
    checked: bool = False,
) -> HTMLResponse:
    draft = await hub.registry.matters.look_at(actor, text)
    language = "en" if view_of(request).language == "en" else "zh-CN"
    advice = [(line_words(text, item.pointer), item) for item in draft.findings if item.level is Level.WARNING]
    return render(
        request, "console/matter_edit.html", actor, status=422 if errors else 200, errors=errors, code=code, text=text,
        draft=draft, told=draft.products, language=language, advice=advice, checked=checked, reason=reason,
        places=place_words, shown=shown_value, fates=FATES, matters_path=MATTERS,
        path_of=f"{MATTERS}/{code}/edit" if code else f"{MATTERS}/new",
    )  # fmt: skip


async def _found(hub: Hub, actor: Actor, proposal_id: str) -> Proposal:
    actor.require(*WRITERS, Role.AUDITOR)
    found = next((item for item in await waiting_for(hub, actor) if item.id == proposal_id), None)
    if found is None:
        raise MissingError("proposal")
    return found


async def _waiting(
    request: Request, hub: Hub, actor: Actor, item: Proposal, errors: Sequence[FieldError] = ()
) -> HTMLResponse:
    text = str(item.payload["definition"])
    draft = await hub.registry.matters.look_at(actor, text)
    language = "en" if view_of(request).language == "en" else "zh-CN"
    own = dict(item.proposed_by) == actor.as_json()
    return render(
        request, "console/matter_proposal.html", actor, status=422 if errors else 200, errors=errors, item=item,
        text=text, draft=draft, told=draft.products, language=language, own=own, names=await names_of(hub, actor),
        places=place_words, shown=shown_value, fates=FATES, matters_path=MATTERS, path_of=f"{PROPOSALS}/{item.id}",
        may_decide=not own and bool(actor.roles & {Role.OWNER_APPROVER, Role.OPERATOR}),
        may_reject=bool(actor.roles.intersection(WRITERS)),
    )  # fmt: skip


def _fault(text: str, finding: Finding) -> FieldError:
    zh, en = line_words(text, finding.pointer)
    at = f"{finding.requirement}：" if finding.requirement else ""
    return FieldError("definition", f"{zh}{at}{finding.zh}", f"{en}{at.replace('：', ': ')}{finding.en}")
