"""A receiver of webhooks for the time of a run."""

import queue
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, Self

from yizheng_client.errors import ConfigurationError, VerificationError
from yizheng_client.jose import write_json
from yizheng_client.webhooks import Message, read_message

WAIT_SECONDS: Final = 15
_MOST_BYTES: Final = 65_536


@dataclass(slots=True)
class Listening:
    """Verified messages as they come; what does not verify is answered 401, and counted."""

    secret: str = field(repr=False)
    told: "queue.Queue[Message]" = field(default_factory=queue.Queue)
    refused: list[str] = field(default_factory=list)
    _server: ThreadingHTTPServer | None = None

    def start(self, host: str, port: int) -> Self:
        """Listen, in a thread. Raises: ConfigurationError."""
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:  # the name that http.server wants
                length = min(int(self.headers.get("Content-Length") or 0), _MOST_BYTES)
                status, answer = outer.hear(dict(self.headers.items()), self.rfile.read(length))
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # http.server's name
                pass

        try:
            self._server = ThreadingHTTPServer((host, port), Handler)
        except OSError as error:
            raise ConfigurationError("nobody can listen at --listen") from error
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    @property
    def port(self) -> int:
        """Where it listens."""
        return 0 if self._server is None else int(self._server.server_address[1])

    def hear(self, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        """Status and answer for one message."""
        try:
            message = read_message(headers, body, secret=self.secret)
        except VerificationError as error:
            self.refused.append(error.reason)
            return 401, b"{}"
        self.told.put(message)
        return 200, write_json({"challenge": message.challenge} if message.challenge else {})

    def wait(self) -> Message | None:
        """The next message, if one comes soon."""
        try:
            return self.told.get(timeout=WAIT_SECONDS)
        except queue.Empty:
            return None

    def stop(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
