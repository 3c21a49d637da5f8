"""What of a form somebody sees who signs it, and what he may say of it: his own whole, and of others what is no record
of theirs, or what they have signed. Pure, over the form as it is shown.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from catalog.forms.filling import State
from signing.canonical import canonical, sha256

_CASE: Final = "case"
"""The kind of origin of what the intake system itself said of a party: nobody's record."""
_PICK_LENGTH: Final = 16
THEIRS: Final = "theirs"
THEIRS_OPEN: Final = "theirs_open"
"""States of a field of somebody else's who has not signed: what records say is his to look after, or to choose."""
Said = Callable[[Mapping[str, Any]], Any]
"""By a field as it is shown, what somebody says of it."""
_SAID_BEFORE: Final = frozenset({State.CHANGED, State.CHOSEN, State.ANSWERED})


def as_seen_by(party: str, told: Mapping[str, Any]) -> Mapping[str, Any]:
    """Without what departments have on record of others who have not signed."""
    may_see = {party, *(item["party"] for item in told["signatures"])}
    return {
        **told,
        "fields": [
            item
            if item["party"] in may_see or not _recorded(item)
            else {
                **item,
                "value": None,
                "records": [],
                "state": THEIRS_OPEN if item["state"] == State.CONFLICT else THEIRS,
            }
            for item in told["fields"]
        ],
    }


def _recorded(item: Mapping[str, Any]) -> bool:
    """Whether a department says so of a party; not the intake system alone, by what the case was opened with."""
    origins = [origin for record in item["records"] for origin in record["from"]]
    return bool(item["party"]) and any(origin.get("kind") != _CASE for origin in origins)


def _picked(item: Mapping[str, Any], said: Any) -> Any:
    """The record that he means; else what he says himself. A pick of no record is no answer."""
    if item["state"] in {THEIRS, THEIRS_OPEN}:
        return None
    if item["records"]:
        return next((one["value"] for one in item["records"] if pick_of(one["value"]) == said), None)
    return said


def pick_of(value: Any) -> str:
    """By what a page names one of several records of a field."""
    return sha256(canonical({"value": value})).hex()[:_PICK_LENGTH]


def whose_records(told: Mapping[str, Any]) -> set[str]:
    """By the keys of parties, of whom the form shows what a department has on record."""
    return {item["party"] for item in told["fields"] if _recorded(item)}


def said_before(told: Mapping[str, Any]) -> dict[str, Any]:
    """What was said of it so far, by the keys of fields."""
    return {item["key"]: item["value"] for item in told["fields"] if item["state"] in _SAID_BEFORE}


def newly_said(seen: Mapping[str, Any], said: Said) -> dict[str, Any]:
    """What he says now of what he sees."""
    found = {item["key"]: _picked(item, said(item)) for item in seen["fields"]}
    return {key: value for key, value in found.items() if value is not None}
