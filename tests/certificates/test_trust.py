"""Trust: whose key a chain is, what a pack carries, and every pack that must not be believed."""

import zlib
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from certificates.errors import TrustPackError
from certificates.lifecycle.states import LISTED, STATUS_BITS, Status
from certificates.verifying import trust
from certificates.verifying.known import StatusQuestion
from certificates.verifying.pack import PACK_TYPE, TrustPack
from certificates.verifying.pack_status import LIST_AGE, PackStatuses
from certificates.verifying.trust import Issuer, KeyCustody, TrustPolicy
from signing.canonical import b64u, unb64u
from signing.errors import ChainError, MalformedError
from signing.jose import sign_jws
from signing.x509.pki import CertificateAuthority, fingerprint
from tests.certificates.trusted import (
    AMR,
    HUB,
    HUB_BODY,
    HUB_KEY,
    INDEX,
    ISSUER,
    LICENCE_TYPE,
    LIST,
    MADE,
    NOW,
    POLICY,
    ROOT,
    STATUS_KEY,
    Key,
    certified,
    pack,
    root,
    status_list,
)

QUESTION = StatusQuestion("x", LIST, INDEX)


def intermediate(*, ends: datetime) -> CertificateAuthority:
    """An authority under the root, as a province would run one."""
    key = ec.generate_private_key(ec.SECP256R1())
    parent = x509.load_der_x509_certificate(ROOT.certificate)
    parent_key = load_pem_private_key(ROOT.private_key_pem, None)
    assert isinstance(parent_key, ec.EllipticCurvePrivateKey)
    usage = dict.fromkeys(
        ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
         "encipher_only", "decipher_only"), False,
    )  # fmt: skip
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Example District")]))
        .issuer_name(parent.subject)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(MADE)
        .not_valid_after(ends)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(parent_key.public_key()), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.KeyUsage(key_cert_sign=True, crl_sign=True, **usage), critical=True)
        .sign(parent_key, hashes.SHA256())
    )
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return CertificateAuthority(certificate.public_bytes(Encoding.DER), pem)


def fresh(policy: TrustPolicy = POLICY) -> TrustPolicy:
    """The policy with nothing remembered."""
    return TrustPolicy(policy.anchors, policy.issuers, policy.hub_uri)


def signed_pack(**changes: Any) -> bytes:
    values: dict[str, Any] = {"signer": HUB_KEY.signer, "header": HUB_KEY.header} | changes
    return pack(status_list()).signed(**values).encode()


def told(statuses: PackStatuses) -> Status | None:
    """What a pack says of the licence."""
    found = statuses(QUESTION)
    return None if found is None else found.status


def forged(content: Any = None, *, key: Key = HUB_KEY, typ: str = PACK_TYPE, drop: str = "", **changes: Any) -> bytes:
    """A pack with other content, signed by the hub."""
    honest: dict[str, Any] = {
        "anchors": [_base64(ROOT.certificate)],
        "issuers": {AMR: {"name": "市场监督管理局", "types": [LICENCE_TYPE.code]}},
        "hub": HUB,
        "status_lists": {},
        "iat": int(NOW.timestamp()),
    }
    values = honest | changes if content is None else content
    if drop:
        del values[drop]
    return sign_jws(values, signer=key.signer, typ=typ, header=key.header).encode()


def _base64(data: bytes) -> str:
    return b64encode(data).decode()


def refusal(data: bytes, now: datetime = NOW) -> str:
    with pytest.raises(TrustPackError) as caught:
        TrustPack.read(data, now=now)
    return caught.value.reason


# -- whose key


def test_a_chain_to_an_anchor_says_whose_key_it_is() -> None:
    leaf = fresh().leaf(ISSUER.header, now=NOW)
    assert (leaf.organization_id, leaf.roles, leaf.uris) == (AMR, {"issuer"}, (ISSUER.uri,))
    assert leaf.public == ISSUER.signer.public


def test_a_chain_is_validated_once_and_its_dates_are_checked_at_every_call(monkeypatch: pytest.MonkeyPatch) -> None:
    key, policy = certified(ROOT, "issuer", AMR, days=500), fresh()
    first = policy.leaf(key.header, now=NOW)
    assert policy.leaf(key.header, now=NOW) is first
    assert policy.leaf(key.header, now=first.not_after) is first
    with pytest.raises(ChainError) as caught:
        policy.leaf(key.header, now=first.not_after + timedelta(seconds=1))
    assert caught.value.reason == "expired"
    with pytest.raises(ChainError) as caught:
        policy.leaf(key.header, now=first.not_before - timedelta(seconds=1))
    assert caught.value.reason == "not_yet_valid"


