"""Feeds from every kind of source: each lists a register whole, page by page; pushed batches are changes."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from sqlalchemy import select, text

from adapters.errors import DefinitionFaultError, FaultyAnswerError
from adapters.files import instant
from adapters.guarded import Guarded
from adapters.port import Answer, Budget
from catalog.errors import DefinitionError
from catalog.sources import Limits
from catalog.tables import table
from hub.access.actors import COMMAND
from hub.collection.feeds.definition import Feed, read_feed
from hub.collection.feeds.reading import FeedReader, Place
from hub.collection.report import Totals
from hub.exchange.uses import CHANGED
from hub.runtime import Hub
from hub.storage.tables import OutboxRow
from tests.adapters.contract import Kind
from tests.adapters.files_asking import aged
from tests.adapters.files_town import files_kind, local, write_csv, write_json_lines
from tests.adapters.servers import Got, Said, said, serving
from tests.adapters.soap_server import BY_REGION
from tests.adapters.soap_server import register as soap_register
from tests.adapters.sql_servers import SELECT, maria_kind, postgres_kind
from tests.adapters.town import COLUMNS, CROWD, ENTERPRISES, KNOWN, MANY_REGION, RARE
from tests.collection.test_feeds import FEED
from tests.exchange.pushing import CODE, NOON, push, redeclare, register
from tests.support import TYPES, valid_uscc

LISTED = {"statement": f"{SELECT} WHERE uscc > :after ORDER BY uscc LIMIT :size"}
BY = {"rows": "all", "by": "uscc"}


def reader(source: Any, operation: Mapping[str, Any], *, size: int = 7, **changes: Any) -> FeedReader:
    """Whoever reads the town. Its answers may hold no more rows than a source says, which is less than the register."""
    feed: Feed = read_feed({**FEED, "operation": operation, "size": size, "watermark": None} | changes)
    return FeedReader(
        Guarded(source, Limits(), clock=lambda: datetime.now(UTC)),
        operation,
        feed=feed,
        key_column="uscc",
        columns=frozenset(COLUMNS),
        budget=Budget(max_rows=5),
        clock=lambda: datetime.now(UTC),
    )


async def listed(kind: Kind, operation: Mapping[str, Any], **changes: Any) -> list[list[str]]:
    """The keys that come, page by page."""
    async with kind.open() as source:
        pages = reader(source, operation, **changes).pages(Place())
        return [[row.cells["uscc"] for row in page.rows] async for page in pages]


def _kind(name: str, connection: dict[str, Any], **more: Any) -> Kind:
    return Kind(kind=name, connection=connection, by_uscc={}, by_name={}, by_region={}, **more)


def paged(got: Mapping[str, Any]) -> list[Mapping[str, str]]:
    rows = sorted((row for row in ENTERPRISES if row["uscc"] > got["after"]), key=lambda row: row["uscc"])
    return rows[: int(got["size"])]


@asynccontextmanager
async def rest_kind() -> AsyncIterator[Kind]:
    async def handle(got: Got) -> Said:
        return said({"rows": paged(dict(parse_qsl(got.target.partition("?")[2], keep_blank_values=True)))})

    async with serving(handle) as server:
        yield _kind("rest", {"url": server.url}, targets=frozenset({server.target}))


@asynccontextmanager
async def agent_kind() -> AsyncIterator[Kind]:
    async def dispatch(asked: Mapping[str, Any], params: Mapping[str, Any], budget: Budget, _: Any) -> Answer:
        assert asked["operation"] == "listed"
        return Answer(paged(params))

    yield _kind("agent", {"agent": "there"}, dispatch=dispatch)


KINDS: dict[str, tuple[Callable[[], AbstractAsyncContextManager[Kind]], dict[str, Any]]] = {
    "mariadb": (maria_kind, LISTED),
    "rest": (
        rest_kind,
        {"method": "GET", "path": "/list", "query": {"after": "{after}", "size": "{size}"}, "rows": "/rows"},
    ),
    "agent": (agent_kind, {"operation": "listed", "params": ["after", "size"]}),
    "postgresql": (postgres_kind, LISTED),
}


@pytest.mark.parametrize("name", ["mariadb", "rest", "agent", pytest.param("postgresql", marks=pytest.mark.postgresql)])
async def test_a_source_of_any_kind_lists_its_register_page_by_page(name: str) -> None:
    opened, operation = KINDS[name]
    async with opened() as kind:
        pages = await listed(kind, operation)
    assert [key for page in pages for key in page] == sorted(row["uscc"] for row in ENTERPRISES)
    assert {len(page) for page in pages[:-1]} == {7}


async def test_what_a_service_says_at_once_is_its_register(tmp_path: Path) -> None:
    crowd = {**BY_REGION, "body": {"where": {"column": "region", "value": MANY_REGION}}}
    async with soap_register(tmp_path) as running:
        kind = _kind("soap", {"wsdl_url": running.wsdl_url}, targets=frozenset({running.front.target}))
        (page,) = await listed(kind, crowd, size=40)
    assert sorted(page) == sorted(row["uscc"] for row in CROWD)


async def test_a_folder_lists_more_rows_than_one_answer_may_hold(tmp_path: Path) -> None:
    crowd = [{**KNOWN, "uscc": f"U{number:05d}"} for number in range(12_000)]
    write_csv(tmp_path / "register.csv", crowd)
    pages = await listed(files_kind(local(tmp_path)), BY, size=5_000)
    assert [key for page in pages for key in page] == [row["uscc"] for row in crowd]
    with pytest.raises(FaultyAnswerError, match="too_many"):
        await listed(files_kind(local(tmp_path)), {"rows": "all"}, size=5_000)


async def test_rows_of_one_key_stay_together_and_what_has_none_is_not_passed_over(tmp_path: Path) -> None:
    """Over several files, of which each knows but its own order."""
    odd = [{**KNOWN, "uscc": "U3", "name": str(number)} for number in range(3)]
    write_json_lines(tmp_path / "register-1.jsonl", [{**KNOWN, "uscc": f"U{number}"} for number in (5, 1, 3)])
    write_json_lines(tmp_path / "register-2.jsonl", [*odd, *({**KNOWN, "uscc": key} for key in ("", "U2", "U4"))])
    with (tmp_path / "register-1.jsonl").open("a") as file:
        file.write("no row\n")
    kind = files_kind(local(tmp_path, format="jsonl", select="all"))
    first, *others = await listed(kind, BY, size=3)
    assert sorted(first[:2]) == ["", ""], "a row without a key, and one that cannot be told"
    assert first[2:] == ["U1", "U2", "U3", "U3", "U3", "U3"]
    assert others == [["U4", "U5"]]


async def test_a_row_is_as_old_as_its_column_says_and_the_list_as_the_file(tmp_path: Path) -> None:
    path = aged(write_csv(tmp_path / "register.csv", [KNOWN, RARE]), 3600)
    async with files_kind(local(tmp_path, as_of_column="established_on")).open() as source:
        (page,) = [page async for page in reader(source, BY).pages(Place())]
    assert [(row.cells["uscc"], instant(row.cells["established_on"])) for row in page.rows] == [
        (row.cells["uscc"], date) for row, date in page.dated()
    ]
    assert page.as_of.timestamp() == pytest.approx(path.stat().st_mtime)


async def test_a_source_that_would_give_the_same_page_for_ever_is_faulty() -> None:
    async def handle(_: Got) -> Said:
        return said({"rows": [dict(row) for row in ENTERPRISES[:7]]})

    async with serving(handle) as server:
        kind = _kind("rest", {"url": server.url}, targets=frozenset({server.target}))
        with pytest.raises(FaultyAnswerError, match="not_in_order"):
            await listed(kind, KINDS["rest"][1])


DATASETS: dict[str, Any] = {
    "enterprises": {"key": ["uscc"], "lookups": [["name"]]},
    "kept": {"key": ["uscc"], "keep_days": 30},
    "pairs": {"key": ["uscc", "name"]},
}
CHANGES: dict[str, Any] = {
    **FEED,
    "code": "pushed-licences",
    "source": CODE,
    "operation": {"dataset": "enterprises", "rows": "changed", "by": "uscc"},
    "full": {"dataset": "enterprises", "rows": "all", "by": "uscc"},
    "by_holder": {"dataset": "enterprises", "key": {"uscc": "id_number"}},
    "watermark": {"column": "_sequence", "begin": 0},
    "size": 3,
}


def licence(number: int, **changes: Any) -> dict[str, Any]:
    row = {
        "uscc": valid_uscc(f"91990100MA{8000000 + number:07d}"),
        "name": f"示例{number}号商行有限公司",
        "since": "2020-05-06",
        "scope": "食品销售",
        "address": "示例市人民路1号",
    }
    return row | changes


def gone(number: int) -> dict[str, Any]:
    return {"uscc": licence(number)["uscc"], "deleted": True}


async def declared(hub: Hub, *, on_missing: str = "revoke") -> None:
    yaml = (TYPES / "business_licence.yaml").read_text(encoding="utf-8")
    await hub.registry.add_type(f"{yaml}\nregister_driven: {{on_missing: {on_missing}}}\n")
    await register(hub)
    await redeclare(hub, DATASETS)
    await hub.collection.feeds.declare(COMMAND, CHANGES)


async def run(hub: Hub) -> Totals:
    return (await hub.collection.feeds.run(CHANGES["code"], COMMAND)).totals


async def statuses(hub: Hub) -> dict[str, int]:
    query = text("SELECT status, count(*) FROM certificate_versions GROUP BY status")
    rows = await hub.database.read(lambda tx: tx.execute(query).all())
    return {row[0]: row[1] for row in rows}


async def announced(hub: Hub) -> list[str]:
    outbox = table(OutboxRow)
    query = select(outbox.c.payload).where(outbox.c.kind == CHANGED).order_by(outbox.c.id)
    return [job["event"] for job in await hub.database.read(lambda tx: tx.execute(query).scalars().all())]


async def test_pushed_batches_are_changes_told_once_and_in_order(hub: Hub) -> None:
    await declared(hub)
    before = (await statuses(hub))["valid"]
    await push(hub, *(licence(number) for number in range(8)))
    assert await run(hub) == Totals(issued=8)
    assert await run(hub) == Totals()
    first = await announced(hub)

    later = NOON + timedelta(hours=1)
    await push(hub, licence(8), gone(2), licence(3, address="示例市新华路9号"), licence(4), gone(90), as_of=later)
    await push(hub, gone(5), as_of=later + timedelta(minutes=1))
    assert await run(hub) == Totals(issued=1, updated=1, ended=2, unchanged=1)
    assert await run(hub) == Totals()
    between = NOON + timedelta(minutes=30)
    await push(hub, licence(0, address="示例市新华路9号"), as_of=between)
    assert await run(hub) == Totals(updated=1)
    newest = text("SELECT as_of FROM certificate_versions ORDER BY id DESC LIMIT 1")
    as_of = await hub.database.read(lambda tx: tx.execute(newest).scalar_one())
    assert as_of == between.timestamp() * 1_000_000, "a row is as old as its own batch"
    found = await statuses(hub)
    assert (found["revoked"], found["superseded"], found["valid"]) == (2, 2, before + 9 - 2)
    assert (await announced(hub))[len(first) :].count("certificate.revoked") == 2
    why = text("SELECT reason_code FROM certificate_transitions WHERE operation = 'revoke'")
    reasons = await hub.database.read(lambda tx: tx.execute(why).scalars().all())
    assert list(reasons) == ["register_missing"] * 2


@pytest.mark.embedded
async def test_a_run_that_was_killed_takes_no_change_twice_and_loses_none(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    await declared(hub)
    await push(hub, *(licence(number) for number in range(7)))
    await run(hub)
    await push(hub, *(gone(number) for number in range(5)), licence(9), as_of=NOON + timedelta(hours=1))
    opened = await hub.collection.feeds.open(CHANGES["code"])
    guarded = await hub.pool.source(opened.source)
    ask, asked = guarded.ask, []

    async def breaking(prepared: Any, params: Any, **more: Any) -> Any:
        asked.append(params["sequence"])
        if len(asked) == 2:
            raise RuntimeError("killed")
        return await ask(prepared, params, **more)

    with monkeypatch.context() as patched:
        patched.setattr(guarded, "ask", breaking)
        with pytest.raises(RuntimeError):
            await run(hub)
        # Pushed meanwhile: one that was read already, and one that was not.
        await push(hub, licence(0, address="示例市新华路9号"), gone(6), as_of=NOON + timedelta(hours=2))
        totals = await run(hub)
    assert asked[2] == asked[1]
    assert (totals.issued, totals.ended, totals.rejected) == (1, 6, 1), "what was revoked is not revived"
    assert (await statuses(hub))["revoked"] == 6


@pytest.mark.embedded
async def test_a_key_that_is_only_spelt_anew_ends_nothing(hub: Hub) -> None:
    await declared(hub)
    one, other = ({**licence(number), "uscc": licence(number)["uscc"].lower()} for number in (1, 2))
    await push(hub, one, other)
    await run(hub)
    later = NOON + timedelta(hours=1)
    await push(hub, *({"uscc": row["uscc"], "deleted": True} for row in (one, other)), licence(1), as_of=later)
    assert await run(hub) == Totals(ended=1, unchanged=2, normalised=1)


@pytest.mark.embedded
async def test_a_type_that_keeps_what_is_missing_keeps_what_was_deleted(hub: Hub) -> None:
    await declared(hub, on_missing="keep")
    await push(hub, licence(1), licence(2))
    await run(hub)
    await push(hub, gone(1), as_of=NOON + timedelta(hours=1))
    assert await run(hub) == Totals(unchanged=1)
    assert "revoked" not in await statuses(hub)


@pytest.mark.embedded
async def test_rows_of_the_release_before_are_numbered_and_numbers_are_never_given_again(hub: Hub) -> None:
    await declared(hub)
    await push(hub, *(licence(number) for number in range(4)))
    await hub.database.write(
        lambda tx: (
            tx.execute(text("UPDATE pushed_rows SET number = NULL")).rowcount
            + tx.execute(text("UPDATE pushed_sources SET last_number = 0")).rowcount
        )
    )
    assert await run(hub) == Totals(issued=4)
    await hub.pushed.clear(COMMAND, CODE, "enterprises")
    await push(hub, licence(7))
    assert await run(hub) == Totals(issued=1)


@pytest.mark.embedded
async def test_a_pushed_dataset_is_put_beside_the_library_whole(hub: Hub, tmp_path: Path) -> None:
    from hub.collection.reconciliation.registers import of_feed

    await declared(hub)
    await push(hub, *(licence(number) for number in range(5)))
    await run(hub)
    await push(hub, gone(1), licence(6), as_of=NOON + timedelta(hours=1))
    opened = await hub.collection.feeds.open(CHANGES["code"])
    seen = [row async for page in of_feed(hub.collection.feeds, opened, hub.vault) for row in page.rows]
    assert len(seen) == 5
    assert all(row.item is not None for row in seen)


@pytest.mark.embedded
async def test_a_feed_that_could_not_list_its_register_is_refused(hub: Hub, tmp_path: Path) -> None:
    await declared(hub)
    for wrong in (
        {"operation": {"dataset": "enterprises", "key": {"uscc": "after"}}},
        {"full": {"dataset": "enterprises", "rows": "changed", "by": "uscc"}},
        {"full": {"dataset": "kept", "rows": "all", "by": "uscc"}},
        {"operation": {"dataset": "enterprises", "rows": "changed", "by": "name"}},
        {"operation": {"dataset": "pairs", "rows": "changed", "by": "uscc"}},
        {"operation": {"dataset": "enterprises", "rows": "changed"}},
        {"watermark": None},
        {"watermark": {"column": "_sequence"}},
        {"by_holder": {"dataset": "enterprises", "rows": "all", "by": "uscc"}},
    ):
        with pytest.raises((DefinitionError, DefinitionFaultError)):
            await hub.collection.feeds.declare(COMMAND, CHANGES | wrong)
