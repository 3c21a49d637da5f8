"""What waits: the queues of the home page, and the page of each object that a notice is about.

Plain lists. A page group adds its lines; the order here is the order on the screen.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from hub.access.actors import Actor, Role
from hub.citizens.late.desk import orders_to_sign
from hub.citizens.notices.messages import given_up
from hub.citizens.objections.whose import objections_to_answer
from hub.intake.handling.desk import waiting_at_desk
from hub.intake.lower.task_store import tasks_to_answer
from hub.registry.waiting import (
    acts_to_confirm,
    bulk_to_release,
    demands_to_answer,
    open_disputes,
    quarantines,
    requests_to_answer,
    unread_notices,
    uploads_to_confirm,
    versions_to_approve,
)
from hub.web.console.approve.queue import cases_to_decide
from hub.web.console.menu import APPROVERS, AUDITORS, CITY, DECIDERS, DESK, EVERYBODY, OWNERS


@dataclass(frozen=True, slots=True)
class Queue:
    """Work that waits. `count` is a query in the caller's unit of work, over what the actor may see."""

    path: str
    zh: str
    en: str
    roles: frozenset[Role]
    count: Callable[[Connection, Actor], int]


QUEUES: Final[list[Queue]] = [
    Queue("/console/owner/requests", "待答复的授权申请", "Requests to answer", OWNERS, requests_to_answer),
    Queue("/console/owner/requests", "未办结的争议", "Open disputes", OWNERS, open_disputes),
    Queue("/console/owner/bulk", "待复核发放的批量查询", "Bulk results to release", OWNERS, bulk_to_release),
    Queue("/console/owner/interfaces", "待审批的接口", "Interfaces to approve", OWNERS, versions_to_approve),
    Queue("/console/owner/interfaces", "被隔离的接口", "Quarantined interfaces", OWNERS | CITY, quarantines),
    Queue("/console/owner/demands", "待答复的需求", "Demands to answer", OWNERS, demands_to_answer),
    Queue("/console/owner/tasks", "待答复的协查", "Questions to officers", OWNERS, tasks_to_answer),
    Queue("/console/owner/objections", "待答复的异议", "Objections to answer", OWNERS | DESK, objections_to_answer),
    Queue("/console/licences/waiting", "待复核的证照操作", "Licence acts to confirm", OWNERS, acts_to_confirm),
    Queue("/console/owner/batches", "待复核的登记簿", "Uploaded registers to confirm", OWNERS, uploads_to_confirm),
    Queue("/console/approve", "待审批的办件", "Cases to decide", DECIDERS, cases_to_decide),
    Queue("/console/dead-ends", "办不成事待答复", "Cases on the desk for dead ends", DESK, waiting_at_desk),
    Queue(
        "/console/late-orders",
        "待签署的延后告知",
        "Orders to show late to sign",
        APPROVERS | DECIDERS | AUDITORS,
        orders_to_sign,
    ),
    Queue("/console/messages", "没有送达的消息", "Messages not taken", frozenset({Role.OPERATOR}), given_up),
    Queue("/console/notices", "新通知", "New notices", EVERYBODY, unread_notices),
]


OBJECT_PATHS: Final[dict[str, str]] = {
    "grant_request": "/console/owner/requests/{id}",
    "grant": "/console/owner/grants/{id}",
    "demand": "/console/owner/demands/{id}",
    "verification_task": "/console/owner/tasks/{id}",
    "objection": "/console/owner/objections/{id}",
    "bulk_run": "/console/owner/bulk/{id}",
    "proposal": "/console/proposals#p-{id}",
    "case": "/console/approve/id/{id}",
    "matter": "/console/matters",
    "mandate": "/console/mandates",
    "dead_end": "/console/dead-ends/{id}",
    "ask": "/console/asks",
    "late_order": "/console/late-orders/{id}",
}
"""Kind of object in a notice of `hub.registry.notices` → the page of one, with `{id}`; page groups add theirs."""


CONSUMER_PATHS: Final[dict[str, str]] = {
    "grant_request": "/console/consumer/requests/{id}",
    "grant": "/console/consumer/grants/{id}",
    "demand": "/console/consumer/demands",
    "bulk_run": "/console/consumer/bulk/{id}",
}
"""The same for notices to whoever asked."""


def queues_for(tx: Connection, actor: Actor) -> list[tuple[Queue, int]]:
    """The queues of this actor with their counts."""
    return [(queue, queue.count(tx, actor)) for queue in QUEUES if queue.roles & actor.roles]
