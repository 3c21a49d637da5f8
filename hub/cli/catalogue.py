"""`yizheng department | system | type | matter`: the catalogue, written from YAML or JSON files.

Whoever runs a command in the hub's home holds its keys: no second person is asked for (docs/decisions/0018).
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
import yaml

from hub.cli.common import Exit, HomeOption, JsonOption, fail, show, with_hub
from hub.cli.system_gateway import system_gateway
from hub.cli.system_key import system_key

if TYPE_CHECKING:
    from hub.runtime import Hub

GROUPS: Final = {
    "department": "Departments 部门",
    "system": "Systems 应用系统",
    "type": "Certificate types 证照类型",
    "matter": "Matters 政务服务事项",
}
FileArgument = Annotated[Path, typer.Argument(help="YAML or JSON; several definitions as a list 定义文件")]
_MAX_BYTES: Final = 4 * 1024 * 1024


def group(name: str) -> typer.Typer:
    """The commands of one kind of catalogue object."""
    app = typer.Typer(help=GROUPS[name], no_args_is_help=True)

    @app.command("add", help=f"Register from a file. 登记 ({GROUPS[name]})")
    def add(file: FileArgument, home: HomeOption = None, as_json: JsonOption = False) -> None:
        added = with_hub(home, lambda hub: _add(hub, name, file), writes=True)
        text = "\n".join(f"{name} {code}" for _, code in added)
        show({"added": [item for item, _ in added]}, as_json=as_json, text=text)

    if name == "system":
        app.command("key")(system_key)
        app.command("gateway")(system_gateway)
    return app


async def _add(hub: "Hub", name: str, file: Path) -> list[tuple[str, str]]:
    """Ids for programs, and the codes by which people name them from now on."""
    if name == "type":
        code = await hub.registry.add_type(_text(file))
        return [(code, code)]
    add, called = getattr(hub.registry, f"add_{name}"), "client_id" if name == "system" else "code"
    return [(await add(definition), str(definition[called])) for definition in _definitions(file)]


def _definitions(file: Path) -> list[dict[str, Any]]:
    try:
        loaded = yaml.safe_load(_text(file))
    except yaml.YAMLError:
        fail(f"{file} is neither YAML nor JSON", "see docs/publisher.md for examples", Exit.BAD_DATA)
    definitions = loaded if isinstance(loaded, list) else [loaded]
    if not all(isinstance(item, dict) for item in definitions):
        fail(f"{file} holds no definitions", "see docs/publisher.md for examples", Exit.BAD_DATA)
    return definitions


def _text(file: Path) -> str:
    try:
        if file.stat().st_size > _MAX_BYTES:
            fail(f"{file} is larger than {_MAX_BYTES} bytes", "", Exit.BAD_DATA)
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        fail(f"{file} cannot be read as UTF-8 text", "", Exit.USAGE)
