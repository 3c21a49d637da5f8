"""`yizheng collect source|feed|feeds|end|reconcile`: collection from sources, and registers beside the library."""

from collections.abc import AsyncIterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.acting import FileArgument, acting, read_definitions
from hub.cli.collect_group import instant
from hub.cli.common import Exit, HomeOption, JsonOption, fail, settings_of, show

if TYPE_CHECKING:
    from hub.access.actors import Actor
    from hub.collection.feeds.desk import FeedView
    from hub.collection.reconciliation.comparing import Counts
    from hub.collection.reconciliation.scratch import SeenPage
    from hub.runtime import Hub

Code = Annotated[str, typer.Argument(help="Code of the feed 归集任务代码")]


def feed(file: FileArgument, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Declare feeds from a file: which operation of which source becomes which licences. 登记归集任务"""
    definitions = read_definitions(file)

    async def work(hub: "Hub", actor: "Actor") -> list[str]:
        return [(await hub.collection.feeds.declare(actor, item)).code for item in definitions]

    codes = acting(home, work)
    show({"feeds": codes}, as_json=as_json, text="\n".join(f"feed {code}" for code in codes))


def feeds(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Every feed, and how its last run and its last reconciliation ended. 归集任务列表"""
    found = acting(home, lambda hub, actor: hub.collection.feed_desk.list(actor), writes=False)
    rows = [{"code": view.stored.code, "state": view.state, "progress": view.stored.progress} for view in found]
    lines = [_line(view) for view in found]
    show({"feeds": rows}, as_json=as_json, text="\n".join(lines) or "no feeds")


def end(code: Code, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """End a feed: its source is not asked any more; its licences stay. Declared anew it goes on. 终止归集任务"""
    view = acting(home, lambda hub, actor: hub.collection.feed_desk.end(actor, code))
    show({"code": code, "state": view.state}, as_json=as_json, text=f"ended 已终止 {code}")


def source(code: Code, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Collect from a source what changed since the last time; a killed run goes on where it was. 从数据源归集"""
    result = acting(home, lambda hub, actor: hub.collection.feeds.run(code, actor))
    totals = result.totals.to_json()
    text = "   ".join(f"{name} {count}" for name, count in totals.items())
    show(totals, as_json=as_json, text=f"{text}\nreport 报告 {result.report.parent}")


def reconcile(
    files: Annotated[list[Path] | None, typer.Argument(help="The whole register 完整登记簿")] = None,
    type_code: Annotated[str, typer.Option("--type", help="Certificate type 证照类型")] = "",
    issuer: Annotated[str, typer.Option("--issuer", help="The issuing department's USCC 颁发机构代码")] = "",
    source: Annotated[str, typer.Option("--source", help="A feed instead of files 归集任务代码")] = "",
    mapping: Annotated[Path | None, typer.Option("--mapping", help="Columns to claims")] = None,
    act: Annotated[
        bool, typer.Option("--act-on-missing", help="By the rule of the type 按证照类型规则处理缺失记录")
    ] = False,
    report: Annotated[Path | None, typer.Option("--report", help="Private report, JSON lines 对账报告")] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put a whole register beside the library. Exit code 0: they agree; 1: they do not. 对账"""
    if bool(source) == bool(files) or (files and not (type_code and issuer)):
        usage = "--source CODE | --type CODE --issuer USCC FILE…"
        fail("name a feed, or files with their type and issuer", usage, Exit.USAGE)
    path = report or settings_of(home).home / "reports" / "reconciliation" / f"{source or type_code}.jsonl"

    async def work(hub: "Hub", actor: "Actor") -> "tuple[Counts, str]":
        from hub.collection.reconciliation.reconciling import (
            NotWhollyReadError,
            ReconciliationOrder,
            TooManyMissingError,
        )

        pages, issued, department, origin = await _register(hub, actor, files or [], source, type_code, issuer, mapping)
        order = ReconciliationOrder(issued=issued, issuer=department, report=path, origin=origin, act=act)
        try:
            return await hub.collection.reconciler.reconcile(pages, order), origin
        except TooManyMissingError as error:
            fail(str(error), "the register may be cut off; nothing was changed. Look into the report", Exit.REFUSED)
        except NotWhollyReadError:
            fail("rows whose key cannot be read", "correct them first; nothing was changed", Exit.REFUSED)

    counts, origin = acting(home, work)
    told = asdict(counts) | {"agree": counts.agree, "origin": origin}
    text = "   ".join(f"{name} {value}" for name, value in told.items())
    show(told, as_json=as_json, text=f"{text}\nreport 报告 {path}")
    if not counts.agree:
        raise typer.Exit(Exit.FAILED)


def index(
    out: Annotated[Path, typer.Argument(help="JSON lines; a torn file is gone on with 目录文件")],
    since: Annotated[str, typer.Option("--since", help="RFC 3339 起始时间")],
    receiver: Annotated[str, typer.Option("--receiver", help="Who gets it 接收方")],
    legal_basis: Annotated[str, typer.Option("--legal-basis", help="法律依据")],
    holder_key: Annotated[
        Path | None,
        typer.Option("--holder-key", help="Key agreed with the receiver 持证主体代码密钥"),
    ] = None,
    clear_holders: Annotated[bool, typer.Option("--clear-holders", help="Numbers and names in clear 明文")] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Index records for the upper level: which licences there are, never the documents. 上报证照目录信息"""
    from hub.collection.index_export import MIN_KEY_BYTES, IndexOrder

    if clear_holders == (holder_key is not None):
        fail("say how holders leave", "--holder-key FILE, or --clear-holders", Exit.USAGE)
    key = None if holder_key is None else holder_key.read_bytes()
    if key is not None and len(key) < MIN_KEY_BYTES:
        fail("the key is too short", f"{MIN_KEY_BYTES} bytes or more", Exit.USAGE)
    begin = instant(since, "--since")
    order = IndexOrder(since=begin, receiver=receiver, legal_basis=legal_basis, holder_key=key)
    written = acting(home, lambda hub, actor: hub.collection.index_export.export(actor, order, out))
    show({"written": written}, as_json=as_json, text=f"written 已写 {written}")


def _line(view: "FeedView") -> str:
    progress = view.stored.progress
    state = progress.get("state", "-") if view.state == "active" else view.state
    line = f"{view.stored.code}  {state}  {progress.get('at', '')}"
    compared = view.reconciliation
    if compared is None:
        return line
    counts = {name: count for name, count in compared.get("counts", {}).items() if count}
    numbers = "  ".join(f"{name} {count}" for name, count in counts.items())
    return f"{line}\n  reconciliation 对账  {compared['state']}  {compared['at']}  {numbers}".rstrip()


async def _register(
    hub: "Hub", actor: "Actor", files: list[Path], feed_code: str, type_code: str, issuer: str, mapping: Path | None
) -> tuple["AsyncIterator[SeenPage]", Any, Any, str]:
    from catalog.store import find_department
    from hub.collection.errors import UnknownIssuerError, UnknownTypeError
    from hub.collection.mapping import Mapping
    from hub.collection.mapping_file import load_mapping
    from hub.collection.reconciliation.registers import of_feed, of_files

    if feed_code:
        opened = await hub.collection.feeds.open(feed_code, actor)
        if opened.feed.whole is None:
            fail(f"the feed {feed_code} cannot read its register whole", "declare a `full` operation", Exit.USAGE)
        pages = of_feed(hub.collection.feeds, opened, hub.vault)
        return pages, opened.issued, opened.issuer, f"source:{opened.feed.source}"
    issued = hub.types.find(type_code)
    department = await hub.database.read(lambda tx: find_department(tx, issuer))
    if issued is None:
        raise UnknownTypeError(type_code)
    if department is None:
        raise UnknownIssuerError(issuer)
    rules = Mapping.of_type(issued.type) if mapping is None else load_mapping(mapping)
    pages = of_files(files, mapping=rules, issued=issued, issuer_code=department.code, vault=hub.vault)
    return pages, issued, department, f"run:{await hub.collection.reconciler.run()}"
