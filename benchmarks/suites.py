"""Issue, verify and present an SD-JWT (12 claims, 4 disclosable) under each suite, beside its raw primitive and others.

One core each: our process, and one node process that answers while ours waits. Every line compares equal work: whole
tokens with the same claims are issued and verified; presenting picks two claims and signs a key binding with the
holder's ES256 key, whichever suite the licence has. RSA signs documents only, so its line is a bare signature.
"""

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from jwcrypto.jwk import JWK  # type: ignore[import-untyped]
from sd_jwt.holder import SDJWTHolder
from sd_jwt.verifier import SDJWTVerifier

from benchmarks.rounds import Effort, Line, Spread, interleave, rate, ratios
from benchmarks.signing import CLAIMS, SELECTIVE
from signing import sd_jwt
from signing.disclosures import digest
from signing.jose import sign_jws
from signing.keys import Signer, SoftwareSigner
from signing.rsa_keys import RsaSigner
from signing.sm2 import Sm2Signer
from tests.judges import INSTALLED, Judge

SHOWN: Final = ("legal_representative", "address")
BINDING: Final[dict[str, Any]] = {"aud": "https://receiver.example", "nonce": "n-0123456789abcdef", "iat": 1763769700}
LATER: Final = 1763769700
_RAW: Final = {
    "issue": "raw {} signature",
    "verify": "raw {} verification",
    "present": "raw ES256 signature",  # the holder's, whichever suite the licence has
}


def run(effort: Effort) -> list[Line]:
    """The lines of the table."""
    with ExitStack() as stack:
        judge = stack.enter_context(Judge()) if INSTALLED else None
        return [*_es256(effort, judge), *_sm2(effort), *_rsa(effort)]


def _es256(effort: Effort, judge: Judge | None) -> list[Line]:
    signer, holder = SoftwareSigner.generate(), SoftwareSigner.generate()
    ours = _ours(signer, holder)
    token = ours["issue"]()
    work: dict[str, Callable[[], float]] = {
        name: partial(rate, job, effort.seconds / 4) for name, job in {**ours, **_raw(token)}.items()
    }
    key, holder_key = JWK.from_pem(signer.to_pem()), JWK.from_pem(holder.to_pem())
    work["sd-jwt verify"] = partial(rate, lambda: SDJWTVerifier(token, lambda *_: key), effort.seconds / 4)
    work["sd-jwt present"] = partial(rate, partial(_present_by_pypi, token, holder_key), effort.seconds / 4)
    if judge is not None:
        work |= _node(judge, token, signer, holder, effort.seconds / 4)
    values = interleave(effort.rounds, work)
    return [
        line
        for job in ("issue", "verify", "present")
        for line in _lines("ES256", job, values)
    ]  # fmt: skip


def _sm2(effort: Effort) -> list[Line]:
    signer = Sm2Signer.generate()
    ours = _ours(signer, SoftwareSigner.generate())
    covered = ours["issue"]().split("~")[0].rpartition(".")[0].encode()
    signature = signer.sign_der(covered)
    work = {
        **ours,
        "raw issue": lambda: signer.sign_der(covered),
        "raw verify": lambda: signer.public.verify_der(covered, signature),
        "raw present": _raw(ours["issue"]())["raw present"],
    }
    values = interleave(effort.rounds, {name: partial(rate, job, effort.seconds / 2) for name, job in work.items()})
    return [line for job in ("issue", "verify", "present") for line in _lines("SM2", job, values)]


def _rsa(effort: Effort) -> list[Line]:
    rsa, es256, message = RsaSigner.generate(), SoftwareSigner.generate(), bytes(1000)
    work = {"RSA": lambda: rsa.sign(message), "ES256": lambda: es256.sign(message)}
    values = interleave(effort.rounds, {name: partial(rate, job, effort.seconds / 4) for name, job in work.items()})
    limit = f"ES256 {Spread.of(values['ES256']).middle:,.0f}/s"
    return [
        Line("sign with RSA, 3072 bits", "/s", Spread.of(values["RSA"]), limit, ratios(values, "RSA", "ES256"),
             note="for scale: for readers of PDF that know nothing else"),
    ]  # fmt: skip


def _ours(signer: Signer, holder: SoftwareSigner) -> dict[str, Callable[[], str]]:
    claims = {**CLAIMS, "cnf": {"jwk": holder.public.jwk}}
    token = sd_jwt.issue(claims, disclosable=SELECTIVE, signer=signer)

    def present() -> str:
        selected = sd_jwt.select(token, SHOWN)
        binding = {**BINDING, "sd_hash": digest(selected)}
        return selected + sign_jws(binding, signer=holder, typ=sd_jwt.KEY_BINDING_TYP)

    return {
        "issue": lambda: sd_jwt.issue(claims, disclosable=SELECTIVE, signer=signer),
        "verify": lambda: sd_jwt.verify(token, key=signer.public).presentation,
        "present": present,
    }


def _raw(token: str) -> dict[str, Callable[[], object]]:
    key, algorithm = ec.generate_private_key(ec.SECP256R1()), ec.ECDSA(SHA256())
    covered = token.split("~", maxsplit=1)[0].rpartition(".")[0].encode()
    signature, public, short = key.sign(covered, algorithm), key.public_key(), covered[:300]
    return {
        "raw issue": lambda: key.sign(covered, algorithm),
        "raw verify": lambda: public.verify(signature, covered, algorithm),
        "raw present": lambda: key.sign(short, algorithm),
    }


def _present_by_pypi(token: str, holder: Any) -> str:
    wallet = SDJWTHolder(token)
    shown = dict.fromkeys(SHOWN, True)
    wallet.create_presentation(shown, BINDING["nonce"], BINDING["aud"], holder, sign_alg="ES256")
    return str(wallet.sd_jwt_presentation)


def _node(
    judge: Judge, token: str, signer: SoftwareSigner, holder: SoftwareSigner, seconds: float
) -> dict[str, Callable[[], float]]:
    common = {"jwk": signer.public.jwk, "seconds": seconds, "now": LATER}
    claims = {**CLAIMS, "cnf": {"jwk": holder.public.jwk}}
    questions: dict[str, dict[str, Any]] = {
        "issue": {"op": "issue", "claims": claims, "selective": SELECTIVE, "pem": signer.to_pem().decode()},
        "verify": {"op": "verify_often", "token": token},
        "present": {
            "op": "present_often", "token": token, "names": SHOWN,
            "kb": {"pem": holder.to_pem().decode(), "payload": BINDING},
        },
    }  # fmt: skip

    def measure(question: dict[str, Any]) -> float:
        answer = judge.ask(**question, **common)
        assert "rate" in answer, answer
        return float(answer["rate"])

    return {f"node {job}": partial(measure, question) for job, question in questions.items()}


def _lines(suite: str, job: str, values: dict[str, list[float]]) -> list[Line]:
    others = {
        f"raw {job}": _RAW[job].format(suite),
        f"sd-jwt {job}": "PyPI sd-jwt",
        f"node {job}": "npm @sd-jwt/sd-jwt-vc",
    }
    figure, spreads = (
        f"{job} an SD-JWT, {suite}",
        {key: Spread.of(values[key]) for key in (job, *others) if key in values},
    )
    return [
        Line(figure, "/s", spreads[job], f"{others[key]} {spread.middle:,.0f}/s", ratios(values, job, key))
        for key, spread in spreads.items()
        if key != job
    ]
