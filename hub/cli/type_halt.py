"""`yizheng type halt`: stop a type at once; `type resume` proposes that it goes on."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.acting import acting
from hub.cli.common import HomeOption, JsonOption, show

if TYPE_CHECKING:
    from hub.access.actors import Actor
    from hub.runtime import Hub

TypeArgument = Annotated[str, typer.Argument(help="Code or short name 证照类型")]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why 原因")]
BasisOption = Annotated[str, typer.Option("--legal-basis", help="Legal basis 法律依据")]


def halt(
    code: TypeArgument,
    reason: ReasonOption,
    legal_basis: BasisOption,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Stop a type: nothing of it is issued or disclosed, in any process, until two persons lift it. 停用"""

    async def work(hub: "Hub", actor: "Actor") -> dict[str, Any]:
        return (await hub.halts.halt(actor, code, reason=reason, legal_basis=legal_basis)).as_json()

    value = acting(home, work)
    show(value, as_json=as_json, text=f"{value['type']} is stopped 已停用")


def resume(code: TypeArgument, reason: ReasonOption, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Propose that a stopped type goes on; another person confirms: `yizheng proposal confirm`. 申请恢复"""

    async def work(hub: "Hub", actor: "Actor") -> dict[str, Any]:
        from hub.registry.sharing import TYPE_LIFT

        payload = {"code": hub.halts.code_of(code), "reason": reason}
        return (await hub.sharing.proposals.propose(actor, TYPE_LIFT, payload, reason)).as_json()

    value = acting(home, work)
    show(value, as_json=as_json, text=f"proposal {value['id']} waits for a second person 待复核")


def add_to(app: typer.Typer) -> None:
    """Put them into the group."""
    app.command("halt")(halt)
    app.command("resume")(resume)
