"""`yizheng collect` with its parts: without the name of one it collects files, as ever."""

from datetime import datetime
from typing import Any, Final

from typer.core import TyperGroup

from hub.cli.common import Exit, fail

FILES: Final = "files"


class CollectGroup(TyperGroup):
    """A group whose first word need not name a command: a file called like one is written `./reconcile`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the name of the usual command before what is not another's."""
        if args and args[0] not in self.commands and args[0] != "--help":
            args = [FILES, *args]
        return super().parse_args(ctx, args)


def instant(text: str, option: str) -> datetime:
    """An instant out of an option; anything else ends the command."""
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        fail(f"{option} is not an RFC 3339 instant", "write it like 2026-11-22T08:00:00+08:00", Exit.USAGE)
    if parsed.tzinfo is None:
        fail(f"{option} has no time zone", "write it like 2026-11-22T08:00:00+08:00", Exit.USAGE)
    return parsed
