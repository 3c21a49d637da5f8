"""Offline verification beside raw ES256 verification: the whole procedure, from a trust pack, without a network.

By processor time, so that a neighbour on the machine does not change the ratio.

What is timed is what `yizheng verify --offline` does for the second and every further licence: structure, chain (the
issuer's is validated once and remembered), signature, disclosures, entitlement, status out of a signed list, dates.
"""

import time
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from benchmarks.rounds import Effort, Line, Spread, interleave, rate, ratios
from benchmarks.signing import CLAIMS
from certificates.definitions.loading import shipped_types
from certificates.numbering import Identifier
from certificates.profile import licence_claims
from certificates.verifying.pack import TrustPack
from certificates.verifying.pack_status import PackStatuses
from certificates.verifying.procedure import Result, Verdict, verify_certificate
from certificates.verifying.trust import Issuer, TrustPolicy
from signing import sd_jwt
from signing.keys import SoftwareSigner
from signing.status_list import empty, sign_status_list
from signing.x509.pki import Role, issue_leaf, new_root, x5c

AIM: Final = 0.45
HUB: Final = "https://hub.example"
DEPARTMENT: Final = "11990000MB0000002Q"
LIST_URI: Final = f"{HUB}/status-lists/0"


def run(effort: Effort) -> list[Line]:
    """The lines of the table."""
    now = datetime.now(UTC)
    token, pack = _licence_and_pack(now)
    policy, statuses = pack.policy, PackStatuses(pack, now=now)

    def ours() -> Verdict:
        return verify_certificate(token, trust=policy, statuses=statuses, audience=None, now=now)

    verdict = ours()
    assert verdict.result is Result.PASSED, verdict
    key = ec.generate_private_key(ec.SECP256R1())
    algorithm = ec.ECDSA(SHA256())
    covered = token.split(b"~")[0].rpartition(b".")[0]
    signature, public = key.sign(covered, algorithm), key.public_key()
    work = {"ours": ours, "raw": lambda: public.verify(signature, covered, algorithm)}
    values = interleave(
        effort.rounds, {name: partial(rate, job, effort.seconds / 2, time.process_time) for name, job in work.items()}
    )
    limit = f"raw ES256 verify {Spread.of(values['raw']).middle:,.0f}/s"
    return [
        Line("verify a licence offline", "/s", Spread.of(values["ours"]), limit, ratios(values, "ours", "raw"), AIM)
    ]


def _licence_and_pack(now: datetime) -> tuple[bytes, TrustPack]:
    root = new_root("benchmark root", now=now - timedelta(days=1))

    def certified(role: Role, uri: str) -> tuple[SoftwareSigner, dict[str, tuple[str, ...]]]:
        signer = SoftwareSigner.generate()
        leaf = issue_leaf(
            root, public=signer.public, organization="示例局", organization_id=DEPARTMENT, role=role, uri=uri,
            now=now - timedelta(hours=1), days=30,
        )  # fmt: skip
        return signer, {"x5c": tuple(x5c([leaf]))}

    issuer_uri = f"{HUB}/issuers/{DEPARTMENT}"
    issuer, issuer_header = certified("issuer", issuer_uri)
    lister, list_header = certified("status", HUB)
    licence_type = shipped_types()["business_licence"]
    claims, disclosable = licence_claims(
        type=licence_type,
        identifier=Identifier(licence_type.code, DEPARTMENT, "2026ABCDEFGHJKLM", 1),
        issuer_uri=issuer_uri,
        issuer_name="示例市场监督管理局",
        issuer_code=DEPARTMENT,
        claims={name: CLAIMS[name] for name in licence_type.claims},
        valid_from=date(2026, 1, 1),
        valid_until=None,
        issued_on=date(2026, 1, 1),
        issued_at=now,
        status_uri=LIST_URI,
        status_index=7,
    )
    token = sd_jwt.issue(claims, disclosable=disclosable, signer=issuer, header=issuer_header)
    statuses = sign_status_list(
        uri=LIST_URI, statuses=empty(1 << 20), signer=lister, header=list_header, now=now,
        expires_in=timedelta(hours=24), ttl=timedelta(hours=1),
    )  # fmt: skip
    policy = TrustPolicy((root.certificate,), {DEPARTMENT: Issuer("示例局", frozenset({licence_type.code}))}, HUB)
    return token.encode(), TrustPack(policy, {LIST_URI: statuses}, now)
