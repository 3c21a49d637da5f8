"""A small hub for tests: one template per database, founded and filled once, copied for each test."""

import os
import random
import shutil
import socket
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import httpx2
import psycopg
from fastapi import FastAPI

from certificates.profile import CIVIL_ZONE
from hub.app import create_app
from hub.edge.guard import EdgeGuard
from hub.founding import found
from hub.issuing.plan import Record
from hub.runtime import Hub, open_hub
from hub.settings import Settings
from signing.jose import sign_jws
from signing.keys import SoftwareSigner

POSTGRES = os.environ.get("YIZHENG_TEST_POSTGRES")
REDIS = os.environ.get("YIZHENG_TEST_REDIS")
PUBLIC_URL = "http://127.0.0.1:8700"
TYPES = Path(__file__).parent.parent / "certificates" / "types"
AMR = "11990000MB0000002Q"  # 市场监督管理局
POLICE = "11990000MB0000003U"
INTAKE = "intake"
NARROW = "narrow"
PURPOSE = "办理食品经营许可"
MATTER = "FOOD"
ENTERPRISE = {"id_type": "001", "id_number": "91990100MA00000019", "name": "示例市晨光食品有限公司"}
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_REQUIRED_FIELDS = ["name", "uscc", "address"]


def enterprise_claims(**changes: Any) -> dict[str, Any]:
    """Claims of an invented business licence."""
    return {
        "name": ENTERPRISE["name"],
        "uscc": valid_uscc("91990100MA0000001"),
        "established_on": "2019-03-01",
        "business_scope": "食品销售",
        "address": "示例市中心路1号",
        "legal_representative": "王晨光",
    } | changes


def valid_uscc(body: str) -> str:
    """Append the check character of GB 32100 to 17 characters."""
    alphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"
    total = sum(alphabet.index(char) * pow(3, place, 31) for place, char in enumerate(body))
    return body + alphabet[(31 - total % 31) % 31]


ENTERPRISE["id_number"] = valid_uscc("91990100MA0000001")


@dataclass(frozen=True)
class Place:
    """Where a test's hub lives."""

    home: Path
    database_url: str | None

    def settings(self, **changes: Any) -> Settings:
        given: dict[str, Any] = {"home": self.home, "public_url": PUBLIC_URL} | changes
        if self.database_url:
            given["database_url"] = self.database_url
        return Settings(**given)

    def environment(self) -> dict[str, str]:
        """For a subprocess."""
        variables = {**os.environ, "YIZHENG_HOME": str(self.home), "YIZHENG_PUBLIC_URL": PUBLIC_URL}
        if self.database_url:
            variables["YIZHENG_DATABASE_URL"] = self.database_url
        return variables

    @asynccontextmanager
    async def open(self, **changes: Any) -> AsyncIterator[Hub]:
        async with open_hub(self.settings(**changes)) as hub:
            yield hub

    @asynccontextmanager
    async def client(self, hub: Hub, **options: Any) -> AsyncIterator[httpx2.AsyncClient]:
        with application(hub) as app:
            transport = httpx2.ASGITransport(app=app, **options)
            async with httpx2.AsyncClient(transport=transport, base_url=PUBLIC_URL) as client:
                yield client

    def signer(self, client_id: str = INTAKE) -> SoftwareSigner:
        return SoftwareSigner.from_pem((self.home / f"{client_id}.pem").read_bytes())

    async def token(self, client: httpx2.AsyncClient, client_id: str = INTAKE) -> str:
        answer = await client.post("/oauth/token", data=token_form(assertion(self.signer(client_id), client_id)))
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    async def headers(self, client: httpx2.AsyncClient, client_id: str = INTAKE) -> dict[str, str]:
        return {"Authorization": f"Bearer {await self.token(client, client_id)}"}


_FREE: dict[str, list[EdgeGuard]] = {}


@contextmanager
def application(hub: Hub) -> Iterator[EdgeGuard]:
    """The application over this hub. One that no other test uses now is given a new hub: to build its routes takes
    longer than most tests.
    """
    free = _FREE.setdefault(hub.settings.model_dump_json(include={"public_url", "allowed_hosts", "max_body_bytes"}), [])
    app = free.pop() if free else cast("EdgeGuard", create_app(hub.settings, hub=hub))
    cast("FastAPI", app._app).state.hub = hub
    hub.agents.attend()
    yield app
    free.append(app)


def assertion(signer: SoftwareSigner, client_id: str, *, typ: str = "JWT", **changes: Any) -> str:
    """A client assertion; a claim changed to None is left out."""
    now = int(time.time())
    claims: dict[str, Any] = {
        "iss": client_id,
        "sub": client_id,
        "aud": PUBLIC_URL,
        "iat": now,
        "exp": now + 60,
        "jti": str(uuid.uuid4()),
    } | changes
    return sign_jws({name: value for name, value in claims.items() if value is not None}, signer=signer, typ=typ)


def token_form(client_assertion: str) -> dict[str, str]:
    return {
        "grant_type": "client_credentials",
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": client_assertion,
    }


