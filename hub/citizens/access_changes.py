"""What was done to a person's licences and papers, by the kinds of the ledger's entries: see `access_words`."""

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
    "certificate.complete_transfer": ("您的证照已转入另一部门", "a licence of yours is with another department now"),
    "certificate.other": (
        "您的证照进入法律另有规定的状态",
        "a licence of yours is in a state of which another law tells",
    ),
    "certificate.supersede": ("您的证照由新的一份取代", "a licence of yours was replaced by a newer one"),
    "certificate.suspend": ("暂扣了您的证照", "suspended a licence of yours"),
    "certificate.resume": ("恢复了您的证照", "put a licence of yours into force again"),
    "certificate.revoke": ("吊销了您的证照", "revoked a licence of yours"),
    "certificate.withdraw": ("撤销了您的证照", "withdrew a licence of yours"),
    "certificate.cancel": ("注销了您的证照", "cancelled a licence of yours"),
    "certificate.expire": ("您的证照有效期届满", "a licence of yours ran out"),
    "copy.sealed": ("窗口扫描了您交来的材料并盖章", "a counter scanned a paper that you brought, and sealed it"),
    "copy.withdrawn": ("收回了您一份已盖章的扫描材料", "took back a sealed scan of a paper of yours"),
}
