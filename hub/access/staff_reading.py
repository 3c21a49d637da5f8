"""Reading what somebody wrote of an account. Each raises DefinitionError, naming the member."""

import re
from typing import Any, Final

from sqlalchemy import Connection

from catalog.errors import DefinitionError
from catalog.store import find_department
from hub.access.actors import Role
from hub.access.staff_store import ID

_USER_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{2,63}")
_MEMBERS: Final = frozenset({"user_name", "display_name", "department", "roles", "external_id"})
HUB_WIDE: Final = frozenset({Role.OPERATOR, Role.AUDITOR})
"""Roles of whoever belongs to no department."""


def listed(roles: frozenset[Role]) -> list[str]:
    """Roles as they are stored."""
    return sorted(role.value for role in roles)


def user_name(value: Any) -> str:
    """In lower case."""
    text = value.strip().lower() if isinstance(value, str) else ""
    if not _USER_NAME.fullmatch(text):
        raise DefinitionError("user_name: 3 to 64 of a-z 0-9 . _ - are needed")
    return text


def display_name(value: Any) -> str:
    """The person's name."""
    text = value.strip() if isinstance(value, str) else ""
    if not 1 <= len(text) <= 100 or not text.isprintable():
        raise DefinitionError("display_name: 1 to 100 characters are needed")
    return text


def external(value: Any) -> str | None:
    """Who he is at the provider."""
    if value is None or value == "":
        return None
    if not isinstance(value, str) or len(value) > 255:
        raise DefinitionError("external_id: at most 255 characters")
    return value


def department_id(tx: Connection, code: Any) -> str | None:
    """Of a department by its code; None for the hub itself."""
    if code is None or code == "":
        return None
    department = find_department(tx, str(code))
    if department is None:
        raise DefinitionError("department: unknown")
    return department.id


def roles_within(values: Any, department_id: str | None) -> frozenset[Role]:
    """At least one, that somebody of this department may have."""
    found = roles(values)
    if department_id is None and found - HUB_WIDE:
        raise DefinitionError("roles: without a department only operator and auditor")
    return found


def roles(values: Any) -> frozenset[Role]:
    """At least one."""
    try:
        found = frozenset(Role(value) for value in values or ())
    except (ValueError, TypeError) as error:
        raise DefinitionError(f"roles: one of {', '.join(Role)}") from error
    if not found:
        raise DefinitionError("roles: at least one is needed")
    return found


def check_account(definition: dict[str, Any]) -> None:
    """Whether it could be an account's definition; its department and a free user name are looked for later."""
    if set(definition) - _MEMBERS:
        raise DefinitionError(f"account: members are {', '.join(sorted(_MEMBERS))}")
    user_name(definition.get("user_name"))
    display_name(definition.get("display_name"))
    roles(definition.get("roles"))
    external(definition.get("external_id"))


def check_named(payload: dict[str, Any]) -> None:
    """Whether `staff` is an account's id."""
    if not ID.fullmatch(str(payload.get("staff", ""))):
        raise DefinitionError("staff: the id of an account is needed")


def check_raise(payload: dict[str, Any]) -> None:
    """Whether `staff` is an account's id and `roles` are such."""
    check_named(payload)
    roles(payload.get("roles"))
