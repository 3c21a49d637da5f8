"""Pushed rows: what a batch does to what is stored, and what a question then finds."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, text, update

from adapters.errors import FaultyAnswerError
from catalog.tables import table
from hub.access.actors import Actor, Role
from hub.access.errors import ForbiddenError
from hub.edge.errors import InvalidBodyError
from hub.exchange.pushed.batch import BrokenLine
from hub.exchange.tables import PushedBatchRow, PushedLookupRow, PushedRow
from hub.ledger.tables import LedgerEntryRow
from hub.runtime import LOG_KEY, Hub
from hub.storage.errors import MissingError
from hub.storage.vault import DataKey
from tests.adapters.town import CROWD, KNOWN, RARE, TWINS
from tests.exchange.pushing import CODE, DATASETS, NOON, found, push, redeclare, register

LATER = NOON + timedelta(hours=1)
EARLIER = NOON - timedelta(hours=1)
_ROWS = table(PushedRow)


@pytest.fixture(autouse=True)
async def source_id(hub: Hub) -> str:
    return await register(hub)


def counts(result: Any) -> tuple[int, int, int, list[tuple[int, str]]]:
    return (
        result.accepted,
        result.unchanged,
        result.superseded_older,
        [(item.row, item.code) for item in result.rejected],
    )


async def entries(hub: Hub, kind: str) -> list[dict[str, Any]]:
    """The ledger's entries of this kind, opened."""
    from hub.ledger.entries import open_detail

    log = hub.keys.secret(LOG_KEY)
    key = DataKey(log.value, wrapped=b"", kek_kid=log.kid)
    ledger = table(LedgerEntryRow)
    rows = await hub.database.read(
        lambda tx: tx.execute(select(ledger).where(ledger.c.kind == kind).order_by(ledger.c.id)).all()
    )
    return [dict(open_detail(row.id, row.detail, row.commitment, key=key)["detail"]) for row in rows]


async def test_a_row_is_found_by_its_key_and_by_its_other_columns(hub: Hub) -> None:
    assert counts(await push(hub, KNOWN, RARE, *TWINS)) == (4, 0, 0, [])
    assert await found(hub, uscc=KNOWN["uscc"]) == [KNOWN]
    assert await found(hub, name=RARE["name"]) == [RARE]
    assert sorted(row["uscc"] for row in await found(hub, name=TWINS[0]["name"])) == [twin["uscc"] for twin in TWINS]
    answer = await hub.pushed.lookup(f"{CODE}/enterprises", {"uscc": KNOWN["uscc"]}, 5)
    assert answer.as_of == NOON


async def test_saying_the_same_again_changes_nothing_but_the_date(hub: Hub) -> None:
    await push(hub, KNOWN)
    assert counts(await push(hub, KNOWN)) == (0, 1, 0, [])
    assert counts(await push(hub, KNOWN, as_of=EARLIER)) == (0, 1, 0, [])
    assert (await hub.pushed.lookup(f"{CODE}/enterprises", {"uscc": KNOWN["uscc"]}, 5)).as_of == NOON
    assert counts(await push(hub, KNOWN, as_of=LATER)) == (0, 1, 0, [])
    assert (await hub.pushed.lookup(f"{CODE}/enterprises", {"uscc": KNOWN["uscc"]}, 5)).as_of == LATER


async def test_an_older_row_never_supersedes_a_newer_one(hub: Hub) -> None:
    moved = {**KNOWN, "region": "999902"}
    await push(hub, moved, as_of=LATER)
    assert counts(await push(hub, KNOWN, as_of=NOON)) == (0, 0, 1, [])
    assert await found(hub, uscc=KNOWN["uscc"]) == [moved]
    assert await found(hub, region=KNOWN["region"]) == []


async def test_a_newer_row_replaces_the_older_and_all_its_lookups(hub: Hub) -> None:
    await push(hub, KNOWN)
    renamed = {**KNOWN, "name": "示例市新名食品有限公司"}
    assert counts(await push(hub, renamed, as_of=LATER)) == (1, 0, 0, [])
    assert await found(hub, name=KNOWN["name"]) == []
    assert await found(hub, name=renamed["name"]) == [renamed]


