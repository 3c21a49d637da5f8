"""Keys that departments keep: approved by them, at once or later; what waits is an intent and finishes by itself."""

import io
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from catalog.tables import table
from certificates.stores import certificates as store
from certificates.tables import CertificateVersionRow
from certificates.verifying.pack import TrustPack
from certificates.verifying.procedure import Result
from certificates.verifying.trust import KeyCustody
from hub.access.actors import COMMAND
from hub.issuing.files import read_document
from hub.issuing.keys.errors import KeyRuleError
from hub.issuing.signing_room import KIND
from hub.runtime import Hub
from hub.signer.app import SignerDesk
from hub.signer.book import Book
from hub.signer.judging import KINDS, Policy, RefusedError, judge
from hub.storage.errors import SignatureRefusedError, SignatureWaitingError, SignerUnavailableError
from hub.storage.keystore.port import Place
from signing import disclosures
from signing.canonical import b64u, canonical, sha256, unb64u
from signing.cms.der import children, read
from signing.cms.message import writer
from signing.keys import SoftwareSigner
from signing.x509.csr import make_csr
from tests.adapters.test_sql_tls import authority, certified
from tests.hub.command import yizheng
from tests.keys.department import OwnSigner
from tests.keys.library import ISSUER, LICENCE, companies, signed_by, tokens
from tests.signing.chains import LEAF
from tests.support import AMR, POLICE, issue
from tests.support import Place as Home

pytestmark = pytest.mark.embedded
VERSIONS = table(CertificateVersionRow)


@pytest.fixture
def own(tmp_path: Path) -> OwnSigner:
    (tmp_path / "signer").mkdir()
    return OwnSigner(tmp_path / "signer")


async def waiting(hub: Hub) -> int:
    query = select(VERSIONS.c.id).where(VERSIONS.c.state == "intended")
    return len(await hub.database.read(lambda tx: tx.execute(query).all()))


async def test_the_department_signs_and_every_verdict_says_so(hub: Hub, own: OwnSigner) -> None:
    old = set((await signed_by(hub)).values())
    with own.serving():
        view = await own.attach(hub)
        assert (view.key.place, view.key.custody, view.use) == (Place.REMOTE, KeyCustody.DEPARTMENT, "signs")
        decisions = await issue(hub, *companies(1_000, 120))
    assert len(decisions) == 120
    kids = await signed_by(hub)
    assert set(kids.values()) == old | {own.signer.kid}
    new = [identifier for identifier, kid in kids.items() if kid == own.signer.kid]
    assert len(new) == 120
    for token in (await tokens(hub, new[:3])).values():
        verdict = await hub.verification.verify(token, audience=None)
        assert (verdict.result, verdict.custody) == (Result.PASSED, "department_held")
    pack = TrustPack.read(await hub.verification.trust_pack(), now=datetime.now(UTC))
    assert pack.policy.issuers[AMR].custody is KeyCustody.DEPARTMENT
    assert pack.policy.issuers[POLICE].custody is KeyCustody.HUB
    lines = own.book.lines(only_waiting=False)
    assert len(lines) == 120
    assert {(line.state, line.type_code, line.number) for line in lines} == {("signed", LICENCE, 120)}
    assert {line.identifier for line in lines} == set(new)
    with own.serving(), pytest.raises(KeyRuleError, match="known already"):
        await own.attach(hub)
    with pytest.raises(KeyRuleError, match="keeps this key"):
        await hub.keyring.keys.rotate(COMMAND, ISSUER, reason="not the hub's to make")


async def test_what_waits_for_approval_is_signed_when_it_comes(hub: Hub, own: OwnSigner) -> None:
    own.approve_all = False
    before = await signed_by(hub)
    with own.serving():
        await own.attach(hub)
        await issue(hub, *companies(1_000, 3))
        assert (await waiting(hub), await signed_by(hub)) == (3, before)
        first, *others = own.book.lines(only_waiting=True)
        (found,) = await hub.database.read(lambda tx: [store.find_version(tx, first.identifier)])
        assert found is not None
        assert found.state == "intended"
        with pytest.raises(SignatureWaitingError):
            await read_document(hub, first.identifier)
        assert await hub.issuing.finish() == 0
        now = datetime.now(UTC)
        assert own.book.decide([first.id], approve=True, by="王科长", reason="checked", now=now) == 1
        assert await hub.issuing.finish() == 1
        assert own.book.decide([others[0].id], approve=False, by="王科长", reason="not ours", now=now) == 1
        assert await hub.issuing.finish() == 0
        own.book.decide(own.book.lines(only_waiting=True), approve=True, by="王科长", reason="", now=now)
        assert await hub.issuing.finish() == 1
    after = await signed_by(hub)
    assert after.keys() - before.keys() == {first.identifier, others[1].identifier}
    assert await waiting(hub) == 1
    states = {line.id: (line.state, line.decided_by) for line in own.book.lines(only_waiting=False)}
    assert states[others[0].id] == ("refused", "王科长")
    for token in (await tokens(hub, [first.identifier])).values():
        assert (await hub.verification.verify(token, audience=None)).result is Result.PASSED


