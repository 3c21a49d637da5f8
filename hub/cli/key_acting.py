"""What every command about keys shares."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from hub.cli.common import Exit, fail, with_hub

if TYPE_CHECKING:
    from hub.access.actors import Actor
    from hub.runtime import Hub

T = TypeVar("T")
KidArgument = Annotated[str, typer.Argument(help="Key id, as in `yizheng key list` 密钥编号")]


def acting(home: Path | None, work: Callable[["Hub", "Actor"], Awaitable[T]], *, writes: bool = True) -> T:
    """Do the work as the command line; what a key will not do becomes one line and what to do."""

    async def run(hub: "Hub") -> T:
        from hub.access.actors import COMMAND
        from hub.issuing.keys.errors import SigningKeyError
        from hub.storage.errors import MissingError, SignerUnavailableError

        try:
            return await work(hub, COMMAND)
        except SigningKeyError as error:
            fail(
                str(error), "`yizheng key list` shows what there is; docs/keys.md says what follows what", Exit.REFUSED
            )
        except SignerUnavailableError as error:
            fail(str(error), "docs/keys.md, “Where keys are”", Exit.UNAVAILABLE)
        except MissingError as error:
            fail(f"there is no such {error}", "`yizheng key list` shows the keys", Exit.BAD_DATA)

    return with_hub(home, run, writes=writes)
