"""What the catalogue, grants and the public verification answer. Each keeps the whole document in `members`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

from yizheng_client.errors import ConfigurationError
from yizheng_client.models import instant, text


@dataclass(frozen=True, slots=True)
class Entry:
    """A hit of a search."""

    kind: str
    code: str
    title: Mapping[str, str]
    state: str
    sharing: str | None
    granted: Sequence[Mapping[str, Any]]
    members: Mapping[str, Any] = field(repr=False)

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> Self:
        """From JSON."""
        return cls(
            kind=text(given, "kind"),
            code=text(given, "code"),
            title=dict(given.get("title") or {}),
            state=text(given, "state"),
            sharing=given.get("sharing"),
            granted=tuple(given.get("granted") or ()),
            members=given,
        )


@dataclass(frozen=True, slots=True)
class SearchPage:
    """A page of hits, best first. `near`: nothing answers the words, these come closest. `next`: the cursor."""

    total: int
    near: bool
    entries: tuple[Entry, ...]
    facets: Mapping[str, Mapping[str, int]]
    next: str | None

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> Self:
        """From JSON."""
        return cls(
            total=int(given.get("total") or 0),
            near=given.get("near") is True,
            entries=tuple(Entry.read(item) for item in given.get("entries") or ()),
            facets=dict(given.get("facets") or {}),
            next=given.get("next"),
        )


@dataclass(frozen=True, slots=True)
class Grant:
    """What this system may have."""

    id: str
    resource_kind: str
    resource: str
    purpose: str
    fields: tuple[str, ...]
    matters: tuple[str, ...]
    state: str
    in_force: bool
    valid_until: datetime
    members: Mapping[str, Any] = field(repr=False)

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> Self:
        """From JSON."""
        return cls(
            id=text(given, "id"),
            resource_kind=text(given, "resource_kind"),
            resource=text(given, "resource"),
            purpose=text(given, "purpose"),
            fields=tuple(given.get("fields") or ()),
            matters=tuple(given.get("matters") or ()),
            state=text(given, "state"),
            in_force=given.get("in_force") is True,
            valid_until=instant(given, "valid_until"),
            members=given,
        )


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked of an owner, for this system: an interface or a certificate type, and why.

    What is left out is named as a fault by the hub, all faults at once.
    """

    interface: str | None = None
    type: str | None = None
    fields: Sequence[str] = ()
    matters: Sequence[str] = ()
    purpose: str = ""
    legal_basis: str = ""
    scene: str = ""
    kind: str = "application"
    quota_per_day: int | None = None
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    corroboration: Sequence[str] = ()
    officers: Sequence[str] = field(default=(), repr=False)
    contact: str = field(default="", repr=False)

    def as_json(self) -> dict[str, Any]:
        """As the API wants it. Raises: ConfigurationError: an instant without a time zone."""
        given = {
            "interface": self.interface,
            "type": self.type,
            "fields": list(self.fields),
            "matters": list(self.matters),
            "purpose": self.purpose,
            "legal_basis": self.legal_basis,
            "scene": self.scene,
            "kind": self.kind,
            "quota_per_day": self.quota_per_day,
            "valid_from": _instant(self.valid_from),
            "valid_until": _instant(self.valid_until),
            "corroboration": list(self.corroboration),
            "officers": list(self.officers),
            "contact": self.contact,
        }
        return {name: value for name, value in given.items() if value}


@dataclass(frozen=True, slots=True)
class GrantRequest:
    """A request for access. `waits_for`: owner, asker, or nobody."""

    id: str
    state: str
    waits_for: str | None
    resource: str
    due_at: datetime | None
    overdue: bool
    grant_id: str | None
    decision: Mapping[str, Any] = field(repr=False)
    members: Mapping[str, Any] = field(repr=False)

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> Self:
        """From JSON."""
        return cls(
            id=text(given, "id"),
            state=text(given, "state"),
            waits_for=given.get("waits_for"),
            resource=text(given, "resource"),
            due_at=instant(given, "due_at") if given.get("due_at") else None,
            overdue=given.get("overdue") is True,
            grant_id=given.get("grant_id"),
            decision=dict(given.get("decision") or {}),
            members=given,
        )


@dataclass(frozen=True, slots=True)
class Verdict:
    """The hub's verdict on a licence or purpose copy: passed, failed or indeterminate, and the reason's code.

    Indeterminate is never to be read as passed.
    """

    result: str
    reason: str
    kind: str
    status: str | None
    claims: Mapping[str, Any] = field(repr=False)
    members: Mapping[str, Any] = field(repr=False)

    @property
    def passed(self) -> bool:
        """Whether it may be relied on."""
        return self.result == "passed"

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> Self:
        """From JSON."""
        return cls(
            result=text(given, "result"),
            reason=text(given, "reason"),
            kind=text(given, "kind"),
            status=given.get("status"),
            claims=dict(given.get("claims") or {}),
            members=given,
        )


def _instant(value: datetime | None) -> str | None:
    if value is not None and value.tzinfo is None:
        raise ConfigurationError("the times of a wish need a time zone")
    return value.isoformat() if value else None
