"""The API of sources and interfaces: with a staff token, for the own department, and the same rules as everywhere."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml

from hub.access.actors import COMMAND, Role
from hub.runtime import Hub
from tests.access.people import add
from tests.registry.department import CODE, LISTING, SOURCE, interface, register, source
from tests.support import ENTERPRISE, POLICE, Place

SOURCES = "/api/v1/sources"
ONE = f"/api/v1/interfaces/{CODE}"
ROUTES = [
    ("GET", SOURCES),
    ("POST", SOURCES),
    ("GET", f"{SOURCES}/{SOURCE}"),
    ("PATCH", f"{SOURCES}/{SOURCE}"),
    ("PUT", f"{SOURCES}/{SOURCE}/secrets/pw"),
    ("DELETE", f"{SOURCES}/{SOURCE}/secrets/pw"),
    *(("POST", f"{SOURCES}/{SOURCE}/{step}") for step in ("probe", "disable", "enable")),
    ("POST", "/api/v1/interfaces"),
    ("GET", f"{ONE}/draft"),
    ("GET", f"{ONE}/export"),
    *(
        ("POST", f"{ONE}/{step}")
        for step in ("check", "trials", "quality", "submit", "publish", "deprecate", "withdraw", "reinstate", "lift")
    ),
]


async def headers(hub: Hub, name: str, *roles: Role, **more: Any) -> dict[str, str]:
    staff = await add(hub, name, *roles, **more)
    token = await hub.sessions.make_token(staff.actor(), label="test", life=timedelta(hours=1))
    return {"Authorization": f"Bearer {token}"}


async def test_two_people_publish_an_interface_over_the_api(
    hub: Hub, client: httpx2.AsyncClient, tmp_path: Path
) -> None:
    await hub.sources.add(COMMAND, source(register(tmp_path)))
    engineer = await headers(hub, "engineer", Role.OWNER_ENGINEER)
    approver = await headers(hub, "approver", Role.OWNER_APPROVER)
    probed = await client.post(f"{SOURCES}/{SOURCE}/probe", headers=engineer)
    assert (probed.status_code, probed.json()["ok"]) == (200, True)
    made = await client.post("/api/v1/interfaces", json={"definition": interface()}, headers=engineer)
    assert (made.status_code, made.json()) == (201, {"code": CODE, "version": 1})
    early = await client.post(f"{ONE}/publish", json={}, headers=approver)
    assert (early.status_code, early.json()["state"]) == (409, "draft")
    assert (await client.post(f"{ONE}/check", headers=engineer)).json() == {"errors": []}
    assert (await client.post(f"{ONE}/submit", headers=engineer)).status_code == 200
    untried = await client.post(f"{ONE}/publish", json={}, headers=approver)
    assert (untried.status_code, untried.json()["errors"]) == (409, [{"pointer": "trial", "rule": "missing"}])
    params = {"params": {"uscc": ENTERPRISE["id_number"]}}
    tried = await client.post(f"{ONE}/trials", json=params, headers=engineer)
    assert tried.json()["passed"] is True
    assert ENTERPRISE["name"] not in tried.text
    report = await client.post(f"{ONE}/quality", json={"operation": LISTING}, headers=engineer)
    assert report.json()["usable"] == 2
    assert (await client.post(f"{ONE}/publish", json={}, headers=engineer)).status_code == 403
    assert (await client.post(f"{ONE}/publish", json={}, headers=approver)).status_code == 200
    assert (await client.get(f"{ONE}/draft", headers=engineer)).json()["state"] == "live"
    exported = await client.get(f"{ONE}/export", headers=approver)
    assert yaml.safe_load(exported.text) == interface()
    soon = {"ends_at": "2026-11-23T00:00:00+08:00", "reason": "x"}
    assert (await client.post(f"{ONE}/deprecate", json=soon, headers=approver)).status_code == 409
    later = soon | {"ends_at": "2099-01-01T00:00:00+08:00"}
    assert (await client.post(f"{ONE}/deprecate", json=later, headers=approver)).json() == {"holders": []}
    assert (await client.post(f"{ONE}/reinstate", headers=approver)).status_code == 200
    assert (await client.post(f"{ONE}/withdraw", json={"reason": "下线"}, headers=approver)).status_code == 200


async def test_a_source_and_its_secret_over_the_api(hub: Hub, client: httpx2.AsyncClient) -> None:
    engineer = await headers(hub, "engineer", Role.OWNER_ENGINEER)
    connection = {"dialect": "postgresql", "host": "db.invalid", "port": 5432, "database": "d", "user": "u"}
    definition = source(Path("x"), connection=connection | {"password": "secret:pw"}, targets=["db.invalid:5432"])
    added = await client.post(SOURCES, json={"definition": definition}, headers=engineer)
    assert (added.status_code, added.headers["location"]) == (201, f"{SOURCES}/{SOURCE}")
    assert (await client.post(SOURCES, json={"definition": definition}, headers=engineer)).status_code == 409
    secret = f"{SOURCES}/{SOURCE}/secrets/pw"
    assert (await client.put(secret, json={"value": "canary-5d"}, headers=engineer)).status_code == 204
    assert "canary" not in (await client.get(f"{SOURCES}/{SOURCE}", headers=engineer)).text
    changed = {"definition": definition | {"contact": "y"}, "row_version": 1}
    assert (await client.patch(f"{SOURCES}/{SOURCE}", json=changed, headers=engineer)).status_code == 409
    again = await client.patch(f"{SOURCES}/{SOURCE}", json=changed | {"row_version": 2}, headers=engineer)
    assert again.json()["definition"]["contact"] == "y"
    assert (await client.delete(secret, headers=engineer)).status_code == 204
    disabled = await client.post(f"{SOURCES}/{SOURCE}/disable", json={"reason": "x"}, headers=engineer)
    assert disabled.json()["state"] == "disabled"
    assert (await client.post(f"{SOURCES}/{SOURCE}/enable", headers=engineer)).json()["state"] == "active"
    bad = await client.post(
        SOURCES, json={"definition": definition | {"code": "other", "targets": []}}, headers=engineer
    )
    assert (bad.status_code, "targets" in bad.json()["detail"]) == (422, True)


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.sampled
async def test_every_route_wants_a_token_and_the_right_department(
    place: Place, hub: Hub, client: httpx2.AsyncClient, tmp_path: Path, method: str, path: str
) -> None:
    await hub.sources.add(COMMAND, source(register(tmp_path)))
    await hub.interfaces.draft(COMMAND, interface())
    body = None if method == "GET" else _body(path)
    assert (await client.request(method, path, json=body)).status_code == 401
    system = await place.headers(client)
    assert (await client.request(method, path, headers=system, json=body)).status_code == 401
    stranger = await headers(hub, "stranger", Role.OWNER_ENGINEER, Role.OWNER_APPROVER, department=POLICE)
    answer = await client.request(method, path, headers=stranger, json=body)
    if path == SOURCES and method == "GET":
        assert answer.json() == {"sources": []}
    else:
        assert answer.status_code == 404


def _body(path: str) -> dict[str, Any]:
    connection = {"dialect": "postgresql", "host": "db.invalid", "port": 5432, "database": "d", "user": "u"}
    remote = source(Path("x"), connection=connection | {"password": "secret:pw"}, targets=["db.invalid:5432"])
    step = path.rsplit("/", 1)[1]
    bodies: dict[str, dict[str, Any]] = {
        "sources": {"definition": remote},
        SOURCE: {"definition": remote},
        "interfaces": {"definition": interface()},
        "pw": {"value": "v"},
        "disable": {"reason": "x"},
        "withdraw": {"reason": "x"},
        "deprecate": {"ends_at": "2099-01-01T00:00:00+08:00", "reason": "x"},
        "trials": {"params": {}},
        "quality": {"operation": LISTING},
    }
    return bodies.get(step, {})
