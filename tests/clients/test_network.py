"""Bad networks and busy hubs: what is repeated, what is not, and that nothing is done twice."""

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest

from tests.clients.conftest import Either, Town, opening
from tests.clients.relay import Relay, whole
from tests.support import PURPOSE
from yizheng_client import (
    AuthenticationError,
    Client,
    HubError,
    NetworkError,
    RateLimitedError,
    Retries,
    VerificationError,
    YizhengError,
)
from yizheng_client.flow import Alone, Failure, Pause, Reply, Request
from yizheng_client.jose import SigningKey
from yizheng_client.session import Call, Session, Settings, checked

GATEWAY = whole(503, b"<html>no upstream</html>", kind="text/html")


def busy(slug: str, *, status: int = 503, retryable: bool = True, **members: Any) -> bytes:
    document = {"type": f"http://x/problems/{slug}", "who_must_act": "caller", "retryable": retryable} | members
    return json.dumps(document).encode()


@pytest.mark.parametrize("action", ["refuse", "lose", GATEWAY, whole(503, busy("outcome-unknown"), "Retry-After: 0")])
def test_a_case_is_opened_once_whatever_the_network_does(
    make: Callable[..., Either], relay: Relay, action: str | bytes
) -> None:
    hub, given = make(base_url=relay.url), opening()
    relay.once(action, action, at="/api/v1/cases")
    case = hub.open_case(**given)
    assert relay.count("/cases") == 3
    keys = {line for head in relay.heads for line in head.split(b"\r\n") if line.lower().startswith(b"idempotency-key")}
    assert len(keys) == 1
    assert hub.case(case.case_no).external_no == given["external_no"]


def test_a_case_whose_closing_was_lost_is_closed(make: Callable[..., Either], relay: Relay) -> None:
    hub = make(base_url=relay.url)
    case = hub.open_case(**opening())
    relay.once("lose", at="/close")
    assert hub.close_case(case.case_no).state == "closed"
    assert relay.count("/close") == 2


def test_a_query_whose_answer_was_lost_is_answered_from_the_hubs_store(
    make: Callable[..., Either], relay: Relay, town: Town
) -> None:
    hub = make(base_url=relay.url)
    case, asked = hub.open_case(**opening()), len(town.register.asked)
    relay.once("lose", at="/query")
    assert hub.query(town.interface, case_no=case.case_no, purpose=PURPOSE).outcome == "satisfied"
    assert (relay.count("/query"), len(town.register.asked) - asked) == (2, 1)


def test_what_has_no_key_of_its_own_is_not_sent_twice(make: Callable[..., Either], relay: Relay) -> None:
    hub = make(base_url=relay.url)
    hub.grants()
    for action in ("lose", whole(503, busy("outcome-unknown")), GATEWAY):
        relay.once(action, at="/withdraw")
        with pytest.raises(YizhengError) as refused:
            hub.withdraw_request("01a20248-7450-75ea-ba84-87fb13823e81", reason="不再需要")
        assert refused.value.attempts == 1
    assert relay.count("/withdraw") == 3


@pytest.mark.parametrize(
    ("action", "error", "reason"),
    [
        ("refuse", NetworkError, "broken"),
        (GATEWAY, NetworkError, "not_the_hub: status 503"),
        (whole(200, b"<html>sign in to the network</html>", kind="text/html"), NetworkError, "not_the_hub: status 200"),
        (whole(302, b"", "Location: http://127.0.0.1:1/", kind="text/html"), NetworkError, "not_the_hub: status 302"),
        (whole(429, busy("rate-limited"), "Retry-After: 3600"), RateLimitedError, "rate-limited (429)"),
        (whole(503, busy("ledger-broken", retryable=False)), HubError, "ledger-broken (503)"),
        (whole(500, busy("internal")), HubError, "internal (500)"),
    ],
)
def test_patience_ends(
    make: Callable[..., Either], relay: Relay, action: str | bytes, error: type[YizhengError], reason: str
) -> None:
    hub = make(base_url=relay.url)
    hub.grants()
    relay.plan = lambda path: action if "/grants" in path else "pass"
    with pytest.raises(error, match=reason.replace("(", r"\(").replace(")", r"\)")) as refused:
        hub.grants()
    again = {"broken": 5, "not_the_hub: status 503": 5, "internal (500)": 5}.get(reason, 1)
    assert (relay.count("/grants") - 1, refused.value.attempts) == (again, again)


