"""Reading what meets a requirement: alternatives, and the certificates and interfaces inside each."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from catalog.declared import text, texts
from catalog.errors import DefinitionError
from catalog.matters.values import Need

_NEED: Final = frozenset({"type", "interface", "fields", "reads", "subject", "params", "where", "one"})


def read_alternatives(item: Mapping[str, Any], where: str) -> tuple[tuple[Need, ...], ...]:
    """The alternatives of a requirement. Raises: DefinitionError."""
    return tuple(tuple(_need(need, where) for need in needs) for needs in item["alternatives"])


def check_needs(item: Mapping[str, Any], where: str) -> None:
    """Refuse members that nobody knows. Raises: DefinitionError."""
    for needs in item["alternatives"]:
        for need in needs:
            if unknown := sorted(str(name) for name in set(need) - _NEED):
                raise DefinitionError(f"{where}: need: unknown {', '.join(unknown)}")


def check_told(item: Mapping[str, Any], alternatives: tuple[tuple[Need, ...], ...], where: str) -> None:
    """Refuse to pass on a claim that no alternative reads. Raises: DefinitionError."""
    read = {name for needs in alternatives for need in needs for name in need.wanted}
    given = {each[part] for each in item.get("gives", ()) for part in ("id_number", "name")}
    if unread := sorted((set(item.get("yields", ())) | given) - read):
        raise DefinitionError(f"{where}: it passes on {', '.join(unread)}, which none of its needs reads")


def _need(need: Mapping[str, Any], where: str) -> Need:
    interface = need.get("interface")
    if (interface is None) == ("type" not in need):
        raise DefinitionError(f"{where}: a need names a type or an interface")
    if interface is None and {"subject", "params"} & set(need):
        raise DefinitionError(f"{where}: subject and params are for interfaces")
    fields = texts(need["fields"], "need: fields")
    if interface is not None and not fields:
        raise DefinitionError(f"{where}: of an interface at least one field is wanted")
    params = need.get("params", {})
    if not isinstance(params, Mapping):
        raise DefinitionError(f"{where}: params names values")
    narrowed, one = need.get("where", {}), need.get("one", False)
    if not isinstance(narrowed, Mapping) or not isinstance(one, bool):
        raise DefinitionError(f"{where}: where names a fact for each field, and one is true or false")
    return Need(
        type_code="" if interface is not None else text(need["type"], "need: type"),
        fields=fields,
        interface=None if interface is None else text(interface, "need: interface"),
        reads=texts(need.get("reads", ()), "need: reads"),
        subject=None if need.get("subject") is None else text(need["subject"], "need: subject"),
        params=MappingProxyType({str(name): text(value, "need: params") for name, value in params.items()}),
        where=MappingProxyType({str(name): text(fact, "need: where") for name, fact in narrowed.items()}),
        one=one,
    )
