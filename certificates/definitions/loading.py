"""From a description to a certificate type: a text of somebody's, or one of those that ship in `types/`."""

from collections.abc import Mapping
from functools import cache, lru_cache
from importlib import resources
from types import MappingProxyType
from typing import Any, Final

import jsonschema_rs

from certificates.definitions.certificate_type import CertificateType
from certificates.definitions.contradictions import contradictions
from certificates.definitions.reading import parts_of
from certificates.definitions.schema import read_definition
from certificates.errors import TypeDefinitionError

SAMPLE_CITY: Final = (
    "business_licence",
    "household_register",
    "housing_fund_account",
    "identity_card",
    "legal_representative_registration",
    "marriage_certificate",
    "newborn_registration",
    "real_estate_title",
)
"""The types that the sample city issues. The others ship as a catalogue to take from: docs/certificate-types.md."""


@lru_cache(maxsize=2000)
def load_type(text: str) -> CertificateType:
    """Read a type from its YAML description, each text once. `checks.problems_of` names everything that is wrong.

    Raises: TypeDefinitionError: unreadable, of another shape, or contradicting itself.
    """
    certificate_type = build_type(read_definition(text))
    for where, reason in contradictions(certificate_type):
        raise TypeDefinitionError(where, reason)
    return certificate_type


def build_type(definition: Mapping[str, Any]) -> CertificateType:
    """Put a description of the right shape together; whether it contradicts itself is not asked.

    Raises: TypeDefinitionError: a restriction that the schema engine cannot compile.
    """
    try:
        return CertificateType(**parts_of(definition))
    except jsonschema_rs.ValidationError as error:  # such as a pattern the engine cannot compile
        raise TypeDefinitionError("claims", "schema") from error


@cache
def shipped_types() -> Mapping[str, CertificateType]:
    """Give the types of the sample city by slug. Read once; the files are part of the package."""
    return MappingProxyType({slug: load_type(catalogue_text(slug)) for slug in SAMPLE_CITY})


def catalogue() -> tuple[str, ...]:
    """The slugs of every type that ships, in order. Nothing is read."""
    names = (entry.name for entry in resources.files("certificates").joinpath("types").iterdir())
    return tuple(sorted(name.removesuffix(".yaml") for name in names if name.endswith(".yaml")))


def catalogue_text(slug: str) -> str:
    """The description of a type that ships. Raises: KeyError: there is none of this slug."""
    if slug not in catalogue():
        raise KeyError(slug)
    return resources.files("certificates").joinpath("types", f"{slug}.yaml").read_text(encoding="utf-8")
