"""Reading an event's declaration; what is wrong with it by itself is found here, with its matters in `joining`."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from catalog.declared import text, texts
from catalog.errors import DefinitionError
from catalog.expressions.compiling import compile_expression
from catalog.expressions.values import Scope
from catalog.forms.reading import read_signers
from catalog.life_events.values import EventMatter, LifeEvent
from catalog.matters.reading import read_fact, scope_of

_EVENT: Final = frozenset(
    {"code_system", "code", "title", "department", "parties", "matters", "facts", "signatures"}
)  # fmt: skip
_MATTER: Final = frozenset({"matter", "parties", "when", "after"})
MOST_MATTERS: Final = 50


def read_event(definition: Mapping[str, Any]) -> LifeEvent:
    """Raises: DefinitionError naming the member that is missing or wrong."""
    try:
        return _event(definition)
    except (KeyError, TypeError, AttributeError) as error:
        raise DefinitionError(f"event: {error}") from error


def _event(definition: Mapping[str, Any]) -> LifeEvent:
    _known(definition, _EVENT, "event")
    parties = texts(definition["parties"], "event: parties")
    if not parties or len(set(parties)) != len(parties):
        raise DefinitionError("event: it needs parties, each once")
    facts = {code: read_fact(code, item) for code, item in definition.get("facts", {}).items()}
    declared = definition["matters"]
    if not isinstance(declared, list) or not 0 < len(declared) <= MOST_MATTERS:
        raise DefinitionError(f"event: it has from 1 to {MOST_MATTERS} matters")
    scope = scope_of(parties, facts)
    matters = tuple(_matter(item, parties, scope) for item in declared)
    codes = [item.code for item in matters]
    if len(set(codes)) != len(codes):
        raise DefinitionError("event: a matter is named twice")
    for item in matters:
        if strangers := sorted(set(item.after) - set(codes)):
            raise DefinitionError(f"event: {item.code} is after {', '.join(strangers)}, which it does not have")
    return LifeEvent(
        code_system=text(definition["code_system"], "event: code_system"),
        code=text(definition["code"], "event: code"),
        title_zh=text(definition["title"]["zh"], "event: title/zh"),
        title_en=text(definition["title"]["en"], "event: title/en"),
        department_code=text(definition["department"], "event: department"),
        parties=parties,
        matters=matters,
        signers=read_signers(definition.get("signatures"), parties),
        facts=MappingProxyType(facts),
    )


def _matter(item: Mapping[str, Any], parties: tuple[str, ...], scope: Scope) -> EventMatter:
    code = text(item["matter"], "event: matter")
    where = f"event: {code}"
    _known(item, _MATTER, where)
    given = {role: text(party, f"{where}: parties") for role, party in item.get("parties", {}).items()}
    if strangers := sorted(set(given.values()) - set(parties)):
        raise DefinitionError(f"{where}: unknown parties {', '.join(strangers)}")
    when = item.get("when")
    return EventMatter(
        code=code,
        parties=MappingProxyType(given),
        when=None if when is None else compile_expression(text(when, where), scope, where=f"{where}: when"),
        after=texts(item.get("after", ()), f"{where}: after"),
    )


def _known(item: Mapping[str, Any], names: frozenset[str], where: str) -> None:
    if unknown := sorted(str(name) for name in set(item) - names):
        raise DefinitionError(f"{where}: unknown {', '.join(unknown)}")
