"""`yizheng case`: a case as auditors look at it."""

from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from hub.cli.common import Exit, HomeOption, JsonOption, fail, show, with_hub

if TYPE_CHECKING:
    from hub.runtime import Hub

app = typer.Typer(help="Cases 办件", no_args_is_help=True)
_MARKS: Final = {"same": "=", "different": "!", "not_replayable": "?"}


@app.callback()
def cases() -> None:
    """Cases 办件"""


@app.command("replay")
def replay(
    case_no: Annotated[str, typer.Argument(help="The case's number 办件编号")],
    lang: Annotated[str, typer.Option("--lang", help="zh-CN or en 语言")] = "zh-CN",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Judge every decision of a case again, under the rules and data of its day; exit 65 when one differs. 办件复核

    No value is shown. `=` the same, `!` different, `?` cannot be judged again, and why.
    """

    async def work(hub: "Hub") -> dict[str, Any] | None:
        from hub.access.actors import COMMAND
        from hub.intake.errors import CaseNotFoundError

        try:
            return await hub.replaying.replay(COMMAND, case_no, lang)
        except CaseNotFoundError:
            return None

    found = with_hub(home, work, writes=True)
    if found is None:
        fail("there is no such case", "its number begins with YZ", Exit.BAD_DATA)
    lines = [f"{found['case_no']}  {found['matter']}  version {found['version']}  filed {found['filed_on']}"]
    for item in found["decisions"]:
        about = f"{item['requirement']} ({item['party']})"
        lines.append(f"{_MARKS[item['judged']]} {item['at'][:19]}  {about}  {_said(item)}")
    for item in found.get("campaign", {}).get("decisions", []):
        about = f"{item['run']} #{item['number']}"
        lines.append(f"{_MARKS[item['judged']]} {item['at'][:19]}  {about}  {_said(item)}")
    lines.append("  ".join(f"{name}: {count}" for name, count in found["counts"].items()))
    show(found, as_json=as_json, text="\n".join(lines))
    if found["counts"]["different"]:
        raise typer.Exit(Exit.BAD_DATA)


def _said(item: dict[str, Any]) -> str:
    told = str(item["outcome"])
    if item["because"]:
        told += f": {item['because']['text']}"
    return f"{told} → {item['now']['outcome']}" if item["now"] else told