async def test_a_signer_that_is_away_loses_nothing(hub: Hub, own: OwnSigner) -> None:
    with own.serving():
        await own.attach(hub)
    before = await signed_by(hub)
    with pytest.raises(SignerUnavailableError, match="signer_away"):
        await issue(hub, *companies(1_000, 2))
    assert await waiting(hub) == 2
    assert await hub.issuing.finish() == 0
    with own.serving():
        assert await hub.issuing.finish() == 2
    assert len(await signed_by(hub)) == len(before) + 2


async def test_only_the_compared_key_and_only_known_clients(hub: Hub, own: OwnSigner) -> None:
    with own.serving():
        with pytest.raises(KeyRuleError, match="another key answers"):
            await own.attach(hub, compared=SoftwareSigner.generate().kid)
        with pytest.raises(KeyRuleError, match="https"):
            await hub.keyring.outside.attach(COMMAND, ISSUER, "http://x", own.files(), compared="", reason="")
        with pytest.raises(KeyRuleError, match="departments"):
            await own.attach(hub, "hub")
        for files in (
            own.files(certified("hub", issuer=authority())),  # a client of another authority
            [authority().pem, *own.files()[1:]],  # another server
        ):
            with pytest.raises(SignerUnavailableError, match="signer_away"):
                await hub.keyring.outside.attach(COMMAND, ISSUER, own.url, files, compared=own.signer.kid, reason="x")
    assert {view.key.place for view in await hub.keyring.keys.list(COMMAND)} == {Place.FILE}


async def test_a_signature_that_is_not_over_the_object_is_not_taken(hub: Hub, own: OwnSigner) -> None:
    with own.serving():
        await own.attach(hub)
    own.signer = SoftwareSigner.generate(kid=own.signer.kid)
    with own.serving(), pytest.raises(SignerUnavailableError, match="signer_answer"):
        await issue(hub, *companies(1_000, 1))
    assert await waiting(hub) == 1


def asked(own: SoftwareSigner, **changes: Any) -> dict[str, Any]:
    identifier = "1.2.156.3005.2.11990000MB0000002Q001.11990000MB0000002Q.2026AAAAAAAAAAAA.001.X"
    header = b64u(canonical({"alg": "ES256", "kid": own.kid, "typ": "dc+sd-jwt"}))
    payload = {"vct": f"urn:yizheng:type:{LICENCE}", "certificate": {"identifier": identifier}}
    from certificates.profile import VCT_PREFIX

    payload["vct"] = VCT_PREFIX + LICENCE
    message = f"{header}.{b64u(canonical(payload))}".encode()
    return {
        "id": "01a20390-b00c-72bb-903f-1ec83bdab169",
        "kid": own.kid,
        "alg": "ES256",
        "message": b64u(message),
        "digest": b64u(sha256(message)),
        "summary": {"kind": KIND, "type": LICENCE, "identifier": identifier, "number": 1},
    } | changes


def summary(own: SoftwareSigner, **changes: Any) -> dict[str, Any]:
    return {"summary": asked(own)["summary"] | changes}


def test_the_signer_reads_the_object_and_not_only_the_summary() -> None:
    """A hub that was taken over cannot have one thing approved and another signed."""
    own = SoftwareSigner.generate()
    policy = Policy(own.kid, frozenset({LICENCE}))
    assert judge(asked(own), policy).type_code == LICENCE
    other = "11990000MB0000002Q002"
    cases: list[tuple[str, dict[str, Any], Policy]] = [
        ("kid", {"kid": "x"}, policy),
        ("digest", {"digest": b64u(sha256(b"x"))}, policy),
        ("kind", summary(own, kind="other"), policy),
        ("kind", summary(own, kind="certificate-request"), policy),
        ("type", {}, Policy(own.kid, frozenset({other}))),
        ("summary", summary(own, type=other), Policy(own.kid, frozenset({LICENCE, other}))),
        ("summary", summary(own, identifier="another"), policy),
        ("malformed", {"message": "!"}, policy),
        ("malformed", summary(own, number="many"), policy),
        ("claims", {"disclosures": [disclosures.encode("x" * 24, "name", "another 别的")]}, policy),
        ("claims", {"disclosures": ["!"]}, policy),
        ("claims", {"disclosures": {}}, policy),
        ("malformed", summary(own, identifier="a\nb"), policy),
    ]
    for code, changes, rule in cases:
        with pytest.raises(RefusedError) as caught:
            judge(asked(own, **changes), rule)
        assert caught.value.code == code


