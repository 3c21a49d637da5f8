"""Interfaces as tests declare them."""

from typing import Any

from catalog.interfaces import Interface, read_interface
from tests.support import AMR

TITLE = {"zh": "字段", "en": "Field"}
TERMS = {"sharing": "conditional", "reason": "涉及企业信息", "legal_basis": "政务数据共享条例", "conditions": "办件"}


def field(schema: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """A declared field; text unless a schema says otherwise."""
    return {"title": TITLE, "schema": schema or {"type": "string", "maxLength": 200}} | more


def derived(of: str, test: str, against: Any = None) -> dict[str, Any]:
    """A declared predicate."""
    return {"title": TITLE, "derived": {"field": of, "test": test, "against": against}}


def declaration(fields: dict[str, Any], mapping: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A definition around fields and the `fields` of a mapping."""
    return {
        "code": "some_interface",
        "title": {"zh": "某接口", "en": "Some interface"},
        "department": AMR,
        "source": "some-source",
        "params": {"uscc": {"title": TITLE, "from": "party.id_number", "id_type": "001"}},
        "terms": TERMS,
        "fields": fields,
        "operation": {"statement": "SELECT 1"},
        "mapping": {"version": 1, "fields": mapping},
    } | changes


def interface(fields: dict[str, Any], mapping: dict[str, Any], **changes: Any) -> Interface:
    """An interface around fields and the `fields` of a mapping."""
    return read_interface(declaration(fields, mapping, **changes))
