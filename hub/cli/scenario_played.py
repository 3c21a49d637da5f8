"""What `yizheng scenario run` does: a hub, embedded or on real parts, with the packs in it, and every case played."""

import logging
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import structlog
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
from rich.progress import Progress as Bars
from sqlalchemy.exc import OperationalError

from hub.cli.common import Exit, fail, settings_of
from hub.founding import found
from hub.runtime import open_hub
from hub.scenarios.enterprises import Register, collect_register
from hub.scenarios.lines import PackRun
from hub.scenarios.loading import Loaded, Progress, load
from hub.scenarios.pack import PackError
from hub.scenarios.places import Embedded
from hub.scenarios.real.places import Real
from hub.scenarios.real.places import real as real_places
from hub.scenarios.running import run as play
from hub.scenarios.values import Pack
from hub.settings import Settings

SERVERS: Final = ("YIZHENG_SCENARIO_POSTGRESQL", "YIZHENG_SCENARIO_MARIADB")
"""Where the servers of sources are: addresses with a password, so not arguments that everybody on the machine sees."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is wanted besides the packs."""

    home: Path
    without: str | None
    real: bool
    enterprises: Path | None
    first: int
    quiet: bool


@dataclass(frozen=True, slots=True)
class Played:
    """By pack: as it is, and once more without a type or source where one is named.

    Attributes:
        real: how many sources stood in each kind of server; empty: embedded.
        companies: the usual case of each company of a register.
    """

    packs: Sequence[Sequence[PackRun]]
    real: Mapping[str, int] = field(default_factory=dict)
    register: Register | None = None
    companies: PackRun | None = None


async def played(packs: Sequence[Pack], wish: Wish) -> Played:
    """Found a hub, load the packs and play them. Raises: as the services say."""
    with _places(wish) as places, _told(quiet=wish.quiet) as advance:
        settings = _settings(wish, places)
        advance("founding 建立中枢", 0, 1)
        try:
            await found(settings)
        except OperationalError as error:
            fail(f"the database refuses: {error.orig}", "YIZHENG_DATABASE_URL is an empty database", Exit.UNAVAILABLE)
        advance("founding 建立中枢", 1, 1)
        async with open_hub(settings) as hub, places.reached() if places else nullcontext():
            folder, taken = wish.home / "scenario", places or Embedded()
            try:
                loaded = await load(hub, packs, folder, on_progress=advance, places=taken)
                withheld = _withheld(loaded, wish.without)
                runs = []
                for item in loaded.values():
                    runs.append([await play(hub, item, on_progress=advance)])
                    if withheld:
                        runs[-1].append(await play(hub, item, on_progress=advance, withheld=withheld))
                register, companies = None, None
                if wish.enterprises is not None:
                    (only,) = loaded.values()
                    reports = folder / "enterprises"
                    register = await collect_register(hub, only, wish.enterprises, reports, first=wish.first)
                    companies = await play(hub, register.loaded, on_progress=advance)
            except PackError as error:
                fail(str(error), "docs/scenarios.md has the form of a pack", Exit.BAD_DATA)
            except ValueError as error:
                fail(f"a case cannot be played: {error}", "correct the pack's cases or its list before", Exit.BAD_DATA)
            except OSError as error:
                fail(str(error), "a file cannot be read, or a server does not answer", Exit.UNAVAILABLE)
            await hub.ledger.drain()
    return Played(runs, dict(places.kinds) if places else {}, register, companies)


def _withheld(loaded: Mapping[str, Loaded], without: str | None) -> tuple[str, ...]:
    if without is None:
        return ()
    (only,) = loaded.values()
    try:
        return only.given_by(without)
    except KeyError:
        advice = ", ".join([*only.grants, *only.tables])
        fail(f"{only.pack.name} has no type or source {without}", f"one of: {advice}", Exit.USAGE)


def _settings(wish: Wish, places: Real | None) -> Settings:
    usual = settings_of(wish.home).model_copy(update={"home": wish.home})
    if places is None:
        return usual.model_copy(update={"database_url": None, "redis_url": None, "objects_url": None})
    missing = [name for name in ("database_url", "redis_url", "objects_url") if getattr(usual, name) is None]
    if missing:
        names = ", ".join(f"YIZHENG_{name.upper()}" for name in missing)
        fail(f"--real wants {names}", "an empty database and an empty bucket: a hub is founded in them", Exit.USAGE)
    return usual.model_copy(update={"egress_networks": (*usual.egress_networks, *places.networks())})


@contextmanager
def _places(wish: Wish) -> Iterator[Real | None]:
    if not wish.real:
        yield None
        return
    given = [os.environ.get(name, "") for name in SERVERS]
    if not all(given):
        fail(
            f"--real wants {' and '.join(SERVERS)}",
            "servers on which databases may be made",
            Exit.USAGE,
        )
    with real_places(postgresql=given[0], mariadb=given[1]) as places:
        yield places


@contextmanager
def _told(*, quiet: bool) -> Iterator[Progress]:
    """Progress on standard error. A source that fails is logged there too: standard output is the result."""
    columns = (TextColumn("{task.description:<44}"), BarColumn(), MofNCompleteColumn())
    bars = Bars(*columns, console=Console(stderr=True), disable=quiet, transient=True)
    tasks: dict[str, Any] = {}

    def advance(step: str, done: int, total: int) -> None:
        if step not in tasks:
            tasks[step] = bars.add_task(step, total=total)
        bars.update(tasks[step], completed=done, total=total)

    with redirect_stdout(sys.stderr), _only_warnings(), bars:
        yield advance


@contextmanager
def _only_warnings() -> Iterator[None]:
    """Agents that dial this process would fill the terminal with their calls."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    try:
        yield
    finally:
        structlog.configure(**before)
