"""What the demonstration says at its end: what to open, a link for somebody at each desk, and cards to read."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

from rich.console import Console

MATTER: Final = "talent_housing_subsidy"
INITIALS: Final = "gfbt"
"""What the clerk of the demonstration is shown, by its code and by the initials of its last four characters."""
Run = Callable[..., str]
"""Runs `yizheng` with these arguments and answers what it printed."""


@dataclass(frozen=True, slots=True)
class Seat:
    """Somebody who may sit down. `department` None: of the whole hub."""

    user: str
    name: str
    department: str | None
    role: str
    path: str
    zh: str
    en: str


SEATS: Final = (
    Seat("clerk", "示例受理员", "示例市政务服务管理局", "clerk", "/console/counter", "受理员", "clerk"),
    Seat("decider", "示例审批员", "示例市人力资源和社会保障局", "decider", "/console/approve", "审批员", "decider"),
    Seat("owner", "示例数据员", "示例市人力资源和社会保障局", "owner_engineer", "/console", "数据部门", "data owner"),
    Seat("operator", "示例运行员", None, "operator", "/console", "运行人员", "operator"),
)


def tell_desks(console: Console, base: str, sample: dict[str, Any], run: Run) -> None:
    """Print it all. Makes the accounts first, which takes some seconds."""
    links = _links(sample, run)
    whole, lacking = cards_of(sample)
    console.rule("打开 open")
    console.print(f"  {base}/          首页，无需登录 the start page, nobody signs in", highlight=False)
    console.print(f"  {base}/verify    核验一份证照 verify a licence", highlight=False)
    console.print(
        "\n以下链接 30 分钟内有效，各用一次：设一个 12 位以上的密码即登录。不同的人请用不同的浏览器窗口（无痕）。\n"
        "Each link works once, within 30 minutes: set a password of 12 signs or more. One browser window a person.",
        highlight=False,
    )
    for seat, link in links:
        console.print(f"  [bold]{seat.zh} {seat.en}[/]  {seat.path}\n    {link}", highlight=False)
    console.print(
        f"\n受理员：输入 {INITIALS} 回车，粘贴下面一张卡回车，看逐项结果；F8 回车转审批员，或 F4 回车办结。\n"
        f"The clerk: {INITIALS} Enter, a card Enter, read the lines; F8 Enter: the decider has it; F4 Enter: closed.",
        highlight=False,
    )
    console.print(
        f"\n办事人：{base}/me 点一位示例人员，或用下面一人的号码、姓名登录，验证码就在页面上。\n"
        "给政务服务管理局生成出示码，8 位数字在受理台代替卡。\n"
        f"Somebody with an ID: {base}/me: press a sample person, or by number and name; the page shows the code.\n"
        "A code to show, made for the services office, does at the counter for the card.",
        highlight=False,
    )
    for holder, zh, en in ((whole, "不缺材料", "nothing missing"), (lacking, "缺材料", "something missing")):
        if holder is not None:
            console.print(f"  {holder['name']}|{holder['id_number']}    {zh} {en}", highlight=False)
    _tell_acting(console, base, sample)
    console.print("\nCtrl-C 结束，数据随之删除 ends it, and its data are gone", highlight=False)


def _tell_acting(console: Console, base: str, sample: dict[str, Any]) -> None:
    """Who may act for whom, at the same sign-in."""
    console.print(
        f"\n代办：{base}/me 用左边一人登录，“我的—代办”里看一照通、代为亮证。\n"
        "Acting for somebody: sign in as the person on the left; Mine, Act for somebody: the whole dossier, showing.",
        highlight=False,
    )
    said = {"legal_representative": "法定代表人 legal representative of", "parent": "监护人 parent of"}
    for pair in sample["acting"]:
        person, principal = pair["person"], pair["principal"]
        console.print(
            f"  {person['name']}|{person['id_number']}    {said[pair['ground']]} {principal['name']}", highlight=False
        )


def _links(sample: dict[str, Any], run: Run) -> list[tuple[Seat, str]]:
    codes = {item["name"]: item["code"] for item in sample["departments"]}

    def link(seat: Seat) -> str:
        where = ("--department", codes[seat.department]) if seat.department else ()
        made = run("staff", "add", seat.user, "--name", seat.name, *where, "--role", seat.role, "--json")
        return str(json.loads(made)["link"])

    with ThreadPoolExecutor(2) as pool:
        return list(zip(SEATS, pool.map(link, SEATS), strict=True))


def cards_of(sample: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """A holder in whose case nothing is missing, and one who lacks something that was looked for."""
    wanted = [item["code"] for item in next(m for m in sample["matters"] if m["code"] == MATTER)["requirements"]]
    ends = [(holder, {holder["expect"].get(code) for code in wanted}) for holder in sample["holders"]]
    alone = [(holder, end) for holder, end in ends if "spouse" not in holder]
    whole = next(holder for holder, end in alone if end == {"satisfied"})
    lacking = (holder for holder, end in alone if "satisfied" in end and end & {"no_source", "refused"})
    return whole, next(lacking, None)
