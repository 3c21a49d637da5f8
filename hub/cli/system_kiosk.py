"""`yizheng system kiosk`: self-service terminals, by the department in whose hall they stand."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.common import Exit, HomeOption, JsonOption, fail, show, with_hub

if TYPE_CHECKING:
    from hub.runtime import Hub


def system_kiosk(
    department: Annotated[str | None, typer.Option("--department", help="In whose hall, by USCC 部门")] = None,
    reader: Annotated[str | None, typer.Option("--reader", help="The kid of its card reader 读卡器")] = None,
    name: Annotated[str, typer.Option("--name", help="Where it stands 名称")] = "自助终端",
    end: Annotated[str | None, typer.Option("--end", help="The id of one to take out of use 停用")] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Register a terminal, and print the code that sets it up; end one; without either, list them. 自助终端"""
    if (department is None) is not (reader is None) or (end and department):
        fail(
            "--department with --reader, or --end ID", "yizheng system kiosk --department USCC --reader KID", Exit.USAGE
        )

    async def work(hub: "Hub") -> dict[str, Any]:
        from catalog.errors import DefinitionError
        from hub.access.actors import COMMAND
        from hub.storage.errors import MissingError

        try:
            if end is not None:
                await hub.kiosk.devices.end(COMMAND, end)
                return {"id": end, "state": "ended"}
            if department is not None and reader is not None:
                made, code = await hub.kiosk.devices.register(COMMAND, department, reader, name)
                return {"id": made, "state": "new", "code": code, "url": f"{hub.settings.public_url}/kiosk"}
            return {"kiosks": list(await hub.kiosk.devices.listed(COMMAND))}
        except (DefinitionError, MissingError) as error:
            fail(
                f"not done: {error}",
                "register its card reader first (yizheng system reader), and end the terminal that has it (--end ID)",
                Exit.BAD_DATA,
            )

    found = with_hub(home, work, writes=end is not None or department is not None)
    show(found, as_json=as_json, text=_said(found))


def _said(found: dict[str, Any]) -> str:
    if "kiosks" in found:
        lines = [f"{item['id']}  {item['state']:5}  {item['department']}  {item['name']}" for item in found["kiosks"]]
        return "\n".join(lines) or "no terminal is registered"
    if found["state"] == "ended":
        return f"{found['id']} is out of use"
    return f"{found['id']}: open {found['url']} on it and enter, within a day: {found['code']}"
