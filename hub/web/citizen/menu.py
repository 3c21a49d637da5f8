"""The navigation of holders: five places under the thumb, and behind the last one everything that is not daily.

A page group adds its row to MINE. Every page belongs to a tab (tests/pages/test_me_menu.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from hub.registry.meanings import Words
from hub.web.framing import nearness


@dataclass(frozen=True, slots=True)
class Row:
    """A page behind 我的, with a line about what is done there."""

    path: str
    zh: str
    en: str
    about: Words


@dataclass(frozen=True, slots=True)
class Tab:
    """A place of the navigation. `also`: paths of pages that belong to it; `icon`: lines in a square of 24."""

    path: str
    zh: str
    en: str
    icon: str
    also: tuple[str, ...] = ()


MINE: Final[Sequence[Row]] = (
    Row("/me/authorisations", "授权管理", "Who may use my records", ("同意、撤回，法律规定的", "Agree, withdraw")),
    Row("/me/notices", "通知", "Notices", ("变动、查询、等您决定的", "Changes, looks, decisions")),
    Row("/me/acting", "代办", "Act for somebody", ("为公司、孩子、已故亲属，受托", "Company, child, as a delegate")),
    Row("/me/delegations", "授权代办", "Let somebody act", ("请别人为我代办，随时撤回", "Given, used, withdrawn")),
    Row("/me/objections", "我的异议", "My objections", ("数据不对、缺少、不认得", "Wrong, missing, unknown")),
    Row("/me/identities", "网络身份认证", "Network ID", ("绑定网号，用网证登录", "Bind it, and sign in with it")),
    Row("/me/cases", "办过的事", "My closed cases", ("看结果，评价", "Results, and rating them")),
    Row("/me/wallets", "手机钱包", "Wallet", ("把证照放进钱包", "Put a licence into a wallet")),
)
TABS: Final[Sequence[Tab]] = (
    Tab("/me", "首页", "Home", "M3 11.5 12 4l9 7.5M5.5 9.5V20h13V9.5M10 20v-6h4v6"),
    Tab("/me/licences", "证照", "Licences", "M3 5h18v14H3zM3 9h18M7 15h4"),
    Tab(
        "/me/show",
        "出示",
        "Show",
        "M4 4h6v6H4zM14 4h6v6h-6zM4 14h6v6H4zM14 14h2v2h-2zM18 18h2v2h-2zM14 19h1M19 14h1",
        ("/me/showings", "/me/asked"),
    ),
    Tab(
        "/me/accesses",
        "谁看过",
        "Who looked",
        "M2 12s4-6 10-6 10 6 10 6-4 6-10 6S2 12 2 12zM12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6z",
    ),
    Tab(
        "/me/mine",
        "我的",
        "Mine",
        "M12 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM4 20c1-4 4-5.5 8-5.5s7 1.5 8 5.5",
        tuple(row.path for row in MINE),
    ),
)


def tab_of(path: str) -> Tab | None:
    """The place that a page belongs to; None before one has signed in, and on a page that there is not."""
    if path == TABS[0].path:
        return TABS[0]
    near = [(nearness(path, (tab.path, *tab.also)), tab) for tab in TABS[1:]]
    length, tab = max(near, key=lambda item: item[0])
    return tab if length else None
