"""The navigation: a few groups on top, and under them the pages of the group one is in. Without a script, in two rows.

Nobody sees more than seven of either (tests/pages/test_menu.py). A page group adds its entries here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from hub.access.actors import Actor, Role
from hub.registry.meanings import Words
from hub.web.framing import nearness

EVERYBODY: Final = frozenset(Role)
OWNERS: Final = frozenset({Role.OWNER_ENGINEER, Role.OWNER_APPROVER})
CONSUMERS: Final = frozenset({Role.CONSUMER_ENGINEER})
CLERKS: Final = frozenset({Role.CLERK})
DECIDERS: Final = frozenset({Role.DECIDER})
CITY: Final = frozenset({Role.OPERATOR, Role.AUDITOR})
AUDITORS: Final = frozenset({Role.AUDITOR})
APPROVERS: Final = frozenset({Role.OWNER_APPROVER})
DESK: Final = frozenset({Role.OPERATOR, Role.OWNER_APPROVER, Role.DECIDER})
"""Who works what could not be done."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A page of the navigation, shown to whoever has one of the roles. `also`: paths of pages that belong to it."""

    path: str
    zh: str
    en: str
    roles: frozenset[Role]
    also: tuple[str, ...] = ()

    def nearness(self, path: str) -> int:
        """How much of the path is this entry's; 0: it is none of its pages."""
        return nearness(path, (self.path, *self.also))


@dataclass(frozen=True, slots=True)
class Group:
    """Entries of one subject. `about`: what is done there, for the home page."""

    zh: str
    en: str
    about: Words
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Menu:
    """What somebody sees. `group` and `entry` are where he is; None on a page that belongs to none."""

    groups: Sequence[Group]
    group: Group | None
    entry: Entry | None


_HOME: Final = Entry("/console", "首页", "Home", EVERYBODY)
_SENT: Final = ("/console/messages",)
_WRITING: Final = ("/console/owner/publish", "/console/owner/import")
_FOUND: Final = tuple(f"/console/consumer/{name}" for name in ("interfaces", "types", "try", "demands"))
GROUPS: Final[Sequence[Group]] = (
    Group(
        "数据接口",
        "Interfaces",
        ("登记数据源，发布数据接口和事项，答复需求", "Register sources, publish interfaces and matters"),
        (
            Entry("/console/owner/interfaces", "数据接口", "Interfaces", OWNERS | CITY, _WRITING),
            Entry("/console/owner/sources", "数据源", "Sources", OWNERS | CITY, ("/console/owner/register",)),
            Entry("/console/owner/demands", "供需对接", "Demands", OWNERS | CITY),
            Entry("/console/owner/objections", "异议", "Objections", OWNERS | DECIDERS | CITY),
            Entry("/console/matters", "事项", "Matters", OWNERS | CITY),
            Entry("/console/simulator", "下一步共享", "What next", CITY),
        ),
    ),
    Group(
        "证照",
        "Licences",
        ("颁发、查找、变更和撤销证照，修订证照类型", "Issue, find, change and revoke licences; revise their types"),
        (
            Entry("/console/licences", "证照", "Licences", OWNERS | CITY),
            Entry("/console/licences/waiting", "待复核", "To confirm", OWNERS | CITY),
            Entry("/console/licences/lists", "批量操作", "Acts on many", OWNERS | CITY),
            Entry("/console/owner/batches", "归集批次", "Batches", OWNERS | CITY, ("/console/licences/upload",)),
            Entry("/console/owner/feeds", "归集任务", "Feeds", OWNERS | CITY),
            Entry("/console/types", "证照类型", "Types", OWNERS | CITY),
            Entry("/console/keys", "签发密钥", "Signing keys", OWNERS | CITY),
        ),
    ),
    Group(
        "请求与授权",
        "Access",
        ("答复授权申请，管理授权，看谁用了什么", "Answer requests, look after grants, see who used what"),
        (
            Entry("/console/owner/requests", "授权申请", "Requests", OWNERS | CITY),
            Entry("/console/owner/grants", "授权", "Grants", OWNERS | CITY),
            Entry("/console/owner/bulk", "批量查询发放", "Bulk releases", OWNERS | CITY),
            Entry("/console/owner/usage", "使用情况", "Use", OWNERS | CITY),
            Entry("/console/owner/tasks", "协查", "Questions", OWNERS | CITY),
            Entry("/console/mandates", "委托受理", "Mandates", OWNERS | CITY),
            Entry("/console/asks", "索要材料", "Asked all the same", APPROVERS | CITY),
        ),
    ),
    Group(
        "受理审批",
        "Cases",
        ("在受理台受理办件，审批办件", "Take cases at the counter, decide them"),
        (
            Entry("/console/counter", "受理台", "Counter", CLERKS),
            Entry("/console/approve", "待审批办件", "To decide", DECIDERS),
        ),
    ),
    Group(
        "使用数据",
        "Use data",
        ("找数据，在沙箱试用，申请和管理自己的授权", "Find data, try it in the sandbox, ask for access"),
        (
            Entry("/console/consumer/search", "找数据", "Find data", EVERYBODY, _FOUND),
            Entry("/console/consumer/requests", "我的申请", "My requests", CONSUMERS, ("/console/consumer/ask",)),
            Entry("/console/consumer/grants", "我的授权", "My grants", CONSUMERS),
            Entry("/console/consumer/bulk", "批量查询", "Bulk runs", CONSUMERS),
            Entry("/console/consumer/sandbox", "沙箱", "Sandbox", CONSUMERS),
        ),
    ),
    Group(
        "应用系统",
        "Systems",
        ("登记系统和密钥，接收变更通知，查调用记录", "Systems and their keys, news of changes, calls made"),
        (
            Entry("/console/consumer/systems", "应用系统", "Systems", CONSUMERS | CITY),
            Entry(
                "/console/consumer/subscriptions", "变更通知", "Subscriptions", CONSUMERS | CITY, ("/console/messages",)
            ),
            Entry("/console/consumer/calls", "调用记录", "Calls", CONSUMERS),
        ),
    ),
    Group(
        "通知与督办",
        "Notices and oversight",
        ("通知，办不成的事，账号", "Notices, what could not be done, accounts"),
        (
            Entry("/console/notices", "通知", "Notices", EVERYBODY),
            Entry("/console/dead-ends", "办不成事", "Dead ends", CLERKS | DECIDERS | APPROVERS | CITY),
            Entry("/console/late-orders", "延后告知", "Shown late", APPROVERS | DECIDERS | CITY),
            Entry("/console/staff", "人员", "Staff", EVERYBODY),
            Entry("/console/proposals", "双人复核", "Two persons", CITY),
            Entry("/console/replay", "办件复核", "Replay", AUDITORS),
            Entry("/console/account", "我的账号", "My account", EVERYBODY),
        ),
    ),
)


def menu_for(actor: Actor, path: str) -> Menu:
    """The navigation of this actor on this page."""
    groups = [Group("首页", "Home", ("", ""), (_HOME,))]
    for group in GROUPS:
        entries = tuple(entry for entry in group.entries if entry.roles & actor.roles)
        if entries:
            groups.append(Group(group.zh, group.en, group.about, entries))
    if path == _HOME.path:
        return Menu(groups, groups[0], _HOME)
    near = [(entry.nearness(path), entry, group) for group in groups[1:] for entry in group.entries]
    length, entry, group = max(near, key=lambda item: item[0])
    return Menu(groups, group, entry) if length else Menu(groups, None, None)