async def test_a_tombstone_ends_a_row_and_keeps_it_ended(hub: Hub) -> None:
    await push(hub, KNOWN)
    assert counts(await push(hub, {"uscc": KNOWN["uscc"], "deleted": True}, as_of=LATER)) == (1, 0, 0, [])
    assert await found(hub, uscc=KNOWN["uscc"]) == await found(hub, name=KNOWN["name"]) == []
    assert counts(await push(hub, {**KNOWN, "region": "999902"}, as_of=NOON)) == (0, 0, 1, [])
    assert await found(hub, uscc=KNOWN["uscc"]) == []
    await push(hub, {**KNOWN, "deleted": False}, as_of=LATER + timedelta(minutes=1))
    assert await found(hub, uscc=KNOWN["uscc"]) == [KNOWN]
    sealed = await hub.database.read(lambda tx: tx.execute(select(_ROWS.c.sealed)).scalars().all())
    assert len(sealed) == 1


async def test_a_row_deleted_before_it_came_does_not_come(hub: Hub) -> None:
    await push(hub, {"uscc": KNOWN["uscc"], "deleted": True}, as_of=LATER)
    assert counts(await push(hub, KNOWN, as_of=NOON)) == (0, 0, 1, [])
    assert await found(hub, uscc=KNOWN["uscc"]) == []


async def test_rows_of_one_key_that_contradict_each_other_are_rejected_and_the_others_taken(hub: Hub) -> None:
    other = {**KNOWN, "region": "999902"}
    result = await push(hub, KNOWN, RARE, other, {"uscc": TWINS[0]["uscc"]}, {"uscc": TWINS[0]["uscc"]})
    assert counts(result) == (2, 1, 0, [(0, "conflicting"), (2, "conflicting")])
    assert await found(hub, uscc=KNOWN["uscc"]) == []
    assert await found(hub, uscc=RARE["uscc"]) == [RARE]


async def test_another_content_of_the_same_date_is_a_contradiction(hub: Hub) -> None:
    await push(hub, KNOWN)
    assert counts(await push(hub, {**KNOWN, "region": "999902"})) == (0, 0, 0, [(0, "conflicts_with_stored")])
    assert await found(hub, uscc=KNOWN["uscc"]) == [KNOWN]


BAD_ROWS: dict[str, tuple[Any, str]] = {
    "not an object": (["a"], "not_an_object"),
    "empty": ({}, "columns"),
    "too many columns": ({f"c{number}": 1 for number in range(301)}, "columns"),
    "no key": ({"name": "x"}, "key_missing"),
    "null key": ({"uscc": None}, "key_missing"),
    "blank key": ({"uscc": " \u3000"}, "key_missing"),
    "key of numbers with a fraction": ({"uscc": 1.5}, "key_missing"),
    "key that is a list": ({"uscc": ["x"]}, "key_missing"),
    "long key": ({"uscc": "x" * 501}, "key_too_long"),
    "deleted that is no boolean": ({"uscc": "x", "deleted": "yes"}, "deleted_not_boolean"),
    "number beyond a double": ({"uscc": "x", "n": 2**60}, "value"),
    "too large": ({"uscc": "x", "text": "字" * 30_000}, "too_large"),
    "broken line": (BrokenLine(), "not_json"),
}


@pytest.mark.parametrize("case", BAD_ROWS)
@pytest.mark.sampled
async def test_a_bad_row_is_rejected_by_place_and_code_and_the_next_is_taken(hub: Hub, case: str) -> None:
    row, code = BAD_ROWS[case]
    assert counts(await push(hub, row, KNOWN)) == (1, 0, 0, [(0, code)])
    assert await found(hub, uscc=KNOWN["uscc"]) == [KNOWN]


async def test_keys_are_found_however_they_are_spelt(hub: Hub) -> None:
    await push(hub, {"uscc": " 42 ", "n": 1}, {"uscc": 43, "n": 2}, {"uscc": "e\u0301", "n": 3})
    assert [row["n"] for row in await found(hub, uscc=42)] == [1]
    assert [row["n"] for row in await found(hub, uscc="43 ")] == [2]
    assert [row["n"] for row in await found(hub, uscc="\u00e9")] == [3]


