"""Who may do what to a certificate, for which reasons, and what an act must name. One row an operation."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from certificates.errors import ActError
from certificates.lifecycle.states import MAKING, Operation


class By(StrEnum):
    """In what capacity somebody acts."""

    ISSUER = "issuer"
    """发证部门: an officer or a system of the department that issued it"""
    OPERATOR = "operator"
    """平台运营: for the hub, when a key was stolen or a court has spoken"""
    REGISTER = "register"
    """登记库: the hub itself, because a register or a date says so"""


class Link(StrEnum):
    """What a new version must name beside itself."""

    NONE = "none"
    PREDECESSOR = "predecessor"
    """关联证照: the version of this hub that it replaces"""
    ORIGIN = "origin"
    """转出地证照: identifier and number at the authority it comes from"""


class Reason(StrEnum):
    """Why. Codes are only ever added; the act's own words stand beside them."""

    FIRST_GRANT = "first_grant"
    HOLDER_REQUEST = "holder_request"
    RENEWAL = "renewal"
    PARTICULARS_CHANGED = "particulars_changed"
    SIGNED_IN_ERROR = "signed_in_error"
    GRANTED_UNLAWFULLY = "granted_unlawfully"
    OBTAINED_BY_FRAUD = "obtained_by_fraud"
    HOLDER_CEASED = "holder_ceased"
    PERIOD_ENDED = "period_ended"
    IMPOSSIBLE = "impossible"
    PENALTY = "penalty"
    INVESTIGATION = "investigation"
    CAUSE_REMOVED = "cause_removed"
    COURT_OR_REVIEW = "court_or_review"
    LOST_OR_DAMAGED = "lost_or_damaged"
    MOVED = "moved"
    MOVE_GIVEN_UP = "move_given_up"
    KEY_COMPROMISED = "key_compromised"
    REGISTER_CHANGED = "register_changed"
    REGISTER_MISSING = "register_missing"
    REGISTER_REVOKED = "register_revoked"
    OTHER = "other"


