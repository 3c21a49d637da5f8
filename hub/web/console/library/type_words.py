"""Plain words about types: what a place in a description is, what a proposal does, where a fault stands."""

from collections.abc import Mapping
from typing import Any, Final

import yaml

from certificates.definitions.schema import parse_definition
from certificates.errors import TypeDefinitionError
from hub.registry.meanings import Words
from hub.registry.sharing import TYPE, TYPE_END, TYPE_LIFT

OWNED: Final[Mapping[str, Words]] = {
    TYPE: ("新类型或新版本", "A type, or its next version"),
    TYPE_END: ("停止颁发", "Issued no more"),
    TYPE_LIFT: ("恢复已停用的类型", "A stopped type goes on"),
    "face.template": ("版面模板", "A face's template"),
}
"""Proposals about types, which their defining department decides."""
CUSTODY: Final[Mapping[str, Words]] = {
    "library": ("证照库保存", "kept in the library"),
    "index": ("仅索引，内容在来源部门", "an index; contents stay at their source"),
}
STEPS: Final[Mapping[str, tuple[str, str, str, str]]] = {
    "halt": ("停用", "Stop the type", "立即停止颁发和出示，一人即可；恢复须两人。已有证照不变。", "Nothing of it is issued or shown from now on. One person does it, two lift it. Licences stay as they are."),
    "resume": ("申请恢复", "Let it go on", "由另一人确认后恢复颁发和出示。", "It goes on when somebody else confirms."),
    "retire": ("停止颁发", "Issue no more", "由另一人确认后不再颁发；已有证照不变。", "Nothing more is issued when somebody else confirms; licences stay as they are."),
}  # fmt: skip
"""Step of a type → its name, and what it does."""
PLACES: Final[Mapping[str, Words]] = {
    "name": ("名称", "name"),
    "claims": ("字段", "field"),
    "title": ("标题", "title"),
    "zh": ("中文", "Chinese"),
    "en": ("英文", "English"),
    "format": ("格式", "format"),
    "required": ("必填", "required"),
    "disclosure": ("出示方式", "disclosure"),
    "schema": ("取值限制", "restriction"),
    "validity": ("有效期", "validity"),
    "years": ("年数", "years"),
    "legal_basis": ("法律依据", "legal basis"),
    "maker_checker": ("两人办理", "two persons"),
    "stage": ("人生阶段", "stage of life"),
    "mapping": ("来源列", "source columns"),
    "columns": ("列", "columns"),
    "version": ("版本", "version"),
    "face": ("版面", "face"),
    "accent": ("主色", "accent"),
    "orientation": ("方向", "orientation"),
    "seal": ("印章", "seal"),
    "shape": ("形状", "shape"),
    "text": ("文字", "text"),
    "supports": ("支持", "supports"),
    "formats": ("格式", "formats"),
    "holder_kinds": ("持证主体类型", "kinds of holders"),
    "register_driven": ("随登记库变化", "driven by the register"),
}


def place_words(pointer: str) -> Words:
    """`/claims/address/title/zh` in words; what has no word stands for itself."""
    steps = [PLACES.get(step, (step, step)) for step in pointer.strip("/").split("/")]
    return " · ".join(zh for zh, _ in steps), " · ".join(en for _, en in steps)


def shown_value(value: Any) -> str:
    """A value of a description in a table of differences."""
    if value is None:
        return "—"
    if isinstance(value, bool):
        return "✓" if value else "✗"
    if isinstance(value, str | int):
        return str(value)
    return yaml.safe_dump(value, allow_unicode=True, sort_keys=False, default_flow_style=True, width=200).strip(" .\n")


def line_of(text: str, where: str) -> int | None:
    """The line, from 1, at which a path of a description stands; as far as the path exists. None: not readable."""
    try:
        parse_definition(text)  # refuses what the plain parser would not: aliases that grow
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except (TypeDefinitionError, yaml.YAMLError):
        return None
    line = 1
    for step in [item for item in where.split("/") if item]:
        found = None
        if isinstance(node, yaml.MappingNode):
            found = next(((key, value) for key, value in node.value if key.value == step), None)
        elif isinstance(node, yaml.SequenceNode) and step.isdigit() and int(step) < len(node.value):
            found = node.value[int(step)], node.value[int(step)]
        if found is None:
            break
        line, node = found[0].start_mark.line + 1, found[1]
    return int(line)
