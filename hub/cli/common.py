"""What every command shares: exit codes, opening the hub, showing errors with the next step."""

import asyncio
import gc
import json
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TypeVar

import typer

if TYPE_CHECKING:
    from hub.runtime import Hub
    from hub.settings import Settings

T = TypeVar("T")


class Exit(IntEnum):
    """Exit codes, stable. 0, 1 and 2 of `verify` and `ledger verify` are their verdicts, 3 is a witness's alone."""

    OK = 0
    FAILED = 1
    INDETERMINATE = 2
    FORKED = 3
    USAGE = 64
    BAD_DATA = 65
    UNAVAILABLE = 69
    REFUSED = 77


HomeOption = Annotated[Path | None, typer.Option("--home", envvar="YIZHENG_HOME", help="The hub's folder 数据目录")]
JsonOption = Annotated[bool, typer.Option("--json", help="Machine-readable output 机器可读输出")]


@contextmanager
def kept() -> Iterator[None]:
    """What is imported here stays to the end of the process, and no collection of garbage looks through it again.

    Two fifths of what a command took were such looking, and a server stood still for a tenth of a second whenever its
    turn came.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def settings_of(home: Path | None) -> "Settings":
    """Settings of the hub in `home`; a faulty one ends the command."""
    from pydantic import ValidationError

    from hub.settings import Settings

    try:
        return Settings.load(home)
    except ValidationError as error:
        names = ", ".join("YIZHENG_" + str(fault["loc"][0]).upper() for fault in error.errors() if fault["loc"])
        fail(
            f"a setting cannot be used: {names}",
            "docs/operator.md, “Settings”, has its form and default; lists take commas: 172.20.0.0/16,172.21.0.0/16",
            Exit.USAGE,
        )


def with_hub(
    home: Path | None, work: Callable[["Hub"], Awaitable[T]], *, writes: bool = False, started: bool = True
) -> T:
    """Open the hub, do the work, and when it wrote, see it under a signed checkpoint before the command ends.

    `started=False` looks into a hub that may refuse to start, and changes nothing.
    """
    with kept():
        from hub.runtime import look_into, open_hub

    settings = settings_of(home)
    if not (settings.home / "hub.json").exists():
        fail(f"there is no hub in {settings.home}", "run `yizheng init`, or name the folder with --home", Exit.USAGE)

    async def run() -> T:
        async with open_hub(settings) if started else look_into(settings) as hub:
            result = await work(hub)
            if writes:
                await hub.jobs.sweep()
                await hub.ledger.drain()
            return result

    return guarded(run)


def guarded(run: Callable[[], Awaitable[T]]) -> T:
    """Run; an error of ours becomes one line of what happened and one of what to do."""
    from catalog.errors import CatalogError
    from certificates.errors import CertificateError
    from hub.collection.errors import CollectionError
    from hub.ledger.errors import LedgerError
    from hub.logs import on_stderr
    from hub.storage.errors import ConflictError, StorageError
    from signing.errors import SigningError

    async def awaited() -> T:
        return await run()

    try:
        with on_stderr():
            return asyncio.run(awaited())
    except CollectionError as error:
        fail(str(error), getattr(error, "advice", "") or "check the command's file, type and mapping", Exit.BAD_DATA)
    except (CatalogError, CertificateError, SigningError) as error:
        fail(str(error), "correct the input and run the command again", Exit.BAD_DATA)
    except LedgerError as error:
        fail(str(error), "see docs/operator.md, “The ledger refuses”", Exit.REFUSED)
    except ConflictError as error:
        fail(str(error), "it exists already, or refers to something that does not; nothing was changed", Exit.BAD_DATA)
    except StorageError as error:
        fail(str(error), "check the database and the hub's folder; nothing was half written", Exit.UNAVAILABLE)


def fail(what: str, advice: str, code: Exit) -> NoReturn:
    """Say what happened and what to do, on stderr."""
    print(f"yizheng: {what}", file=sys.stderr)
    if advice:
        print(f"         {advice}", file=sys.stderr)
    raise typer.Exit(code)


def show(value: dict[str, Any], *, as_json: bool, text: str) -> None:
    """One JSON line, or text for people."""
    print(json.dumps(value, ensure_ascii=False) if as_json else text)
