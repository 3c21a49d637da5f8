"""`yizheng system gateway`: the provincial gateway's dialect for one system, off until the operator gives it a key."""

from typing import TYPE_CHECKING, Annotated

import typer

from hub.cli.common import Exit, HomeOption, JsonOption, fail, show, with_hub

if TYPE_CHECKING:
    from hub.runtime import Hub


def system_gateway(
    client_id: Annotated[str, typer.Argument(help="The system's client_id 系统标识")],
    end: Annotated[bool, typer.Option("--end", help="Take its keys back, at once 收回密钥")] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give a system appKey and appSecret, shown this once; or `--end` the dialect for it. 省级网关兼容密钥"""

    async def work(hub: "Hub") -> tuple[str, str] | None:
        from hub.access.actors import COMMAND
        from hub.storage.errors import MissingError

        try:
            if not end:
                return await hub.exchange.gateway.enable(COMMAND, client_id)
            await hub.exchange.gateway.disable(COMMAND, client_id)
        except MissingError as error:
            fail(f"there is no such {error}", "register it with `yizheng system add`", Exit.BAD_DATA)
        return None

    made = with_hub(home, work, writes=True)
    if made is None:
        show({"client_id": client_id, "gateway": False}, as_json=as_json, text=f"system {client_id} gateway ended")
        return
    app_key, app_secret = made
    value = {"client_id": client_id, "gateway": True, "app_key": app_key, "app_secret": app_secret}
    show(value, as_json=as_json, text=f"appKey     {app_key}\nappSecret  {app_secret}  (shown this once)")
