"""The owner's answer as its form says it: what is left of a request, the reason for each cut, faults beside inputs."""

from datetime import datetime, time
from typing import Any, Final

from hub.clock import BEIJING
from hub.registry.meanings import Words
from hub.registry.requests.errors import Fault
from hub.registry.requests.values import Filing
from hub.web.console.consumer.names import Names
from hub.web.console.forms import FieldError, Form
from hub.web.templating import last_day

_LISTS: Final = ("fields", "matters", "officers")
_CUTS: Final[dict[str, Words]] = {
    "fields": ("字段", "field"),
    "matters": ("事项", "matter"),
    "officers": ("办理人员", "officer"),
    "bulk": ("批量查询", "bulk runs"),
    "bulk_subjects": ("单次批量查询人数", "subjects of one bulk run"),
    "quota_per_day": ("每日用量", "questions a day"),
    "valid_until": ("使用期限", "last day"),
    "corroboration": ("办件佐证", "corroboration"),
}


def approval_of(filing: Filing, given: Form) -> dict[str, Any]:
    """What the form leaves of a request, and the reason for each cut. Nothing ticked away is the whole of it."""
    approval: dict[str, Any] = {"corroboration": given.all("corroboration")}
    reasons: dict[str, str] = {}
    for name in _LISTS:
        asked, kept = getattr(filing, name), given.all(name)
        if asked:
            approval[name] = kept
        for item in asked:
            if item not in kept:
                reasons[f"{name}/{item}"] = given.text(f"reason.{name}/{item}")
    if filing.bulk_subjects is not None:
        most = given.text("bulk_subjects")
        approval |= {"bulk_subjects": int(most)} if most.isdigit() and int(most) else {"bulk": False}
        reasons["bulk" if "bulk" in approval else "bulk_subjects"] = given.text("reason.bulk_subjects")
    if given.text("quota_per_day").isdigit():
        approval["quota_per_day"] = int(given.text("quota_per_day"))
    if until := _end_of(given.text("valid_until"), filing):
        approval["valid_until"] = until
    for name in ("quota_per_day", "valid_until", "corroboration"):
        if text := given.text(f"reason.{name}"):
            reasons[name] = text
    approval["reasons"] = {name: text for name, text in reasons.items() if text}
    return approval


def _end_of(text: str, filing: Filing) -> str | None:
    """The end of a civil day; None where it is the day that was asked for. What is no day is left to be refused."""
    if text == last_day_of(filing):
        return None
    try:
        day = datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007  # a civil day; its zone is added below
    except ValueError:
        return text or None
    return datetime.combine(day, time(23, 59, 59), BEIJING).isoformat()


def last_day_of(filing: Filing) -> str:
    """The last whole day that was asked for, as the consumer's pages say it; empty where none was."""
    return last_day(filing.valid_until) if filing.valid_until else ""


def cut_words(cut: str, names: Names | None = None) -> Words:
    """What is taken away or made smaller, as the page calls it: `fields/address`, `quota_per_day`."""
    kind, _, item = cut.partition("/")
    zh, en = _CUTS.get(kind, (kind, kind))
    known = {**names.fields, **names.matters}.get(item, (item, item)) if names else (item, item)
    return (f"{zh} {known[0]}".strip(), f"{en} {known[1]}".strip())


def beside(fault: Fault) -> FieldError:
    """A fault of the answer beside its input; a cut says which."""
    if fault.pointer.startswith("/reasons/"):
        cut = fault.pointer.removeprefix("/reasons/")
        zh, en = cut_words(cut)
        return FieldError(f"reason.{cut}", f"{fault.zh}：{zh}", f"{fault.en}: {en}")
    return FieldError(fault.pointer.strip("/").partition("/")[0], fault.zh, fault.en)