def case_body(**changes: Any) -> dict[str, Any]:
    return {
        "matter": MATTER,
        "kind": "application",
        "parties": [{"role": "applicant", **ENTERPRISE}],
        "operator": {"id": "op-1", "name": "李办事"},
        "channel": "counter",
        "external_no": str(uuid.uuid4()),
        "corroboration": [{"kind": "card_read", "at": "2026-11-22T09:00:00+08:00", "reference": "reader-1"}],
    } | changes


async def open_case(client: httpx2.AsyncClient, headers: dict[str, str], **changes: Any) -> str:
    answer = await client.post("/api/v1/cases", json=case_body(**changes), headers=headers)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["case_no"])


async def pull(client: httpx2.AsyncClient, headers: dict[str, str], case_no: str, **body: Any) -> httpx2.Response:
    return await client.post(f"/api/v1/cases/{case_no}/evidence", json={"purpose": PURPOSE} | body, headers=headers)


async def issue(
    hub: Hub, *claims: dict[str, Any], slug: str = "business_licence", issuer: str = AMR, as_of: datetime | None = None
) -> list[Any]:
    """Issue licences as collection does."""
    from catalog.store import find_department

    department = await hub.database.read(lambda tx: find_department(tx, issuer))
    issued = hub.types.find(slug)
    assert department is not None
    assert issued is not None
    moment = as_of or datetime.now(UTC)
    records = [Record(item, moment, moment.astimezone(CIVIL_ZONE).date()) for item in claims]
    return await hub.issuing.issue(records, issued=issued, issuer=department)


async def fill(hub: Hub, home: Path) -> None:
    """The catalogue of the template: two departments, two types, two systems, one matter, their grants, one licence."""
    for slug in ("business_licence", "identity_card"):
        await hub.registry.add_type((TYPES / f"{slug}.yaml").read_text(encoding="utf-8"))
    await hub.registry.add_department(
        {"code": AMR, "name": {"zh": "市场监督管理局", "en": "Market regulation"}, "issues": ["business_licence"]}
    )
    await hub.registry.add_department(
        {"code": POLICE, "name": {"zh": "公安局", "en": "Public security"}, "issues": ["identity_card"]}
    )
    for client_id in (INTAKE, NARROW):
        signer = SoftwareSigner.generate()
        (home / f"{client_id}.pem").write_bytes(signer.to_pem())
        await hub.registry.add_system(
            {
                "department": AMR,
                "client_id": client_id,
                "name": {"zh": client_id, "en": client_id},
                "keys": [signer.public.jwk],
            }
        )
    await hub.registry.add_matter(matter_definition())
    await hub.registry.add_grant(grant_definition(hub))
    await issue(hub, enterprise_claims())
    await hub.ledger.drain()


def matter_definition() -> dict[str, Any]:
    licence = {"type": "11990000MB0000002Q001", "fields": _REQUIRED_FIELDS}
    representative = {"type": "11990000MB0000002Q001", "fields": ["legal_representative"]}
    identity = {"type": "11990000MB0000003U001", "fields": ["name"]}
    return {
        "code_system": "test",
        "code": MATTER,
        "name": {"zh": "食品经营许可", "en": "Food business permit"},
        "department": AMR,
        "roles": ["applicant", "agent"],
        "requirements": [
            requirement("licence", "营业执照", "applicant", [[licence]]),
            requirement("representative", "法定代表人", "applicant", [[representative]]),
            requirement("agent_identity", "经办人身份证", "agent", [[identity]]),
        ],
    }


def requirement(code: str, title: str, party: str, alternatives: list[list[dict[str, Any]]]) -> dict[str, Any]:
    return {
        "code": code,
        "title": {"zh": title, "en": code},
        "party": party,
        "legal_basis": "食品经营许可和备案管理办法",
        "alternatives": alternatives,
    }


def grant_definition(hub: Hub, **changes: Any) -> dict[str, Any]:
    """Grants the licence's plain fields, not the legal representative."""
    del hub
    return {
        "system": INTAKE,
        "type": "business_licence",
        "owner": AMR,
        "fields": _REQUIRED_FIELDS,
        "matters": [MATTER],
        "purpose": PURPOSE,
        "legal_basis": "政务数据共享条例",
        "valid_until": "2035-01-01T00:00:00+08:00",
    } | changes


async def make_template(place: Place) -> None:
    """Found and fill a hub that tests copy."""
    await found(place.settings())
    async with place.open() as hub:
        await fill(hub, place.home)


def copy_home(template: Place, folder: Path) -> Path:
    home = folder / "home"
    shutil.copytree(template.home, home)
    return home


def free_port() -> int:
    """A port that nobody has, below those that the kernel gives to outgoing connections: one of these may take a port
    between this look and the server's start, and then the server does not start.
    """
    for _ in range(100):
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no port is free")


@contextmanager
def new_database(template: str | None = None) -> Iterator[str]:
    """An empty PostgreSQL database, or a copy of a template; dropped afterwards."""
    assert POSTGRES is not None
    name = f"t{uuid.uuid4().hex}"
    with psycopg.connect(f"{POSTGRES}/postgres", autocommit=True) as admin:
        source = f' TEMPLATE "{template}" STRATEGY file_copy' if template else ""
        admin.execute(f'CREATE DATABASE "{name}"{source}')
        try:
            yield f"{POSTGRES}/{name}"
        finally:
            admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
