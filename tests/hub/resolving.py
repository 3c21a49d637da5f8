"""Cases, grants and records without a hub, and what the resolver answers about them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from catalog.grants import CaseKind, Grant, GrantState, Terms
from catalog.matters.values import Need, Requirement
from certificates.definitions.loading import shipped_types
from certificates.stores.holders import Subject
from certificates.stores.version import HeldVersion, VersionRecord
from hub.intake.resolver import Outcome, Question, Resolution, resolve
from hub.intake.store import Case, Party
from hub.issuing.types.registry import TypeInForce

NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
TYPES = {item.code: TypeInForce(item, 1) for item in shipped_types().values()}
IDENTITY = shipped_types()["identity_card"].code
MARRIAGE = shipped_types()["marriage_certificate"].code  # complete
HOUSEHOLD = shipped_types()["household_register"].code  # not complete
TITLE = shipped_types()["real_estate_title"].code  # several for one holder
ANNA = Party("applicant", "111", b"anna", b"anna's name")
BODO = Party("spouse", "111", b"bodo", b"bodo's name")
PURPOSE = "办理购房资格核验"
CASE = Case(
    id="c1",
    case_no="C-1",
    system_id="s1",
    department_id="d1",
    department_code="11990000MB0000001M",
    key_active=True,
    external_no="1",
    matter_id="m1",
    matter_code="HOME",
    kind="application",
    channel="counter",
    state="open",
    subjects=[],
    corroboration=[{"kind": "card_read", "at": "2026-03-01T08:00:00+08:00", "reference": "r"}],
    operator=b"",
    data_key=b"",
    kek_kid="k",
    opened_at=NOW,
    closed_at=None,
)


def grant(type_code: str, *fields: str, **changes: Any) -> Grant:
    terms = Terms(frozenset(fields), frozenset({"HOME"}), "条例", None, frozenset())
    values: dict[str, Any] = {
        "id": f"grant of {type_code}",
        "owner_department_id": "d2",
        "system_id": "s1",
        "resource": type_code,
        "kind": CaseKind.APPLICATION,
        "terms": terms,
        "purpose": PURPOSE,
        "state": GrantState.LIVE,
        "valid_from": NOW - timedelta(days=1),
        "valid_until": NOW + timedelta(days=1),
        "row_version": 1,
        "ledger_entry_id": "e",
        "mac": b"",
    } | changes
    return Grant(**values)


def held(type_code: str, party: Party = ANNA, *, serial: str = "1", **changes: Any) -> HeldVersion:
    values: dict[str, Any] = {
        "id": f"{type_code}-{serial}",
        "certificate_id": f"c-{type_code}-{serial}",
        "version": 1,
        "identifier": f"{type_code}.{serial}",
        "state": "issued",
        "status": "valid",
        "status_list": 0,
        "status_index": 0,
        "name_hash": party.name_hash,
        "fingerprint": b"",
        "as_of": NOW,
        "issued_on": "2026-01-01",
        "valid_from": "2026-01-01",
        "valid_until": None,
        "document": b"",
        "payload_digest": b"",
        "signing_kid": "k",
        "row_version": 1,
        "ledger_entry_id": "e",
        "mac": b"",
        "seen_mac": b"",
        "created_at": NOW,
        "subject_id": "s",
        "type_code": type_code,
        "type_version": 1,
        "issuer_code": "11990000MB0000003U",
        "serial": serial,
        "owner_department_id": "d2",
        "record_hash": b"",
        "current_version": 1,
    } | changes
    assert party.lookup_hash is not None
    return HeldVersion(VersionRecord(**values), Subject("s", party.lookup_hash, b"", "k"))


CARD = held(IDENTITY)
MARRIED = held(MARRIAGE)


def needs(*names: Need) -> tuple[Need, ...]:
    return names


NAME = Need(IDENTITY, ("name",))
SPOUSE = Need(MARRIAGE, ("spouse_name",))
PAGE = Need(HOUSEHOLD, ("address",))
HOME = Need(TITLE, ("location",))


def requirement(*alternatives: tuple[Need, ...], party: str = "applicant") -> Requirement:
    return Requirement("proof", "证明", "Proof", party, alternatives, "条例")


EVERYTHING = (
    grant(IDENTITY, "name"),
    grant(MARRIAGE, "spouse_name"),
    grant(HOUSEHOLD, "address"),
    grant(TITLE, "location"),
)


def ask(*alternatives: tuple[Need, ...], party: str = "applicant", **changes: Any) -> Resolution:
    values: dict[str, Any] = {
        "case": CASE,
        "parties": {"applicant": ANNA},
        "purpose": PURPOSE,
        "grants": EVERYTHING,
        "types": TYPES,
        "held": [CARD],
        "exhausted": frozenset(),
        "now": NOW,
    } | changes
    resolution = resolve(requirement(*alternatives, party=party), Question(**values))
    assert bool(resolution.sources) == (resolution.outcome is Outcome.SATISFIED)
    return resolution


def answer(*alternatives: tuple[Need, ...], **changes: Any) -> tuple[str, str]:
    resolution = ask(*alternatives, **changes)
    return resolution.outcome.value, resolution.why.code
