"""`yizheng department | system | matter`: the catalogue, written from YAML or JSON files.

Whoever runs a command in the hub's home holds its keys: no second person is asked for (docs/decisions/0018).
"""

from pathlib import Path
from typing import TYPE_CHECKING, Final

import typer

from hub.cli import matter
from hub.cli.acting import FileArgument, read_definitions
from hub.cli.common import HomeOption, JsonOption, show, with_hub
from hub.cli.system_counter import system_counter
from hub.cli.system_gateway import system_gateway
from hub.cli.system_key import system_key
from hub.cli.system_kiosk import system_kiosk
from hub.cli.system_reader import system_reader

if TYPE_CHECKING:
    from hub.runtime import Hub

GROUPS: Final = {
    "department": "Departments 部门",
    "system": "Systems 应用系统",
    "matter": "Matters 政务服务事项",
}


def group(name: str) -> typer.Typer:
    """The commands of one kind of catalogue object."""
    app = typer.Typer(help=GROUPS[name], no_args_is_help=True)

    @app.command("add", help=f"Register from a file. 登记 ({GROUPS[name]})")
    def add(file: FileArgument, home: HomeOption = None, as_json: JsonOption = False) -> None:
        added = with_hub(home, lambda hub: _add(hub, name, file), writes=True)
        text = "\n".join(f"{name} {code}" for _, code in added)
        show({"added": [item for item, _ in added]}, as_json=as_json, text=text)

    if name == "matter":
        matter.add_to(app)
    if name == "system":
        app.command("key")(system_key)
        app.command("gateway")(system_gateway)
        app.command("counter")(system_counter)
        app.command("reader")(system_reader)
        app.command("kiosk")(system_kiosk)
    return app


async def _add(hub: "Hub", name: str, file: Path) -> list[tuple[str, str]]:
    """Ids for programs, and the codes by which people name them from now on."""
    add, called = getattr(hub.registry, f"add_{name}"), "client_id" if name == "system" else "code"
    definitions = read_definitions(file)
    if name == "matter":
        await matter.tell_findings(hub, definitions)
    return [(await add(definition), str(definition[called])) for definition in definitions]
