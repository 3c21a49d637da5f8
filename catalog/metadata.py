"""Core metadata 核心元数据 of the national guide 《政务信息资源目录编制指南（试行）》, over what an interface declares.

An interface's `catalogue` member may say: `category` (类/项/目/细目 in words, `/` between), `resource_code`, `format`,
`method`, `openness`, `openness_conditions`, `related`, `keywords`, `contact`, `sla`, and `corroboration`, which grants
read. What it does not say has a default; what it says wrongly is refused, and so is a member nobody knows.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from catalog.declared import text, texts
from catalog.errors import DefinitionError
from catalog.interfaces import Interface, Terms

RESOURCE_CODE: Final = re.compile(r"^[1-3]\d{2}\d{3}\d*/\d+$")
"""类 (1) 项 (2) 目 (3) 细目 (n) / 顺序号 (n)."""
CLASSES: Final[Mapping[str, str]] = MappingProxyType({"基础信息资源": "1", "主题信息资源": "2", "部门信息资源": "3"})
_MEMBERS: Final = frozenset(
    {
        "category", "resource_code", "format", "method", "openness", "openness_conditions", "related", "keywords",
        "contact", "sla", "corroboration",
    }
)  # fmt: skip


class Openness(StrEnum):
    """开放属性: whether society at large may have it."""

    NOT_OPEN = "not_open"
    CONDITIONAL = "conditional"
    OPEN = "open"


class UpdateCycle(StrEnum):
    """更新周期."""

    REALTIME = "realtime"
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    QUARTERLY = "quarterly"
    YEARLY = "yearly"
    IRREGULAR = "irregular"


class Method(StrEnum):
    """共享方式: how a resource is shared."""

    INTERFACE = "interface"
    FILE = "file"
    TABLE = "table"
    CERTIFICATE = "certificate"


@dataclass(frozen=True, slots=True)
class Item:
    """信息项. `type` is the guide's: C text, N number, D date, T instant, L yes or no, O object."""

    name: str
    title: Mapping[str, str]
    type: str
    length: int | None
    required: bool
    terms: Terms
    method: Method


@dataclass(frozen=True, slots=True)
class CoreMetadata:
    """A resource as the guide describes it. `resource_code` is empty until the city's data office gives one."""

    code: str
    resource_code: str
    category: tuple[str, ...]
    title: Mapping[str, str]
    summary: Mapping[str, str]
    provider: str
    provider_code: str
    format: str
    items: tuple[Item, ...]
    terms: Terms
    method: Method
    openness: Openness
    openness_conditions: str
    update_cycle: UpdateCycle
    published_on: date | None
    related: tuple[str, ...]
    keywords: tuple[str, ...]
    contact: str
    sla: str

    @property
    def theme(self) -> str:
        """The category in one line, for counting."""
        return "/".join(self.category)


def interface_metadata(
    interface: Interface, *, provider: str = "", provider_code: str | None = None, published_on: date | None = None
) -> CoreMetadata:
    """The core metadata of an interface. Whether related codes exist is not checked.

    Raises: DefinitionError naming the member of `catalogue` that is wrong.
    """
    told = interface.catalogue
    unknown = told.keys() - _MEMBERS
    if unknown:
        raise DefinitionError(f"interface: catalogue/{min(unknown)} is unknown; it takes {', '.join(sorted(_MEMBERS))}")
    method = _choice(Method, told, "method", Method.INTERFACE)
    return CoreMetadata(
        code=interface.code,
        resource_code=_resource_code(told),
        category=_category(told),
        title=interface.title,
        summary=interface.summary,
        provider=provider,
        provider_code=interface.department if provider_code is None else provider_code,
        format=_words(told, "format", "JSON"),
        items=tuple(
            Item(field.name, field.title, *item_type(field.schema), field.required, field.terms, method)
            for field in interface.fields.values()
        ),
        terms=interface.terms,
        method=method,
        openness=_choice(Openness, told, "openness", Openness.NOT_OPEN),
        openness_conditions=_words(told, "openness_conditions", ""),
        update_cycle=_cycle(interface.update_cycle),
        published_on=published_on,
        related=texts(told.get("related", ()), "interface: catalogue/related"),
        keywords=texts(told.get("keywords", ()), "interface: catalogue/keywords"),
        contact=_words(told, "contact", ""),
        sla=_words(told, "sla", ""),
    )


def item_type(schema: Mapping[str, Any]) -> tuple[str, int | None]:
    """The guide's letter for a JSON Schema, and the greatest length it sets."""
    kinds = schema.get("type", "string")
    kind = next((item for item in kinds if item != "null"), "string") if isinstance(kinds, list) else kinds
    letter = {"integer": "N", "number": "N", "boolean": "L", "object": "O", "array": "O"}.get(str(kind), "C")
    if letter == "C":
        letter = {"date": "D", "date-time": "T"}.get(str(schema.get("format", "")), "C")
    length = schema.get("maxLength")
    return letter, length if type(length) is int else None


def _category(told: Mapping[str, Any]) -> tuple[str, ...]:
    given = _words(told, "category", "部门信息资源")
    parts = tuple(part.strip() for part in given.split("/"))
    if parts[0] not in CLASSES or not all(parts) or len(parts) > 4:
        raise DefinitionError(
            f"interface: catalogue/category begins with one of {'、'.join(CLASSES)}, at most four levels"
        )
    return parts


def _resource_code(told: Mapping[str, Any]) -> str:
    code = _words(told, "resource_code", "")
    if code and not RESOURCE_CODE.match(code):
        raise DefinitionError("interface: catalogue/resource_code is 类(1)项(2)目(3)细目(n)/顺序号, digits")
    if code and "category" in told and code[0] != CLASSES[_category(told)[0]]:
        raise DefinitionError("interface: catalogue/resource_code begins with the digit of its category")
    return code


def _cycle(value: str) -> UpdateCycle:
    try:
        return UpdateCycle(value)
    except ValueError:
        raise DefinitionError(f"interface: update_cycle is one of {', '.join(UpdateCycle)}") from None


def _choice(kind: type[StrEnum], told: Mapping[str, Any], member: str, default: StrEnum) -> Any:
    value = told.get(member, default.value)
    try:
        return kind(value)
    except ValueError:
        raise DefinitionError(f"interface: catalogue/{member} is one of {', '.join(kind)}") from None


def _words(told: Mapping[str, Any], member: str, default: str) -> str:
    value = told.get(member, default)
    return default if value in (None, "") else text(value, f"interface: catalogue/{member}")
