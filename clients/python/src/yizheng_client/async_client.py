"""The client for asyncio: the calls of `yizheng_client.client`."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import httpx2

from yizheng_client.base import Base
from yizheng_client.catalogue import Grant, GrantRequest, SearchPage, Verdict, Wish
from yizheng_client.errors import Fault
from yizheng_client.flow import AsyncDriver
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


class AsyncClient(Base):
    """A hub as one system sees it, under asyncio, for one event loop. Calls, arguments and errors are `Client`'s."""

    def _connect(self, options: Mapping[str, Any], seconds: float) -> None:
        self._driver = AsyncDriver(httpx2.AsyncClient(**options), answer_seconds=seconds)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Give the connections back."""
        await self._driver.http.aclose()

    async def open_case(
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
        """See `Client.open_case`."""
        return await self._driver.run(
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

    async def case(self, case_no: str) -> Case:
        """See `Client.case`."""
        return await self._driver.run(self._core.case(case_no))

    async def find_case(self, external_no: str) -> Case | None:
        """See `Client.find_case`."""
        return await self._driver.run(self._core.find_case(external_no))

    async def case_events(self, case_no: str, *, after: int = 0) -> tuple[CaseEvent, ...]:
        """See `Client.case_events`."""
        return await self._driver.run(self._core.case_events(case_no, after=after))

    async def close_case(self, case_no: str, *, when_paid: bool = False, abandon: bool = False) -> Case:
        """See `Client.close_case`."""
        return await self._driver.run(self._core.close_case(case_no, when_paid=when_paid, abandon=abandon))

    async def query(
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
        """See `Client.query`."""
        return await self._driver.run(
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

    async def evidence(
        self,
        case_no: str,
        *,
        purpose: str,
        requirements: Sequence[str] | None = None,
        materials: Sequence[str] | None = None,
        answers: Mapping[str, str | Mapping[str, Any] | None] | None = None,
        key: str | None = None,
    ) -> EvidenceAnswer:
        """See `Client.evidence`."""
        return await self._driver.run(
            self._core.evidence(
                case_no, purpose=purpose, requirements=requirements, materials=materials, answers=answers, key=key
            )
        )

    async def stream(
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
        """See `Client.stream`."""
        return await self._driver.run(
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

    async def fetch_again(self, evidence_request_id: str) -> EvidenceAnswer:
        """See `Client.fetch_again`."""
        return await self._driver.run(self._core.fetch_again(evidence_request_id))

    async def verify(self, token: str, *, audience: str | None = None) -> Verdict:
        """See `Client.verify`."""
        return await self._driver.run(self._core.verify(token, audience=audience))

    async def check_receipt(self, receipt: Receipt | str) -> Logged:
        """See `Client.check_receipt`."""
        return await self._driver.run(self._core.check_receipt(receipt))

    async def search(
        self,
        q: str = "",
        *,
        filters: Mapping[str, Sequence[str]] | None = None,
        limit: int = 20,
        cursor: str | None = None,
    ) -> SearchPage:
        """See `Client.search`."""
        return await self._driver.run(self._core.search(q, filters=filters, limit=limit, cursor=cursor))

    async def interface(self, code: str, *, version: int | None = None) -> Mapping[str, Any]:
        """See `Client.interface`."""
        return await self._driver.run(self._core.interface(code, version=version))

    async def grants(self) -> tuple[Grant, ...]:
        """See `Client.grants`."""
        return await self._driver.run(self._core.grants())

    async def grant(self, grant_id: str) -> Grant:
        """See `Client.grant`."""
        return await self._driver.run(self._core.grant(grant_id))

    async def check_wish(self, wish: Wish) -> tuple[Fault, ...]:
        """See `Client.check_wish`."""
        return await self._driver.run(self._core.check_wish(wish))

    async def ask_for_grant(self, wish: Wish, *, key: str | None = None) -> GrantRequest:
        """See `Client.ask_for_grant`."""
        return await self._driver.run(self._core.ask_for_grant(wish, key=key))

    async def grant_requests(self, *, state: str | None = None) -> tuple[GrantRequest, ...]:
        """See `Client.grant_requests`."""
        return await self._driver.run(self._core.grant_requests(state=state))

    async def grant_request(self, request_id: str) -> GrantRequest:
        """See `Client.grant_request`."""
        return await self._driver.run(self._core.grant_request(request_id))

    async def supply(self, request_id: str, wish: Wish) -> GrantRequest:
        """See `Client.supply`."""
        return await self._driver.run(self._core.supply(request_id, wish))

    async def withdraw_request(self, request_id: str, *, reason: str) -> GrantRequest:
        """See `Client.withdraw_request`."""
        return await self._driver.run(self._core.withdraw_request(request_id, reason=reason))

    async def dispute(self, request_id: str, *, reason: str) -> GrantRequest:
        """See `Client.dispute`."""
        return await self._driver.run(self._core.dispute(request_id, reason=reason))

    async def jwks(self) -> Jwks:
        """See `Client.jwks`."""
        return await self._driver.run(self._core.jwks())
