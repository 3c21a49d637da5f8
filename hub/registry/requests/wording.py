"""The words for faults of a request, by code."""

from collections.abc import Mapping
from typing import Any, Final

from hub.registry.requests.errors import Fault

_WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "malformed": ("格式不对", "not of the expected form"),
    "member_unknown": ("含有未定义的项", "a member that is not known"),
    "system_missing": ("未写明申请的应用系统", "no system: its client_id"),
    "resource_missing": ("须且只能写明证照类型（type）或数据接口（interface）", "name either a type or an interface"),
    "resource_unknown": ("目录中没有该资源，或尚未发布", "not in the catalogue, or not published"),
    "fields_missing": ("未写明所需信息项", "no field is asked for"),
    "field_unknown": ("该资源没有此信息项", "the resource has no such field"),
    "field_not_shared": ("此信息项不予共享", "the field is not shared"),
    "matters_missing": ("未写明用于哪些政务服务事项", "no matter is named"),
    "matter_unknown": ("事项目录中没有该事项", "the matter is not in the catalogue"),
    "matter_of_another_department": ("该事项不属于申请部门", "the matter belongs to another department"),
    "purpose_missing": ("未写明用途", "no purpose"),
    "purpose_vague": ("用途过于笼统，须写明办理什么", "the purpose is too vague: say what is done with the data"),
    "legal_basis_missing": ("未写明依据（法律、法规、规章或职责文件）", "no legal basis"),
    "scene_missing": ("未写明使用场景", "no scene of use: the step in which the data is used"),
    "quota_missing": ("未写明每日用量", "no quota_per_day"),
    "validity_missing": ("未写明使用期限", "no valid_until"),
    "validity_past": ("使用期限已过或起止颠倒", "valid_until is past, or before valid_from"),
    "validity_too_long": ("使用期限过长，最长三年", "valid for longer than three years"),
    "contact_missing": ("未写明联系人或联系电话", "no contact"),
    "corroboration_unknown": ("没有此种办件佐证", "no such kind of corroboration"),
    "officers_missing": ("依职权使用须列明办理人员", "use ex officio names its officers"),
    "bulk_unfit": ("批量查询只用于依职权工作", "bulk is for work ex officio"),
    "bulk_subjects_missing": ("须写明单次批量查询的人数上限（不超过 10 万）", "no maximum for a bulk run"),
    "officers_unasked": ("依申请办理不列办理人员", "officers are named for use ex officio only"),
    "asked_already": (
        "同一系统、资源和用途已有申请在办",
        "an open request asks for the same system, resource and purpose",
    ),
    "reason_missing": ("未说明理由", "no reason"),
    "approval_missing": ("延期须经批准，未写明批准依据", "an extension names its approval"),
    "not_asked_for": ("超出申请范围", "more than was asked for"),
    "nothing_left": ("核减后无可授权内容，应作不予共享决定", "nothing is left to grant: refuse instead"),
    "cut_without_reason": ("核减未说明理由", "a cut without its reason"),
}
CODES: Final = frozenset(_WORDS)


def fault(code: str, pointer: str, **params: Any) -> Fault:
    """A fault with its words."""
    zh, en = _WORDS[code]
    return Fault(code, pointer, zh, en, params)
