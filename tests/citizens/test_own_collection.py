"""Having one's own licences collected: each department that may be asked, once an hour."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert

from catalog.tables import table
from certificates.lifecycle.states import Operation
from hub.access.actors import COMMAND
from hub.citizens.dossier.tables import OwnCollectionFeedRow
from hub.citizens.errors import HolderSignInNeededError
from hub.collection.by_holder import Outcome
from hub.collection.feeds.reading import FeedReader, Page
from hub.issuing.files import identifiers_of
from hub.runtime import Hub
from tests.citizens.conftest import Watch, erased, signed_in
from tests.citizens.dossiers import HERE, PERMIT_CODE, arrive, of_kind
from tests.hub.city import (
    PERMITS,
    PERSON,
    STRANGER,
    change_status,
    grow,
    ledger,
)
from tests.hub.desk import text_of
from tests.registry.department import source
from tests.support import Place


def _register(folder: Path, *rows: tuple[str, str, str]) -> Path:
    folder.mkdir()
    path = folder / "permits.sqlite3"
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE permits (number TEXT, name TEXT, until TEXT)")
        database.executemany("INSERT INTO permits VALUES (?, ?, ?)", rows)
        database.commit()
    return path


async def _feed(hub: Hub, path: Path, code: str, **changes: Any) -> None:
    registered = source(path) | {"code": f"{code}-db", "department": PERMITS}
    await hub.sources.add(COMMAND, registered)
    statement = "SELECT number, name, until, 'x' AS remark FROM permits"
    columns = {"number": "citizen_id", "name": "name", "until": "valid_until", "remark": "remark"}
    await hub.collection.feeds.declare(
        COMMAND,
        {
            "code": code,
            "source": f"{code}-db",
            "issuer": PERMITS,
            "type": "residence_permit",
            "operation": {"statement": f"{statement} WHERE number > :after ORDER BY number LIMIT :size"},
            "by_holder": {"statement": f"{statement} WHERE number = :id_number"},
            "mapping": {"version": 1, "columns": {name: {"claim": claim} for name, claim in columns.items()}},
            "size": 10,
        }
        | changes,
    )


async def test_a_holder_has_his_own_collected_once_an_hour_and_hears_what_came_of_each_department(
    place: Place, hub: Hub, watch: Watch, tmp_path: Path
) -> None:
    async with place.client(hub) as client:
        await grow(place, hub, client)
        token = await arrive(client, hub)
        mine = (PERSON["id_number"], PERSON["name"], "2035-06-30")
        path = _register(tmp_path / "register", mine, (STRANGER["id_number"], "别人", "2035-06-30"))
        await _feed(hub, path, "permits")
        gone = _register(tmp_path / "gone", mine)
        await _feed(hub, gone, "permits-away", full=None)
        gone.unlink()
        await _feed(hub, path, "permits-closed", by_holder=None)

        found = (await client.get("/api/v1/me/collection")).json()
        assert [item["type"] for item in found["missing"]] == [PERMIT_CODE]
        assert found["last"] is None
        assert (await client.post("/api/v1/me/collection", headers=HERE)).status_code == 403
        before = await ledger(hub)
        asked = await client.post("/api/v1/me/collection", headers=token)
        assert asked.status_code == 202
        (entry,) = [item for item in await ledger(hub, since=before) if item.kind == "collection.own"]
        assert entry.detail["feeds"] == ["permits", "permits-away"], "what may not be asked about one person is not"
        again = await client.post("/api/v1/me/collection", headers=token)
        assert again.status_code == 429
        assert 0 < int(again.headers["retry-after"]) <= 3600

        assert 'http-equiv="refresh"' in (await client.get("/me/licences/collect")).text
        watch.ahead += timedelta(minutes=11)  # nobody runs jobs
        stuck = await client.get("/me/licences/collect")
        assert ('http-equiv="refresh"' in stuck.text, "起可以再归集一次" in text_of(stuck)) == (False, True)

        await hub.jobs.sweep()
        last = (await client.get("/api/v1/me/collection")).json()["last"]
        assert sorted(item["outcome"] for item in last["sources"]) == [Outcome.ISSUED, Outcome.SOURCE_UNAVAILABLE]
        assert last["again_at"] is not None
        assert (await client.get("/api/v1/me/collection")).json()["missing"] == []
        await of_kind(hub, "residence_permit")
        page = text_of(await client.get("/me/licences/collect"))
        for words in ("归集到证照", "部门系统暂时不通", "自动再试", "一小时内只能归集一次"):
            assert words in page

        for _ in range(2):
            watch.ahead += timedelta(minutes=11)
            await hub.jobs.sweep()
        await arrive(client, hub)
        last = (await client.get("/api/v1/me/collection")).json()["last"]
        assert (last["again_at"], last["ended_at"] is None) == (None, False)
        shown = await client.get("/me/licences/collect")
        assert "起可以再试" in text_of(shown)
        watch.ahead += timedelta(hours=1)
        await change_status(hub, PERSON, PERMIT_CODE, Operation.REVOKE)
        token = await arrive(client, hub)
        missing = (await client.get("/api/v1/me/collection")).json()["missing"]
        assert [item["type"] for item in missing] == [PERMIT_CODE], "one that was revoked is none"
        form = {"csrf": token["X-CSRF-Token"]}
        assert (await client.post("/me/licences/collect", data=form, headers=HERE)).status_code == 303
        await hub.jobs.sweep()
        assert "没有变化" in text_of(await client.get("/me/licences/collect"))


async def test_of_somebody_who_was_erased_meanwhile_no_source_hears(place: Place, hub: Hub, tmp_path: Path) -> None:
    async with place.client(hub) as client:
        await grow(place, hub, client)
        holder = await signed_in(hub)
        path = _register(tmp_path / "register", (PERSON["id_number"], PERSON["name"], "2035-06-30"))
        await _feed(hub, path, "permits")
        asking = [hub.dossier.fetching.ask(holder.id, holder.identity, by=holder.as_json()) for _ in range(2)]
        both = await asyncio.gather(*asking, return_exceptions=True)
        assert sorted(type(each).__name__ for each in both) == ["Asked", "RateLimitedError"], "two at once are one"
        await erased(hub)
        before = await identifiers_of(hub, PERSON["id_type"], PERSON["id_number"])
        await hub.jobs.sweep()
        assert await identifiers_of(hub, PERSON["id_type"], PERSON["id_number"]) == before
        assert await hub.dossier.fetching.last(holder.id) is None, "nor is it kept which departments know him"
        with pytest.raises(HolderSignInNeededError):
            await hub.dossier.fetching.ask(holder.id, holder.identity, by=holder.as_json())


@pytest.mark.embedded
async def test_the_answer_of_a_slow_source_does_not_bring_back_who_was_erased_meanwhile(
    place: Place, hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = FeedReader.pages

    async def slow(reader: FeedReader, *given: Any, **named: Any) -> AsyncIterator[Page]:
        async for page in read(reader, *given, **named):
            await erased(hub)
            yield page

    async with place.client(hub) as client:
        await grow(place, hub, client)
        holder = await signed_in(hub)
        path = _register(tmp_path / "register", (PERSON["id_number"], PERSON["name"], "2035-06-30"))
        await _feed(hub, path, "permits")
        await hub.dossier.fetching.ask(holder.id, holder.identity, by=holder.as_json())
        monkeypatch.setattr(FeedReader, "pages", slow)
        await hub.jobs.sweep()
        assert await hub.dossier.fetching.last(holder.id) is None, "he was erased in the middle of it"
        assert await identifiers_of(hub, PERSON["id_type"], PERSON["id_number"]) == []


@pytest.mark.embedded
async def test_a_source_that_sql_put_beside_those_on_the_ledger_is_not_asked(
    place: Place, hub: Hub, tmp_path: Path
) -> None:
    async with place.client(hub) as client:
        await grow(place, hub, client)
        holder = await signed_in(hub)
        asked = await hub.dossier.fetching.ask(holder.id, holder.identity, by=holder.as_json())
        path = _register(tmp_path / "register", (PERSON["id_number"], PERSON["name"], "2035-06-30"))
        await _feed(hub, path, "permits")
        row = {"collection_id": asked.id, "feed": "permits", "type_code": PERMIT_CODE, "issuer_code": PERMITS}
        forged = insert(table(OwnCollectionFeedRow)).values(**row, outcome="")
        await hub.database.write(lambda tx: tx.execute(forged))
        before = await identifiers_of(hub, PERSON["id_type"], PERSON["id_number"])
        await hub.jobs.sweep()
        assert await identifiers_of(hub, PERSON["id_type"], PERSON["id_number"]) == before
