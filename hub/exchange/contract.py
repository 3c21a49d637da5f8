"""The contract of an interface: what may be asked and answered, and the first place where a source broke it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import jsonschema_rs

from catalog.errors import DefinitionError
from catalog.interfaces import Interface, Origin
from certificates.claims import compile_schema
from hub.exchange.mapping import MappedRow, RowFault


@dataclass(frozen=True, slots=True)
class ContractFault:
    """Where (JSON Pointer to a declared name) and which rule is broken: a JSON Schema keyword. Never the value."""

    pointer: str
    rule: str


@dataclass(frozen=True, slots=True)
class Difference:
    """The first place where an answer differs from what was published: field (empty: the answer as a whole), code."""

    field: str
    code: str

    @property
    def structural(self) -> bool:
        """Whether it says something of the source rather than of one record.

        A record with a wrong check digit is refused, and says nothing about the next one: three questions about it
        must not close the interface to everybody.
        """
        return self.code not in _OF_ONE_RECORD


_OF_ONE_RECORD: Final = frozenset(
    {"id_length", "id_character", "id_check_digit", "id_date", "date_impossible", "control_character"}
)


class AnswerContract:
    """The schemas of an interface, compiled once."""

    def __init__(self, interface: Interface) -> None:
        """Raises: DefinitionError: a schema that is none, or that refers elsewhere."""
        self._fields = frozenset(interface.fields)
        self._answer = _compiled(interface.answer_schema(), "fields")
        self._params = _compiled(params_schema(interface), "params")
        caller = {name: param for name, param in interface.params.items() if param.origin is Origin.CALLER}
        self._names = frozenset(interface.params)
        self.takes = frozenset(caller)
        """Names of the parameters that the caller gives himself."""

    def check_params(self, params: Mapping[str, Any]) -> tuple[ContractFault, ...]:
        """Faults of the parameters of one question, all of them; pointers begin with `/params`."""
        return _faults(self._params, params, self._names, "/params")

    def check(self, values: Mapping[str, Any]) -> tuple[ContractFault, ...]:
        """Faults of one mapped record before predicates are added and fields are filtered."""
        return _faults(self._answer, values, self._fields, "")

    def difference(self, mapped: MappedRow | RowFault) -> Difference | None:
        """The first difference between a mapped row and what was published; None when it fits."""
        if isinstance(mapped, RowFault):
            reasons = [Difference(field, code) for field, code in mapped.reasons]
            # A source that changed shows in its structure first, whatever else is wrong with the row.
            return next((item for item in reasons if item.structural), reasons[0])
        faults = self.check(mapped.values)
        if not faults:
            return None
        return Difference(faults[0].pointer.removeprefix("/").partition("/")[0], faults[0].rule)


def params_schema(interface: Interface) -> dict[str, Any]:
    """JSON Schema of all parameters of a question, as the adapter is given them."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "additionalProperties": False,
        "properties": {name: dict(param.schema) for name, param in interface.params.items()},
        "required": sorted(interface.params),
    }


def _compiled(schema: dict[str, Any], where: str) -> jsonschema_rs.Draft202012Validator:
    try:
        return compile_schema(schema)
    except (jsonschema_rs.ValidationError, ValueError, TypeError) as error:
        raise DefinitionError(f"interface: {where}: a schema cannot be used ({_reason(error)})") from None


def _reason(error: Exception) -> str:
    if isinstance(error, jsonschema_rs.ValidationError):
        return "/".join([*(str(step) for step in error.instance_path), error.kind.name])
    return type(error).__name__


def _faults(
    validator: jsonschema_rs.Draft202012Validator, instance: Mapping[str, Any], names: frozenset[str], prefix: str
) -> tuple[ContractFault, ...]:
    plain = dict(instance)
    if validator.is_valid(plain):
        return ()
    found: dict[ContractFault, None] = {}
    for error in validator.iter_errors(plain):
        for fault in _located(error, names, prefix):
            found[fault] = None
    return tuple(found)


def _located(error: jsonschema_rs.ValidationError, names: frozenset[str], prefix: str) -> list[ContractFault]:
    rule = error.kind.name
    if error.instance_path:
        # Below a field only positions are told: names inside an object came with the data.
        head, *rest = error.instance_path
        steps = [str(head), *(str(step) for step in rest if isinstance(step, int))]
        return [ContractFault("/".join([prefix, *steps]), rule)]
    if rule == "required":
        missing = str(error.kind.as_dict()["property"])
        return [ContractFault(f"{prefix}/{missing}" if missing in names else prefix, rule)]
    return [ContractFault(prefix, rule)]
