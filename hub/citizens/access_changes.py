"""What was done to a person's records and in his name, by the kinds of the ledger's entries: see `access_words`."""

from collections.abc import Mapping
from typing import Final

from hub.registry.meanings import Words

CHANGES: Final[Mapping[str, Words]] = {
    "certificate.issue": ("为您签发了证照", "issued a licence to you"),
    "certificate.render": ("生成了您的证照版面", "made the page of a licence of yours"),
    "certificate.restamp": ("更新了您的证照文件的时间戳", "renewed the time-stamp of a file of your licence"),
    "certificate.renew": ("为您换发了证照", "renewed a licence of yours"),
    "certificate.change": ("变更了您的证照", "changed a licence of yours"),
    "certificate.correct": ("更正了您的证照", "corrected a licence of yours"),
    "certificate.transfer_in": ("把您的证照转入了新的管辖部门", "took a licence of yours over from another department"),
    "certificate.transfer_out": ("把您的证照转出给了另一部门", "handed a licence of yours over to another department"),
    "certificate.cancel_transfer": ("取消了您的证照的转出", "called off handing a licence of yours over"),
    "certificate.complete_transfer": (
        "完成了您的证照的转出",
        "finished handing a licence of yours over to another department",
    ),
    "certificate.other": (
        "把您的证照列入法律另有规定的状态",
        "put a licence of yours into a state of which another law tells",
    ),
    "certificate.supersede": ("以新的一份取代了您的证照", "put a newer licence in the place of one of yours"),
    "certificate.suspend": ("暂扣了您的证照", "suspended a licence of yours"),
    "certificate.resume": ("恢复了您的证照", "put a licence of yours into force again"),
    "certificate.revoke": ("吊销了您的证照", "revoked a licence of yours"),
    "certificate.withdraw": ("撤销了您的证照", "withdrew a licence of yours"),
    "certificate.cancel": ("注销了您的证照", "cancelled a licence of yours"),
    "certificate.expire": ("您的证照有效期届满", "a licence of yours ran out"),
    "copy.sealed": ("窗口扫描了您交来的材料并盖章", "a counter scanned a paper that you brought, and sealed it"),
    "copy.withdrawn": ("收回了您一份已盖章的扫描材料", "took back a sealed scan of a paper of yours"),
    "collection.own_by_agent": (
        "代办人请各部门归集您（单位）的证照",
        "who acts for you had your licences collected from departments",
    ),
    "form.answered_by_agent": ("代办人代您（单位）填了申请表", "who acts for you answered a form"),
    "form.signed_by_agent": ("代办人代您（单位）签署了申请表", "who acts for you signed a form"),
    "form.answered_at_kiosk": (
        "凭您的证件，在自助终端填了申请表",
        "by your card, at a terminal, the form of a case was answered",
    ),
    "form.signed_at_kiosk": (
        "凭您的证件，在自助终端签署了申请表",
        "by your card, at a terminal, the form of a case was signed",
    ),
    "authorisation.given_at_counter": (
        "窗口登记了您对一个办件的同意",
        "a counter wrote down that you agreed, for one case",
    ),
    "authorisation.refused_at_counter": ("窗口登记了您不同意", "a counter wrote down that you did not agree"),
    "authorisation.withdrawn_at_counter": (
        "窗口登记了您撤回同意",
        "a counter wrote down that you withdrew your agreement",
    ),
    "authorisation.given_standing_at_counter": (
        "窗口登记了您同意一项授权",
        "a counter wrote down that you agreed to a use of your records",
    ),
    "authorisation.refused_standing_at_counter": (
        "窗口登记了您不同意一项授权",
        "a counter wrote down that you did not agree to a use of your records",
    ),
    "authorisation.withdrawn_standing_at_counter": (
        "窗口登记了您撤回一项授权",
        "a counter wrote down that you withdrew your agreement to a use",
    ),
    "authorisation.given_at_kiosk": (
        "凭您的证件，在自助终端同意了一项授权",
        "by your card, at a terminal, a use of your records was agreed to",
    ),
    "authorisation.refused_at_kiosk": (
        "凭您的证件，在自助终端不同意一项授权",
        "by your card, at a terminal, a use of your records was refused",
    ),
    "authorisation.withdrawn_at_kiosk": (
        "凭您的证件，在自助终端撤回了一项授权",
        "by your card, at a terminal, an agreement of yours was withdrawn",
    ),
    "authorisation.given_by_agent": ("代办人代您（单位）同意了一项授权", "who acts for you agreed to a use"),
    "authorisation.refused_by_agent": ("代办人代您（单位）不同意一项授权", "who acts for you did not agree to a use"),
    "authorisation.withdrawn_by_agent": (
        "代办人代您（单位）撤回了一项授权",
        "who acts for you withdrew your agreement",
    ),
    "case.rated_by_slip": (
        "有人凭办理情况单上的评价码评价了您的办件",
        "a case of yours was rated by the code on its slip",
    ),
    "objection.handed": ("把您的异议或疑问转给了负责的部门", "handed your objection on to who is responsible"),
    "objection.ordered": (
        "上级部门认定您的异议成立，责成部门更正",
        "upheld your objection; the department is to correct its record",
    ),
    "objection.answered": ("答复了您的异议或疑问", "answered your objection or question"),
    "acting.begun": ("有人开始代您（单位）办事", "somebody began to act for you"),
    "acting.ended": ("代办人结束了代办", "who acted for you ended it"),
    "acting.presented": ("代办人为您（单位）生成了出示码", "who acts for you made a code in your name"),
    "acting.filed": ("为您（单位）的代办人开立了办件", "opened a case for who acts for you"),
    "acting.showing_made": ("代办人准备出示您（单位）的证照", "who acts for you made a code to show licences"),
    "acting.showing_given": (
        "代办人答应对方的请求，出示您（单位）的证照",
        "who acts for you agreed to show what was asked for",
    ),
    "acting.showing_declined": ("代办人没有答应对方的出示请求", "who acts for you declined to show what was asked for"),
    "acting.showing_offline": (
        "代办人生成了您（单位）证照的离线码，谁看过平台不知道",
        "who acts for you made an offline code; who sees it the hub does not know",
    ),
    "acting.showing_ended": ("代办人的亮证码未被使用，已失效", "the code of who acts for you ended unused"),
    "delegation.given_at_counter": (
        "窗口登记了您授权他人代办",
        "a counter wrote down that you let somebody act for you",
    ),
    "delegation.withdrawn_at_counter": (
        "窗口登记了您撤回授权代办",
        "a counter wrote down that a delegation of yours has ended",
    ),
    "delegation.withdrawn_at_kiosk": (
        "凭您的证件，在自助终端撤回了授权代办",
        "by your card, at a terminal, a delegation of yours was ended",
    ),
    "delegation.withdrawn": ("一项授权代办已撤回", "a delegation of yours was withdrawn"),
    "delegation.received": ("有人授权您代办", "somebody lets you act for him"),
    "delegation.ended": ("授权您代办已结束", "you act for somebody no more"),
}
