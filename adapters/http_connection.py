"""The members that every connection over HTTP has, and the client they make."""

from collections.abc import Mapping
from typing import Any, Final

from adapters.http import Http
from adapters.port import Environment
from adapters.tls import TLS_SCHEMA, client_context

PASSING: Final = frozenset({429, 502, 503, 504})
"""Statuses that may be gone in a moment."""

HTTP_MEMBERS: Final[dict[str, Any]] = {
    "url": {
        "type": "string",
        "pattern": "^https?://",
        "title": "服务地址",
        "title_en": "Address of the service",
    },
    "tls": TLS_SCHEMA,
    "redirects": {
        "type": "integer",
        "minimum": 0,
        "maximum": 5,
        "default": 0,
        "title": "允许的重定向次数",
        "title_en": "Redirects followed",
    },
    "connections": {
        "type": "integer",
        "minimum": 1,
        "maximum": 256,
        "default": 64,
        "title": "连接数上限（并发由 limits 限定）",
        "title_en": "Most connections (limits bound the questions at once)",
    },
}


def open_http(connection: Mapping[str, Any], environment: Environment) -> Http:
    """The client of a connection that was checked. Raises: DefinitionFaultError: of its certificates."""
    tls = connection.get("tls", {})
    # The machine's store holds 150 certificates: nobody pays for it who only speaks plain HTTP.
    needed = bool(tls or connection.get("redirects")) or "https://" in repr(connection).lower()
    return Http(
        environment.egress,
        tls=client_context(tls, environment.secrets) if needed else None,
        server_name=tls.get("server_name"),
        connections=connection.get("connections", 64),
        redirects=connection.get("redirects", 0),
    )
