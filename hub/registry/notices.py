"""Notices to staff: a code and what it is about, shown on the console; never data, never a person.

To whoever fills a role in a department, and read for all of them when one has read it: the work is the post's.
Notices about an account go to its person: `hub.access.staff_notices`, which says why they are not these.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, and_, insert, or_, select, update

from catalog.tables import table
from hub.access.actors import Actor, Role
from hub.clock import Clock, new_id, rfc3339
from hub.registry.tables import NoticeRow
from hub.storage.database import Database
from hub.storage.errors import MissingError

_NOTICES: Final = table(NoticeRow)
MAX_LISTED: Final = 200
_NAME: Final = 120
WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "request.file": ("收到授权申请，请在期限内答复", "a request for access waits for your answer"),
    "request.rule": ("已按无条件共享属性自动授权", "access was granted by rule, for unconditional terms"),
    "request.ask_more": ("数据提供部门一次性告知须补充的内容", "the owner says what is missing"),
    "request.supply": ("申请材料已补充", "the asker has supplied what was missing"),
    "request.extend": ("答复期限已延长", "the owner has extended the time for the answer"),
    "request.approve": ("授权申请已同意，授权已生效", "access was granted and is live"),
    "request.refuse": ("授权申请不予同意，理由见详情", "access was refused; the reasons are in the request"),
    "request.withdraw": ("授权申请已撤回", "the request was withdrawn"),
    "request.lapse": ("逾期未补充，申请视为撤回", "the request lapsed: nothing was supplied in time"),
    "request.reopen": ("争议处理后须重新答复", "after a dispute the request must be answered again"),
    "request.near": ("答复期限将至", "the time for an answer ends soon"),
    "request.over": ("答复已逾期", "the answer is overdue"),
    "dispute.open": ("申请部门提出争议，进入协商", "the asker disputes the answer: negotiate"),
    "dispute.settle": ("争议已协商一致", "the dispute was settled"),
    "dispute.escalate": ("争议协商未果，提请主管部门处理", "the dispute was put to the operator"),
    "dispute.decide": ("主管部门已作出处理决定", "the operator has decided the dispute"),
    "dispute.appeal": ("争议提请共同上级处理", "the dispute was put to the common superior"),
    "dispute.close": ("共同上级的处理结果已登记", "the common superior's decision was recorded"),
    "dispute.near": ("争议处理期限将至", "the time for the dispute ends soon"),
    "dispute.over": ("争议处理已逾期", "the dispute is overdue"),
    "grant.suspended": ("授权已被暂停", "a grant was suspended"),
    "grant.withdrawn": ("授权已被撤回", "a grant was withdrawn"),
    "grant.live": ("授权已恢复", "a grant was restored"),
    "interface.deprecated": (
        "有授权的数据接口公告停用，请按期改用",
        "an interface that you may use will end: change over in time",
    ),
    "interface.withdrawn": (
        "有授权的数据接口已下线，理由见接口页面",
        "an interface that you may use was withdrawn; the reason is on its page",
    ),
    "bulk.waiting": ("有批量查询结果待复核发放", "the result of a bulk run waits for its release"),
    "bulk.released": ("批量查询结果已发放，请在期限内取走", "the result of a bulk run is released; fetch it in time"),
    "bulk.refused": (
        "批量查询结果不予发放，理由见详情",
        "the result of a bulk run is not released; the reason is beside it",
    ),
    "bulk.stopped": ("批量查询已中止，原因见详情", "a bulk run was ended before its end; the reason is beside it"),
    "witness.silent": (
        "账本见证方近期未按要求见证，请联系各见证方",
        "too few witnesses co-signed the log lately: ask them why (GET /api/v1/ledger/witnesses)",
    ),
    "witness.contradicts": (
        "有见证方说它见证过与本账本不符的检查点，请立即联系该见证方查明",
        "a witness says that it co-signed a checkpoint that is not of this log: call it at once",
    ),
    "witness.forked": (
        "有人提交了本账本密钥签名、但与本账本不符的检查点，请立即查明",
        "a checkpoint was handed in that this log's key signed and that is not of this log: find out at once",
    ),
    "ledger.waiting": (
        "有已提交的记录超过承诺时间仍未进入账本，请立即查明",
        "entries were committed and are not in the log within the promised time: find out at once",
    ),
    "demand.waiting": ("有供需对接需求，请在期限内答复", "a demand for data waits for your answer"),
    "demand.unassigned": ("有供需对接需求未找到数源部门，请指定", "a demand has no likely owner: name one"),
    "demand.near": ("供需对接需求的答复期限将至", "the time for answering a demand ends soon"),
    "demand.over": ("供需对接需求逾期未答复", "the answer to a demand is overdue"),
    "demand.answered": ("供需对接需求已答复", "your demand was answered"),
    "event.proposed": ("有“一件事”定义待确认", "a life event waits for your confirmation"),
    "event.matter_withdrawn": (
        "“一件事”中有事项已停用，请修订其定义",
        "a life event names a matter that is no longer in force: publish its next version",
    ),
    "family.given_up": (
        "联办事项之一已办结而未出证，等待该证照的办件须另行处理",
        "a case of a family closed without the certificate that another one waits for",
    ),
    "debt.open": (
        "有办件因本部门未能提供已有数据而欠件，数据源恢复后自动补齐，请尽快处理",
        "a case waits for what your department has and could not give; it is fetched when the source answers again",
    ),
    "debt.near": ("部门欠件的补齐期限将至", "the time for what your department owes a case ends soon"),
    "debt.over": ("部门欠件逾期未补齐", "what a department owes a case is overdue"),
    "debt.ended": (
        "有欠件因授权已失效而终止，请查看",
        "something owed to your case will not come: its grant has ended",
    ),
    "matter.proposed": ("有事项待审批发布", "a matter of your department waits to be published"),
    "ask.made": (
        "有窗口或系统仍要求当事人提供依规不得要求的材料，请查看",
        "a person was asked for what no rule lets anybody ask for",
    ),
    "task.asked": ("有协查请求，请在期限内答复", "a question to your officers waits for an answer"),
    "task.near": ("协查请求的答复期限将至", "the time for answering a question to your officers ends soon"),
    "task.over": ("协查请求逾期未答复", "the answer to a question to your officers is overdue"),
    "task.answered": ("协查已答复，请重新取证", "your question was answered: pull the evidence again"),
    "commitment.near": ("告知承诺的履行期限将至", "a promise given in your case is due soon"),
    "commitment.verified": ("告知承诺已由平台核查属实", "a promise given in your case was verified by the hub"),
    "commitment.unchecked": (
        "告知承诺到期，平台五天内未能核查，请自行核实，不算当事人未履行",
        "a promise is due and the hub could not look for five days: look for yourselves; nobody has broken it",
    ),
    "commitment.broken": (
        "告知承诺逾期未履行，请按承诺书载明的后果处理",
        "a promise given in your case was broken: the promised consequence follows",
    ),
    "mandate.waiting": (
        "有部门拟委托本部门受理事项，待审批人确认",
        "a department would have yours accept cases for it: an approver confirms",
    ),
    "mandate.ended": ("委托受理已终止", "a mandate to accept cases has ended"),
    "case.accepted": ("有委托受理的办件待审批", "a case was accepted for your department and waits for its decision"),
    "case.accept_near": ("有办件受理期限将至", "the time for accepting a case ends soon"),
    "case.accept_over": ("有办件逾期未受理", "a case was not accepted in time"),
    "case.decide_near": ("有办件办结期限将至", "the time for deciding a case ends soon"),
    "case.decide_over": ("有办件逾期未办结", "a case was not decided in time"),
    "dead_end.opened": ("有办件转入“办不成事”窗口，请在期限内答复", "a case that could not be done waits on the desk"),
    "dead_end.near": ("“办不成事”办件的答复期限将至", "the time for a case on the desk for dead ends ends soon"),
    "dead_end.over": ("“办不成事”办件逾期未答复", "a case on the desk for dead ends is overdue"),
    "dead_end.handed_on": ("有办不成的事转本部门办理，请按期答复", "a case that could not be done is yours to solve"),
    "dead_end.given_back": ("有部门退回办不成的事，请另行处理", "a department gives a case back to the desk"),
    "dead_end.answered": ("“办不成事”办件已有答复，请查看", "the desk has answered about your case"),
    "objection.raised": (
        "有当事人对数据或查询提出异议或疑问，请在期限内答复",
        "a person objects to data, or asks about a look at them: it waits for your answer",
    ),
    "objection.ordered": (
        "上级部门复核后认定应予更正，请在期限内更正并答复",
        "your superior has said on review that a record is to be corrected: correct it in time, and answer",
    ),
    "objection.near": ("当事人异议的答复期限将至", "the time for answering a person's objection ends soon"),
    "objection.disobeyed": (
        "贵部门复核认定应予更正的，原部门逾期未更正",
        "what your department upheld on review was not corrected in time",
    ),
    "objection.over": ("当事人异议逾期未答复", "the answer to a person's objection is overdue"),
    "late.proposed": ("有推迟告知的决定待本部门第二人签署", "an order to show looks late waits for a second signature"),
    "late.seconded": ("有推迟告知的决定待审计人员签署", "an order to show looks late waits for an auditor"),
    "proposal.made": ("有变更待第二人确认", "a change waits for a second person"),
    "proposal.executed": ("变更已由第二人确认并生效", "the change was confirmed and made"),
    "proposal.rejected": ("变更被否决", "the change was rejected"),
}


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice as shown."""

    id: str
    department_id: str | None
    role: str
    code: str
    object_kind: str
    object_id: str
    at: datetime
    seen_at: datetime | None

    def as_json(self) -> dict[str, Any]:
        """With its words in both languages."""
        zh, en = WORDS[self.code]
        return {
            "id": self.id,
            "code": self.code,
            "zh": zh,
            "en": en,
            "object": {"kind": self.object_kind, "id": self.object_id},
            "at": rfc3339(self.at),
            "seen_at": rfc3339(self.seen_at) if self.seen_at else None,
        }


