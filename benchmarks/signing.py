"""Issuing one SD-JWT (12 claims, 4 of them selectively disclosable) beside raw ES256 and beside PyPI's sd-jwt.

All three sign with P-256 on one core. Both issuers carry the same claims and the same holder key; raw ES256 signs as
many bytes as our token's signature covers, and nothing else.
"""

from functools import partial
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from jwcrypto.jwk import JWK  # type: ignore[import-untyped]
from sd_jwt.common import SDObj
from sd_jwt.issuer import SDJWTIssuer

from benchmarks.rounds import Effort, Line, Spread, interleave, rate, ratios
from signing import sd_jwt
from signing.keys import SoftwareSigner

AIM_OF_RAW: Final = 0.35
AIM_OF_SD_JWT: Final = 3.0
SELECTIVE: Final = ("legal_representative", "registered_capital", "business_scope", "address")
CLAIMS: Final[dict[str, Any]] = {
    "iss": "https://hub.example/issuers/11990000MB0000002Q",
    "vct": "urn:yizheng:certificate-type:11990000MB0000002Q001",
    "iat": 1763769600,
    "exp": 2079302400,
    "name": "示例市晨光食品有限公司",
    "uscc": "91990100MA00000019",
    "established_on": "2019-03-01",
    "enterprise_type": "有限责任公司",
    "legal_representative": "王晨光",
    "registered_capital": "500万元人民币",
    "business_scope": "食品销售；餐饮服务；货物进出口",
    "address": "示例市中心路1号",
}


def run(effort: Effort) -> list[Line]:
    """The lines of the table."""
    signer = SoftwareSigner.generate()
    holder = SoftwareSigner.generate().public.jwk
    ours = {**CLAIMS, "cnf": {"jwk": holder}}
    covered = sd_jwt.issue(ours, disclosable=SELECTIVE, signer=signer).split("~")[0].rpartition(".")[0].encode()
    raw_key = ec.generate_private_key(ec.SECP256R1())
    algorithm = ec.ECDSA(SHA256())
    theirs_key = JWK.from_pem(signer.to_pem())
    theirs_holder = JWK(**{name: holder[name] for name in ("kty", "crv", "x", "y")})

    def theirs() -> str:
        claims = {SDObj(name) if name in SELECTIVE else name: value for name, value in CLAIMS.items()}
        return str(SDJWTIssuer(claims, theirs_key, theirs_holder, sign_alg="ES256").sd_jwt_issuance)

    work = {
        "ours": lambda: sd_jwt.issue(ours, disclosable=SELECTIVE, signer=signer),
        "raw": lambda: raw_key.sign(covered, algorithm),
        "sd-jwt": theirs,
    }
    values = interleave(effort.rounds, {name: partial(rate, job, effort.seconds / 2) for name, job in work.items()})
    spread = Spread.of(values["ours"])
    raw, other = Spread.of(values["raw"]), Spread.of(values["sd-jwt"])
    return [
        Line(
            "issue an SD-JWT", "/s", spread, f"raw ES256 {raw.middle:,.0f}/s", ratios(values, "ours", "raw"), AIM_OF_RAW
        ),
        Line(
            "issue an SD-JWT", "/s", spread, f"PyPI sd-jwt {other.middle:,.0f}/s",
            ratios(values, "ours", "sd-jwt"), AIM_OF_SD_JWT,
        ),
    ]  # fmt: skip
