"""`yizheng init`: make a hub."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hub.cli.common import Exit, HomeOption, JsonOption, fail, guarded, settings_of, show

if TYPE_CHECKING:
    from rich.progress import TaskID

    from hub.settings import Settings


def init(
    home: HomeOption = None,
    sample: Annotated[bool, typer.Option("--sample", help="Add the invented sample city 加入示例城市")] = False,
    public_url: Annotated[
        str | None, typer.Option("--public-url", help="Issuer and base of every URI; fixed from now on")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Make a hub: keys, certification authority, database, an empty log. 建立中枢"""
    from hub.founding import AlreadyFoundedError, found

    settings = settings_of(home)
    if public_url is not None:
        settings = settings.model_copy(update={"public_url": public_url.rstrip("/")})
    try:
        founded = guarded(lambda: found(settings))
    except AlreadyFoundedError:
        fail(
            f"{settings.home} or its database has a hub already",
            "use it, or name another --home and database",
            Exit.USAGE,
        )
    except OSError as error:
        fail(
            f"{settings.home} cannot be written: {error.strerror}",
            "name another --home, or mend its rights",
            Exit.USAGE,
        )
    sample_file: Path | None = None
    if sample:
        sample_file = guarded(lambda: _sample(settings, quiet=as_json))
    lines = [
        f"hub       {settings.home}",
        f"issuer    {settings.public_url}",
        f"root      SHA-256 {founded.root_fingerprint}",
        f"log key   {founded.log_verifier}",
    ]
    if sample_file:
        lines.append(f"sample    {sample_file}")
    lines.append("next      yizheng serve")
    value = {
        "home": str(settings.home),
        "public_url": settings.public_url,
        "root_fingerprint": founded.root_fingerprint,
        "log_verifier": founded.log_verifier,
        "sample": str(sample_file) if sample_file else None,
    }
    show(value, as_json=as_json, text="\n".join(lines))


async def _sample(settings: "Settings", *, quiet: bool) -> Path:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    from hub.runtime import open_hub
    from hub.sample.build import build_sample

    async with open_hub(settings) as hub:
        with Progress(
            TextColumn("{task.description:<24}"), BarColumn(), MofNCompleteColumn(), disable=quiet, transient=True
        ) as bar:
            tasks: dict[str, TaskID] = {}

            def advance(name: str, done: int, total: int) -> None:
                if name not in tasks:
                    tasks[name] = bar.add_task(name, total=total)
                bar.update(tasks[name], completed=done, total=total)

            path = await build_sample(hub, on_progress=advance)
        await hub.jobs.sweep()
        await hub.ledger.drain()
    return path
