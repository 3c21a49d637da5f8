"""What an interface still lacks before it may be tested or published: everything at once, each with its place."""

from collections.abc import Iterator, Mapping
from typing import Any

from adapters.errors import DefinitionFaultError
from adapters.port import Source
from catalog.errors import DefinitionError
from catalog.interfaces import Interface
from catalog.metadata import interface_metadata
from hub.exchange.contract import AnswerContract
from hub.exchange.mapping import MappedRow, RowMapper, compile_mapping
from hub.registry.errors import Lack


def lacks_of(interface: Interface, source: Source) -> tuple[Lack, ...]:
    """Faults of a definition against its own parts and its source's adapter. Asks the source nothing."""
    found = [*_operation(interface, source)]
    mapper: RowMapper | None = None
    contract: AnswerContract | None = None
    try:
        mapper = compile_mapping(interface)
    except DefinitionError as error:
        found.append(_told(error, "/mapping"))
    try:
        contract = AnswerContract(interface)
    except DefinitionError as error:
        found.append(_told(error, "/fields"))
    try:
        # What the catalogue cannot show would be published and found by nobody.
        interface_metadata(interface)
    except DefinitionError as error:
        found.append(_of_metadata(error))
    if not interface.shareable():
        found.append(Lack("/fields", "nothing_is_shared"))
    if mapper is not None and contract is not None:
        for index, sample in enumerate(interface.samples):
            found += _sample(interface, mapper, contract, sample, f"/samples/{index}")
    return tuple(found)


def shows_a_row(interface: Interface) -> bool:
    """Whether a sample carries a raw row of the source, so that the mapping was tried on something."""
    return any(isinstance(sample, Mapping) and isinstance(sample.get("row"), Mapping) for sample in interface.samples)


def _operation(interface: Interface, source: Source) -> Iterator[Lack]:
    try:
        prepared = source.prepare(interface.operation)
    except DefinitionFaultError as error:
        yield Lack(f"/operation{error.pointer}", error.rule)
        return
    for name in sorted(interface.params.keys() - prepared.params):
        yield Lack(f"/params/{name}", "not_in_operation")
    for name in sorted(prepared.params - interface.params.keys()):
        yield Lack("/operation", f"undeclared_parameter {name}")


def _sample(
    interface: Interface, mapper: RowMapper, contract: AnswerContract, sample: Any, where: str
) -> Iterator[Lack]:
    if not isinstance(sample, Mapping) or not isinstance(sample.get("params"), Mapping):
        yield Lack(where, "params_missing")
        return
    for fault in contract.check_params(sample["params"]):
        yield Lack(where + fault.pointer, fault.rule)
    answer = sample.get("answer")
    for record in answer if isinstance(answer, list) else [] if answer is None else [answer]:
        if not isinstance(record, Mapping):
            yield Lack(f"{where}/answer", "type")
            continue
        yield from _record(interface, contract, record, f"{where}/answer")
    if isinstance(sample.get("row"), Mapping):
        yield from _row(mapper, contract, sample, f"{where}/row")


def _record(interface: Interface, contract: AnswerContract, record: Mapping[str, Any], where: str) -> Iterator[Lack]:
    derived = {name for name, field in interface.fields.items() if field.derived is not None}
    for name in sorted(derived & record.keys()):
        if not isinstance(record[name], bool):
            yield Lack(f"{where}/{name}", "type")
    for fault in contract.check({name: value for name, value in record.items() if name not in derived}):
        yield Lack(where + fault.pointer, fault.rule)


def _row(mapper: RowMapper, contract: AnswerContract, sample: Mapping[str, Any], where: str) -> Iterator[Lack]:
    """A sample's raw row must map, fit, and give what the sample says it gives."""
    mapped = mapper.apply(sample["row"])
    if not isinstance(mapped, MappedRow):
        for name, code in mapped.reasons:
            yield Lack(f"{where}/{name}" if name else where, code)
        return
    for fault in contract.check(mapped.values):
        yield Lack(where + fault.pointer, fault.rule)
    answer = sample.get("answer")
    if isinstance(answer, Mapping) and any(answer.get(name, value) != value for name, value in mapped.values.items()):
        yield Lack(where, "differs_from_answer")


def _of_metadata(error: DefinitionError) -> Lack:
    """The place stands before the first blank: `interface: catalogue/category begins with …`."""
    place, _, rule = str(error).removeprefix("interface: ").partition(" ")
    return Lack(f"/{place}", rule)


def _told(error: DefinitionError, pointer: str) -> Lack:
    place, _, rule = str(error).removeprefix("interface: ").partition(": ")
    if rule and " " not in place:
        return Lack("/" + place.removeprefix("/"), rule)
    return Lack(pointer, str(error).removeprefix("interface: "))
