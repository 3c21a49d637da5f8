"""Every error of the API is one kind of document, and odd requests are errors of the caller, never of the hub."""

import importlib
import inspect
import pkgutil
from typing import Any

import httpx2
import pytest

import hub
from hub.app import create_app
from hub.problems import INTERNAL, problem_of, problem_types
from hub.runtime import Hub
from tests.serving import problem
from tests.support import PUBLIC_URL, Place, case_body, open_case, pull

REQUEST = "00000000-0000-7000-8000-000000000000"
ERRORS: list[tuple[str, str, dict[str, Any], int, str]] = [
    ("GET", "/nothing-here", {}, 404, "not-found"),
    ("GET", "/static/nothing.css", {}, 404, "not-found"),
    ("GET", "/static/../../secrets/master.key", {}, 404, "not-found"),
    ("DELETE", "/api/v1/cases", {}, 405, "method-not-allowed"),
    ("POST", "/health/live", {}, 405, "method-not-allowed"),
    ("GET", "/health/live?a=1&a=2", {}, 400, "bad-request"),
    ("GET", "/health/live?a=1&%61=2", {}, 400, "bad-request"),
    ("GET", "/health/live", {"headers": {"Host": "elsewhere.example"}}, 400, "bad-request"),
    ("GET", "/health/live", {"headers": {"X-Long": "x" * 40_000}}, 400, "bad-request"),
    ("POST", "/oauth/token", {"json": {}}, 400, "bad-request"),
    ("POST", "/oauth/token", {"data": {"grant_type": "password"}}, 400, "unsupported-grant"),
    ("POST", "/oauth/token", {"content": "a=1&a=2", "headers": {"Content-Type": "application/x-www-form-urlencoded"}},
     400, "bad-request"),
    ("GET", "/status-lists/x", {}, 422, "invalid-request"),
    ("GET", "/status-lists/9999999", {}, 404, "not-found"),
    ("GET", "/ledger/tile/0/999999", {}, 404, "not-found"),
    ("GET", "/ledger/tile/../x", {}, 404, "not-found"),
    ("GET", f"/api/v1/ledger/entries/{REQUEST}/proof", {}, 404, "not-found"),
    ("GET", "/api/v1/ledger/consistency?size=-1", {}, 422, "invalid-request"),
    ("GET", "/api/v1/ledger/consistency?size=999999999", {}, 404, "not-found"),
    ("POST", "/api/v1/verify", {"json": {"token": 1}}, 422, "invalid-request"),
    ("POST", "/api/v1/verify", {"content": b"{", "headers": {"Content-Type": "application/json"}}, 400, "bad-request"),
    ("GET", "/?lang=fr", {}, 422, "invalid-request"),
]  # fmt: skip
SIGNED_IN: list[tuple[str, str, dict[str, Any], int, str]] = [
    ("GET", "/api/v1/cases/YZ00000000", {}, 404, "case-not-found"),
    ("POST", "/api/v1/cases/YZ00000000/close", {}, 404, "case-not-found"),
    ("POST", "/api/v1/cases/YZ00000000/evidence", {"json": {"purpose": "p"}}, 404, "case-not-found"),
    ("POST", "/api/v1/cases/YZ00000000/plan", {"json": {"purpose": "p"}}, 404, "case-not-found"),
    ("POST", "/api/v1/cases/YZ00000000/facts", {"json": {"facts": {}}}, 404, "case-not-found"),
    ("POST", "/api/v1/cases", {"json": case_body(facts={"unheard": True})}, 422, "invalid-fact"),
    ("GET", f"/api/v1/evidence-requests/{REQUEST}", {}, 404, "evidence-request-not-found"),
    ("GET", "/api/v1/certificates/1.2.156.3005.2.111", {}, 404, "certificate-not-found"),
    ("POST", "/api/v1/cases", {"json": case_body(matter="NOTHING")}, 422, "unknown-matter"),
    ("POST", "/api/v1/cases", {"json": case_body(extra=1)}, 422, "invalid-request"),
    ("POST", "/api/v1/cases", {"json": case_body(), "headers": {"Idempotency-Key": "x" * 129}}, 400, "bad-request"),
]


