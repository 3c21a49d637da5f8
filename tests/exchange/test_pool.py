"""Opened sources: a change of one lets the questions under way end; a path is judged again when it is opened."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from adapters.errors import DefinitionFaultError, TimedOutError, UnreachableError
from adapters.guarded import Guarded
from adapters.port import Answer, Context
from catalog.interface_store import StoredInterface, find_version
from catalog.source_store import StoredSource, find_source
from hub.access.actors import COMMAND
from hub.exchange.pool import SourcePool
from hub.registry.errors import NotReadyError
from hub.runtime import Hub
from tests.exchange.conftest import INTERFACE, add_source, definition, publish, row
from tests.exchange.register import Register, serving
from tests.registry.department import CODE, interface, people, register, source
from tests.support import ENTERPRISE, Place

PARAMS = {"uscc": ENTERPRISE["id_number"]}


async def stored_source(hub: Hub, code: str = "register") -> StoredSource:
    found = await hub.database.read(lambda tx: find_source(tx, code))
    assert found is not None
    return found


async def stored_interface(hub: Hub, code: str = INTERFACE) -> StoredInterface:
    found = await hub.database.read(lambda tx: find_version(tx, code, 1))
    assert found is not None
    return found


async def changed(hub: Hub, town: Register, **limits: Any) -> StoredSource:
    """The source with another definition, opened."""
    stored = await stored_source(hub)
    await hub.sources.change(COMMAND, {**stored.declared, "contact": "新联系人", "limits": limits})
    return await stored_source(hub)


async def in_flight(hub: Hub, town: Register) -> "tuple[asyncio.Task[Answer], Guarded]":
    """A question that the register holds in hand, and the adapter it went through."""
    town.mood = "gated"
    stored, asked = await stored_source(hub), await stored_interface(hub)
    task = asyncio.create_task(hub.pool.ask(stored, asked, PARAMS, Context()))
    await asyncio.wait({task, asyncio.create_task(town.arrived.wait())}, return_when=asyncio.FIRST_COMPLETED)
    assert not task.done(), task
    opened = hub.pool.opened(stored.id)
    assert opened is not None
    return task, opened


async def ended(source: Guarded) -> None:
    """Until it was closed: then it answers nothing any more."""
    while not source._lifetime.closed:  # noqa: ASYNC110  # nothing else tells
        await asyncio.sleep(0.01)


@asynccontextmanager
async def asked_hub(place: Place, town: Register) -> AsyncIterator[Hub]:
    """A hub over the town's register, patient."""
    async with place.open(egress_networks=("127.0.0.0/8",)) as hub:
        await add_source(hub, town.port, limits={"total_seconds": 20, "read_seconds": 20, "retries": 0})
        await publish(hub, definition())
        yield hub


@pytest.fixture
async def town() -> AsyncIterator[Register]:
    async with serving(Register({ENTERPRISE["id_number"]: [row()]})) as made:
        yield made


@pytest.fixture
async def hub(place: Place, town: Register) -> AsyncIterator[Hub]:
    async with asked_hub(place, town) as opened:
        yield opened


async def test_a_question_under_way_is_answered_when_its_source_is_changed(hub: Hub, town: Register) -> None:
    question, former = await in_flight(hub, town)
    stored = await changed(hub, town, total_seconds=20)
    again = asyncio.create_task(hub.pool.ask(stored, await stored_interface(hub), PARAMS, Context()))
    while len(town.asked) < 2 and not again.done():  # noqa: ASYNC110  # the register tells only how often it was asked
        await asyncio.sleep(0.01)
    assert hub.pool.opened(stored.id) is not former
    assert not question.done()
    town.gate.set()
    assert (await question).rows == (await again).rows == [row()]
    await asyncio.wait_for(ended(former), 10)


async def test_one_that_never_ends_is_bounded_by_its_budget(hub: Hub, town: Register) -> None:
    await changed(hub, town, total_seconds=0.5, read_seconds=20, retries=0)
    question, former = await in_flight(hub, town)
    await hub.pool.source(await changed(hub, town, total_seconds=20))
    with pytest.raises(TimedOutError):
        await question
    await asyncio.wait_for(ended(former), 10)


async def test_the_end_of_the_hub_waits_for_nobody(place: Place, town: Register) -> None:
    async with asked_hub(place, town) as hub:
        question, former = await in_flight(hub, town)
        await hub.pool.source(await changed(hub, town, total_seconds=20))
    with pytest.raises(UnreachableError) as caught:
        await question
    assert caught.value.reason == "closed"
    assert former._lifetime.closed


def private_register(folder: Path) -> Path:
    """Another database of the machine, which no department may read."""
    path = folder / "register.sqlite3"
    with sqlite3.connect(path) as store:
        store.execute("CREATE TABLE enterprises (secret TEXT)")
    return path


async def opens(hub: Hub, code: str) -> str:
    """How a fresh process opens the source: empty when it does, else the place and the rule."""
    pool = SourcePool(
        hub.database, vault=hub.vault, clock=hub.clock, egress_networks=(), folders=hub.settings.source_folders
    )
    try:
        await pool.source(await stored_source(hub, code))
    except DefinitionFaultError as error:
        return f"{error.pointer}: {error.rule}"
    finally:
        await pool.close()
    return ""


async def test_a_link_put_in_the_place_of_a_registered_path_is_refused(place: Place, tmp_path: Path) -> None:
    opened, closed = tmp_path / "exports", tmp_path / "private"
    for folder in (opened, closed, opened / "drop", closed / "drop"):
        folder.mkdir()
    path = register(opened)
    private_register(closed)
    async with place.open(source_folders=(opened,)) as hub:
        engineer = (await people(hub)).engineer
        await hub.sources.add(engineer, source(path))
        files = {"folder": str(opened / "drop"), "glob": "*.csv", "format": "csv", "index_dir": str(opened / "index")}
        await hub.sources.add(engineer, source(path, code="amr-files", kind="files", connection=files))
        database, drop = source(path)["code"], "amr-files"
        assert [await opens(hub, database), await opens(hub, drop)] == ["", ""]
        path.unlink()
        path.symlink_to(closed / "register.sqlite3")
        (opened / "drop").rename(opened / "away")
        (opened / "drop").symlink_to(closed / "drop")
        assert await opens(hub, database) == "/database: link"
        assert await opens(hub, drop) == "/folder: link"
        (opened / "drop").unlink()
        (opened / "drop").symlink_to(opened / "away")
        assert await opens(hub, drop) == ""
        (opened / "index").rmdir()
        (opened / "index").symlink_to(closed)
        assert await opens(hub, drop) == "/index_dir: link"


async def test_a_link_swapped_after_registration_answers_no_question(place: Place, tmp_path: Path) -> None:
    """The whole way: the owner is told, and nothing of the other file is read."""
    opened, closed = tmp_path / "exports", tmp_path / "private"
    opened.mkdir()
    closed.mkdir()
    path = register(opened)
    private_register(closed)
    async with place.open(source_folders=(opened,)) as hub:
        engineer = (await people(hub)).engineer
        await hub.sources.add(engineer, source(path))
        await hub.interfaces.draft(engineer, interface())
        path.unlink()
        path.symlink_to(closed / "register.sqlite3")
        probe = await hub.sources.probe(engineer, source(path)["code"])
        assert (probe.ok, probe.code) == (False, "definition")
        with pytest.raises(NotReadyError, match="link"):
            await hub.trials.try_out(engineer, CODE, params=PARAMS)