async def test_two_columns_make_a_key_whatever_their_order_and_bounds(hub: Hub) -> None:
    rows = [{"person": "a", "year": "bc"}, {"person": "ab", "year": "c"}]
    await push(hub, *rows, dataset="pairs", key=("year", "person"))
    assert await found(hub, "pairs", year="c", person="ab") == [rows[1]]
    assert await found(hub, "pairs", person="a", year="bc") == [rows[0]]
    assert await found(hub, "pairs", person="abc", year="") == []


async def test_no_value_lies_in_the_database_in_clear(hub: Hub) -> None:
    await push(hub, KNOWN, {"uscc": RARE["uscc"], "deleted": True}, {"name": "只有名字"})
    tables = ("pushed_rows", "pushed_lookups", "pushed_batches", "pushed_datasets", "ledger_entries")
    for name in tables:
        query = text(f"SELECT * FROM {name}")
        rows = await hub.database.read(lambda tx, query=query: tx.execute(query).all())  # type: ignore[misc]
        values = [value for row in rows for value in row]
        shown = b"".join(bytes(one) if isinstance(one, bytes | memoryview) else str(one).encode() for one in values)
        for value in (*KNOWN.values(), RARE["uscc"], "只有名字"):
            assert value.encode() not in shown, name


async def test_a_row_copied_over_another_is_noticed(hub: Hub) -> None:
    await push(hub, KNOWN, RARE)

    def swap(tx: Any) -> None:
        one, two = tx.execute(select(_ROWS)).all()
        tx.execute(update(_ROWS).where(_ROWS.c.id == one.id).values(sealed=two.sealed))
        tx.execute(update(_ROWS).where(_ROWS.c.id == two.id).values(sealed=one.sealed))

    await hub.database.write(swap)
    with pytest.raises(FaultyAnswerError) as caught:
        await found(hub, uscc=KNOWN["uscc"])
    assert caught.value.reason == "integrity"


async def test_the_ledger_says_how_many_rows_came_and_no_value(hub: Hub) -> None:
    result = await push(hub, KNOWN, {"name": "没有编码"})
    (entry,) = await entries(hub, "source.push")
    assert entry == {
        "source": CODE,
        "dataset": "enterprises",
        "batch": result.id,
        "by": {"kind": "command", "id": "command-line"},
        "as_of": entry["as_of"],
        "digest": entry["digest"],
        "rejected": 1,
        "accepted": 1,
        "unchanged": 0,
        "superseded_older": 0,
    }
    assert len(entry["digest"]) == 64


async def test_what_was_never_pushed_is_not_an_empty_answer(hub: Hub) -> None:
    for place in (f"{CODE}/enterprises", f"{CODE}/nothing", "nobody/enterprises", CODE):
        with pytest.raises(FaultyAnswerError) as caught:
            await hub.pushed.lookup(place, {"uscc": KNOWN["uscc"]}, 5)
        assert caught.value.reason == "never_pushed"
    await push(hub, KNOWN)
    assert await found(hub, uscc=RARE["uscc"]) == []


async def test_a_dataset_that_nobody_refreshes_stops_answering(hub: Hub) -> None:
    await push(hub, KNOWN, dataset="fresh", as_of=hub.clock() - timedelta(days=3))
    with pytest.raises(FaultyAnswerError) as caught:
        await found(hub, "fresh", uscc=KNOWN["uscc"])
    assert caught.value.reason == "outdated"
    await push(hub, RARE, dataset="fresh", as_of=hub.clock() - timedelta(days=2))
    assert await found(hub, "fresh", uscc=KNOWN["uscc"]) == [KNOWN]


async def test_rows_hashed_for_other_columns_do_not_pretend_that_there_is_nothing(hub: Hub) -> None:
    await push(hub, KNOWN)
    await redeclare(hub, DATASETS | {"enterprises": {"key": ["uscc"], "lookups": [["established_on"]]}})
    with pytest.raises(FaultyAnswerError) as caught:
        await found(hub, established_on=KNOWN["established_on"])
    assert caught.value.reason == "redeclared"
    with pytest.raises(InvalidBodyError) as refused:
        await push(hub, RARE)
    assert [(fault.pointer, fault.rule) for fault in refused.value.faults] == [("/dataset", "redeclared")]
    assert await hub.pushed.clear(_staff(Role.OWNER_ENGINEER, await _department(hub)), CODE, "enterprises") == 1
    await push(hub, KNOWN)
    assert await found(hub, established_on=KNOWN["established_on"]) == [KNOWN]
    assert [entry["rows"] for entry in await entries(hub, "source.push.clear")] == [1]


