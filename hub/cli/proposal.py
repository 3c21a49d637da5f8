"""`yizheng proposal` and `yizheng clock`: the operator's own changes, which take two persons."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from hub.cli.acting import FileArgument, ReasonOption, read_object
from hub.cli.common import HomeOption, JsonOption, show, with_hub
from hub.cli.grant import identifier

if TYPE_CHECKING:
    from hub.access.actors import Actor
    from hub.runtime import Hub

app = typer.Typer(help="Changes that a second operator confirms 双人复核", no_args_is_help=True)
clock = typer.Typer(help="Working days and time limits 工作日与期限", no_args_is_help=True)
IdArgument = Annotated[str, typer.Argument(help="Id of the proposal 编号")]
_ADVICE: Final = "an operator confirms it in the console; `yizheng proposal list` shows it"


@app.command("make")
def make(
    action: Annotated[
        str, typer.Argument(help="department.add, department.merge, department.superior, system.add, dispute.decide …")
    ],
    file: FileArgument,
    reason: ReasonOption,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Propose a change. Another operator confirms it within three days. 提出变更"""
    payload = read_object(file)
    _print(_acting(home, lambda hub, actor: hub.sharing.proposals.propose(actor, action, payload, reason)), as_json)


@app.command("confirm")
def confirm(proposal_id: IdArgument, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Confirm what an operator proposed in the console; not what this command line did. 确认"""
    identifier(proposal_id)
    _print(_acting(home, lambda hub, actor: hub.sharing.proposals.confirm(actor, proposal_id)), as_json)


@app.command("reject")
def reject(proposal_id: IdArgument, reason: ReasonOption, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Reject a proposal, or take back one's own. 否决"""
    identifier(proposal_id)
    _print(_acting(home, lambda hub, actor: hub.sharing.proposals.reject(actor, proposal_id, reason)), as_json)


@app.command("list")
def list_proposals(
    every: Annotated[bool, typer.Option("--all", help="Those that are over too 含已结束")] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Proposals that wait. 待确认清单"""
    found = _acting(home, lambda hub, actor: hub.sharing.proposals.list(actor, only_open=not every), writes=False)
    text = "\n".join(f"{item.id} {item.state} {item.action} {item.reason}" for item in found)
    show({"proposals": [item.as_json() for item in found]}, as_json=as_json, text=text or "none")


@clock.command("show")
def show_clocks(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Calendar and limits in force, with their sources. 现行工作日与期限"""

    async def read(hub: "Hub", _actor: "Actor") -> dict[str, Any]:
        clocks = await hub.database.read(hub.sharing.clocks.in_force)
        years = [year.as_json() for _, year in sorted(clocks.calendar.years.items())]
        return {"rules": [item.as_json() for item in clocks.rules], "calendar": years}

    found = _acting(home, read, writes=False)
    lines = [f"{item['in_force_from']} {item['source']} {item['working_days']}" for item in found["rules"]]
    lines += [f"{item['year']} {'assumed ' if item['assumed'] else ''}{item['source']}" for item in found["calendar"]]
    show(found, as_json=as_json, text="\n".join(lines))


@clock.command("rules")
def rules(file: FileArgument, reason: ReasonOption, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Propose a dated set of limits. 提出期限规则"""
    payload = read_object(file)
    _print(
        _acting(home, lambda hub, actor: hub.sharing.proposals.propose(actor, "clock.rules", payload, reason)), as_json
    )


@clock.command("calendar")
def calendar(file: FileArgument, reason: ReasonOption, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Propose a year's holidays and make-up working days. 提出年度节假日安排"""
    payload = read_object(file)
    _print(
        _acting(home, lambda hub, actor: hub.sharing.proposals.propose(actor, "clock.calendar", payload, reason)),
        as_json,
    )


def _acting(home: Path | None, work: Callable[["Hub", "Actor"], Awaitable[Any]], *, writes: bool = True) -> Any:
    from hub.cli.sharing_errors import told

    async def run(hub: "Hub") -> Any:
        from hub.access.actors import COMMAND

        return await told(lambda: work(hub, COMMAND), _ADVICE)

    return with_hub(home, run, writes=writes)


def _print(found: Any, as_json: bool) -> None:
    show(found.as_json(), as_json=as_json, text=f"{found.id} {found.state} {found.action}")
