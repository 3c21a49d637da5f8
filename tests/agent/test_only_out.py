"""The whole way through mutual TLS from a network that only lets calls out: nothing can connect in, and it answers."""

import json
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.adapters.test_http_tls import certificate
from tests.agent.conftest import fill_sqlite
from tests.agent.network import Network, only_out
from tests.agent.running import Beside, configuration, register, started, wait_for_answer, wait_until
from tests.agent.tls_serving import Entrance, make_entrance, serving_tls
from tests.exchange.conftest import INTERFACE
from tests.support import ENTERPRISE, PURPOSE, Place, open_case


@pytest.fixture
def network() -> Iterator[Network]:
    with only_out() as made:
        yield made


def write_certificates(folder: Path, entrance: Entrance) -> dict[str, str]:
    (folder / "hub-ca.pem").write_text(entrance.authority.pem)
    (folder / "tls.pem").write_text(entrance.client.pem)
    (folder / "tls.key.pem").write_text(entrance.client.key_pem())
    (folder / "tls.key.pem").chmod(0o600)
    return {"ca_file": "hub-ca.pem", "certificate_file": "tls.pem", "certificate_key_file": "tls.key.pem"}


def hub_client(port: int, address: str, entrance: Entrance, folder: Path) -> httpx2.AsyncClient:
    context = ssl.create_default_context(cadata=entrance.authority.pem)
    context.load_cert_chain(entrance.client.write(folder))
    return httpx2.AsyncClient(base_url=f"https://{address}:{port}", verify=context, timeout=40)


async def ask(client: httpx2.AsyncClient, headers: dict[str, str]) -> dict[str, Any]:
    body = {"case_no": await open_case(client, headers), "purpose": PURPOSE}
    answer = await client.post(f"/api/v1/interfaces/{INTERFACE}/query", json=body, headers=headers)
    found: dict[str, Any] = json.loads(answer.content)
    return found


async def test_enterprise_by_uscc_from_a_network_that_nothing_can_connect_into(
    place: Place, beside: Beside, network: Network, tmp_path: Path
) -> None:
    entrance = make_entrance(network.hub_side)
    async with place.open() as hub:
        await register(hub, beside)
        thumbprint = hub.desk.hub("hub").signer.public.thumbprint
    with serving_tls(place, entrance, network.hub_side, tmp_path) as port:
        declared = configuration(
            f"https://{network.hub_side}:{port}", thumbprint, fill_sqlite(tmp_path / "old.sqlite3")
        )
        declared["hub"] |= write_certificates(beside.folder, entrance)
        beside.write(declared)
        async with hub_client(port, network.hub_side, entrance, tmp_path) as client:
            headers = await place.headers(client)
            with started(beside, *network.inside):
                found = await wait_for_answer(lambda: ask(client, headers))
                assert found["outcome"] == "satisfied", (found, beside.log)
                assert found["records"][0]["name"] == ENTERPRISE["name"]
                assert network.listening() == []
    assert_nothing_gets_in(network)


def assert_nothing_gets_in(network: Network) -> None:
    """Even a server in there cannot be reached from here, though it answers in there."""
    canary = [
        sys.executable,
        "-m",
        "http.server",
        "8000",
        "--bind",
        network.agent_side,
        "--directory",
        "/proc/self/fdinfo",
    ]
    with subprocess.Popen([*network.inside, *canary], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            wait_until(lambda: network.listening() != [], "the canary does not start")
            dial = f"import socket; socket.create_connection(('{network.agent_side}', 8000), 5)"
            subprocess.run([*network.inside, sys.executable, "-c", dial], check=True)
            with pytest.raises(OSError, match="timed out"):
                socket.create_connection((network.agent_side, 8000), timeout=1.5)
        finally:
            server.kill()


@pytest.mark.parametrize("wrong", ["authority", "no_certificate", "foreign_certificate"])
async def test_neither_side_talks_to_a_stranger(place: Place, beside: Beside, tmp_path: Path, wrong: str) -> None:
    """The agent dials a hub that its authority does not vouch for; the entrance is dialled without its certificate."""
    address = "127.0.0.1"
    entrance = make_entrance(address)
    async with place.open() as hub:
        await register(hub, beside)
        thumbprint = hub.desk.hub("hub").signer.public.thumbprint
    with serving_tls(place, entrance, address, tmp_path) as port:
        declared = configuration(f"https://{address}:{port}", thumbprint, fill_sqlite(tmp_path / "old.sqlite3"))
        files = write_certificates(beside.folder, entrance)
        if wrong == "authority":
            write_certificates(beside.folder, replace(entrance, authority=certificate("another.example")))
        elif wrong == "no_certificate":
            files = {"ca_file": files["ca_file"]}
        else:
            stranger = certificate("stranger.example")
            write_certificates(beside.folder, replace(entrance, client=certificate("agent.example", stranger)))
        declared["hub"] |= files
        beside.write(declared)
        done = beside.command("check", "--json")
        findings = json.loads(done.stdout)["findings"]
        assert done.returncode == 1
        assert findings[0]["ok"] is False
        assert findings[0]["who"] in {"agent", "hub"}
