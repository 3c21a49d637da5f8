"""`yizheng source`: the systems of departments that hold records."""

import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from hub.cli.acting import FileArgument, ReasonOption, acting, read_definitions
from hub.cli.common import Exit, HomeOption, JsonOption, fail, show

if TYPE_CHECKING:
    from hub.access.actors import Actor
    from hub.exchange.agents.signs import AgentView
    from hub.registry.source_store import ProbeView
    from hub.registry.source_views import SourceView
    from hub.runtime import Hub

T = TypeVar("T")
app = typer.Typer(help="Sources 数据源", no_args_is_help=True)
Code = Annotated[str, typer.Argument(help="Code of the source 数据源代码")]


@app.command("add")
def add(file: FileArgument, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Register sources from a file. Secrets are set apart, with `source secret`. 登记数据源"""
    definitions = read_definitions(file)

    async def work(hub: "Hub", actor: "Actor") -> list["SourceView"]:
        return [
            await hub.sources.show(actor, code)
            for code in await _each(definitions, lambda item: hub.sources.add(actor, item))
        ]

    added = acting(home, work)
    lines = [line for item in added for line in (f"source {item.code}", *_next(item))]
    show({"added": [item.code for item in added]}, as_json=as_json, text="\n".join(lines))


@app.command("change")
def change(file: FileArgument, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Replace the definitions of sources; department and kind stay. 修改数据源"""
    definitions = read_definitions(file)
    versions = acting(home, lambda hub, actor: _each(definitions, lambda item: hub.sources.change(actor, item)))
    changed = [str(item.get("code")) for item in definitions]
    text = "\n".join(f"source {code}" for code in changed)
    show({"changed": changed, "row_versions": versions}, as_json=as_json, text=text)


@app.command("list")
def list_(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Every source with its state and last probe. 数据源列表"""
    found = acting(home, lambda hub, actor: hub.sources.list(actor), writes=False)
    lines = [f"{item.code}  {item.declared['kind']}  {item.state}  {_health(item.health)}" for item in found]
    show({"sources": [item.as_json() for item in found]}, as_json=as_json, text="\n".join(lines) or "no sources")


@app.command("show")
def show_(code: Code, home: HomeOption = None) -> None:
    """One source as JSON, and its agent if it has one. Of secrets only names and dates are told. 查看数据源"""
    found, agent = acting(home, lambda hub, actor: _with_agent(hub, actor, code), writes=False)
    show(found.as_json() | ({"agent": agent.as_json()} if agent else {}), as_json=True, text="")


@app.command("check")
def check(code: Code, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Reach a source now and say how it and its agent are and who must act; exit 1 without an answer. 检查数据源"""

    async def work(hub: "Hub", actor: "Actor") -> tuple["ProbeView", "SourceView", "AgentView | None"]:
        return await hub.sources.probe(actor, code), *(await _with_agent(hub, actor, code))

    probed, source, agent = acting(home, work)
    lines = _probe_lines(probed, source, agent)
    shown = source.as_json() | ({"agent": agent.as_json()} if agent else {})
    show(shown, as_json=as_json, text="\n".join([f"source {source.code}: {source.state}", *lines]))
    raise typer.Exit(Exit.OK if probed.ok else Exit.FAILED)


@app.command("secret")
def secret(
    code: Code,
    name: Annotated[str, typer.Argument(help="NAME of secret:NAME in the connection 密钥名")],
    file: Annotated[Path | None, typer.Option("--file", help="Read the value from a file 从文件读取")] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Set or replace a secret; it is asked for, or read from standard input or a file, and never shown. 设置密钥"""
    value = _value(file)

    async def work(hub: "Hub", actor: "Actor") -> "SourceView":
        await hub.sources.put_secret(actor, code, name, value)
        return await hub.sources.show(actor, code)

    referred = name in _referred(acting(home, work))
    text = f"secret {name} of {code} is set"
    if not referred:
        text += f"; nothing in the connection says secret:{name}, so it is not used"
    show({"source": code, "secret": name, "referred": referred}, as_json=as_json, text=text)


@app.command("probe")
def probe(code: Code, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Reach a source now; exit 1 when it does not answer. 探测数据源"""

    async def work(hub: "Hub", actor: "Actor") -> tuple["ProbeView", "SourceView"]:
        return await hub.sources.probe(actor, code), await hub.sources.show(actor, code)

    found, source = acting(home, work)
    lines = _probe_lines(found, source, None)
    show(found.as_json(), as_json=as_json, text="\n".join(lines))
    raise typer.Exit(Exit.OK if found.ok else Exit.FAILED)


@app.command("disable")
def disable(code: Code, reason: ReasonOption, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Stop asking a source at once. 停用数据源"""
    acting(home, lambda hub, actor: hub.sources.disable(actor, code, reason=reason))
    show({"source": code, "state": "disabled"}, as_json=as_json, text=f"source {code} disabled")


@app.command("enable")
def enable(code: Code, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Ask a disabled source again. 启用数据源"""
    acting(home, lambda hub, actor: hub.sources.enable(actor, code))
    show({"source": code, "state": "active"}, as_json=as_json, text=f"source {code} active")


def _value(file: Path | None) -> str:
    if file is not None:
        try:
            return file.read_text(encoding="utf-8").removesuffix("\n")
        except (OSError, UnicodeDecodeError):
            fail(f"{file} cannot be read as UTF-8 text", "", Exit.USAGE)
    if sys.stdin.isatty():
        return str(typer.prompt("Value 密钥值", hide_input=True, confirmation_prompt=True, err=True))
    return sys.stdin.read().removesuffix("\n")


async def _each(items: Sequence[dict[str, Any]], do: Callable[[dict[str, Any]], Awaitable[T]]) -> list[T]:
    return [await do(item) for item in items]


async def _with_agent(hub: "Hub", actor: "Actor", code: str) -> tuple["SourceView", "AgentView | None"]:
    """A source; and how its agent is, as the serving process tells."""
    source = await hub.sources.show(actor, code)
    return source, await hub.agents.view(actor, code) if source.declared["kind"] == "agent" else None


def _probe_lines(probed: "ProbeView", source: "SourceView", agent: "AgentView | None") -> list[str]:
    lines = [_health(probed)] if probed.ok else [_health(probed), *_next(source), *_why(probed.code)]
    if agent is None:
        return lines
    from hub.registry.meanings import agent_advice

    told = agent.as_json()
    there = {False: "cannot be told from here"}.get(told["known"], "connected" if told["present"] else "not connected")
    seen = f", last seen {told['last_seen']}, version {told['version']}" if told["last_seen"] else ""
    counts = (
        f"  in hand {told['in_flight']}, refused by it {told['refused_by_agent']}, by the hub {told['refused_by_hub']}"
        f"; to write back {told['deliveries_waiting']}, given up {told['deliveries_dead']}"
    )
    return [*lines, f"agent: {there}{seen}", counts, *(f"  {line}" for both in agent_advice(agent) for line in both)]


def _health(found: "ProbeView | None") -> str:
    if found is None:
        return "never probed"
    return f"answers in {found.milliseconds} ms" if found.ok else f"does not answer: {found.code}"


def _referred(source: "SourceView") -> frozenset[str]:
    from hub.registry.connections import secret_names

    return secret_names(source.declared.get("connection", {}))


def _next(source: "SourceView") -> list[str]:
    """What is left to do before it can be reached."""
    missing = [item.name for item in source.secrets if item.changed_at is None]
    return [f"  set its secret:  yizheng source secret {source.code} {name}" for name in missing]


def _why(code: str) -> list[str]:
    """Plain words, and who must act."""
    from hub.registry.meanings import failure

    (what_zh, what_en), (who_zh, who_en) = failure(code)
    return [f"  {what_zh}。{who_zh}", f"  {what_en}. {who_en}"]
