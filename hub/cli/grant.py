"""`yizheng grant`: access asked for and decided, and the grants themselves.

Whoever runs these commands holds the hub's keys: he acts for asker and owner alike (docs/decisions/0018).
"""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from hub.cli.acting import FileArgument, read_definitions, read_object
from hub.cli.common import Exit, HomeOption, JsonOption, fail, show, with_hub

if TYPE_CHECKING:
    from hub.access.actors import Actor
    from hub.runtime import Hub

app = typer.Typer(help="Grants 共享授权", no_args_is_help=True)
IdArgument = Annotated[str, typer.Argument(help="Id of the request or grant 申请或授权编号")]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why; the other side reads it 理由")]
_ADVICE: Final = "`yizheng grant show ID` tells where it stands"


@app.command("add")
def add(file: FileArgument, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Write grants from a file, as the owner. 直接登记授权"""
    definitions = read_definitions(file)

    async def each(hub: "Hub", _actor: "Actor") -> list[str]:
        return [await hub.registry.add_grant(definition) for definition in definitions]

    added = _acting(home, each)
    show({"added": added}, as_json=as_json, text="\n".join(f"grant {item}" for item in added))


def _changer(state: str) -> Callable[..., None]:
    def change(
        grant_id: IdArgument,
        reason: ReasonOption = "command line",
        home: HomeOption = None,
        as_json: JsonOption = False,
    ) -> None:
        from catalog.grants import GrantState

        identifier(grant_id)
        _acting(home, lambda hub, actor: hub.registry.grants.change_by(actor, grant_id, GrantState(state), reason))
        show({"id": grant_id, "state": state}, as_json=as_json, text=f"grant {grant_id} {state}")

    return change


for _verb, _state in (("suspend", "suspended"), ("resume", "live"), ("withdraw", "withdrawn")):
    app.command(_verb, help=f"Put a grant into the state `{_state}`, at once and everywhere.")(_changer(_state))


@app.command("list")
def list_grants(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """The newest grants. 授权清单"""
    found = _acting(home, lambda hub, actor: hub.registry.grants.list(actor), writes=False)
    lines = [f"{item.id} {item.state} {item.system} {item.grant.resource} {item.grant.purpose}" for item in found]
    show({"grants": [item.as_json() for item in found]}, as_json=as_json, text="\n".join(lines) or "none")


@app.command("show")
def show_one(object_id: IdArgument, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """A request with its history, or a grant. 查询"""
    identifier(object_id)

    async def either(hub: "Hub", actor: "Actor") -> dict[str, Any]:
        from hub.storage.errors import MissingError

        try:
            return (await hub.sharing.requests.get(actor, object_id)).as_json()
        except MissingError:
            return (await hub.registry.grants.get(actor, object_id)).as_json()

    found = _acting(home, either, writes=False)
    show(found, as_json=as_json, text=_lines(found))


@app.command("request")
def request(
    file: FileArgument,
    check: Annotated[bool, typer.Option("--check", help="Name the faults, store nothing 只预检")] = False,
    supply: Annotated[str | None, typer.Option("--supply", metavar="ID", help="Answer the owner 补充材料")] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask for access, or supply what the owner asked for. 申请授权"""
    definition = _one(read_definitions(file))
    if check:
        faults = _acting(home, lambda hub, actor: hub.sharing.requests.check(actor, definition), writes=False)
        text = "\n".join(f"{fault.pointer or '/'} {fault.zh} {fault.en}" for fault in faults)
        show({"errors": [fault.as_json() for fault in faults]}, as_json=as_json, text=text or "complete")
        raise typer.Exit(Exit.BAD_DATA if faults else Exit.OK)
    if supply is not None:
        identifier(supply)

    async def work(hub: "Hub", actor: "Actor") -> Any:
        requests = hub.sharing.requests
        return await (requests.supply(actor, supply, definition) if supply else requests.file(actor, definition))

    _print(_acting(home, work), as_json=as_json)


@app.command("requests")
def requests(
    state: Annotated[str | None, typer.Option("--state", help="submitted, more_asked, granted, refused …")] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Requests, soonest due first. 申请清单"""
    found = _acting(home, lambda hub, actor: hub.sharing.requests.list(actor, state=state), writes=False)
    _print_all(found, as_json=as_json)


@app.command("overdue")
def overdue(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Requests whose answer is late, of the whole city. 逾期未答复"""
    found = _acting(home, lambda hub, actor: hub.sharing.requests.list(actor, overdue=True), writes=False)
    _print_all(found, as_json=as_json)


@app.command("decide")
def decide(
    request_id: IdArgument,
    what: Annotated[str, typer.Argument(help="approve, refuse, ask-more, extend, withdraw")],
    file: Annotated[Path | None, typer.Option("--file", help="What is agreed to, when narrowed 核减决定")] = None,
    reason: ReasonOption = "",
    legal_basis: Annotated[str, typer.Option("--legal-basis", help="Of a refusal 不予共享的依据")] = "",
    approval: Annotated[str, typer.Option("--approval", help="Of an extension: who agreed 延期的批准")] = "",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Answer a request: in whole, in part, not, later. 办理申请"""
    identifier(request_id)
    given = read_object(file)

    async def work(hub: "Hub", actor: "Actor") -> Any:
        from hub.registry.requests.decision import read_approval

        requests = hub.sharing.requests
        steps: dict[str, Callable[[], Awaitable[Any]]] = {
            "approve": lambda: requests.approve(actor, request_id, read_approval(given)),
            "refuse": lambda: requests.refuse(actor, request_id, reason, legal_basis),
            "ask-more": lambda: requests.ask_more(actor, request_id, reason),
            "extend": lambda: requests.extend(actor, request_id, reason, approval),
            "withdraw": lambda: requests.withdraw(actor, request_id, reason),
        }
        if what not in steps:
            fail(f"{what} is no decision", f"one of {', '.join(steps)}", Exit.USAGE)
        return await steps[what]()

    _print(_acting(home, work), as_json=as_json)


@app.command("dispute")
def dispute(
    request_id: IdArgument,
    what: Annotated[str, typer.Argument(help="open, settle, escalate; two operators decide: `yizheng proposal`")],
    reason: ReasonOption = "",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Dispute an answer, settle it, or put it one rung higher. 争议"""
    identifier(request_id)

    async def work(hub: "Hub", actor: "Actor") -> Any:
        moves = {
            "open": hub.sharing.disputes.open,
            "settle": hub.sharing.disputes.settle,
            "escalate": hub.sharing.disputes.escalate,
        }
        if what not in moves:
            fail(f"{what} is no move", "open, settle or escalate", Exit.USAGE)
        return await moves[what](actor, request_id, reason)

    found = _acting(home, work)
    show(found.as_json(), as_json=as_json, text=_lines(found.as_json()))


def _acting(home: Path | None, work: Callable[["Hub", "Actor"], Awaitable[Any]], *, writes: bool = True) -> Any:
    from hub.cli.sharing_errors import told

    async def run(hub: "Hub") -> Any:
        from hub.access.actors import COMMAND

        return await told(lambda: work(hub, COMMAND), _ADVICE)

    return with_hub(home, run, writes=writes)


def _one(definitions: list[dict[str, Any]]) -> dict[str, Any]:
    if len(definitions) != 1:
        fail("one request a file", "see docs/intake-developer.md", Exit.BAD_DATA)
    return definitions[0]


def identifier(value: str) -> None:
    """End the command unless this can be an id: a database would answer anything else with an error."""
    import uuid

    try:
        uuid.UUID(value)
    except ValueError:
        fail("that is not an id", "`yizheng grant requests` and `yizheng grant list` show them", Exit.USAGE)


def _print(found: Any, *, as_json: bool) -> None:
    show(found.as_json(), as_json=as_json, text=_line(found.as_json()))


def _print_all(found: Any, *, as_json: bool) -> None:
    shown = [item.as_json() for item in found]
    show({"grant_requests": shown}, as_json=as_json, text="\n".join(_line(item) for item in shown) or "none")


def _line(item: dict[str, Any]) -> str:
    left = item["remaining_working_days"]
    due = "" if left is None else f" ({'overdue' if item['overdue'] else f'{left} working days left'})"
    grant = f" grant {item['grant_id']}" if item["grant_id"] else ""
    return f"{item['id']} {item['state']}{due} {item['system']} {item['resource']}{grant}"


def _lines(found: dict[str, Any]) -> str:
    import yaml

    said = {name: value for name, value in found.items() if value not in (None, [], {})}
    return str(yaml.safe_dump(said, allow_unicode=True, sort_keys=False, width=120)).rstrip()
