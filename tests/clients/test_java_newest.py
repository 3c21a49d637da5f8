"""The Java client over a stream, a question asked back, a shown code and a life event, at a real hub."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hub.access.actors import COMMAND
from hub.runtime import open_hub
from tests.citizens.conftest import signed_in
from tests.clients.conftest import Town
from tests.clients.jdk import Jdk
from tests.clients.relay import Relay, whole
from tests.families.town import FIELD, event, family_body
from tests.hub.city import PERSON, identity_claims
from tests.support import (
    AMR,
    ENTERPRISE,
    INTAKE,
    MATTER,
    POLICE,
    PURPOSE,
    case_body,
    grant_definition,
    issue,
    matter_definition,
    requirement,
)

NEWEST = Path(__file__).parent / "java" / "Newest.java"
ASKING = "WHICH_LICENCE"
LICENCE = "11990000MB0000002Q001"
Walk = Callable[..., list[dict[str, Any]]]


@pytest.fixture(scope="module")
def walker(jdk: Jdk) -> Jdk:
    jdk.compile(NEWEST)
    return jdk


@pytest.fixture
def walk(walker: Jdk, town: Town, tmp_path: Path) -> Walk:
    def run(what: str, url: str, **changes: Any) -> list[dict[str, Any]]:
        given = {
            "url": url,
            "issuer": town.url,
            "kid": town.place.signer(INTAKE).kid,
            "key": str(town.place.home / f"{INTAKE}.pem"),
            "purpose": PURPOSE,
            "case": case_body(),
            "timeout": 30_000,
            "attempts": 5,
        }
        (tmp_path / "given.json").write_text(json.dumps(given | changes), encoding="utf-8")
        return walker.said("Newest", what, tmp_path / "given.json", cwd=tmp_path)

    return run


def broken_off(answer: bytes) -> bytes:
    """What came until the first requirement was settled."""
    return answer[: answer.index(b"\n\n", answer.index(b"event: item")) + 2]


def test_a_stream_that_breaks_off_is_gone_on_with_where_it_was(walk: Walk, relay: Relay) -> None:
    relay.once(broken_off, whole(503, b"<html>", kind="text/html"), broken_off, at="/evidence")
    (said,) = walk("stream", relay.url)
    assert said["told"] == ["licence satisfied", "representative not_granted", "agent_identity not_applicable"]
    assert (said["same"], said["again"], said["needed"], said["waiting"]) == (True, True, ["representative"], [])
    lines = [line for line in relay.seen if line.endswith(("/evidence", "/events"))]
    assert [line.partition(" ")[0] for line in lines] == ["POST", "GET", "GET", "GET"]
    heads = [head for head in relay.heads if b"/events " in head.partition(b"\r\n")[0]]
    last = [next(line for line in head.splitlines() if line.lower().startswith(b"last-event-id")) for head in heads]
    assert last[0] == last[1] < last[2]


@pytest.mark.parametrize(
    ("answer", "kind", "reason"),
    [
        (b'event: problem\ndata: {"status":403,"type":"/problems/not-granted"}\n\n', "problem", "not-granted"),
        (b"event: end\ndata: {}\n\n", "verification", "no_bundle"),
        (b"event: item\nid: 1\ndata: null\n\n", "network", "not_the_hub"),
        (b'event: end\ndata: {"bundle"', "network", "broken"),
    ],
)
def test_what_is_no_end_of_a_stream_is_said(walk: Walk, relay: Relay, answer: bytes, kind: str, reason: str) -> None:
    relay.once(whole(200, answer, kind="text/event-stream"), at="/evidence")
    (said,) = walk("stream", relay.url, attempts=1)
    assert (said["kind"], said["reason"]) == (kind, reason)


async def grow(town: Town) -> str:
    """A matter that asks which licence is meant, a life event of two matters, and somebody who shows a code."""
    narrowed = {"type": LICENCE, "fields": ["name"], "reads": ["uscc"], "where": {"uscc": "facts.number"}}
    number = {"number": {"kind": "text", "title": {"zh": "统一社会信用代码", "en": "Credit code"}}}
    wanted = [requirement("licence", "营业执照", "applicant", [[narrowed]])]
    matter = matter_definition() | {"code": ASKING, "roles": ["applicant"], "facts": number, "requirements": wanted}
    matter["form"] = [FIELD]
    joined = [
        {"matter": MATTER, "parties": {"applicant": "shop"}},
        {"matter": ASKING, "parties": {"applicant": "shop"}, "when": "facts.signed"},
    ]
    async with open_hub(town.place.settings(public_url=town.url, trial_sign_in="on")) as hub:
        await hub.registry.add_matter(matter)
        await hub.registry.add_grant(grant_definition(hub, matters=[ASKING], fields=["name", "uscc"]))
        await hub.life_events.add(COMMAND, event(matters=joined, parties=["shop"]))
        await issue(hub, identity_claims(), slug="identity_card", issuer=POLICE)
        holder = await signed_in(hub)
        presentations = hub.citizens.presentations
        shown = await presentations.look(holder, await presentations.make(holder, AMR))
        return shown.code  # type: ignore[union-attr]


def test_questions_codes_and_life_events(walk: Walk, town: Town) -> None:
    code = asyncio.run(grow(town))
    asked, presented, opened, pulled, closed = walk(
        "ask",
        town.url,
        asking=case_body(matter=ASKING),
        joining={"signed": True},
        facts={"number": ENTERPRISE["id_number"]},
        presenting=case_body(presented=[{"role": "agent", "code": code}]),
        family=family_body(parties=[{"role": "shop", **ENTERPRISE}]),
    )
    assert (asked["kind"], asked["before"], asked["after"], asked["questions"]) == ("fact", "ambiguous", "satisfied", 0)
    assert (asked["found"], asked["none"], asked["state"]) == (True, None, "closed")
    assert [item["event"] for item in asked["events"]] == ["case.closed"]
    assert {party["party"] for party in presented["parties"]} == {"applicant", "agent"}
    assert PERSON["id_number"] not in json.dumps(presented)
    assert (opened["before"], opened["after"]) == (1, 2)
    assert [case["pulled"] for case in pulled["pulled"]["cases"]] == [True, True]
    assert [field["key"] for field in pulled["form"]["fields"]] == ["shop.phone"]
    assert [case["state"] for case in closed["cases"]] == ["closed", "closed"]
