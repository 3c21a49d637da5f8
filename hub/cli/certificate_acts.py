"""`yizheng certificate`: issue, take over, act on one or many, look at one as of a day, list what was touched."""

import csv
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.acting import acting, read_object
from hub.cli.common import Exit, HomeOption, JsonOption, fail, show

if TYPE_CHECKING:
    from datetime import datetime

    from hub.access.actors import Actor
    from hub.issuing.transitions.service import Outcome
    from hub.runtime import Hub

IdentifierArgument = Annotated[str, typer.Argument(help="GB/T 36904 identifier 证照标识")]
OperationArgument = Annotated[
    str, typer.Argument(help="suspend, resume, revoke, withdraw, cancel, renew, change … 操作")
]
CodeOption = Annotated[str | None, typer.Option("--reason-code", help="See docs/lifecycle.md 原因代码")]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why; stands in the history and the ledger 原因")]
BasisOption = Annotated[str, typer.Option("--legal-basis", help="Legal basis 法律依据")]
EffectiveOption = Annotated[str | None, typer.Option("--effective-at", help="A day, or an instant; not ahead 生效时间")]
ClaimsOption = Annotated[Path | None, typer.Option("--claims", help="YAML or JSON: what the new version says 照面信息")]
AsOfOption = Annotated[str | None, typer.Option("--as-of", help="A civil day (its end) or an instant 截至某日")]
MAX_LIST_BYTES = 64 * 1024 * 1024


def moment_asked(as_of: str | None) -> "datetime | None":
    """The moment that `--as-of` names. Ends the command for what is none."""
    from certificates.lifecycle.history import moment_of

    try:
        return moment_of(as_of) if as_of else None
    except ValueError:
        fail(f"{as_of} is neither a day (YYYY-MM-DD) nor an instant with a time zone", "", Exit.USAGE)


