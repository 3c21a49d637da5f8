"""`yizheng event add | list | guide`: life events, several matters as one."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from hub.cli.acting import FileArgument, read_definitions
from hub.cli.common import Exit, HomeOption, JsonOption, fail, show, with_hub

if TYPE_CHECKING:
    from catalog.life_events.guiding import EventGuide, Paper
    from catalog.life_events.values import LifeEvent
    from hub.runtime import Hub

app = typer.Typer(help="Life events 一件事", no_args_is_help=True)


@app.command("add")
def add(file: FileArgument, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Take in life events, or their next versions; their matters must be in force. 登记一件事"""
    definitions = read_definitions(file)

    async def work(hub: "Hub") -> list[str]:
        from catalog.errors import DefinitionError
        from hub.access.actors import COMMAND
        from hub.registry.errors import RegistryError

        added = []
        for definition in definitions:
            try:
                added.append(await hub.life_events.add(COMMAND, definition))
            except (DefinitionError, RegistryError) as error:
                for code in added:
                    print(f"added {code}", file=sys.stderr)
                fail(str(error), "see docs/life-events.md", Exit.BAD_DATA)
        return added

    codes = with_hub(home, work, writes=True)
    show({"added": codes}, as_json=as_json, text="\n".join(f"added 已登记 {code}" for code in codes))


@app.command("list")
def listed(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Those in force, with their matters. 一件事目录"""

    async def work(hub: "Hub") -> "list[LifeEvent]":
        return await hub.life_events.listed()

    found = with_hub(home, work)
    from hub.intake.families.events import described

    lines = [
        f"{item.code}  {item.title_zh} {item.title_en}: {', '.join(one.code for one in item.matters)}" for item in found
    ]
    shown = {"life_events": [described(item) for item in found]}
    show(shown, as_json=as_json, text="\n".join(lines) or "none 无")


@app.command("guide")
def guide(
    code: Annotated[str, typer.Argument(help="Code of the life event 一件事代码")],
    lang: Annotated[str, typer.Option("--lang", help="zh-CN or en 语言")] = "zh-CN",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """What one needs for all its matters, each paper once, and what one need not bring. 一件事办事指南"""

    async def work(hub: "Hub") -> "EventGuide":
        from hub.storage.errors import MissingError

        try:
            return await hub.life_events.guide(code, {}, None, None, lang)
        except MissingError:
            fail(f"there is no life event {code}", "`yizheng event list` shows them", Exit.BAD_DATA)

    found = with_hub(home, work)
    english = lang == "en"
    parts = [
        ("To bring" if english else "需要提供", found.bring),
        ("Not to be brought" if english else "不用提供", found.spared),
        ("Given by one matter to the next" if english else "由前一事项产生，不用提供", found.given),
        ("Depends" if english else "视情况", found.open),
    ]
    lines = [f"{found.title}  {found.on}", " → ".join("+".join(wave) for wave in found.order)]
    for title, papers in parts:
        lines += [f"{title}:" if english else f"{title}："] if papers else []
        lines += [f"  {_line(item)}" for item in papers]
    lines += [f"? {question.title}" for question in found.questions]
    said = f"{found.papers} papers, {found.papers_spared} spared; one form, {found.signatures} signature(s)"
    zh = f"需提供 {found.papers} 份，免交 {found.papers_spared} 份；一张表单，{found.signatures} 个签名"
    show(found.as_json(), as_json=as_json, text="\n".join([*lines, said if english else zh]))


def _line(item: "Paper") -> str:
    return f"{item.title} ({item.party}): {item.why} [{', '.join(item.matters)}]"
