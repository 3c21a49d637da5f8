"""PHP's SOAP server with the town's register, behind a front that can hold questions and count them."""

import asyncio
import json
import os
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.adapters.contract import PATIENCE
from tests.adapters.servers import Got, Said, Server, serving
from tests.adapters.town import ENTERPRISES

FILES = Path(__file__).parent / "soap_register"
BASIC_PASSWORD = "b3sic-pass-of-the-town-19c2"
WSSE_PASSWORD = "wsse-p4ss-of-the-town-77d0"
BY_USCC: dict[str, Any] = {
    "operation": "Find",
    "body": {"where": {"column": "uscc", "value": "{uscc}"}},
    "none_when": [{"pointer": "", "present": False}],
}
BY_NAME = {**BY_USCC, "body": {"where": {"column": "name", "value": "{name}"}}}
BY_REGION = {**BY_USCC, "body": {"where": {"column": "region", "value": "{region}"}}}
GET: dict[str, Any] = {"operation": "Get", "body": {"uscc": "{uscc}"}, "none_when": [{"fault": "Client.NotFound"}]}


@dataclass(frozen=True)
class Register:
    """A running register. `home` holds its contract, read anew for each request."""

    front: Server
    home: Path

    @property
    def wsdl_url(self) -> str:
        return f"{self.front.url}/register.wsdl"


@asynccontextmanager
async def register(home: Path, asks: str = "") -> AsyncIterator[Register]:
    """Start one; `asks` is `basic`, `wsse` or nothing."""
    if shutil.which("php") is None:
        pytest.skip("no PHP: make test installs it")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "REGISTER_HOME": str(home), "REGISTER_ASKS": asks, "PHP_CLI_SERVER_WORKERS": "4"}
    php = subprocess.Popen(  # noqa: ASYNC220  # it starts at once
        ["php", "-d", "log_errors=0", "-S", f"127.0.0.1:{port}", FILES / "register.php"],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        process_group=0,
    )
    try:
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE) as behind:

            async def forward(got: Got) -> Said:
                passed = {"content-type", "soapaction", "authorization"}
                headers = {name: value for name, value in got.headers.items() if name in passed}
                answer = await behind.request(got.method, got.target, content=got.body, headers=headers)
                kind = answer.headers.get("content-type", "text/html")
                return Said(answer.status_code, answer.content, (("Content-Type", kind),))

            async with serving(forward) as front:
                wsdl = (FILES / "register.wsdl").read_text(encoding="utf-8").replace("__ADDRESS__", front.url)
                (home / "register.wsdl").write_text(wsdl, encoding="utf-8")
                shutil.copy(FILES / "types.xsd", home)
                rows = json.dumps([dict(row) for row in ENTERPRISES], ensure_ascii=False)
                (home / "enterprises.json").write_text(rows, encoding="utf-8")
                await _listens(port)
                yield Register(front, home)
    finally:
        # PHP's workers are children of their own.
        os.killpg(php.pid, 15)
        php.wait()


async def _listens(port: int) -> None:
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return
