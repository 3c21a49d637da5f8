"""`yizheng dead-end`: the desk for cases that could not be done."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.common import Exit, HomeOption, JsonOption, fail, show, with_hub

if TYPE_CHECKING:
    from hub.runtime import Hub

app = typer.Typer(help="Cases that could not be done 办不成事", no_args_is_help=True)


@app.command("list")
def list_dead_ends(
    everything: Annotated[bool, typer.Option("--all", help="Answered ones too 含已答复")] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """What waits, the most urgent first, and how many came for which reason. 待答复清单与统计"""

    async def work(hub: "Hub") -> dict[str, Any]:
        from hub.access.actors import COMMAND

        desk = hub.handling.desk
        found = await desk.queue(COMMAND, everything=everything)
        return {"dead_ends": found, "statistics": await desk.statistics(COMMAND)}

    found = with_hub(home, work)
    lines = [
        f"{item['id']}  {item['state']:8}  {item['case_no']}  {item['department']}  {item['reason']['zh']}"
        f"  due {item['due_at'][:10]}{' OVERDUE' if item['overdue'] else ''}"
        for item in found["dead_ends"]
    ]
    counted = found["statistics"]
    lines.append(f"{counted['all']} in all, {counted['open']} open, {counted['overdue']} late")
    show(found, as_json=as_json, text="\n".join(lines))


@app.command("answer")
def answer(
    dead_end: Annotated[str, typer.Argument(help="Its id 编号")],
    outcome: Annotated[str, typer.Option("--outcome", help="solved, way_shown, handed_on, not_possible 结果")],
    text: Annotated[str, typer.Option("--text", help="What becomes of the case 答复")],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what becomes of one; its department is told. 答复"""
    import uuid

    try:
        uuid.UUID(dead_end)
    except ValueError:
        fail("that is no id", "`yizheng dead-end list` shows them", Exit.BAD_DATA)

    async def work(hub: "Hub") -> dict[str, Any] | str:
        from catalog.errors import DefinitionError
        from hub.access.actors import COMMAND
        from hub.storage.errors import MissingError

        try:
            return await hub.handling.desk.answer(COMMAND, dead_end, outcome, text)
        except MissingError:
            return "none of this id waits"
        except DefinitionError as error:
            return str(error)

    found = with_hub(home, work, writes=True)
    if isinstance(found, str):
        fail(found, "`yizheng dead-end list` shows those that wait", Exit.BAD_DATA)
    show(found, as_json=as_json, text=f"{found['id']}  {found['state']}  {found['outcome']}")
