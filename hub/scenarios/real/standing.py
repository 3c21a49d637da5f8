"""What stands in for departments without a database to offer: a web server of this process, a folder of CSV files."""

import csv
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Final
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from hub.scenarios.places import By, Table

LOOPBACK: Final = "127.0.0.1"
XML: Final = "text/xml; charset=utf-8"
JSON: Final = "application/json"
Call = Callable[[str], tuple[str, bytes]]
"""What was posted → media type and answer."""


@dataclass(slots=True)
class WebServer:
    """Answers GET /SOURCE?COLUMN=VALUE with the rows that equal it, as JSON, and what is posted to a path that has
    `calls` by these; of a source that is away, 503.
    """

    tables: dict[str, Table] = field(default_factory=dict)
    calls: dict[str, Call] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    port: int = 0
    """0: any that is free."""
    server: ThreadingHTTPServer = field(init=False)

    def __post_init__(self) -> None:
        """Listen on this machine. Raises: OSError: the port is taken."""
        self.server = ThreadingHTTPServer((LOOPBACK, self.port), self._handler())
        Thread(target=self.server.serve_forever, args=(0.05,), name="scenario-rest", daemon=True).start()

    @property
    def target(self) -> str:
        """Host and port."""
        return f"{LOOPBACK}:{self.server.server_address[1]}"

    @contextmanager
    def without(self, place: str) -> Iterator[None]:
        """Until the end, nothing of that name answers."""
        self.gone.add(place)
        try:
            yield
        finally:
            self.gone.discard(place)

    def close(self) -> None:
        """Stop."""
        self.server.shutdown()
        self.server.server_close()

    def answer(self, path: str) -> tuple[int, bytes]:
        """Status and body."""
        parts = urlsplit(path)
        source = unquote(parts.path.strip("/"))
        if source not in self.tables or source in self.gone:
            return 503, b'{"error": "unavailable"}'
        table, wanted = self.tables[source], dict(parse_qsl(parts.query))
        rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
        found = [row for row in rows if all(row.get(name) == value for name, value in wanted.items())]
        return 200, json.dumps({"rows": found}, ensure_ascii=False).encode()

    def called(self, path: str, body: str) -> tuple[int, bytes, str]:
        """The same of a call that is posted, and its media type."""
        place = unquote(urlsplit(path).path.strip("/"))
        if place not in self.calls or place in self.gone:
            return 503, b"", XML
        kind, said = self.calls[place](body)
        return 200, said, kind

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.say(*outer.answer(self.path), JSON)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                self.say(*outer.called(self.path, body.decode(errors="replace")))

            def say(self, status: int, body: bytes, kind: str) -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:  # the path names a person
                return

        return Handler


@dataclass(frozen=True, slots=True)
class RestTable:
    """A table behind the web server."""

    web: WebServer
    table: Table

    def definition(self) -> Mapping[str, Any]:
        """Of kind `rest`."""
        return {"kind": "rest", "connection": {"url": f"http://{self.web.target}/"}, "targets": [self.web.target]}

    def secrets(self) -> Mapping[str, str]:
        """None."""
        return {}

    def operation(self, by: By) -> Mapping[str, Any]:
        """One GET."""
        query = {column: f"{{{param}}}" for column, param in by.items()}
        return {"method": "GET", "path": f"/{quote(self.table.source)}", "query": query, "rows": "/rows"}

    def away(self) -> AbstractContextManager[None]:
        """It answers 503."""
        return self.web.without(self.table.source)


@dataclass(frozen=True, slots=True)
class FileTable:
    """A table as a CSV file that a department puts down."""

    path: Path
    table: Table

    def definition(self) -> Mapping[str, Any]:
        """Of kind `files`."""
        connection = {
            "folder": str(self.path.parent),
            "glob": self.path.name,
            "format": "csv",
            "settle_seconds": 0,
            "check_seconds": 0,
        }
        return {"kind": "files", "connection": connection}

    def secrets(self) -> Mapping[str, str]:
        """None."""
        return {}

    def operation(self, by: By) -> Mapping[str, Any]:
        """One look by its columns."""
        return {"key": dict(by)}

    @contextmanager
    def away(self) -> Iterator[None]:
        """The file was never put down."""
        hidden = self.path.with_name(f".{self.path.name}")
        self.path.rename(hidden)
        try:
            yield
        finally:
            hidden.rename(self.path)


def put_down(table: Table, folder: Path) -> FileTable:
    """Write the file."""
    path = (folder / table.source / f"{table.source}.csv").absolute()
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([table.columns, *table.rows])
    return FileTable(path, table)
