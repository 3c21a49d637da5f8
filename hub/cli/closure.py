"""`yizheng closure`: planned work, announced beforehand on every page."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.common import Exit, HomeOption, JsonOption, fail, show, with_hub

if TYPE_CHECKING:
    from hub.runtime import Hub

_WHEN = "as 2026-12-01T22:00+08:00"


def closure(
    begins: Annotated[str | None, typer.Option("--from", help=f"When it begins, {_WHEN} 开始")] = None,
    until: Annotated[str | None, typer.Option("--until", help="When it ends; three days at most 结束")] = None,
    zh: Annotated[str, typer.Option("--note", help="Why, for the pages in Chinese 说明")] = "",
    en: Annotated[str, typer.Option("--note-en", help="The same in English 英文说明")] = "",
    cancel: Annotated[bool, typer.Option("--cancel", help="Open again, or do not close at all 取消")] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Announce a window in which the hub is closed, or cancel it; without either, say what is announced. 计划停机"""
    if (begins is None) is not (until is None) or (cancel and begins):
        fail("--from with --until, or --cancel", f"yizheng closure --from {_WHEN[3:]} --until …", Exit.USAGE)

    async def work(hub: "Hub") -> dict[str, Any]:
        from catalog.errors import DefinitionError
        from hub.access.actors import COMMAND
        from hub.clock import rfc3339
        from hub.storage.errors import MissingError

        try:
            if cancel:
                await hub.closures.cancel(COMMAND)
            elif begins and until:
                window = datetime.fromisoformat(begins), datetime.fromisoformat(until)
                await hub.closures.announce(COMMAND, *window, zh, en)
        except (DefinitionError, MissingError, ValueError) as error:
            fail(f"not done: {error}", f"instants are written {_WHEN}, the end behind the beginning", Exit.BAD_DATA)
        await hub.closures.load()
        found = hub.closures.known()
        if found is None:
            return {"closure": None}
        return {"closure": {"begins_at": rfc3339(found.begins), "ends_at": rfc3339(found.ends), "note": found.zh}}

    found = with_hub(home, work, writes=cancel or begins is not None)
    window = found["closure"]
    text = f"closed from {_here(window['begins_at'])} until {_here(window['ends_at'])}" if window else ""
    show(found, as_json=as_json, text=text or "no closure is announced")


def _here(instant: str) -> str:
    """As it was typed: in the city's zone."""
    from hub.clock import BEIJING

    return datetime.fromisoformat(instant).astimezone(BEIJING).isoformat(timespec="seconds")
