"""A town with a campaign: a bulk grant, an ex officio case, and a register that an inspection asks about."""

import json
from contextlib import suppress
from dataclasses import replace
from typing import Any

import httpx2

from catalog.store import find_department
from hub.access.actors import Actor, Role
from hub.clock import new_id
from tests.exchange.conftest import INTERFACE, Town, grant, row
from tests.support import AMR, ENTERPRISE, MATTER, PURPOSE, valid_uscc

OFFICER = "op-1"


def firm(place: int) -> dict[str, str]:
    """An invented enterprise."""
    return {"id_type": "001", "id_number": valid_uscc(f"91990100MA{place:07d}"), "name": f"示例市第{place}商行"}


def row_of(party: dict[str, str], **changes: Any) -> dict[str, Any]:
    """As the register has it."""
    return row(**{"企业名称": party["name"], "统一社会信用代码": party["id_number"], **changes})


def bulk_grant(**changes: Any) -> dict[str, Any]:
    """For a campaign, by one officer, a hundred at a time."""
    terms = {"kind": "ex_officio", "officers": [OFFICER], "quota_per_day": 10_000, "bulk": True, "bulk_subjects": 100}
    return grant(**terms | changes)


async def campaign(town: Town, **changes: Any) -> str:
    """The number of an open campaign case."""
    return await town.case(**{"kind": "ex_officio"} | changes)


async def ask(town: Town, case_no: str, parties: list[dict[str, Any]], **options: Any) -> httpx2.Response:
    """Ask with a short list."""
    key, headers = options.pop("key", None), options.pop("headers", town.headers)
    body = {"case_no": case_no, "purpose": PURPOSE, "officer": OFFICER, "parties": parties} | options
    sent = headers | ({"Idempotency-Key": key} if key else {})
    return await town.client.post(f"/api/v1/interfaces/{INTERFACE}/bulk", json=body, headers=sent)


async def ask_lines(town: Town, case_no: str, lines: bytes, **options: Any) -> httpx2.Response:
    """Ask with a long one."""
    head = {"case_no": case_no, "purpose": PURPOSE, "officer": OFFICER} | options
    body = json.dumps(head, ensure_ascii=False).encode() + b"\n" + lines
    headers = town.headers | {"Content-Type": "application/x-ndjson"}
    return await town.client.post(f"/api/v1/interfaces/{INTERFACE}/bulk", content=body, headers=headers)


async def begin(town: Town, count: int = 3, **options: Any) -> str:
    """A run over so many firms that the register has."""
    parties = [firm(place) for place in range(count)]
    town.register.rows |= {party["id_number"]: [row_of(party)] for party in parties}
    answer = await ask(town, await campaign(town), parties, **options)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["run"])


async def work(town: Town) -> None:
    """Run the jobs that are due."""
    with suppress(TimeoutError):
        while await town.hub.jobs.sweep():
            pass


async def see(town: Town, run: str) -> dict[str, Any]:
    """How far it is."""
    answer = await town.client.get(f"/api/v1/bulk/{run}", headers=town.headers)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def approver(town: Town, *, code: str = AMR, name: str = "approver", role: Role = Role.OWNER_APPROVER) -> Actor:
    """Somebody of a department."""
    found = await town.hub.database.read(lambda tx: find_department(tx, code))
    assert found is not None
    return Actor("staff", new_id(), name, found.id, frozenset({role}))


async def released(town: Town, count: int = 3, **options: Any) -> str:
    """A run whose file can be fetched."""
    run = await begin(town, count, **options)
    await work(town)
    await town.hub.bulk.releases.release(await approver(town), run)
    return run


async def fetch(town: Town, run: str, what: str = "file", **options: Any) -> httpx2.Response:
    """Its file, or its manifest."""
    return await town.client.get(f"/api/v1/bulk/{run}/{what}", headers=options.get("headers", town.headers))


def rows_in(file: bytes) -> list[dict[str, Any]]:
    """The rows of a file, after its recipient."""
    return [json.loads(line) for line in file.splitlines()[1:]]


__all__ = ["ENTERPRISE", "MATTER", "replace"]