async def test_an_error_is_a_problem_document(client: httpx2.AsyncClient) -> None:
    found = {}
    for method, path, options, *_ in ERRORS:
        body = problem(await client.request(method, path, **options))
        found[method, path, str(options)] = body["status"], body["type"].rpartition("/")[2]
    assert found == {(method, path, str(options)): (status, slug) for method, path, options, status, slug in ERRORS}


async def test_an_error_of_a_signed_in_system_is_a_problem_document(place: Place, client: httpx2.AsyncClient) -> None:
    headers = await place.headers(client)
    for method, path, options, status, slug in SIGNED_IN:
        sent = {**options, "headers": headers | options.get("headers", {})}
        problem(await client.request(method, path, **sent), status=status, slug=slug)


@pytest.mark.embedded
async def test_without_a_good_token_every_guarded_route_is_401(client: httpx2.AsyncClient) -> None:
    for token in ("", "Bearer", "Bearer x", "Bearer a.b.c", "Basic YTpi", "Bearer " + "e" * 9000):
        for method, path, *_ in SIGNED_IN:
            answer = await client.request(method, path, headers={"Authorization": token} if token else {})
            problem(answer, status=401, slug="invalid-token")
            assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_conflicts_of_a_case_are_told_apart(place: Place, client: httpx2.AsyncClient) -> None:
    headers = await place.headers(client)
    case_no = await open_case(client, headers, external_no="one")
    twin = await client.post("/api/v1/cases", json=case_body(external_no="one"), headers=headers)
    assert problem(twin, status=409, slug="duplicate-case")["case_no"] == case_no
    unlisted = await pull(client, headers, case_no, requirements=["licence", "driving licence"])
    faults = problem(unlisted, status=422, slug="requirement-not-listed")["errors"]
    assert faults == [{"pointer": "/requirements/1", "rule": "not_listed"}]
    assert (await client.post(f"/api/v1/cases/{case_no}/close", headers=headers)).status_code == 200
    problem(await client.post(f"/api/v1/cases/{case_no}/close", headers=headers), status=409, slug="case-closed")
    problem(await pull(client, headers, case_no), status=409, slug="case-closed")


@pytest.mark.embedded
async def test_titles_follow_the_language_and_say_which(client: httpx2.AsyncClient) -> None:
    for language, title in (("en", "Not found"), ("zh-CN", "没有找到"), ("fr", "没有找到")):
        answer = await client.get("/nothing", headers={"Accept-Language": language})
        assert problem(answer)["title"] == title
        assert answer.headers["content-language"] == ("en" if language == "en" else "zh-CN")


@pytest.mark.embedded
async def test_a_405_says_what_is_allowed(client: httpx2.AsyncClient) -> None:
    assert (await client.delete("/api/v1/verify")).headers["allow"] == "POST"


