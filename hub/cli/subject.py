"""`yizheng subject`: find and erase a person. The number is typed at a prompt: an argument would stand in the history
of the shell and in the list of processes.
"""

from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from hub.cli.acting import ReasonOption
from hub.cli.common import Exit, HomeOption, JsonOption, fail, show, with_hub

if TYPE_CHECKING:
    from hub.ledger.erasure import KnownSubject
    from hub.runtime import Hub

app = typer.Typer(help="Persons and bodies the hub knows 主体", no_args_is_help=True)
TypeOption = Annotated[str, typer.Option("--id-type", help="111 citizen ID, 001 USCC 证件类型")]
_PROMPT: Final = "ID number 证件号码"


@app.command("find")
def find(id_type: TypeOption = "111", home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Show by which id two operators speak of a person; asks for the number. The look is on the ledger. 查找主体"""
    number = _typed()
    found = with_hub(home, lambda hub: _known(hub, id_type, number), writes=True)
    value = {"subject": found.id, "certificates": found.certificates}
    show(value, as_json=as_json, text=f"subject {found.id}  certificates {found.certificates}")


@app.command("erase")
def erase(
    reason: ReasonOption,
    legal_basis: Annotated[str, typer.Option("--legal-basis", help="Legal basis 法律依据")],
    id_type: TypeOption = "111",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Propose to destroy a person's key for good; asks for the number. A second operator confirms. 提出抹除"""
    number = _typed()

    async def work(hub: "Hub") -> dict[str, Any]:
        from hub.access.actors import COMMAND
        from hub.ledger.erasure import ERASE

        found = await _known(hub, id_type, number)
        payload = {"subject": found.id, "legal_basis": legal_basis}
        made = await hub.sharing.proposals.propose(COMMAND, ERASE, payload, reason)
        return {**made.as_json(), "certificates": found.certificates}

    made = with_hub(home, work, writes=True)
    text = (
        f"{made['id']} {made['state']} {made['action']}: subject {made['payload']['subject']}, "
        f"{made['certificates']} certificates\nnext      another operator confirms it under /console/proposals"
    )
    show(made, as_json=as_json, text=text)


def _typed() -> str:
    return str(typer.prompt(_PROMPT, hide_input=True, err=True))


async def _known(hub: "Hub", id_type: str, id_number: str) -> "KnownSubject":
    from catalog.errors import IdentifierError
    from hub.access.actors import COMMAND
    from hub.storage.errors import MissingError

    try:
        return await hub.erasure.find(COMMAND, id_type, id_number)
    except MissingError:
        fail("nobody of this type and number is known", "check type and number", Exit.BAD_DATA)
    except IdentifierError:
        fail("there is no such identifier type", "111, 001, … as in GB/T 36903", Exit.USAGE)
