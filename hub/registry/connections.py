"""What a connection gives away about where it leads: its hosts must be declared, and lie where the operator allows.

The adapter checks every address again after resolving it (pitfall F15); this is so that an engineer learns at once.
"""

import ipaddress
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from adapters.egress import Egress
from catalog.errors import DefinitionError
from catalog.sources import SourceDefinition

_PORTS: Final[Mapping[str, int]] = {
    "http": 80,
    "https": 443,
    "sftp": 22,
    "ssh": 22,
    "postgresql": 5432,
    "mysql": 3306,
    "mariadb": 3306,
    "oracle": 1521,
    "mssql": 1433,
}
_URL: Final = re.compile(r"([a-z][a-z0-9+.-]*)://", re.IGNORECASE)
_PASSWORDS: Final = re.compile(r"(^|_)(password|passwd|secret|private_key|secret_key)$", re.IGNORECASE)
_UNREACHED: Final = frozenset({"headers", "schemas"})
"""Members whose URLs are values or names of namespaces, not places to go to."""
_SECRET: Final = "secret:"  # noqa: S105  # the scheme of a reference


def check_connection(definition: SourceDefinition, egress: Egress) -> None:
    """Refuse hosts that are not among the targets, addresses that may not be reached, and credentials in clear.

    Raises: DefinitionError naming the place.
    """
    declared = set(definition.targets)
    for place, host, port in _named(definition.connection, "source: connection"):
        reached = {target for target in declared if target[0] == host}
        if not reached or (port is not None and (host, port) not in reached):
            raise DefinitionError(f"{place} leads to a host and port that targets does not name: add host:port there")
    for index, (host, _) in enumerate(definition.targets):
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            continue
        if not egress.allows(address):
            raise DefinitionError(
                f"source: targets/{index} lies in a network that the operator has not opened (YIZHENG_EGRESS_NETWORKS)"
            )


def check_paths(definition: SourceDefinition, folders: Sequence[Path]) -> None:
    """Refuse files of the hub's own machine that do not lie in folders which the operator opened for sources.

    Otherwise an engineer of a department could read the hub's database, or any file its process can.

    Raises: DefinitionError naming the place.
    """
    for place, text in _local_paths(definition):
        path = Path(text).resolve()
        if not any(path.is_relative_to(folder.resolve()) for folder in folders):
            raise DefinitionError(f"{place} lies in a folder that the operator has not opened (YIZHENG_SOURCE_FOLDERS)")


def _local_paths(definition: SourceDefinition) -> Iterator[tuple[str, str]]:
    """Every member that the adapters read as a path of this machine, whatever else stands beside it."""
    connection = definition.connection
    names = ["folder", "index_dir"]
    if definition.kind == "sql" and connection.get("dialect") == "sqlite":
        names.append("database")
    for name in names:
        if isinstance(connection.get(name), str):
            yield f"source: connection/{name}", connection[name]


def leads_to(connection: Mapping[str, Any]) -> list[str]:
    """Targets `host:port` that a connection names, to be proposed; those whose port nothing tells are left out."""
    by_dialect = _PORTS.get(str(connection.get("dialect", "")))
    found: dict[str, None] = {}
    with suppress(DefinitionError):
        for _, host, port in _named(connection, ""):
            if known := port if port is not None else by_dialect:
                found[f"{host}:{known}"] = None
    return list(found)


def secret_names(connection: Mapping[str, Any]) -> frozenset[str]:
    """Names of the secrets that a connection refers to."""
    return frozenset(text.removeprefix(_SECRET) for _, _, text in _texts(connection, "") if text.startswith(_SECRET))


def _named(connection: Mapping[str, Any], where: str) -> Iterator[tuple[str, str, int | None]]:
    for place, name, text in _texts(connection, where):
        if text.startswith(_SECRET):
            continue
        if _PASSWORDS.search(name):
            raise DefinitionError(f"{place} must refer to a secret: write secret:NAME and set it apart")
        if _UNREACHED.isdisjoint(place.split("/")) and (scheme := _URL.match(text)) is not None:
            yield _of_url(place, scheme[1].lower(), text)
    yield from _pairs(connection, where)


def _of_url(place: str, scheme: str, text: str) -> tuple[str, str, int | None]:
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise DefinitionError(f"{place} is no URL") from None
    if parts.username is not None or parts.password is not None:
        raise DefinitionError(f"{place} has credentials in the URL: set them as secrets")
    if not host:
        raise DefinitionError(f"{place} names no host")
    return place, host.lower(), port if port is not None else _PORTS.get(scheme)


def _pairs(value: Any, where: str) -> Iterator[tuple[str, str, int | None]]:
    if isinstance(value, Mapping):
        host, port = value.get("host"), value.get("port")
        if isinstance(host, str):
            yield f"{where}/host", host.lower().strip("[]"), port if type(port) is int else None
        for name, item in value.items():
            yield from _pairs(item, f"{where}/{name}")
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _pairs(item, f"{where}/{index}")


def _texts(value: Any, where: str, name: str = "") -> Iterator[tuple[str, str, str]]:
    if isinstance(value, str):
        yield where, name, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _texts(item, f"{where}/{key}", str(key))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _texts(item, f"{where}/{index}", name)