@pytest.mark.embedded
async def test_too_many_requests_say_when_to_come_back(place: Place) -> None:
    async with place.open(verify_requests_per_minute=2) as opened, place.client(opened) as client:
        answers = [await client.post("/api/v1/verify", json={"token": "x"}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert int(answers[2].headers["retry-after"]) >= 1
    problem(answers[2], slug="rate-limited")


async def test_an_error_nobody_expected_is_a_bare_500(place: Place, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken() -> None:
        raise RuntimeError("secret 110101199003070011")

    monkeypatch.setattr(hub.ledger.__class__, "checkpoint", lambda _self: broken())
    transport = httpx2.ASGITransport(app=create_app(hub.settings, hub=hub), raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url=PUBLIC_URL) as client:
        answer = await client.get("/ledger/checkpoint")
    problem(answer, status=500, slug="internal")
    assert "secret" not in answer.text
    assert "1101011990" not in answer.text


ODD_VALUES = ["%00", "a%00b%00c%00d%00e%00", "-" * 36, "%ED%A0%80" * 4, "%FF" * 10, "..%2f..%2f..%2fetc", "证" * 12,
              "0" * 36, "'; DROP TABLE cases; --", "a%0d%0ab%0d%0ac%0d%0a", "1e400000000", "9" * 36]  # fmt: skip


async def test_an_odd_value_in_a_path_is_the_callers_error_on_both_databases(
    place: Place, client: httpx2.AsyncClient
) -> None:
    headers = await place.headers(client)
    guarded = ("cases/{}", "evidence-requests/{}", "certificates/{}", "ledger/entries/{}/proof",
               "ledger/consistency?size={}")  # fmt: skip
    paths = [*(f"/api/v1/{path}" for path in guarded), "/status-lists/{}", "/ledger/tile/{}", "/{}", "/static/{}"]
    for value in ODD_VALUES:
        for path in paths:
            answer = await client.get(path.format(value), headers=headers)
            if answer.status_code == 200:  # leading zeros are a number
                assert path.endswith(("?size={}", "status-lists/{}")), (path, value)
                continue
            assert problem(answer)["status"] in {400, 404, 422}, (path, value)
        for path in ("cases/{}/close", "cases/{}/evidence"):
            answer = await client.post(f"/api/v1/{path.format(value)}", json={"purpose": "p"}, headers=headers)
            assert problem(answer)["status"] in {400, 404, 422}, (path, value)


# The table of problems


def error_classes() -> set[type[Exception]]:
    """Every error class of the project's own that some module of the hub knows."""
    names = [module.name for module in pkgutil.walk_packages(hub.__path__, "hub.")]
    modules = [importlib.import_module(name) for name in names if not name.endswith(("__main__", ".env"))]
    found = {cls for module in modules for _, cls in inspect.getmembers(module, inspect.isclass)}
    own = ("hub.", "catalog.", "certificates.")
    return {cls for cls in found if issubclass(cls, Exception) and cls.__module__.startswith(own)}


def test_every_error_that_a_route_can_meet_has_a_problem() -> None:
    # Roots are never raised; the rest is the command line's, or the agent's, which is a program of its own.
    roots = {cls for cls in error_classes() if cls.__subclasses__()}
    programs = (
        "hub.agent.",
        "hub.collection.",
        "hub.cli.",
        "hub.demo.",
        "hub.sample.",
        "hub.founding",
        "hub.signer.",
        "hub.witness.",
        "hub.scenarios.",
    )
    caught_by_their_callers = {
        "OutboundError", "LeaseLostError", "BadReferenceError", "NotNowError", "PictureError", "UnreadableError",
        "_RepeatedError", "AskedWronglyError", "NotEmptyError", "ArchiveFaultyError", "RewrittenError",
        "StillOwedError", "PresentedError", "GroundChangedError", "_GoneError", "WalletError", "NotForWalletsError",
        "ChoiceError", "UnopenedError", "WantedError", "AddressError", "CallError",
    }  # fmt: skip
    unmapped = {cls for cls in error_classes() if problem_of(cls.__new__(cls)) is INTERNAL} - roots
    assert {cls.__name__ for cls in unmapped if not cls.__module__.startswith(programs)} <= caught_by_their_callers


def test_slugs_are_unique_and_every_kind_is_told_in_two_languages() -> None:
    kinds = problem_types()
    assert len({kind.slug for kind in kinds}) == len(kinds)
    assert all(kind.zh and kind.en and kind.zh != kind.en and 400 <= kind.status < 600 for kind in kinds)


@pytest.mark.embedded
async def test_every_problem_type_has_its_page(client: httpx2.AsyncClient) -> None:
    for kind in problem_types():
        answer = await client.get(f"/problems/{kind.slug}?lang=en")
        assert answer.status_code == 200
        assert kind.en in answer.text
    assert (await client.get("/problems/no-such-problem")).status_code == 404
