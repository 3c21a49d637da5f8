"""What is looked at before a case: metadata, tokens, keys."""

from typing import Final

from yizheng_client.conformance.report import Check, collected_in, member, same, want
from yizheng_client.conformance.subject import HubUnder, problem
from yizheng_client.jose import Jwks

GUIDE: Final = "intake-developer.md"
CANARY: Final = "canary-7c1e"
"""Stands in what is sent wrong, and may stand in no refusal."""
_ALL: list[Check[HubUnder]] = []
_check = collected_in(_ALL)


@_check("T1", "RFC 8414 §3.3", "the metadata names the hub as it is called, and where tokens are had")
def _metadata(hub: HubUnder) -> None:
    told = hub.http.get("/.well-known/oauth-authorization-server").json()
    want(member(told, "issuer") == hub.issuer, "the issuer is another")
    want("private_key_jwt" in member(told, "token_endpoint_auth_methods_supported"), "no private_key_jwt")


@_check("T2", f"RFC 7523; {GUIDE} §3 Token", "a token for an assertion, which works once")
def _token(hub: HubUnder) -> None:
    assertion = hub.assertion()
    answer = hub.ask_token(assertion)
    same(answer.status_code, 200, "status")
    given = answer.json()
    hub.token = str(member(given, "access_token"))
    same(str(member(given, "token_type")).lower(), "bearer", "token_type")
    want(0 < int(member(given, "expires_in")) <= 3600, "expires_in")
    problem(hub.ask_token(assertion), 401, "invalid-client", canary=assertion)


@_check("T3", f"RFC 7523 §3; {GUIDE} §3 Token", "every wrong assertion is the same refusal")
def _assertions(hub: HubUnder) -> None:
    for changes in ({"aud": "https://elsewhere.example"}, {"exp": 1}, {"sub": CANARY, "iss": CANARY}):
        problem(hub.ask_token(hub.assertion(**changes)), 401, "invalid-client", canary=CANARY)


@_check("T4", "RFC 6750 §3.1", "no token, or a wrong one, opens nothing")
def _no_token(hub: HubUnder) -> None:
    for headers in ({}, {"Authorization": f"Bearer {CANARY}"}):
        problem(hub.http.get("/api/v1/grants", headers=headers), 401, "invalid-token", canary=CANARY)


@_check("K1", "RFC 7517", "the keys are published, P-256, by kid")
def _keys(hub: HubUnder) -> None:
    hub.jwks = Jwks.read(hub.http.get("/.well-known/jwks.json").content)
    want(hub.jwks.text != Jwks().text, "no key")


ENTRANCE_CHECKS: Final = tuple(_ALL)
