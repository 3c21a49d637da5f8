"""The words for reasons and next steps, by code, in Chinese and English."""

from collections.abc import Mapping
from typing import Any, Final

Language = str
_WORDS: Final[Mapping[str, tuple[str, str, str, str]]] = {
    # code: why zh, why en, next step zh, next step en
    "satisfied": ("部门记录已经证明，无需提交", "a department's record proves it; do not ask for it", "", ""),
    "party_absent": ("本办件没有该当事人", "the case has no such party", "", ""),
    "party_missing": ("按本办件的情形需要该当事人，办件中没有", "wanted in a case like this, and the case has no such party", "请补充该当事人后重新建立办件", "open the case with this party"),
    "party_differs": ("数据源所载的当事人与办件填写的不一致", "a register names another person than the case does", "请核对当事人后重新建立办件", "check who it is, and open the case again"),
    "waits_for": ("须先有其他事项的结果，才能确定", "it depends on the answers to other requirements", "其他事项有结果后再取", "ask again once the others are answered"),
    "data_too_old": ("共享数据的时间早于本事项的要求", "the shared data are older than this matter allows", "请提交近期材料", "a recent paper may be asked for"),
    "fields_missing": ("数据源的记录没有所需的内容", "the source's record lacks what is wanted", "可要求当事人提交该材料", "the paper may be asked for"),
    "source_of_others": ("该数据源不提供此类当事人的数据", "the source has no data of parties with this kind of ID", "可要求当事人提交该材料", "the paper may be asked for"),
    "subject_missing": ("办件没有写明所涉标的", "the case does not say which object it is about", "请补充标的（subjects）后重新建立办件", "open the case with the subject"),
    "several_subjects": ("办件有多个标的，需指明是哪一个", "the case has several subjects of this kind; say which one", "请指明是哪一个，再取时以 answers 回答所列问题", "ask which one; answer the question (answers) and ask again"),
    "not_in_force": ("按收件日期的规定不需要", "the law of the filing date does not want it", "", ""),
    "condition_not_met": ("按本办件的情形不需要", "not wanted in a case like this", "", ""),
    "facts_missing": ("需先回答与本事项有关的问题，才能确定是否需要", "whether it is wanted depends on questions not answered yet", "请回答所列问题（POST /api/v1/cases/{办件编号}/facts），再取", "answer the questions listed (POST /api/v1/cases/{case_no}/facts), then ask again"),
    "certificate_too_old": ("证照的颁发时间早于本事项的要求", "the licence was issued earlier than this matter allows", "请当事人申请新的证照，或提交近期材料", "the holder asks for a new one, or submits a recent paper"),
    "record_wanted": ("没有记录；本事项要求有该记录", "there is no record, and this matter wants one", "请当事人先办理，或提交材料", "the holder obtains it first, or submits the paper"),
    "no_record": ("主管部门确认无此记录", "the department confirms that there is no such record", "", ""),
    "certificate_expired": ("证照已过有效期，无现行记录", "the licence has expired; there is no current one", "请当事人向发证部门申请延续", "the holder renews it with the issuing department"),
    "no_record_and_not_complete": ("证照库未收录，不能据此认定没有", "not in the library, which does not prove that there is none", "可要求当事人提交该材料", "the paper may be asked for"),
    "no_provider": ("没有部门可以提供该材料", "no department has this paper", "可要求当事人提交该材料", "the paper may be asked for"),
    "verified_by_officer": ("已由部门协查核实，无需提交", "an officer of the department has confirmed it; do not ask for it", "", ""),
    "verified_before": ("部门协查已经核实且在有效期内，无需提交", "an officer confirmed it before, and it still holds; do not ask for it", "", ""),
    "verification_not_found": ("部门协查答复：查无此记录", "the officer answers that there is no such record", "可要求当事人提交该材料", "the paper may be asked for"),
    "verification_cannot_tell": ("部门协查答复：无法核实", "the officer answers that it cannot be told", "可要求当事人提交该材料", "the paper may be asked for"),
    "verification_uncorroborated": ("本材料可由部门协查，但办件佐证不足（如读卡、出示码）", "an officer could be asked, but the case lacks corroboration, such as a card read", "请补充佐证后再取", "add the corroboration, then ask again"),
    "copy_handed_in": ("本办件中已收取纸质材料并加盖材料共享章", "the paper was scanned and sealed in this case", "", ""),
    "copy_reused": ("已有加盖材料共享章的副本且在有效期内，无需再次提交", "a sealed copy of the paper is at hand and still holds; do not ask for it again", "", ""),
    "commitment_given": ("当事人自愿选择告知承诺，并承诺按期补齐或接受核查", "the person chose to promise it by a date", "请在期限届满前补齐，或由平台核查", "it is supplied, or verified by the hub, before its date"),
    "commitment_broken": ("当事人未履行承诺，不得再次适用告知承诺", "a promise was broken; no second one is taken", "须提交该材料，并按承诺书载明的后果处理", "the paper is needed, and the promised consequence follows"),
    "issue_not_finished": ("证照正在签发，稍后重试", "the licence is being issued; try again shortly", "稍后重试", "try again in a moment"),
    "certificate_revoked": ("证照已被发证部门撤销", "the issuing department has revoked the licence", "请当事人联系发证部门", "the holder contacts the issuing department"),
    "certificate_suspended": ("证照已被发证部门暂扣", "the issuing department has suspended the licence", "请当事人联系发证部门", "the holder contacts the issuing department"),
    "type_halted": ("该类证照已停用，暂不提供", "this kind of licence is stopped for now", "稍后重试，或请运行人员说明", "try again later, or ask the operator"),
    "certificate_withdrawn": ("证照已被吊销", "the licence was withdrawn as a penalty", "请当事人联系发证部门", "the holder contacts the issuing department"),
    "certificate_cancelled": ("证照已注销", "the licence was cancelled", "请当事人联系发证部门", "the holder contacts the issuing department"),
    "certificate_transferring": ("证照正在办理转出", "the licence is being transferred to another authority", "请当事人联系发证部门", "the holder contacts the issuing department"),
    "certificate_transferred": ("证照已转出，由转入地发证部门颁发", "the licence was transferred to another authority", "请当事人联系转入地发证部门", "the holder contacts the other authority"),
    "certificate_other": ("证照处于特别状态，不能使用", "the licence is in a state in which it cannot be used", "请当事人联系发证部门", "the holder contacts the issuing department"),
    "several_certificates": ("当事人有多份同类证照，需指明是哪一份", "the party holds several of this kind; say which one", "请当事人指明是哪一份，再取时以 answers 回答所列问题", "ask which one; answer the question (answers) and ask again"),
    "identity_unconfirmed": ("无法确认当事人身份：证件类型、号码与姓名须与现行记录一致", "the identity could not be confirmed: type, number and name must match a current record", "请核对证件后重新建立办件", "check the ID and open the case again"),
    "holder_dead": ("当事人已登记死亡，不能以其名义办理", "the death of the party is certified: nothing is done in the name of the dead", "请由继承人等以本人身份办理；涉及被继承人的，请按该角色列明", "heirs act in their own names; name the dead in the role that the matter has for one"),
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
    "asked_in_a_case": ("取决于其他要求的结果，批量核对不判断，需在办件中查询", "it depends on the answers to other requirements, which a campaign does not follow", "请为该对象单独建立办件", "open a case for this holder"),
    "not_asked": ("已有一项要求不符合，未再向数据源查询", "another requirement is not met already, so no source was asked", "请为该对象单独建立办件", "open a case for this holder"),
    "bulk_not_granted": ("授权不包含批量查询", "the grant is not for bulk runs", "请向数据提供部门申请批量使用", "ask the owning department for bulk use"),
    "bulk_too_many": ("名单人数超过授权的单次上限", "more subjects than the grant allows one run", "请分次办理，或请数据提供部门提高上限", "split the list, or ask the owner for more"),
    "case_closed": ("办件已办结", "the case has been closed", "请在在办的专项办件下重新办理", "ask again under a case that is open"),
    "client_disabled": ("应用系统已停用", "the system has been disabled", "请联系运行单位", "contact the operator"),
    "several_records": ("数据源返回多条记录，需指明是哪一条", "the source has several records; say which one", "请当事人指明是哪一条，再取时以 answers 回答所列问题；未列出的，请核对标的或情形", "ask which one; answer the question (answers) and ask again; where none is listed, check subject and facts"),
    "choice_gone": ("所指的那一份（条）已变更或不再有效，需重新指明", "the one that was chosen has changed, or is in force no more; say again which one", "请当事人重新指明，再取时以 answers 回答所列问题", "ask which one; answer the question (answers) and ask again"),
    "no_match": ("有记录，但没有一份（条）与本办件所填情形相符", "there are records, and none says what this case says", "请核对所填情形；确实没有的，可要求当事人提交该材料", "check what the case says; if there is none, the paper may be asked for"),
    "holder_decision_needed": ("依法须由当事人本人授权", "by law the holder must authorise this", "已在线征询当事人的，同意后平台自行续办；也可以在窗口授权后再取", "where the holder was asked online the hub goes on by itself after a yes; or he authorises it at the counter and you ask again"),
    "holder_silent": ("已征询当事人本人，期限内没有答复", "the holder was asked and had not answered when the time was over", "不再等待；当事人可以自行提交该材料，也可以在线授权后再取", "wait no longer: the person may hand in the paper, or authorise it and you ask again"),
    "holder_refused": ("当事人本人未同意，或已撤回同意", "the holder has not agreed, or has withdrawn", "不得强求；当事人可以自行提交该材料", "it is not to be insisted on; the person may hand in the paper"),
    "holder_word_over": ("当事人本人的同意刚刚到期", "the holder's yes came to its end a moment ago", "请再取一次，平台另行征询当事人", "ask again: the hub asks the person anew"),
    "verification_pending": ("已转数据提供部门人工核查", "an officer of the owning department is checking", "请在承诺时间后取回结果", "ask again after the promised time"),
    "refused_by_department": ("数据提供部门拒绝提供", "the owning department refuses", "理由已写明，可申请校核或提交材料", "the reason is given; object, or submit the paper"),
    "source_has_none": ("数据源无此记录，但不能据此认定没有", "the source has no record, which does not prove that there is none", "可要求当事人提交该材料", "the paper may be asked for"),
    "source_unreachable": ("数据源暂时无法访问", "the source cannot be reached now", "稍后重试；不得因此要求当事人补交材料", "try again later; do not ask the person for it instead"),
    "source_timeout": ("数据源超时未答复", "the source did not answer in time", "稍后重试；不得因此要求当事人补交材料", "try again later; do not ask the person for it instead"),
    "interrupted": ("取证因服务中断未完成，由平台补查", "the hub was cut off before it could ask; it asks again by itself", "稍后重试；不得因此要求当事人补交材料", "try again later; do not ask the person for it instead"),
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
