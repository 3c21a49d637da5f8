"""A sample answer of any interface: its owner's published sample, else values made to its schema. Pure.

Fields that must name whom the question is about do: the echoes and the identity name. A field for which no value can
be made is left out; where it is required the answer breaks the contract, and the owner should publish a sample.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, Final

from adapters.port import Value
from catalog.interfaces import Interface, Origin, Param
from hub.exchange.derived import derive
from hub.exchange.sandbox.people import SamplePerson, sample_people

_FORMATS: Final = {"date": "2024-03-01", "date-time": "2024-03-01T09:00:00Z", "time": "09:00:00Z", "email": "a@example.invalid", "uri": "https://example.invalid/", "uuid": "00000000-0000-4000-8000-000000000000"}  # fmt: skip  # noqa: E501
_TEXTS: Final = (
    "样例", "示例市甲区示范路1号", "2024-03-01", "20240301", "2024", "990190", "13800000000", "A", "是",
    "91990190MA9AAAAA1X",
)  # fmt: skip
_LONGEST: Final = 64


def sample_record(interface: Interface, params: Mapping[str, Value], name: str) -> dict[str, Any]:
    """One record as a mapped row would be: stored fields only, predicates are derived later."""
    stored = [field for field in interface.fields.values() if field.derived is None]
    published = _published(interface, params)
    record: dict[str, Any] = {}
    for field in stored:
        value = published.get(field.name, _made(field.schema))
        if value is not None:
            record[field.name] = value
    for field_name, param in interface.echoes.items():
        record[field_name] = params[param]
    if interface.identity_name is not None and name:
        record[interface.identity_name] = name
    return record


def _published(interface: Interface, params: Mapping[str, Value]) -> Mapping[str, Any]:
    """The owner's sample for these parameters, or his first."""
    answers = [(item.get("params"), item.get("answer")) for item in interface.samples]
    usable = [(asked, answer) for asked, answer in answers if isinstance(answer, Mapping)]
    exact = next((answer for asked, answer in usable if asked == dict(params)), None)
    return exact or next((answer for _, answer in usable), {})


def _made(schema: Mapping[str, Any]) -> Any:
    """A value of this schema; None when none comes to mind."""
    for name in ("const", "default"):
        if name in schema:
            return schema[name]
    for name in ("enum", "examples"):
        if schema.get(name):
            return schema[name][0]
    kind = schema.get("type", "string")
    match kind[0] if isinstance(kind, list) else kind:
        case "boolean":
            return True
        case "integer" | "number":
            return _number(schema)
        case "array":
            return [_made(schema.get("items", {}))] * max(1, schema.get("minItems", 1))
        case "object":
            wanted = schema.get("required", ())
            return {key: _made(inner) for key, inner in schema.get("properties", {}).items() if key in wanted}
        case "string":
            return next((text for text in _texts(schema) if _fits(text, schema)), None)
    return None


def _number(schema: Mapping[str, Any]) -> int | float:
    low, high = schema.get("minimum", schema.get("exclusiveMinimum", 0)), schema.get("maximum")
    value = low + 1 if "exclusiveMinimum" in schema else low
    step = schema.get("multipleOf")
    if step:
        value = -(-value // step) * step
    found: int | float = value if high is None else min(value, high)
    return found


def _texts(schema: Mapping[str, Any]) -> Iterator[str]:
    if schema.get("format") in _FORMATS:
        yield _FORMATS[schema["format"]]
    yield from _TEXTS
    least, most = schema.get("minLength", 1), min(schema.get("maxLength", _LONGEST), _LONGEST)
    for letter in "1A样0":
        for length in range(max(1, least), most + 1):
            yield letter * length


def _fits(text: str, schema: Mapping[str, Any]) -> bool:
    if not schema.get("minLength", 0) <= len(text) <= schema.get("maxLength", len(text)):
        return False
    if schema.get("format") in _FORMATS and text != _FORMATS[schema["format"]]:
        return False
    try:
        return "pattern" not in schema or re.search(schema["pattern"], text) is not None
    except re.error:
        return False


def sample_answer(interface: Interface, *, today: date) -> dict[str, Any]:
    """What an answer looks like: the fields that may be shared, predicates among them, about a sample person."""
    wanted = {param.id_type for param in interface.params.values() if param.id_type}
    people = [person for person in sample_people() if not wanted or person.id_type in wanted]
    person = people[0] if people else sample_people()[0]
    params = {name: sample_param(param, person) for name, param in interface.params.items()}
    record = sample_record(interface, params, person.name)
    shared = interface.shareable()
    return {name: value for name, value in derive(interface, record, today=today).items() if name in shared}


def sample_param(param: Param, person: SamplePerson) -> Value:
    """A parameter as it would be for this person; made to its schema where nobody's case fills it in."""
    match param.origin:
        case Origin.PARTY_ID:
            return person.id_number
        case Origin.PARTY_NAME:
            return person.name
        case _:
            made: Value = _made(param.schema)
            return made
