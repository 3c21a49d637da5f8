"""What a system does at a real hub, with both Python clients: the same calls, the same answers."""

import inspect
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.clients.conftest import Either, Town, opening
from tests.support import AMR, ENTERPRISE, MATTER, NARROW, PURPOSE
from yizheng_client import (
    AsyncClient,
    AuthenticationError,
    Client,
    ConfigurationError,
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    NotPermittedError,
    Outcome,
    Party,
    Receipt,
    Turned,
    Wish,
)


def public(cls: type) -> dict[str, Any]:
    return {name: member for name, member in inspect.getmembers(cls, inspect.isfunction) if not name.startswith("_")}


def test_both_clients_have_the_same_calls_with_the_same_arguments_and_results() -> None:
    blocking, waiting = public(Client), public(AsyncClient)
    assert blocking.keys() == waiting.keys()
    assert len(blocking) > 15
    for name, method in blocking.items():
        assert inspect.signature(method) == inspect.signature(waiting[name]), name
        assert inspect.iscoroutinefunction(waiting[name])


def test_case_query_close(make: Callable[..., Either], town: Town) -> None:
    kept: list[Receipt] = []
    hub = make(keep_receipt=kept.append)
    case = hub.open_case(**opening())
    assert (case.state, case.matter, hub.case(case.case_no)) == ("open", MATTER, case)
    answer = hub.query(town.interface, case_no=case.case_no, purpose=PURPOSE, fields=["name", "is_active"])
    assert answer.outcome == Outcome.SATISFIED
    assert answer.records == ({"name": ENTERPRISE["name"], "is_active": True},)
    assert (answer.case_no, answer.audience, answer.source["department"]) == (case.case_no, "intake", AMR)
    assert kept == [answer.receipt]
    assert hub.close_case(case.case_no).closed_at is not None
    with pytest.raises(ConflictError) as refused:
        hub.query(town.interface, case_no=case.case_no, purpose=PURPOSE)
    assert (refused.value.slug, refused.value.who_must_act, refused.value.retryable) == ("case-closed", "caller", False)
    with pytest.raises(ConflictError):
        hub.close_case(case.case_no)


def test_a_case_is_found_by_its_own_number_and_says_what_happened_in_it(hub: Either) -> None:
    given = opening()
    case = hub.open_case(**given)
    assert hub.find_case(given["external_no"]) == case
    assert hub.find_case("no such number") is None
    assert hub.case_events(case.case_no) == ()
    with pytest.raises(InvalidRequestError) as refused:
        hub.evidence(case.case_no, purpose=PURPOSE, materials=["M-1"])
    assert [fault.pointer for fault in refused.value.errors] == ["/materials/0"]
    hub.close_case(case.case_no)
    (event,) = hub.case_events(case.case_no)
    assert (event.number, event.event, event.evidence) == (1, "case.closed", None)
    assert hub.case_events(case.case_no, after=1) == ()


def test_a_source_that_fails_is_an_outcome(hub: Either, town: Town) -> None:
    case = hub.open_case(**opening())
    town.register.mood = "html"
    try:
        answer = hub.query(town.interface, case_no=case.case_no, purpose=PURPOSE)
    finally:
        town.register.mood = "well"
    assert (answer.outcome, answer.records) == (Outcome.SOURCE_UNAVAILABLE, ())
    assert answer.why.code == "source_faulty"
    assert answer.next_step


def test_evidence_and_the_same_again(make: Callable[..., Either]) -> None:
    kept: list[Receipt] = []
    hub = make(keep_receipt=kept.append, language="en")
    case = hub.open_case(**opening())
    answer = hub.evidence(case.case_no, purpose=PURPOSE)
    licence, representative, agent = answer.requirements
    assert (licence.outcome, representative.outcome, agent.outcome) == ("satisfied", "not_granted", "not_applicable")
    (copy,) = licence.evidence
    assert copy.claims["name"] == ENTERPRISE["name"]
    assert copy.certificate["type_name"] == "营业执照"
    assert answer.still_needed == ("representative",)
    assert representative.why.text.isascii()
    assert kept == [item.receipt for item in answer.requirements]
    again = hub.fetch_again(answer.evidence_request_id)
    assert again.raw == answer.raw
    told: list[Turned] = []
    streamed = hub.stream(case.case_no, told.append, purpose=PURPOSE)
    assert [item.outcome for item in streamed.requirements] == [item.outcome for item in answer.requirements]
    assert [(item.code, item.outcome) for item in told] == [(item.code, item.outcome) for item in answer.requirements]
    narrowed = hub.evidence(case.case_no, purpose=PURPOSE, requirements=["licence"])
    assert [item.code for item in narrowed.requirements] == ["licence"]


def test_the_hub_verifies_a_copy_for_its_receiver(hub: Either) -> None:
    case = hub.open_case(**opening())
    token = hub.evidence(case.case_no, purpose=PURPOSE, requirements=["licence"]).requirements[0].evidence[0].token
    verdict = hub.verify(token, audience="intake")
    assert (verdict.passed, verdict.reason, verdict.status) == (True, "ok", "valid")
    assert not hub.verify(token, audience="somebody-else").passed
    assert hub.verify("nonsense").result == "failed"


