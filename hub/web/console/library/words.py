"""Plain words of the library's pages: states, acts, what is wrong with a claim or an act."""

from collections.abc import Mapping
from typing import Final

from certificates.claims import Claim, ClaimProblem, Format
from certificates.definitions.certificate_type import CertificateType
from certificates.errors import ActError, ClaimsError
from certificates.lifecycle.states import Operation, Status
from hub.registry.meanings import Words
from hub.web.console.forms import FieldError
from hub.web.verdict_words import explained

STATUSES: Final[Mapping[str, tuple[str, str, str]]] = {
    Status.VALID.value: ("有效", "valid", "good"),
    Status.SUSPENDED.value: ("暂扣", "suspended", "wait"),
    Status.EXPIRED.value: ("已过期", "expired", "off"),
    Status.SUPERSEDED.value: ("已更新", "replaced", "off"),
    Status.REVOKED.value: ("已撤销", "revoked", "bad"),
    Status.WITHDRAWN.value: ("已吊销", "withdrawn", "bad"),
    Status.CANCELLED.value: ("已注销", "cancelled", "bad"),
    Status.TRANSFERRING.value: ("办理转出", "transferring", "wait"),
    Status.TRANSFERRED.value: ("已转出", "transferred", "off"),
    Status.OTHER.value: ("其他", "other", "wait"),
}
"""State → Chinese, English, look of its tag."""

OPERATIONS: Final[Mapping[Operation, tuple[str, str]]] = {
    Operation.ISSUE: ("新发", "Issue"),
    Operation.RENEW: ("延续", "Renew"),
    Operation.CHANGE: ("变更", "Change"),
    Operation.CORRECT: ("更正", "Correct"),
    Operation.TRANSFER_IN: ("转入", "Transfer in"),
    Operation.SUPERSEDE: ("更新", "Replace"),
    Operation.SUSPEND: ("暂扣", "Suspend"),
    Operation.RESUME: ("暂扣发还", "Resume"),
    Operation.REVOKE: ("撤销", "Revoke"),
    Operation.WITHDRAW: ("吊销", "Withdraw"),
    Operation.CANCEL: ("注销", "Cancel"),
    Operation.EXPIRE: ("过期失效", "Expire"),
    Operation.TRANSFER_OUT: ("办理转出", "Transfer out"),
    Operation.CANCEL_TRANSFER: ("取消转出", "Call the transfer off"),
    Operation.COMPLETE_TRANSFER: ("转出办结", "Complete the transfer"),
    Operation.OTHER: ("其他", "Another state"),
}
EFFECTS: Final[Mapping[Operation, tuple[str, str]]] = {
    Operation.TRANSFER_IN: (
        "签发本机关的证照，取代其他机关的原证照；原证照由原机关办结转出",
        "your licence takes the place of another authority's, which completes the transfer on its side",
    ),
    Operation.RENEW: ("签发下一版本，原版本成为已更新", "the next version is signed; this one is replaced"),
    Operation.CHANGE: ("签发下一版本，原版本成为已更新", "the next version is signed; this one is replaced"),
    Operation.CORRECT: ("签发改正的版本，原版本撤销", "a corrected version is signed; this one is revoked"),
    Operation.SUSPEND: ("暂时不能使用，可以发还", "it cannot be used for a time, and can be given back"),
    Operation.RESUME: ("恢复有效", "it is valid again"),
    Operation.REVOKE: ("不应准予的许可，不可恢复", "it should not have been granted; this cannot be undone"),
    Operation.WITHDRAW: ("作为处罚收回，不可恢复", "taken as a punishment; this cannot be undone"),
    Operation.CANCEL: ("申请注销或主体终止，不可恢复", "given up, or its holder is no more; this cannot be undone"),
    Operation.TRANSFER_OUT: ("转往另一机关办理中，可以取消", "on its way to another authority; can be called off"),
    Operation.CANCEL_TRANSFER: ("恢复有效", "it is valid again"),
    Operation.COMPLETE_TRANSFER: ("由另一机关的证照取代，不可恢复", "another authority's takes its place; final"),
    Operation.OTHER: ("法律另有规定的状态，可以发还", "a state that another law knows; can be given back"),
}
"""What an act does, for whoever is about to choose it."""