async def test_rows_past_their_time_are_not_told_and_then_deleted(hub: Hub) -> None:
    await push(hub, KNOWN, RARE, dataset="short", as_of=hub.clock() - timedelta(days=29))
    assert await hub.pushed.sweep() == 0
    ended = hub.clock() - timedelta(seconds=1)
    await hub.database.write(lambda tx: tx.execute(update(_ROWS).values(valid_until=ended)).rowcount)
    assert await found(hub, "short", uscc=KNOWN["uscc"]) == []
    assert await hub.pushed.sweep() == 2
    assert await hub.database.read(lambda tx: tx.execute(select(_ROWS)).all()) == []
    assert [entry["rows"] for entry in await entries(hub, "source.push.expired")] == [2]


async def test_a_batch_that_is_too_old_to_be_kept_is_rejected_whole(hub: Hub) -> None:
    result = await push(hub, KNOWN, RARE, dataset="short", as_of=hub.clock() - timedelta(days=30))
    assert counts(result) == (0, 0, 0, [(0, "too_old"), (1, "too_old")])


async def test_saying_a_row_again_keeps_it_longer(hub: Hub) -> None:
    await push(hub, KNOWN, dataset="short", as_of=hub.clock() - timedelta(days=29))
    before = await hub.database.read(lambda tx: tx.execute(select(_ROWS.c.valid_until)).scalar_one())
    await push(hub, KNOWN, dataset="short", as_of=hub.clock() - timedelta(days=9))
    after = await hub.database.read(lambda tx: tx.execute(select(_ROWS.c.valid_until)).scalar_one())
    assert timedelta(days=19) < after - before < timedelta(days=21)


@pytest.mark.both
async def test_batches_at_once_leave_the_newest(hub: Hub) -> None:
    versions = [{**KNOWN, "region": f"9999{number:02d}"} for number in range(8)]
    results = await asyncio.gather(
        *(push(hub, row, as_of=NOON + timedelta(minutes=number)) for number, row in enumerate(versions))
    )
    assert await found(hub, uscc=KNOWN["uscc"]) == [versions[-1]]
    assert all(result.accepted + result.superseded_older == 1 for result in results)
    lookups = await hub.database.read(lambda tx: tx.execute(select(table(PushedLookupRow))).all())
    assert len(lookups) == 2


async def test_a_batch_of_five_thousand_rows_is_one_effect(hub: Hub) -> None:
    rows = [{**CROWD[0], "uscc": f"U{number}", "name": f"第{number}号"} for number in range(5_000)]
    assert counts(await push(hub, *rows)) == (5_000, 0, 0, [])
    assert counts(await push(hub, *rows, as_of=LATER)) == (0, 5_000, 0, [])
    assert await found(hub, name="第4999号") == [rows[4_999]]
    batches = await hub.database.read(lambda tx: tx.execute(select(table(PushedBatchRow))).all())
    assert len(batches) == len(await entries(hub, "source.push")) == 2


async def _department(hub: Hub) -> str:
    from catalog.source_store import find_source

    stored = await hub.database.read(lambda tx: find_source(tx, CODE))
    assert stored is not None
    return stored.owner_department_id


def _staff(role: Role, department_id: str) -> Actor:
    return Actor("staff", "s-1", "王工程", department_id, frozenset({role}))


async def test_only_the_owners_engineer_pushes_and_others_do_not_see_the_source(hub: Hub) -> None:
    from hub.exchange.pushed.receiving import Batch

    batch = Batch("enterprises", ("uscc",), NOON, [dict(KNOWN)], "0" * 64)
    own = await _department(hub)
    with pytest.raises(ForbiddenError):
        await hub.pushed.receive(_staff(Role.AUDITOR, own), CODE, batch)
    with pytest.raises(MissingError):
        await hub.pushed.receive(_staff(Role.OWNER_ENGINEER, "00000000-0000-7000-8000-000000000000"), CODE, batch)
    assert (await hub.pushed.receive(_staff(Role.OWNER_ENGINEER, own), CODE, batch)).accepted == 1
    with pytest.raises(ForbiddenError):
        await hub.pushed.clear(_staff(Role.AUDITOR, own), CODE, "enterprises")
