"""Reading what may become a matter, of which nothing is sure."""

from collections.abc import Mapping
from typing import Any

from catalog.errors import DefinitionError
from catalog.matters.findings import Finding, MatterFaultsError, unreadable
from catalog.matters.reading import check_members, read_matter
from catalog.matters.values import Matter
from hub.registry.matters.shape import misshapen


def checked(definition: Mapping[str, Any]) -> Matter:
    """A declaration that may become a version. What is stored is read without this: an earlier release took more.

    Raises: MatterFaultsError: all that is out of shape; DefinitionError: what its reader met first.
    """
    if found := misshapen(definition):
        raise MatterFaultsError(str(definition.get("code", "")), found)
    matter = read_matter(definition)
    check_members(definition)
    return matter


def drafted(definition: Mapping[str, Any]) -> Matter | tuple[Finding, ...]:
    """A draft as it would be published, or why it cannot be read."""
    try:
        return checked(definition)
    except MatterFaultsError as error:
        return error.findings
    except DefinitionError as error:
        return (unreadable(error),)
