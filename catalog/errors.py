"""Errors of the catalog.

    CatalogError
    ├── IdentifierError      an identifier breaks the rule of its kind
    └── DefinitionError      a declared matter or grant is incomplete or contradicts itself

No error carries the value it complains about: identifiers of persons must not reach logs or problem documents.
"""

from typing import Literal, TypeAlias

IdentifierReason: TypeAlias = Literal["length", "character", "check_digit", "date", "type"]


class CatalogError(Exception):
    """Root of everything the catalog refuses."""


class IdentifierError(CatalogError):
    """An identifier breaks the rule of its kind; `reason` says which part, never the value."""

    def __init__(self, reason: IdentifierReason) -> None:
        super().__init__(f"identifier refused: {reason}")
        self.reason: IdentifierReason = reason


class DefinitionError(CatalogError):
    """A declaration is incomplete or contradicts itself; the text names the field."""
