"""What is looked at in a hub, in the order of a case: entrance, case, plan, evidence, closing; refusals; messages."""

import time
import uuid
from typing import Final

from yizheng_client.conformance.entrance_checks import CANARY, ENTRANCE_CHECKS, GUIDE
from yizheng_client.conformance.listening import Listening
from yizheng_client.conformance.report import Check, NotSoError, SkippedError, collected_in, member, same, want
from yizheng_client.conformance.stream_checks import STREAM_CHECK
from yizheng_client.conformance.subject import HubUnder, problem
from yizheng_client.jose import read_json, write_json
from yizheng_client.log import check_receipt
from yizheng_client.models import NOT_ASKED, EvidenceAnswer, Outcome
from yizheng_client.verifying import Expected, request_hash, verify_evidence, verify_query_answer

TRIES: Final = 5
"""How often a proof is asked for: an entry is in the log within a second."""
NOWHERE: Final = "https://127.0.0.1:1/"
_ALL: list[Check[HubUnder]] = [*ENTRANCE_CHECKS]
_check = collected_in(_ALL)


@_check("C1", f"{GUIDE} §3 Case", "a case is opened; the same key gives the same case, another body under it a 409")
def _case(hub: HubUnder) -> None:
    key, body = str(uuid.uuid4()), hub.opening()
    answer = hub.post("/api/v1/cases", body, key=key)
    same(answer.status_code, 201, "status")
    hub.case_no = str(member(answer.json(), "case_no"))
    want(answer.headers.get("location", "").endswith(hub.case_path()), "no Location that leads to it")
    again = hub.post("/api/v1/cases", body, key=key)
    same(again.status_code, 201, "status of the repetition")
    want(member(again.json(), "case_no") == hub.case_no, "the repetition made another case")
    problem(hub.post("/api/v1/cases", hub.opening(channel="online"), key=key), 409, "idempotency-key-reused")


@_check("C2", f"{GUIDE} §3 Case", "an own number is used once, and leads to its case")
def _own_number(hub: HubUnder) -> None:
    hub.case_path()
    told = problem(hub.post("/api/v1/cases", hub.opening()), 409, "duplicate-case")
    want(member(told, "case_no") == hub.case_no, "it names another case")
    found = hub.get("/api/v1/cases", external_no=hub.external_no).json()
    want([item["case_no"] for item in member(found, "cases")] == [hub.case_no], "the case is not found by it")


@_check("C3", f"{GUIDE} §3 Case", "a case shows no party's number or name")
def _shown(hub: HubUnder) -> None:
    answer = hub.get(hub.case_path())
    same(answer.json().get("state"), "open", "state")
    values = [str(party[name]) for party in hub.told.parties for name in ("id_number", "name") if party.get(name)]
    want(not any(value in answer.text for value in values), "it shows one")


@_check("C4", f"{GUIDE} §3, §9", "an unknown case, matter or party, a wrong number and an unknown member are refused")
def _wrong_cases(hub: HubUnder) -> None:
    problem(hub.get(f"/api/v1/cases/YZ{CANARY}"), 404, "case-not-found", canary=CANARY)
    new = {"external_no": f"conformance-{uuid.uuid4()}"}
    problem(hub.post("/api/v1/cases", hub.opening(matter=CANARY, **new)), 422, "unknown-matter", canary=CANARY)
    first = dict(hub.told.parties[0])
    strange = hub.opening(parties=[first | {"role": CANARY}], **new)
    problem(hub.post("/api/v1/cases", strange), 422, "invalid-party", canary=CANARY)
    number = str(first.get("id_number") or "")
    if number:
        number = number[:-1] + ("0" if number[-1] != "0" else "1")
        wrong = hub.opening(parties=[first | {"id_number": number}], **new)
        problem(hub.post("/api/v1/cases", wrong), 422, "invalid-party", canary=number)
    problem(hub.post("/api/v1/cases", hub.opening(more=CANARY, **new)), 422, "invalid-request", canary=CANARY)


@_check("P1", f"{GUIDE} §3 Questions", "the plan says of each requirement whether and by what, and fetches nothing")
def _plan(hub: HubUnder) -> None:
    _live(hub)
    answer = hub.post(hub.case_path("/plan"), {"purpose": hub.told.purpose})
    same(answer.status_code, 200, "status")
    lines = member(answer.json(), "requirements")
    want(lines and all({"code", "party", "legal_basis", "applies", "ways"} <= set(line) for line in lines), "lines")


@_check("E1", "verification.md; RFC 9901", "evidence verifies: bundle, request, copies, disclosed claims, receipts")
def _evidence(hub: HubUnder) -> None:
    _live(hub)
    path, body = hub.case_path("/evidence"), write_json({"purpose": hub.told.purpose})
    answer = hub.post(path, body, key=hub.evidence_key)
    same(answer.status_code, 200, "status")
    expected = Expected(issuer=hub.issuer, audience=hub.client_id, request_hash=request_hash(path, body))
    found = verify_evidence(answer.content, hub.jwks, expected)
    hub.evidence, hub.evidence_id = answer.content, found.evidence_request_id
    wrong = next((item.code for item in found.requirements if item.outcome not in set(Outcome)), None)
    same(wrong, None, "a requirement with an outcome that there is not")


