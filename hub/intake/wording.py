"""The words for reasons and next steps, by code, in Chinese and English."""

from collections.abc import Mapping
from typing import Any, Final

Language = str
_WORDS: Final[Mapping[str, tuple[str, str, str, str]]] = {
    # code: why zh, why en, next step zh, next step en
    "satisfied": ("已由共享数据证明，无需提交", "proved from shared records; do not ask for it", "", ""),
    "party_absent": ("本办件没有该当事人", "the case has no such party", "", ""),
    "no_record": ("主管部门确认无此记录", "the department confirms that there is no such record", "", ""),
    "certificate_expired": ("证照已过有效期，无现行记录", "the licence has expired; there is no current one", "请当事人向发证部门申请延续", "the holder renews it with the issuing department"),
    "no_record_and_not_complete": ("证照库未收录，不能据此认定没有", "not in the library, which does not prove that there is none", "可要求当事人提交该材料", "the paper may be asked for"),
    "issue_not_finished": ("证照正在签发，稍后重试", "the licence is being issued; try again shortly", "稍后重试", "try again in a moment"),
    "certificate_revoked": ("证照已被发证部门撤销", "the issuing department has revoked the licence", "请当事人联系发证部门", "the holder contacts the issuing department"),
    "certificate_suspended": ("证照已被发证部门暂扣", "the issuing department has suspended the licence", "请当事人联系发证部门", "the holder contacts the issuing department"),
    "several_certificates": ("当事人有多份同类证照，需指明是哪一份", "the party holds several of this kind; say which one", "请当事人指明，并在新办件的标的（subjects.code）中写明证照标识", "ask which one; name its identifier among the subjects of a new case"),
    "identity_unconfirmed": ("无法确认当事人身份：证件类型、号码与姓名须与现行记录一致", "the identity could not be confirmed: type, number and name must match a current record", "请核对证件后重新建立办件", "check the ID and open the case again"),
    "no_grant": ("本系统没有相应的共享授权", "this system has no grant for it", "请向数据提供部门申请授权", "ask the owning department for a grant"),
    "grant_suspended": ("共享授权已暂停", "the grant is suspended", "请联系数据提供部门", "contact the owning department"),
    "grant_withdrawn": ("共享授权已撤回", "the grant was withdrawn", "请联系数据提供部门", "contact the owning department"),
    "grant_not_in_force": ("共享授权不在有效期内", "the grant is not in force today", "请向数据提供部门申请延期", "ask the owning department to extend it"),
    "purpose_not_granted": ("请求的用途与授权不符", "the purpose is not the granted one", "请按授权用途请求", "ask for the granted purpose"),
    "matter_not_granted": ("授权不包含本事项", "the grant does not cover this matter", "请向数据提供部门申请", "ask the owning department to add it"),
    "field_not_granted": ("所需字段超出授权范围", "a needed field is outside the grant", "请向数据提供部门申请该字段", "ask the owning department for the field"),
    "corroboration_missing": ("办件佐证不足（如读卡、出示码）", "the case lacks the required corroboration, such as a card read", "请补充佐证后重新建立办件", "open the case with the corroboration"),
    "officer_not_named": ("办理人员不在依职权授权的名单内", "the grant for use ex officio does not name the officer", "请由授权列明的人员办理，或请数据提供部门增列", "a named officer handles it, or the owner names this one"),
    "quota_exhausted": ("今日授权额度已用完", "today's quota of the grant is used up", "请明日再试或申请提高额度", "try tomorrow or ask for more"),
    "bulk_not_granted": ("授权不包含批量查询", "the grant is not for bulk runs", "请向数据提供部门申请批量使用", "ask the owning department for bulk use"),
    "bulk_too_many": ("名单人数超过授权的单次上限", "more subjects than the grant allows one run", "请分次办理，或请数据提供部门提高上限", "split the list, or ask the owner for more"),
    "case_closed": ("办件已办结", "the case has been closed", "请在在办的专项办件下重新办理", "ask again under a case that is open"),
    "client_disabled": ("应用系统已停用", "the system has been disabled", "请联系运行单位", "contact the operator"),
    "several_records": ("数据源返回多条记录，需指明是哪一条", "the source has several records; say which one", "请核对标的或补充查询条件", "check the subject, or narrow the question"),
    "holder_decision_needed": ("依法须由当事人本人授权", "by law the holder must authorise this", "请当事人在线或在窗口授权后再取", "the holder authorises it, online or at the counter; then ask again"),
    "verification_pending": ("已转数据提供部门人工核查", "an officer of the owning department is checking", "请在承诺时间后取回结果", "ask again after the promised time"),
    "refused_by_department": ("数据提供部门拒绝提供", "the owning department refuses", "理由已写明，可申请校核或提交材料", "the reason is given; object, or submit the paper"),
    "source_has_none": ("数据源无此记录，但不能据此认定没有", "the source has no record, which does not prove that there is none", "可要求当事人提交该材料", "the paper may be asked for"),
    "source_unreachable": ("数据源暂时无法访问", "the source cannot be reached now", "稍后重试；不得因此要求当事人补交材料", "try again later; do not ask the person for it instead"),
    "source_timeout": ("数据源超时未答复", "the source did not answer in time", "稍后重试；不得因此要求当事人补交材料", "try again later; do not ask the person for it instead"),
    "source_denied": ("数据源拒绝了中枢的接入凭据", "the source refused the hub's credentials", "已告知数据提供部门", "the owning department must renew them"),
    "source_faulty": ("数据源的答复不符合已发布的约定", "the source's answer breaks the published contract", "已告知数据提供部门", "the owning department has been told"),
    "source_misconfigured": ("数据源的接入配置有误", "the source is not set up properly", "请联系数据提供部门", "contact the owning department"),
    "source_quarantined": ("数据源已停用核查", "the source is quarantined while it is checked", "请联系数据提供部门", "contact the owning department"),
    "other_record": ("数据源返回了他人的记录，已拦截并告警", "the source answered about somebody else; withheld, alarm raised", "已告警，请联系数据提供部门", "the owning department has been alerted"),
    "interface_withdrawn": ("数据接口已撤销", "the interface has been withdrawn", "请联系数据提供部门", "contact the owning department"),
    "integrity": ("存储记录未通过完整性校验", "a stored record failed its integrity check", "已告警，请联系运行单位", "the operator has been alerted"),
}  # fmt: skip
CODES: Final = frozenset(_WORDS)


def why(code: str, params: Mapping[str, Any], language: Language) -> dict[str, Any]:
    """The `why` member of an answer."""
    zh, en, _, _ = _WORDS[code]
    return {"code": code, "params": dict(params), "text": en if language == "en" else zh}


def next_step(code: str, language: Language) -> str | None:
    """What somebody should do now; None when nothing is to be done."""
    _, _, zh, en = _WORDS[code]
    return (en if language == "en" else zh) or None
