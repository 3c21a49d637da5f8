"""A time-stamp authority that is not ours: `openssl ts -reply` behind a small HTTP server, which can misbehave."""

import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from hub.issuing.stamping.service import REPLY_TYPE
from signing.rsa_keys import RsaSigner
from signing.x509.pki import issue_leaf, new_root
from tests.signing.chains import USCC

POLICY = "1.3.6.1.4.1.99999.7"
_CONFIG = f"""
[tsa]
serial = serial
signer_cert = leaf.pem
signer_key = key.pem
certs = leaf.pem
default_policy = {POLICY}
digests = sha256
signer_digest = sha256
accuracy = secs:1
ess_cert_id_alg = sha256
"""
Answer = tuple[int, str, bytes]


@dataclass
class Elsewhere:
    """The authority's files; `misbehave` changes its answers, `asked` are the requests it got."""

    folder: Path
    url: str = ""
    asked: list[bytes] = field(default_factory=list)
    misbehave: Callable[[Answer], Answer] = field(default=lambda answer: answer)

    @property
    def roots(self) -> Path:
        return self.folder / "root.pem"

    def answer(self, request: bytes) -> Answer:
        self.asked.append(request)
        (self.folder / "query.tsq").write_bytes(request)
        command = "openssl ts -reply -config tsa.cnf -section tsa -queryfile query.tsq -out reply.tsr"
        subprocess.run(command.split(), cwd=self.folder, check=True, capture_output=True)
        return self.misbehave((200, REPLY_TYPE, (self.folder / "reply.tsr").read_bytes()))


@contextmanager
def authority_elsewhere(folder: Path) -> Iterator[Elsewhere]:
    folder.mkdir()
    now, signer = datetime.now(UTC), RsaSigner.generate()
    root = new_root("Stamps of Another City", now=now - timedelta(days=1))
    leaf = issue_leaf(
        root,
        public=signer.public,
        organization="另一市时间戳中心",
        organization_id=USCC,
        role="timestamp",
        uri="https://tsa.example.gov.cn",
        now=now - timedelta(hours=1),
        days=30,
    )
    for name, der in (("root", root.certificate), ("leaf", leaf)):
        pem = x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM)
        (folder / f"{name}.pem").write_bytes(pem)
    (folder / "key.pem").write_bytes(signer.to_pem())
    (folder / "tsa.cnf").write_text(_CONFIG)
    (folder / "serial").write_text("01")
    made = Elsewhere(folder)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            status, media_type, content = made.answer(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(status)
            self.send_header("Content-Type", media_type)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    made.url = f"http://127.0.0.1:{server.server_port}/tsr"
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
