"""`yizheng system counter`: the one system of a department under which its clerks take cases."""

from typing import TYPE_CHECKING, Annotated

import typer

from hub.cli.common import Exit, HomeOption, JsonOption, fail, show, with_hub

if TYPE_CHECKING:
    from hub.runtime import Hub


def system_counter(
    client_id: Annotated[str | None, typer.Argument(help="A system that there is 已登记的应用系统")] = None,
    department: Annotated[str | None, typer.Option("--department", help="Or make one for this USCC 新建")] = None,
    name: Annotated[str, typer.Option("--name", help="Of the new one 名称")] = "受理台",
    end: Annotated[bool, typer.Option("--end", help="It is no counter any more 取消")] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a system its department's counter, or a new one; clerks act under its grants. 受理台"""
    if (client_id is None) is (department is None) or (end and client_id is None):
        fail("name a system, or --department for a new one", "yizheng system counter CLIENT_ID", Exit.USAGE)

    async def work(hub: "Hub") -> str:
        from hub.access.actors import COMMAND
        from hub.storage.errors import MissingError

        if client_id is None:
            return await hub.systems.make_counter(COMMAND, name, "Counter", department=department)
        try:
            await hub.systems.set_counter(COMMAND, client_id, counter=not end)
        except MissingError as error:
            fail(f"there is no such {error}", "register it with `yizheng system add`", Exit.BAD_DATA)
        return client_id

    made = with_hub(home, work, writes=True)
    said = f"{made} is {'no counter any more' if end else 'the counter of its department'}"
    show({"client_id": made, "counter": not end}, as_json=as_json, text=said)