FINAL: Final = frozenset(
    {Operation.CORRECT, Operation.REVOKE, Operation.WITHDRAW, Operation.CANCEL, Operation.COMPLETE_TRANSFER}
)
"""Acts that nothing lifts: their button is a danger."""

KINDS: Final[Mapping[str, Words]] = {
    "certificate": ("证照", "certificate"),
    "proof": ("证明", "proof"),
    "approval": ("批文", "approval"),
    "appraisal": ("鉴定", "appraisal"),
    "result": ("办事结果", "result"),
}
FORMATS: Final[Mapping[str, Words]] = {
    "text": ("文本", "text"),
    "date": ("日期", "date"),
    "uscc": ("统一社会信用代码", "USCC"),
    "citizen_id": ("公民身份号码", "citizen ID"),
    "integer": ("整数", "whole number"),
    "decimal": ("小数", "decimal"),
    "code": ("代码", "code"),
}
DISCLOSURES: Final[Mapping[str, Words]] = {
    "always": ("明示", "in clear"),
    "selective": ("可选择出示", "selective"),
    "never": ("从不出示", "never shown"),
}
_RULES: Final[Mapping[str, Words]] = {
    "required": ("请填写", "Enter it"),
    "length": ("位数不对", "It has the wrong number of characters"),
    "character": ("含有不允许的字符", "It has a character that it cannot have"),
    "check_digit": ("校验位不对，请核对是否输错", "The check character is wrong: is it mistyped?"),
    "type": ("不是此类证照接受的值", "Not a value that this type takes"),
    "date": ("请按 2026-01-31 的格式填写存在的日期", "Write an existing day as 2026-01-31"),
    "format": ("格式不符", "Not of the expected form"),
    "pattern": ("格式不符", "Not of the expected form"),
    "allOf": ("格式不符", "Not of the expected form"),
    "enum": ("请从列表中选择", "Choose one of the list"),
    "minLength": ("太短", "It is too short"),
    "maxLength": ("太长", "It is too long"),
    "minimum": ("数值太小", "The number is too small"),
    "maximum": ("数值太大", "The number is too large"),
}
_ACTS: Final[Mapping[str, Words]] = {
    "reason": ("请写明事由，最多 500 字", "Say why, in at most 500 characters"),
    "reason/too_long": ("事由最多 500 字", "At most 500 characters"),
    "legal_basis": ("请写明法律依据，最多 500 字", "Name the legal basis, in at most 500 characters"),
    "reason_code": ("请选择原因", "Choose the reason"),
    "effective_at": ("请按 2026-01-31 的格式填写，不晚于今天", "Write a day as 2026-01-31, today at the latest"),
    "issued_on": ("请按 2026-01-31 的格式填写，不晚于今天", "Write a day as 2026-01-31, today at the latest"),
    "claims/certificate_exists": (
        "这条记录已有证照。请在原证照上办理变更或延续",
        "This record has a certificate: change or renew that one",
    ),
    "claims/holder_has_one": (
        "该持有人已有一份本类型证照，请先办理延续、变更或注销",
        "The holder already has one of this type: renew, change or cancel it first",
    ),
    "claims/another_record": (
        "记录编号改变即是另一证照，请另行新发",
        "With another record number it is another certificate: issue that one",
    ),
    "identifier/not_the_newest_version": ("已有更新的版本，请在最新版本上办理", "There is a newer version: use that"),
    "predecessor/not_transferred_out": (
        "原证照在本平台，还没有办结转出。请原颁发机关先办结",
        "The former one is of this hub and not transferred out yet: its authority completes that first",
    ),
    "predecessor/taken_over_already": (
        "原证照已经转入，转入后的证照仍有效",
        "It has been taken over, and the licence that took its place stands",
    ),
    "origin/identifier/taken_over_already": (
        "这件证照已经转入，转入后的证照仍有效",
        "This licence has been taken over, and what took its place stands",
    ),
    "predecessor": ("原证照的类型或持证主体不同", "The former one is of another type or another holder"),
    "origin": ("请填写原证照的标识和编号", "Enter identifier and number of the former licence"),
    "origin/released": (
        "原证照在原机关不是（或查不到是）有效状态，请填写原机关同意转出的文号",
        "It is not known to be valid at its authority: name the letter by which that let it go",
    ),
    "claims/another_holder": (
        "持证主体与原证照不同，不能转入",
        "The holder is not that of the former licence: it cannot be taken over",
    ),
    "origin/document/no_original": (
        "这是给某一单位的加注件，不是证照原件。请上传原件",
        "It is a copy for one receiver, not the licence itself: upload the original",
    ),
    "origin/document/code_only": (
        "照片和二维码不是证照原件。请上传证照文件",
        "A photo or a code of a page is not the licence itself: upload its file",
    ),
    "origin/document/holder_not_shown": (
        "出示的证照隐去了持证主体代码，无法确认是同一主体。请出示未隐去的证照",
        "It is shown without its holder's number: show it with that",
    ),
    "origin/document/another_type": ("原证照属于另一证照类型", "It is of another type"),
}
_SHOWN: Final = "origin/document"
ORIGIN_WORDS: Final[Mapping[str, Words]] = {
    "identifier": ("原证照标识", "Identifier there"),
    "number": ("原证照编号", "Number there"),
    "authority": ("原颁发机关", "Authority there"),
    "released": ("同意转出文号", "Letter of release"),
    "signed_by": ("签名机关（已核验）", "Signed by (verified)"),
    "hub": ("依据的互认平台", "By the trust list of"),
    "status": ("核验时的状态", "State when verified"),
    "checked_at": ("核验时间", "Verified"),
    "format": ("出示的文件", "Shown as"),
}
"""What is known of the licence that one replaces which came from elsewhere, in the order shown."""


