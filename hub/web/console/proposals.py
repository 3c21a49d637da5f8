"""Changes that take two operators 双人复核: those that wait, confirming and rejecting them."""

import json
from collections.abc import Mapping
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from catalog.errors import DefinitionError
from hub.access.actors import Actor, Role
from hub.access.staff_two import invites_alone
from hub.deps import HubDep, UuidText
from hub.runtime import Hub
from hub.web.console.forms import FieldError, form
from hub.web.console.frame import redirect, render
from hub.web.console.visit import ConsoleDep

router = APIRouter()
PATH: Final = "/console/proposals"
ACTIONS: Final = {
    "clock.calendar": ("节假日安排", "Holidays of a year"),
    "clock.rules": ("期限规则", "Time limits"),
    "department.add": ("部门", "A department"),
    "department.hand_over": ("职责划转", "Part of a department handed over"),
    "department.merge": ("部门合并", "Departments merged"),
    "department.superior": ("上级部门", "Who reviews for a department"),
    "dispute.decide": ("争议处理", "A dispute decided"),
    "matter.add": ("政务服务事项", "A matter"),
    "matter.publish": ("事项或其新版本", "A matter, or its next version"),
    "event.publish": ("一件事或其新版本", "A life event, or its next version"),
    "staff.add": ("新建账号", "A new account"),
    "staff.invite": ("重设密码", "A new password"),
    "staff.operator": ("增设运行人员", "Another operator"),
    "staff.roles": ("增加角色", "Further roles"),
    "key.compromised": ("密钥泄露", "A key compromised"),
    "key.resume": ("恢复密钥", "A stopped key put back to work"),
    "subject.erase": ("抹除主体数据", "A person erased"),
    "system.add": ("应用系统", "A system"),
    "system.desk": ("应用系统作为受理台", "A system becomes its department's counter"),
    "mandate.make": ("委托受理", "One department accepts cases for another"),
    "trust.accept": ("互认平台", "Another hub whose licences are accepted"),
    "witness.add": ("账本见证方或其新公钥", "A witness of the log, or its next key"),
    "witness.remove": ("移除账本见证方", "A witness of the log counts no more"),
    "type.add": ("证照类型或其新版本", "A certificate type, or its next version"),
    "type.resume": ("恢复已停用的证照类型", "A stopped certificate type goes on"),
    "type.retire": ("停止颁发证照类型", "A certificate type issued no more"),
}
_STATES: Final = {
    "open": ("待确认", "waits", "wait"),
    "executed": ("已确认", "confirmed", "good"),
    "rejected": ("已否决", "rejected", "bad"),
    "expired": ("已过期", "expired", "off"),
}
_NO_REASON: Final = FieldError("reason", "请写明事由，最多 500 字", "Say why, in at most 500 characters")


@router.get(PATH, response_class=HTMLResponse)
async def proposals(request: Request, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """What was proposed, the newest first."""
    return await _page(request, hub, actor)


@router.post(PATH + "/{proposal_id}/confirm", response_class=HTMLResponse)
async def confirm(request: Request, proposal_id: UuidText, hub: HubDep, actor: ConsoleDep) -> Response:
    """Make the change; where it was about an account that gets a link, go there."""
    await form(request)
    try:
        done = await hub.sharing.proposals.confirm(actor, proposal_id)
    except DefinitionError:
        wrong = FieldError("", "现在无法执行，内容已不适用", "It cannot be made now: what it says no longer fits")
        return await _page(request, hub, actor, [wrong])
    if done.action.startswith("staff."):
        staff = await hub.staff.get(actor, str(done.result["staff"]))
        if invites_alone(actor, staff, hub.clock()):
            told = ("已确认。请生成一次性链接交给本人", "Confirmed. Make the one-time link and hand it to its owner")
            return redirect(f"/console/staff/{staff.id}", told)
    return redirect(PATH, ("已确认并执行", "Confirmed and made"))


@router.post(PATH + "/{proposal_id}/reject", response_class=HTMLResponse)
async def reject(request: Request, proposal_id: UuidText, hub: HubDep, actor: ConsoleDep) -> Response:
    """End it, or take back one's own."""
    given = await form(request)
    reason = given.text("reason")
    if not 0 < len(reason) <= 500:
        return await _page(request, hub, actor, [_NO_REASON])
    await hub.sharing.proposals.reject(actor, proposal_id, reason)
    return redirect(PATH, ("已否决", "Rejected"))


async def propose(hub: Hub, actor: Actor, action: str, payload: dict[str, Any], reason: str) -> Response:
    """Propose what one operator may not do alone. Raises: DefinitionError."""
    if not 0 < len(reason) <= 500:
        raise DefinitionError("reason: missing")
    await hub.sharing.proposals.propose(actor, action, payload, reason)
    told = ("已提出，三天内须由另一名运行人员确认", "Proposed: another operator confirms it within three days")
    return redirect(PATH, told)


async def _page(request: Request, hub: Hub, actor: Actor, errors: list[FieldError] | None = None) -> HTMLResponse:
    found = await hub.sharing.proposals.list(actor)
    names = {staff.id: staff.user_name for staff in await hub.staff.seen_by(actor)}
    texts = {item.id: _text(item.payload) for item in found}
    peers = await hub.peers.accepted(actor)
    return render(
        request, "console/proposals.html", actor, status=422 if errors else 200, errors=errors or (), found=found,
        peers=peers, names=names, texts=texts, actions=ACTIONS, states=_STATES, may_decide=Role.OPERATOR in actor.roles,
    )  # fmt: skip


def _text(payload: Mapping[str, Any]) -> str:
    """A proposal as it is read before it is confirmed; a file as it was written."""
    if payload.keys() == {"definition"} and isinstance(payload["definition"], str):
        return str(payload["definition"])
    return json.dumps(payload, ensure_ascii=False, indent=2)
