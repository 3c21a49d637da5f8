"""What the console offers to whom: entries of the navigation and queues on the home page.

Two plain lists. A page group adds its lines; the order here is the order on the screen.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from hub.access.actors import Actor, Role
from hub.access.staff_notices import count_new

EVERYBODY: Final = frozenset(Role)
OWNERS: Final = frozenset({Role.OWNER_ENGINEER, Role.OWNER_APPROVER})
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
    Entry("/console/owner/usage", "使用情况", "Use", OWNERS | CITY),
    Entry("/console/owner/demands", "供需对接", "Demands", OWNERS | CITY),
    Entry("/console/notices", "通知", "Notices", EVERYBODY),
    Entry("/console/staff", "人员", "Staff", EVERYBODY),
]

QUEUES: Final[list[Queue]] = [
    Queue("/console/notices", "新通知", "New notices", EVERYBODY, count_new),
]


OBJECT_PATHS: Final[dict[str, str]] = {}
"""Kind of object in a notice of `hub.registry.notices` → the page of one, with `{id}`; page groups add theirs."""


def entries_for(actor: Actor) -> list[Entry]:
    """The navigation of this actor."""
    return [entry for entry in NAVIGATION if entry.roles & actor.roles]


def queues_for(tx: Connection, actor: Actor) -> list[tuple[Queue, int]]:
    """The queues of this actor with their counts."""
    return [(queue, queue.count(tx, actor)) for queue in QUEUES if queue.roles & actor.roles]
