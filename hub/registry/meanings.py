"""What codes mean in plain words, for whoever must act: how a source failed, what a live test showed.

The console and the command line say the same.
"""

from collections.abc import Mapping
from typing import Final

from hub.exchange.agents.signs import AgentView

Words = tuple[str, str]
"""Chinese, English."""
CORROBORATION: Final = (
    ("card_read", "读卡", "card read"),
    ("network_id", "网络身份认证（网证）", "a network ID, shown at the counter"),
    ("face_compared", "人脸比对一致（设备签名）", "a face compared with the card's photo, by a device that signs"),
    ("second_document", "第二份证件（受理员见到）", "a clerk's word that a second document was shown"),
    ("clerk_attested", "受理员证明（见到证件）", "a clerk's word that the card was shown"),
    ("presentation_code", "出示码", "presentation code"),
    ("signed_in_holder", "本人已登录", "holder signed in"),
    ("holder_confirmation", "本人确认", "holder's confirmation"),
    ("countersigned_acceptance", "双人受理", "countersigned acceptance"),
)
"""What shows that a case is real, as owners ask for it and consumers offer it."""
_FAILURES: Final[Mapping[str, tuple[Words, Words]]] = {
    "disabled": (("数据源已停用", "The source is disabled"), ("本部门：需要时重新启用", "The department: enable it when it is needed")),
    "definition": (("连接信息不完整或密码未设置", "The description is incomplete, or a password is not set"), ("本部门：补全连接信息和密码", "The department: complete the description and the passwords")),
    "denied": (("数据源拒绝了平台的账号", "The source refuses the hub's credentials"), ("本部门：核对或更新账号、密码、密钥", "The department: check or renew user, password, key")),
    "unreachable_dns": (("主机名无法解析", "The host's name is not known"), ("本部门：核对主机名", "The department: check the host's name")),
    "unreachable_refused": (("主机没有应答该端口", "Nothing answers at this host and port"), ("本部门：核对端口，确认服务已启动、防火墙放行", "The department: check port, service and firewall")),
    "unreachable_tls": (("加密连接的证书未通过检查", "The server's certificate does not hold"), ("本部门：核对证书和 CA", "The department: check certificate and CA")),
    "unreachable_egress": (("地址不在平台放行的网络内", "The address is outside the networks opened for sources"), ("平台运行人员：放行该网络", "The operator: open the network")),
    "unreachable_breaker_open": (("连续失败，平台暂停询问", "It failed in a row and is left alone for a while"), ("本部门：恢复数据源，平台会自动重试", "The department: repair it; the hub tries again by itself")),
    "unreachable_busy": (("询问过多，排队已满", "Too many questions at once"), ("本部门：提高并发上限或稍后再试", "The department: raise the limit, or wait")),
    "unreachable_load_limit": (("超过每分钟上限", "More than the limit per minute"), ("本部门：需要时提高上限", "The department: raise the limit if needed")),
    "unreachable_outside_window": (("不在约定的服务时段", "Outside the agreed hours"), ("无须处理，到时自动恢复", "Nobody: it answers again at its hours")),
    "unreachable_agent_absent": (("前置代理未连接", "The agent is not connected"), ("本部门：启动前置代理；在其机器上运行 yizheng agent check 查明原因", "The department: start the agent; on its machine `yizheng agent check` says what is wrong")),
    "unreachable_hub_absent": (("前置代理拨入的中枢未在本机以此目录运行，命令行无法代问", "The hub that the agent dials is not served from this folder, so a command cannot reach the agent"), ("平台运行人员：在此机器上运行 yizheng serve，或在部门台测试", "The operator: run `yizheng serve` on this machine, or test in the console")),
    "unreachable_closed": (("连接已关闭", "The connection was closed"), ("平台会自动重连", "The hub connects again by itself")),
}  # fmt: skip


def failure(code: str) -> tuple[Words, Words]:
    """What a source's error means and who must act."""
    if code in _FAILURES:
        return _FAILURES[code]
    if code.startswith("timed_out"):
        return ("数据源应答过慢", "The source answers too slowly"), (
            "本部门：检查数据库负载和索引，或放宽时限",
            "The department: check load and indexes, or allow more time",
        )
    return (f"应答内容异常（{code}）", f"What it answers is no answer ({code})"), (
        "本部门：检查语句、接口或编码",
        "The department: check statement, service or encoding",
    )


_UNKNOWN: Final = _FAILURES["unreachable_hub_absent"]
_SILENT: Final[tuple[Words, ...]] = (
    ("前置代理未连接：在其机器上查看服务是否运行（systemctl status yizheng-agent）", "The agent is not connected: see on its machine whether it runs (systemctl status yizheng-agent)"),
    ("在其机器上运行 yizheng agent check，照提示由相应人员处理", "On its machine run yizheng agent check; it says what is wrong and who must act"),
    ("确认其网络仍允许向外访问本平台（HTTPS）", "See that its network still lets it out to this hub by HTTPS"),
)  # fmt: skip
_REFUSED: Final[Words] = (
    "有提问或应答未通过签名核对：立即告知平台运行人员，可能有人冒充",
    "Questions or answers failed the check of their signature: tell the operator at once, somebody may pretend to be hub or agent",
)
_DEAD: Final[Words] = (
    "有回写多次失败：照所示原因纠正，再重试",
    "Writing back was given up: correct what is shown, then try again",
)


def agent_advice(agent: AgentView) -> tuple[Words, ...]:
    """What to do about an agent; nothing when it is well."""
    health = agent.health
    silent = () if health.present else _SILENT
    refused = (_REFUSED,) if health.refused_by_agent or health.refused_by_hub else ()
    return (*(silent if health.known else _UNKNOWN), *refused, *((_DEAD,) if agent.deliveries_dead else ()))


TRIAL: Final[Mapping[str, Words]] = {
    "satisfied": ("通过：应答符合接口约定", "passed: the answer is what the interface promises"),
    "no_record": (
        "未通过：没有查到记录，请换一个存在的测试号码",
        "failed: no record; try the number of one that exists",
    ),
    "several_records": ("未通过：约定一条，却有多条", "failed: several rows where one is promised"),
    "other_record": ("未通过：应答的不是所查的对象", "failed: the answer is about somebody else"),
    "contract": ("未通过：应答与约定不符", "failed: the answer breaks the contract"),
}
