"""What the ledger's kinds of entries mean to the person they are about. One that is not named here is shown all the
same, as a change of his records: leaving out is what this list must never do. That every kind which the hub writes is
here, or has its reason in `hub.ledger.kinds`, `tests/citizens/test_entry_kinds.py` proves.
"""

from collections.abc import Mapping
from typing import Final

from hub.citizens.access_changes import CHANGES
from hub.registry.meanings import Words

LOOK: Final = "look"
NOTHING: Final = "nothing"
OWN: Final = "own"
CHANGE: Final = "change"

KINDS: Final[Mapping[str, tuple[str, Words]]] = {
    **{kind: (CHANGE, words) for kind, words in CHANGES.items()},
    "disclosure": (LOOK, ("取用了您的信息", "used data about you")),
    "answer": (NOTHING, ("查询过，没有提供任何内容", "asked; nothing was given")),
    "refusal": (NOTHING, ("查询被拒绝，没有提供任何内容", "asked and was refused; nothing was given")),
    "evidence.read": (LOOK, ("审批人员查看了办件中的证明内容", "an official read the evidence of the case")),
    "case.open": (NOTHING, ("以您的名义开立了办件", "opened a case in your name")),
    "certificate.verified": (LOOK, ("核验了您的证照", "verified a licence of yours")),
    "certificate.verified_copy": (
        LOOK,
        ("有人凭为该部门制作的加注件核验了您的证照", "somebody verified a copy of your licence that was made for it"),
    ),
    "certificate.verified_public": (
        LOOK,
        ("有人公开核验了您的证照", "somebody verified a licence of yours in public"),
    ),
    "late.shown": (
        LOOK,
        ("查过您的信息，按规定推迟到现在告知", "looked at data about you, and by rule you are told only now"),
    ),
    "certificate.search": (LOOK, ("查找了您的证照", "looked for your licences")),
    "certificate.export": (LOOK, ("取得了您的证照文件", "fetched the file of a licence of yours")),
    "certificate.opened": (OWN, ("您查看了自己的证照", "you opened a licence of yours")),
    "certificate.not_opened": (
        OWN,
        (
            "您想看自己的证照，来源部门没有给出可以显示的内容",
            "you wanted to read a licence of yours; its source gave nothing that could be shown",
        ),
    ),
    "certificate.opened_together": (
        LOOK,
        ("共同持有人查看了你们共同的证照", "somebody who holds it with you opened a licence"),
    ),
    "certificate.opened_by_agent": (
        LOOK,
        ("代办人查看了您（单位）的证照内容", "who acts for you opened a licence and read what it says"),
    ),
    "certificate.not_opened_by_agent": (
        NOTHING,
        (
            "代办人想看您（单位）的证照，来源部门被询问，没有显示任何内容",
            "who acts for you wanted to read a licence; its source was asked, and nothing was shown",
        ),
    ),
    "collection.by_holder": (LOOK, ("向数据源归集了您的证照", "collected your licences from a source")),
    "collection.own": (OWN, ("您请各部门归集自己的证照", "you had your licences collected from departments")),
    "collection.own_by_agent": (
        CHANGE,
        ("代办人请各部门归集您（单位）的证照", "who acts for you had your licences collected from departments"),
    ),
    "subject.sought": (LOOK, ("平台运行人员按号码查找过您", "an operator of the hub looked you up by your number")),
    "copy.read": (LOOK, ("查看了您交来并盖章的扫描材料", "looked at the sealed scan of a paper that you brought")),
    "case.archive_read": (LOOK, ("取得了您的办件的归档包", "fetched the archive of a case of yours")),
    "task.asked": (LOOK, ("请其他部门人工核实您的情况", "asked an officer to check something about you")),
    "task.read": (LOOK, ("核实人员阅读了关于您的问题", "an officer read a question about you")),
    "task.answered": (LOOK, ("核实人员答复了关于您的问题", "an officer answered a question about you")),
    "holder.sign_in": (OWN, ("您本人登录", "you signed in")),
    "holder.sign_out": (OWN, ("您退出了登录", "you signed out")),
    "identity.bound": (OWN, ("您绑定了网号", "you bound a network ID")),
    "identity.released": (OWN, ("您解除了网号绑定", "you released a network ID")),
    "identity.shown": (OWN, ("您出示网证，窗口为您开办件", "a counter took your network ID and opened a case")),
    "identity.refused": (
        NOTHING,
        ("有人试图绑定与您有关的网号，被拒绝", "somebody tried to bind a network ID around you and was refused"),
    ),
    "presentation.made": (OWN, ("您生成了出示码", "you made a code to show")),
    "presentation.taken": (OWN, ("您出示后，窗口为您开办件", "a counter took your code and opened a case")),
    "kiosk.visit": (OWN, ("您在自助终端刷了身份证件", "your card was read at a terminal")),
    "kiosk.left": (OWN, ("您离开了自助终端", "you left a terminal")),
    "kiosk.printed": (OWN, ("您在自助终端打印了证照", "you printed a licence at a terminal")),
    "kiosk.looks": (OWN, ("您在自助终端看了谁看过您的信息", "you saw at a terminal who had looked")),
    "form.read_at_kiosk": (OWN, ("您在自助终端看了办件的申请表", "you read the form of a case at a terminal")),
    "form.read_by_signer": (
        LOOK,
        (
            "同一申请表的另一位签署人看了表上部门记载的您的内容",
            "somebody who signs the same form read what departments have on record of you in it",
        ),
    ),
    "form.read_by_agent": (LOOK, ("代办人看了您（单位）办件的申请表", "who acts for you read the form of your case")),
    "form.answered_by_agent": (CHANGE, ("代办人代您（单位）填了申请表", "who acts for you answered a form")),
    "form.signed_by_agent": (CHANGE, ("代办人代您（单位）签署了申请表", "who acts for you signed a form")),
    "form.answered_at_kiosk": (
        CHANGE,
        ("凭您的证件，在自助终端填了申请表", "by your card, at a terminal, the form of a case was answered"),
    ),
    "form.signed_at_kiosk": (
        CHANGE,
        ("凭您的证件，在自助终端签署了申请表", "by your card, at a terminal, the form of a case was signed"),
    ),
    "authorisation.given_at_counter": (
        CHANGE,
        ("窗口登记了您对一个办件的同意", "a counter wrote down that you agreed, for one case"),
    ),
    "authorisation.refused_at_counter": (
        CHANGE,
        ("窗口登记了您不同意", "a counter wrote down that you did not agree"),
    ),
    "authorisation.withdrawn_at_counter": (
        CHANGE,
        ("窗口登记了您撤回同意", "a counter wrote down that you withdrew your agreement"),
    ),
    "authorisation.read_at_counter": (
        LOOK,
        ("窗口凭您的证件打开了您的授权清单", "a counter opened the list of your agreements by your card"),
    ),
    "authorisation.given_standing_at_counter": (
        CHANGE,
        ("窗口登记了您同意一项授权", "a counter wrote down that you agreed to a use of your records"),
    ),
    "authorisation.refused_standing_at_counter": (
        CHANGE,
        ("窗口登记了您不同意一项授权", "a counter wrote down that you did not agree to a use of your records"),
    ),
    "authorisation.withdrawn_standing_at_counter": (
        CHANGE,
        ("窗口登记了您撤回一项授权", "a counter wrote down that you withdrew your agreement to a use"),
    ),
    "authorisation.given_at_kiosk": (
        CHANGE,
        ("凭您的证件，在自助终端同意了一项授权", "by your card, at a terminal, a use of your records was agreed to"),
    ),
    "authorisation.refused_at_kiosk": (
        CHANGE,
        ("凭您的证件，在自助终端不同意一项授权", "by your card, at a terminal, a use of your records was refused"),
    ),
    "authorisation.withdrawn_at_kiosk": (
        CHANGE,
        ("凭您的证件，在自助终端撤回了一项授权", "by your card, at a terminal, an agreement of yours was withdrawn"),
    ),
    "authorisation.given_by_agent": (CHANGE, ("代办人代您（单位）同意了一项授权", "who acts for you agreed to a use")),
    "authorisation.refused_by_agent": (
        CHANGE,
        ("代办人代您（单位）不同意一项授权", "who acts for you did not agree to a use"),
    ),
    "authorisation.withdrawn_by_agent": (
        CHANGE,
        ("代办人代您（单位）撤回了一项授权", "who acts for you withdrew your agreement"),
    ),
    "acting.saw_agreements": (
        LOOK,
        ("代办人查看了谁可以用您（单位）的信息", "who acts for you saw who may use your records"),
    ),
    "slip.printed": (LOOK, ("窗口为您打印了办理情况单", "a counter printed where your case stands, for you")),
    "case.rated": (OWN, ("您评价了办件", "you rated a case")),
    "case.rated_by_slip": (
        CHANGE,
        ("有人凭办理情况单上的评价码评价了您的办件", "a case of yours was rated by the code on its slip"),
    ),
    "objection.raised": (OWN, ("您提出了异议或疑问", "you objected, or asked a question")),
    "objection.withdrawn": (OWN, ("您撤回了异议", "you withdrew an objection")),
    "objection.read": (LOOK, ("答复人员阅读了您的异议或疑问", "an officer read your objection or question")),
    "objection.scan_read": (
        LOOK,
        ("答复人员查看了您异议所附的扫描件", "an officer saw the scan beside your objection"),
    ),
    "objection.handed": (
        CHANGE,
        ("把您的异议或疑问转给了负责的部门", "handed your objection on to who is responsible"),
    ),
    "objection.ordered": (
        CHANGE,
        ("上级部门认定您的异议成立，责成部门更正", "upheld your objection; the department is to correct its record"),
    ),
    "objection.answered": (CHANGE, ("答复了您的异议或疑问", "answered your objection or question")),
    "presentation.expired": (OWN, ("出示码未被使用，已失效", "your code ended unused")),
    "acting.begun": (CHANGE, ("有人开始代您（单位）办事", "somebody began to act for you")),
    "acting.ended": (CHANGE, ("代办人结束了代办", "who acted for you ended it")),
    "acting.refused": (NOTHING, ("代办人超出范围或已失效的尝试被拒绝", "who acts, or acted, for you was refused")),
    "acting.saw_licences": (LOOK, ("代办人查看了您（单位）的证照清单", "who acts for you saw your licences")),
    "acting.saw_licence": (
        LOOK,
        ("代办人查看了您（单位）一份证照的状态和经过", "who acts for you saw how a licence stands, and its history"),
    ),
    "acting.saw_collection": (
        LOOK,
        ("代办人查看了您（单位）还缺哪些证照", "who acts for you saw which licences could be collected"),
    ),
    "acting.opened": (OWN, ("您代别人查看了证照内容", "you opened a licence for somebody else")),
    "acting.collected": (OWN, ("您代别人归集证照", "you had somebody else's licences collected")),
    "acting.saw_accesses": (LOOK, ("代办人查看了谁看过您（单位）", "who acts for you saw who had looked")),
    "acting.saw_delegations": (LOOK, ("代办人查看了单位给出的授权代办", "who acts for you saw the delegations given")),
    "acting.saw_objections": (LOOK, ("代办人查看了您（单位）的异议", "who acts for you saw your objections")),
    "acting.presented": (CHANGE, ("代办人为您（单位）生成了出示码", "who acts for you made a code in your name")),
    "acting.filed": (CHANGE, ("为您（单位）的代办人开立了办件", "opened a case for who acts for you")),
    "acting.showing_made": (
        CHANGE,
        ("代办人准备出示您（单位）的证照", "who acts for you made a code to show licences"),
    ),
    "acting.showing_given": (
        CHANGE,
        ("代办人答应对方的请求，出示您（单位）的证照", "who acts for you agreed to show what was asked for"),
    ),
    "acting.showing_declined": (
        CHANGE,
        ("代办人没有答应对方的出示请求", "who acts for you declined to show what was asked for"),
    ),
    "acting.showing_offline": (
        CHANGE,
        (
            "代办人生成了您（单位）证照的离线码，谁看过平台不知道",
            "who acts for you made an offline code; who sees it the hub does not know",
        ),
    ),
    "acting.showing_taken": (
        LOOK,
        ("代办人出示您（单位）的证照，对方查看了选定的内容", "was shown what who acts for you picked of your licences"),
    ),
    "acting.showing_ended": (CHANGE, ("代办人的亮证码未被使用，已失效", "the code of who acts for you ended unused")),
    "acting.showing_refused": (
        NOTHING,
        ("试用代办人的亮证码，被拒绝", "tried the code of who acts for you and was refused"),
    ),
    "acting.showed": (OWN, ("您代别人出示证照", "you made a code to show licences for somebody else")),
    "acting.showed_taken": (
        LOOK,
        ("您代别人出示的证照被查看，对方看到您的姓氏", "saw what you showed for somebody else, and your surname"),
    ),
    "delegation.given": (OWN, ("您（单位）授权他人代办", "you let somebody act for you")),
    "delegation.given_at_counter": (
        CHANGE,
        ("窗口登记了您授权他人代办", "a counter wrote down that you let somebody act for you"),
    ),
    "delegation.withdrawn_at_counter": (
        CHANGE,
        ("窗口登记了您撤回授权代办", "a counter wrote down that a delegation of yours has ended"),
    ),
    "delegation.withdrawn_at_kiosk": (
        CHANGE,
        ("凭您的证件，在自助终端撤回了授权代办", "by your card, at a terminal, a delegation of yours was ended"),
    ),
    "delegation.read_at_counter": (LOOK, ("窗口打开了您的代办授权", "a counter opened what you let others do for you")),
    "delegation.withdrawn": (CHANGE, ("一项授权代办已撤回", "a delegation of yours was withdrawn")),
    "delegation.received": (CHANGE, ("有人授权您代办", "somebody lets you act for him")),
    "delegation.ended": (CHANGE, ("授权您代办已结束", "you act for somebody no more")),
    "authorisation.asked": (
        NOTHING,
        ("为一个办件征询您是否同意使用您的信息", "asked for your yes to use your records in one case"),
    ),
    "authorisation.silent": (
        NOTHING,
        ("一次征询过了期限，没有您的答复", "a question for your yes ran out without an answer"),
    ),
    "authorisation.given": (OWN, ("您同意了一项授权", "you agreed to a use of your records")),
    "authorisation.refused": (OWN, ("您不同意一项授权", "you did not agree to a use of your records")),
    "authorisation.withdrawn": (OWN, ("您撤回了一项授权", "you withdrew your agreement")),
    "showing.made": (OWN, ("您准备出示证照", "you made a code to show licences")),
    "showing.given": (OWN, ("您答应对方的请求，出示证照", "you agreed to show what you were asked for")),
    "showing.declined": (OWN, ("您没有答应对方的出示请求", "you declined to show what you were asked for")),
    "showing.offline": (
        OWN,
        ("您生成了离线码，谁看过平台不知道", "you made an offline code; who sees it the hub does not know"),
    ),
    "showing.taken": (
        LOOK,
        ("您出示证照，对方查看了您选定的内容", "you showed licences, and what you picked was seen"),
    ),
    "showing.ended": (OWN, ("亮证码未被使用，已失效", "your code to show licences ended unused")),
    "showing.refused": (
        NOTHING,
        ("有人试用您的亮证码，被拒绝", "somebody tried your code to show licences and was refused"),
    ),
    "wallet.offered": (OWN, ("您准备把证照放进电子钱包", "you offered a licence to your wallet")),
    "wallet.offer_taken": (OWN, ("您的电子钱包扫了领取码", "your wallet took the offer of a licence")),
    "wallet.offer_ended": (OWN, ("领取码未被使用，已失效", "your offer to a wallet ended unused")),
    "wallet.allowed": (OWN, ("您同意电子钱包领取证照", "you let a wallet have licences")),
    "wallet.code_used": (OWN, ("您同意的电子钱包来领取了", "the wallet that you let have licences came for them")),
    "wallet.refused": (NOTHING, ("您拒绝了电子钱包的请求", "you refused a wallet")),
    "wallet.issued": (OWN, ("您的证照放进了电子钱包", "a licence went into your wallet")),
    "wallet.shown": (LOOK, ("收到电子钱包出示的您的证照", "was shown a licence of yours from a wallet")),
    "wallet.removed": (OWN, ("您停用了钱包里的证照副本", "you ended copies of a licence in a wallet")),
    "wallet.deleted": (OWN, ("钱包删除了您的证照副本", "a wallet deleted copies of a licence of yours")),
    "wallet.renewal_ended": (OWN, ("钱包不能再自行更新您的证照", "a wallet renews your licences no more")),
    "wallet.guessed": (NOTHING, ("钱包验证码输错过多，已作废", "your wallet code was guessed at, and has ended")),
    "presentation.refused": (
        NOTHING,
        ("有窗口试用您的出示码，被拒绝", "a counter tried your code and was refused"),
    ),
}
_OTHER: Final = (CHANGE, ("您的记录有变动", "a record of yours was changed"))
_SANDBOX: Final = "sandbox."


def kind_of(kind: str) -> str:
    """`look`, `nothing`, `own` or `change`."""
    return KINDS.get(kind.removeprefix(_SANDBOX), _OTHER)[0]


def words_of(kind: str) -> Words:
    """What happened; a sandbox's entry is marked as a trial of programs."""
    zh, en = KINDS.get(kind.removeprefix(_SANDBOX), _OTHER)[1]
    return (f"{zh}（联调测试）", f"{en} (a trial of programs)") if kind.startswith(_SANDBOX) else (zh, en)
