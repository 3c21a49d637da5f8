"""What a person did himself, by the kinds of the ledger's entries: see `access_words`."""

from collections.abc import Mapping
from typing import Final

from hub.registry.meanings import Words

OWN_ACTS: Final[Mapping[str, Words]] = {
    "certificate.opened": ("您查看了自己的证照", "you opened a licence of yours"),
    "certificate.not_opened": (
        "您想看自己的证照，来源部门没有给出可以显示的内容",
        "you wanted to read a licence of yours; its source gave nothing that could be shown",
    ),
    "collection.own": ("您请各部门归集自己的证照", "you had your licences collected from departments"),
    "holder.sign_in": ("您本人登录", "you signed in"),
    "holder.sign_out": ("您退出了登录", "you signed out"),
    "identity.bound": ("您绑定了网号", "you bound a network ID"),
    "identity.released": ("您解除了网号绑定", "you released a network ID"),
    "identity.shown": ("您出示网证，窗口为您开办件", "a counter took your network ID and opened a case"),
    "presentation.made": ("您生成了出示码", "you made a code to show"),
    "presentation.taken": ("您出示后，窗口为您开办件", "a counter took your code and opened a case"),
    "kiosk.visit": ("您在自助终端刷了身份证件", "your card was read at a terminal"),
    "kiosk.left": ("您离开了自助终端", "you left a terminal"),
    "kiosk.printed": ("您在自助终端打印了证照", "you printed a licence at a terminal"),
    "kiosk.looks": ("您在自助终端看了谁看过您的信息", "you saw at a terminal who had looked"),
    "form.read_at_kiosk": ("您在自助终端看了办件的申请表", "you read the form of a case at a terminal"),
    "case.rated": ("您评价了办件", "you rated a case"),
    "objection.raised": ("您提出了异议或疑问", "you objected, or asked a question"),
    "objection.withdrawn": ("您撤回了异议", "you withdrew an objection"),
    "presentation.expired": ("出示码未被使用，已失效", "your code ended unused"),
    "acting.opened": ("您代别人查看了证照内容", "you opened a licence for somebody else"),
    "acting.collected": ("您代别人归集证照", "you had somebody else's licences collected"),
    "acting.showed": ("您代别人出示证照", "you made a code to show licences for somebody else"),
    "delegation.given": ("您（单位）授权他人代办", "you let somebody act for you"),
    "authorisation.given": ("您同意了一项授权", "you agreed to a use of your records"),
    "authorisation.refused": ("您不同意一项授权", "you did not agree to a use of your records"),
    "authorisation.withdrawn": ("您撤回了一项授权", "you withdrew your agreement"),
    "showing.made": ("您准备出示证照", "you made a code to show licences"),
    "showing.given": ("您答应对方的请求，出示证照", "you agreed to show what you were asked for"),
    "showing.declined": ("您没有答应对方的出示请求", "you declined to show what you were asked for"),
    "showing.offline": (
        "您生成了离线码，谁看过平台不知道",
        "you made an offline code; who sees it the hub does not know",
    ),
    "showing.ended": ("亮证码未被使用，已失效", "your code to show licences ended unused"),
    "wallet.offered": ("您准备把证照放进电子钱包", "you offered a licence to your wallet"),
    "wallet.offer_taken": ("您的电子钱包扫了领取码", "your wallet took the offer of a licence"),
    "wallet.offer_ended": ("领取码未被使用，已失效", "your offer to a wallet ended unused"),
    "wallet.allowed": ("您同意电子钱包领取证照", "you let a wallet have licences"),
    "wallet.code_used": ("您同意的电子钱包来领取了", "the wallet that you let have licences came for them"),
    "wallet.issued": ("您的证照放进了电子钱包", "a licence went into your wallet"),
    "wallet.removed": ("您停用了钱包里的证照副本", "you ended copies of a licence in a wallet"),
    "wallet.deleted": ("钱包删除了您的证照副本", "a wallet deleted copies of a licence of yours"),
    "wallet.renewal_ended": ("钱包不能再自行更新您的证照", "a wallet renews your licences no more"),
}