def test_the_same_key_gives_the_same_case_and_the_same_answer(hub: Either, town: Town) -> None:
    given = opening()
    case = hub.open_case(**given, key="same-case-" + given["external_no"])
    assert hub.open_case(**given, key="same-case-" + given["external_no"]) == case
    first = hub.query(town.interface, case_no=case.case_no, purpose=PURPOSE, key="q" + case.case_no)
    asked = len(town.register.asked)
    assert hub.query(town.interface, case_no=case.case_no, purpose=PURPOSE, key="q" + case.case_no) == first
    assert len(town.register.asked) == asked
    with pytest.raises(ConflictError) as refused:
        hub.open_case(**opening(), key="same-case-" + given["external_no"])
    assert refused.value.slug == "idempotency-key-reused"
    assert refused.value.idempotency_key == "same-case-" + given["external_no"]


def test_catalogue_and_grants(hub: Either, town: Town) -> None:
    page = hub.search("营业执照", filters={"kind": ["certificate_type", "interface"]}, limit=1)
    assert (page.total >= 1, page.entries[0].title["zh"], page.entries[0].granted[0]["fields"]) == (
        True,
        "营业执照",
        ["address", "name", "uscc"],
    )
    everything = hub.search()
    assert {entry.kind for entry in everything.entries} >= {"certificate_type", "interface", "matter"}
    assert hub.interface(town.interface)["code"] == town.interface
    grants = hub.grants()
    assert {item.resource for item in grants} >= {town.interface}
    assert hub.grant(grants[0].id) == grants[0]
    assert all(item.in_force for item in grants)


def test_asking_for_access(make: Callable[..., Either], town: Town) -> None:
    hub = make(NARROW)
    wish = Wish(interface=town.interface, fields=["name"], matters=[MATTER])
    rules = {(fault.pointer, bool(fault.zh)) for fault in hub.check_wish(wish)}
    assert {("/purpose", True), ("/legal_basis", True)} <= rules
    with pytest.raises(InvalidRequestError) as refused:
        hub.ask_for_grant(wish)
    assert {(fault.pointer, bool(fault.zh)) for fault in refused.value.errors} == rules
    assert refused.value.slug == "grant-request-incomplete"
    with pytest.raises(NotFoundError):
        hub.grant_request("01a20248-7450-75ea-ba84-87fb13823e81")


def test_a_request_for_access_from_asking_to_withdrawing(make: Callable[..., Either], town: Town) -> None:
    hub = make(NARROW)
    wish = Wish(
        interface=town.interface,
        fields=["name", "uscc"],
        matters=[MATTER],
        purpose=PURPOSE,
        legal_basis="《政务数据共享条例》第十九条",
        scene="窗口受理时核验主体资格",
        quota_per_day=500,
        valid_until=datetime.now(UTC) + timedelta(days=200),
        contact="市场监管局信息科",
    )
    assert hub.check_wish(wish) == ()
    asked = hub.ask_for_grant(wish)
    assert (asked.state, asked.waits_for, asked.resource, asked.grant_id) == (
        "submitted",
        "owner",
        town.interface,
        None,
    )
    assert asked.due_at is not None
    assert asked.id in {item.id for item in hub.grant_requests(state="submitted")}
    with pytest.raises(ConflictError) as refused:
        hub.supply(asked.id, wish)  # nobody asked for more
    assert refused.value.slug == "grant-request-state"
    with pytest.raises(ConflictError):
        hub.dispute(asked.id, reason="逾期未答复")
    assert hub.withdraw_request(asked.id, reason="不再需要").state == "withdrawn"
    assert hub.grant_request(asked.id).members["steps"]


def test_refusals_are_told_apart(make: Callable[..., Either], town: Town) -> None:
    hub = make()
    case = hub.open_case(**opening())
    with pytest.raises(NotPermittedError) as outside:
        hub.query(town.interface, case_no=case.case_no, purpose=PURPOSE, fields=["name", "shareholder"])
    assert [(fault.pointer, fault.rule) for fault in outside.value.errors] == [("/fields/1", "not_granted")]
    assert outside.value.who_must_act == "owner"
    with pytest.raises(NotFoundError):
        hub.query("no_such_interface", case_no=case.case_no, purpose=PURPOSE)
    with pytest.raises(NotFoundError):
        make(NARROW).case(case.case_no)
    with pytest.raises(AuthenticationError) as unknown:
        make(kid="not-registered").grants()
    assert unknown.value.slug == "invalid-client"


def test_no_error_and_no_repr_holds_a_person(hub: Either, town: Town) -> None:
    person = Party(role="applicant", name="林晓岚", id_type="111", id_number="990104198803121381")
    with pytest.raises(InvalidRequestError) as refused:
        hub.open_case(**opening(parties=[person]))
    case = hub.open_case(**opening())
    shown = [repr(person), str(refused.value), repr(refused.value), repr(refused.value.members)]
    shown += [repr(hub.query(town.interface, case_no=case.case_no, purpose=PURPOSE))]
    shown += [repr(hub.evidence(case.case_no, purpose=PURPOSE)), str(hub), repr(hub._client)]
    for text in shown:
        assert not any(word in text for word in ("林晓岚", "9901041988", ENTERPRISE["name"], ENTERPRISE["id_number"]))
    assert "invalid-party (422), to act: caller; /parties/0" in str(refused.value)


def test_what_cannot_work_is_said_before_anything_is_sent(make: Callable[..., Either], town: Town) -> None:
    with pytest.raises(ConfigurationError, match="plain http"):
        make(base_url="http://hub.example")
    with pytest.raises(ConfigurationError, match="https://host"):
        make(base_url="hub.example:8700")
    with pytest.raises(ConfigurationError, match="PEM"):
        make(key=b"not a key")
    with pytest.raises(ConfigurationError, match="as issuer"):
        make(issuer="https://another-hub.example").grants()
    with pytest.raises(ConfigurationError, match="log_key"):
        make(log_key=None).check_receipt("a.b.c")
    assert town.url