def act(
    operation: OperationArgument,
    identifier: IdentifierArgument,
    reason: ReasonOption,
    legal_basis: BasisOption,
    reason_code: CodeOption = None,
    effective_at: EffectiveOption = None,
    claims: ClaimsOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Do something to a certificate; with --claims, make the version that follows it. 办理证照操作"""
    given = {
        "operation": operation,
        "reason_code": reason_code,
        "reason": reason,
        "legal_basis": legal_basis,
        "effective_at": effective_at,
        "claims": read_object(claims) if claims else None,
    }

    async def work(hub: "Hub", actor: "Actor") -> dict[str, Any]:
        from hub.issuing.transitions.acts import Act

        return await _told(hub, actor, await hub.transitions.act(actor, identifier, Act.read(given)))

    _show(acting(home, work), as_json=as_json)


def issue(
    type_: Annotated[str, typer.Option("--type", help="Code or short name 证照类型")],
    issuer: Annotated[str, typer.Option("--issuer", help="USCC of the department 发证部门")],
    claims: Annotated[Path, typer.Option("--claims", help="YAML or JSON 照面信息")],
    reason: ReasonOption,
    legal_basis: BasisOption,
    reason_code: Annotated[str, typer.Option("--reason-code")] = "first_grant",
    issued_on: Annotated[str | None, typer.Option("--issued-on", help="Default: today 颁发日期")] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Issue one certificate. 颁发证照"""
    given = {
        "operation": "issue",
        "reason_code": reason_code,
        "reason": reason,
        "legal_basis": legal_basis,
        "claims": read_object(claims),
        "issued_on": issued_on,
    }

    async def work(hub: "Hub", actor: "Actor") -> dict[str, Any]:
        from hub.issuing.transitions.acts import Act

        return await _told(hub, actor, await hub.transitions.begin(actor, type_, Act.read(given), issuer=issuer))

    _show(acting(home, work), as_json=as_json)


def transfer_in(
    type_: Annotated[str, typer.Option("--type", help="Code or short name 证照类型")],
    issuer: Annotated[str, typer.Option("--issuer", help="USCC of the department that takes it over 转入部门")],
    document: Annotated[Path, typer.Argument(help="The licence from there: SD-JWT, PDF, OFD or JSON 原证照文件")],
    reason: ReasonOption,
    legal_basis: BasisOption,
    claims: ClaimsOption = None,
    released: Annotated[
        str | None, typer.Option("--released", help="The letter by which the authority there let it go 转出函文号")
    ] = None,
    reason_code: Annotated[str, typer.Option("--reason-code")] = "moved",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take over a licence of another place, verified by the trust lists; --claims change what it says. 转入"""
    origin = {"released": released} if released else {}
    given = {
        "operation": "transfer_in",
        "reason_code": reason_code,
        "reason": reason,
        "legal_basis": legal_basis,
        "origin": origin,
        "claims": read_object(claims) if claims else {},
    }
    content = _document(document)

    async def work(hub: "Hub", actor: "Actor") -> dict[str, Any]:
        from hub.issuing.transitions.acts import Act
        from hub.verification.arriving import read_arrival

        arrival = await read_arrival(hub.presentation, hub.vault, hub.types, type_, content)
        act = Act.read(arrival.filled(given))
        return await _told(hub, actor, await hub.transitions.begin(actor, type_, act, issuer=issuer, arrival=arrival))

    _show(acting(home, work), as_json=as_json)


def look(
    identifier: IdentifierArgument,
    as_of: AsOfOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a certificate with its history, or as it was. 查看证照及其历史"""
    moment = moment_asked(as_of)

    async def work(hub: "Hub", actor: "Actor") -> dict[str, Any]:
        from hub.issuing.transitions.service import shown

        return shown(await hub.transitions.history(actor, identifier), as_of=moment, now=hub.clock())

    _show(acting(home, work, writes=False), as_json=as_json)


def act_list(
    operation: OperationArgument,
    file: Annotated[Path, typer.Argument(help="CSV with a column identifier, JSON lines, or one a line 证照标识清单")],
    reason: ReasonOption,
    legal_basis: BasisOption,
    reason_code: CodeOption = None,
    report: Annotated[
        Path | None, typer.Option("--report", help="JSON lines: what became of each row 逐行结果")
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Do one thing to many certificates; a bad row stops nothing. 批量办理"""
    identifiers = read_identifiers(file)
    given = {"operation": operation, "reason_code": reason_code, "reason": reason, "legal_basis": legal_basis}

    async def work(hub: "Hub", actor: "Actor") -> tuple[dict[str, Any], list[dict[str, Any]]]:
        from hub.issuing.transitions.acts import Act

        made = await hub.transitions.lists.put(actor, Act.read(given), identifiers)
        await hub.transitions.lists.run({"list": made.id})
        rows: list[dict[str, Any]] = []
        while some := await hub.transitions.lists.report(actor, made.id, after=rows[-1]["number"] if rows else 0):
            rows += some
        return (await hub.transitions.lists.view(actor, made.id)).as_json(), rows

    found, rows = acting(home, work)
    if report is not None:
        report.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    progress = found["progress"]
    lines = [f"{progress['done']} done 已办理, {progress['refused']} refused 未办理"]
    lines += [f"  {reason}: {count}" for reason, count in found["reasons"].items()]
    show(found, as_json=as_json, text="\n".join(lines))


def touched(
    key: Annotated[str | None, typer.Option("--key", help="kid of a signing key 签发密钥")] = None,
    type_: Annotated[str | None, typer.Option("--type", help="Code or short name 证照类型")] = None,
    version: Annotated[int | None, typer.Option("--version", help="Of the type 类型版本")] = None,
    template: Annotated[
        int | None, typer.Option("--template", min=0, help="Version of the type's own face template; 0: none 版式版本")
    ] = None,
    source: Annotated[str | None, typer.Option("--source", help="Code of a source 数据源")] = None,
    batch: Annotated[str | None, typer.Option("--batch", help="Id of a batch 批次")] = None,
    run: Annotated[str | None, typer.Option("--run", help="Id of a collection run 归集任务")] = None,
    home: HomeOption = None,
) -> None:
    """List everything a key, a type or its template, a source or a batch touched, as JSON lines. 波及范围"""

    async def work(hub: "Hub", actor: "Actor") -> int:
        from hub.issuing.touched import Touch

        touch = Touch(key=key, type=type_, type_version=version, template=template, source=source, batch=batch, run=run)
        count = 0
        async for item in await hub.touched.stream(actor, touch):
            print(json.dumps(item, ensure_ascii=False))
            count += 1
        return count

    acting(home, work)


def read_identifiers(file: Path) -> list[str]:
    """Identifiers of a CSV with a header that has `identifier` or `证照标识`, of JSON lines, or one a line."""
    try:
        if file.stat().st_size > MAX_LIST_BYTES:
            fail(f"{file} is larger than {MAX_LIST_BYTES} bytes", "split the list", Exit.BAD_DATA)
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError):
        fail(f"{file} cannot be read as UTF-8 text", "", Exit.USAGE)
    lines = [line for line in lines if line.strip()]
    if lines and lines[0].lstrip().startswith("{"):
        return [_identifier_of(line, number, file) for number, line in enumerate(lines, start=1)]
    header = next(csv.reader(io.StringIO(lines[0]))) if lines else []
    column = next((name for name in ("identifier", "证照标识") if name in header), None)
    if column is None:
        return [line.strip() for line in lines]
    return [str(row[column] or "").strip() for row in csv.DictReader(io.StringIO("\n".join(lines)))]


def _document(file: Path) -> bytes:
    from certificates.verifying.papers_files import MAX_FILE_BYTES

    try:
        if file.stat().st_size > MAX_FILE_BYTES:
            fail(f"{file} is larger than {MAX_FILE_BYTES} bytes", "", Exit.BAD_DATA)
        return file.read_bytes()
    except OSError:
        fail(f"{file} cannot be read", "", Exit.USAGE)


def _identifier_of(line: str, number: int, file: Path) -> str:
    try:
        return str(json.loads(line)["identifier"])
    except (ValueError, KeyError, TypeError):
        fail(f"{file}: line {number} is no object with an identifier", "", Exit.BAD_DATA)


async def _told(hub: "Hub", actor: "Actor", outcome: "Outcome") -> dict[str, Any]:
    from hub.issuing.transitions.service import shown

    if outcome.identifier is None:
        return (await hub.transitions.waiting.view(actor, outcome.waiting or "")).as_json()
    return shown(await hub.transitions.history(actor, outcome.identifier), as_of=None, now=hub.clock())


def _show(value: dict[str, Any], *, as_json: bool) -> None:
    if "act" in value:
        text = f"{value['act']}  waits for a second person 待复核"
    else:
        lines = [f"{value['identifier']}  {value['status']}"]
        lines += [f"  {name} {value[name]}" for name in ("predecessor", "successor") if value[name]]
        lines += [
            f"  {item['effective_at']}  {item['operation']} → {item['to']}  {item['reason']}"
            for item in value["history"]
        ]
        if then := value.get("then"):
            lines.append(
                f"  as of {then['as_of']}: {then['status']}, {'valid 有效' if then['valid'] else 'not valid 无效'}"
            )
        text = "\n".join(lines)
    show(value, as_json=as_json, text=text)


def add_to(app: typer.Typer) -> None:
    """Put them into the group."""
    app.command("issue")(issue)
    app.command("transfer-in")(transfer_in)
    app.command("act")(act)
    app.command("act-list")(act_list)
    app.command("show")(look)
    app.command("touched")(touched)
