"""What the console offers to whom: entries of the navigation and queues on the home page.

Two plain lists. A page group adds its lines; the order here is the order on the screen.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from hub.access.actors import Actor, Role
from hub.registry.waiting import (
    bulk_to_release,
    demands_to_answer,
    open_disputes,
    quarantines,
    requests_to_answer,
    unread_notices,
    versions_to_approve,
)

EVERYBODY: Final = frozenset(Role)
OWNERS: Final = frozenset({Role.OWNER_ENGINEER, Role.OWNER_APPROVER})
CONSUMERS: Final = frozenset({Role.CONSUMER_ENGINEER})
CITY: Final = frozenset({Role.OPERATOR, Role.AUDITOR})


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the navigation, shown to whoever has one of the roles."""

    path: str
    zh: str
    en: str
    roles: frozenset[Role]


@dataclass(frozen=True, slots=True)
class Queue:
    """Work that waits. `count` is a query in the caller's unit of work, over what the actor may see."""

    path: str
    zh: str
    en: str
    roles: frozenset[Role]
    count: Callable[[Connection, Actor], int]


NAVIGATION: Final[list[Entry]] = [
    Entry("/console", "首页", "Home", EVERYBODY),
    Entry("/console/owner/sources", "数据源", "Sources", OWNERS | CITY),
    Entry("/console/owner/interfaces", "数据接口", "Interfaces", OWNERS | CITY),
    Entry("/console/owner/requests", "授权申请", "Requests", OWNERS | CITY),
    Entry("/console/owner/grants", "授权", "Grants", OWNERS | CITY),
    Entry("/console/owner/bulk", "批量查询发放", "Bulk releases", OWNERS | CITY),
    Entry("/console/owner/usage", "使用情况", "Use", OWNERS | CITY),
    Entry("/console/owner/demands", "供需对接", "Demands", OWNERS | CITY),
    Entry("/console/owner/batches", "归集批次", "Batches", OWNERS | CITY),
    Entry("/console/consumer/search", "找数据", "Find data", EVERYBODY),
    Entry("/console/consumer/requests", "我的申请", "My requests", CONSUMERS),
    Entry("/console/consumer/grants", "我的授权", "My grants", CONSUMERS),
    Entry("/console/consumer/bulk", "批量查询", "Bulk runs", CONSUMERS),
    Entry("/console/consumer/systems", "应用系统", "Systems", CONSUMERS | CITY),
    Entry("/console/consumer/subscriptions", "变更通知", "Subscriptions", CONSUMERS | CITY),
    Entry("/console/consumer/sandbox", "沙箱", "Sandbox", CONSUMERS),
    Entry("/console/consumer/calls", "调用记录", "My calls", CONSUMERS),
    Entry("/console/notices", "通知", "Notices", EVERYBODY),
    Entry("/console/staff", "人员", "Staff", EVERYBODY),
    Entry("/console/proposals", "双人复核", "Two persons", CITY),
]

QUEUES: Final[list[Queue]] = [
    Queue("/console/owner/requests", "待答复的授权申请", "Requests to answer", OWNERS, requests_to_answer),
    Queue("/console/owner/requests", "未办结的争议", "Open disputes", OWNERS, open_disputes),
    Queue("/console/owner/bulk", "待复核发放的批量查询", "Bulk results to release", OWNERS, bulk_to_release),
    Queue("/console/owner/interfaces", "待审批的接口", "Interfaces to approve", OWNERS, versions_to_approve),
    Queue("/console/owner/interfaces", "被隔离的接口", "Quarantined interfaces", OWNERS | CITY, quarantines),
    Queue("/console/owner/demands", "待答复的需求", "Demands to answer", OWNERS, demands_to_answer),
    Queue("/console/notices", "新通知", "New notices", EVERYBODY, unread_notices),
]


OBJECT_PATHS: Final[dict[str, str]] = {
    "grant_request": "/console/owner/requests/{id}",
    "grant": "/console/owner/grants/{id}",
    "demand": "/console/owner/demands/{id}",
    "bulk_run": "/console/owner/bulk/{id}",
    "proposal": "/console/proposals#p-{id}",
}
"""Kind of object in a notice of `hub.registry.notices` → the page of one, with `{id}`; page groups add theirs."""


CONSUMER_PATHS: Final[dict[str, str]] = {
    "grant_request": "/console/consumer/requests/{id}",
    "grant": "/console/consumer/grants/{id}",
    "demand": "/console/consumer/demands",
    "bulk_run": "/console/consumer/bulk/{id}",
}
"""The same for notices to whoever asked."""


def entries_for(actor: Actor) -> list[Entry]:
    """The navigation of this actor."""
    return [entry for entry in NAVIGATION if entry.roles & actor.roles]


def queues_for(tx: Connection, actor: Actor) -> list[tuple[Queue, int]]:
    """The queues of this actor with their counts."""
    return [(queue, queue.count(tx, actor)) for queue in QUEUES if queue.roles & actor.roles]
