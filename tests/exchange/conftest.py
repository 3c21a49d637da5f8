"""A hub whose market regulation department has published "enterprise by USCC" from a register behind HTTP."""

import json
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest

from catalog import interface_store, source_store
from catalog.store import find_department
from hub.registry.guarding import guard_interface, guard_source
from hub.runtime import Hub
from tests.exchange.declared import TERMS, TITLE, field
from tests.exchange.receiver import listening
from tests.exchange.register import Register, serving
from tests.exchange.subscriber import Subscriber, subscribing
from tests.support import AMR, ENTERPRISE, INTAKE, MATTER, PURPOSE, Place, case_body, open_case

INTERFACE = "enterprise_by_uscc"
SECRET_SHARE = "金丝雀股东"
STRANGER = {"id_type": "001", "id_number": "", "name": "示例市查无此企业有限公司"}


def row(**changes: Any) -> dict[str, Any]:
    """A row as the register writes it."""
    return {
        "企业名称": ENTERPRISE["name"],
        "统一社会信用代码": ENTERPRISE["id_number"],
        "注册日期": "2019年3月1日",
        "ZT": "1",
        "股东": SECRET_SHARE,
    } | changes


def definition(**changes: Any) -> dict[str, Any]:
    """The published question."""
    mapped = {
        "uscc": {"from": "统一社会信用代码", "as": "uscc"},
        "name": "企业名称",
        "established_on": {"from": "注册日期", "as": "date", "dates": ["chinese"]},
        "status": {"from": "ZT", "codes": {"1": "存续", "2": "注销"}},
        "shareholder": "股东",
    }
    return {
        "code": INTERFACE,
        "title": {"zh": "企业登记信息", "en": "Enterprise by USCC"},
        "department": AMR,
        "source": "register",
        "params": {"uscc": {"title": TITLE, "from": "party.id_number", "id_type": "001"}},
        "terms": TERMS,
        "fields": {
            "uscc": field(required=True),
            "name": field(required=True),
            "established_on": field({"type": "string", "format": "date"}),
            "status": field({"type": "string", "enum": ["存续", "注销"]}, required=True),
            "shareholder": field(),
            "is_active": {"title": TITLE, "derived": {"field": "status", "test": "equals", "against": "存续"}},
        },
        "echoes": {"uscc": "uscc"},
        "identity_name": "name",
        "complete": True,
        "operation": {"method": "GET", "path": "/enterprises/{uscc}", "rows": "/data"},
        "mapping": {"version": 1, "absent": ["", "N/A"], "fields": mapped},
    } | changes


async def publish(hub: Hub, declared: dict[str, Any], *, version: int = 1, state: str = "live") -> str:
    """Write an interface version as if its owner had taken it live."""
    now = datetime.now(UTC)
    identifier = str(uuid.uuid4())

    def unit(tx: Any) -> None:
        department = find_department(tx, AMR)
        source = source_store.find_source(tx, declared["source"])
        assert department is not None
        assert source is not None
        interface_store.add_interface(
            tx,
            id=identifier,
            code=declared["code"],
            version=version,
            owner_department_id=department.id,
            source_id=source.id,
            state=state,
            definition=declared,
            row_version=1,
            published_at=now,
            ends_at=None,
            created_at=now,
            changed_at=now,
        )
        guard_interface(tx, hub.vault, identifier)

    await hub.database.write(unit)
    return identifier


async def add_source(hub: Hub, port: int, **changes: Any) -> None:
    """Register the source."""
    now = datetime.now(UTC)
    source_id = str(uuid.uuid4())
    declared = {
        "code": "register",
        "department": AMR,
        "name": {"zh": "登记库", "en": "Register"},
        "kind": "rest",
        "connection": {"url": f"http://127.0.0.1:{port}"},
        "targets": [f"127.0.0.1:{port}"],
        "limits": {"total_seconds": 5, "read_seconds": 4, "retries": 0},
    } | changes

    def unit(tx: Any) -> None:
        department = find_department(tx, AMR)
        assert department is not None
        source_store.add_source(
            tx,
            id=source_id,
            code=declared["code"],
            owner_department_id=department.id,
            kind=declared["kind"],
            definition=declared,
            state="active",
            row_version=1,
            created_at=now,
            changed_at=now,
        )
        guard_source(tx, hub.vault, source_id)

    await hub.database.write(unit)


def grant(**changes: Any) -> dict[str, Any]:
    """What the intake system may have: not the shareholders."""
    return {
        "system": INTAKE,
        "interface": INTERFACE,
        "owner": AMR,
        "fields": ["uscc", "name", "established_on", "is_active"],
        "matters": [MATTER],
        "purpose": PURPOSE,
        "legal_basis": "政务数据共享条例",
        "valid_until": "2035-01-01T00:00:00+08:00",
    } | changes


@dataclass
class Town:
    """An open hub, its client, and the register."""

    place: Place
    hub: Hub
    client: httpx2.AsyncClient
    headers: dict[str, str]
    register: Register
    grant_id: str

    async def case(self, **changes: Any) -> str:
        return await open_case(self.client, self.headers, **changes)

    async def query(
        self, case_no: str | None = None, *, code: str = INTERFACE, key: str | None = None, **body: Any
    ) -> httpx2.Response:
        asked = {"case_no": case_no or await self.case(), "purpose": PURPOSE} | body
        headers = self.headers | ({"Idempotency-Key": key} if key else {})
        return await self.client.post(f"/api/v1/interfaces/{code}/query", json=asked, headers=headers)

    async def ask(self, case_no: str | None = None, **body: Any) -> dict[str, Any]:
        answer = await self.query(case_no, **body)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = json.loads(answer.content)
        return found


def for_another(name: str, number: str) -> dict[str, Any]:
    """A case about somebody else."""
    return case_body(parties=[{"role": "applicant", "id_type": "001", "id_number": number, "name": name}])


@pytest.fixture
async def register() -> AsyncIterator[Register]:
    async with serving(Register({ENTERPRISE["id_number"]: [row()]})) as served:
        yield served


@pytest.fixture
async def town(place: Place, register: Register) -> AsyncIterator[Town]:
    async with place.open(egress_networks=("127.0.0.0/8",)) as hub, place.client(hub) as client:
        await add_source(hub, register.port)
        await publish(hub, definition())
        granted = await hub.registry.add_grant(grant())
        yield Town(place, hub, client, await place.headers(client), register, granted)


@pytest.fixture
async def subscriber(place: Place) -> AsyncIterator[Subscriber]:
    """A system with an address that listens."""
    async with listening() as receiver, subscribing(place, receiver) as opened:
        yield opened
