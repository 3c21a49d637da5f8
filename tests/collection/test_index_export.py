"""The upper level hears of every licence once, also of those that are signed long after younger ones."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from catalog.store import find_department
from certificates.lifecycle.states import Operation
from certificates.profile import CIVIL_ZONE
from hub.access.actors import COMMAND
from hub.collection.index_export import IndexOrder
from hub.issuing.plan import Record, keyed
from hub.runtime import Hub
from tests.support import AMR, enterprise_claims, issue, valid_uscc


@pytest.mark.embedded
async def test_a_licence_that_was_signed_late_is_told_then_and_nothing_twice(hub: Hub, tmp_path: Path) -> None:
    out = tmp_path / "index.jsonl"
    order = IndexOrder(
        since=datetime(2020, 1, 1, tzinfo=UTC), receiver="province", legal_basis="条例", holder_key=bytes(32)
    )

    async def told() -> list[tuple[str, str]]:
        count = await hub.collection.index_export.export(COMMAND, order, out)
        lines = [json.loads(line) for line in out.read_bytes().splitlines()]
        assert len({item["cd_id"] for item in lines}) == len(lines)
        lines = lines[len(lines) - count :]
        return [(item["cd_operation"], item["certificate_source_id"]) for item in lines]

    department = await hub.database.read(lambda tx: find_department(tx, AMR))
    issued = hub.types.find("business_licence")
    assert department is not None
    assert issued is not None
    late = enterprise_claims(uscc=valid_uscc("91990100MA7000001"), name="示例市迟签商行有限公司")
    row = keyed(Record(late, hub.clock(), hub.clock().astimezone(CIVIL_ZONE).date()), issued.type, AMR, hub.vault)
    waiting = await hub.issuing.intend([row], issued=issued, issuer=department)
    await issue(hub, enterprise_claims(uscc=valid_uscc("91990100MA7000002")))
    assert len(await told()) == 2, "the template's licence and the younger one"
    assert await told() == []

    assert await hub.issuing.finish() == 1
    (identifier,) = [item.identifier for item in waiting.unsigned]
    assert await told() == [("issue", identifier)]
    await hub.status.change(identifier, Operation.REVOKE, reason="吊销", legal_basis="条例")
    assert await told() == [("revoke", identifier)]
    assert await told() == []

    whole = out.read_bytes()
    *kept, torn, last = whole.splitlines(keepends=True)
    out.write_bytes(b"".join(kept) + torn[:40])
    assert await told() == [("issue", identifier), ("revoke", identifier)]
    again = [json.loads(line) for line in (torn, last)]
    now = [json.loads(line) for line in out.read_bytes().splitlines()][-2:]
    assert [(item["cd_id"], item["cd_time"]) for item in now] == [(item["cd_id"], item["cd_time"]) for item in again]
