"""Reading declarations: JSON written by people, in which a lone text where a list belongs is the usual slip."""

from collections.abc import Collection

from catalog.errors import DefinitionError


def texts(value: object, where: str) -> tuple[str, ...]:
    """A list of texts, none empty. Raises: DefinitionError naming `where`; a text alone is no list of letters."""
    if isinstance(value, str | bytes) or not isinstance(value, Collection):
        raise DefinitionError(f"{where} must be a list of texts")
    if not all(isinstance(item, str) and item.strip() for item in value):
        raise DefinitionError(f"{where} must be a list of texts")
    return tuple(value)


def text(value: object, where: str) -> str:
    """A text that says something. Raises: DefinitionError naming `where`."""
    if not isinstance(value, str) or not value.strip():
        raise DefinitionError(f"{where} must be a text")
    return value
