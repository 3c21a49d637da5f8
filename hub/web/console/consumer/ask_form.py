"""What each page of asking for access asks, and what was typed on it. `ask` has the pages."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import date, timedelta
from typing import Any, Final

from hub.clock import BEIJING
from hub.registry.requests.errors import Fault
from hub.registry.requests.values import Filing
from hub.web.console.forms import FieldError, Form

STEPS: Final = ("system", "fields", "use", "reason", "limits", "check")
TITLES: Final = (
    ("应用系统", "System"), ("信息项", "Fields"), ("用于何事", "Use"), ("理由", "Reason"), ("用量与期限", "Limits"),
    ("核对", "Check"),
)  # fmt: skip
PAGE_OF: Final[Mapping[str, str]] = {
    "system": "system", "fields": "fields", "kind": "use", "matters": "use", "officers": "use", "purpose": "reason",
    "legal_basis": "reason", "scene": "reason", "quota_per_day": "limits", "valid_from": "limits",
    "valid_until": "limits", "corroboration": "limits", "contact": "limits", "bulk": "use", "bulk_subjects": "use",
}  # fmt: skip
"""Member of a request → the page that asks for it."""
_TEXTS: Final = ("purpose", "legal_basis", "scene")


def taken(step: str, given: Form) -> dict[str, Any]:
    """What a page says, as members of the draft."""
    match step:
        case "system":
            return {"system": given.text("system")}
        case "fields":
            return {"fields": given.all("fields")}
        case "use":
            officers = [line.strip() for line in given.text("officers").splitlines() if line.strip()]
            kind = given.text("kind")
            return {
                "kind": kind,
                "matters": given.all("matters"),
                "officers": officers if kind == "ex_officio" else [],
                "bulk_subjects": given.text("bulk_subjects") if kind == "ex_officio" else "",
            }
        case "reason":
            return {name: given.text(name) for name in _TEXTS}
        case _:
            return {
                "quota_per_day": given.text("quota_per_day"),
                "valid_until": given.text("valid_until"),
                "corroboration": given.all("corroboration"),
                "contact": given.text("contact"),
            }


def readable(definition: Mapping[str, Any]) -> dict[str, Any]:
    """The draft as a definition: the last civil day becomes an instant, the number a number; slips stay to be named."""
    made = {name: value for name, value in definition.items() if value not in ("", None, [])}
    until, quota = made.get("valid_until"), made.get("quota_per_day")
    if isinstance(until, str) and len(until) == 10:
        with suppress(ValueError, OverflowError):
            # Inclusive, as every date of a certificate is: until the midnight that follows, Beijing time.
            made["valid_until"] = f"{date.fromisoformat(until) + timedelta(days=1)}T00:00:00+08:00"
    if isinstance(quota, str) and quota.isascii() and quota.isdigit() and len(quota) < 10:
        made["quota_per_day"] = int(quota)
    most = made.get("bulk_subjects")
    if isinstance(most, str) and most.isascii() and most.isdigit() and len(most) < 10:
        made["bulk_subjects"] = int(most)
    made.pop("bulk", None)
    if most is not None:
        made["bulk"] = True
    return made


def typed(filing: Filing) -> dict[str, Any]:
    """A filing as somebody would have typed it: what `readable` reads."""
    made = {name: value for name, value in filing.as_json().items() if value is not None}
    if filing.valid_until is not None:
        made["valid_until"] = (filing.valid_until - timedelta(microseconds=1)).astimezone(BEIJING).date().isoformat()
    return made


def as_error(fault: Fault) -> FieldError:
    """A fault beside the field it is about."""
    field = fault.pointer.strip("/").partition("/")[0]
    return FieldError(field, fault.zh, fault.en[:1].upper() + fault.en[1:])
