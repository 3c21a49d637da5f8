"""Mapping: a source's row becomes an interface's fields, by rules declared as data. Rows never make it raise."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from catalog.interfaces import Interface
from hub.collection.reading.conversions import ConversionError
from hub.exchange.derived import check_derived
from hub.exchange.mapping_rules import As, FieldRule, read_rules
from hub.exchange.mapping_values import Convert, converter, json_of, text_of
from signing.canonical import canonical, sha256

_MISSING: Final = object()


@dataclass(frozen=True, slots=True)
class MappedRow:
    """A row that could be read. `values` lacks fields that are absent; `normalised` names those whose spelling was
    repaired. Whether the values fit the published schema is `AnswerContract.check`'s to say.
    """

    values: dict[str, Any] = field(repr=False)
    normalised: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RowFault:
    """A row that could not be read: (field, code) for each fault, never a value. A whole row's fault has field ""."""

    reasons: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class _Step:
    rule: FieldRule
    paths: tuple[tuple[str, ...], ...]
    convert: Convert


class RowMapper:
    """A compiled mapping. Stateless: one mapper serves every row of its interface version."""

    def __init__(self, rules: tuple[FieldRule, ...], digest: str) -> None:
        self.rules = rules
        self.digest = digest
        """SHA-256 of the canonical declaration, hexadecimal: tells two mappings apart whatever version they claim."""
        self._steps = tuple(_Step(rule, tuple(map(_path, rule.columns)), converter(rule)) for rule in rules)

    def apply(self, row: Any) -> MappedRow | RowFault:
        """Read a row (a mapping of column to JSON value), or say everything that is wrong with it. Never raises."""
        values, normalised, reasons = self.read(row)
        return RowFault(reasons) if reasons else MappedRow(values, normalised)

    def read(self, row: Any) -> tuple[dict[str, Any], tuple[str, ...], tuple[tuple[str, str], ...]]:
        """What could be read of a row, what was repaired, and what is wrong: for reports on data. Never raises."""
        if not isinstance(row, Mapping):
            return {}, (), (("", "type"),)
        values: dict[str, Any] = {}
        normalised: list[str] = []
        reasons: list[tuple[str, str]] = []
        for step in self._steps:
            try:
                value, repaired = _value(step, row)
            except ConversionError as error:
                reasons.append((step.rule.field, error.code))
                continue
            if value is None:
                continue
            values[step.rule.field] = value
            if repaired:
                normalised.append(step.rule.field)
        return values, tuple(normalised), tuple(reasons)


def compile_mapping(interface: Interface) -> RowMapper:
    """Compile an interface's mapping, and check its predicates. Raises: DefinitionError naming the place."""
    rules = read_rules(interface)
    check_derived(interface, {rule.field: rule.value_kind for rule in rules})
    return RowMapper(rules, sha256(canonical(_plain(interface.mapping))).hex())


def _value(step: _Step, row: Mapping[str, Any]) -> tuple[Any, bool]:
    """A field's value, None when it is absent, and whether it was repaired. Raises: ConversionError."""
    rule = step.rule
    if rule.constant is not None:
        return rule.constant, False
    found = [_find(row, path) for path in step.paths]
    if not rule.optional and any(item is _MISSING for item in found):
        raise ConversionError("column_missing")
    raw = [item for item in found if item is not _MISSING and item is not None]
    if not raw:
        return None, False
    if rule.kind is As.JSON:
        return json_of(raw[0]), False
    if rule.kind is As.BOOLEAN and isinstance(raw[0], bool):
        return (raw[0], False) if rule.codes is None else (step.convert(str(raw[0]).lower()), False)
    texts = [text for item in raw if (text := _trimmed(rule, text_of(item))) not in rule.absent]
    if not texts:
        return None, False
    text = texts[0] if rule.join is None else rule.join.join(texts)
    if rule.split is not None:
        text = _part(rule, text)
        if text in rule.absent:
            return None, False
    value = step.convert(text)
    return value, rule.repairs and (str(value) != text or (rule.join is None and text != str(raw[0])))


def _part(rule: FieldRule, text: str) -> str:
    by, take = rule.split or ("", 0)
    parts = text.split(by)
    return _trimmed(rule, parts[take]) if take < len(parts) else ""


def _trimmed(rule: FieldRule, text: str) -> str:
    return text.strip() if rule.trim else text


def _path(column: str) -> tuple[str, ...]:
    if not column.startswith("/"):
        return (column,)
    return tuple(step.replace("~1", "/").replace("~0", "~") for step in column[1:].split("/"))


def _find(row: Any, path: tuple[str, ...]) -> Any:
    """What stands at a path; None under an empty parent. Raises: ConversionError: `type` where no object or list is."""
    here = row
    for step in path:
        if here is None:
            return None
        if isinstance(here, Mapping):
            here = here.get(step, _MISSING)
        elif isinstance(here, list) and step.isascii() and step.isdigit():
            here = here[int(step)] if len(step) < 6 and int(step) < len(here) else None
        else:
            raise ConversionError("type")
        if here is _MISSING:
            return _MISSING
    return here


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
