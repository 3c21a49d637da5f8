"""What a system can do at a hub, as flows. `Client` and `AsyncClient` run them and add nothing."""

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final
from urllib.parse import quote, urlencode

from yizheng_client.catalogue import Grant, GrantRequest, SearchPage, Verdict, Wish
from yizheng_client.errors import ConfigurationError, ConflictError, Fault
from yizheng_client.flow import Flow, T
from yizheng_client.jose import Jwks, write_json
from yizheng_client.log import Logged, check_receipt
from yizheng_client.models import (
    Case,
    CaseEvent,
    Corroboration,
    EvidenceAnswer,
    Operator,
    Party,
    QueryAnswer,
    Receipt,
    Subject,
)
from yizheng_client.session import CLOCK_LEEWAY_SECONDS, Call, Session
from yizheng_client.streaming import EVENT_STREAM, Events, Turned, whole_of
from yizheng_client.verifying import Expected, request_hash, verify_evidence, verify_query_answer, verify_receipt

KeepReceipt = Callable[[Receipt], None]
_API: Final = "/api/v1"


class Core:
    """The calls. `keep_receipt` gets each receipt that was verified, before the answer is returned."""

    def __init__(self, session: Session, keep_receipt: KeepReceipt | None) -> None:
        self._session = session
        self._keep_receipt = keep_receipt

    def open_case(
        self,
        *,
        matter: str,
        parties: Sequence[Party],
        operator: Operator,
        channel: str,
        external_no: str,
        kind: str = "application",
        subjects: Sequence[Subject] = (),
        corroboration: Sequence[Corroboration] = (),
        key: str | None = None,
    ) -> Flow[Case]:
        """See `Client.open_case`."""
        body = {
            "matter": matter,
            "kind": kind,
            "parties": [party.as_json() for party in parties],
            "subjects": [subject.as_json() for subject in subjects],
            "operator": operator.as_json(),
            "channel": channel,
            "external_no": external_no,
            "corroboration": [item.as_json() for item in corroboration],
        }
        return Case.read((yield from self._post("/cases", body, key=key)))

    def case(self, case_no: str) -> Flow[Case]:
        """See `Client.case`."""
        return Case.read((yield from self._get(f"/cases/{_segment(case_no)}")))

    def find_case(self, external_no: str) -> Flow[Case | None]:
        """See `Client.find_case`."""
        found = (yield from self._get(f"/cases?{urlencode({'external_no': external_no})}")).get("cases") or ()
        return next((Case.read(item) for item in found), None)

    def case_events(self, case_no: str, *, after: int = 0) -> Flow[tuple[CaseEvent, ...]]:
        """See `Client.case_events`."""
        given = yield from self._get(f"/cases/{_segment(case_no)}/events?after={after}")
        return tuple(CaseEvent.read(item) for item in given.get("events") or ())

    def close_case(self, case_no: str, *, when_paid: bool, abandon: bool) -> Flow[Case]:
        """See `Client.close_case`."""
        said = {name: True for name, value in (("when_paid", when_paid), ("abandon", abandon)) if value}
        try:
            return Case.read((yield from self._post(f"/cases/{_segment(case_no)}/close", said or None)))
        except ConflictError as error:
            # Closing twice is a 409: after a repetition it says that the first one worked and its answer was lost.
            if error.slug != "case-closed" or error.attempts == 1:
                raise
        return (yield from self.case(case_no))

    def query(
        self,
        interface: str,
        *,
        case_no: str,
        purpose: str,
        party: str | None = None,
        subject: int | None = None,
        params: Mapping[str, str | int | bool | None] | None = None,
        fields: Sequence[str] | None = None,
        material: str = "",
        key: str | None = None,
    ) -> Flow[QueryAnswer]:
        """See `Client.query`."""
        given = {
            "case_no": case_no,
            "purpose": purpose,
            "party": party,
            "subject": subject,
            "params": dict(params) if params else None,
            "fields": list(fields) if fields is not None else None,
            "material": material or None,
        }
        path = f"{_API}/interfaces/{_segment(interface)}/query"
        answer = yield from self._ask(path, _without_none(given), key, verify_query_answer)
        self._keep([answer.receipt])
        return answer

    def evidence(
        self,
        case_no: str,
        *,
        purpose: str,
        requirements: Sequence[str] | None = None,
        materials: Sequence[str] | None = None,
        answers: Mapping[str, str | Mapping[str, Any] | None] | None = None,
        key: str | None = None,
        told: Callable[[Turned], None] | None = None,
    ) -> Flow[EvidenceAnswer]:
        """See `Client.evidence` and, with `told`, `Client.stream`."""
        said = [
            {"resume_token": token, ("facts" if isinstance(answer, Mapping) else "choice"): answer}
            for token, answer in (answers or {}).items()
        ]
        asked = list(requirements) if requirements is not None else None
        coded = list(materials) if materials is not None else None
        given = {"purpose": purpose, "requirements": asked, "materials": coded, "answers": said or None}
        path = f"{_API}/cases/{_segment(case_no)}/evidence"
        events = Events(told) if told is not None else None
        answer = yield from self._ask(path, _without_none(given), key, verify_evidence, events)
        self._keep([item.receipt for item in answer.requirements])
        return answer

    def fetch_again(self, evidence_request_id: str) -> Flow[EvidenceAnswer]:
        """See `Client.fetch_again`."""
        reply = yield from self._session.call(Call("GET", f"{_API}/evidence-requests/{_segment(evidence_request_id)}"))
        expected = self._expected(request_id=evidence_request_id)
        answer = yield from self._session.verified(lambda jwks: verify_evidence(reply.body, jwks, expected))
        self._keep([item.receipt for item in answer.requirements])
        return answer

    def verify(self, token: str, *, audience: str | None = None) -> Flow[Verdict]:
        """See `Client.verify`."""
        body = _without_none({"token": token, "audience": audience})
        call = Call("POST", f"{_API}/verify", write_json(body), signed_in=False)
        return Verdict.read((yield from self._session.json(call)))

    def check_receipt(self, receipt: Receipt | str) -> Flow[Logged]:
        """See `Client.check_receipt`."""
        log_key = self._session.settings.log_key
        if log_key is None:
            raise ConfigurationError('to check receipts, give the client the log\'s key: log_key="name+hash+base64"')
        token = receipt if isinstance(receipt, str) else receipt.token
        issuer = self._session.settings.issuer
        found = yield from self._session.verified(lambda jwks: verify_receipt(token, jwks, issuer=issuer))
        path = f"{_API}/ledger/entries/{_segment(found.entry)}/proof"
        reply = yield from self._session.call(Call("GET", path, signed_in=False))
        return check_receipt(found, reply.body, log_key=log_key)

    def search(
        self,
        q: str = "",
        *,
        filters: Mapping[str, Sequence[str]] | None = None,
        limit: int = 20,
        cursor: str | None = None,
    ) -> Flow[SearchPage]:
        """See `Client.search`."""
        chosen = {name: ",".join(values) for name, values in (filters or {}).items()}
        query = {"q": q, **chosen, "limit": str(limit), "cursor": cursor or ""}
        told = urlencode({name: value for name, value in query.items() if value})
        return SearchPage.read((yield from self._get(f"/catalogue?{told}")))

    def interface(self, code: str, *, version: int | None = None) -> Flow[Mapping[str, Any]]:
        """See `Client.interface`."""
        query = f"?version={version}" if version is not None else ""
        return (yield from self._get(f"/interfaces/{_segment(code)}{query}"))

    def grants(self) -> Flow[tuple[Grant, ...]]:
        """See `Client.grants`."""
        return tuple(Grant.read(item) for item in (yield from self._get("/grants")).get("grants") or ())

    def grant(self, grant_id: str) -> Flow[Grant]:
        """See `Client.grant`."""
        return Grant.read((yield from self._get(f"/grants/{_segment(grant_id)}")))

    def check_wish(self, wish: Wish) -> Flow[tuple[Fault, ...]]:
        """See `Client.check_wish`."""
        given = yield from self._post("/grant-requests/check", self._wish(wish))
        return tuple(
            Fault(str(item.get("pointer", "")), str(item.get("rule", "")), item.get("zh"), item.get("en"))
            for item in given.get("errors") or ()
        )

    def ask_for_grant(self, wish: Wish, *, key: str | None = None) -> Flow[GrantRequest]:
        """See `Client.ask_for_grant`."""
        return GrantRequest.read((yield from self._post("/grant-requests", self._wish(wish), key=key)))

    def grant_requests(self, *, state: str | None = None) -> Flow[tuple[GrantRequest, ...]]:
        """See `Client.grant_requests`."""
        query = f"?{urlencode({'state': state})}" if state else ""
        given = yield from self._get(f"/grant-requests{query}")
        return tuple(GrantRequest.read(item) for item in given.get("grant_requests") or ())

    def grant_request(self, request_id: str) -> Flow[GrantRequest]:
        """See `Client.grant_request`."""
        return GrantRequest.read((yield from self._get(f"/grant-requests/{_segment(request_id)}")))

    def supply(self, request_id: str, wish: Wish) -> Flow[GrantRequest]:
        """See `Client.supply`."""
        return (yield from self._step(request_id, "supply", self._wish(wish)))

    def withdraw_request(self, request_id: str, *, reason: str) -> Flow[GrantRequest]:
        """See `Client.withdraw_request`."""
        return (yield from self._step(request_id, "withdraw", {"reason": reason}))

    def dispute(self, request_id: str, *, reason: str) -> Flow[GrantRequest]:
        """See `Client.dispute`."""
        return (yield from self._step(request_id, "dispute", {"reason": reason}))

    def jwks(self) -> Flow[Jwks]:
        """See `Client.jwks`."""
        return (yield from self._session.fetch_keys())

    def _ask(
        self,
        path: str,
        given: Mapping[str, Any],
        key: str | None,
        verify: Callable[[bytes, Jwks, Expected], T],
        events: Events | None = None,
    ) -> Flow[T]:
        """Put a question that is answered over a signature. Under the caller's own key the answer may be an old one."""
        body = write_json(given)
        issued_from = None if key else time.time() - CLOCK_LEEWAY_SECONDS
        call = Call("POST", path, body, key=key or _new_key())
        if events is not None:
            call = replace(call, accept=EVENT_STREAM, pieces=events)
        reply = yield from self._session.call(call)
        whole = whole_of(reply)
        expected = self._expected(request_hash=request_hash(path, body), issued_from=issued_from)
        return (yield from self._session.verified(lambda jwks: verify(whole, jwks, expected), key=call.key))

    def _expected(self, **known: Any) -> Expected:
        settings = self._session.settings
        return Expected(issuer=settings.issuer, audience=settings.client_id, **known)

    def _keep(self, receipts: Sequence[Receipt]) -> None:
        if self._keep_receipt is not None:
            for receipt in receipts:
                self._keep_receipt(receipt)

    def _wish(self, wish: Wish) -> dict[str, Any]:
        return {"system": self._session.settings.client_id, **wish.as_json()}

    def _step(self, request_id: str, step: str, body: Mapping[str, Any]) -> Flow[GrantRequest]:
        path = f"/grant-requests/{_segment(request_id)}/{step}"
        return GrantRequest.read((yield from self._post(path, body, repeatable=False)))

    def _get(self, path: str) -> Flow[Mapping[str, Any]]:
        return (yield from self._session.json(Call("GET", _API + path)))

    def _post(
        self, path: str, body: Mapping[str, Any] | None, *, key: str | None = None, repeatable: bool = True
    ) -> Flow[Mapping[str, Any]]:
        sent = write_json(body) if body is not None else None
        call = Call("POST", _API + path, sent, key=key or _new_key(), repeatable=repeatable)
        return (yield from self._session.json(call))


def _new_key() -> str:
    return str(uuid.uuid4())


def _segment(value: str) -> str:
    """One segment of a path: a slash or a dot in a code must not lead elsewhere."""
    if value in {"", ".", ".."}:
        raise ConfigurationError("a code or number is empty")
    return quote(value, safe="")


def _without_none(given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if value is not None}
