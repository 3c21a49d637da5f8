"""Reading the form of a matter. A kind that clashes with its term's is told here, when the matter is published."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from catalog.declared import text, texts
from catalog.errors import DefinitionError
from catalog.expressions.values import Kind
from catalog.forms.terms import shared_terms
from catalog.forms.values import MOST_SIGNATURES, NO_FORM, Field, FieldChoice, Form

_MEMBERS: Final = frozenset(
    {"field", "term", "title", "required", "kind", "choices", "party", "fact", "given"}
)  # fmt: skip
_MOST_FIELDS: Final = 300
_CHOOSABLE: Final = frozenset({Kind.TEXT, Kind.TEXTS})


def read_form(
    declared: object, signers: object, *, roles: Sequence[str], facts: Mapping[str, Kind], requirements: Collection[str]
) -> Form:
    """The form of a matter; without any, no form. Raises: DefinitionError."""
    if declared is None:
        return NO_FORM
    if not isinstance(declared, list) or not 0 < len(declared) <= _MOST_FIELDS:
        raise DefinitionError("form: it is a list of fields")
    fields = tuple(_field(item, roles, facts, requirements) for item in declared)
    codes = [field.code for field in fields]
    if len(set(codes)) != len(codes):
        raise DefinitionError("form: two fields have the same code")
    same = [(field.party, field.term) for field in fields if field.term]
    if len(set(same)) != len(same):
        raise DefinitionError("form: two fields of one party have the same term")
    return Form(fields, read_signers(signers, roles))


def read_signers(declared: object, roles: Sequence[str]) -> tuple[str, ...]:
    """Whose signatures a form takes; the first role's where nobody is named. Raises: DefinitionError."""
    found = tuple(roles[:1]) if declared is None else texts(declared, "form: signatures")
    if not set(found) <= set(roles) or len(set(found)) != len(found) or not 0 < len(found) <= MOST_SIGNATURES:
        raise DefinitionError(f"form: signatures are of one or {MOST_SIGNATURES} of the roles")
    return found


def _field(
    item: Mapping[str, Any], roles: Sequence[str], facts: Mapping[str, Kind], requirements: Collection[str]
) -> Field:
    code = text(item.get("field"), "form: field")
    where = f"form: {code}"
    if not code.isidentifier() or not code.isascii() or code != code.lower():
        raise DefinitionError(f"{where}: its code is small letters, digits and underscores")
    if unknown := sorted(str(name) for name in set(item) - _MEMBERS):
        raise DefinitionError(f"{where}: unknown {', '.join(unknown)}")
    term = shared_terms().get(item["term"]) if "term" in item else None
    if term is None and "term" in item:
        raise DefinitionError(f"{where}: no such term")
    kind = _kind(item.get("kind"), where) or (term.kind if term else Kind.TEXT)
    if term is not None and kind is not term.kind:
        raise DefinitionError(f"{where}: it is {kind.value}, and its term {term.code} is {term.kind.value}")
    party = text(item.get("party", roles[0]), where)
    if party not in roles:
        raise DefinitionError(f"{where}: unknown role {party}")
    fact = item.get("fact", "")
    if fact and facts.get(fact) is not kind:
        raise DefinitionError(f"{where}: no question {fact} of its kind")
    title = item.get("title") or ({"zh": term.title_zh, "en": term.title_en} if term else {})
    choices = tuple(_choice(each, where) for each in item.get("choices", ()))
    if choices and kind not in _CHOOSABLE:
        raise DefinitionError(f"{where}: only texts have choices")
    required = item.get("required", True)
    if not isinstance(required, bool):
        raise DefinitionError(f"{where}: required is true or false")
    given = tuple(_given(each, requirements, where) for each in item.get("given", ()))
    titles = text(title.get("zh"), f"{where}: title/zh"), text(title.get("en"), f"{where}: title/en")
    return Field(code, party, kind, *titles, term.code if term else "", required, choices, fact, given)


def _kind(declared: object, where: str) -> Kind | None:
    if declared is None:
        return None
    try:
        return Kind(declared)  # type: ignore[arg-type]
    except ValueError:
        raise DefinitionError(f"{where}: kind is one of {', '.join(Kind)}") from None


def _choice(item: Mapping[str, Any], where: str) -> FieldChoice:
    return FieldChoice(text(item["value"], where), text(item["zh"], where), text(item["en"], where))


def _given(item: Mapping[str, Any], requirements: Collection[str], where: str) -> tuple[str, str]:
    found = text(item["requirement"], where), text(item["claim"], where)
    if found[0] not in requirements:
        raise DefinitionError(f"{where}: unknown requirement {found[0]}")
    return found
