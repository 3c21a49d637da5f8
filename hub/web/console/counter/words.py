"""Words of the counter's pages."""

from typing import Final

from hub.intake.resolver import Outcome

OUTCOMES: Final = {
    Outcome.SATISFIED: ("免交，已证明", "proved", "good", "✓"),
    Outcome.NOT_APPLICABLE: ("不需要", "not wanted", "off", "–"),
    Outcome.DECLARED_NONE: ("确认无此记录", "no such record", "good", "✓"),
    Outcome.NO_SOURCE: ("需提交", "bring it", "wait", "!"),
    Outcome.SOURCE_UNAVAILABLE: ("部门欠件，不需提交", "a department owes it", "info", "…"),
    Outcome.NOT_GRANTED: ("需提交", "bring it", "wait", "!"),
    Outcome.IDENTITY_UNCONFIRMED: ("身份未能确认", "identity unconfirmed", "bad", "?"),
    Outcome.AMBIGUOUS: ("需先说明", "say more first", "wait", "?"),
    Outcome.HOLDER_DECISION_NEEDED: ("需本人授权", "holder authorises", "wait", "?"),
    Outcome.PENDING: ("协查中", "being checked", "info", "…"),
    Outcome.REFUSED: ("不能使用", "cannot be used", "bad", "✕"),
}
"""What a line says of its outcome, its look, and its sign: never the colour alone."""

RUNGS: Final = {
    "held": ("已在本办件", "held in this case"),
    "certificate": ("电子证照", "licence"),
    "shared_data": ("共享数据", "shared data"),
    "sealed_copy": ("材料共享章", "sealed copy"),
    "verification": ("部门协查", "assisted verification"),
    "commitment": ("告知承诺", "commitment"),
}
"""By what a requirement is met; a paper and what is open have none."""

MEANINGS: Final = (
    (RUNGS["certificate"], ("部门颁发的有效证照，平台已核验签名和状态", "a valid licence of a department; the hub has checked its signature and status")),
    (RUNGS["shared_data"], ("当场向部门的系统查询到的记录", "what a department's system answered just now")),
    (RUNGS["held"], ("本人已经交过，仍在有效期内", "the person handed it in before, and it still holds")),
    (RUNGS["sealed_copy"], ("以前扫描过、由窗口盖章的材料，不用再交", "a paper that a counter scanned and sealed before")),
    (RUNGS["verification"], ("由部门的工作人员查实后签名答复", "an officer of the department looked, and answered over a signature")),
    (RUNGS["commitment"], ("当事人自己选择书面承诺，按期补齐或核查", "the person chose to promise it in writing, to be supplied or verified in time")),
    (("部门欠件", "owed by a department"), ("部门有记录而系统暂时没有答复，由部门按期补齐，不向当事人要", "the department has it and its system did not answer: it supplies it in time, and nobody asks the person")),
)  # fmt: skip
"""What a newcomer at the counter may ask: words of the lines, each in a sentence."""

STATES: Final = {
    "open": ("在办", "open", "info"),
    "closing": ("已受理，等部门补件", "accepted, waits for what is owed", "wait"),
    "closed": ("已办结", "closed", "good"),
}

REASONS: Final = {
    "missing": ("请读卡、扫码或输入证件号码", "Read the card, scan or type the number"),
    "length": ("位数不对：应为 18 位", "It should have 18 signs"),
    "character": ("有不应出现的字符", "It has a sign that cannot be there"),
    "date": ("号码中的出生日期不对", "The date of birth within it is no date"),
    "check_digit": ("校验位不对，请核对", "The check digit is wrong: compare it with the card"),
    "several": ("读到两个不同的号码，请重新读一张卡", "Two different numbers: read one card"),
}
"""Why a text is no ID, by the reason of a PresentedError."""
CODES: Final = {
    "misread": ("出示码没有读全，请重新扫描", "The code was not read whole: scan it again"),
    "refused": (
        "此码不能使用：已用过、已过期，或不是为本窗口生成的。请持码人重新出示",
        "This code opens nothing here: used, over, or made for another counter. Ask for a new one",
    ),
    "away": (
        "国家网络身份认证服务暂时没有应答，请改用身份证或出示码",
        "The network-ID service does not answer: use the card, or a code",
    ),
    "locked": ("输错次数过多，请扫描二维码，或过几分钟再输入", "Too many wrong codes: scan it, or wait some minutes"),
}
"""Why a code that somebody shows is not taken."""
WRONG_ID: Final = ("证件号码不对，请核对", "The number is not right: compare it with the card")

PAPERS: Final = {
    "type": ("只接受 PDF、JPEG 和 PNG", "PDF, JPEG or PNG only"),
    "too_large": ("文件超过 10 MB", "The file is larger than 10 MB"),
    "empty": ("文件是空的", "The file is empty"),
    "active_content": (
        "文件含脚本、附件或自动动作，请重新扫描",
        "It has a script, an attachment or an action: scan it again",
    ),
    "encrypted": ("文件已加密，请重新扫描", "It is encrypted: scan it again"),
    "more_than_a_picture": ("图片后面还有别的内容，请重新扫描", "There is more than a picture in it: scan it again"),
}
"""Why a file is not sealed, by the rule of a PaperRefusedError."""
NO_PAPER: Final = ("文件不完整或不能读取，请重新扫描", "It is not whole, or cannot be read: scan it again")
NOT_NOW: Final = ("现在不能这样办，请返回办件查看", "Not possible now: look at the case again")

FACES: Final = {
    "face_differed": (
        "人脸比对未通过，已记录。可以再比对一次；或请当事人出示第二份证件，核对后勾选；仍有疑问请主管到场。不得因此拒绝受理",
        "The faces do not agree; it is on record. Compare once more, or see a second document and tick it, or ask your supervisor: nobody is sent away for this",
    ),
    "face_needed": (
        "这张证件今天比对未通过：请重新比对，或核对第二份证件后勾选",
        "A comparison for this card failed within a day: compare again, or see a second document and tick it",
    ),
    "face_refused": (
        "比对结果未通过核验：不是本部门的设备、已过期、已用过，或不是这张证件。请重新比对",
        "The result does not hold: no device of yours, over, used, or about another card. Compare again",
    ),
    "face_picture": (
        "比对设备发来了结果以外的内容，没有接收，也没有保存；请联系设备管理人员。本平台不收人脸图像",
        "The device sent more than a result; nothing of it was taken or kept. Tell whoever runs it: no faces come here",
    ),
}  # fmt: skip
"""What a clerk is told of a comparison that opens nothing, and what comes next."""

PARTY_RULES: Final = {
    "reader_refused": ("读卡结果未通过核验，请重新读卡", "What the reader signed does not hold: read the card again"),
    "reader_needed": (
        "这里须用会签名的读卡器读本人证件；没有的，请到有这种读卡器的窗口，或登录后办理；同意和撤回在自助终端也能办",
        "A reader that signs must read the card here; else a counter with one, or signing in; a yes or no: a terminal",
    ),
    "wrong_kind": ("本角色不能是这类主体", "Somebody of this kind cannot have this part"),
    "id_type_and_id_number_together": ("请输入证件号码", "Enter the number of the ID"),
    "missing": ("请读卡、扫码或输入证件号码", "Read the card, scan or type the number"),
    "missing_role": ("这个角色必须填写", "Somebody must have this part"),
    "repeated_party": ("同一人在这个角色中重复", "The same one twice in this part"),
    "no_such_party": ("请先填写被代理的当事人", "First enter the one he acts for"),
}
"""Why a party is refused, by the rule of a PartyError."""