REASON_WORDS: Final[Mapping[Reason, tuple[str, str]]] = {
    Reason.FIRST_GRANT: ("新发", "granted for the first time"),
    Reason.HOLDER_REQUEST: ("持证主体申请", "the holder asked for it"),
    Reason.RENEWAL: ("有效期届满延续", "its period was extended"),
    Reason.PARTICULARS_CHANGED: ("登记事项变更", "a particular changed"),
    Reason.SIGNED_IN_ERROR: ("误签发", "signed in error"),
    Reason.GRANTED_UNLAWFULLY: ("违法准予（行政许可法第六十九条第一款）", "granted against the law"),
    Reason.OBTAINED_BY_FRAUD: ("以欺骗等不正当手段取得（行政许可法第六十九条第二款）", "obtained by fraud"),
    Reason.HOLDER_CEASED: ("持证主体死亡、丧失行为能力或终止", "the holder is no more"),
    Reason.PERIOD_ENDED: ("有效期届满未延续", "its period ended"),
    Reason.IMPOSSIBLE: ("因不可抗力无法实施", "its object has become impossible"),
    Reason.PENALTY: ("行政处罚", "an administrative penalty"),
    Reason.INVESTIGATION: ("涉嫌违法正在调查", "under investigation"),
    Reason.CAUSE_REMOVED: ("情形已消除", "the cause is gone"),
    Reason.COURT_OR_REVIEW: ("行政复议决定或司法裁判", "a court or review decided so"),
    Reason.LOST_OR_DAMAGED: ("遗失、损毁补发", "lost or damaged"),
    Reason.MOVED: ("迁移", "the holder moves to another authority"),
    Reason.MOVE_GIVEN_UP: ("取消转出", "the move was given up"),
    Reason.KEY_COMPROMISED: ("签发密钥失密", "the signing key was compromised"),
    Reason.REGISTER_CHANGED: ("登记信息变化", "the register's record changed"),
    Reason.REGISTER_MISSING: ("登记记录不再存在", "the register no longer has the record"),
    Reason.REGISTER_REVOKED: ("登记库已撤销", "the register says it is revoked"),
    Reason.OTHER: ("其他", "another reason, in words"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rule:
    """One operation: its Chinese name, who may do it, for which reasons, and what a new version must name."""

    title: str
    by: frozenset[By]
    reasons: frozenset[Reason]
    link: Link = Link.NONE


def _rule(title: str, by: str, reasons: str, link: Link = Link.NONE) -> Rule:
    named = frozenset(Reason(item) for item in reasons.split())
    return Rule(title, frozenset(By(item) for item in by.split()), named | {Reason.OTHER}, link)


RULES: Final[Mapping[Operation, Rule]] = {
    Operation.ISSUE: _rule("新发", "issuer", "first_grant holder_request"),
    Operation.RENEW: _rule("延续", "issuer", "renewal holder_request", Link.PREDECESSOR),
    Operation.CHANGE: _rule(
        "变更",
        "issuer",
        "particulars_changed holder_request lost_or_damaged register_changed",
        Link.PREDECESSOR,
    ),
    Operation.CORRECT: _rule("更正", "issuer", "signed_in_error", Link.PREDECESSOR),
    Operation.TRANSFER_IN: _rule("转入", "issuer", "moved holder_request", Link.ORIGIN),
    Operation.SUPERSEDE: _rule("更新", "register", "register_changed", Link.PREDECESSOR),
    Operation.SUSPEND: _rule("暂扣", "issuer operator", "penalty investigation court_or_review key_compromised"),
    Operation.RESUME: _rule("暂扣发还", "issuer operator", "cause_removed court_or_review"),
    Operation.REVOKE: _rule(
        "撤销",
        "issuer operator register",
        "signed_in_error granted_unlawfully obtained_by_fraud court_or_review key_compromised register_missing"
        " register_revoked",
    ),
    Operation.WITHDRAW: _rule("吊销", "issuer register", "penalty court_or_review register_revoked"),
    Operation.CANCEL: _rule(
        "注销",
        "issuer register",
        "holder_request holder_ceased period_ended impossible court_or_review register_revoked",
    ),
    Operation.EXPIRE: _rule("过期失效", "register", "period_ended"),
    Operation.TRANSFER_OUT: _rule("办理转出", "issuer", "moved holder_request"),
    Operation.CANCEL_TRANSFER: _rule("取消转出", "issuer", "move_given_up holder_request"),
    Operation.COMPLETE_TRANSFER: _rule("转出办结", "issuer", "moved holder_request"),
    Operation.OTHER: _rule("其他", "issuer", ""),
}
TEXT_LIMIT: Final = 500


def check_act(operation: Operation, *, by: By, reason: Reason, text: str, legal_basis: str) -> None:
    """Refuse an act by the wrong hand, for a reason that its operation does not have, or without words or legal basis.

    Raises: ActError ("by", "reason_code", "reason", "legal_basis").
    """
    rule = RULES[operation]
    if by not in rule.by:
        raise ActError("by", "not_allowed")
    if reason not in rule.reasons:
        raise ActError("reason_code", "not_of_this_operation")
    for name, value in (("reason", text), ("legal_basis", legal_basis)):
        if not value.strip():
            raise ActError(name, "required")
        if len(value) > TEXT_LIMIT:
            raise ActError(name, "too_long")


def check_links(operation: Operation, *, predecessor: bool, origin: bool, claims: bool) -> None:
    """Refuse an act that lacks what its new version must name, or names what it has no use for.

    A transfer in names its origin elsewhere, or, where the other authority is in this hub, the version there.

    Raises: ActError ("predecessor", "origin", "claims").
    """
    link = RULES[operation].link
    making = operation in MAKING
    if claims is not making:
        raise ActError("claims", "required" if making else "not_allowed")
    if link is Link.PREDECESSOR and not predecessor:
        raise ActError("predecessor", "required")
    if link is Link.ORIGIN and predecessor is origin:
        raise ActError("origin", "either_origin_or_predecessor")
    if link is not Link.ORIGIN and origin:
        raise ActError("origin", "not_allowed")
    if operation is Operation.ISSUE and predecessor:
        raise ActError("predecessor", "not_allowed")
