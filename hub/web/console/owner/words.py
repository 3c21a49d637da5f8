"""Plain words for the codes that a department meets on its pages: states, kinds, what is missing or wrong.

How a source failed and what a test showed: `hub.registry.meanings`, which the command line says too.
"""

from collections.abc import Mapping
from typing import Final

from adapters.breaker import BreakerState
from hub.registry.meanings import Words
from hub.web.console.forms import FieldError

KINDS: Final[Mapping[str, tuple[Words, Words]]] = {
    "sql": (("数据库", "Database"), ("PostgreSQL、MariaDB、MySQL、SQLite 等，只读查询", "PostgreSQL, MariaDB, MySQL, SQLite …, read-only")),
    "rest": (("HTTP 接口", "HTTP service"), ("返回 JSON 的接口", "A service that answers JSON")),
    "soap": (("SOAP 服务", "SOAP service"), ("有 WSDL 的服务", "A service with a WSDL")),
    "files": (("文件", "Files"), ("目录或 SFTP 上的 CSV、XLSX、JSON 行文件", "CSV, XLSX or JSON lines in a folder or over SFTP")),
    "objects": (("对象存储", "Object storage"), ("S3 桶中的同类文件", "The same files in an S3 bucket")),
    "push": (("前置库推送", "Pushed rows"), ("平台访问不到本部门网络，由部门推送数据", "Nothing can reach the department: it sends rows")),
    "agent": (("前置代理", "Agent"), ("部门内网运行代理，只向外连接", "A program beside the database that only calls out")),
    "zhejiang": (("省级网关", "Provincial gateway"), ("浙江省公共数据共享平台接口", "The gateway of the province")),
}  # fmt: skip
"""Kind → its name and what it is for."""

STATES: Final[Mapping[str, tuple[str, str, str]]] = {
    "draft": ("草稿", "draft", "off"),
    "test": ("待审批", "in test", "info"),
    "live": ("已上线", "live", "good"),
    "deprecated": ("即将停用", "ending", "wait"),
    "withdrawn": ("已下线", "withdrawn", "bad"),
    "active": ("启用", "active", "good"),
    "disabled": ("已停用", "disabled", "bad"),
    "submitted": ("待答复", "to answer", "info"),
    "more_asked": ("待补充", "more asked", "wait"),
    "granted": ("已同意", "granted", "good"),
    "refused": ("不予同意", "refused", "bad"),
    "lapsed": ("视为撤回", "lapsed", "off"),
    "suspended": ("已暂停", "suspended", "wait"),
    "assigned": ("待答复", "to answer", "info"),
    "unassigned": ("待指定", "to be assigned", "wait"),
    "published": ("已发布", "published", "good"),
    "negotiating": ("协商中", "negotiating", "wait"),
    "coordinating": ("主管部门处理中", "with the operator", "wait"),
    "decided": ("已决定", "decided", "info"),
    "superior": ("提请共同上级", "with the superior", "wait"),
    "settled": ("已协商一致", "settled", "good"),
    "closed": ("已办结", "closed", "off"),
}
"""State → Chinese, English, look of its tag."""

