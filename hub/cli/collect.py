"""`yizheng collect`: a register becomes licences."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hub.cli import collect_feeds
from hub.cli.collect_group import FILES, CollectGroup, instant
from hub.cli.common import HomeOption, JsonOption, settings_of, show, with_hub

if TYPE_CHECKING:
    from hub.collection.service import CollectionResult
    from hub.runtime import Hub


app = typer.Typer(cls=CollectGroup, help="Registers become licences 归集")
app.command("source")(collect_feeds.source)
app.command("feed")(collect_feeds.feed)
app.command("feeds")(collect_feeds.feeds)
app.command("end")(collect_feeds.end)
app.command("index")(collect_feeds.index)
app.command("reconcile")(collect_feeds.reconcile)


@app.command(FILES)
def collect(
    files: Annotated[list[Path], typer.Argument(help="The register: CSV, JSON lines or XLSX 登记簿文件")],
    type_code: Annotated[str, typer.Option("--type", help="Certificate type: code or short name 证照类型")],
    issuer: Annotated[str, typer.Option("--issuer", help="The issuing department's USCC 颁发机构代码")],
    home: HomeOption = None,
    mapping: Annotated[
        Path | None, typer.Option("--mapping", help="Columns to claims; default: the type's own")
    ] = None,
    as_of: Annotated[
        str | None, typer.Option("--as-of", help="When the register said so, RFC 3339; default: the file's time")
    ] = None,
    sheet: Annotated[
        str | None, typer.Option("--sheet", help="Sheet of the workbooks; default: the first visible one 工作表")
    ] = None,
    report: Annotated[Path | None, typer.Option("--report", help="Folder for the report 报告目录")] = None,
    as_json: JsonOption = False,
) -> None:
    """Collect a register: one licence a row; bad rows go to the report, the others go on. 归集"""
    from hub.collection.service import CollectionOrder

    order = CollectionOrder(
        type=type_code,
        issuer=issuer,
        files=files,
        mapping=mapping,
        as_of=None if as_of is None else instant(as_of, "--as-of"),
        sheet=sheet,
        report_dir=report or settings_of(home).home / "reports" / type_code,
    )

    async def work(hub: "Hub") -> "CollectionResult":
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

        columns = (TextColumn("collecting 归集"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
        with Progress(*columns, disable=as_json, transient=True) as bar:
            task = bar.add_task("", total=None)
            return await hub.collection.files.collect(
                order, on_progress=lambda done, total: bar.update(task, completed=done, total=total)
            )

    result = with_hub(home, work, writes=True)
    totals = result.totals
    text = (
        f"issued 新发 {totals.issued}   updated 更新 {totals.updated}   unchanged 未变 {totals.unchanged}   "
        f"ended 终止 {totals.ended}   rejected 退回 {totals.rejected}   normalised 已修正 {totals.normalised}\n"
        f"report 报告 {result.report.parent}"
    )
    show(totals.to_json(), as_json=as_json, text=text)
