"""The owner's decision on a request: whole, or narrowed with a reason for every cut. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from catalog.grants import Terms
from hub.registry.requests.errors import Fault, IncompleteError
from hub.registry.requests.reading import read_instant, read_quota, read_texts
from hub.registry.requests.values import Filing
from hub.registry.requests.wording import fault

_LISTS: Final = ("fields", "matters", "officers", "corroboration")
_MEMBERS: Final = {*_LISTS, "quota_per_day", "valid_until", "reasons", "bulk", "bulk_subjects"}


@dataclass(frozen=True, slots=True)
class Approval:
    """What the owner agrees to; None keeps what was asked. `reasons` by what was cut: `fields/name`, `quota_per_day`.

    An owner may ask for corroboration that the asker did not offer: that is a cut too, and needs its reason.
    """

    fields: tuple[str, ...] | None = None
    matters: tuple[str, ...] | None = None
    officers: tuple[str, ...] | None = None
    quota_per_day: int | None = None
    valid_until: datetime | None = None
    corroboration: tuple[str, ...] | None = None
    bulk: bool | None = None
    """False takes bulk runs away."""
    bulk_subjects: int | None = None
    reasons: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Decided:
    """What is granted, and every cut with its reason."""

    terms: Terms
    valid_until: datetime
    cuts: Mapping[str, str]

    def as_json(self) -> dict[str, Any]:
        """The stored form."""
        return {
            "granted": self.terms.as_json() | {"valid_until": self.valid_until.isoformat()},
            "narrowed": bool(self.cuts),
            "cuts": dict(self.cuts),
        }


def read_approval(definition: Mapping[str, Any]) -> Approval:
    """Read what the owner agrees to; a member that is left out keeps what was asked. Raises: IncompleteError."""
    faults: list[Fault] = []
    if not definition.keys() <= _MEMBERS:
        faults.append(fault("member_unknown", ""))
    reasons = definition.get("reasons", {})
    if not isinstance(reasons, Mapping) or not all(
        isinstance(item, str) and len(item) <= 500 for item in reasons.values()
    ):
        faults.append(fault("malformed", "/reasons"))
        reasons = {}
    lists = {name: read_texts(definition, name, faults) for name in _LISTS if definition.get(name) is not None}
    bulk, most = definition.get("bulk"), definition.get("bulk_subjects")
    if not isinstance(bulk, bool | None) or (most is not None and (type(most) is not int or most < 1)):
        faults.append(fault("malformed", "/bulk"))
        bulk, most = None, None
    approval = Approval(
        fields=lists.get("fields"),
        matters=lists.get("matters"),
        officers=lists.get("officers"),
        corroboration=lists.get("corroboration"),
        quota_per_day=read_quota(definition, faults),
        valid_until=read_instant(definition, "valid_until", faults),
        bulk=bulk,
        bulk_subjects=most,
        reasons={str(name): item for name, item in reasons.items()},
    )
    if faults:
        raise IncompleteError(faults)
    return approval


def decide(filing: Filing, approval: Approval, now: datetime) -> Decided:
    """The terms that the approval leaves. Raises: IncompleteError with every fault of the decision.

    Nothing may be added that was not asked for, something must be left, and every cut has its reason.
    """
    faults: list[Fault] = []
    kept: dict[str, tuple[str, ...]] = {}
    cuts: list[str] = []
    for name in ("fields", "matters", "officers"):
        asked: tuple[str, ...] = getattr(filing, name)
        given: tuple[str, ...] | None = getattr(approval, name)
        kept[name] = asked if given is None else tuple(dict.fromkeys(given))
        extra = [place for place, item in enumerate(kept[name]) if item not in asked]
        faults += [fault("not_asked_for", f"/{name}/{place}") for place in extra]
        cuts += [f"{name}/{item}" for item in asked if item not in kept[name]]
        if asked and not kept[name]:
            faults.append(fault("nothing_left", f"/{name}"))
    quota, more = _quota(filing, approval)
    until, longer = _until(filing, approval)
    bulk, fewer = _bulk(filing, approval, faults)
    wanted = filing.corroboration if approval.corroboration is None else approval.corroboration
    cuts += [*more, *longer, *fewer, *(["corroboration"] if set(wanted) != set(filing.corroboration) else [])]
    faults += _exceeding(filing, quota, until, now)
    faults += [fault("cut_without_reason", f"/reasons/{cut}") for cut in cuts if not _said(approval.reasons, cut)]
    if faults:
        raise IncompleteError(faults)
    terms = Terms(
        fields=frozenset(kept["fields"]),
        matters=frozenset(kept["matters"]),
        legal_basis=filing.legal_basis,
        quota_per_day=quota,
        corroboration=frozenset(wanted),
        officers=frozenset(kept["officers"]),
        bulk_subjects=bulk,
    )
    return Decided(terms, until, {cut: approval.reasons[cut].strip() for cut in cuts})


def _said(reasons: Mapping[str, str], cut: str) -> bool:
    said = reasons.get(cut)
    return isinstance(said, str) and bool(said.strip())


def _quota(filing: Filing, approval: Approval) -> tuple[int | None, list[str]]:
    if approval.quota_per_day is None or approval.quota_per_day == filing.quota_per_day:
        return filing.quota_per_day, []
    return approval.quota_per_day, ["quota_per_day"]


def _bulk(filing: Filing, approval: Approval, faults: list[Fault]) -> tuple[int | None, list[str]]:
    asked, most = filing.bulk_subjects, approval.bulk_subjects
    if asked is None:
        if approval.bulk or most is not None:
            faults.append(fault("not_asked_for", "/bulk"))
        return None, []
    if approval.bulk is False:
        return None, ["bulk"]
    if most is None or most == asked:
        return asked, []
    if most > asked:
        faults.append(fault("not_asked_for", "/bulk_subjects"))
    return most, ["bulk_subjects"]


def _until(filing: Filing, approval: Approval) -> tuple[datetime, list[str]]:
    asked = filing.valid_until
    if asked is None:
        raise ValueError("a filing that passed the form check has an end")
    if approval.valid_until is None or approval.valid_until == asked:
        return asked, []
    return approval.valid_until, ["valid_until"]


def _exceeding(filing: Filing, quota: int | None, until: datetime, now: datetime) -> list[Fault]:
    found = []
    if filing.valid_until is not None and until > filing.valid_until:
        found.append(fault("not_asked_for", "/valid_until"))
    if until <= now:
        found.append(fault("validity_past", "/valid_until"))
    if quota is not None and filing.quota_per_day is not None and quota > filing.quota_per_day:
        found.append(fault("not_asked_for", "/quota_per_day"))
    if quota is not None and quota < 1:
        found.append(fault("nothing_left", "/quota_per_day"))
    return found