BREAKER: Final[Mapping[BreakerState, tuple[str, str, str]]] = {
    BreakerState.CLOSED: ("正常", "normal", "good"),
    BreakerState.OPEN: ("已熔断", "breaker open", "bad"),
    BreakerState.HALF_OPEN: ("试探中", "trying again", "wait"),
}
SHARING: Final = (
    ("unconditional", "无条件共享", "unconditional"),
    ("conditional", "有条件共享", "conditional"),
    ("not_shared", "不予共享", "not shared"),
)
ORIGINS: Final = (
    ("party.id_number", "办件当事人的证件号码", "the party's number"),
    ("party.name", "办件当事人的姓名或名称", "the party's name"),
    ("subject.code", "办件标的编号（项目、不动产单元等）", "the case's subject (project, property unit …)"),
    ("caller", "由使用方系统填写", "given by the calling system"),
)
VALUE_KINDS: Final = (
    ("text", "文本", "text"),
    ("code", "代码", "code"),
    ("uscc", "统一社会信用代码", "USCC"),
    ("citizen_id", "公民身份号码", "citizen ID"),
    ("date", "日期", "date"),
    ("datetime", "时间", "date and time"),
    ("integer", "整数", "whole number"),
    ("decimal", "小数（以文本表示）", "decimal, as text"),
    ("boolean", "是/否", "yes or no"),
    ("json", "列表或对象", "list or object"),
)
CYCLES: Final = (
    ("realtime", "实时", "at once"), ("daily", "每日", "daily"), ("weekly", "每周", "weekly"), ("monthly", "每月", "monthly"),
    ("quarterly", "每季度", "quarterly"), ("yearly", "每年", "yearly"), ("irregular", "不定期", "irregular"),
)  # fmt: skip
OUTCOMES: Final[Mapping[str, Words]] = {
    "satisfied": ("已提供", "provided"),
    "declared_none": ("无此记录", "no such record"),
    "no_source": ("无数据来源", "no source"),
    "source_unavailable": ("数据源不可用", "source unavailable"),
    "not_granted": ("未授权", "not granted"),
    "identity_unconfirmed": ("身份未确认", "identity unconfirmed"),
    "ambiguous": ("结果不唯一", "ambiguous"),
    "refused": ("已拒绝", "refused"),
    "refused_before_asking": ("未查询即拒绝", "refused before asking"),
    "not_applicable": ("不适用", "not applicable"),
    "holder_decision_needed": ("待本人决定", "the holder decides"),
    "pending": ("处理中", "pending"),
}
_RULES: Final[Mapping[str, Words]] = {
    "missing": ("尚缺", "is missing"),
    "trial/missing": ("尚未用现定义调试成功", "no live test of this very definition has passed"),
    "required_fields_fail": ("质量报告显示必填字段有问题；确认后写明理由可上线", "the quality report shows failing required fields; give a reason to go live all the same"),
    "rows_fail": ("质量报告显示部分行有缺陷，这些行将无法提供；确认后写明理由可上线", "the quality report shows rows that could be given to nobody; give a reason to go live all the same"),
    "no_rows": ("质量报告没有读到数据行", "the quality report saw no row"),
    "nothing_is_shared": ("所有字段均不予共享", "no field is shared at all"),
    "not_in_operation": ("查询中没有用到该参数", "the operation does not use this parameter"),
    "not_select": ("须为一条 SELECT 语句", "must be one SELECT"),
    "several_statements": ("只能有一条语句", "only one statement"),
    "writes": ("只能读取，不能写入", "may only read"),
    "locking": ("不能加锁", "may not lock rows"),
    "function": ("用到了不允许的函数", "uses a function that is not allowed"),
    "placeholder": ("参数须写作 :名称", "parameters are written :name"),
    "quote": ("引号不成对或写法不支持", "a quote is not closed, or written in a way that is not supported"),
    "required": ("必填", "is required"),
    "type": ("类型不符", "is of another type"),
    "format": ("格式不符", "is not of the expected form"),
    "pattern": ("格式不符", "is not of the expected form"),
    "minLength": ("过短", "is too short"),
    "maxLength": ("过长", "is too long"),
    "disabled": ("数据源已停用", "the source is disabled"),
    "column_missing": ("来源中没有该列", "the source has no such column"),
    "code_unknown": ("代码表中没有该值", "a value is not in the table of codes"),
    "takes_parameters": ("列表语句不能带参数", "the listing takes no parameters"),
    "enum": ("不在可选值内", "is not one of the values allowed"),
    "unknown": ("未知", "is unknown"),
    "additionalProperties": ("含有未定义的项", "has a member that is not known"),
}  # fmt: skip


_PLACES: Final[Mapping[str, Words]] = {
    "/catalogue/category": ("类目须以“基础信息资源”“主题信息资源”或“部门信息资源”开头，以“/”分级，最多四级", "a category begins with 基础信息资源, 主题信息资源 or 部门信息资源, / between at most four levels"),
    "/catalogue/resource_code": ("资源代码须为类(1)项(2)目(3)细目/顺序号，首位与类目一致", "a resource code is digits, its first that of the category"),
    "/catalogue/openness": ("开放属性不在可选值内", "is not one of the values allowed"),
    "/catalogue/method": ("共享方式不在可选值内", "is not one of the values allowed"),
    "/catalogue/keywords": ("关键词须为列表，不能有空项", "a list of words, none empty"),
    "/catalogue/related": ("相关资源须为代码列表", "a list of codes"),
    "/update_cycle": ("更新周期不在可选值内", "is not one of the values allowed"),
}  # fmt: skip


def rule_words(pointer: str, rule: str) -> Words:
    """What is missing or wrong at a place of a definition."""
    known = _RULES.get(f"{pointer}/{rule}") or _RULES.get(rule) or _PLACES.get(pointer)
    place = pointer.strip("/") or rule
    if known is None:
        return f"{place}：{rule}", f"{place}: {rule}"
    return f"{place}：{known[0]}", f"{place}: {known[1]}"


def told(error: Exception, names: Mapping[str, Words] | None = None) -> FieldError:
    """A refusal `<what>: <place>: <rule>` beside the field it is about, if the form has that field.

    `names` are the fields with what stands beside them on the page: people know them by that, not by their place.
    """
    known = names or {}
    text = str(error).removeprefix("source: ").removeprefix("interface: ")
    place, _, rule = text.partition(": ")
    parts = place.partition(" ")[0].split("/")
    while parts:
        name = ".".join(parts)
        if name in known:
            break
        parts.pop()
    field = ".".join(parts)
    if not rule or " " in place:
        return FieldError(field, f"不能接受：{text}", f"Not acceptable: {text}")
    zh, en = rule_words(place, rule)
    if field in known:
        zh, en = (f"{known[field][0]}：{zh.partition('：')[2]}", f"{known[field][1]}: {en.partition(': ')[2]}")
    return FieldError(field, zh, en)


_FAULTS: Final[Mapping[str, Words]] = {
    "id_check_digit": ("校验位不符", "check character wrong"),
    "id_length": ("位数不符", "wrong number of characters"),
    "id_character": ("含有不允许的字符", "a character that cannot be"),
    "id_date": ("号码中的日期不存在", "the date within is none"),
    "date_impossible": ("日期不存在", "no such date"),
    "date_format": ("日期写法无法识别", "the date's spelling is not known"),
    "control_character": ("含有控制字符", "a control character"),
}


def fault_words(code: str) -> Words:
    """What is wrong with a value, by the code of a report."""
    return _FAULTS.get(code) or _RULES.get(code) or (code, code)
