"""Words of the pages of subscriptions: events, states, and why a receiver was not reached and who must act."""

from collections.abc import Mapping
from typing import Any, Final

from hub.registry.meanings import Words

EVENTS: Final = (
    ("certificate.revoked", "证照被撤销或注销", "A licence was revoked"),
    ("certificate.superseded", "证照有了新版本", "A licence has a newer version"),
    ("certificate.suspended", "证照被暂停", "A licence was suspended"),
    ("certificate.resumed", "证照恢复有效", "A licence is valid again"),
    ("record.changed", "前置库中的记录变了", "A pushed record changed"),
    ("debt.paid", "部门欠件已补齐", "What was owed to a case has come"),
    ("debt.ended", "部门欠件因授权失效而终止", "What was owed will not come: the grant ended"),
    ("debt.overdue", "部门欠件逾期", "What is owed to a case is overdue"),
    ("evidence.renewed", "联办的另一办件出证，已重新取证", "Another case of the family gave what was waited for"),
    ("evidence.corrected", "办件所用证照经异议已更正", "A licence that a case used was corrected after an objection"),
    ("task.answered", "协查已答复", "An officer answered a question"),
    ("case.accepted", "办件已受理", "A case was accepted"),
    ("case.asked", "办件须补正", "More is asked for in a case"),
    ("case.decided", "办件已作出决定", "A case was decided"),
    ("dead_end.answered", "“办不成事”已答复", "The desk for dead ends has answered"),
    ("case.closed", "办件已办结", "A case was closed"),
)
STATES: Final[Mapping[str, tuple[str, str, str]]] = {
    "waiting": ("待送达", "waiting", "wait"),
    "delivered": ("已送达", "delivered", "good"),
    "dead": ("死信", "given up", "bad"),
}
_RECEIVER: Final = ("由本部门接收服务的维护人员处理", "Whoever runs your receiver must act")
_OPERATOR: Final = ("请平台运行人员开通该网段", "The hub's operator must open that network")
_FAULTS: Final[Mapping[str, Words]] = {
    "url": ("地址写作 https://主机/路径", "An address is written https://host/path"),
    "user_info": ("地址里不能写用户名和口令", "An address carries no user name or password"),
    "dns": ("找不到该主机名", "The host's name is not known"),
    "refused": ("该主机没有在此端口接听", "Nobody listens there"),
    "egress": ("平台不许访问该地址：须为公网 https，或已开通的网段", "The hub may not go there: https at a public address, or a network that was opened"),
    "timeout": ("没有在五秒内答复", "No answer within five seconds"),
    "timed_out_connect": ("连接超时", "The connection took too long"),
    "timed_out_read": ("没有在五秒内答复", "No answer within five seconds"),
    "timed_out_total": ("答复太慢", "The answer took too long"),
    "tls": ("TLS 握手失败", "The TLS handshake failed"),
    "tls_name": ("对方证书不是该主机的", "Its certificate is another host's"),
    "tls_expired": ("对方证书已过期", "Its certificate has expired"),
    "tls_not_yet": ("对方证书尚未生效", "Its certificate is not valid yet"),
    "tls_authority": ("对方证书不是受信任的机构签发的；自建机构请填写其证书", "Its certificate comes from no trusted authority; name your own authority below"),
    "denied": ("对方要求客户端证书，平台没有", "It wants a client certificate; the hub has none"),
    "handshake": ("验证未成功：没有连通、证书不受信任，或没有原样返回 challenge；具体原因请平台运行人员查日志", "The check did not succeed: not reached, not trusted, or the challenge was not repeated. The operator finds which in the log"),
    "challenge": ("答复中没有原样返回 challenge", "Its answer did not repeat the challenge"),
    "faulty_redirect": ("对方要求跳转，平台不跟随", "It redirects; the hub does not follow"),
    "faulty_too_large": ("对方答复过大", "Its answer is too large"),
    "pem": ("这不是 PEM 格式的证书", "This is no certificate in PEM"),
    "only_with_https": ("只有 https 地址才用得上", "Of use only with an https address"),
}  # fmt: skip


def fault(code: str) -> Words:
    """What a reason says to people."""
    if code in _FAULTS:
        return _FAULTS[code]
    if code.startswith("status_"):
        return f"对方答复了状态码 {code[7:]}", f"It answered with status {code[7:]}"
    return f"未能送达（{code}）", f"Not delivered ({code})"


def acts(code: str) -> Words:
    """Who must act."""
    return _OPERATOR if code == "egress" else _RECEIVER


SHARED: Final[Mapping[str, Any]] = {
    "events": EVENTS,
    "event_names": {code: (zh, en) for code, zh, en in EVENTS},
    "message_states": STATES,
    "fault": fault,
    "acts": acts,
}
"""What every template of these pages gets."""
