"""What owner and consumer read about a bulk run: states, outcomes, why it waits."""

from collections.abc import Mapping
from typing import Any, Final

STATES: Final[Mapping[str, tuple[str, str, str]]] = {
    "running": ("查询中", "running", "info"),
    "finished": ("待复核发放", "to be released", "wait"),
    "released": ("已发放", "released", "good"),
    "refused": ("不予发放", "not released", "bad"),
    "stopped": ("已中止", "ended early", "bad"),
    "expired": ("已过期删除", "deleted", "off"),
}
OUTCOMES: Final[Mapping[str, tuple[str, str]]] = {
    "satisfied": ("查到", "found"),
    "declared_none": ("确认没有", "declared none"),
    "no_source": ("未收录，不能认定没有", "no source"),
    "source_unavailable": ("数据源不可用", "source unavailable"),
    "identity_unconfirmed": ("身份未确认", "identity unconfirmed"),
    "ambiguous": ("多条记录", "ambiguous"),
    "not_granted": ("未授权", "not granted"),
    "refused": ("已拒绝", "refused"),
    "not_applicable": ("不适用", "not applicable"),
    "pending": ("须在办件中查询", "to be asked in a case"),
}
PAUSES: Final[Mapping[str, tuple[str, str]]] = {
    "outside_window": ("等待数据源开放时段", "the source's hours have not begun"),
    "load_limit": ("按数据源限速", "the source's load limit"),
    "quota_exhausted": ("今日额度已用完", "today's quota is used up"),
    "breaker_open": ("数据源暂不答复", "the source does not answer"),
    "busy": ("数据源繁忙", "the source is busy"),
    "agent_absent": ("前置代理不在线", "the agent is away"),
    "source_unavailable": ("数据源未答复，到点再查", "a source failed; asked again then"),
    "hub_absent": ("中枢服务进程不在", "the process that the agent dials is away"),
}
ENDS: Final[Mapping[str, tuple[str, str]]] = {
    "cancelled": ("使用方取消", "cancelled by the system that asked"),
    "gave_up": ("多次未能继续", "given up after several attempts"),
}
WORDS: Final[dict[str, Any]] = {"run_states": STATES, "outcomes": OUTCOMES, "pauses": PAUSES, "ends": ENDS}
"""For the templates."""