def test_a_remembered_chain_ends_with_the_first_certificate_on_its_path_that_ends() -> None:
    district = intermediate(ends=NOW + timedelta(days=1))
    key = certified(district, "issuer", AMR, now=NOW - timedelta(days=1))
    header = {"x5c": [*key.header["x5c"], _base64(district.certificate)]}
    policy = fresh()
    leaf = policy.leaf(header, now=NOW)
    assert leaf.not_after == NOW + timedelta(days=1)
    with pytest.raises(ChainError):
        policy.leaf(header, now=NOW + timedelta(days=2))


def test_a_chain_under_a_foreign_root_is_refused_however_often_it_is_shown() -> None:
    key, policy = certified(root("Somebody Else"), "issuer", AMR), fresh()
    for _ in range(2):
        with pytest.raises(ChainError) as caught:
            policy.leaf(key.header, now=NOW)
        assert caught.value.reason == "path"


@pytest.mark.parametrize("x5c", [None, [], "x", {}, [1], [{}], [["x"]], [None, "x"], ["x"] * 5, ["é"], [""]])
def test_an_x5c_that_is_no_chain_is_malformed(x5c: Any) -> None:
    for header in ({"x5c": x5c}, {}):
        with pytest.raises(MalformedError) as caught:
            fresh().leaf(header, now=NOW)
        assert caught.value.reason == "x5c"


def test_the_memory_of_chains_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trust, "_REMEMBERED_CHAINS", 2)
    policy = fresh()
    for key in [certified(ROOT, "issuer", AMR) for _ in range(3)]:
        policy.leaf(key.header, now=NOW)
        assert len(policy._leaves) <= 2


def test_roots_are_compared_by_their_fingerprint() -> None:
    (shown,) = POLICY.fingerprints()
    assert shown == fingerprint(ROOT.certificate)
    assert len(shown) == 32 * 3 - 1


# -- packs


def test_a_pack_is_read_back_as_it_was_made() -> None:
    made = pack(status_list())
    read = TrustPack.read(signed_pack() + b"\n", now=NOW)
    assert read == replace(made, status_lists=read.status_lists)
    assert set(read.status_lists) == {LIST}
    assert read.policy.issuers == POLICY.issuers
    assert read.policy.issuers[AMR] == Issuer("市场监督管理局", frozenset({LICENCE_TYPE.code}))
    assert read.made_at == NOW
    assert told(PackStatuses(read, now=NOW)) is Status.VALID


def test_a_pack_says_who_holds_each_issuing_key_and_an_older_one_means_the_hub() -> None:
    issuer = replace(POLICY.issuers[AMR], custody=KeyCustody.DEPARTMENT)
    made = pack(None, policy=replace(POLICY, issuers={AMR: issuer}))
    token = made.signed(signer=HUB_KEY.signer, header=HUB_KEY.header).encode()
    assert TrustPack.read(token, now=NOW).policy.issuers[AMR].custody is KeyCustody.DEPARTMENT
    assert TrustPack.read(forged(), now=NOW).policy.issuers[AMR].custody is KeyCustody.HUB


@pytest.mark.parametrize("key", [ISSUER, STATUS_KEY, certified(ROOT, "purpose-copy", HUB_BODY)])
def test_a_pack_signed_by_another_role_is_refused(key: Key) -> None:
    assert refusal(signed_pack(signer=key.signer, header=key.header)) == "not_signed_by_a_hub"


def test_a_pack_signed_under_a_root_it_does_not_carry_is_refused() -> None:
    other = certified(root("Somebody Else"), "hub", HUB_BODY)
    assert refusal(signed_pack(signer=other.signer, header=other.header)) == "path"


def test_a_pack_signed_with_another_key_than_its_chain_certifies_is_refused() -> None:
    assert refusal(signed_pack(signer=ISSUER.signer)) == "signature"


def test_a_pack_is_no_longer_read_when_the_hubs_certificate_has_ended() -> None:
    assert refusal(signed_pack(), now=NOW + timedelta(days=11 * 365)) == "expired"


def test_a_licence_is_no_pack() -> None:
    assert refusal(forged(typ="dc+sd-jwt")) == "typ"


def test_roots_swapped_after_signing_are_refused() -> None:
    header, payload, signature = signed_pack().split(b".")
    swapped = unb64u(payload).replace(_base64(ROOT.certificate).encode(), _base64(root().certificate).encode())
    assert refusal(b".".join((header, b64u(swapped).encode(), signature))) == "path"
    renamed = unb64u(payload).replace(HUB.encode(), b"https://evil.example")
    assert refusal(b".".join((header, b64u(renamed).encode(), signature))) == "signature"


@pytest.mark.parametrize(
    "make",
    [
        *[lambda name=name: forged(drop=name) for name in ("anchors", "issuers", "hub", "status_lists", "iat")],
        *[lambda name=name: forged(**{name: None}) for name in ("anchors", "issuers", "status_lists", "iat")],
        lambda: forged(anchors=[1]),
        lambda: forged(anchors=["é"]),
        lambda: forged(anchors=["x"]),
        lambda: forged(issuers=[AMR]),
        lambda: forged(issuers={AMR: "types"}),
        lambda: forged(issuers={AMR: {"name": "x", "types": None}}),
        lambda: forged(issuers={AMR: {"name": "x", "types": [], "custody": "nobody"}}),
        lambda: forged(iat=2**53 - 1),
        lambda: forged(iat="now"),
        lambda: forged(status_lists=["x"]),
        lambda: forged(content={"anchors": {}}),
    ],
)
def test_a_pack_without_its_content_is_refused(make: Callable[[], bytes]) -> None:
    assert refusal(make()) in {"content", "anchor", "path"}


