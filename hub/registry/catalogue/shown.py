"""Entries of the catalogue as JSON, and the core metadata of certificate types."""

from collections.abc import Mapping
from typing import Any, Final

from catalog.interfaces import Sharing, Terms
from catalog.metadata import CoreMetadata, Item, Method, Openness, UpdateCycle, item_type
from hub.issuing.types.registry import TypeInForce
from hub.registry.departments.store import Departments, DepartmentView
from hub.registry.search.refresh import CERTIFICATE_THEME

TYPE_TERMS: Final = Terms(
    Sharing.CONDITIONAL, "电子证照按授权共享：由发证部门逐项批准", "政务数据共享条例", "须有在办的办件和发证部门的授权"
)


def type_metadata(found: TypeInForce, departments: Departments) -> CoreMetadata:
    """The core metadata of a certificate type, which declares no terms of its own: every field is conditional."""
    kind = found.type
    issuer = next(
        (departments.current(item.id) for item in departments.by_id.values() if kind.code in item.issues), None
    )
    authority = kind.defining_authority
    return CoreMetadata(
        code=kind.code,
        resource_code="",
        category=tuple(CERTIFICATE_THEME.split("/")),
        title={"zh": kind.name.zh, "en": kind.name.en},
        summary={"zh": f"{authority.name}定义的电子证照", "en": "Electronic certificate"},
        provider=issuer.name_zh if issuer else authority.name,
        provider_code=issuer.code if issuer else authority.uscc,
        format="SD-JWT VC",
        items=tuple(
            Item(
                claim.name, {"zh": claim.title.zh, "en": claim.title.en}, *item_type(claim.schema), claim.required,
                TYPE_TERMS, Method.CERTIFICATE,
            )
            for claim in kind.claims.values()
        ),
        terms=TYPE_TERMS,
        method=Method.CERTIFICATE,
        openness=Openness.NOT_OPEN,
        openness_conditions="",
        update_cycle=UpdateCycle.IRREGULAR,
        published_on=None,
        related=(),
        keywords=(),
        contact=issuer.contact if issuer else "",
        sla="",
    )  # fmt: skip


def shown_metadata(metadata: CoreMetadata) -> dict[str, Any]:
    """Core metadata as JSON, terms with their reasons on every field."""
    return {
        "kind": "certificate_type" if metadata.method is Method.CERTIFICATE else "interface",
        "code": metadata.code,
        "resource_code": metadata.resource_code or None,
        "category": list(metadata.category),
        "title": dict(metadata.title),
        "summary": dict(metadata.summary),
        "provider": {"code": metadata.provider_code, "name": metadata.provider},
        "format": metadata.format,
        "sharing": shown_terms(metadata.terms) | {"method": metadata.method.value},
        "openness": {"type": metadata.openness.value, "conditions": metadata.openness_conditions},
        "update_cycle": metadata.update_cycle.value,
        "published_on": metadata.published_on.isoformat() if metadata.published_on else None,
        "related": list(metadata.related),
        "keywords": list(metadata.keywords),
        "contact": metadata.contact,
        "sla": metadata.sla,
        "fields": [
            {
                "name": item.name,
                "title": dict(item.title),
                "type": item.type,
                "length": item.length,
                "required": item.required,
                "sharing": shown_terms(item.terms),
            }
            for item in metadata.items
        ],
    }


def shown_terms(terms: Terms) -> dict[str, str]:
    """Sharing terms as JSON."""
    return {
        "type": terms.sharing.value,
        "reason": terms.reason,
        "legal_basis": terms.legal_basis,
        "conditions": terms.conditions,
    }


def shown_department(
    view: DepartmentView, departments: Departments, over: Mapping[str, DepartmentView]
) -> dict[str, Any]:
    """A department as JSON. `over`: who reviews for whom, by id."""
    successor = departments.current(view.id) if view.closed else None
    return {
        "kind": "department",
        "code": view.code,
        "name": {"zh": view.name_zh, "en": view.name_en},
        "level": view.level,
        "region": view.region,
        "state": "closed" if view.closed else "open",
        "successor": brief(successor) if successor else None,
        "succeeds": [brief(item) for item in departments.former(view.id)],
        "superior": brief(over[view.id]) if view.id in over else None,
        "duties": list(view.duties),
        "contact": view.contact,
    }


def brief(view: DepartmentView) -> dict[str, Any]:
    """A department in one line."""
    return {"code": view.code, "name": {"zh": view.name_zh, "en": view.name_en}}
