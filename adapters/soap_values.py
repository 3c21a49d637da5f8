"""What zeep read, as JSON: dates and decimals as text, bytes in base64, foreign elements by their local names."""

import base64
import math
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final

from lxml import etree
from zeep.xsd.valueobjects import CompoundValue

from adapters.errors import FaultyAnswerError

_MAX_INTEGER: Final = 2**53 - 1


def as_json(value: Any) -> Any:
    """The JSON value of what zeep read; its depth is that of the document, which was bounded.

    Raises: FaultyAnswerError: `number` (not finite), `contract` (a type that is none of the schema's).
    """
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, CompoundValue):
        return _members((name, value[name]) for name in value)
    if isinstance(value, Mapping):
        return _members(value.items())
    if isinstance(value, list | tuple):
        return [as_json(item) for item in value]
    if isinstance(value, etree._Element):  # noqa: SLF001  # lxml has no public name for it
        return _element(value)
    return _scalar(value)


def _scalar(value: Any) -> Any:
    match value:
        case int():
            return value if -_MAX_INTEGER <= value <= _MAX_INTEGER else str(value)
        case float() if math.isfinite(value):
            return value
        case Decimal() if value.is_finite():
            return format(value, "f")
        case float() | Decimal():
            raise FaultyAnswerError("number")
        case datetime() | date() | time():
            return value.isoformat()
        case timedelta():
            return str(value)
        case bytes():
            return base64.b64encode(value).decode("ascii")
        case _:
            raise FaultyAnswerError("contract")


def _members(items: Iterable[tuple[Any, Any]]) -> dict[str, Any]:
    return {str(name): as_json(item) for name, item in items}


def _element(element: Any) -> Any:
    """An element that the contract leaves open (`xsd:any`): its text, or its children by local name."""
    if not len(element):
        return element.text
    found: dict[str, Any] = {}
    for child in element.iterchildren(etree.Element):
        name = etree.QName(child).localname
        value = _element(child)
        if name not in found:
            found[name] = value
        elif isinstance(found[name], _Repeated):
            found[name].append(value)
        else:
            found[name] = _Repeated([found[name], value])
    return found


class _Repeated(list[Any]):
    """Values of elements of one name."""