@pytest.mark.parametrize(("action", "reason"), [("drip", "timeout"), ("flood", "too_large")])
def test_an_answer_without_end_ends(make: Callable[..., Either], relay: Relay, action: str, reason: str) -> None:
    hub = make(base_url=relay.url, timeout=1, retries=Retries(attempts=1))
    hub.grants()
    relay.once(action, at="/grants")
    with pytest.raises(NetworkError, match=reason):
        hub.grants()


def test_nobody_listens(make: Callable[..., Either], town: Town) -> None:
    with pytest.raises(NetworkError, match="connect"):
        make(base_url="http://127.0.0.1:1", retries=Retries(attempts=2, first_seconds=0.01)).grants()
    assert town.url


def test_one_token_serves_many_calls_and_is_renewed_before_it_ends(make: Callable[..., Either], relay: Relay) -> None:
    hub = make(base_url=relay.url)
    relay.plan = lambda path: _ending if "/oauth/token" in path else "pass"
    hub.grants()
    hub.grants()
    assert relay.count("/oauth/token") == 2
    relay.plan = lambda _: "pass"
    hub.grants()
    hub.grants()
    assert relay.count("/oauth/token") == 3


def _ending(body: bytes) -> bytes:
    return json.dumps(json.loads(body) | {"expires_in": 0}).encode()


def test_a_token_that_the_hub_no_longer_takes_is_replaced_once(make: Callable[..., Either], relay: Relay) -> None:
    spoiled = lambda body: body.replace(b'"access_token":"ey', b'"access_token":"xx')  # noqa: E731
    hub = make(base_url=relay.url)
    relay.once(spoiled, at="/oauth/token")
    assert hub.grants()
    assert (relay.count("/oauth/token"), relay.count("/grants")) == (2, 2)
    other = make(base_url=relay.url)
    relay.plan = lambda path: spoiled if "/oauth/token" in path else "pass"
    with pytest.raises(AuthenticationError) as refused:
        other.grants()
    assert refused.value.slug == "invalid-token"
    assert (relay.count("/oauth/token"), relay.count("/grants")) == (4, 4)


def test_an_assertion_is_new_for_each_attempt(make: Callable[..., Either], relay: Relay) -> None:
    hub = make(base_url=relay.url)
    relay.once("lose", "lose", at="/oauth/token")
    assert hub.grants()  # an assertion used twice would be a 401
    assert relay.count("/oauth/token") == 3


