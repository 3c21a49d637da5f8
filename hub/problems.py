"""The one table from errors to problem documents (RFC 9457), in Chinese and English.

A problem says what happened, who must act and whether trying again helps. It never repeats a value of the request.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from catalog.errors import DefinitionError, IdentifierError
from catalog.matters.findings import MatterFaultsError
from certificates.errors import (
    ActError,
    CertificateError,
    ClaimsError,
    RenderingError,
    TemplateError,
    TransitionError,
    TypeChangeError,
    TypeHaltedError,
)
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
from hub.archive import errors as archives
from hub.citizens import errors as citizens
from hub.citizens.acting import errors as acting
from hub.citizens.dossier import errors as dossier
from hub.citizens.identities import errors as network_ids
from hub.citizens.kiosk import errors as kiosk
from hub.citizens.late import values as late
from hub.citizens.objections import errors as objected
from hub.citizens.ratings import errors as rated
from hub.clock import rfc3339
from hub.closure import errors as closure
from hub.collection.errors import NotEntitledError
from hub.edge.errors import BadRequestError, BodyTooLargeError, InvalidBodyError, RateLimitedError
from hub.exchange import errors as exchange
from hub.exchange.errors import GatewayError
from hub.intake import errors as intake
from hub.intake import wording
from hub.intake.handling import errors as handling
from hub.intake.lower import errors as lower
from hub.intake.streaming import errors as streaming
from hub.issuing.keys import errors as signing_keys
from hub.issuing.renditions.errors import CopyEndedError, FormatError, NotInForceError, NotRenderedYetError
from hub.issuing.stamping.service import StampUnavailableError
from hub.issuing.status.service import UnknownCertificateError
from hub.issuing.types.errors import TypeFaultsError
from hub.ledger.errors import LedgerBrokenError, NotSequencedError, StandbyError
from hub.ledger.witnessing import errors as witnessing
from hub.registry import errors as registry
from hub.registry.requests import errors as requests
from hub.storage import errors as storage
from signing.errors import SuiteUnavailableError

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
NOT_FOUND: Final = ProblemType("not-found", 404, "没有找到", "Not found", "caller")
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
    citizens.HolderSignInNeededError: ProblemType("holder-sign-in-needed", 401, "请本人先登录", "Sign in as the holder first", "caller"),
    citizens.LevelError: ProblemType("level-too-low", 403, "登录等级不够", "Not signed in surely enough", "caller"),
    citizens.TrialOffError: ProblemType("trial-sign-in-off", 404, "未开放试用登录", "The trial sign-in is not open here", "operator"),
    citizens.PresentationRefusedError: ProblemType("presentation-refused", 422, "出示码不能使用", "The code opens nothing here", "caller"),
    dossier.SourceAwayError: ProblemType("licence-source-away", 503, "来源部门暂时没有答复，没有显示任何内容", "The department that keeps what the licence says does not answer: nothing was shown", "nobody", retryable=True, retry_after_seconds=300),
    dossier.SourceContradictsError: ProblemType("licence-source-contradicts", 409, "来源部门的答复与平台的索引不一致，没有显示任何内容", "The department says otherwise than the index here: nothing was shown", "operator"),
    citizens.RequestOverError: ProblemType("showing-request-over", 409, "该请求已答复、已取消或已过期", "The request was answered or taken back, or is over", "caller"),
    acting.NoLongerActsError: ProblemType("no-longer-acts", 403, "您已不能代其办理", "You no longer act for them", "caller"),
    acting.ScopeError: ProblemType("outside-scope", 403, "代办范围不包括此项", "What you may do for them does not include this", "caller"),
    acting.DelegationError: ProblemType("invalid-delegation", 422, "授权代办的内容有误", "Something in the delegation is missing or not acceptable", "caller"),
    kiosk.KioskUnknownError: ProblemType("kiosk-unknown", 401, "这台设备不是登记的自助终端", "No terminal that is registered here", "operator"),
    kiosk.KioskRefusedError: ProblemType("kiosk-refused", 422, "没有认出持卡人", "The card was not read here and now, or no record confirms its holder", "caller"),
    kiosk.KioskOverError: ProblemType("kiosk-over", 401, "本次使用已结束", "The visit at the terminal has ended", "caller"),
    kiosk.NotPrintableError: ProblemType("not-printable", 409, "这份证照现在不能打印", "The licence cannot be printed now", "caller"),
    network_ids.BindingError: ProblemType("network-id-not-bound", 422, "网号没有绑定", "The network ID was not bound", "caller"),
    network_ids.ServiceAwayError: ProblemType("network-id-away", 503, "国家网络身份认证服务暂不可用", "The network-ID service does not answer", "operator", retryable=True, retry_after_seconds=30),
    objected.ObjectionError: ProblemType("invalid-objection", 422, "异议或答复的内容有误", "Something in the objection or its answer is missing or not acceptable", "caller"),
    objected.ObjectionRunsError: ProblemType("objection-runs", 409, "同一问题的异议正在处理，或未办结的异议过多", "An objection about the same is under way, or there are too many", "caller"),
    objected.ObjectionOverError: ProblemType("objection-over", 409, "异议已答复或已撤回", "The objection was answered or withdrawn", "caller"),
    late.OrderError: ProblemType("invalid-late-order", 422, "延后告知决定的内容有误", "Something in the order to show late is missing or not acceptable", "caller"),
    late.OrderOverError: ProblemType("late-order-over", 409, "该决定不在此状态", "The order does not wait for this any more", "caller"),
    late.OneHandError: ProblemType("late-order-one-hand", 403, "须由另一人签署", "Another person has to sign it", "owner"),
    closure.PlannedClosureError: ProblemType("planned-closure", 503, "平台计划维护，暂停服务", "Closed for planned work", "operator", retryable=True),
    rated.RatedError: ProblemType("case-rated", 409, "该办件已评价", "The case was rated already", "caller"),
    rated.SlipRefusedError: ProblemType("rating-code-refused", 422, "评价码不能使用", "The rating code opens nothing", "caller"),
    rated.StillOpenError: ProblemType("rated-too-early", 409, "办件尚未办结，办结后再评价", "The case has not closed yet; rate it then", "caller"),
    objected.OwnLookError: ProblemType("own-look", 403, "本人的查询须由他人答复", "Who did what is asked about does not answer for himself", "owner"),
    ForgeryError: ProblemType("forged-form", 403, "表单已失效或不是本系统页面提交", "The form has expired or is not from our own page", "caller"),
    PasswordRuleError: ProblemType("password-rule", 422, "新密码不符合要求", "The new password breaks a rule", "caller"),
    SandboxError: ProblemType("sandbox-only", 403, "沙箱凭据与正式数据互不相通", "Sandbox credentials and live data never meet", "caller"),
    ForbiddenError: ProblemType("forbidden", 403, "您的角色不能办理此操作", "Your roles do not allow this", "operator"),
    intake.UnknownMatterError: ProblemType("unknown-matter", 422, "没有该事项", "No such matter", "caller"),
    intake.PartyError: ProblemType("invalid-party", 422, "当事人信息有误", "A party is not acceptable", "caller"),
    intake.FactError: ProblemType("invalid-fact", 422, "办件情形有误", "A fact of the case is not acceptable", "caller"),
    intake.CaseNotFoundError: ProblemType("case-not-found", 404, "没有该办件", "No such case", "caller"),
    intake.CaseClosedError: ProblemType("case-closed", 409, "办件已办结", "The case is closed", "caller"),
    lower.StandInRefusedError: ProblemType("stand-in-refused", 422, "该材料不能以此方式替代", "Nothing of this kind stands in here", "caller"),
    lower.PaperRefusedError: ProblemType("paper-refused", 422, "文件不能加盖材料共享章", "The file cannot be sealed", "caller"),
    lower.AnswerError: ProblemType("task-answer-refused", 422, "协查答复不符合表单", "The answer does not fit the form", "caller"),
    lower.TaskOverError: ProblemType("task-over", 409, "协查已答复或不再需要", "The question is answered, or nobody wants the answer any more", "caller"),
    lower.CopyStateError: ProblemType("copy-withdrawn", 409, "副本已撤回", "The copy was withdrawn", "caller"),
    lower.ScanDeletedError: ProblemType("scan-deleted", 410, "扫描件已到期删除，印章与摘要仍在", "The scan was deleted when its time was over; seal and digest remain", "nobody"),
    lower.PromiseStateError: ProblemType("commitment-state", 409, "告知承诺当前状态不能进行此操作", "Not what may follow in this state of the commitment", "caller"),
    intake.DebtsOpenError: ProblemType("debts-open", 409, "还有部门欠件，请说明如何处理", "Something is owed to the case: say what becomes of it", "caller"),
    intake.DuplicateCaseError: ProblemType("duplicate-case", 409, "该业务编号已有办件", "The external number already has a case", "caller"),
    intake.UnlistedRequirementError: ProblemType("requirement-not-listed", 422, "事项未列该材料", "The matter does not list the requirement", "caller"),
    intake.IdempotencyError: ProblemType("idempotency-key-reused", 409, "幂等键已用于其他请求", "The Idempotency-Key was used for another request", "caller"),
    intake.InFlightError: ProblemType("in-flight", 409, "相同请求正在处理", "The same request is being handled", "caller", retryable=True, retry_after_seconds=2),
    streaming.CutOffError: ProblemType("request-cut-off", 409, "取证中断，尚未作出任何答复，请重新取证", "It was cut off before anything was answered: ask again", "caller", retryable=True, retry_after_seconds=1),
    streaming.EndingError: ProblemType("stream-ending", 503, "服务正在重启，请凭 Last-Event-ID 续接", "The server ends: come back with Last-Event-ID", "caller", retryable=True, retry_after_seconds=1),
    streaming.TooManyStreamsError: ProblemType("too-many-streams", 429, "同时打开的取证流过多", "Too many streams of evidence are open at once", "caller", retryable=True, retry_after_seconds=5),
    handling.CaseChangedError: ProblemType("case-changed", 409, "办件已被他人更改，请重新读取", "Somebody has changed the case: read it again", "caller"),
    handling.StageError: ProblemType("case-stage", 409, "办件当前阶段不能进行此操作", "Not what may follow in this stage of the case", "caller"),
    handling.MandateMissingError: ProblemType("mandate-missing", 403, "审批部门未委托本部门受理该事项", "The deciding department has not mandated this one to accept", "owner"),
    handling.NotApprovingError: ProblemType("not-approving", 403, "该办件由其他部门审批", "Another department decides this case", "caller"),
    handling.AskedAlreadyError: ProblemType("asked-already", 409, "已一次性告知须补正的内容，不得再次要求", "What is missing was told once; it is not asked for again", "caller"),
    handling.AskError: ProblemType("ask-incomplete", 422, "须补正的内容应一次性告知，且不得要求无须提交的材料", "The notice must name everything that is missing, and nothing else", "caller"),
    handling.DeadEndError: ProblemType("dead-end-open", 409, "该办件已在“办不成事”窗口处理中", "The case is on the desk for dead ends already", "operator"),
    intake.GrantEndedError: ProblemType("grant-ended", 403, "所依据的授权已失效", "A grant of this answer has ended", "owner"),
    intake.NoCounterError: ProblemType("no-counter", 409, "本部门还没有受理台", "The department has no counter", "caller"),
    archives.CaseOpenError: ProblemType("case-not-closed", 409, "办件尚未办结", "The case is still open", "caller"),
    archives.ArchiveNotReadyError: ProblemType("archive-not-ready", 503, "归档包正在生成，请稍后", "The archive is being made; ask again", "caller", retryable=True, retry_after_seconds=3),
    intake.RequestNotFoundError: ProblemType("evidence-request-not-found", 404, "没有该取证请求", "No such evidence request", "caller"),
    intake.FormAnswerError: ProblemType("invalid-answer", 422, "表单填写有误", "An answer does not fit the form", "caller"),
    intake.FormSignedError: ProblemType("form-signed", 409, "表单已签署，不能再改", "The form is signed and cannot be changed", "caller"),
    intake.FormChangedError: ProblemType("form-changed", 409, "表单已有变化，请重新核对", "The form has changed: look at it again", "caller"),
    intake.FormOpenError: ProblemType("form-incomplete", 409, "表单尚有未填项或来源不一致项", "The form still asks for something, or records differ", "caller"),
    intake.FormSignatureError: ProblemType("invalid-form-signature", 422, "签名与表单不符或无法验证", "The signature is not of this form, or cannot be verified", "caller"),
    intake.UnknownEventError: ProblemType("unknown-event", 422, "没有该“一件事”", "No such life event", "caller"),
    intake.FamilyNotFoundError: ProblemType("family-not-found", 404, "没有该联办件", "No such family of cases", "caller"),
    exchange.UnknownInterfaceError: ProblemType("interface-not-found", 404, "没有该数据接口", "No such interface", "caller"),
    exchange.NotGrantedError: ProblemType("not-granted", 403, "没有可用的共享授权", "No grant covers this question", "owner"),
    exchange.FieldNotGrantedError: ProblemType("field-not-granted", 403, "所请求的字段超出授权", "A field is outside the grant", "owner"),
    exchange.QuestionError: ProblemType("invalid-question", 422, "查询条件不符合接口约定", "The question does not fit the interface", "caller"),
    exchange.WebhookError: ProblemType("webhook-unreachable", 422, "回调地址不可用或未通过验证", "The webhook address cannot be used, or did not answer the challenge", "caller"),
    GatewayError: ProblemType("gateway-refused", 403, "网关调用被拒绝", "The gateway dialect refuses this call", "caller"),
    NotInForceError: ProblemType("certificate-not-in-force", 409, "证照非有效状态，不出具版面", "The certificate is not valid: no page of it is given out", "nobody"),
    FormatError: ProblemType("format-not-offered", 422, "不提供该格式", "This format is not offered", "caller"),
    NotRenderedYetError: ProblemType("not-rendered-yet", 503, "版面正在生成，请稍后", "The page is being made; ask again", "caller", retryable=True, retry_after_seconds=2),
    CopyEndedError: ProblemType("copy-ended", 409, "加注件已过有效期", "The purpose copy is past its end", "caller"),
    TemplateError: ProblemType("template-faulty", 422, "版面模板有误", "The template is faulty", "caller"),
    RenderingError: ProblemType("face-not-set", 502, "版面无法生成", "The page cannot be set", "operator"),
    UnknownCertificateError: ProblemType("certificate-not-found", 404, "没有该证照", "No such certificate", "caller"),
    StampUnavailableError: ProblemType("time-stamp-unavailable", 503, "时间戳服务暂不可用，未加盖时间戳", "The time-stamp authority is not available; nothing was stamped", "operator", retryable=True, retry_after_seconds=30),
    DefinitionError: ProblemType("invalid-definition", 422, "定义不完整", "The definition is not acceptable", "caller"),
    IdentifierError: ProblemType("invalid-identifier", 422, "证件号码有误", "The identifier is not valid", "caller"),
    ActError: ProblemType("act-refused", 422, "该操作缺少要件或与规定不符", "The act lacks something, or its rule does not allow it", "caller"),
    ClaimsError: ProblemType("claims-refused", 422, "照面信息不符合该证照类型", "The claims do not fit the certificate type", "caller"),
    TypeHaltedError: ProblemType("type-halted", 503, "该类证照已停用，暂不颁发和提供", "This certificate type is stopped for now", "operator", retryable=True, retry_after_seconds=300),
    TransitionError: ProblemType("transition-not-allowed", 409, "证照当前状态不允许该操作", "The state of the certificate does not allow this", "caller"),
    CertificateError: ProblemType("certificate-rule", 409, "证照规则不允许", "A rule of certificates forbids this", "caller"),
    TypeFaultsError: ProblemType("invalid-certificate-type", 422, "证照类型定义有误", "The description of the type is faulty", "caller"),
    TypeChangeError: ProblemType("certificate-type-change", 409, "此修订须另立证照类型", "This change makes it a type of its own", "caller"),
    storage.SignatureWaitingError: ProblemType("approval-pending", 503, "尚未签名：部门自持密钥，待其批准", "Not signed yet: a department that keeps its key approves first", "owner", retryable=True, retry_after_seconds=30),
    storage.SignatureRefusedError: ProblemType("approval-refused", 409, "部门未批准签名", "The department refused the signature", "owner"),
    SuiteUnavailableError: ProblemType("suite-unavailable", 503, "本机密码库不支持所需的算法套件，不以其他算法代替", "This machine lacks the signature suite; no other one is used instead", "operator"),
    signing_keys.BuiltInAuthorityError: ProblemType("built-in-authority", 503, "内置证书颁发机构仅供试用，本系统已停用", "The built-in authority is for trying out, and this hub refuses it", "operator"),
    signing_keys.CertificateEndedError: ProblemType("certificate-of-key-ended", 503, "签名密钥的证书已到期，须由运行单位轮换或续期", "The certificate of the signing key ended; nothing is signed with it until the operator rotates or renews it", "operator"),
    signing_keys.CertificateRevokedError: ProblemType("certificate-of-key-revoked", 503, "签名密钥的证书已被其颁发机构吊销", "The authority revoked the certificate of the signing key; nothing is signed with it", "operator"),
    signing_keys.KeyRuleError: ProblemType("key-rule", 409, "密钥管理规则不允许", "A rule of keys forbids this", "operator"),
    signing_keys.SigningKeyError: ProblemType("signing-key", 503, "没有可用的签名密钥", "No signing key can be used for this", "operator"),
    storage.SignerUnavailableError: ProblemType("signer-unavailable", 503, "签名设备或部门签名服务不可用", "The token, or the signer of the department, does not answer; nothing was signed", "operator", retryable=True, retry_after_seconds=10),
    NotEntitledError: ProblemType("not-entitled", 403, "该部门无权颁发此类证照", "The department may not issue this type", "operator"),
    registry.StateError: ProblemType("wrong-state", 409, "当前状态不能进行此操作", "Not possible in this state", "caller"),
    registry.NotReadyError: ProblemType("not-ready", 409, "尚不具备条件", "Something is missing or failed first", "caller"),
    registry.NoticeError: ProblemType("notice-too-short", 409, "停用通知期不足", "Consumers need more notice", "caller"),
    registry.TwoPersonsError: ProblemType("two-persons", 403, "编制人不能审批，须由他人审批", "Whoever wrote it cannot approve it", "owner"),
    NotSequencedError: ProblemType("not-sequenced-yet", 503, "存证尚未入树，请稍后", "The entry is not in the tree yet", "caller", retryable=True, retry_after_seconds=1),
    witnessing.NotOfThisLogError: ProblemType("not-this-logs-checkpoint", 400, "不是本账本签名的检查点", "Not a checkpoint that this log signed", "caller"),
    witnessing.NoWitnessError: ProblemType("no-witness", 403, "没有已登记见证方的有效签名", "No line of a registered witness, or one that does not hold", "caller"),
    witnessing.NoRoundError: ProblemType("not-laid-before-witnesses", 409, "该检查点不在（或已不在）待见证之列", "Not, or no more, the checkpoint that lies before the witnesses: take the one of /ledger/checkpoint/to-cosign", "caller", retryable=True, retry_after_seconds=1),
    witnessing.ForkReportedError: ProblemType("ledger-forked", 409, "该检查点由本账本密钥签名，但与本账本不符，已留存为证据", "The key of this log signed it, and it is not of this log: kept as evidence", "operator"),
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
    requests.NoSecondPersonError: ProblemType("no-second-person", 409, "该部门没有可以复核的第二名审批人，请运行单位先指定一名", "The department has no second approver who could confirm; the operator appoints one first", "operator"),
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
        case intake.FormOpenError():
            return {"fields": list(error.fields)}
        case intake.FormSignatureError():
            return {"errors": [{"pointer": "/jws", "rule": error.rule}]}
        case (
            intake.PartyError() | intake.FactError() | intake.FormAnswerError() | lower.LowerRungError()
            | objected.ObjectionError() | acting.DelegationError() | late.OrderError() | exchange.QuestionError()
        ):  # fmt: skip
            return {"errors": [{"pointer": error.pointer, "rule": error.rule}]}
        case requests.IncompleteError():
            return {"errors": [fault.as_json() for fault in error.faults]}
        case ActError():
            return {"errors": [{"pointer": f"/{error.where}", "rule": error.rule}]}
        case ClaimsError():
            return {"errors": [{"pointer": f"/claims/{item.claim}", "rule": item.rule} for item in error.problems]}
        case TemplateError():
            return {"errors": [item.as_json() for item in error.problems]}
        case dossier.SourceAwayError() | dossier.SourceContradictsError() | exchange.NotGrantedError():
            return {"why": error.code}
        case NotInForceError():
            return {"state": error.status}
        case TransitionError():
            return {"state": str(error.status), "operation": str(error.operation)}
        case TypeFaultsError():
            return {"errors": [problem.as_json() for problem in error.problems]}
        case TypeChangeError():
            return {"errors": [item.as_json() for item in error.obstacles]}
        case requests.StepError():
            return {"state": error.state, "why": error.why}
        case requests.ProposalOverError():
            return {"state": error.state}
        case exchange.FieldNotGrantedError():
            return {"errors": [{"pointer": f"/fields/{place}", "rule": "not_granted"} for place in error.places]}
        case exchange.WebhookError():
            return {"errors": [{"pointer": error.pointer, "rule": error.reason}]}
        case intake.UnlistedRequirementError():
            return {"errors": [{"pointer": f"/{error.member}/{place}", "rule": "not_listed"} for place in error.places]}
        case handling.CaseChangedError():
            changed_at = rfc3339(error.changed_at) if error.changed_at else None
            return {"change_no": error.change_no, "changed_at": changed_at, "operator": error.operator_id}
        case handling.StageError():
            return {"stage": error.stage}
        case handling.AskedAlreadyError():
            return {"asked_at": rfc3339(error.asked_at)}
        case handling.AskError():
            return {"errors": [{"pointer": pointer, "rule": rule} for pointer, rule in error.faults]}
        case handling.DeadEndError():
            return {"dead_end": error.dead_end}
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
        case MatterFaultsError():
            return {"detail": str(error), "errors": [item.as_json() for item in error.findings]}
        case DefinitionError():
            return {"detail": str(error)}
        case ForbiddenError():
            return {"roles": list(error.roles)}
        case InvalidClientError():
            return {"error": "invalid_client"}
        case _:
            return {}