async def test_a_type_it_was_not_told_about_is_refused_there(hub: Hub, own: OwnSigner) -> None:
    own.types = frozenset({"11990000MB0000002Q002"})
    with own.serving():
        await own.attach(hub)
        await issue(hub, *companies(1_000, 1))
        assert await waiting(hub) == 1
        certified_key = await hub.database.read(lambda tx: hub.desk.issuer(tx, AMR))
        for described, error in (
            ({"kind": "other"}, SignatureRefusedError),
            ({"kind": KIND, "type": LICENCE}, SignatureRefusedError),
        ):
            with pytest.raises(error):
                certified_key.about(**described).sign(b"x")
    assert own.book.lines(only_waiting=False) == []


async def test_other_objects_wait_for_approval_too(hub: Hub, own: OwnSigner) -> None:
    own.approve_all, own.kinds = False, frozenset({"licence", "rendition"})
    attributes = writer([LEAF], alg="ES256").attributes(bytes(32))
    with own.serving():
        await own.attach(hub)
        key = await hub.database.read(lambda tx: hub.desk.issuer(tx, AMR))
        described = key.about(kind="rendition", type=LICENCE, identifier="1.2.3")
        with pytest.raises(SignatureWaitingError):
            described.sign(attributes)
        own.book.decide(own.book.lines(only_waiting=True), approve=True, by="x", reason="", now=datetime.now(UTC))
        described.public.verify(attributes, described.sign(attributes))


def test_a_licence_goes_by_no_other_kind() -> None:
    """The kind is the hub's word. One that may have pages signed gets no licence of a type that is not the department's
    by calling it a page; and no request, and nothing in DER, as "other".
    """
    own = SoftwareSigner.generate()
    policy = Policy(own.kid, frozenset(), frozenset(KINDS))
    attributes = writer([LEAF], alg="ES256").attributes(bytes(32))
    request = children(read(make_csr(own, "x", AMR, role="issuer", uri="https://x")))[0].raw
    other = b64u(canonical({"alg": "ES256", "typ": "something+jwt"})).encode() + b".e30"
    licence = unb64u(asked(own)["message"])
    made = {"rendition": attributes, "certificate-request": request, "other": other, "licence": licence}

    def judged(kind: str, message: bytes) -> str:
        changes = summary(own, kind=kind) | {"message": b64u(message), "digest": b64u(sha256(message))}
        try:
            return judge(asked(own, **changes), policy).kind
        except RefusedError as error:
            return error.code

    for kind in ("rendition", "certificate-request", "other"):
        assert judged(kind, made[kind]) == kind
        assert {judged(kind, message) for name, message in made.items() if name != kind} == {"summary"}
    assert judged("licence", licence) == "type"
    assert judged("other", b"YZ1:" + bytes(80)) == "summary"
    assert {judged("seal", message) for message in made.values()} == {"summary"}


def test_metadata_is_signed_of_the_departments_types_alone() -> None:
    """It verifies as a licence, so that one of another type may not go by it as "other"."""
    own = SoftwareSigner.generate()
    header = b64u(canonical({"alg": "ES256", "typ": "certificate-metadata+jwt"}))
    said = {"metadata": {"certificate_type_name_code": LICENCE}, "binding": "x"}

    def judged(types: set[str], payload: object) -> str:
        message = f"{header}.{b64u(canonical(payload))}".encode()
        changes = summary(own, kind="other") | {"message": b64u(message), "digest": b64u(sha256(message))}
        try:
            return judge(asked(own, **changes), Policy(own.kid, frozenset(types), frozenset(KINDS))).kind
        except RefusedError as error:
            return error.code

    assert judged({LICENCE}, said) == "other"
    assert judged({"11990000MB0000002Q002"}, said) == "type"
    assert judged({LICENCE}, {}) == "malformed"


