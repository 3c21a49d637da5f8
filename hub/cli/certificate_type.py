"""`yizheng type`: certificate types 证照类型. docs/certificate-types.md tells how to write a description.

Whoever runs `type add` in the hub's home holds its keys: no second person is asked for (docs/decisions/0018). `propose`
leaves the decision to an operator or to an approver of the defining department.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from hub.cli import type_halt
from hub.cli.acting import ReasonOption
from hub.cli.common import Exit, HomeOption, JsonOption, fail, show, with_hub

if TYPE_CHECKING:
    from certificates.definitions.checks import TypeProblem
    from hub.access.actors import Actor
    from hub.registry.proposal import Proposal
    from hub.runtime import Hub

app = typer.Typer(help="Certificate types 证照类型", no_args_is_help=True)
type_halt.add_to(app)
CodeArgument = Annotated[str, typer.Argument(help="Code or short name 类型代码或简称")]
FileArgument = Annotated[str, typer.Argument(help="YAML file, or the name of a type that ships 定义文件或内置类型简称")]
_MAX_BYTES: Final = 256 * 1024


@app.command("list")
def list_types(
    shipped: Annotated[bool, typer.Option("--shipped", help="The catalogue to take from 内置目录")] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Types in force; with --shipped those that come with the program. 证照类型清单"""
    found = _shipped() if shipped else with_hub(home, _in_force)
    lines = [f"{item['code']}  {item['slug']}  {item['name']['zh']}" for item in found]
    show({"certificate_types": found}, as_json=as_json, text="\n".join(lines) or "none 无")


@app.command("show")
def show_type(
    code: CodeArgument,
    definition: Annotated[bool, typer.Option("--definition", help="The YAML, to be copied 输出定义文件")] = False,
    version: Annotated[int | None, typer.Option("--version", help="Default: the newest 版本，缺省为最新")] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """A type with its versions and what each changed. A type that ships is shown without a hub. 类型详情"""
    if definition:
        print(_definition(code, version, home), end="")
        return
    found = with_hub(home, lambda hub: _shown(hub, code))
    lines = [f"{found['code']}  {found['slug']}  {found['name']['zh']}  {found['state']}"]
    for item in found["versions"]:
        changed = ", ".join(change["pointer"] for change in item["changes"])
        lines.append(f"  {item['version']}  {item['since']}  {item['made_by'] or ''}  {changed}".rstrip())
    show(found, as_json=as_json, text="\n".join(lines))


@app.command("check")
def check(file: FileArgument, as_json: JsonOption = False) -> None:
    """Everything wrong with a description, each with its place; exit 65 when there is a fault. 检查定义"""
    from certificates.definitions.checks import problems_of

    found = problems_of(_text(file))
    faults = [problem for problem in found if problem.fault]
    text = "\n".join(map(_line, found)) or "no fault 无误"
    show({"errors": [problem.as_json() for problem in found], "usable": not faults}, as_json=as_json, text=text)
    if faults:
        raise typer.Exit(Exit.BAD_DATA)


@app.command("add")
def add(file: FileArgument, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Take a type in, or its next version, at once. 登记证照类型"""
    text = _checked(file)

    async def work(hub: "Hub") -> str:
        from hub.access.actors import COMMAND

        return (await hub.registry.typing.add(COMMAND, text)).code

    code = with_hub(home, work, writes=True)
    show({"added": [code]}, as_json=as_json, text=f"type {code}")


@app.command("propose")
def propose(file: FileArgument, reason: ReasonOption, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Propose a type, or its next version, for a second person to confirm. 提交复核"""
    from hub.registry.sharing import TYPE

    _propose(TYPE, {"definition": _checked(file)}, reason, home, as_json=as_json)


@app.command("retire")
def retire(
    code: CodeArgument,
    reason: ReasonOption,
    legal_basis: Annotated[str, typer.Option("--legal-basis", help="Legal basis 法律依据")],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Propose that nothing more is issued of a type; its licences stay what they are. 停止颁发"""
    from hub.registry.sharing import TYPE_END

    known = with_hub(home, lambda hub: _shown(hub, code))
    told = {"code": known["code"], "reason": reason, "legal_basis": legal_basis}
    _propose(TYPE_END, told, reason, home, as_json=as_json)


def _propose(action: str, payload: dict[str, Any], reason: str, home: Path | None, *, as_json: bool) -> None:
    async def work(hub: "Hub", actor: "Actor") -> "Proposal":
        return await hub.sharing.proposals.propose(actor, action, payload, reason)

    async def run(hub: "Hub") -> "Proposal":
        from hub.access.actors import COMMAND

        return await work(hub, COMMAND)

    made = with_hub(home, run, writes=True)
    told = "an operator, or an approver of the defining department, confirms it"
    show(made.as_json(), as_json=as_json, text=f"{made.id} {made.state} {made.action}: {told}")


async def _in_force(hub: "Hub") -> list[dict[str, Any]]:
    return [
        {"code": code, "slug": item.type.slug, "version": item.version, "name": _name(item.type.name)}
        for code, item in sorted(hub.types.current().items())
    ]


async def _shown(hub: "Hub", code: str) -> dict[str, Any]:
    from hub.storage.errors import MissingError

    try:
        return await hub.registry.typing.shown(code)
    except MissingError:
        fail(f"there is no type {code}", "`yizheng type list` shows them", Exit.BAD_DATA)


def _definition(code: str, version: int | None, home: Path | None) -> str:
    from certificates.definitions.loading import catalogue, catalogue_text
    from hub.storage.errors import MissingError

    async def work(hub: "Hub") -> str:
        try:
            return await hub.registry.typing.text_of(code, version)
        except MissingError:
            if code in catalogue() and version is None:
                return catalogue_text(code)
            fail(f"there is no type {code}", "`yizheng type list` and `yizheng type list --shipped`", Exit.BAD_DATA)

    return with_hub(home, work)


def _shipped() -> list[dict[str, Any]]:
    from certificates.definitions.loading import catalogue, catalogue_text, load_type

    types = [load_type(catalogue_text(slug)) for slug in catalogue()]
    return [{"code": item.code, "slug": item.slug, "name": _name(item.name), "kind": item.kind.value} for item in types]


def _name(name: Any) -> dict[str, str]:
    return {"zh": name.zh, "en": name.en}


def _checked(file: str) -> str:
    """The description, when it has no fault; all of them are told before a hub is opened."""
    from certificates.definitions.checks import problems_of

    text = _text(file)
    if faults := [problem for problem in problems_of(text) if problem.fault]:
        for problem in faults:
            print(_line(problem), file=sys.stderr)
        fail(f"{file} is no usable type", "correct what is named above; `yizheng type check` shows it", Exit.BAD_DATA)
    return text


def _line(problem: "TypeProblem") -> str:
    mark = "fault " if problem.fault else "advice"
    return f"{mark} /{problem.where}: {problem.text.zh}。{problem.text.en} ({problem.reason})"


def _text(file: str) -> str:
    from certificates.definitions.loading import catalogue, catalogue_text

    path = Path(file)
    if not path.exists() and file in catalogue():
        return catalogue_text(file)
    try:
        if path.stat().st_size > _MAX_BYTES:
            fail(f"{file} is larger than {_MAX_BYTES} bytes", "", Exit.BAD_DATA)
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        fail(
            f"{file} cannot be read as UTF-8 text",
            "`yizheng type list --shipped` names the types that ship",
            Exit.USAGE,
        )