def test_threads_share_one_token(town: Town, relay: Relay) -> None:
    with Client(**town.options(base_url=relay.url)) as hub:
        found: list[int] = []
        threads = [threading.Thread(target=lambda: found.append(len(hub.grants()))) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(found) == 8
    assert relay.count("/oauth/token") == 1


def test_members_that_are_new_are_passed_over(make: Callable[..., Either], relay: Relay) -> None:
    hub = make(base_url=relay.url)
    relay.plan = lambda path: _more if "/cases" in path else "pass"
    assert hub.open_case(**opening()).state == "open"


def _more(body: bytes) -> bytes:
    return json.dumps(json.loads(body) | {"a_member_of_next_year": {"x": [1]}}).encode()


def test_an_altered_or_replayed_answer_is_not_believed(make: Callable[..., Either], relay: Relay, town: Town) -> None:
    hub = make(base_url=relay.url)
    case = hub.open_case(**opening())
    old: list[bytes] = []

    def remember(body: bytes) -> bytes:
        old.append(body)
        return body

    relay.once(remember, lambda _: old[0], lambda body: body.replace("晨光".encode(), "暮光".encode()), at="/query")
    hub.query(town.interface, case_no=case.case_no, purpose=PURPOSE, fields=["name"])
    for fields, reason in ((["uscc"], "request_differs"), (["name"], "body_differs")):
        with pytest.raises(VerificationError) as refused:
            hub.query(town.interface, case_no=case.case_no, purpose=PURPOSE, fields=fields)
        assert refused.value.reason == reason
        assert refused.value.idempotency_key


def test_a_key_the_client_has_not_seen_is_looked_for_once(
    make: Callable[..., Either], relay: Relay, town: Town
) -> None:
    hub = make(base_url=relay.url)
    case = hub.open_case(**opening())
    relay.plan = lambda path: (lambda _: b'{"keys":[]}') if "/jwks.json" in path else "pass"
    with pytest.raises(VerificationError, match="unknown_key"):
        hub.query(town.interface, case_no=case.case_no, purpose=PURPOSE)
    assert relay.count("/jwks.json") == 1
    relay.plan = lambda _: "pass"
    for _ in range(2):
        hub.query(town.interface, case_no=case.case_no, purpose=PURPOSE)
    assert relay.count("/jwks.json") == 2


# The core without a network: replies in, effects out.


def driven(call: Call, *replies: Reply | Failure, retries: Retries) -> tuple[list[Any], Any]:
    """What a call does when it gets these replies, and how it ends."""
    settings = checked(Settings("https://hub.example", "intake", "", "en", retries, None))
    flow = Session(settings, SigningKey.from_pem(_pem())).call(call)
    left, effects, answer = list(replies), [], None
    try:
        while True:
            effect = flow.send(answer)
            effects.append(effect)
            answer = left.pop(0) if isinstance(effect, Request) else None
            assert not isinstance(effect, Alone)
    except StopIteration as end:
        return effects, end.value
    except YizhengError as error:
        return effects, error


def _pem() -> bytes:
    from signing.keys import SoftwareSigner

    return SoftwareSigner.generate().to_pem()


def reply(status: int, slug: str, **headers: str) -> Reply:
    kind = {"content-type": "application/problem+json; charset=utf-8"}
    return Reply(status, kind | {name.replace("_", "-"): value for name, value in headers.items()}, busy(slug))


OPEN = Call("POST", "/x", b"{}", key="k", signed_in=False)
DONE = Reply(200, {}, b"{}")


@pytest.mark.parametrize(
    ("replies", "waits"),
    [
        ((reply(503, "store-busy", retry_after="7"), DONE), [(7, 7)]),
        ((reply(503, "store-busy"), reply(503, "store-busy"), DONE), [(0.5, 1), (1, 2)]),
        ((Failure("broken", sent=True), Failure("connect", sent=False), DONE), [(0.5, 1), (1, 2)]),
        ((reply(409, "in-flight", retry_after="2"), DONE), [(2, 2)]),
        ((reply(429, "rate-limited", retry_after="Sun, 22 Nov 2026 08:00:00 GMT"), DONE), [(0.5, 1)]),
    ],
)
def test_it_waits_as_long_as_it_is_told_or_longer_each_time(
    replies: tuple[Any, ...], waits: list[tuple[float, float]]
) -> None:
    effects, end = driven(OPEN, *replies, retries=Retries(first_seconds=1))
    assert end is DONE
    pauses = [effect.seconds for effect in effects if isinstance(effect, Pause)]
    assert all(low <= pause <= high for pause, (low, high) in zip(pauses, waits, strict=True))
    assert {effect.headers["Idempotency-Key"] for effect in effects if isinstance(effect, Request)} == {"k"}


def test_it_does_not_wait_longer_than_allowed_and_says_how_long_it_should() -> None:
    effects, end = driven(OPEN, reply(503, "store-busy", retry_after="60"), retries=Retries())
    assert [type(effect) for effect in effects] == [Request]
    assert (end.retry_after, end.idempotency_key) == (60, "k")


@pytest.mark.parametrize(
    ("answer", "sent"),
    [
        (Failure("connect", sent=False), 2),
        (Failure("timeout", sent=True), 1),
        (reply(429, "rate-limited"), 2),
        (reply(500, "internal"), 1),
    ],
)
def test_a_call_that_may_not_be_repeated_is_sent_again_only_if_nothing_was_done(
    answer: Reply | Failure, sent: int
) -> None:
    once = Call("POST", "/x", b"{}", key="k", repeatable=False, signed_in=False)
    effects, _ = driven(once, answer, DONE, retries=Retries(first_seconds=0))
    assert sum(isinstance(effect, Request) for effect in effects) == sent