def test_two_objects_under_one_id_are_two_questions(tmp_path: Path) -> None:
    """Whoever approves has looked at one; the other came meanwhile. What is not approved is not even signed."""
    seen: list[bytes] = []

    class Watched(SoftwareSigner):
        def sign(self, message: bytes) -> bytes:
            seen.append(message)
            return super().sign(message)

    own = Watched.generate()
    book = Book(tmp_path / "book.sqlite3")
    desk = SignerDesk(own, book, Policy(own.kid, frozenset(), frozenset({"other"})), approve_all=False)

    def question(message: bytes) -> dict[str, Any]:
        changes = summary(own, kind="other") | {"message": b64u(message), "digest": b64u(sha256(message))}
        return asked(own, **changes)

    good, other = question(b"looked at"), question(b"came meanwhile")
    decide = partial(book.decide, approve=True, by="x", reason="", now=datetime.now(UTC))
    assert [item["state"] for item in desk.answer([good, other], client="")] == ["waiting", "waiting"]
    assert decide([good["id"]]) == 0
    assert decide([good["digest"]]) == 1
    for order in ([good, other], [other, good]):
        found = dict(zip((item["digest"] for item in order), desk.answer(order, client=""), strict=True))
        own.public.verify(b"looked at", unb64u(found[good["digest"]]["signature"]))
        assert found[other["digest"]] == {"id": other["id"], "state": "waiting"}
    assert seen == [b"looked at"]


async def test_whoever_approves_all_approves_the_list_that_he_read(
    hub: Hub, place: Home, own: OwnSigner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What came after it waits on, also where as many wait as before; and he reads what the licences say."""
    own.approve_all = False
    folder = ("--folder", str(own.folder))
    approve = ("key", "approve", *folder)
    with own.serving():
        await own.attach(hub)
        await issue(hub, *companies(1_000, 2))
        shown = await yizheng(place, "key", "approvals", *folder)
        first, second = own.book.lines(only_waiting=True)
        said = {"uscc": companies(1_000, 1)[0]["uscc"], "business_scope": companies(1_000, 1)[0]["business_scope"]}
        assert any(said == {name: (line.claims or {}).get(name) for name in said} for line in (first, second))
        assert all(f"{name}: {value}" in shown.out for name, value in said.items())
        assert (first.type_code in shown.out, first.identifier in shown.out) == (True, True)
        await yizheng(place, *approve, "--refuse", first.id)
        await issue(hub, *companies(2_000, 1))
        late = await yizheng(place, *approve, "--all", shown.out.split()[-1])
        assert (late.code, "not what was read" in late.err) == (77, True), late
        monkeypatch.setattr("sys.stdin", _Terminal("n\n"))
        asked = await yizheng(place, *approve)
        assert (second.identifier in asked.out, asked.code) == (True, 0)
        assert len(own.book.lines(only_waiting=True)) == 2
        named = (await yizheng(place, "key", "approvals", *folder, "--json")).json()["seen"]
        assert (await yizheng(place, *approve, "--all", named, "--json")).json()["decided"] == 2
        assert await hub.issuing.finish() == 2
    assert [line.claims for line in own.book.lines(only_waiting=False)] == [None] * 3  # not kept longer than needed
    assert said["uscc"].encode() not in (own.folder / "book.sqlite3").read_bytes()


class _Terminal(io.StringIO):
    """Somebody at a keyboard."""

    def isatty(self) -> bool:
        return True


async def test_approvals_by_command(hub: Hub, place: Home, own: OwnSigner) -> None:
    own.approve_all = False
    folder = ("--folder", str(own.folder))
    with own.serving():
        await own.attach(hub)
        await issue(hub, *companies(1_000, 2))
        listed = (await yizheng(place, "key", "approvals", *folder, "--json")).json()["requests"]
        assert [item["state"] for item in listed] == ["waiting", "waiting"]
        done = await yizheng(place, "key", "approve", *folder, listed[0]["id"], "--reason", "checked", "--json")
        assert done.json() == {"decided": 1, "approved": True}
        assert await hub.issuing.finish() == 1
        assert (await yizheng(place, "key", "approve", *folder, "--refuse", "--json")).code == 64
        refused = await yizheng(place, "key", "approve", *folder, "--refuse", listed[1]["id"], "--json")
        assert refused.json()["decided"] == 1
    every = (await yizheng(place, "key", "approvals", *folder, "--all", "--json")).json()["requests"]
    assert {item["state"] for item in every} == {"signed", "refused"}
    assert (await yizheng(place, "key", "approvals", "--folder", str(own.folder / "none"))).code == 64
    assert isinstance(Book(own.folder / "book.sqlite3"), Book)
