"""People of these tests, and their browsers: a client that keeps cookies and posts forms as a browser does."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from html import unescape
from typing import Any

import httpx2

from hub.access.actors import COMMAND, Role
from hub.access.staff_sign_in import Peer
from hub.access.staff_store import Staff
from hub.runtime import Hub
from tests.support import AMR, PUBLIC_URL, Place

PASSWORD = "four unrelated invented words"
OTHER = "another four unrelated words"
HERE = Peer("127.0.0.1", "test")


@dataclass
class Visitor:
    """Somebody's browser."""

    client: httpx2.AsyncClient

    async def get(self, path: str) -> httpx2.Response:
        return await self.client.get(path)

    async def post(self, path: str, fields: dict[str, Any] | None = None, **headers: str) -> httpx2.Response:
        """A form of our own page, with the token that the visitor's pages carry; a header None is not sent."""
        given = {"csrf": await self.csrf(), **(fields or {})}
        sent = {"Origin": PUBLIC_URL, "Sec-Fetch-Site": "same-origin"} | headers
        return await self.client.post(path, data=given, headers={name: value for name, value in sent.items() if value})

    async def csrf(self) -> str:
        page = await self.client.get("/console/account")
        found = re.search(r'name="csrf" value="([^"]+)"', page.text)
        return found.group(1) if found else ""

    async def sign_in(self, user_name: str, password: str = PASSWORD, **fields: str) -> httpx2.Response:
        return await self.post("/console/sign-in", {"user_name": user_name, "password": password, **fields})

    async def is_in(self) -> bool:
        return (await self.get("/console")).status_code == 200

    @property
    def session(self) -> str:
        return self.client.cookies.get("yz_session") or ""


@asynccontextmanager
async def visitor(place: Place, hub: Hub, *, address: str = "127.0.0.1") -> AsyncIterator[Visitor]:
    async with place.client(hub, client=(address, 50000)) as client:
        yield Visitor(client)


async def add(hub: Hub, user_name: str, *roles: Role, department: str | None = AMR, **more: Any) -> Staff:
    """An account with PASSWORD."""
    given = {"user_name": user_name, "display_name": "示例人员", "department": department, "roles": roles, **more}
    staff = await hub.staff.add(COMMAND, given)
    await hub.staff_sign_in.accept(secret_of(await hub.staff.invite(COMMAND, staff.id)), PASSWORD, HERE)
    return await hub.staff.get(COMMAND, staff.id)


async def add_operator(hub: Hub, user_name: str = "operator") -> Staff:
    return await add(hub, user_name, Role.OPERATOR, department=None)


def secret_of(link: str) -> str:
    return link.partition("?t=")[2]


def errors_of(page: httpx2.Response) -> list[str]:
    """The sentences of the error summary."""
    summary = page.text.partition('class="summary"')[2].partition("</div>")[0]
    return [unescape(re.sub("<.*?>", "", item)) for item in re.findall(r"<li>(.*?)</li>", summary)]
