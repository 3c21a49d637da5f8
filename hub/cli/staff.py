"""`yizheng staff`: accounts of people. Whoever may run it in the hub's home acts as an operator."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.common import Exit, HomeOption, JsonOption, fail, show, with_hub

if TYPE_CHECKING:
    from hub.access.actors import Actor
    from hub.access.staff_store import Staff
    from hub.runtime import Hub

app = typer.Typer(help="Staff accounts 人员账号", no_args_is_help=True)
UserName = Annotated[str, typer.Argument(help="User name 用户名")]
RoleOption = Annotated[
    list[str],
    typer.Option("--role", help="owner_engineer, owner_approver, consumer_engineer, clerk, decider, operator, auditor"),
]


@app.command("add")
def add(
    user_name: UserName,
    display_name: Annotated[str, typer.Option("--name", help="The person's name 姓名")],
    role: RoleOption,
    department: Annotated[str | None, typer.Option("--department", help="USCC of the department 部门代码")] = None,
    external_id: Annotated[
        str | None, typer.Option("--external-id", help="Who he is at the OpenID provider 统一身份标识")
    ] = None,
    break_glass: Annotated[
        bool, typer.Option("--break-glass", help="May use a password although a provider is configured 应急账号")
    ] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make an account and print the one-time link for its owner; of one that is not believed, say anew who it is.
    新建账号
    """
    definition = {
        "user_name": user_name,
        "display_name": display_name,
        "department": department,
        "roles": role,
        "external_id": external_id,
        "break_glass": break_glass,
    }

    async def work(hub: "Hub", actor: "Actor") -> dict[str, Any]:
        staff = await hub.staff.add(actor, definition)
        return {**_shown(staff), "link": await hub.staff.invite(actor, staff.id)}

    made = with_hub(home, lambda hub: work(hub, _command()), writes=True)
    show(made, as_json=as_json, text=f"staff {made['user_name']}\nlink (once, 30 min)  {made['link']}")


@app.command("invite")
def invite(
    user_name: Annotated[
        str | None, typer.Argument(help="User name; none: the first operator, while there is no account 用户名")
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print a one-time link by which a password is set; good for 30 minutes. 一次性链接"""

    async def work(hub: "Hub") -> str | None:
        if user_name is None:
            return await hub.staff.first_link()
        staff = await _named(hub, user_name)
        return await hub.staff.invite(_command(), staff.id)

    link = with_hub(home, work, writes=True)
    if link is None:
        fail("there are accounts already", "name the one that needs a link: `yizheng staff invite NAME`", Exit.USAGE)
    show({"link": link}, as_json=as_json, text=link)


@app.command("list")
def list_accounts(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Every account with department, roles and state. 账号列表"""

    async def work(hub: "Hub") -> tuple[list[dict[str, Any]], list[str]]:
        doubted = await hub.staff.doubted(_command())
        return [_shown(staff) for staff in await hub.staff.seen_by(_command())], list(doubted)

    found, doubted = with_hub(home, work)
    lines = [
        f"{item['user_name']:<24} {'active' if item['active'] else 'disabled':<9} {item['department'] or '-':<19}"
        f" {', '.join(item['roles'])}"
        for item in found
    ]
    lines += [f"{_printable(name):<24} not believed: say anew who it is, with `yizheng staff add`" for name in doubted]
    text = "\n".join(lines) or "no accounts: `yizheng staff invite`"
    show({"staff": found, "not_believed": doubted}, as_json=as_json, text=text)


@app.command("roles")
def roles(user_name: UserName, role: RoleOption, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Give exactly these roles; his sessions end. 修改角色"""
    _change(user_name, home, lambda hub, staff: hub.staff.change_roles(_command(), staff.id, role), as_json=as_json)


@app.command("disable")
def disable(user_name: UserName, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """End his sessions and let him in no more. 停用账号"""
    _change(user_name, home, lambda hub, staff: hub.staff.disable(_command(), staff.id), as_json=as_json)


@app.command("enable")
def enable(user_name: UserName, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Let him in again. 启用账号"""
    _change(user_name, home, lambda hub, staff: hub.staff.enable(_command(), staff.id), as_json=as_json)


@app.command("token")
def token(
    user_name: UserName,
    label: Annotated[str, typer.Option("--label", help="What it is for 用途")],
    days: Annotated[int, typer.Option(min=1, max=90, help="Life in days 有效天数")] = 1,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print a bearer token by which programs call the API as this person. 访问令牌"""

    async def work(hub: "Hub") -> str:
        staff = await _named(hub, user_name)
        return await hub.sessions.make_token(staff.actor(), label=label, life=timedelta(days=days))

    made = with_hub(home, work, writes=True)
    show({"token": made}, as_json=as_json, text=made)


def _change(
    user_name: str,
    home: Path | None,
    work: Callable[["Hub", "Staff"], Awaitable["Staff"]],
    *,
    as_json: bool,
) -> None:
    async def run(hub: "Hub") -> dict[str, Any]:
        return _shown(await work(hub, await _named(hub, user_name)))

    changed = with_hub(home, run, writes=True)
    state = "active" if changed["active"] else "disabled"
    show(changed, as_json=as_json, text=f"{changed['user_name']} {state}: {', '.join(changed['roles'])}")


async def _named(hub: "Hub", user_name: str) -> "Staff":
    from hub.storage.errors import MissingError

    try:
        return await hub.staff.named(_command(), user_name)
    except MissingError:
        fail(f"there is no account {user_name}", "see `yizheng staff list`", Exit.USAGE)


def _command() -> "Actor":
    from hub.access.actors import COMMAND

    return COMMAND


def _shown(staff: "Staff") -> dict[str, Any]:
    """What the command prints of an account; the person's own name is not among it."""
    return {
        "id": staff.id,
        "user_name": staff.user_name,
        "department": staff.department_code,
        "roles": sorted(staff.roles),
        "active": staff.active,
        "break_glass": staff.break_glass,
    }


def _printable(name: str) -> str:
    """What stands in a row that somebody else wrote, fit for a terminal."""
    return name if name.isprintable() else ascii(name)