@_check("E2", f"{GUIDE} §3 Evidence", "outcomes are those that were to be, and what is asked follows from them")
def _outcomes(hub: HubUnder) -> None:
    found = _answer(hub)
    outcomes = {item.code: item.outcome for item in found.requirements}
    for code, wanted in hub.told.expect.items():
        same(outcomes.get(code), wanted, code)
    asked = [item.code for item in found.requirements if item.outcome not in NOT_ASKED]
    told = read_json(hub.pulled())
    for code in asked:
        if code not in told["still_needed"] and outcomes[code] != Outcome.AMBIGUOUS:
            same(code, None, "not proved, and not in still_needed")
    for item in told.get("owed", ()):
        want(item["code"] not in told["still_needed"], "what is owed is asked of the person")


@_check("E3", f"{GUIDE} §3, §7", "a repetition gives the same bytes; another body under the key a 409")
def _repeated(hub: HubUnder) -> None:
    before, body = hub.pulled(), {"purpose": hub.told.purpose}
    path = hub.case_path("/evidence")
    want(hub.post(path, body, key=hub.evidence_key).content == before, "other bytes")
    want(hub.get(f"/api/v1/evidence-requests/{hub.evidence_id}").content == before, "other bytes when fetched")
    problem(hub.post(path, {"purpose": CANARY}, key=hub.evidence_key), 409, "idempotency-key-reused", canary=CANARY)


@_check("E4", f"{GUIDE} §3 Evidence", "another purpose, an unlisted requirement and another's request get nothing")
def _not_so(hub: HubUnder) -> None:
    hub.pulled()
    path = hub.case_path("/evidence")
    told = hub.post(path, {"purpose": CANARY}).json()
    given = {item["outcome"] for item in told["requirements"]} - {"not_granted", "not_applicable", "ambiguous"}
    want(not given, f"answered: {', '.join(sorted(given))}")
    want(not any("evidence" in item for item in told["requirements"]), "evidence for another purpose")
    refused = hub.post(path, {"purpose": hub.told.purpose, "requirements": [CANARY]})
    faults = member(problem(refused, 422, "requirement-not-listed", canary=CANARY), "errors")
    same([item["pointer"] for item in faults], ["/requirements/0"], "pointers")
    unknown = f"/api/v1/evidence-requests/{uuid.uuid4()}"
    problem(hub.get(unknown), 404, "evidence-request-not-found")


@_check("E5", "verification.md", "a purpose copy passes for its receiver and for nobody else")
def _copies(hub: HubUnder) -> None:
    tokens = [copy.token for item in _answer(hub).requirements for copy in item.evidence]
    if not tokens:
        raise SkippedError("nothing was proved")
    verdicts = {
        who: hub.http.post("/api/v1/verify", json={"token": tokens[0], "audience": who}).json().get("result")
        for who in (hub.client_id, f"not-{hub.client_id}")
    }
    same(list(verdicts.values()), ["passed", "failed"], "verdicts for the receiver and another")


_ALL.append(STREAM_CHECK)


@_check("Q1", "verification.md", "one question to one source verifies, and is repeated with the same bytes")
def _query(hub: HubUnder) -> None:
    hub.case_path()
    if hub.told.interface is None:
        raise SkippedError("no interface is named")
    path, key = f"/api/v1/interfaces/{hub.told.interface}/query", str(uuid.uuid4())
    body = write_json({"case_no": hub.case_no, "purpose": hub.told.purpose})
    answer = hub.post(path, body, key=key)
    same(answer.status_code, 200, "status")
    expected = Expected(issuer=hub.issuer, audience=hub.client_id, request_hash=request_hash(path, body))
    found = verify_query_answer(answer.content, hub.jwks, expected)
    want(bool(found.records) == (found.outcome == Outcome.SATISFIED), f"{found.outcome}, with or without records")
    want(hub.post(path, body, key=key).content == answer.content, "other bytes")
    outside = {"case_no": hub.case_no, "purpose": hub.told.purpose, "fields": [CANARY]}
    problem(hub.post(path, outside), 403, "field-not-granted", canary=CANARY)


@_check("N1", "RFC 9457", "what cannot be read, is too large, is nowhere or has no such method is told as such")
def _problems(hub: HubUnder) -> None:
    problem(hub.post("/api/v1/cases", f'{{"{CANARY}'.encode()), 400, "bad-request", canary=CANARY)
    problem(hub.get(f"/api/v1/{CANARY}"), 404, "not-found", canary=CANARY)
    problem(hub.http.delete("/api/v1/cases"), 405, "method-not-allowed")
    problem(hub.get("/api/v1/cases", nowhere=CANARY), 400, "bad-request", canary=CANARY)
    problem(hub.post("/api/v1/cases", b'{"matter": "' + b"a" * (1024 * 1024) + b'"}'), 413, "body-too-large")
    problem(hub.post("/api/v1/cases", hub.opening(), key="a" * 200), 400, "bad-request")


