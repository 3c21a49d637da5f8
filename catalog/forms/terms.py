"""The shared terms of forms: what they mean, and which claims say it. Data that ships; read once.

Beside `catalog.vocabulary`, which has words that find each other; a term has one meaning, and one kind.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any

import yaml

from catalog.declared import text, texts
from catalog.errors import DefinitionError
from catalog.expressions.values import Kind


@dataclass(frozen=True, slots=True)
class Term:
    """One thing that forms ask. `given`: by the slug of a certificate type, the claims that say it of its holder."""

    code: str
    kind: Kind
    title_zh: str
    title_en: str
    given: Mapping[str, tuple[str, ...]]


@cache
def shared_terms() -> Mapping[str, Term]:
    """The terms that ship, by code."""
    source = resources.files("catalog").joinpath("forms/terms.yaml").read_text(encoding="utf-8")
    return read_terms(yaml.safe_load(source))


def read_terms(declared: Mapping[str, Any]) -> Mapping[str, Term]:
    """Read a list of terms. Raises: DefinitionError."""
    return MappingProxyType({code: _term(code, item) for code, item in declared.items()})


def _term(code: str, item: Mapping[str, Any]) -> Term:
    where = f"term {code}"
    try:
        kind = Kind(item["kind"])
    except (KeyError, ValueError):
        raise DefinitionError(f"{where}: kind is one of {', '.join(Kind)}") from None
    given = {slug: texts(claims, f"{where}: {slug}") for slug, claims in item.get("given", {}).items()}
    title = item["title"]
    return Term(code, kind, text(title["zh"], where), text(title["en"], where), MappingProxyType(given))
