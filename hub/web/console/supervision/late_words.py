"""Words of the pages of orders to show late 延后告知."""

from typing import Final

from hub.citizens.late.values import OrderError, State
from hub.web.console.counter.words import REASONS, WRONG_ID
from hub.web.console.forms import FieldError

STATES: Final = {
    State.PROPOSED: ("待第二人签署", "to be seconded", "wait"),
    State.SECONDED: ("待审计签署", "auditor to sign", "wait"),
    State.LIVE: ("现行", "in force", "info"),
    State.REFUSED: ("未签署", "not signed", "off"),
    State.LIFTED: ("已解除", "lifted", "off"),
    State.ENDED: ("已到期", "run out", "off"),
    State.EXTENDED: ("已延长", "extended", "off"),
}
"""How an order stands, and the look of its tag."""
LAPSED: Final = ("逾期未签，失效", "lapsed unsigned", "off")
OVER: Final = ("已到期", "run out", "off")
"""Its end has come, whether or not anybody has swept."""

SAID: Final = {
    "second": (
        "已签署，等审计人员签署后生效",
        "Signed: it holds when an auditor signs it too",
    ),
    "sign": ("已签署，现在起生效", "Signed: it is in force from now on"),
    "refuse": ("没有签署，决定不生效", "Not signed: the order does not come into force"),
    "lift": ("已解除，本人现在可以看到", "Lifted: the person sees everything from now on"),
}
PROPOSED: Final = (
    "已提出。须由本部门另一人、再由审计人员在三天内签署",
    "Proposed: another of the department, then an auditor, sign it within three days",
)
ONE_HAND: Final = (
    "须由另一人签署：同一人，或由同一名运行人员开户的账号，算一个人",
    "Somebody else has to sign: one person, or accounts that one operator opened, are one hand",
)
NO_LONGER: Final = ("没有办成：决定的状态已变，请核对", "Not done: the order stands otherwise by now, look again")
_FIELDS: Final = {
    "/reason": FieldError("reason", "请选择理由", "Choose the reason"),
    "/legal_basis": FieldError("legal_basis", "请写明依据，最多 500 字", "Name the law, in at most 500 characters"),
    "/matter": FieldError("matter", "请选择事项", "Choose the matter"),
    "/until": FieldError("until", "截止日须晚于今天，且不超过最长期限", "The last day is after today, and not beyond the longest time"),
}  # fmt: skip
DAY: Final = FieldError("until", "日期写作 2026-11-22", "A day is written 2026-11-22")


def wrong_id(reason: str) -> FieldError:
    """Why a text is no ID, beside its field."""
    return FieldError("id", *REASONS.get(reason, WRONG_ID))


def fault_of(error: OrderError) -> FieldError:
    """What is wrong with an order, beside its field."""
    return _FIELDS.get(error.pointer) or wrong_id(error.rule)
