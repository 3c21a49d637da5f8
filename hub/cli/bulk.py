"""`yizheng bulk`: bulk runs under a campaign case, and whose a leaked copy is.

Whoever runs these commands holds the hub's keys: he acts for asker and owner alike, but does not release what this
command line asked for.
"""

from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from hub.cli.common import Exit, HomeOption, JsonOption, fail, show, with_hub
from hub.cli.grant import identifier

if TYPE_CHECKING:
    from hub.access.actors import Actor
    from hub.access.service import Caller
    from hub.runtime import Hub

app = typer.Typer(help="Bulk runs 批量查询", no_args_is_help=True)
RunArgument = Annotated[str, typer.Argument(help="Id of the run 批量查询编号")]
_ADVICE: Final = "`yizheng bulk status` shows the runs; docs/intake-developer.md tells what a run needs"
_MAX_BYTES: Final = 32 * 1024 * 1024


@app.command("ask")
def ask(
    file: Annotated[Path, typer.Argument(help="JSON lines: id_type, id_number, name 名单")],
    system: Annotated[str, typer.Option("--system", help="Client id of the system that asks 应用系统")],
    case: Annotated[str, typer.Option("--case", help="Number of the campaign case 专项办件编号")],
    purpose: Annotated[str, typer.Option("--purpose", help="As granted 用途")],
    officer: Annotated[str, typer.Option("--officer", help="Named by the grant 办理人员")],
    interface: Annotated[str | None, typer.Option("--interface", help="Code of the interface 数据接口")] = None,
    matter: Annotated[str | None, typer.Option("--matter", help="Instead: a matter's code 事项（免申即享）")] = None,
    field: Annotated[list[str] | None, typer.Option("--field", help="Default: all granted 信息项")] = None,
    requirement: Annotated[list[str] | None, typer.Option("--requirement", help="Of it; default: all 材料")] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask about many; the answer waits for the owner's second person. 批量查询"""
    if (interface is None) == (matter is None):
        fail("--interface or --matter: one of the two", "", Exit.USAGE)
    raw = _list_of(file)

    async def work(hub: "Hub", actor: "Actor") -> Any:
        from hub.exchange.bulk.order import BulkOrder, PartyLines

        order = BulkOrder(
            interface or "",
            case,
            purpose,
            officer,
            tuple(field) if field else None,
            matter=matter,
            requirements=tuple(requirement) if requirement else None,
        )
        caller = await _caller(hub, system)
        return await hub.bulk.asking.ask(caller, order, PartyLines(raw), asked_by=actor.as_json())

    _print(_acting(home, work), as_json=as_json)


@app.command("status")
def status(
    run: Annotated[str | None, typer.Argument(help="One run; else all 批量查询编号")] = None,
    waiting: Annotated[bool, typer.Option("--waiting", help="Those to be released 待复核")] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """How far runs are, newest first. 进度"""
    if run is not None:
        identifier(run)
        wanted = run
        _print(_acting(home, lambda hub, actor: hub.bulk.releases.get(actor, wanted), writes=False), as_json=as_json)
        return
    found = _acting(home, lambda hub, actor: hub.bulk.releases.list(actor, waiting=waiting), writes=False)
    shown = [view.as_json() for view in found]
    show({"runs": shown}, as_json=as_json, text="\n".join(_line(item) for item in shown) or "none")


@app.command("release")
def release(
    run: RunArgument,
    reason: Annotated[str, typer.Option("--reason", help="Kept with it 说明")] = "",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Release a result to the system that asked; not one that this command line asked for. 复核发放"""
    identifier(run)
    _print(_acting(home, lambda hub, actor: hub.bulk.releases.release(actor, run, reason)), as_json=as_json)


@app.command("refuse")
def refuse(
    run: RunArgument,
    reason: Annotated[str, typer.Option("--reason", help="The other side is told 理由")],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Refuse the release of a result; it is deleted. 不予发放"""
    identifier(run)
    _print(_acting(home, lambda hub, actor: hub.bulk.releases.refuse(actor, run, reason)), as_json=as_json)


@app.command("whose")
def whose(
    file: Annotated[Path, typer.Argument(help="A copy, or part of one 泄露的文件")],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Name the recipient of a copy by its mark; exit 0 when one is named, else 2. 辨认接收方"""
    if not file.is_file():
        fail(f"{file} cannot be read", "", Exit.USAGE)
    found = _acting(home, lambda hub, _actor: hub.bulk.owners.whose(_lines(file)), writes=False)
    shown = found.as_json()
    text = found.recipient or f"nobody: {found.rows} rows bear no recipient's mark"
    if found.contradicted:
        text += f" (its signed line names {found.signed['aud']} and may have been put there)"
    show(shown, as_json=as_json, text=text)
    raise typer.Exit(Exit.OK if found.recipient else Exit.INDETERMINATE)


def _acting(home: Path | None, work: Callable[["Hub", "Actor"], Awaitable[Any]], *, writes: bool = True) -> Any:
    async def run(hub: "Hub") -> Any:
        from hub.access.actors import COMMAND
        from hub.access.errors import AccessError
        from hub.edge.errors import InvalidBodyError
        from hub.exchange.errors import ExchangeError
        from hub.intake.errors import IntakeError
        from hub.registry.errors import RegistryError
        from hub.storage.errors import MissingError

        try:
            return await work(hub, COMMAND)
        except InvalidBodyError as error:
            fail("; ".join(f"{fault.pointer} {fault.rule}" for fault in error.faults), _ADVICE, Exit.BAD_DATA)
        except (ExchangeError, IntakeError, RegistryError, AccessError) as error:
            fail(str(error) or type(error).__name__, _ADVICE, Exit.REFUSED)
        except MissingError as error:
            fail(f"there is no such {error}", _ADVICE, Exit.BAD_DATA)

    return with_hub(home, run, writes=writes)


async def _caller(hub: "Hub", client_id: str) -> "Caller":
    """The system, as if it called itself."""
    from catalog.store import find_system_id
    from hub.access.service import Caller
    from hub.registry.grants_views import holding_department
    from hub.storage.errors import MissingError

    system_id = await hub.database.read(lambda tx: find_system_id(tx, client_id))
    if system_id is None:
        raise MissingError("system")
    department_id = await hub.database.read(lambda tx: holding_department(tx, system_id))
    return Caller(system_id, client_id, department_id, "", {}, 0.0)


def _list_of(file: Path) -> bytes:
    try:
        if file.stat().st_size > _MAX_BYTES:
            fail(f"{file} is larger than {_MAX_BYTES} bytes", "split the list", Exit.BAD_DATA)
        return file.read_bytes()
    except OSError:
        fail(f"{file} cannot be read", "", Exit.USAGE)


def _lines(file: Path) -> Iterator[bytes]:
    """Line by line: a copy may be large, and what was let out may have been made hostile."""
    with file.open("rb") as opened:
        while line := opened.readline(_MAX_BYTES):
            yield line


def _print(view: Any, *, as_json: bool) -> None:
    shown = view.as_json()
    show(shown, as_json=as_json, text=_line(shown))


def _line(item: dict[str, Any]) -> str:
    progress = item["progress"]
    outcomes = " ".join(f"{name}={count}" for name, count in sorted(progress["outcomes"].items()))
    problem = f" {item['problem']['code']}" if item["problem"] else ""
    waiting = f" waiting={progress['waiting_for_source']}" if progress["waiting_for_source"] else ""
    return (
        f"{item['run']} {item['state']}{problem} {item['system']} {item['interface'] or item['matter']} "
        f"{progress['answered']}/{progress['subjects']} {progress['per_cent']}% {outcomes}{waiting}"
    ).rstrip()
