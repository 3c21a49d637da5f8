"""What others saw of a person, by the kinds of the ledger's entries: see `access_words`."""

from collections.abc import Mapping
from typing import Final

from hub.registry.meanings import Words

LOOKS: Final[Mapping[str, Words]] = {
    "disclosure": ("取用了您的信息", "used data about you"),
    "evidence.read": ("审批人员查看了办件中的证明内容", "an official read the evidence of the case"),
    "certificate.verified": ("核验了您的证照", "verified a licence of yours"),
    "certificate.verified_copy": (
        "有人凭为该部门制作的加注件核验了您的证照",
        "somebody verified a copy of your licence that was made for it",
    ),
    "certificate.verified_public": ("有人公开核验了您的证照", "somebody verified a licence of yours in public"),
    "late.shown": ("查过您的信息，按规定推迟到现在告知", "looked at data about you, and by rule you are told only now"),
    "certificate.search": ("查找了您的证照", "looked for your licences"),
    "certificate.export": ("取得了您的证照文件", "fetched the file of a licence of yours"),
    "certificate.opened_together": (
        "共同持有人查看了你们共同的证照",
        "somebody who holds it with you opened a licence",
    ),
    "certificate.opened_by_agent": (
        "代办人查看了您（单位）的证照内容",
        "who acts for you opened a licence and read what it says",
    ),
    "collection.by_holder": ("向数据源归集了您的证照", "collected your licences from a source"),
    "subject.sought": ("平台运行人员按号码查找过您", "an operator of the hub looked you up by your number"),
    "copy.read": ("查看了您交来并盖章的扫描材料", "looked at the sealed scan of a paper that you brought"),
    "case.archive_read": ("取得了您的办件的归档包", "fetched the archive of a case of yours"),
    "task.asked": ("请其他部门人工核实您的情况", "asked an officer to check something about you"),
    "task.read": ("核实人员阅读了关于您的问题", "an officer read a question about you"),
    "task.answered": ("核实人员答复了关于您的问题", "an officer answered a question about you"),
    "form.read_by_signer": (
        "同一申请表的另一位签署人看了表上部门记载的您的内容",
        "somebody who signs the same form read what departments have on record of you in it",
    ),
    "form.read_by_agent": ("代办人看了您（单位）办件的申请表", "who acts for you read the form of your case"),
    "authorisation.read_at_counter": (
        "窗口凭您的证件打开了您的授权清单",
        "a counter opened the list of your agreements by your card",
    ),
    "acting.saw_agreements": ("代办人查看了谁可以用您（单位）的信息", "who acts for you saw who may use your records"),
    "slip.printed": ("窗口为您打印了办理情况单", "a counter printed where your case stands, for you"),
    "objection.read": ("答复人员阅读了您的异议或疑问", "an officer read your objection or question"),
    "objection.scan_read": ("答复人员查看了您异议所附的扫描件", "an officer saw the scan beside your objection"),
    "acting.saw_licences": ("代办人查看了您（单位）的证照清单", "who acts for you saw your licences"),
    "acting.saw_licence": (
        "代办人查看了您（单位）一份证照的状态和经过",
        "who acts for you saw how a licence stands, and its history",
    ),
    "acting.saw_collection": (
        "代办人查看了您（单位）还缺哪些证照",
        "who acts for you saw which licences could be collected",
    ),
    "acting.saw_accesses": ("代办人查看了谁看过您（单位）", "who acts for you saw who had looked"),
    "acting.saw_delegations": ("代办人查看了单位给出的授权代办", "who acts for you saw the delegations given"),
    "acting.saw_objections": ("代办人查看了您（单位）的异议", "who acts for you saw your objections"),
    "acting.showing_taken": (
        "代办人出示您（单位）的证照，对方查看了选定的内容",
        "was shown what who acts for you picked of your licences",
    ),
    "acting.showed_taken": (
        "您代别人出示的证照被查看，对方看到您的姓氏",
        "saw what you showed for somebody else, and your surname",
    ),
    "delegation.read_at_counter": ("窗口打开了您的代办授权", "a counter opened what you let others do for you"),
    "showing.taken": ("您出示证照，对方查看了您选定的内容", "you showed licences, and what you picked was seen"),
    "wallet.shown": ("收到电子钱包出示的您的证照", "was shown a licence of yours from a wallet"),
}
