"""Whoever asks too often is told when to come again: each system for itself, and as the conformance check sees it."""

import asyncio
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest

from tests.serving import problem
from tests.support import NARROW, Place
from yizheng_client.conformance.hub_checks import HUB_CHECKS

pytestmark = pytest.mark.embedded
MOST = 4


@dataclass
class Under:
    """A hub under the check, which asks it from another thread."""

    client: httpx2.AsyncClient
    headers: dict[str, str]
    loop: asyncio.AbstractEventLoop
    limits: int = 2 * MOST

    def get(self, path: str) -> Any:
        asked = self.client.get(path, headers=self.headers)
        return asyncio.run_coroutine_threadsafe(asked, self.loop).result(10)


async def test_a_system_that_asks_too_often_is_told_when_to_come_again_and_no_other_is(place: Place) -> None:
    async with place.open(system_requests_per_minute=MOST) as hub, place.client(hub) as client:
        mine, theirs = await place.headers(client), await place.headers(client, NARROW)
        answers = [await client.get("/api/v1/matters", headers=mine) for _ in range(MOST + 1)]
        assert [answer.status_code for answer in answers] == [200] * MOST + [429]
        told = problem(answers[-1], status=429, slug="rate-limited")
        assert told["retryable"] is True
        assert 1 <= int(answers[-1].headers["retry-after"]) == told["retry_after_seconds"] <= 60
        refused = await client.post("/api/v1/cases", content=b"{", headers=mine)
        assert refused.status_code == 429, "before the body is read"
        assert (await client.get("/api/v1/matters", headers=theirs)).status_code == 200
        (check,) = [each for each in HUB_CHECKS if each.id == "R1"]
        await asyncio.to_thread(check.run, Under(client, theirs, asyncio.get_running_loop()))
