"""What each page of registering a source asks, and what was typed on it. `register` has the pages."""

from collections.abc import Mapping
from typing import Any, Final

from adapters.registry import connection_schema
from hub.registry.connections import leads_to
from hub.registry.drafts import FormDraft
from hub.web.console.forms import FieldError, Form
from hub.web.console.owner.auth import WAYS, chosen, has_ways, narrowed, way_of
from hub.web.console.owner.schema_form import Input, inputs_of, read_form

KIND: Final = ("类型", "Kind")
TITLES: Final[Mapping[str, tuple[str, str]]] = {
    "name": ("名称", "Name"), "auth": ("认证", "Authentication"), "connection": ("连接", "Connection"),
    "limits": ("地址与限额", "Targets and limits"), "test": ("连接测试", "Live test"), "check": ("核对", "Check"),
}  # fmt: skip
LIMITS: Final = (
    ("total_seconds", "一次询问最长秒数", "Seconds for a whole answer"),
    ("connect_seconds", "建立连接最长秒数", "Seconds to connect"),
    ("concurrency", "同时询问数", "Questions at once"),
    ("per_minute", "每分钟询问上限", "Questions a minute"),
    ("max_rows", "一次最多行数", "Rows of an answer"),
)
LIMITED: Final[dict[str, tuple[str, str]]] = {
    "targets": ("允许连接的地址", "Targets"),
    "windows": ("服务时段", "Hours"),
}


def after(draft: FormDraft, step: str) -> str:
    """The page that follows."""
    # Whoever came back from the last page by "change" returns there, by way of the test. Another way of authentication
    # has other members, which the page of the connection asks for.
    steps = steps_of(draft)
    following = steps[steps.index(step) + 1]
    return "test" if draft.content.get("reached") and following not in {"check", "connection"} else following


def taken(step: str, draft: FormDraft, given: Form) -> tuple[dict[str, Any], list[FieldError]]:
    """What a page changes of the draft, and what is wrong with it."""
    definition = dict(draft.content["definition"])
    if step == "name":
        code = draft.content.get("changing") or given.text("code")
        definition |= {"code": code, "name": {"zh": given.text("zh"), "en": given.text("en")}}
        definition["contact"] = given.text("contact")
        lacking = (("zh", "请填写中文名称", "Enter a Chinese name"), ("en", "请填写英文名称", "Enter an English name"))
        errors = [FieldError(*item) for item in lacking if not given.text(item[0])]
        valid = 3 <= len(code) <= 64 and set(code) <= set("abcdefghijklmnopqrstuvwxyz0123456789_-")
        if not valid:
            errors.append(
                FieldError("code", "编码为 3 至 64 位小写字母、数字、_ 和 -", "A code takes 3 to 64 of a-z 0-9 _ -")
            )
        return {"definition": definition}, errors
    if step == "auth":
        return _way_taken(draft, given)
    if step == "connection":
        read = read_form(inputs_in(draft), given, definition.get("connection", {}))
        before = leads_to(definition.get("connection", {}))
        way = way_of(definition.get("connection", {}))
        definition["connection"] = chosen({}, way) | read.declared
        if "auth" in read.declared:
            definition["connection"]["auth"] = {"type": way} | read.declared["auth"]
        if definition.get("targets", []) in ([], before):  # proposed, and not edited since
            definition["targets"] = leads_to(read.declared)
        return {
            "definition": definition,
            "secrets": {**draft.content.get("secrets", {}), **read.secrets},
        }, list(read.errors)
    return _limits_taken(definition, given)


def _limits_taken(definition: dict[str, Any], given: Form) -> tuple[dict[str, Any], list[FieldError]]:
    definition["targets"] = given.text("targets").split()
    definition["windows"] = given.text("windows").split()
    limits, errors = {}, []
    for name, zh, en in LIMITS:
        if text := given.text(name):
            try:
                limits[name] = float(text) if name.endswith("seconds") else int(text)
            except ValueError:
                errors.append(FieldError(name, f"{zh}须为数字", f"{en}: a number"))
    definition["limits"] = limits
    return {"definition": definition}, errors


def _way_taken(draft: FormDraft, given: Form) -> tuple[dict[str, Any], list[FieldError]]:
    way = given.text("way")
    if way not in {code for code, *_ in WAYS}:
        return {}, [FieldError("way", "请选择一种", "Choose one")]
    definition = dict(draft.content["definition"])
    before = definition.get("connection", {})
    definition["connection"] = chosen(before, way)
    if way == way_of(before):
        return {"definition": definition}, []
    # A password typed for another way is not kept: nothing would refer to it.
    secrets = draft.content.get("secrets", {})
    kept = {name: value for name, value in secrets.items() if not name.startswith("auth_")}
    return {"definition": definition, "secrets": kept}, []


def secrets_of(draft: FormDraft) -> dict[str, str]:
    """Typed secrets by the name that the connection refers to."""
    return {
        name.removeprefix("connection.").replace(".", "_"): value
        for name, value in draft.content.get("secrets", {}).items()
    }


def inputs_in(draft: FormDraft) -> list[Input]:
    """What the page of the connection asks, for this kind of source and way of authentication."""
    definition = draft.content["definition"]
    schema = connection_schema(definition["kind"])
    return inputs_of(narrowed(schema, way_of(definition.get("connection", {}))), "connection")


def steps_of(draft: FormDraft) -> list[str]:
    """The pages of this draft, in their order."""
    with_ways = has_ways(connection_schema(draft.content["definition"]["kind"]))
    return [step for step in TITLES if step != "auth" or with_ways]