@_check("W1", f"{GUIDE} §6", "an address that does not repeat the challenge is no receiver")
def _webhook(hub: HubUnder) -> None:
    _live(hub)
    wish = {"events": ["case.closed"], "url": NOWHERE, "secret": f"{CANARY}-{uuid.uuid4()}"}
    problem(hub.post("/api/v1/subscriptions", wish), 422, "webhook-unreachable", canary=CANARY)


@_check("W2", f"{GUIDE} §6; Standard Webhooks", "a receiver is asked first, over a signature")
def _asked(hub: HubUnder) -> None:
    _live(hub)
    if hub.listen is None:
        raise SkippedError("no --listen")
    host, _, port = hub.listen.rpartition(":")
    secret = f"{uuid.uuid4()}{uuid.uuid4()}"
    hub.listening = Listening(secret).start(host, int(port))
    wish = {"events": ["case.closed"], "url": f"http://{host}:{hub.listening.port}/", "secret": secret}
    answer = hub.post("/api/v1/subscriptions", wish)
    same(answer.status_code, 201, "status")
    hub.subscription = str(member(answer.json(), "subscription"))
    want(secret not in answer.text, "the secret is repeated")
    first = hub.listening.wait()
    want(first is not None and first.challenge, "no signed challenge came")


@_check("X1", f"{GUIDE} §3 Case", "nothing is disclosed for a closed case, nor is it closed twice")
def _closed(hub: HubUnder) -> None:
    body = None if hub.sandbox else {"abandon": True}
    answer = hub.post(hub.case_path("/close"), body)
    same((answer.status_code, answer.json().get("state")), (200, "closed"), "closing")
    problem(hub.post(hub.case_path("/close")), 409, "case-closed")
    if not hub.sandbox:
        refused = hub.post(hub.case_path("/evidence"), {"purpose": hub.told.purpose})
        problem(refused, 409, "case-closed")
        if hub.evidence_id:
            problem(hub.get(f"/api/v1/evidence-requests/{hub.evidence_id}"), 409, "case-closed")


@_check("X2", f"{GUIDE} §3 What happens in a case", "the events of a case are numbered, and its closing is one")
def _events(hub: HubUnder) -> None:
    _live(hub)
    told = member(hub.get(hub.case_path("/events")).json(), "events")
    same([item["number"] for item in told], list(range(1, len(told) + 1)), "numbers")
    same(told[-1]["event"] if told else None, "case.closed", "the last event")


@_check(
    "X3",
    f"{GUIDE} §6; Standard Webhooks",
    "the receiver is told, signed and by numbers alone, of the closing",
)
def _told(hub: HubUnder) -> None:
    if hub.listening is None or not hub.subscription:
        raise SkippedError("nobody listens")
    message = hub.listening.wait()
    if message is None:
        raise NotSoError("no message came")
    same((message.event, hub.listening.refused), ("case.closed", []), "event, and messages that do not verify")
    wanted = (hub.case_no, hub.external_no)
    want((message.members.get("case_no"), message.members.get("external_no")) == wanted, "of another case")
    values = [str(party[name]) for party in hub.told.parties for name in ("id_number", "name") if party.get(name)]
    want(not any(value in str(dict(message.members)) for value in values), "it names a person")
    hub.stop_listening()


@_check("L1", "verification.md; RFC 6962", "the receipt's entry is in the log, under its signed checkpoint")
def _in_log(hub: HubUnder) -> None:
    receipt = _answer(hub).requirements[0].receipt
    if hub.log_key is None:
        raise SkippedError("no --log-key")
    for _ in range(TRIES):
        answer = hub.http.get(f"/api/v1/ledger/entries/{receipt.entry}/proof")
        if answer.status_code != 503:
            break
        told = problem(answer, 503, "not-sequenced-yet")
        time.sleep(min(2.0, float(member(told, "retry_after_seconds"))))
    check_receipt(receipt, answer.content, log_key=hub.log_key)


@_check("R1", f"{GUIDE} §9", "whoever asks too often is told when to come again")
def _limits(hub: HubUnder) -> None:
    if not hub.limits:
        raise SkippedError("only with --limits: it uses up a minute's allowance")
    for _ in range(hub.limits):
        answer = hub.get("/api/v1/matters")
        if answer.status_code != 200:
            told = problem(answer, 429, "rate-limited")
            same(answer.headers["retry-after"], str(member(told, "retry_after_seconds")), "Retry-After")
            return
    raise SkippedError(f"no limit within {hub.limits} calls")


def _live(hub: HubUnder) -> None:
    if hub.sandbox:
        raise SkippedError("not with sandbox credentials")


def _answer(hub: HubUnder) -> EvidenceAnswer:
    return verify_evidence(hub.pulled(), hub.jwks, Expected(issuer=hub.issuer, audience=hub.client_id))


HUB_CHECKS: Final = tuple(_ALL)
