"""What the registry remembers beside the catalogue: alarms, live tests, who did what. Codes and counts, no values."""

from datetime import datetime
from typing import Any

from sqlmodel import SQLModel

from catalog.tables import binary, document, instant, uuid, words


class AlarmRow(SQLModel, table=True):
    """Something that the owner must look at. One of the kind `drift` closes its interface version until it is lifted.

    `field` and `code` are the first difference; no value is kept.
    """

    __tablename__ = "alarms"
    id: str = uuid(primary_key=True)
    kind: str = words(40)
    owner_department_id: str = uuid(references="departments.id", index=True)
    interface_id: str | None = uuid(references="interfaces.id", nullable=True, index=True)
    field: str = words(64)
    code: str = words(64)
    raised_at: datetime = instant()
    lifted_at: datetime | None = instant(nullable=True)
    lifted_by: str | None = words(64, nullable=True)


class InterfaceEventRow(SQLModel, table=True):
    """A step in the life of an interface version, and who took it."""

    __tablename__ = "interface_events"
    id: str = uuid(primary_key=True)
    interface_id: str = uuid(references="interfaces.id", index=True)
    kind: str = words(20)
    actor_kind: str = words(20)
    actor_id: str = words(64)
    reason: str = words(400)
    at: datetime = instant()


class InterfaceTrialRow(SQLModel, table=True):
    """A live test or a dry run of one definition against one state of its source: outcome and counts."""

    __tablename__ = "interface_trials"
    id: str = uuid(primary_key=True)
    interface_id: str = uuid(references="interfaces.id", index=True)
    kind: str = words(20)
    """`live` or `quality`."""
    definition_digest: str = words(64)
    source_row_version: int
    passed: bool
    code: str = words(64)
    report: dict[str, Any] = document()
    """Of a dry run: counts and row numbers, for the owner alone."""
    actor_id: str = words(64)
    at: datetime = instant()


class SourceProbeRow(SQLModel, table=True):
    """The last probe of a source."""

    __tablename__ = "source_probes"
    source_id: str = uuid(primary_key=True, references="sources.id")
    ok: bool
    code: str = words(64)
    milliseconds: int
    at: datetime = instant()


class GrantRequestRow(SQLModel, table=True):
    """A request for access. `asked` is a filing as `hub.registry.requests.reading` reads it."""

    __tablename__ = "grant_requests"
    id: str = uuid(primary_key=True)
    owner_department_id: str = uuid(references="departments.id", index=True)
    """Who decides."""
    asking_department_id: str = uuid(references="departments.id", index=True)
    system_id: str = uuid(references="systems.id", index=True)
    resource_kind: str = words(20)
    resource: str = words(64, index=True)
    kind: str = words(20)
    purpose: str = words(200)
    asked: dict[str, Any] = document()
    state: str = words(20, index=True)
    row_version: int
    asked_by: dict[str, str] = document()
    filed_at: datetime = instant()
    clock: dict[str, Any] = document()
    due_at: datetime | None = instant(nullable=True, index=True)
    due_assumed: bool
    """The calendar of a year on the way had not been announced."""
    asks: int
    extensions: int
    decision: dict[str, Any] = document()
    grant_id: str | None = uuid(references="grants.id", nullable=True)
    changed_at: datetime = instant()


class GrantRequestStepRow(SQLModel, table=True):
    """One step of a request or of the dispute about it, with the ledger entry that says the same."""

    __tablename__ = "grant_request_steps"
    id: str = uuid(primary_key=True)
    request_id: str = uuid(references="grant_requests.id", index=True)
    step: str = words(40)
    state: str = words(20)
    actor: dict[str, str] = document()
    reason: str = words(2000)
    detail: dict[str, Any] = document()
    at: datetime = instant()
    ledger_entry_id: str = uuid()


class GrantDisputeRow(SQLModel, table=True):
    """A dispute about an answer, or about none: negotiated, coordinated by the operator, put to the common superior."""

    __tablename__ = "grant_disputes"
    id: str = uuid(primary_key=True)
    request_id: str = uuid(references="grant_requests.id", index=True)
    owner_department_id: str = uuid(references="departments.id", index=True)
    asking_department_id: str = uuid(references="departments.id", index=True)
    stage: str = words(20, index=True)
    row_version: int
    filed_at: datetime = instant()
    clock: dict[str, Any] = document()
    due_at: datetime | None = instant(nullable=True, index=True)
    outcome: dict[str, Any] = document()
    changed_at: datetime = instant()


