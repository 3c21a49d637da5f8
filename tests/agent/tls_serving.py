"""A hub behind TLS that wants a client certificate, on any address of this machine."""

import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from hub.app import create_app
from tests.adapters.test_http_tls import Pair, certificate
from tests.support import Place


@dataclass(frozen=True)
class Entrance:
    """Certificates of the hub's entrance, and the one it gives to agents."""

    authority: Pair
    server: Pair
    client: Pair


def make_entrance(address: str) -> Entrance:
    authority = certificate("entrance.example")
    return Entrance(authority, certificate(address, authority), certificate("agent.example", authority))


def write_certificates(folder: Path, entrance: Entrance) -> dict[str, str]:
    """The agent's files for this entrance, as `agent.yaml` names them."""
    (folder / "hub-ca.pem").write_text(entrance.authority.pem)
    (folder / "tls.pem").write_text(entrance.client.pem)
    (folder / "tls.key.pem").write_text(entrance.client.key_pem())
    (folder / "tls.key.pem").chmod(0o600)
    return {"ca_file": "hub-ca.pem", "certificate_file": "tls.pem", "certificate_key_file": "tls.key.pem"}


@contextmanager
def serving_tls(place: Place, entrance: Entrance, address: str, folder: Path) -> Iterator[int]:
    """Serve until the block ends; answers the port."""
    trusted = folder / "entrance-ca.pem"
    trusted.write_text(entrance.authority.pem)
    own = entrance.server.write(folder)
    config = uvicorn.Config(
        create_app(place.settings(allowed_hosts=(address,))),
        host=address,
        port=0,
        loop="asyncio",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=5,
        ssl_certfile=own,
        ssl_ca_certs=str(trusted),
        ssl_cert_reqs=ssl.CERT_REQUIRED,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            time.sleep(0.01)
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(20)
        assert not thread.is_alive(), "the server did not stop"
