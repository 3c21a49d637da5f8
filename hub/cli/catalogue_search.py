"""`yizheng search | catalogue`: find what there is, take it out as a sheet, bring documents in, merge departments."""

import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
import yaml

from hub.cli.acting import FileArgument, read_object
from hub.cli.common import Exit, HomeOption, JsonOption, fail, show, with_hub
from hub.cli.sharing_errors import told

if TYPE_CHECKING:
    from hub.registry.search.service import Ask
    from hub.runtime import Hub

app = typer.Typer(help="The catalogue as documents, and its departments 目录", no_args_is_help=True)
_ADVICE = "`yizheng search` shows what there is"
Kind = Annotated[
    str, typer.Option("--kind", help="certificate_type, interface, matter, department; commas between 类别")
]
Department = Annotated[str, typer.Option("--department", help="USCC of a department 部门代码")]
LegalBasis = Annotated[str, typer.Option("--legal-basis", help="机构改革方案等 What orders it")]
AsOf = Annotated[datetime, typer.Option("--as-of", formats=["%Y-%m-%d"], help="Day of effect, not ahead 生效日期")]
Codes = Annotated[list[str] | None, typer.Option(help="Codes; may be repeated 代码，可多次")]


def search(
    query: Annotated[str, typer.Argument(help="中文、英文、拼音、首字母、代码 Chinese, English, pinyin, codes")] = "",
    kind: Kind = "",
    department: Department = "",
    limit: Annotated[int, typer.Option("--limit", min=1, max=100)] = 20,
    cursor: Annotated[str | None, typer.Option("--cursor", help="As `next` of the page before 下一页")] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Search certificate types, interfaces, matters and departments; exit 1 when nothing answers. 搜索目录"""
    from hub.registry.search.service import Ask

    filters = {name: tuple(value.split(",")) for name, value in (("kind", kind), ("department", department)) if value}
    page = with_hub(home, lambda hub: _search(hub, Ask(query, filters, limit, cursor)))
    entries = page["entries"]
    lines = [
        f"{item['kind']:16}  {item['code']:24}  {item['title']['zh']}  {item['title']['en']}"
        + (f"  ({owner})" if (owner := item["department"]["name"]["zh"]) else "")
        for item in entries
    ]
    if page["near"] or not entries:
        lines.append("nothing answers that; `yizheng demand add` asks whoever most likely has it")
    show(page, as_json=as_json, text="\n".join(lines))
    raise typer.Exit(Exit.OK if entries and not page["near"] else Exit.FAILED)


@app.command("show")
def show_entry(
    kind: Annotated[str, typer.Argument(help="certificate_type, interface, matter, department 类别")],
    code: Annotated[str, typer.Argument(help="代码")],
    home: HomeOption = None,
) -> None:
    """One entry in full, as JSON. 目录条目"""
    if kind not in {"certificate_type", "interface", "matter", "department"}:
        fail(f"there is no kind {kind}", "certificate_type, interface, matter, department", Exit.USAGE)

    async def work(hub: "Hub") -> dict[str, Any]:
        from hub.access.actors import COMMAND
        from hub.registry.viewers import Viewer

        read = getattr(hub.catalogue.reader, kind)
        return await told(lambda: read(Viewer.of(COMMAND), code), _ADVICE)

    print(json.dumps(with_hub(home, work), ensure_ascii=False, indent=1))


@app.command("export")
def export(
    out: Annotated[Path, typer.Argument(help="*.xlsx or *.csv 文件")],
    department: Department = "",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """The national catalogue sheet: what is published, one row an item. 导出政务信息资源目录"""
    if out.suffix.lower() not in {".xlsx", ".csv"}:
        fail(f"{out} is neither .xlsx nor .csv", "", Exit.USAGE)
    entries = with_hub(home, lambda hub: _published(hub, department))
    from hub.registry.catalogue.sheet import write_csv, write_xlsx

    try:
        if out.suffix.lower() == ".xlsx":
            rows = write_xlsx(out, entries)
        else:
            with out.open("w", encoding="utf-8-sig", newline="") as stream:
                rows = write_csv(stream, entries)
    except OSError:
        fail(f"{out} cannot be written", "name a folder that exists", Exit.UNAVAILABLE)
    show({"entries": len(entries), "rows": rows}, as_json=as_json, text=f"{len(entries)} entries, {rows} rows in {out}")


@app.command("import-openapi")
def import_openapi_(
    file: FileArgument,
    out: Annotated[Path, typer.Argument(help="New folder for source.yaml, interfaces.yaml, report.json 输出目录")],
    department: Annotated[str, typer.Option("--department", help="USCC of the owner 提供部门")],
    source: Annotated[str, typer.Option("--source", help="Code for the source 数据源代码")],
    prefix: Annotated[str, typer.Option("--prefix", help="Begins every code 接口代码前缀")] = "",
    as_json: JsonOption = False,
) -> None:
    """Draft a source and interfaces from an OpenAPI 3 document; nothing is stored, nothing fetched. 导入接口文档"""
    from catalog.errors import DefinitionError
    from hub.registry.openapi.importing import import_openapi

    try:
        drafts = import_openapi(
            file.read_text(encoding="utf-8-sig"), department=department, source=source, prefix=prefix
        )
        out.mkdir(parents=True)
        for name, value in (("source", drafts.source), ("interfaces", list(drafts.interfaces))):
            text = yaml.safe_dump(value, allow_unicode=True, sort_keys=False, width=120)
            (out / f"{name}.yaml").write_text(text, encoding="utf-8")
        notes = [note.as_json() for note in drafts.notes]
        (out / "report.json").write_text(json.dumps(notes, ensure_ascii=False, indent=1), encoding="utf-8")
    except DefinitionError as error:
        fail(str(error), "see docs/sources.md", Exit.BAD_DATA)
    except (OSError, UnicodeDecodeError):
        fail(f"{file} cannot be read, or {out} is there already", "name a new folder", Exit.USAGE)
    text = f"{len(drafts.interfaces)} drafts in {out}; {len(notes)} places to look at in report.json"
    show({"interfaces": [item["code"] for item in drafts.interfaces], "notes": notes}, as_json=as_json, text=text)


@app.command("duties")
def duties(
    department: Annotated[str, typer.Argument(help="USCC 部门代码")],
    file: FileArgument,
    home: HomeOption = None,
) -> None:
    """Say what a department does, {duties: [...], contact: an office}: demands find it by these words. 部门职责"""
    definition = read_object(file)

    async def work(hub: "Hub") -> None:
        from hub.access.actors import COMMAND

        await told(lambda: hub.catalogue.departments.describe(COMMAND, department, definition), _ADVICE)

    with_hub(home, work, writes=True)
    print(f"department {department} described")


@app.command("merge")
def merge(
    giver: Annotated[str, typer.Argument(help="USCC of the department that closes 撤并部门")],
    taker: Annotated[str, typer.Argument(help="USCC of its successor 承接部门")],
    legal_basis: LegalBasis,
    as_of: AsOf,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Close a department; its successor takes over everything. 部门撤并"""

    async def work(hub: "Hub") -> dict[str, Any]:
        from hub.access.actors import COMMAND

        departments, day = hub.catalogue.departments, as_of.date()
        return await told(lambda: departments.merge(COMMAND, giver, taker, as_of=day, legal_basis=legal_basis), _ADVICE)

    moved = with_hub(home, work, writes=True)
    show({"moved": moved}, as_json=as_json, text=f"{giver} is closed; {taker} answers for it: {_counts(moved)}")


@app.command("superior")
def superior(
    department: Annotated[str, typer.Argument(help="USCC 部门代码")],
    legal_basis: LegalBasis,
    over: Annotated[
        str, typer.Argument(help="USCC of who reviews for it; none: nobody any more 上级部门代码，可空")
    ] = "",
    home: HomeOption = None,
) -> None:
    """Name who reviews what a department refuses to correct. 指定上级部门"""

    async def work(hub: "Hub") -> None:
        from hub.access.actors import COMMAND
        from hub.registry.departments.superiors import Naming

        payload = {"department": department, "superior": over, "legal_basis": legal_basis}
        await told(lambda: hub.catalogue.superiors.name(COMMAND, Naming.read(payload)), _ADVICE)

    with_hub(home, work, writes=True)
    print(f"department {department}: {over} reviews for it" if over else f"department {department} has no superior")


@app.command("hand-over")
def hand_over(
    giver: Annotated[str, typer.Argument(help="USCC 移交部门")],
    taker: Annotated[str, typer.Argument(help="USCC 承接部门")],
    legal_basis: LegalBasis,
    as_of: AsOf,
    source: Codes = None,
    system: Codes = None,
    matter: Codes = None,
    type_: Annotated[list[str] | None, typer.Option("--type", help="Certificate types 证照类型")] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Hand a part over, as in a split; interfaces go with their sources, grants with what they open. 职责移交"""

    async def work(hub: "Hub") -> dict[str, Any]:
        from hub.access.actors import COMMAND
        from hub.registry.departments.succession_store import Part

        part = Part.of(sources=source or (), systems=system or (), matters=matter or (), types=type_ or ())
        departments, day = hub.catalogue.departments, as_of.date()
        return await told(
            lambda: departments.hand_over(COMMAND, giver, taker, part, as_of=day, legal_basis=legal_basis), _ADVICE
        )

    moved = with_hub(home, work, writes=True)
    show({"moved": moved}, as_json=as_json, text=f"{taker} took over from {giver}: {_counts(moved)}")


async def _search(hub: "Hub", ask: "Ask") -> dict[str, Any]:
    from hub.access.actors import COMMAND
    from hub.api.catalogue import shown_page
    from hub.registry.viewers import Viewer

    return shown_page(await hub.catalogue.search.search(Viewer.of(COMMAND), ask))


async def _published(hub: "Hub", department: str) -> list[Any]:
    from hub.access.actors import COMMAND
    from hub.registry.catalogue.export import published
    from hub.registry.viewers import Viewer

    return [entry async for entry in published(hub.catalogue, Viewer.of(COMMAND), department=department)]


def _counts(moved: dict[str, Any]) -> str:
    return ", ".join(f"{value if isinstance(value, int) else len(value)} {name}" for name, value in moved.items())
