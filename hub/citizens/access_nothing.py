"""What was asked or tried and gave nothing away, by the kinds of the ledger's entries: see `access_words`."""

from collections.abc import Mapping
from typing import Final

from hub.registry.meanings import Words

NOTHING_GIVEN: Final[Mapping[str, Words]] = {
    "answer": ("查询过，没有提供任何内容", "asked; nothing was given"),
    "refusal": ("查询被拒绝，没有提供任何内容", "asked and was refused; nothing was given"),
    "case.open": ("以您的名义开立了办件", "opened a case in your name"),
    "certificate.not_opened_by_agent": (
        "代办人想看您（单位）的证照，来源部门被询问，没有显示任何内容",
        "who acts for you wanted to read a licence; its source was asked, and nothing was shown",
    ),
    "identity.refused": (
        "有人试图绑定与您有关的网号，被拒绝",
        "somebody tried to bind a network ID around you and was refused",
    ),
    "acting.refused": ("代办人超出范围或已失效的尝试被拒绝", "who acts, or acted, for you was refused"),
    "acting.showing_refused": ("试用代办人的亮证码，被拒绝", "tried the code of who acts for you and was refused"),
    "authorisation.asked": (
        "为一个办件征询您是否同意使用您的信息",
        "asked for your yes to use your records in one case",
    ),
    "authorisation.silent": ("一次征询过了期限，没有您的答复", "a question for your yes ran out without an answer"),
    "showing.refused": ("有人试用您的亮证码，被拒绝", "somebody tried your code to show licences and was refused"),
    "wallet.refused": ("您拒绝了电子钱包的请求", "you refused a wallet"),
    "wallet.guessed": ("钱包验证码输错过多，已作废", "your wallet code was guessed at, and has ended"),
    "presentation.refused": ("有窗口试用您的出示码，被拒绝", "a counter tried your code and was refused"),
}
