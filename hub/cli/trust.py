"""`yizheng trust`: other hubs whose issuers this hub accepts."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.acting import ReasonOption
from hub.cli.common import Exit, HomeOption, JsonOption, fail, show
from hub.cli.key_acting import acting

if TYPE_CHECKING:
    from hub.access.actors import Actor
    from hub.runtime import Hub

app = typer.Typer(help="Other hubs whose licences are accepted here 互认平台", no_args_is_help=True)


@app.command("import")
def take(
    pack: Annotated[Path, typer.Argument(help="Their pack, from `yizheng export-trust` 对方信任包")],
    compared: Annotated[
        list[str],
        typer.Option("--fingerprint", help="Of a root of theirs, compared another way; repeat for SM2 根证书指纹"),
    ],
    types: Annotated[list[str], typer.Option("--type", help="Code of a type to accept; repeat 证照类型")],
    reason: ReasonOption,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Propose to accept another hub's issuers for these types; a newer pack of an accepted one is used at once. 导入"""
    try:
        data = pack.read_bytes()
    except OSError as error:
        fail(f"{pack}: {error.strerror}", "name a file from `yizheng export-trust`", Exit.USAGE)

    async def work(hub: "Hub", actor: "Actor") -> dict[str, Any]:
        from catalog.errors import DefinitionError
        from certificates.errors import TrustPackError
        from hub.verification.peers import ACCEPT

        try:
            offer = await hub.peers.offer(actor, data, compared=compared, types=types)
            if offer.payload is None:
                return offer.as_json() | {"state": "renewed", "proposal": None}
            proposal = await hub.sharing.proposals.propose(actor, ACCEPT, offer.payload, reason)
        except (TrustPackError, DefinitionError) as error:
            fail(str(error), "compare the fingerprints; take their newest pack", Exit.REFUSED)
        return offer.as_json() | {"state": "proposed", "proposal": proposal.id}

    told = acting(home, work)
    advice = f"another operator confirms {told['proposal']} in the console" if told["proposal"] else "in use 已启用"
    show(told, as_json=as_json, text="\n".join([f"{told['hub']}  version {told['version']}", *_roots(told), advice]))


@app.command("list")
def listed(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """The accepted hubs, their types, the version of their packs, and their roots. 列表"""
    found = acting(home, lambda hub, actor: hub.peers.accepted(actor), writes=False)
    lines: list[str] = []
    for item in found:
        lines += [f"{item['hub']}  {item['version']}  {' '.join(item['types'])}", *_roots(item)]
    show({"hubs": found}, as_json=as_json, text="\n".join(lines) or "none 无")


def _roots(told: dict[str, Any]) -> list[str]:
    """The roots that count, and those of the pack that nobody compared."""
    from hub.verification.roots import from_stored

    left_out = "left out, compare it if you need it 未核对，不予信任"
    lines = [f"  root 根证书 {root.as_text()}" for root in from_stored(told["roots"])]
    return lines + [f"  {left_out}: {root.as_text()}" for root in from_stored(told["left_out"])]
