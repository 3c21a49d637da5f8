"""Requests with places for parameters. A place takes one whole value and nothing around it can be written by a value.

`{name}` is a parameter, `{context.case_no}` tells the source why it is asked. In a path a place fills (part of) one
segment, percent-encoded; in a query, a form and a JSON body it is a whole value.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final
from urllib.parse import quote

from adapters.errors import DefinitionFaultError
from adapters.port import Context, Value

_PLACE: Final = re.compile(r"\{((?:context\.)?[A-Za-z_][A-Za-z0-9_]*)\}")
_LITERAL: Final = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:@%-]*")
_CONTEXT: Final = frozenset(f"context.{item.name}" for item in fields(Context))


@dataclass(frozen=True, slots=True)
class Filling:
    """Values of one question by the names of their places."""

    values: Mapping[str, Value] = field(repr=False)

    @classmethod
    def of(cls, params: Mapping[str, Value], context: Context) -> "Filling":
        """Parameters, and why they are asked."""
        told = {name: getattr(context, name.removeprefix("context.")) for name in _CONTEXT}
        return cls({**told, **params})


@dataclass(frozen=True, slots=True)
class PathTemplate:
    """A path whose segments hold at most one place each."""

    segments: tuple[tuple[str, str | None, str], ...]

    @classmethod
    def read(cls, text: str, pointer: str) -> "PathTemplate":
        """Read `/enterprises/{uscc}.json`. Raises: DefinitionFaultError."""
        if not text.startswith("/"):
            raise DefinitionFaultError(pointer, "path")
        return cls(tuple(_segment(segment, pointer) for segment in text[1:].split("/")))

    @property
    def params(self) -> frozenset[str]:
        """Parameters it takes."""
        return frozenset(name for _, name, _ in self.segments if name is not None)

    def fill(self, filling: Filling) -> str:
        """The path, percent-encoded.

        Raises: DefinitionFaultError(`/params/<name>`, "segment"): a value that is empty or would climb (`..`, also
            between slashes: servers differ on whether `%2F` is one).
        """
        return "".join(f"/{before}{_encoded(name, filling)}{after}" for before, name, after in self.segments)


@dataclass(frozen=True, slots=True)
class Template:
    """A JSON value in which texts that are a place as a whole are filled."""

    value: Any

    @classmethod
    def read(cls, value: Any, pointer: str) -> "Template":
        """Check a template. Raises: DefinitionFaultError(…, "placeholder"): a place inside a longer text or a name."""
        for text, where, is_name in _texts(value, pointer):
            place = _PLACE.search(text)
            if place is None:
                continue
            if is_name or place.group() != text:
                raise DefinitionFaultError(where, "placeholder")
            if place[1].startswith("context.") and place[1] not in _CONTEXT:
                raise DefinitionFaultError(where, "unknown")
        return cls(value)

    @property
    def params(self) -> frozenset[str]:
        """Parameters it takes."""
        found = (_PLACE.fullmatch(text) for text, _, is_name in _texts(self.value, "") if not is_name)
        return frozenset(place[1] for place in found if place and not place[1].startswith("context."))

    def fill(self, filling: Filling) -> Any:
        """The value with its places filled; types are kept."""
        return _filled(self.value, filling)


def as_pairs(values: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """A flat object as pairs for a query or a form; a null leaves its pair out."""
    return tuple((name, as_text(value)) for name, value in values.items() if value is not None)


def as_text(value: Any) -> str:
    """A value in a query, a form or a path: `true` and `false` as JSON spells them."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _segment(segment: str, pointer: str) -> tuple[str, str | None, str]:
    places = _PLACE.findall(segment)
    before, name, after = segment, None, ""
    if places:
        name = places[0]
        before, _, after = segment.partition(f"{{{name}}}")
    proper = _LITERAL.fullmatch(before) and _LITERAL.fullmatch(after)
    if len(places) > 1 or not proper or segment in {".", ".."} or (name or "").startswith("context."):
        raise DefinitionFaultError(pointer, "path")
    return before, name, after


def _encoded(name: str | None, filling: Filling) -> str:
    if name is None:
        return ""
    value = filling.values[name]
    text = "" if value is None else as_text(value)
    if not text or any(part in {".", ".."} for part in re.split(r"[/\\]", text)):
        raise DefinitionFaultError(f"/params/{name}", "segment")
    return quote(text, safe="")


def _filled(value: Any, filling: Filling) -> Any:
    if isinstance(value, str):
        place = _PLACE.fullmatch(value)
        return value if place is None else filling.values[place[1]]
    if isinstance(value, Mapping):
        return {name: _filled(item, filling) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_filled(item, filling) for item in value]
    return value


def _texts(value: Any, pointer: str) -> Iterator[tuple[str, str, bool]]:
    """Every text in a value, where it stands, and whether it is a name."""
    if isinstance(value, str):
        yield value, pointer, False
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield name, f"{pointer}/{name}", True
            yield from _texts(item, f"{pointer}/{name}")
    elif isinstance(value, list | tuple):
        for number, item in enumerate(value):
            yield from _texts(item, f"{pointer}/{number}")
