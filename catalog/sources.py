"""Sources 数据源: systems that hold records, as their departments declare them. Secrets stand by reference only."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from catalog.declared import text, texts
from catalog.errors import DefinitionError

KINDS: Final = frozenset({"rest", "sql", "files", "objects", "soap", "push", "agent", "zhejiang"})
_CODE: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_-")


@dataclass(frozen=True, slots=True)
class Limits:
    """What one source may take of the hub. Seconds and bytes; `per_minute` None sets no load limit."""

    connect_seconds: float = 2.0
    read_seconds: float = 5.0
    total_seconds: float = 10.0
    max_bytes: int = 1_048_576
    max_rows: int = 100
    max_depth: int = 16
    concurrency: int = 8
    waiting: int = 64
    retries: int = 1
    per_minute: int | None = None


_MAY_BE_ZERO: Final = frozenset({"retries", "waiting"})
_CEILING: Final = Limits(30, 60, 120, 67_108_864, 10_000, 64, 256, 4096, 3, 600_000)


@dataclass(frozen=True, slots=True)
class SourceDefinition:
    """A source. `targets` are the hosts and ports it is reached at; the adapter may connect nowhere else.

    `windows` are the hours of the day (Asia/Shanghai, `HH:MM-HH:MM`) in which it may be asked; none means always.
    """

    code: str
    department: str
    name: Mapping[str, str]
    kind: str
    connection: Mapping[str, Any]
    targets: tuple[tuple[str, int], ...]
    limits: Limits
    windows: tuple[str, ...]
    contact: str


def read_source(definition: Mapping[str, Any]) -> SourceDefinition:
    """Read a declared source. Raises: DefinitionError; the connection is checked by its adapter."""
    try:
        return _read(definition)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise DefinitionError(f"source: {type(error).__name__} {error}") from error


def _read(definition: Mapping[str, Any]) -> SourceDefinition:
    code = text(definition["code"], "source: code")
    if not 3 <= len(code) <= 64 or not _CODE.issuperset(code):
        raise DefinitionError("source: code takes 3 to 64 of a-z 0-9 _ -")
    kind = text(definition["kind"], "source: kind")
    if kind not in KINDS:
        raise DefinitionError(f"source: kind is one of {', '.join(sorted(KINDS))}")
    names = definition["name"]
    return SourceDefinition(
        code=code,
        department=text(definition["department"], "source: department"),
        name=MappingProxyType({"zh": text(names["zh"], "source: name/zh"), "en": text(names["en"], "source: name/en")}),
        kind=kind,
        connection=MappingProxyType(dict(definition.get("connection", {}))),
        targets=tuple(_target(item) for item in definition.get("targets", ())),
        limits=_limits(definition.get("limits", {})),
        windows=texts(definition.get("windows", ()), "source: windows"),
        contact=str(definition.get("contact", "")),
    )


def _target(item: object) -> tuple[str, int]:
    host, _, port = str(item).rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65_536:
        raise DefinitionError("source: targets are written host:port")
    return host.lower().strip("[]"), int(port)


def _limits(item: Mapping[str, Any]) -> Limits:
    for name, value in item.items():
        ceiling = getattr(_CEILING, name, None)
        if ceiling is None:
            raise DefinitionError(f"source: limits/{name} is unknown")
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not 0 <= value <= ceiling or (value == 0 and name not in _MAY_BE_ZERO):
            raise DefinitionError(f"source: limits/{name} must be a number above 0, at most {ceiling}")
    return Limits(**item)
