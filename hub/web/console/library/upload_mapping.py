"""What the form of an upload says about columns: which is which field, and which one is the register's own state."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from certificates.definitions.certificate_type import CertificateType
from hub.collection.proposing import COMMON_WORDS
from hub.collection.register_state import STANDS
from hub.web.console.forms import FieldError, Form

STATE: Final = "state"
_SINCE: Final = "state.since"
_BETWEEN: Final = re.compile(r"[、,，;；\n]+")
_MOST_WORDS: Final = 64
_LONGEST: Final = 100
_STANDING_NEEDED: Final = FieldError(
    f"{STATE}.{STANDS}", "请写出表示“有效”的写法，如“存续”", "Write the words that mean that it stands"
)
_END_NEEDED: Final = FieldError(
    STATE, "请至少写出一种“吊销”“撤销”或“注销”的写法，或不选该列", "Write a word for an end, or choose no column"
)


@dataclass(frozen=True, slots=True)
class Chosen:
    """Column → claim, and the member `status` of a mapping, as they stand in the form."""

    columns: dict[str, str]
    status: dict[str, Any] | None = None
    errors: list[FieldError] = field(default_factory=list)

    def words(self, name: str) -> str:
        """The words of one meaning, for their field."""
        words = self.status.get(name, ()) if self.status else COMMON_WORDS[name]
        return "、".join(words)


def stored(mapping: dict[str, Any] | None) -> Chosen:
    """As a batch keeps it."""
    return Chosen(dict(mapping["columns"]), mapping.get("status")) if mapping else Chosen({})


def given(form: Form, kind: CertificateType, columns: Sequence[str]) -> Chosen:
    """As it is sent, with what is wrong with it."""
    claims = {column: form.text(f"m.{place}") for place, column in enumerate(columns)}
    chosen = {column: claim for column, claim in claims.items() if claim in kind.claims}
    status, errors = _status(form, columns)
    return Chosen(chosen, status, faults(kind, columns, chosen) + errors)


def faults(kind: CertificateType, columns: Sequence[str], chosen: dict[str, str]) -> list[FieldError]:
    """Two columns of one field, and required fields without a column."""
    found = []
    for place, column in enumerate(columns):
        earlier = [chosen.get(other) for other in columns[:place]]
        if chosen.get(column) in earlier and column in chosen:
            title = kind.claims[chosen[column]].title
            words = (f"“{title.zh}”已有一列", f"{title.en} has a column already")
            found.append(FieldError(f"m.{place}", *words))
    for name, claim in kind.claims.items():
        if claim.required and name not in chosen.values():
            words = (f"必填项“{claim.title.zh}”没有对应的列", f"No column is {claim.title.en}, which is required")
            found.append(FieldError("", *words))
    return found


def _status(form: Form, columns: Sequence[str]) -> tuple[dict[str, Any] | None, list[FieldError]]:
    column, since = form.text(STATE), form.text(_SINCE)
    if column not in columns:
        return None, []
    status: dict[str, Any] = {"column": column} | ({"since": since} if since in columns else {})
    errors, seen = [], set[str]()
    for name in COMMON_WORDS:
        words = [word for part in _BETWEEN.split(form.text(f"{STATE}.{name}")) if (word := part.strip())]
        if twice := next((word for word in words if word in seen), None):
            said = (f"“{twice}”写了两次", f"“{twice}” stands twice")
            errors.append(FieldError(f"{STATE}.{name}", *said))
        elif len(words) > _MOST_WORDS or any(len(word) > _LONGEST for word in words):
            errors.append(FieldError(f"{STATE}.{name}", "写法太多或太长", "Too many words, or too long ones"))
        seen.update(words)
        if words:
            status[name] = words
    if STANDS not in status:
        errors.append(_STANDING_NEEDED)
    elif not any(name in status for name in COMMON_WORDS if name != STANDS):
        errors.append(_END_NEEDED)
    return status, errors
