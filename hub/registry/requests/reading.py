"""Reading what is asked out of a definition. Nothing is refused one by one: every slip becomes a fault."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from catalog.grants import MAX_BULK_SUBJECTS, CaseKind, ResourceKind
from hub.registry.requests.errors import Fault
from hub.registry.requests.values import Filing
from hub.registry.requests.wording import fault

MEMBERS: Final = frozenset(
    {
        "system", "type", "interface", "fields", "matters", "purpose", "legal_basis", "scene", "kind", "quota_per_day",
        "valid_from", "valid_until", "corroboration", "officers", "contact", "bulk", "bulk_subjects",
    }
)  # fmt: skip
_MAX_TEXT: Final = {"purpose": 200, "legal_basis": 500, "scene": 1000, "contact": 200}
_MAX_ITEMS: Final = 200


def read_filing(definition: Mapping[str, Any]) -> tuple[Filing, list[Fault]]:
    """The filing as far as it can be read, and what could not be."""
    faults: list[Fault] = []
    unknown = sorted(str(name) for name in definition.keys() - MEMBERS)
    if unknown:
        faults.append(fault("member_unknown", ""))
    resource_kind = ResourceKind.CERTIFICATE_TYPE if "type" in definition else ResourceKind.INTERFACE
    if ("type" in definition) == ("interface" in definition):
        faults.append(fault("resource_missing", ""))
    filing = Filing(
        system=_text(definition, "system", faults),
        resource_kind=resource_kind,
        resource=_text(definition, "type" if "type" in definition else "interface", faults),
        fields=read_texts(definition, "fields", faults),
        matters=read_texts(definition, "matters", faults),
        purpose=_text(definition, "purpose", faults),
        legal_basis=_text(definition, "legal_basis", faults),
        scene=_text(definition, "scene", faults),
        kind=_kind(definition, faults),
        quota_per_day=read_quota(definition, faults),
        valid_from=read_instant(definition, "valid_from", faults),
        valid_until=read_instant(definition, "valid_until", faults),
        corroboration=read_texts(definition, "corroboration", faults),
        officers=read_texts(definition, "officers", faults),
        contact=_text(definition, "contact", faults),
        bulk_subjects=read_bulk(definition, faults),
    )
    return filing, faults


def restored(definition: Mapping[str, Any]) -> Filing:
    """A stored filing."""
    return read_filing({name: value for name, value in definition.items() if value is not None})[0]


def _text(definition: Mapping[str, Any], name: str, faults: list[Fault]) -> str:
    value = definition.get(name, "")
    if not isinstance(value, str) or len(value) > _MAX_TEXT.get(name, 100):
        faults.append(fault("malformed", f"/{name}"))
        return ""
    return value.strip()


def read_texts(definition: Mapping[str, Any], name: str, faults: list[Fault]) -> tuple[str, ...]:
    """A member that is a list of texts, each once."""
    value = definition.get(name, ())
    if not isinstance(value, list | tuple) or len(value) > _MAX_ITEMS:
        faults.append(fault("malformed", f"/{name}"))
        return ()
    good = tuple(item for item in value if isinstance(item, str) and 0 < len(item.strip()) <= 100)
    faults += [fault("malformed", f"/{name}/{place}") for place, item in enumerate(value) if item not in good]
    return tuple(dict.fromkeys(good))


def _kind(definition: Mapping[str, Any], faults: list[Fault]) -> CaseKind:
    try:
        return CaseKind(definition.get("kind", "application"))
    except ValueError:
        faults.append(fault("malformed", "/kind"))
        return CaseKind.APPLICATION


def read_quota(definition: Mapping[str, Any], faults: list[Fault]) -> int | None:
    """`quota_per_day`, if given."""
    value = definition.get("quota_per_day")
    if value is None:
        return None
    if type(value) is not int or not 1 <= value <= 100_000_000:
        faults.append(fault("malformed", "/quota_per_day"))
        return 1
    return value


def read_bulk(definition: Mapping[str, Any], faults: list[Fault]) -> int | None:
    """`bulk_subjects`, if `bulk` is true; one belongs to the other."""
    wanted, most = definition.get("bulk", False), definition.get("bulk_subjects")
    if type(wanted) is not bool or (most is not None and not wanted):
        faults.append(fault("malformed", "/bulk"))
        return None
    if not wanted:
        return None
    if type(most) is not int or not 1 <= most <= MAX_BULK_SUBJECTS:
        faults.append(fault("bulk_subjects_missing", "/bulk_subjects", most=MAX_BULK_SUBJECTS))
        return 1
    return most


def read_instant(definition: Mapping[str, Any], name: str, faults: list[Fault]) -> datetime | None:
    """A member that is an instant with its zone, if given; UTC."""
    value = definition.get(name)
    if value is None:
        return None
    try:
        parsed = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
        if parsed.tzinfo is not None:
            return parsed.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    faults.append(fault("malformed", f"/{name}"))
    return None
