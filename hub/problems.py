"""The one table from errors to problem documents (RFC 9457), in Chinese and English.

A problem says what happened, who must act and whether trying again helps. It never repeats a value of the request.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from catalog.errors import DefinitionError, IdentifierError
from certificates.errors import CertificateError
from hub.access.errors import (
    ForbiddenError,
    ForgeryError,
    GrantTypeError,
    InvalidClientError,
    InvalidTokenError,
    LockedOutError,
    PasswordRuleError,
    ProviderError,
    SandboxError,
    SecondOperatorError,
    SignInNeededError,
    SignInRefusedError,
)
from hub.collection.errors import NotEntitledError
from hub.edge.errors import BadRequestError, BodyTooLargeError, InvalidBodyError, RateLimitedError
from hub.exchange import errors as exchange
from hub.exchange.errors import GatewayError
from hub.intake import errors as intake
from hub.intake import wording
from hub.issuing.status import UnknownCertificateError
from hub.ledger.errors import LedgerBrokenError, NotSequencedError, StandbyError
from hub.registry import errors as registry
from hub.registry import requests_errors as requests
from hub.storage import errors as storage

Who = Literal["caller", "operator", "owner", "nobody"]
MEDIA_TYPE: Final = "application/problem+json"


@dataclass(frozen=True, slots=True)
class ProblemType:
    """A stable kind of problem; its slug ends the `type` URI and names its page in docs/problems."""

    slug: str
    status: int
    zh: str
    en: str
    who: Who
    retryable: bool = False
    retry_after_seconds: int | None = None


PROBLEM_SCHEMA: Final[Mapping[str, Any]] = {
    "type": "object",
    "description": "RFC 9457 problem document",
    "required": ["type", "title", "status", "instance", "who_must_act", "retryable"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "instance": {"type": "string"},
        "who_must_act": {"enum": ["caller", "operator", "owner", "nobody"]},
        "retryable": {"type": "boolean"},
        "retry_after_seconds": {"type": "integer"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "pointer": {"type": "string"},
                    "rule": {"type": "string"},
                    "zh": {"type": "string"},
                    "en": {"type": "string"},
                    "params": {"type": "object"},
                },
            },
        },
    },
}

INTERNAL: Final = ProblemType("internal", 500, "系统内部错误", "The hub failed", "operator", retryable=True)
NOT_FOUND: Final = ProblemType("not-found", 404, "没有此资源", "No such resource", "caller")
METHOD: Final = ProblemType("method-not-allowed", 405, "不支持该方法", "Method not allowed", "caller")
SECOND_PERSON: Final = ProblemType(
    "second-person-needed", 403, "须由另一人确认", "A second person must confirm", "operator"
)
_TABLE: Final[Mapping[type[Exception], ProblemType]] = {
    BadRequestError: ProblemType("bad-request", 400, "请求格式有误", "The request is malformed", "caller"),
    BodyTooLargeError: ProblemType("body-too-large", 413, "请求内容过大", "The request body is too large", "caller"),
    InvalidBodyError: ProblemType("invalid-request", 422, "请求内容不符合要求", "The request breaks a rule", "caller"),
    RateLimitedError: ProblemType("rate-limited", 429, "请求过于频繁", "Too many requests", "caller", retryable=True, retry_after_seconds=5),
    InvalidClientError: ProblemType("invalid-client", 401, "客户端认证失败", "Client authentication failed", "caller"),
    InvalidTokenError: ProblemType("invalid-token", 401, "访问令牌无效", "The access token is not valid", "caller", retryable=True),
    GrantTypeError: ProblemType("unsupported-grant", 400, "不支持的授权请求", "Unsupported token request", "caller"),
    SignInNeededError: ProblemType("sign-in-needed", 401, "请先登录", "Sign in first", "caller"),
    SignInRefusedError: ProblemType("sign-in-refused", 401, "登录未成功", "The sign-in was not accepted", "caller"),
    LockedOutError: ProblemType("locked-out", 429, "尝试次数过多，请稍后再试", "Too many attempts; try again later", "caller", retryable=True, retry_after_seconds=30),
    ProviderError: ProblemType("provider-unavailable", 503, "统一身份认证暂不可用", "The identity provider does not answer", "operator", retryable=True, retry_after_seconds=10),
    ForgeryError: ProblemType("forged-form", 403, "表单已失效或不是本系统页面提交", "The form has expired or is not from our own page", "caller"),
    PasswordRuleError: ProblemType("password-rule", 422, "新密码不符合要求", "The new password breaks a rule", "caller"),
    SandboxError: ProblemType("sandbox-only", 403, "沙箱凭据与正式数据互不相通", "Sandbox credentials and live data never meet", "caller"),
    ForbiddenError: ProblemType("forbidden", 403, "您的角色不能办理此操作", "Your roles do not allow this", "operator"),
    intake.UnknownMatterError: ProblemType("unknown-matter", 422, "没有该事项", "No such matter", "caller"),
    intake.PartyError: ProblemType("invalid-party", 422, "当事人信息有误", "A party is not acceptable", "caller"),
    intake.CaseNotFoundError: ProblemType("case-not-found", 404, "没有该办件", "No such case", "caller"),
    intake.CaseClosedError: ProblemType("case-closed", 409, "办件已办结", "The case is closed", "caller"),
    intake.DuplicateCaseError: ProblemType("duplicate-case", 409, "该业务编号已有办件", "The external number already has a case", "caller"),
    intake.UnlistedRequirementError: ProblemType("requirement-not-listed", 422, "事项未列该材料", "The matter does not list the requirement", "caller"),
    intake.IdempotencyError: ProblemType("idempotency-key-reused", 409, "幂等键已用于其他请求", "The Idempotency-Key was used for another request", "caller"),
    intake.InFlightError: ProblemType("in-flight", 409, "相同请求正在处理", "The same request is being handled", "caller", retryable=True, retry_after_seconds=2),
    intake.GrantEndedError: ProblemType("grant-ended", 403, "所依据的授权已失效", "A grant of this answer has ended", "owner"),
    intake.RequestNotFoundError: ProblemType("evidence-request-not-found", 404, "没有该取证请求", "No such evidence request", "caller"),
    exchange.UnknownInterfaceError: ProblemType("interface-not-found", 404, "没有该数据接口", "No such interface", "caller"),
    exchange.NotGrantedError: ProblemType("not-granted", 403, "没有可用的共享授权", "No grant covers this question", "owner"),
    exchange.FieldNotGrantedError: ProblemType("field-not-granted", 403, "所请求的字段超出授权", "A field is outside the grant", "owner"),
    exchange.QuestionError: ProblemType("invalid-question", 422, "查询条件不符合接口约定", "The question does not fit the interface", "caller"),
    exchange.WebhookError: ProblemType("webhook-unreachable", 422, "回调地址不可用或未通过验证", "The webhook address cannot be used, or did not answer the challenge", "caller"),
    GatewayError: ProblemType("gateway-refused", 403, "网关调用被拒绝", "The gateway dialect refuses this call", "caller"),
    UnknownCertificateError: ProblemType("certificate-not-found", 404, "没有该证照", "No such certificate", "caller"),
    DefinitionError: ProblemType("invalid-definition", 422, "定义不完整", "The definition is not acceptable", "caller"),
    IdentifierError: ProblemType("invalid-identifier", 422, "证件号码有误", "The identifier is not valid", "caller"),
    CertificateError: ProblemType("certificate-rule", 409, "证照规则不允许", "A rule of certificates forbids this", "caller"),
    NotEntitledError: ProblemType("not-entitled", 403, "该部门无权颁发此类证照", "The department may not issue this type", "operator"),
    registry.StateError: ProblemType("wrong-state", 409, "当前状态不能进行此操作", "Not possible in this state", "caller"),
    registry.NotReadyError: ProblemType("not-ready", 409, "尚不具备条件", "Something is missing or failed first", "caller"),
    registry.NoticeError: ProblemType("notice-too-short", 409, "停用通知期不足", "Consumers need more notice", "caller"),
    registry.TwoPersonsError: ProblemType("two-persons", 403, "编制人不能审批，须由他人审批", "Whoever wrote it cannot approve it", "owner"),
    NotSequencedError: ProblemType("not-sequenced-yet", 503, "存证尚未入树，请稍后", "The entry is not in the tree yet", "caller", retryable=True, retry_after_seconds=1),
    StandbyError: ProblemType("sequencer-elsewhere", 503, "存证由其他进程处理", "Another process is sequencing", "operator", retryable=True, retry_after_seconds=5),
    LedgerBrokenError: ProblemType("ledger-broken", 503, "存证账本不一致，已停止服务", "The ledger contradicts itself; nothing is disclosed", "operator"),
    storage.BusyError: ProblemType("store-busy", 503, "数据库繁忙", "The store is busy; nothing was written", "caller", retryable=True, retry_after_seconds=1),
    storage.UnavailableError: ProblemType("store-unavailable", 503, "存储不可用", "A store does not answer; nothing was written", "operator", retryable=True, retry_after_seconds=5),
    storage.CommitUnknownError: ProblemType("outcome-unknown", 503, "提交结果未知，请用同一幂等键重试", "The outcome is unknown; repeat with the same Idempotency-Key", "caller", retryable=True, retry_after_seconds=2),
    storage.IntegrityBrokenError: ProblemType("integrity", 502, "存储数据未通过完整性校验", "Stored data failed its integrity check", "operator"),
    storage.ConflictError: ProblemType("conflict", 409, "与现有记录冲突", "This conflicts with an existing record", "caller"),
    storage.MissingError: NOT_FOUND,
    requests.IncompleteError: ProblemType("grant-request-incomplete", 422, "申请或答复不完整，所缺各项已一次列明", "The request or decision is incomplete; everything is named", "caller"),
    requests.StepError: ProblemType("grant-request-state", 409, "当前状态下不能办理此步骤", "Not what may follow now", "caller"),
    requests.OwnRequestError: ProblemType("own-request", 403, "申请人不得办理本人的申请", "Whoever asked may not decide", "caller"),
    requests.SamePersonError: SECOND_PERSON,
    requests.SameHandError: ProblemType("same-hand", 403, "两个账号出自同一人之手，须由另一人确认", "Both accounts came from one hand: somebody else must confirm", "operator"),
    SecondOperatorError: SECOND_PERSON,
    requests.ProposalOverError: ProblemType("proposal-over", 409, "该变更已确认、否决或过期", "The proposal was confirmed, rejected or has expired", "operator"),
}  # fmt: skip


def problem_types() -> list[ProblemType]:
    """Every kind of problem the hub can answer with."""
    return [*dict.fromkeys([*_TABLE.values(), INTERNAL, NOT_FOUND, METHOD])]


def mapped_errors() -> list[type[Exception]]:
    """Every error class with a problem of its own."""
    return list(_TABLE)


def problem_of(error: Exception) -> ProblemType:
    """The kind of problem an error is; an unmapped one is a bare 500 whose cause stays in the log."""
    for cls in type(error).__mro__:
        if cls in _TABLE:
            return _TABLE[cls]
    return INTERNAL


def document(
    kind: ProblemType, *, error: Exception | None, language: str, request_id: str, public_url: str
) -> tuple[dict[str, Any], dict[str, str]]:
    """The problem document and the headers that belong to it."""
    english = language == "en"
    body: dict[str, Any] = {
        "type": f"{public_url}/problems/{kind.slug}",
        "title": kind.en if english else kind.zh,
        "status": kind.status,
        "instance": f"urn:uuid:{request_id}",
        "who_must_act": kind.who,
        "retryable": kind.retryable,
    }
    headers: dict[str, str] = {}
    retry_after = getattr(error, "retry_after_seconds", None) or kind.retry_after_seconds
    if retry_after:
        body["retry_after_seconds"] = retry_after
        headers["Retry-After"] = str(retry_after)
    body.update(_members(error))
    if isinstance(error, exchange.NotGrantedError) and error.code in wording.CODES:
        body["detail"] = str(wording.why(error.code, {}, language)["text"])
    if isinstance(error, InvalidTokenError | SignInNeededError):
        headers["WWW-Authenticate"] = 'Bearer error="invalid_token"'
    return body, headers


def _members(error: Exception | None) -> dict[str, Any]:
    """Declared extension members; only codes, pointers and public numbers."""
    match error:
        case InvalidBodyError() | BadRequestError():
            return {"errors": [{"pointer": fault.pointer, "rule": fault.rule} for fault in error.faults]}
        case intake.PartyError():
            return {"errors": [{"pointer": error.pointer, "rule": error.rule}]}
        case requests.IncompleteError():
            return {"errors": [fault.as_json() for fault in error.faults]}
        case requests.StepError():
            return {"state": error.state, "why": error.why}
        case requests.ProposalOverError():
            return {"state": error.state}
        case exchange.QuestionError():
            return {"errors": [{"pointer": error.pointer, "rule": error.rule}]}
        case exchange.FieldNotGrantedError():
            return {"errors": [{"pointer": f"/fields/{place}", "rule": "not_granted"} for place in error.places]}
        case exchange.WebhookError():
            return {"errors": [{"pointer": error.pointer, "rule": error.reason}]}
        case exchange.NotGrantedError():
            return {"why": error.code}
        case intake.UnlistedRequirementError():
            return {"errors": [{"pointer": f"/requirements/{place}", "rule": "not_listed"} for place in error.places]}
        case intake.DuplicateCaseError():
            return {"case_no": error.case_no}
        case GrantTypeError():
            return {"error": error.error, "error_description": error.description}
        case PasswordRuleError():
            return {"errors": [{"pointer": "/password", "rule": rule} for rule in error.rules]}
        case registry.NotReadyError():
            return {"errors": [{"pointer": lack.pointer, "rule": lack.rule} for lack in error.lacks]}
        case registry.StateError():
            return {"state": error.state, "wanted": error.wanted}
        case registry.NoticeError():
            return {"earliest": error.earliest.isoformat()}
        case DefinitionError():
            return {"detail": str(error)}
        case ForbiddenError():
            return {"roles": list(error.roles)}
        case InvalidClientError():
            return {"error": "invalid_client"}
        case _:
            return {}