class NoticeService:
    """Shows notices to those whom they are for."""

    def __init__(self, database: Database, *, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def list(self, actor: Actor, *, unseen: bool = False) -> list[Notice]:
        """The newest 200 for his department and roles."""
        query = select(_NOTICES).where(concerns(actor)).order_by(_NOTICES.c.id.desc()).limit(MAX_LISTED)
        if unseen:
            query = query.where(_NOTICES.c.seen_at.is_(None))
        rows = await self._database.read(lambda tx: tx.execute(query).all())
        return [
            Notice(row.id, row.department_id, row.role, row.code, row.object_kind, row.object_id, row.at, row.seen_at)
            for row in rows
        ]

    async def see(self, actor: Actor, notice_id: str) -> None:
        """Mark one as seen, for everybody it is for. Raises: MissingError."""
        now = self._clock()
        where = and_(_NOTICES.c.id == notice_id, concerns(actor))
        values = {"seen_at": now, "seen_by": actor.id}

        def unit(tx: Connection) -> bool:
            return tx.execute(update(_NOTICES).where(where).values(**values)).rowcount == 1

        if not await self._database.write(unit):
            raise MissingError("notice")


def notify(
    tx: Connection,
    code: str,
    *,
    department_id: str | None,
    role: Role,
    about: tuple[str, str],
    now: datetime,
    once: str = "",
) -> None:
    """Write a notice in the transaction of its cause. `about`: kind and id of an object.

    With `once` there is one of that name only, however often the cause is told.
    """
    if code not in WORDS:
        raise ValueError("a notice without words")
    notice_id = new_id()
    # The role too: a department that asks itself is told on both sides.
    name = _name(f"{code}:{about[1]}:{department_id}:{role}:{once}") if once else notice_id
    if once and tx.execute(select(_NOTICES.c.id).where(_NOTICES.c.once == name)).first() is not None:
        return
    tx.execute(
        insert(_NOTICES).values(
            id=notice_id,
            department_id=department_id,
            role=role.value,
            code=code,
            object_kind=about[0],
            object_id=about[1],
            once=name,
            at=now,
        )
    )


def _name(text: str) -> str:
    """Cut off alone, two that differ at their end would be one."""
    return text if len(text) <= _NAME else f"{text[: _NAME - 65]}:{hashlib.sha256(text.encode()).hexdigest()}"


def concerns(actor: Actor) -> Any:
    """The condition that a notice is for this actor: his department and one of his roles."""
    if actor.kind == "command":
        return _NOTICES.c.id.is_not(None)
    roles = [role.value for role in actor.roles]
    place = _NOTICES.c.department_id == actor.department_id
    if Role.OPERATOR in actor.roles:
        place = or_(place, _NOTICES.c.department_id.is_(None))
    return and_(place, _NOTICES.c.role.in_(roles))
