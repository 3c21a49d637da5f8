"""Interfaces put straight into the store, so that a test of the catalogue needs no source to answer."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection

from catalog import interface_store as store
from catalog import source_store
from catalog.store import find_department
from hub.clock import new_id
from hub.registry.guarding import guard_interface, guard_source
from hub.runtime import Hub
from tests.support import AMR

NOW = datetime(2026, 11, 20, 1, 0, tzinfo=UTC)


def definition(code: str = "food_permits", **changes: Any) -> dict[str, Any]:
    return {
        "code": code,
        "title": {"zh": "食品经营许可信息", "en": "Food business permits"},
        "summary": {"zh": "按许可证编号查询", "en": "By permit number"},
        "department": AMR,
        "source": "amr-register",
        "params": {"no": {"title": {"zh": "编号", "en": "Number"}, "from": "subject.code"}},
        "terms": {
            "sharing": "conditional",
            "reason": "含经营者信息",
            "conditions": "须有在办的办件",
            "legal_basis": "条例",
        },
        "fields": {
            "no": {"title": {"zh": "许可证编号", "en": "Permit number"}, "schema": {"type": "string", "maxLength": 40}},
            "valid_until": {
                "title": {"zh": "有效期至", "en": "Valid until"},
                "schema": {"type": "string", "format": "date"},
                "terms": {"sharing": "unconditional"},
            },
            "owner_id": {
                "title": {"zh": "经营者身份证号", "en": "Operator's ID"},
                "schema": {"type": "string"},
                "terms": {"sharing": "not_shared", "reason": "个人敏感信息", "legal_basis": "个人信息保护法"},
            },
        },
        "operation": {"statement": "SELECT 1"},
        "mapping": {"version": 1, "fields": {"no": "NO", "valid_until": "D", "owner_id": "O"}},
        "update_cycle": "daily",
        "catalogue": {"category": "基础信息资源/法人", "keywords": ["餐饮"], "contact": "信息中心", "sla": "99.9 %"},
    } | changes


async def put(
    hub: Hub,
    declared: dict[str, Any] | None = None,
    *,
    state: str = "live",
    version: int = 1,
    owner: str = AMR,
    ends_at: datetime | None = None,
) -> str:
    """Write a version, with its source if that is not there; answers its row."""
    told = definition() if declared is None else declared
    row_id = new_id()

    def unit(tx: Connection) -> None:
        department = find_department(tx, owner)
        assert department is not None
        source = source_store.find_source(tx, told["source"])
        if source is None:
            source_id = new_id()
            described = {
                "code": told["source"], "department": owner, "name": {"zh": "登记库", "en": "Register"}, "kind": "sql",
                "targets": ["db.example:5432"],
            }  # fmt: skip
            source_store.add_source(
                tx, id=source_id, code=told["source"], owner_department_id=department.id, kind="sql",
                definition=described, state="active", row_version=1, created_at=NOW, changed_at=NOW,
            )  # fmt: skip
            guard_source(tx, hub.vault, source_id)
        else:
            source_id = source.id
        store.add_interface(
            tx, id=row_id, code=told["code"], version=version, owner_department_id=department.id, source_id=source_id,
            state=state, definition=told, row_version=1, published_at=NOW if state not in {"draft", "test"} else None,
            ends_at=ends_at, created_at=NOW, changed_at=datetime.now(UTC),
        )  # fmt: skip
        guard_interface(tx, hub.vault, row_id)

    await hub.database.write(unit)
    hub.catalogue.search.notice()
    return row_id
