"""The form check of a request: all that is missing or wrong, at once (一次性告知). Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from catalog.grants import CaseKind
from catalog.interfaces import Sharing
from hub.registry.grants import Resource
from hub.registry.meanings import CORROBORATION
from hub.registry.requests.errors import Fault
from hub.registry.requests.values import Filing
from hub.registry.requests.wording import fault

MAX_VALIDITY: Final = timedelta(days=3 * 366)
"""A grant that nobody looks at for longer outlives the people who gave it."""
_CORROBORATION: Final = frozenset(code for code, _, _ in CORROBORATION)
_VAGUE: Final = (
    "工作需要", "业务需要", "办公需要", "内部使用", "数据共享", "数据查询", "信息查询", "查询使用", "日常工作",
    "测试使用",
    "for work", "as needed", "business needs", "internal use", "data sharing",
)  # fmt: skip
_SHORTEST: Final = 5
"""`办理低保金` says what is done; fewer characters never did."""
_SHORTEST_LATIN: Final = 12


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the catalogue says about a filing. `matters`: the owning department of each known matter."""

    resource: Resource | None
    matters: Mapping[str, str]
    asking_department_id: str
    asked_already: bool
    now: datetime


def faults_of(filing: Filing, around: Surroundings) -> list[Fault]:
    """Every fault, in the order of the form."""
    return [
        *_resource(filing, around),
        *_matters(filing, around),
        *_words(filing),
        *_numbers(filing, around.now),
        *_people(filing),
    ]


def by_rule(filing: Filing, resource: Resource) -> bool:
    """Whether the owner's terms grant this without anybody's decision: every field asked is unconditional (无条件共享).

    Never for use ex officio: whom an officer may look up without an application is for a person to judge.
    """
    return filing.kind is CaseKind.APPLICATION and all(
        resource.terms[name].sharing is Sharing.UNCONDITIONAL for name in filing.fields
    )


def _resource(filing: Filing, around: Surroundings) -> list[Fault]:
    found: list[Fault] = []
    resource = around.resource
    if not filing.fields:
        found.append(fault("fields_missing", "/fields"))
    if resource is None:
        return [*found, fault("resource_unknown", f"/{filing.word}")] if filing.resource else found
    for place, name in enumerate(filing.fields):
        terms = resource.terms.get(name)
        if terms is None:
            found.append(fault("field_unknown", f"/fields/{place}"))
        elif terms.sharing is Sharing.NOT_SHARED:
            params = {"reason": terms.reason, "legal_basis": terms.legal_basis}
            found.append(fault("field_not_shared", f"/fields/{place}", **params))
    if around.asked_already:
        found.append(fault("asked_already", ""))
    return found


def _matters(filing: Filing, around: Surroundings) -> list[Fault]:
    if not filing.matters:
        return [fault("matters_missing", "/matters")]
    found = []
    for place, code in enumerate(filing.matters):
        owner = around.matters.get(code)
        if owner is None:
            found.append(fault("matter_unknown", f"/matters/{place}"))
        elif owner != around.asking_department_id:
            found.append(fault("matter_of_another_department", f"/matters/{place}"))
    return found


def _words(filing: Filing) -> list[Fault]:
    found = []
    if not filing.purpose:
        found.append(fault("purpose_missing", "/purpose"))
    elif is_vague(filing.purpose):
        found.append(fault("purpose_vague", "/purpose"))
    empty = [name for name in ("legal_basis", "scene", "contact") if not getattr(filing, name)]
    return found + [fault(f"{name}_missing", f"/{name}") for name in empty]


def is_vague(purpose: str) -> bool:
    """Whether a purpose could stand on any request."""
    bare = "".join(char for char in purpose.lower() if char.isalnum() or char == " ").strip()
    for word in _VAGUE:
        bare = bare.replace(word, "")
    shortest = _SHORTEST_LATIN if bare.isascii() else _SHORTEST
    return len(bare.strip()) < shortest


def _numbers(filing: Filing, now: datetime) -> list[Fault]:
    found = []
    if filing.quota_per_day is None:
        found.append(fault("quota_missing", "/quota_per_day"))
    begins = filing.valid_from or now
    if filing.valid_until is None:
        found.append(fault("validity_missing", "/valid_until"))
    elif filing.valid_until <= max(begins, now):
        found.append(fault("validity_past", "/valid_until"))
    elif filing.valid_until - begins > MAX_VALIDITY:
        found.append(fault("validity_too_long", "/valid_until"))
    return found


def _people(filing: Filing) -> list[Fault]:
    found = [
        fault("corroboration_unknown", f"/corroboration/{place}")
        for place, name in enumerate(filing.corroboration)
        if name not in _CORROBORATION
    ]
    if filing.kind is CaseKind.EX_OFFICIO and not filing.officers:
        found.append(fault("officers_missing", "/officers"))
    if filing.kind is CaseKind.APPLICATION and filing.officers:
        found.append(fault("officers_unasked", "/officers"))
    if filing.bulk_subjects is not None and filing.kind is not CaseKind.EX_OFFICIO:
        found.append(fault("bulk_unfit", "/bulk"))
    return found