class NoticeRow(SQLModel, table=True):
    """Something a department's staff should know: a code and what it is about, never data. Read by one, read for all.

    Not a row of `account_notices`, which go to one person: `hub.access.staff_notices` says why.
    """

    __tablename__ = "notices"
    id: str = uuid(primary_key=True)
    department_id: str | None = uuid(references="departments.id", nullable=True, index=True)
    """None: the operator."""
    role: str = words(20)
    code: str = words(40)
    object_kind: str = words(20)
    object_id: str = uuid(index=True)
    once: str = words(120, unique=True)
    """What makes it the same notice when its job runs twice."""
    at: datetime = instant()
    seen_at: datetime | None = instant(nullable=True)
    seen_by: str | None = words(64, nullable=True)


class ProposalRow(SQLModel, table=True):
    """A change by one operator that waits for another. The MAC covers what was proposed."""

    __tablename__ = "proposals"
    id: str = uuid(primary_key=True)
    action: str = words(40)
    payload: dict[str, Any] = document()
    reason: str = words(500)
    proposed_by: dict[str, str] = document()
    state: str = words(20, index=True)
    mac: bytes = binary()
    created_at: datetime = instant()
    expires_at: datetime = instant()
    decided_by: dict[str, str] = document()
    decided_at: datetime | None = instant(nullable=True)


class ClockSettingRow(SQLModel, table=True):
    """A calendar year or a set of time limits that the operators put in the place of the shipped one; newest first."""

    __tablename__ = "clock_settings"
    id: str = uuid(primary_key=True)
    kind: str = words(20)
    definition: dict[str, Any] = document()
    mac: bytes = binary()
    created_at: datetime = instant()


class DepartmentProfileRow(SQLModel, table=True):
    """What a department says of itself: words for its duties, by which demands find it, and an office to write to."""

    __tablename__ = "department_profiles"
    department_id: str = uuid(primary_key=True, references="departments.id")
    duties: list[str] = document()
    contact: str = words(200)
    changed_at: datetime = instant()


class SuperiorRow(SQLModel, table=True):
    """Which department is over another, and reviews what it refuses; None: none any more.

    MAC and the ledger's latest entry hold it: who named one by SQL would read what people object to, and answer it.
    """

    __tablename__ = "department_superiors"
    department_id: str = uuid(primary_key=True, references="departments.id")
    superior_id: str | None = uuid(references="departments.id", nullable=True)
    legal_basis: str = words(200)
    row_version: int
    ledger_entry_id: str = uuid()
    changed_at: datetime = instant()
    mac: bytes = binary()


class SuccessionRow(SQLModel, table=True):
    """One hand-over from a department to another: a merger, or a part of a split. History of who owned what."""

    __tablename__ = "department_successions"
    id: str = uuid(primary_key=True)
    from_department_id: str = uuid(references="departments.id", index=True)
    into_department_id: str = uuid(references="departments.id", index=True)
    kind: str = words(10)
    as_of: str = words(10)
    legal_basis: str = words(500)
    moved: dict[str, Any] = document()
    """Codes and ids of what changed hands, by kind."""
    actor: dict[str, str] = document()
    at: datetime = instant()


class DemandRow(SQLModel, table=True):
    """A demand 供需对接: something a consumer looked for and did not find. States: `hub.registry.demands.states`."""

    __tablename__ = "demands"
    id: str = uuid(primary_key=True)
    asking_department_id: str = uuid(references="departments.id", index=True)
    system_id: str | None = uuid(references="systems.id", nullable=True)
    owner_department_id: str | None = uuid(references="departments.id", nullable=True, index=True)
    """In whose queue it lies; None: in the operator's."""
    state: str = words(20, index=True)
    wanted: dict[str, Any] = document()
    """What, for which matter, on which legal basis, which fields, whom to write to."""
    candidates: list[str] = document()
    """Departments it may concern, likeliest first; those that said it is not theirs are taken out."""
    answer: dict[str, Any] = document()
    row_version: int
    filed_at: datetime = instant()
    due_at: datetime | None = instant(nullable=True, index=True)
    changed_at: datetime = instant()


class DemandStepRow(SQLModel, table=True):
    """One step of a demand, with the ledger entry that says the same."""

    __tablename__ = "demand_steps"
    id: str = uuid(primary_key=True)
    demand_id: str = uuid(references="demands.id", index=True)
    step: str = words(20)
    state: str = words(20)
    owner_department_id: str | None = uuid(references="departments.id", nullable=True)
    actor: dict[str, str] = document()
    reason: str = words(2000)
    at: datetime = instant()
    ledger_entry_id: str = uuid()


class FormDraftRow(SQLModel, table=True):
    """A form of the console that somebody has not finished. It may hold credentials: all of it is encrypted."""

    __tablename__ = "form_drafts"
    id: str = uuid(primary_key=True)
    kind: str = words(20)
    owner_department_id: str = uuid(references="departments.id", index=True)
    sealed: bytes = binary()
    data_key: bytes = binary()
    kek_kid: str = words(32)
    changed_at: datetime = instant()
