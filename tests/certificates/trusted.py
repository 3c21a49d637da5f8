"""A small world of trust for tests: one root, two departments, the hub's keys, and licences and copies they sign."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from certificates.definitions.loading import shipped_types
from certificates.lifecycle.states import STATUS_BITS, Status
from certificates.numbering import Identifier
from certificates.profile import licence_claims
from certificates.purpose_copy import copy_claims
from certificates.verifying.pack import TrustPack
from certificates.verifying.pack_status import PackStatuses
from certificates.verifying.procedure import Verdict, verify_certificate
from certificates.verifying.trust import Issuer, TrustPolicy
from signing import sd_jwt
from signing.keys import SoftwareSigner
from signing.status_list import empty, replaced, sign_status_list
from signing.x509.pki import CertificateAuthority, Role, issue_leaf, new_root, x5c

NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
MADE = NOW - timedelta(days=400)
HUB = "https://hub.example"
AMR = "11990000MB0000002Q"
POLICE = "11990000MB0000003U"
HUB_BODY = "11990000MB0000001M"
LIST = f"{HUB}/status-lists/3"
INDEX = 77
LICENCE_TYPE = shipped_types()["business_licence"]
IDENTITY_TYPE = shipped_types()["identity_card"]
RECEIVER = "intake"
CLAIMS: dict[str, str | int] = {
    "name": "示例市晨光食品有限公司",
    "uscc": "91990100MA0000001G",
    "established_on": "2019-03-01",
    "business_scope": "食品销售",
    "address": "示例市中心路1号",
    "legal_representative": "王晨光",
}


@dataclass(frozen=True)
class Key:
    """A signer with the chain that says whose it is."""

    signer: SoftwareSigner
    uri: str
    header: Mapping[str, Any]


def root(name: str = "Example City Root") -> CertificateAuthority:
    return new_root(name, now=MADE)


def certified(ca: CertificateAuthority, role: Role, organization_id: str, **changes: Any) -> Key:
    signer = changes.pop("signer", None) or SoftwareSigner.generate()
    uri = changes.pop("uri", f"{HUB}/issuers/{organization_id}" if role == "issuer" else HUB)
    values: dict[str, Any] = {"organization": f"示例机关 {organization_id}", "now": MADE, "days": 3650} | changes
    leaf = issue_leaf(ca, public=signer.public, organization_id=organization_id, role=role, uri=uri, **values)
    return Key(signer, uri, {"x5c": x5c([leaf])})


ROOT = root()
ISSUER = certified(ROOT, "issuer", AMR)
POLICE_KEY = certified(ROOT, "issuer", POLICE)
COPY_KEY = certified(ROOT, "purpose-copy", HUB_BODY)
STATUS_KEY = certified(ROOT, "status", HUB_BODY)
HUB_KEY = certified(ROOT, "hub", HUB_BODY)
POLICY = TrustPolicy(
    (ROOT.certificate,),
    {
        AMR: Issuer("市场监督管理局", frozenset({LICENCE_TYPE.code})),
        POLICE: Issuer("公安局", frozenset({IDENTITY_TYPE.code})),
    },
    HUB,
)
IDENTIFIER = Identifier(LICENCE_TYPE.code, AMR, "2026ABCDEFGHJKLM", 2)


def licence_payload(**changes: Any) -> tuple[dict[str, Any], frozenset[str]]:
    """The claims of a licence as `licence_claims` makes them, from changed arguments."""
    values: dict[str, Any] = {
        "type": LICENCE_TYPE,
        "identifier": IDENTIFIER,
        "issuer_uri": ISSUER.uri,
        "issuer_name": "市场监督管理局",
        "issuer_code": AMR,
        "claims": CLAIMS,
        "valid_from": date(2026, 1, 1),
        "valid_until": None,
        "issued_on": date(2026, 1, 1),
        "issued_at": NOW - timedelta(days=30),
        "status_uri": LIST,
        "status_index": INDEX,
    } | changes
    return licence_claims(**values)


def signed(payload: Mapping[str, Any], disclosable: frozenset[str] = frozenset(), *, key: Key = ISSUER) -> bytes:
    return sd_jwt.issue(payload, disclosable=disclosable, signer=key.signer, header=key.header).encode()


def licence(*, key: Key = ISSUER, **changes: Any) -> bytes:
    return signed(*licence_payload(**changes), key=key)


def altered(*, key: Key = ISSUER, drop: str | None = None, **claims: Any) -> bytes:
    """A licence signed with other claims than `licence_claims` would make."""
    payload, disclosable = licence_payload()
    payload |= claims
    if drop is not None:
        del payload[drop]
    return signed(payload, disclosable & payload.keys(), key=key)


def described(**changes: Any) -> dict[str, Any]:
    """The member `certificate` of the licence, changed; a change to `...` takes the name out."""
    member: dict[str, Any] = licence_payload()[0]["certificate"] | changes
    return {name: value for name, value in member.items() if value is not ...}


def copy_payload(**changes: Any) -> tuple[dict[str, Any], frozenset[str]]:
    values: dict[str, Any] = {
        "source": licence_payload()[0],
        "granted": {"name", "uscc", "address"},
        "identifier": IDENTIFIER,
        "type": LICENCE_TYPE,
        "audience": RECEIVER,
        "receiver_jwk": SoftwareSigner.generate().public.jwk,
        "case_no": "C-1",
        "matter": "FOOD",
        "purpose": "办理食品经营许可",
        "hub_uri": HUB,
        "issued_at": NOW - timedelta(minutes=5),
        "expires_at": NOW + timedelta(hours=1),
        "jti": "0190-1",
    } | changes
    return copy_claims(**values)


def purpose_copy(*, key: Key = COPY_KEY, **changes: Any) -> bytes:
    return signed(*copy_payload(**changes), key=key)


def altered_copy(*, key: Key = COPY_KEY, drop: str | None = None, **claims: Any) -> bytes:
    payload, disclosable = copy_payload()
    payload |= claims
    if drop is not None:
        del payload[drop]
    return signed(payload, disclosable & payload.keys(), key=key)


def status_list(
    status: Status = Status.VALID, *, key: Key = STATUS_KEY, uri: str = LIST, now: datetime = NOW - timedelta(minutes=1)
) -> str:
    """A list of this moment on which the licence has this status."""
    return sign_status_list(
        uri=uri,
        statuses=replaced(empty(1024), {INDEX: STATUS_BITS[status]}),
        signer=key.signer,
        header=key.header,
        now=now,
        expires_in=timedelta(days=1),
        ttl=timedelta(hours=1),
    )


def pack(listed: str | None, *, policy: TrustPolicy = POLICY, made_at: datetime = NOW) -> TrustPack:
    return TrustPack(policy, {} if listed is None else {LIST: listed}, made_at)


def verify(
    token: bytes,
    *,
    status: Status = Status.VALID,
    trust: TrustPolicy = POLICY,
    listed: str | None = "",
    audience: str | None = None,
    now: datetime = NOW,
    seen: Mapping[str, datetime] | None = None,
    **more: Any,
) -> Verdict:
    """Verify as offline verification does: statuses from a pack with this list, by default one made with it."""
    current = status_list(status, now=now) if listed == "" else listed
    statuses = PackStatuses(pack(current, policy=trust, made_at=now), now=now, seen=seen)
    return verify_certificate(token, trust=trust, statuses=statuses, audience=audience, now=now, **more)


def entitled_to(*types: str) -> TrustPolicy:
    """The policy in which the licence's issuer may issue these types."""
    return replace(POLICY, issuers={**POLICY.issuers, AMR: Issuer("市场监督管理局", frozenset(types))})
