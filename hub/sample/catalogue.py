"""The sample city's catalogue as the definitions that the registry reads, out of `catalogue.yaml`."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any, Final

import yaml

from certificates.definitions.certificate_type import CertificateType
from certificates.definitions.loading import shipped_types
from hub.clock import rfc3339
from hub.sample.numbers import CITY
from signing.keys import VerifyingKey

CODE_SYSTEM: Final = "示例市政务服务事项目录"
GRANT_PERIOD: Final = timedelta(days=365)

Definition = dict[str, Any]


def departments() -> list[Definition]:
    """Departments, each with the types it issues; these must be registered first."""
    return [{**department, "level": "city", "region": CITY} for department in _declared()["departments"].values()]


def issuers() -> dict[str, str]:
    """The issuing department's code by certificate type code."""
    return {
        _type(slug).code: department["code"] for department in departments() for slug in department.get("issues", ())
    }


def systems() -> list[Definition]:
    """The systems as declared, with their purpose and matters, without keys."""
    return [{**system, "department": department_code(system["department"])} for system in _declared()["systems"]]


def system_definition(system: Definition, key: VerifyingKey) -> Definition:
    """What the registry reads of a system."""
    return {
        "client_id": system["client_id"],
        "department": system["department"],
        "name": system["name"],
        "keys": [key.jwk],
        **({"desk": system["desk"]} if "desk" in system else {}),
    }


def type_texts() -> dict[str, str]:
    """The YAML of the certificate types that the city issues, by short name."""
    folder = resources.files("certificates").joinpath("types")
    slugs = [slug for department in departments() for slug in department.get("issues", ())]
    return {slug: folder.joinpath(f"{slug}.yaml").read_text(encoding="utf-8") for slug in slugs}


def events() -> list[Definition]:
    """Life events of the sample city."""
    return [
        {**event, "code_system": CODE_SYSTEM, "department": department_code(event["department"])}
        for event in _declared()["events"]
    ]


def matters() -> list[Definition]:
    """Matters, their requirements naming types by code."""
    return [
        {
            **matter,
            "code_system": CODE_SYSTEM,
            "department": department_code(matter["department"]),
            "requirements": [_requirement(item) for item in matter["requirements"]],
        }
        for matter in _declared()["matters"]
    ]


def grants(now: datetime) -> list[Definition]:
    """Grants for one year from `now`, each by the department that issues the type."""
    purposes = {system["client_id"]: system["purpose"] for system in systems()}
    owners = issuers()
    return [
        {
            **grant,
            "type": _type(grant["type"]).code,
            "owner": owners[_type(grant["type"]).code],
            "purpose": purposes[grant["system"]],
            "valid_from": rfc3339(now),
            "valid_until": rfc3339(now + GRANT_PERIOD),
        }
        for grant in _declared()["grants"]
    ]


def mandates(today: date) -> list[Definition]:
    """By which the hall accepts cases of other departments, for one year from `today`."""
    return [
        {
            "from": department_code(item["from"]),
            "to": department_code(item["to"]),
            "matters": item["matters"],
            "legal_basis": "《中华人民共和国行政许可法》第二十四条",
            "valid_from": today.isoformat(),
            "valid_until": (today + GRANT_PERIOD).isoformat(),
        }
        for item in _declared()["mandates"]
    ]


def _requirement(item: Mapping[str, Any]) -> Definition:
    alternatives = [
        [{"type": _type(need["type"]).code, "fields": need["fields"]} for need in needs]
        for needs in item["alternatives"]
    ]
    return {**item, "alternatives": alternatives}


def _type(slug: str) -> CertificateType:
    return shipped_types()[slug]


def department_code(department: str) -> str:
    """The USCC of a department that is named by its key."""
    return str(_declared()["departments"][department]["code"])


@cache
def _declared() -> Mapping[str, Any]:
    text = resources.files("hub.sample").joinpath("catalogue.yaml").read_text(encoding="utf-8")
    declared: dict[str, Any] = yaml.safe_load(text)
    return MappingProxyType(declared)
