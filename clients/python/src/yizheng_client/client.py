"""The client whose calls block."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import httpx2

from yizheng_client.base import Base
from yizheng_client.catalogue import Grant, GrantRequest, SearchPage, Verdict, Wish
from yizheng_client.errors import Fault
from yizheng_client.flow import BlockingDriver
from yizheng_client.jose import Jwks
from yizheng_client.log import Logged
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
from yizheng_client.streaming import Turned


class Client(Base):
    """A hub as one system sees it. Safe for several threads; close it, or use it in a `with`.

    After the repetitions that `retries` allows, every call raises ProblemError when the hub refuses, NetworkError when
    it does not answer, VerificationError when its answer must not be believed (see `yizheng_client.errors`). Every POST
    carries an Idempotency-Key, `key` or a new one, the same at each repetition.
    """

    def _connect(self, options: Mapping[str, Any], seconds: float) -> None:
        self._driver = BlockingDriver(httpx2.Client(**options), answer_seconds=seconds)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the connections back."""
        self._driver.http.close()

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
    ) -> Case:
        """A new case; the same key gives the same one for 24 hours. `external_no`: your own number, used once."""
        return self._driver.run(
            self._core.open_case(
                matter=matter,
                parties=parties,
                operator=operator,
                channel=channel,
                external_no=external_no,
                kind=kind,
                subjects=subjects,
                corroboration=corroboration,
                key=key,
            )
        )

    def case(self, case_no: str) -> Case:
        """One's own case as it stands. The look is on the ledger."""
        return self._driver.run(self._core.case(case_no))

    def find_case(self, external_no: str) -> Case | None:
        """One's own case under one's own number; None where there is none."""
        return self._driver.run(self._core.find_case(external_no))

    def case_events(self, case_no: str, *, after: int = 0) -> tuple[CaseEvent, ...]:
        """What happened in one's own case behind the event of this number, in order, at most 200."""
        return self._driver.run(self._core.case_events(case_no, after=after))

    def close_case(self, case_no: str, *, when_paid: bool = False, abandon: bool = False) -> Case:
        """Nothing is disclosed for a closed case. Where something is owed to it, one of the two says what becomes of
        that: the case closes itself `when_paid`, or gives it up.
        """
        return self._driver.run(self._core.close_case(case_no, when_paid=when_paid, abandon=abandon))

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
    ) -> QueryAnswer:
        """One question to one source, verified. `party`: a role of the case; `fields` None asks for all granted ones.

        A source that fails is an outcome, not an error. Under a key of your own the answer may be an older one.
        """
        return self._driver.run(
            self._core.query(
                interface,
                case_no=case_no,
                purpose=purpose,
                party=party,
                subject=subject,
                params=params,
                fields=fields,
                material=material,
                key=key,
            )
        )

    def evidence(
        self,
        case_no: str,
        *,
        purpose: str,
        requirements: Sequence[str] | None = None,
        materials: Sequence[str] | None = None,
        answers: Mapping[str, str | Mapping[str, Any] | None] | None = None,
        key: str | None = None,
    ) -> EvidenceAnswer:
        """Evidence for the matter's requirements, or for those named, verified: each has its own outcome.

        `materials`: instead of requirements, your own codes for them. `answers` are choices, or
        facts, by the `resume_token` of a question that an earlier answer asked; None takes a choice back.
        """
        return self._driver.run(
            self._core.evidence(
                case_no, purpose=purpose, requirements=requirements, materials=materials, answers=answers, key=key
            )
        )

    def stream(
        self,
        case_no: str,
        told: Callable[[Turned], None],
        *,
        purpose: str,
        requirements: Sequence[str] | None = None,
        materials: Sequence[str] | None = None,
        answers: Mapping[str, str | Mapping[str, Any] | None] | None = None,
        key: str | None = None,
    ) -> EvidenceAnswer:
        """As `evidence`, and `told` hears of each requirement as soon as it is settled, while others are asked about.

        What it hears is for a screen: the answer that is returned at the end is verified, and nothing before it. A
        connection that breaks is made anew, and nothing is told twice. `told` must not block.
        """
        return self._driver.run(
            self._core.evidence(
                case_no,
                purpose=purpose,
                requirements=requirements,
                materials=materials,
                answers=answers,
                key=key,
                told=told,
            )
        )

    def fetch_again(self, evidence_request_id: str) -> EvidenceAnswer:
        """The same answer again, without a new ledger entry, while case and grants hold."""
        return self._driver.run(self._core.fetch_again(evidence_request_id))

    def verify(self, token: str, *, audience: str | None = None) -> Verdict:
        """The hub's verdict on a licence or purpose copy, with its status of this moment. Needs no sign-in.

        A purpose copy without `audience`, its receiver, is indeterminate.
        """
        return self._driver.run(self._core.verify(token, audience=audience))

    def check_receipt(self, receipt: Receipt | str) -> Logged:
        """Prove that a receipt's entry is in the hub's log. Needs `log_key`."""
        return self._driver.run(self._core.check_receipt(receipt))

    def search(
        self,
        q: str = "",
        *,
        filters: Mapping[str, Sequence[str]] | None = None,
        limit: int = 20,
        cursor: str | None = None,
    ) -> SearchPage:
        """The catalogue. Filters: kind, department, theme, sharing, update_cycle, state; each any of its values."""
        return self._driver.run(self._core.search(q, filters=filters, limit=limit, cursor=cursor))

    def interface(self, code: str, *, version: int | None = None) -> Mapping[str, Any]:
        """One interface in full: fields with terms and reasons, parameters, versions, notice."""
        return self._driver.run(self._core.interface(code, version=version))

    def grants(self) -> tuple[Grant, ...]:
        """What this system holds."""
        return self._driver.run(self._core.grants())

    def grant(self, grant_id: str) -> Grant:
        """One grant of this system."""
        return self._driver.run(self._core.grant(grant_id))

    def check_wish(self, wish: Wish) -> tuple[Fault, ...]:
        """Everything that asking for this would be refused for. Nothing is stored."""
        return self._driver.run(self._core.check_wish(wish))

    def ask_for_grant(self, wish: Wish, *, key: str | None = None) -> GrantRequest:
        """Ask for access, for this system; `granted` at once where the terms are unconditional."""
        return self._driver.run(self._core.ask_for_grant(wish, key=key))

    def grant_requests(self, *, state: str | None = None) -> tuple[GrantRequest, ...]:
        """Requests of this system."""
        return self._driver.run(self._core.grant_requests(state=state))

    def grant_request(self, request_id: str) -> GrantRequest:
        """One request; `members` has its history."""
        return self._driver.run(self._core.grant_request(request_id))

    def supply(self, request_id: str, wish: Wish) -> GrantRequest:
        """Answer an owner who asked for more: the corrected wish in whole. Not repeated when the network fails."""
        return self._driver.run(self._core.supply(request_id, wish))

    def withdraw_request(self, request_id: str, *, reason: str) -> GrantRequest:
        """No longer needed. Not repeated when the network fails."""
        return self._driver.run(self._core.withdraw_request(request_id, reason=reason))

    def dispute(self, request_id: str, *, reason: str) -> GrantRequest:
        """Dispute a refusal, a cut or a late answer. Not repeated when the network fails."""
        return self._driver.run(self._core.dispute(request_id, reason=reason))

    def jwks(self) -> Jwks:
        """The hub's keys, fetched now. File `text` with the answers: both together verify for ever."""
        return self._driver.run(self._core.jwks())
