"""A wallet that other people wrote, over the hub's own application: it fetches through the test's client."""

import asyncio
import json
import subprocess
from types import TracebackType
from typing import Any, Self

import httpx2

from tests.judges import FOLDER


class Wallet:
    """One node process for all tests; ends with the `with` block. `seen`: what it was answered, path, status, body."""

    client: httpx2.AsyncClient
    seen: list[tuple[str, int, str]]

    def over(self, client: httpx2.AsyncClient) -> Self:
        """The same, fetching through this client."""
        self.client, self.seen = client, []
        return self

    def __enter__(self) -> Self:
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(["node", "wallet.mjs"], cwd=FOLDER, stdin=pipe, stdout=pipe, text=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate(timeout=10)

    async def do(self, op: str, **request: Any) -> dict[str, Any]:
        """What it came to: its result, or `error`."""
        answer = await asyncio.to_thread(self._ask, {"op": op, **request})
        while "fetch" in answer:
            answer = await asyncio.to_thread(self._ask, await self._fetched(answer["fetch"]))
        return answer

    async def _fetched(self, wanted: dict[str, Any]) -> dict[str, Any]:
        response = await self.client.request(
            wanted["method"], wanted["url"], headers=wanted["headers"], content=(wanted["body"] or "").encode()
        )
        self.seen.append((wanted["url"].rpartition("/")[2], response.status_code, response.text))
        headers = {name: response.headers[name] for name in ("content-type",) if name in response.headers}
        return {"status": response.status_code, "headers": headers, "body": response.text}

    def _ask(self, value: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(value) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer
