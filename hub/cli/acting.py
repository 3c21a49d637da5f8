"""Commands that act on the catalogue for a department: whoever runs them holds the hub's keys."""

import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar

import typer
import yaml

from hub.cli.common import Exit, fail, with_hub

if TYPE_CHECKING:
    from hub.access.actors import Actor
    from hub.runtime import Hub

T = TypeVar("T")
MAX_BYTES: Final = 4 * 1024 * 1024
_ADVICE: Final = {
    "trial: missing": "`yizheng interface try CODE --params FILE` must pass first, for this very definition",
    "quality: rows_fail": 'rows that do not fit reach nobody: correct them, or say why all the same: --confirm "…"',
    "quality: required_fields_fail": 'correct the data, or say why to publish all the same: --confirm "…"',
    "quality: no_rows": "run `yizheng interface quality` again, on rows",
    "/source: disabled": "`yizheng source enable CODE`",
    "/source: faulty_too_many": "put LIMIT 10000 into the listing",
    "/source: faulty_too_large": "list fewer rows",
}
FileArgument = Annotated[Path, typer.Argument(help="YAML or JSON; `-` reads standard input 定义文件")]
VersionOption = Annotated[int | None, typer.Option("--version", help="Default: the newest 版本，缺省为最新")]
ReasonOption = Annotated[str, typer.Option("--reason", help="Kept on the ledger 原因，记入账本")]


def acting(home: Path | None, work: Callable[["Hub", "Actor"], Awaitable[T]], *, writes: bool = True) -> T:
    """Do the work as the command line; a refusal of the registry becomes one line and what to do."""

    async def run(hub: "Hub") -> T:
        from hub.access.actors import COMMAND
        from hub.registry.errors import NoticeError, NotReadyError, RegistryError
        from hub.storage.errors import MissingError

        try:
            return await work(hub, COMMAND)
        except NotReadyError as error:
            for lack in error.lacks:
                print(f"yizheng: {lack.pointer}: {lack.rule}", file=sys.stderr)
            for advice in dict.fromkeys(advice_on(lack.pointer, lack.rule) for lack in error.lacks):
                if advice:
                    print(f"         {advice}", file=sys.stderr)
            raise typer.Exit(Exit.BAD_DATA) from None
        except NoticeError as error:
            fail(str(error), "name a later --ends-at; `yizheng interface withdraw` ends it at once", Exit.REFUSED)
        except RegistryError as error:
            fail(str(error), "`yizheng interface list` and `yizheng source list` show the states", Exit.REFUSED)
        except MissingError as error:
            fail(
                f"there is no such {error}",
                "`yizheng source list` and `yizheng interface list` show them",
                Exit.BAD_DATA,
            )

    return with_hub(home, run, writes=writes)


def advice_on(pointer: str, rule: str) -> str:
    """What to do about something missing, in words for the command line; empty where the place says enough."""
    known = _ADVICE.get(f"{pointer}: {rule}", "")
    if not known and pointer == "/source":
        return "`yizheng source probe CODE` says what is wrong with the source"
    return known


def read_document(file: Path) -> Any:
    """A YAML or JSON document of a file or of standard input."""
    try:
        if str(file) == "-":
            text = sys.stdin.read(MAX_BYTES + 1)
        elif file.stat().st_size > MAX_BYTES:
            text = " " * (MAX_BYTES + 1)
        else:
            text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        fail(f"{file} cannot be read as UTF-8 text", "", Exit.USAGE)
    if len(text) > MAX_BYTES:
        fail(f"{file} is larger than {MAX_BYTES} bytes", "", Exit.BAD_DATA)
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        fail(f"{file} is neither YAML nor JSON", "see docs/sources.md for examples", Exit.BAD_DATA)


def read_definitions(file: Path) -> list[dict[str, Any]]:
    """One definition, or a list of them."""
    loaded = read_document(file)
    definitions = loaded if isinstance(loaded, list) else [loaded]
    if not definitions or not all(isinstance(item, dict) for item in definitions):
        fail(f"{file} holds no definitions", "see docs/sources.md for examples", Exit.BAD_DATA)
    return definitions


def read_object(file: Path | None) -> dict[str, Any]:
    """An object of a file; an empty one without a file."""
    if file is None:
        return {}
    loaded = read_document(file)
    if not isinstance(loaded, dict):
        fail(f"{file} holds no object", "", Exit.BAD_DATA)
    return loaded
