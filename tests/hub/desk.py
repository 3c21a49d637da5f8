"""Somebody at a desk of the console, by HTTP alone: the cookie, forms with their token, what a page says."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from html import unescape

import httpx2

from hub.access.actors import COMMAND, Role
from hub.access.staff_sign_in import Peer
from hub.runtime import Hub
from tests.support import PUBLIC_URL, Place


@dataclass
class Desk:
    """A signed-in member of staff. `seen` collects every page that he was shown, `sent` every address he went to."""

    client: httpx2.AsyncClient
    staff_id: str
    seen: list[str] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)

    async def get(self, path: str) -> httpx2.Response:
        return self._noted(await self.client.get(path))

    async def post(self, path: str, *, form_on: str = "/console", **fields: str | list[str]) -> httpx2.Response:
        """Send a form as its page would, and follow where it leads."""
        page = await self.client.get(form_on)
        found = re.search(r'name="csrf" value="([^"]+)"', page.text)
        assert found, page.text[:200]
        data = {"csrf": found[1], **fields}
        answer = self._noted(await self.client.post(path, data=data, headers={"Origin": PUBLIC_URL}))
        if answer.status_code == 303:
            answer = await self.get(answer.headers["location"])
        return answer

    async def post_file(self, path: str, content: bytes) -> httpx2.Response:
        """Send a file by the form at this path; nothing where it is empty."""
        page = await self.client.get(path)
        found = re.search(r'name="csrf" value="([^"]+)"', page.text)
        assert found, page.text[:200]
        name = "file" if content else "nothing"
        answer = self._noted(
            await self.client.post(
                path,
                data={"csrf": found[1]},
                files={name: ("scan", content, "application/octet-stream")},
                headers={"Origin": PUBLIC_URL},
            )
        )
        return await self.get(answer.headers["location"]) if answer.status_code == 303 else answer

    def _noted(self, answer: httpx2.Response) -> httpx2.Response:
        self.seen.append(answer.text)
        self.sent.append(str(answer.url))
        return answer


@asynccontextmanager
async def at_desk(
    place: Place, hub: Hub, department: str | None, *roles: Role, name: str = "clerk"
) -> AsyncIterator[Desk]:
    given = {"user_name": name, "display_name": "示例人员", "department": department, "roles": list(roles)}
    staff = await hub.staff.add(COMMAND, given)
    secret = (await hub.staff.invite(COMMAND, staff.id)).partition("?t=")[2]
    begun = await hub.staff_sign_in.accept(secret, "four unrelated invented words", Peer("127.0.0.1", "test"))
    async with place.client(hub) as client:
        client.cookies.set("yz_session", begun.secret)
        yield Desk(client, staff.id)


def text_of(answer: httpx2.Response) -> str:
    """What people read on a page, without its navigation."""
    main = answer.text.partition('<main id="main"')[2].partition("</main>")[0] or answer.text
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", main)).split())


def lines_of(answer: httpx2.Response) -> dict[str, str]:
    """Title and the rest of each line of the table of requirements."""
    body = answer.text.partition('<table id="lines"')[2].partition("</table>")[0]
    rows = re.findall(r"<tr[^>]*><th scope=\"row\">(.*?)</th>(.*?)</tr>", body, re.DOTALL)
    return {unescape(title): " ".join(unescape(re.sub(r"<[^>]+>", " ", rest)).split()) for title, rest in rows}
