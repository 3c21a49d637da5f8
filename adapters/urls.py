"""Addresses as people write them, read strictly: what parsers disagree about is refused (CWE-918)."""

import ipaddress
import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from adapters.errors import DefinitionFaultError

_PORTS: Final = {"http": 80, "https": 443}
_URL: Final = re.compile(r"https?://[\x21-\x7e]+", re.IGNORECASE)
_NAME: Final = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(\.(?!-)[a-z0-9_-]{1,63}(?<!-))*")
_PERCENT: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host (lower case, IPv6 without brackets) and port."""

    scheme: str
    host: str
    port: int

    @property
    def authority(self) -> str:
        """What stands in `Host`."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """The origin as it is written."""
        return f"{self.scheme}://{self.authority}"


@dataclass(frozen=True, slots=True)
class Url:
    """An origin with a path, at least `/`, and perhaps a query."""

    origin: Origin
    path: str = field(repr=False)
    query: str = field(default="", repr=False)

    @property
    def path_and_query(self) -> str:
        """As it is sent."""
        return f"{self.path}?{self.query}" if self.query else self.path


def read_url(text: str, pointer: str) -> Url:
    """Read `http(s)://host[:port][/path][?query]`; a fragment is dropped.

    Refused: user names, backslashes, white space, anything not ASCII, IPv6 zones, hosts that are neither a name nor a
    canonical address.

    Raises: DefinitionFaultError(`pointer`, "url" or "user_info").
    """
    if not _URL.fullmatch(text) or "\\" in text or _PERCENT.search(text):
        raise DefinitionFaultError(pointer, "url")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise DefinitionFaultError(pointer, "url") from None
    if "@" in parts.netloc:
        raise DefinitionFaultError(pointer, "user_info")
    host = (parts.hostname or "").lower()
    if port == 0 or not (_NAME.fullmatch(host) or _is_address(host)):
        raise DefinitionFaultError(pointer, "url")
    scheme = parts.scheme.lower()
    return Url(Origin(scheme, host, port or _PORTS[scheme]), parts.path or "/", parts.query)


def _is_address(host: str) -> bool:
    try:
        return "%" not in host and ipaddress.ip_address(host).version in {4, 6}
    except ValueError:
        return False
