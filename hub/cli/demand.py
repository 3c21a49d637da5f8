"""`yizheng demand`: what consumers looked for and did not find, and what becomes of it."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.acting import FileArgument, ReasonOption, read_object
from hub.cli.common import HomeOption, JsonOption, show, with_hub
from hub.cli.sharing_errors import told

if TYPE_CHECKING:
    from hub.registry.demands.views import DemandView
    from hub.runtime import Hub

app = typer.Typer(help="Demands 供需对接", no_args_is_help=True)
_ADVICE = "`yizheng demand list` and `yizheng search` show what there is"
DemandId = Annotated[str, typer.Argument(help="The demand's id 需求编号")]


@app.command("list")
def list_demands(
    everything: Annotated[bool, typer.Option("--all", help="Answered ones too 含已答复")] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """What waits for an answer, with its clock. 待答复需求"""

    async def work(hub: "Hub") -> list["DemandView"]:
        from hub.access.actors import COMMAND

        return await hub.catalogue.demands.list(COMMAND, queue=not everything, limit=1000)

    found = [item.as_json() for item in with_hub(home, work)]
    lines = [
        f"{item['id']}  {item['state']:10}  {item['owner'] or '-':18}  due {(item['due_at'] or '-')[:10]}"
        f"{' OVERDUE' if item['overdue'] else ''}  {item['wanted']['what']}"
        for item in found
    ]
    show({"demands": found}, as_json=as_json, text="\n".join(lines))


@app.command("show")
def show_demand(demand_id: DemandId, home: HomeOption = None) -> None:
    """One demand with its steps, as JSON. 需求详情"""
    print(json.dumps(_one(home, "show", demand_id, writes=False), ensure_ascii=False, indent=1))


@app.command("add")
def add(
    file: FileArgument,
    department: Annotated[str, typer.Option("--for", help="USCC of the department that asks 需求部门")],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Leave a demand {what, legal_basis, contact, matter, fields, note}; it goes to the likely owner. 提出需求"""
    _step(home, as_json, "file", read_object(file), department=department)


@app.command("publish")
def publish(
    demand_id: DemandId,
    kind: Annotated[str, typer.Argument(help="interface or certificate_type 类别")],
    code: Annotated[str, typer.Argument(help="What it was published as 发布代码")],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Answer: it is published. 答复：已发布"""
    _step(home, as_json, "publish", demand_id, kind=kind, code=code)


@app.command("forward")
def forward(
    demand_id: DemandId,
    reason: ReasonOption,
    to: Annotated[str | None, typer.Option("--to", help="USCC; default: the next candidate 转至部门")] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Answer: not ours. 答复：不属本部门"""
    _step(home, as_json, "forward", demand_id, reason, to=to)


@app.command("refuse")
def refuse(demand_id: DemandId, reason: ReasonOption, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Answer: no, with the reason. 答复：不予提供"""
    _step(home, as_json, "refuse", demand_id, reason)


@app.command("assign")
def assign(
    demand_id: DemandId,
    to: Annotated[str, typer.Argument(help="USCC 数源部门")],
    reason: ReasonOption,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """The operator names whose it is. 指定数源部门"""
    _step(home, as_json, "assign", demand_id, to, reason)


@app.command("withdraw")
def withdraw(demand_id: DemandId, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """No longer needed. 撤回需求"""
    _step(home, as_json, "withdraw", demand_id)


def _one(home: Path | None, use_case: str, *given: Any, writes: bool, **named: Any) -> dict[str, Any]:
    async def work(hub: "Hub") -> dict[str, Any]:
        from hub.access.actors import COMMAND

        view: DemandView = await told(
            lambda: getattr(hub.catalogue.demands, use_case)(COMMAND, *given, **named), _ADVICE
        )
        return view.as_json()

    return with_hub(home, work, writes=writes)


def _step(home: Path | None, as_json: bool, use_case: str, *given: Any, **named: Any) -> None:
    found = _one(home, use_case, *given, writes=True, **named)
    lies = found["owner"] or "the operator"
    text = f"demand {found['id']} {found['state']}" + (f", with {lies}" if found["due_at"] else "")
    show(found, as_json=as_json, text=text)
