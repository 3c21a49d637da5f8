"""The promises of the port, over PHP's SOAP server: SOAP 1.1 and 1.2, a WSDL by address and inline, credentials."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from adapters.egress import Target
from tests.adapters.contract import Kind, SourceContract
from tests.adapters.servers import nobody
from tests.adapters.soap_server import (
    BASIC_PASSWORD,
    BY_NAME,
    BY_REGION,
    BY_USCC,
    FILES,
    WSSE_PASSWORD,
    register,
)

WRONG = "wr0ng-pass-of-nobody-31f0"
BASIC = {"type": "basic", "username": "hub", "password": "secret:soap"}
WSSE = {"username": "hub", "password": "secret:soap"}
WAYS: dict[str, tuple[str, dict[str, Any], str]] = {
    "soap11 open": ("", {}, "Soap11"),
    "soap12 basic": ("basic", {"auth": BASIC}, "Soap12"),
    "soap11 username token": ("wsse", {"wsse": WSSE}, "Soap11"),
    "soap12 digest token": ("wsse", {"wsse": {**WSSE, "digest": True}}, "Soap12"),
    "inline": ("", {}, "Soap12"),
}


class TestSoap(SourceContract):
    @pytest.fixture(params=WAYS)
    async def kind(self, request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Kind]:
        asks, members, port = WAYS[request.param]
        password = {"basic": BASIC_PASSWORD, "wsse": WSSE_PASSWORD}.get(asks, "")
        async with register(tmp_path, asks) as server, nobody() as gone:
            contract = {"wsdl_url": server.wsdl_url}
            elsewhere = {"wsdl_url": f"http://127.0.0.1:{gone}/register.wsdl"}
            if request.param == "inline":
                wsdl = (tmp_path / "register.wsdl").read_text(encoding="utf-8")
                schemas = {"types.xsd": (FILES / "types.xsd").read_text(encoding="utf-8")}
                contract = {"wsdl": wsdl, "schemas": schemas}
                elsewhere = {**contract, "address": f"http://127.0.0.1:{gone}/soap12"}
            yield Kind(
                kind="soap",
                connection={**contract, **members},
                by_uscc={**BY_USCC, "port": port},
                by_name={**BY_NAME, "port": port},
                by_region={**BY_REGION, "port": port},
                secrets={"soap": password} if asks else {},
                targets=frozenset({server.front.target, Target("127.0.0.1", gone)}),
                gone={**elsewhere, **members},
                denied={"soap": WRONG} if asks == "basic" else None,
                slow=server.front.held,
                busy=server.front.busy,
            )
