"""`yizheng debt`: what departments and the hub owe cases."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.common import Exit, HomeOption, JsonOption, fail, show, with_hub

if TYPE_CHECKING:
    from hub.runtime import Hub

app = typer.Typer(help="What is owed to cases 部门欠件", no_args_is_help=True)


@app.command("list")
def list_debts(
    everything: Annotated[bool, typer.Option("--all", help="Paid and given up ones too 含已补齐、已放弃")] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Who owes what to which case, until when, and why. 欠件清单"""

    async def work(hub: "Hub") -> list[dict[str, Any]]:
        from hub.access.actors import COMMAND

        return await hub.owed.list(COMMAND, everything=everything)

    found = with_hub(home, work)
    lines = [
        f"{item['id']}  {item['state']:9}  {item['department'] or 'the hub':18}  {item['case_no']}  {item['code']}"
        f"  {item['cause']}  due {item['due_at'][:10]}{' OVERDUE' if item['overdue'] else ''}"
        for item in found
    ]
    show({"debts": found}, as_json=as_json, text="\n".join(lines) or "none 无")


@app.command("pay")
def pay(
    debt_id: Annotated[str, typer.Argument(help="The debt's id 欠件编号")],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask its source again now; exit 69 when it still fails. 立即重新取证"""

    async def work(hub: "Hub") -> dict[str, Any] | None:
        from hub.access.actors import COMMAND
        from hub.intake.owed.views import shown
        from hub.storage.errors import MissingError

        try:
            return shown(await hub.paying.pay(COMMAND, debt_id), hub.clock())
        except MissingError:
            return None

    found = with_hub(home, work, writes=True)
    if found is None:
        fail("there is no such debt", "`yizheng debt list --all` shows them", Exit.BAD_DATA)
    show(found, as_json=as_json, text=f"{found['id']}  {found['state']}  {found['outcome'] or found['cause']}")
    if found["state"] == "open":
        raise typer.Exit(Exit.UNAVAILABLE)
