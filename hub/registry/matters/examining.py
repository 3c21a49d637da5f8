"""What this hub knows of certificates and departments, and the judgement of a matter by it."""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Connection

from catalog.interface_store import answering_named
from catalog.matters.asking import Known, KnownDepartment, KnownType, names_of
from catalog.matters.findings import Finding, MatterFaultsError, errors
from catalog.matters.linting import lint
from catalog.matters.values import Matter, Requirement
from catalog.store import list_matters
from catalog.text import fold
from catalog.vocabulary import Vocabulary
from certificates.definitions.parts import Custody
from hub.issuing.types.registry import TypeRegistry
from hub.registry.departments.store import read_departments


def known_to(
    tx: Connection, types: TypeRegistry, vocabulary: Vocabulary | None = None, *, asked: Sequence[Requirement] = ()
) -> Known:
    """The certificate types in force with who issues them, and the departments; with a vocabulary also what else people
    call a type; and of the interfaces those that are `asked`.
    """
    departments = read_departments(tx).by_id
    issuers: dict[str, list[str]] = {}
    for item in departments.values():
        for code in item.issues:
            issuers.setdefault(code, []).append(item.code)
    found = {
        code: KnownType(
            code,
            item.type.name.zh,
            item.type.name.en,
            frozenset(item.type.claims),
            tuple(issuers.get(code, ())),
            kinds={name: str(claim.schema["type"]) for name, claim in item.type.claims.items()},
            elsewhere=item.type.custody is Custody.INDEX,
        )
        for code, item in types.current().items()
    }
    if vocabulary is not None:
        found = {code: replace(kind, aliases=_aliases(kind, vocabulary)) for code, kind in found.items()}
    return Known(
        found,
        {
            item.code: KnownDepartment(
                item.name_zh, item.name_en, departments[item.successor_id].code if item.successor_id else None
            )
            for item in departments.values()
        },
        _interfaces(tx, asked),
    )


def _interfaces(tx: Connection, asked: Sequence[Requirement]) -> dict[str, KnownType]:
    found: dict[str, KnownType] = {}
    for item in answering_named(tx, {code for requirement in asked for code in requirement.interface_codes()}):
        told = item.interface
        kinds = {name: str(field.schema.get("type", "")) for name, field in told.fields.items()}
        known = KnownType(
            told.code, told.title["zh"], told.title["en"], told.shareable(), (told.department,), kinds=kinds
        )
        found.setdefault(told.code, known)
    return found


def _aliases(kind: KnownType, vocabulary: Vocabulary) -> tuple[str, ...]:
    words = (word for name in names_of(kind) for word in vocabulary.synonyms.get(fold(name), ()))
    return tuple(dict.fromkeys(word for word in words if not word.isascii()))


def examined(
    tx: Connection,
    types: TypeRegistry,
    matter: Matter,
    *,
    beside: Sequence[Matter] = (),
    vocabulary: Vocabulary | None = None,
) -> tuple[Finding, ...]:
    """What is found in a matter, among those in force and others that are to come `beside` it."""
    others = [*list_matters(tx), *beside] if matter.prerequisites else []  # they are read for rings only
    return lint(matter, known_to(tx, types, vocabulary, asked=matter.requirements), others)


def refuse_faults(tx: Connection, types: TypeRegistry, matter: Matter) -> None:
    """Raises: MatterFaultsError, naming each requirement and the rule that it breaks."""
    if blocking := errors(examined(tx, types, matter)):
        raise MatterFaultsError(matter.code, blocking)