_FIELDS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("claims", "identifier", "by", "operation", "predecessor"), ""),
    "origin": "origin.identifier",
    "origin/identifier": "origin.identifier",
    "origin/number": "origin.number",
    "origin/authority": "origin.authority",
    "origin/released": "origin.released",
    _SHOWN: "document",
}
"""Member of an act → field of the form; those of the whole have none."""


def act_fault(error: ActError) -> FieldError:
    """What is wrong with an act, beside its field where the form has one."""
    said = _ACTS.get(f"{error.where}/{error.rule}") or _ACTS.get(error.where)
    if said is None and error.where == _SHOWN:
        why = explained(error.rule)
        said = (f"未能核验：{why.zh}", f"Not verified. {why.en}")
    said = said or (f"不能办理：{error.where}（{error.rule}）", f"Not possible: {error.where} ({error.rule})")
    return FieldError(_FIELDS.get(error.where, error.where), *said)


def claim_faults(error: ClaimsError, kind: CertificateType) -> list[FieldError]:
    """What is wrong with claims, each beside its field; one of each."""
    found: dict[str, FieldError] = {}
    for problem in error.problems:
        found.setdefault(problem.claim, claim_fault(problem, kind.claims.get(problem.claim)))
    return list(found.values())


def claim_fault(problem: ClaimProblem, claim: Claim | None) -> FieldError:
    """One of them, with the field's own title."""
    zh, en = _RULES.get(problem.rule, _RULES["format"])
    if claim is None:
        return FieldError("", f"有此类证照没有的字段：{zh}", f"A field that the type does not have: {en}")
    if claim.format is Format.DATE and problem.rule in {"format", "date", "type"}:
        zh, en = _RULES["date"]
    return FieldError(f"c.{claim.name}", f"{claim.title.zh}：{zh}", f"{claim.title.en}: {en[0].lower()}{en[1:]}")


REFUSALS: Final[Mapping[str, Words]] = {
    "unknown": ("没有此证照，或不属于本部门", "no such licence, or another department's"),
    "second_person_needed": ("此类证照须由另一人复核", "its type wants a second person"),
    "integrity": ("数据校验不符，已报警", "its row does not hold: an alarm was raised"),
}
"""Why a row of a list was refused."""
