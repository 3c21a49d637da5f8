"""`yizheng task`: questions to officers of departments, without a word about a person."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.common import HomeOption, JsonOption, show, with_hub

if TYPE_CHECKING:
    from hub.runtime import Hub

app = typer.Typer(help="Questions to officers 协查任务", no_args_is_help=True)


@app.command("list")
def list_tasks(
    everything: Annotated[bool, typer.Option("--all", help="Answered and lapsed ones too 含已答复、已失效")] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Which department is asked, since when and until when; who is asked about, its own page shows. 协查清单"""

    async def work(hub: "Hub") -> list[dict[str, Any]]:
        from hub.access.actors import COMMAND

        return await hub.lower.tasks.list(COMMAND, everything=everything)

    found = with_hub(home, work)
    lines = [
        f"{item['id']}  {item['state']:9}  {item['department']:18}  {item['result'] or '-':11}"
        f"  due {item['due_at'][:10]}{' OVERDUE' if item['overdue'] else ''}"
        for item in found
    ]
    show({"tasks": found}, as_json=as_json, text="\n".join(lines) or "none 无")
