"""A department with a signer of its own, behind TLS with certificates on both sides."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn

from hub.access.actors import COMMAND
from hub.issuing.keys.room import KeyView
from hub.runtime import Hub
from hub.signer.app import SignerDesk, signer_app
from hub.signer.book import Book
from hub.signer.judging import Policy
from signing.keys import SoftwareSigner
from signing.rsa_keys import RsaSigner
from tests.adapters.test_sql_tls import Authority, Certified, authority, certified
from tests.keys.library import ISSUER, LICENCE
from tests.support import free_port


@dataclass
class OwnSigner:
    """The department's key, its book, and where it is served."""

    folder: Path
    approve_all: bool = True
    types: frozenset[str] = frozenset({LICENCE})
    kinds: frozenset[str] = frozenset({"licence"})
    signer: SoftwareSigner | RsaSigner = field(default_factory=SoftwareSigner.generate)
    servers: Authority = field(default_factory=authority)
    clients: Authority = field(default_factory=authority)
    port: int = field(default_factory=free_port)

    def __post_init__(self) -> None:
        self.book = Book(self.folder / "book.sqlite3")
        self.hub = certified("hub", issuer=self.clients)

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    def files(self, own: Certified | None = None) -> list[str]:
        shown = own or self.hub
        return [self.servers.pem, shown.certificate, shown.key]

    @contextmanager
    def serving(self) -> Iterator[None]:
        policy = Policy(self.signer.kid, self.types, self.kinds)
        desk = SignerDesk(self.signer, self.book, policy, approve_all=self.approve_all)
        server = uvicorn.Server(uvicorn.Config(signer_app(desk), port=self.port, log_level="critical", **self._tls()))
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield
        server.should_exit = True
        thread.join()

    async def attach(self, hub: Hub, name: str = ISSUER, **changes: Any) -> KeyView:
        given = {"compared": self.signer.kid, "reason": "the department keeps its key"} | changes
        return await hub.keyring.outside.attach(COMMAND, name, self.url, self.files(), **given)

    def _tls(self) -> dict[str, Any]:
        import ssl

        shown = certified("localhost", issuer=self.servers, alternative="localhost")
        for name, text in (("server.pem", shown.certificate), ("server.key", shown.key), ("ca.pem", self.clients.pem)):
            (self.folder / name).write_text(text)
        return {
            "ssl_certfile": str(self.folder / "server.pem"),
            "ssl_keyfile": str(self.folder / "server.key"),
            "ssl_ca_certs": str(self.folder / "ca.pem"),
            "ssl_cert_reqs": ssl.CERT_REQUIRED,
        }