@pytest.mark.parametrize("anchors", [[], ["AAAA"]])
def test_a_pack_without_a_usable_root_is_refused(anchors: list[str]) -> None:
    assert refusal(forged(anchors=anchors)) == "anchor"


@given(st.binary(max_size=80))
def test_any_bytes_are_a_pack_or_refused(data: bytes) -> None:
    refusal(data)


@given(st.integers(0, 10_000), st.binary(min_size=1, max_size=3))
def test_a_pack_with_any_bytes_changed_is_refused(place: int, junk: bytes) -> None:
    original = PACK
    place %= len(original)
    changed = original[:place] + junk + original[place + len(junk) :]
    if changed.strip() != original:
        refusal(changed)


PACK = signed_pack()


# -- statuses of a pack


@pytest.mark.parametrize("status", list(Status))
def test_a_pack_answers_with_the_status_on_its_list(status: Status) -> None:
    read = LISTED[STATUS_BITS[status]]
    assert told(PackStatuses(pack(status_list(status)), now=NOW)) is read
    oldest = status_list(status, now=NOW - LIST_AGE)
    assert told(PackStatuses(pack(oldest), now=NOW + timedelta(hours=12))) is read


def test_a_list_is_read_once() -> None:
    statuses = PackStatuses(pack(status_list(Status.REVOKED)), now=NOW)
    assert told(statuses) is Status.REVOKED
    opened = statuses._read[LIST]
    beside = statuses(replace(QUESTION, index=INDEX + 1))
    assert beside is not None
    assert beside.status is Status.VALID
    assert statuses._read == {LIST: opened}


def test_a_list_older_than_one_that_was_seen_is_a_replay() -> None:
    """Drill 47: yesterday's list, signed and not expired, of before the revocation."""
    newest = PackStatuses(pack(status_list(Status.REVOKED)), now=NOW).newest()
    assert newest == {LIST: NOW - timedelta(minutes=1)}
    yesterdays = status_list(now=NOW - timedelta(hours=20))
    replayed = PackStatuses(pack(yesterdays, made_at=NOW - timedelta(hours=20)), now=NOW, seen=newest)
    found = replayed(QUESTION)
    assert found is not None
    assert (found.status, found.refusal) == (None, "status_went_back")
    assert replayed.newest() == newest


@pytest.mark.parametrize(
    "question",
    [
        replace(QUESTION, uri=None),
        replace(QUESTION, index=None),
        replace(QUESTION, uri=f"{HUB}/status-lists/4"),
        replace(QUESTION, index=1024),
        replace(QUESTION, index=-1),
        replace(QUESTION, index=2**60),
    ],
)
def test_a_question_off_the_lists_has_no_answer(question: StatusQuestion) -> None:
    assert PackStatuses(pack(status_list()), now=NOW)(question) is None


@pytest.mark.parametrize(
    "make",
    [
        lambda: status_list(now=NOW - timedelta(days=2)),
        lambda: status_list(now=NOW + timedelta(days=2)),
        lambda: status_list(now=NOW - LIST_AGE - timedelta(seconds=1)),
        lambda: status_list(uri=f"{HUB}/status-lists/4"),
        lambda: status_list(key=ISSUER),
        lambda: status_list(key=HUB_KEY),
        lambda: status_list(key=certified(root("Somebody Else"), "status", HUB_BODY)),
        lambda: status_list(key=Key(ISSUER.signer, HUB, STATUS_KEY.header)),
        lambda: status_list()[:-4] + "AAAA",
        lambda: "not a token",
        lambda: "",
    ],
)
def test_a_list_that_is_stale_foreign_or_broken_has_no_answer(make: Callable[[], str]) -> None:
    statuses = PackStatuses(pack(make()), now=NOW)
    assert statuses(QUESTION) is None
    assert statuses(QUESTION) is None


def test_a_status_without_a_meaning_here_has_no_answer() -> None:
    claims = {
        "sub": LIST,
        "iat": int(NOW.timestamp()),
        "exp": int(NOW.timestamp()) + 60,
        "status_list": {"bits": 4, "lst": _compressed(bytes([0x55] * 64))},
    }
    token = sign_jws(claims, signer=STATUS_KEY.signer, typ="statuslist+jwt", header=STATUS_KEY.header)
    assert told(PackStatuses(pack(token), now=NOW)) is None


def _compressed(data: bytes) -> str:
    return b64u(zlib.compress(data))
