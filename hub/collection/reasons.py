"""Why a row is rejected: stable codes, and what they say to the department that sent it.

A text names the column and the rule, never the value: it may be logged; the row itself stands in the report.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing wrong with a row. `column` and `claim` are empty where it concerns the row as a whole."""

    column: str
    claim: str
    code: str
    text_zh: str
    text_en: str


@dataclass(frozen=True, slots=True)
class Rejection:
    """A row that is not collected, with everything found wrong with it."""

    reasons: tuple[Reason, ...]

    @classmethod
    def of_row(cls, code: str) -> "Rejection":
        """Reject a row as a whole."""
        return cls((reason(code),))


TEXTS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        # The row cannot be read.
        "line_too_long": ("行超过长度上限", "the line is longer than the limit"),
        "nul_byte": ("含有空字节（NUL）", "holds a NUL byte"),
        "control_character": ("含有控制字符", "holds a control character"),
        "undecodable": ("含有无法按文件编码读取的字节", "holds bytes that are not in the file's encoding"),
        "unterminated_quote": ("引号没有闭合", "a quote is never closed"),
        "malformed_quote": ("引号闭合之后还有文字", "text follows a closing quote"),
        "json": ("该行不是一个 JSON 对象", "the line is no JSON object"),
        "nested": ("对象里还有对象或数组，每行只能是平的", "a value is itself an object or a list; rows are flat"),
        "duplicate_name": ("同一名称出现两次", "a name stands twice in the object"),
        "number": ("数字无法准确表示，请写成文本", "a number that cannot be exact: write it as text"),
        "digits_lost": (
            "数字超过15位，表格已丢失末位，请把该列设为文本",
            "a number of more than 15 digits, of which the sheet has lost the last: make the column text",
        ),
        "cell_count": ("单元格数与表头不一致", "the number of cells differs from the header's"),
        # A cell cannot be taken.
        "missing": ("必填项为空", "a required value is missing"),
        "formula": ("以“=”或“@”开头，像是公式", "begins like a formula, with = or @"),
        "date_spelling": ("不是可识别的日期写法", "no known spelling of a date"),
        "date_ambiguous": ("日期有歧义，请把年份写在最前面", "an ambiguous date: write the year first"),
        "date_impossible": ("日历上没有这一天", "no such day in the calendar"),
        "integer": ("不是整数", "no integer"),
        "decimal": ("不是数值", "no number"),
        # The claims do not fit the certificate type.
        "check_digit": ("校验码不正确", "the check character is wrong"),
        "length": ("号码长度不正确", "the identifier has a wrong length"),
        "character": ("号码含有不允许的字符", "the identifier holds a character it cannot have"),
        "date": ("号码中的日期不存在", "the identifier holds an impossible date"),
        "type": ("证件类型不适用", "the type of identifier does not fit"),
        "too_long": ("超过长度上限", "longer than allowed"),
        "too_short": ("短于长度下限", "shorter than allowed"),
        "pattern": ("不符合规定的写法", "not in the prescribed form"),
        "not_in_list": ("不在允许的取值之内", "not one of the allowed values"),
        "out_of_range": ("超出允许的范围", "outside the allowed range"),
        "schema": ("不符合证照类型的要求", "does not fit the certificate type"),
        "register_state": (
            "登记状态的写法不在对应关系中，请补充该写法的含义",
            "a state of the register that the mapping does not list: add what it means",
        ),
        # What only shows beside other rows, or when the row is worked on.
        "conflicting_rows": (
            "同一文件中有内容不同的同一记录",
            "the file holds this record more than once, differently",
        ),
        "holder_has_one": (
            "该持有人已有一份本类型证照，请先办理延续、变更或注销",
            "the holder already has one of this type: renew, change or cancel it first",
        ),
        "certificate_revoked": (
            "该证照已注销，须另行办理恢复",
            "its certificate is revoked; reviving it is an act of its own",
        ),
        "certificate_suspended": (
            "该证照已暂停，须另行办理恢复",
            "its certificate is suspended; lifting that is an act of its own",
        ),
        "certificate_withdrawn": (
            "该证照已吊销，须另行颁发",
            "its certificate was withdrawn; a new one is an act of its own",
        ),
        "certificate_cancelled": (
            "该证照已注销，须另行颁发",
            "its certificate is cancelled; a new one is an act of its own",
        ),
        "certificate_transferring": (
            "该证照正在办理转出",
            "its certificate is being transferred to another authority",
        ),
        "certificate_transferred": (
            "该证照已转出",
            "its certificate was transferred to another authority",
        ),
        "certificate_other": (
            "该证照处于特别状态，须另行办理",
            "its certificate is in a state of its own; changing that is an act of its own",
        ),
        "ends_later": (
            "终止日期在将来，请到期后再报",
            "it ends on a later day: send it again then",
        ),
        "row_failed": ("处理该行时发生意外错误", "working on the row failed unexpectedly"),
    }
)

_RULES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "required": "missing",
        "maxLength": "too_long",
        "minLength": "too_short",
        "pattern": "pattern",
        "format": "pattern",
        "enum": "not_in_list",
        "const": "not_in_list",
        "minimum": "out_of_range",
        "maximum": "out_of_range",
        "exclusiveMinimum": "out_of_range",
        "exclusiveMaximum": "out_of_range",
    }
    | {code: code for code in ("check_digit", "length", "character", "date", "type")}
)


def reason(code: str, *, column: str = "", claim: str = "") -> Reason:
    """State a reason. `code` is one of `TEXTS`; another one is a mistake of the caller's (KeyError)."""
    zh, en = TEXTS[code]
    if column:
        zh, en = f"“{column}”：{zh}", f"{column}: {en}"
    return Reason(column, claim, code, zh, en)


def code_of_rule(rule: str) -> str:
    """Translate the rule of a `ClaimProblem` into a code; whatever a type may still demand is `schema`."""
    return _RULES.get(rule, "schema")
