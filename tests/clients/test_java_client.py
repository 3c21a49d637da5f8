"""The Java client, compiled for Java 8 and run against a real hub and over the Python client's forgeries."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.clients.conftest import Filed, Town
from tests.clients.jdk import JAVA, Jdk
from tests.clients.relay import Relay, whole
from tests.clients.test_verifying import BUNDLE_CHANGES, CHANGES, changed, licence
from tests.support import ENTERPRISE, INTAKE, PURPOSE, case_body

WALK = Path(__file__).parent / "java" / "Walk.java"
Walk = Callable[..., list[dict[str, Any]]]


@pytest.fixture(scope="module")
def walker(jdk: Jdk) -> Jdk:
    jdk.compile(WALK)
    return jdk


@pytest.fixture
def walk(walker: Jdk, town: Town, tmp_path: Path) -> Walk:
    def run(url: str, **changes: Any) -> list[dict[str, Any]]:
        given = {
            "url": url,
            "issuer": town.url,
            "kid": town.place.signer(INTAKE).kid,
            "key": str(town.place.home / f"{INTAKE}.pem"),
            "interface": town.interface,
            "purpose": PURPOSE,
            "case": case_body(),
            "timeout": 30_000,
            "attempts": 5,
        }
        (tmp_path / "given.json").write_text(json.dumps(given | changes), encoding="utf-8")
        return walker.said("Walk", "walk", tmp_path / "given.json", cwd=tmp_path)

    return run


def check_walk(said: list[dict[str, Any]]) -> None:
    asked, pulled, refused, closed = said
    assert asked["outcome"] == "satisfied"
    assert asked["records"][0]["name"] == ENTERPRISE["name"]
    assert (pulled["still_needed"], pulled["claims"]["uscc"]) == (["representative"], ENTERPRISE["id_number"])
    assert pulled["verdict"] == "passed"
    assert (refused["problem"], refused["status"], refused["who"]) == ("field-not-granted", 403, "owner")
    assert "/fields/0 not_granted" in refused["message"]
    assert closed == {"state": "closed"}


def test_it_walks(walk: Walk, town: Town) -> None:
    check_walk(walk(town.url))


def test_it_walks_over_a_bad_network(walk: Walk, relay: Relay, town: Town) -> None:
    gateway = whole(503, b"<html>no upstream</html>", kind="text/html")
    document = b'{"type":"http://x/problems/store-busy","retryable":true,"who_must_act":"caller"}'
    left: dict[str, list[Any]] = {
        "/oauth/token": ["refuse", "lose", lambda body: body.replace(b'"access_token":"ey', b'"access_token":"xx')],
        "/cases": ["lose"],
        "/query": ["lose", whole(503, document)],
        "/evidence": [gateway],
        "/close": ["lose"],
    }
    relay.plan = lambda path: next((todo.pop(0) for at, todo in left.items() if path.endswith(at) and todo), "pass")
    asked = len(town.register.asked)
    check_walk(walk(relay.url))
    assert [todo for todo in left.values() if todo] == []
    assert len(town.register.asked) == asked + 1


@pytest.mark.parametrize(
    ("change", "kind", "reason"),
    [
        (lambda body: body.replace("晨光".encode(), "暮光".encode()), "verification", "body_differs"),
        (lambda body: changed(body, lambda all_: all_.update(answer=all_["receipt"])), "verification", "token_type"),
        (whole(200, b"<html>", kind="text/html"), "verification", "json"),
        (whole(403, b"<html>", kind="text/html"), "network", "not_the_hub"),
    ],
)
def test_it_believes_nothing_that_was_altered(
    walk: Walk, relay: Relay, change: bytes | Callable[[bytes], bytes], kind: str, reason: str
) -> None:
    relay.once(change, at="/query")
    (said,) = walk(relay.url)
    assert (said["kind"], said["reason"]) == (kind, reason)


def test_a_token_that_is_none_is_no_bare_exception(walk: Walk, relay: Relay) -> None:
    relay.once(whole(200, b'{"access_token":1,"expires_in":"soon"}'), at="/oauth/token")
    (said,) = walk(relay.url)
    assert (said["kind"], said["reason"]) == ("network", "not_the_hub")


def test_an_answer_without_end_ends(walk: Walk, relay: Relay) -> None:
    relay.plan = lambda path: "drip" if "/query" in path else "pass"
    (said,) = walk(relay.url, timeout=300, attempts=1)
    assert (said["kind"], said["reason"]) == ("network", "broken")


def test_what_cannot_work_is_said(walk: Walk, town: Town, tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_text("nonsense")
    said = [walk(town.url, issuer="https://another.example"), walk(town.url, kid="not-registered")]
    assert [(item["kind"], item["reason"]) for (item,) in said] == [
        ("configuration", "the hub calls itself otherwise: set its name as issuer"),
        ("problem", "invalid-client"),
    ]


def test_it_refuses_the_same_forgeries_as_the_python_client(walker: Jdk, filed: Filed, tmp_path: Path) -> None:
    (tmp_path / "jwks.json").write_text(filed.jwks.text)
    late = "older_than_the_request"
    wanted = {"real.query": "", "real.evidence": "", "late.query": late, "late.evidence": late, "renamed.evidence": ""}
    for name in ("real", "late"):
        (tmp_path / f"{name}.query").write_bytes(filed.query)
        (tmp_path / f"{name}.evidence").write_bytes(filed.evidence)
    renamed = changed(filed.evidence, lambda body: licence(body).update(certificate={"number": "another"}))
    (tmp_path / "renamed.evidence").write_bytes(renamed)
    for what, (change, reason) in CHANGES.items():
        (tmp_path / f"{what}.query").write_bytes(changed(filed.query, lambda body, c=change: c(body, filed)))
        wanted[f"{what}.query"] = reason
    for what, (alter, reason) in BUNDLE_CHANGES.items():
        (tmp_path / f"{what}.evidence").write_bytes(changed(filed.evidence, alter))
        wanted[f"{what}.evidence"] = reason
    for number, nonsense in enumerate(
        [b"", b"[]", b"{}", b"\xff", b"{" * 100_000, b'{"a":1,"a":2}', b'{"answer":"a.b.c"}']
    ):
        (tmp_path / f"{number}.query").write_bytes(nonsense)
    said = {item["file"]: item for item in walker.said("Walk", "verify", tmp_path, cwd=tmp_path)}
    found = {name: item["reason"] for name, item in said.items()}
    signed = said["real.evidence"]["certificate"]
    assert said["renamed.evidence"]["certificate"] == signed
    assert signed["identifier"] == licence(json.loads(filed.evidence))["certificate"]["identifier"]
    assert {name: reason for name, reason in found.items() if name in wanted} == wanted
    assert all(found[f"{number}.query"] for number in range(7))


def test_it_needs_no_library_and_few_files() -> None:
    sources = sorted(JAVA.rglob("*.java"))
    assert len(sources) < 15
    imports = {
        line.split()[1]
        for path in sources
        for line in path.read_text("utf-8").splitlines()
        if line.startswith("import ")
    }
    assert all(name.startswith(("java.", "javax.net.")) for name in imports)
