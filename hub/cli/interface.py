"""`yizheng interface`: what departments publish from their sources, from the first draft to the end."""

import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.acting import (
    FileArgument,
    ReasonOption,
    VersionOption,
    acting,
    read_definitions,
    read_object,
)
from hub.cli.common import Exit, HomeOption, JsonOption, fail, show

if TYPE_CHECKING:
    from hub.access.actors import Actor
    from hub.registry.interface_drafting import Version
    from hub.runtime import Hub

app = typer.Typer(help="Interfaces 数据接口", no_args_is_help=True)
Code = Annotated[str, typer.Argument(help="Code of the interface 接口代码")]


@app.command("add")
def add(file: FileArgument, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Write drafts from a file: a new interface, its next version, or the newest draft again. 编制接口"""
    definitions = read_definitions(file)

    async def work(hub: "Hub", actor: "Actor") -> list["Version"]:
        return [await hub.interfaces.draft(actor, item) for item in definitions]

    drafts = acting(home, work)
    text = "\n".join(f"interface {item.code} version {item.version} draft" for item in drafts)
    show({"drafts": [item.as_json() for item in drafts]}, as_json=as_json, text=text)


@app.command("check")
def check(code: Code, version: VersionOption = None, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Everything a version still lacks; exit 1 when there is something. The source is not asked. 检查接口"""
    lacks = acting(home, lambda hub, actor: hub.interfaces.check(actor, code, version), writes=False)
    listed = [{"pointer": lack.pointer, "rule": lack.rule} for lack in lacks]
    text = "\n".join(f"{lack.pointer}: {lack.rule}" for lack in lacks)
    text = text or f"nothing is missing in the definition; next: yizheng interface try {code} --params FILE"
    show({"errors": listed}, as_json=as_json, text=text)
    raise typer.Exit(Exit.FAILED if lacks else Exit.OK)


@app.command("try")
def try_(
    code: Code,
    params: Annotated[
        Path | None, typer.Option("--params", help="YAML or JSON object; `-` reads standard input 参数文件")
    ] = None,
    version: VersionOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask the source once, values masked; exit 1 unless a record came that fits. Invented numbers only. 接口调试"""
    given = read_object(params)
    result = acting(home, lambda hub, actor: hub.trials.try_out(actor, code, version, params=given))
    lines = [f"{result.code}: {result.rows} rows in {round(result.seconds * 1000)} ms", *_meaning(result.code)]
    lines += [f"columns: {', '.join(result.columns)}"] if result.columns else []
    lines += [f"row {fault.row}: {fault.field}: {fault.code}" for fault in result.faults]
    lines += [json.dumps(record, ensure_ascii=False) for record in result.records]
    show(result.as_json(), as_json=as_json, text="\n".join(lines))
    raise typer.Exit(Exit.OK if result.passed else Exit.FAILED)


@app.command("quality")
def quality(
    code: Code,
    sample: Annotated[
        Path | None, typer.Option("--sample", help="CSV, XLSX or JSON lines, as the source would answer 样本文件")
    ] = None,
    listing: Annotated[
        Path | None, typer.Option("--list", help="YAML: an operation that lists rows of the source 列出样本的操作")
    ] = None,
    key: Annotated[list[str] | None, typer.Option("--key", help="Field that tells records apart; repeat 主键")] = None,
    version: VersionOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """The private data-quality report of a sample: counts and row numbers, no values. 数据质量报告"""
    if (sample is None) == (listing is None):
        fail("one of --sample and --list is needed", "", Exit.USAGE)

    async def work(hub: "Hub", actor: "Actor") -> dict[str, Any]:
        if listing is not None:
            return (await hub.trials.listed(actor, code, version, operation=read_object(listing))).as_json()
        from hub.registry.sample_rows import sample_rows

        rows = sample_rows(sample) if sample else []
        return (await hub.trials.quality(actor, code, version, rows=rows, key=tuple(key or ()))).as_json()

    report = acting(home, work)
    show(report, as_json=as_json, text="\n".join(_report(report)))


@app.command("publish")
def publish(
    code: Code,
    version: VersionOption = None,
    confirm: Annotated[
        str | None, typer.Option("--confirm", help="Why to publish although required fields fail 仍要发布的原因")
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take a tested version live; the older one is deprecated with notice. 发布接口"""

    async def work(hub: "Hub", actor: "Actor") -> "Version":
        if (await hub.interfaces.show(actor, code, version)).state == "draft":
            await hub.interfaces.to_test(actor, code, version)
        return await hub.interfaces.take_live(actor, code, version, confirmed=confirm)

    live = acting(home, work)
    show(live.as_json() | {"state": "live"}, as_json=as_json, text=f"interface {live.code} version {live.version} live")


@app.command("deprecate")
def deprecate(
    code: Code,
    ends_at: Annotated[str, typer.Option("--ends-at", help="RFC 3339 instant with time zone 停用时间")],
    reason: ReasonOption,
    version: VersionOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Announce the end of a live version and list who must be told. 预告停用"""
    try:
        moment = datetime.fromisoformat(ends_at)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        fail("--ends-at takes an instant with its time zone", "2027-01-31T00:00:00+08:00", Exit.USAGE)
    holders = acting(
        home, lambda hub, actor: hub.interfaces.deprecate(actor, code, version, ends_at=moment, reason=reason)
    )
    _told(code, "deprecated", [holder.as_json() for holder in holders], as_json=as_json)


@app.command("withdraw")
def withdraw(
    code: Code,
    reason: ReasonOption,
    version: VersionOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """End a version at once and for good; lists who had grants. 撤回接口"""
    holders = acting(home, lambda hub, actor: hub.interfaces.withdraw(actor, code, version, reason=reason))
    _told(code, "withdrawn", [holder.as_json() for holder in holders], as_json=as_json)


@app.command("reinstate")
def reinstate(code: Code, version: VersionOption = None, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Take back the announced end of a version. 恢复接口"""
    back = acting(home, lambda hub, actor: hub.interfaces.reinstate(actor, code, version))
    show(back.as_json() | {"state": "live"}, as_json=as_json, text=f"interface {back.code} version {back.version} live")


@app.command("lift")
def lift(code: Code, version: VersionOption = None, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """End a quarantine after a live test has passed. 解除隔离"""
    acting(home, lambda hub, actor: hub.trials.lift(actor, code, version))
    show({"code": code, "quarantine": None}, as_json=as_json, text=f"interface {code} answers again")


@app.command("export")
def export(
    code: Code,
    out: Annotated[Path | None, typer.Argument(help="Default: standard output 输出文件")] = None,
    version: VersionOption = None,
    home: HomeOption = None,
) -> None:
    """Write a version as the YAML document it came from. 导出接口定义"""
    text = acting(home, lambda hub, actor: hub.interfaces.export(actor, code, version), writes=False)
    if out is None:
        print(text, end="")
        return
    out.write_text(text, encoding="utf-8")
    print(f"written to {out}")


@app.command("list")
def list_(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Every version with its state. 接口列表"""
    found = acting(home, lambda hub, actor: hub.interfaces.list(actor), writes=False)
    lines = [
        f"{item.code}  {item.version}  {'quarantined' if item.quarantine else item.state}  {item.source}"
        for item in found
    ]
    show({"interfaces": [item.summary() for item in found]}, as_json=as_json, text="\n".join(lines) or "no interfaces")


@app.command("show")
def show_(code: Code, version: VersionOption = None, home: HomeOption = None) -> None:
    """One version as JSON: definition, history, trials, who has grants. 查看接口"""
    found = acting(home, lambda hub, actor: hub.interfaces.show(actor, code, version), writes=False)
    show(found.as_json(), as_json=True, text="")


def _told(code: str, state: str, holders: list[dict[str, Any]], *, as_json: bool) -> None:
    lines = [f"interface {code} {state}", *(f"tell {item['client_id']} of {item['department']}" for item in holders)]
    show({"code": code, "state": state, "holders": holders}, as_json=as_json, text="\n".join(lines))


def _meaning(code: str) -> list[str]:
    """A result that is no pass, in plain words."""
    from hub.registry.meanings import TRIAL, failure
    from hub.registry.trial import PASSED

    if code == PASSED:
        return []
    what, who = (TRIAL[code], ("", "")) if code in TRIAL else failure(code)
    return [f"  {' '.join(filter(None, (what[0], who[0])))}", f"  {' '.join(filter(None, (what[1], who[1])))}"]


def _report(report: dict[str, Any]) -> list[str]:
    lines = [f"{report['rows']} rows, {report['usable']} usable, {report['failing_required']} fail a required field"]
    lines += [f"{report['duplicates']['count']} duplicates, {report['unreadable']['count']} unreadable"]
    for item in report["fields"]:
        lines.append(
            f"{item['name']}: {item['filled']} filled, {item['gaps']['count']} gaps, "
            f"{item['normalised']['count']} repaired"
            + (f", {item['oldest']} to {item['newest']}" if item["oldest"] else "")
        )
        lines += [
            f"  {code}: {found['count']} (rows {', '.join(map(str, found['rows']))})"
            for code, found in item["faults"].items()
        ]
    return lines
