"""What is damaged is an alarm: it keeps neither the hub from starting nor the others from being finished."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from hub import runtime
from hub.issuing.service import IssuingService
from hub.runtime import Hub, at_work, open_hub
from hub.storage.errors import ConflictError
from tests.exchange import bulking
from tests.exchange.conftest import Town, add_source, definition, grant, publish, row
from tests.exchange.declared import field
from tests.hub.test_pitfalls_f import fail_at_commit
from tests.support import ENTERPRISE, PURPOSE, enterprise_claims, issue, valid_uscc

on_sqlite = pytest.mark.parametrize("template", ["sqlite"], indirect=True)
LATER = timedelta(minutes=5)
STATES = "SELECT state FROM {} ORDER BY id"


def nested(levels: int) -> Any:
    return {"a": nested(levels - 1)} if levels else "x"


@on_sqlite
@pytest.mark.parametrize(
    ("tree", "limits"),
    [({"a": "长" * 1_500_000}, {"max_bytes": 16_777_216}), (nested(61), {"max_depth": 64})],
    ids=["large", "deep"],
)
async def test_an_answer_that_could_not_be_read_again_is_faulty_and_never_decided(
    town: Town, tree: Any, limits: dict[str, int]
) -> None:
    await _publish_tree(town, tree, limits)
    found = await town.ask(code="with_tree")
    assert (found["outcome"], found["why"]["code"]) == ("source_unavailable", "source_faulty")
    assert (await town.ask(code="with_tree", fields=["name"]))["outcome"] == "satisfied"


@on_sqlite
async def test_of_a_bulk_run_it_is_one_subjects_outcome(town: Town) -> None:
    await _publish_tree(town, nested(61), {"max_depth": 64})
    await town.hub.registry.add_grant(bulking.bulk_grant(interface="with_tree", fields=["name", "tree"]))
    other = bulking.firm(2)
    town.register.rows[other["id_number"]] = [bulking.row_of(other, 树=nested(1))]
    body = {"purpose": PURPOSE, "officer": bulking.OFFICER, "parties": [ENTERPRISE, other]}
    body["case_no"] = await bulking.campaign(town)
    run = (await town.client.post("/api/v1/interfaces/with_tree/bulk", json=body, headers=town.headers)).json()["run"]
    await bulking.work(town)
    seen = await bulking.see(town, run)
    assert (seen["state"], seen["progress"]["outcomes"]) == ("finished", {"satisfied": 1, "source_unavailable": 1})


@on_sqlite
async def test_the_deepest_answer_is_kept_and_given_again(town: Town) -> None:
    await _publish_tree(town, nested(54), {"max_depth": 64}, cache_seconds=60)
    first, second = await town.ask(code="with_tree"), await town.ask(code="with_tree")
    assert (first["cached"], second["cached"]) == (False, True)
    assert second["records"] == first["records"]


@on_sqlite
async def test_a_damaged_answer_and_a_damaged_intent_do_not_keep_the_hub_from_starting(town: Town) -> None:
    async with _cut_short(town, "evidence_requests", "done"):
        for _ in range(2):
            assert (await town.query()).status_code >= 400
    async with _cut_short(town, "certificate_versions", "issued"):
        numbers = [valid_uscc(f"91990100MA200000{digit}") for digit in (1, 2)]
        with pytest.raises(ConflictError):
            await issue(town.hub, *(enterprise_claims(uscc=number) for number in numbers))
    await _damage_first(town, "evidence_requests", "answer", "decided")
    await _damage_first(town, "certificate_versions", "document", "intended")
    with capture_logs() as logs:
        async with open_hub(town.place.settings(), clock=lambda: datetime.now(UTC) + LATER) as hub:
            assert await _read(hub, STATES.format("evidence_requests")) == ["decided", "done"]
            assert (await _read(hub, STATES.format("certificate_versions")))[-2:] == ["intended", "issued"]
    assert [line["event"] for line in logs if line.get("alarm")] == ["intent_not_finished", "answer_not_finished"]


@on_sqlite
async def test_housekeeping_goes_on_after_what_fails(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    async with _cut_short(town, "evidence_requests", "done"):
        for _ in range(2):
            assert (await town.query()).status_code >= 400
    await _damage_first(town, "evidence_requests", "answer", "decided")
    monkeypatch.setattr(runtime, "HOUSEKEEPING", timedelta(milliseconds=10))
    finish = IssuingService.finish

    async def failing(issuing: IssuingService, *, older_than: timedelta = timedelta()) -> object:
        if older_than:  # housekeeping's, which comes before that of the answers
            raise RuntimeError
        return await finish(issuing)

    monkeypatch.setattr(IssuingService, "finish", failing)
    ahead = [timedelta()]
    with capture_logs() as logs:
        async with open_hub(town.place.settings(), clock=lambda: datetime.now(UTC) + ahead[0]) as hub, at_work(hub):
            ahead[0] = LATER
            async with asyncio.timeout(20):
                while await _read(hub, STATES.format("evidence_requests")) != ["decided", "done"]:  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
    alarms = [line["event"] for line in logs if line.get("alarm")]
    assert alarms.count("answer_not_finished") == 1
    assert "housekeeping_failed" in alarms


async def _publish_tree(town: Town, tree: Any, limits: dict[str, int], **more: Any) -> None:
    declared = definition(code="with_tree", source="trees", **more)
    declared["fields"]["tree"] = field({"type": "object"})
    declared["mapping"]["fields"]["tree"] = {"from": "树", "as": "json"}
    patient = {"total_seconds": 20, "read_seconds": 20}
    await add_source(town.hub, town.register.port, code="trees", limits=patient | limits)
    await publish(town.hub, declared)
    await town.hub.registry.add_grant(grant(interface="with_tree", fields=["name", "tree"]))
    town.register.rows[ENTERPRISE["id_number"]] = [row(树=tree)]


@asynccontextmanager
async def _cut_short(town: Town, table: str, state: str) -> AsyncIterator[None]:
    """Meanwhile nothing comes to this state: as if each process died just before."""
    fail_at_commit(town.place, table, "UPDATE", f"NEW.state = '{state}'")
    yield
    await _write(town.hub, "DROP TRIGGER failing")
    await _write(town.hub, "DROP TABLE never")


async def _damage_first(town: Town, table: str, column: str, state: str) -> None:
    first = f"(SELECT min(id) FROM {table} WHERE state = '{state}')"
    await _write(town.hub, f"UPDATE {table} SET {column} = x'00' WHERE id = {first}")


async def _read(hub: Hub, statement: str) -> list[Any]:
    return list(await hub.database.read(lambda tx: tx.execute(text(statement)).scalars().all()))


async def _write(hub: Hub, statement: str) -> None:
    await hub.database.write(lambda tx: tx.execute(text(statement)))
