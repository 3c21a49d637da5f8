"""The two clients: the same calls, blocking and under asyncio. All logic is in `yizheng_client.core`."""

import ssl
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Final, Self

import httpx2

from yizheng_client.catalogue import Grant, GrantRequest, SearchPage, Verdict, Wish
from yizheng_client.core import Core, KeepReceipt
from yizheng_client.errors import Fault
from yizheng_client.flow import AsyncDriver, BlockingDriver
from yizheng_client.jose import Jwks, SigningKey
from yizheng_client.log import Logged
from yizheng_client.models import Case, Corroboration, EvidenceAnswer, Operator, Party, QueryAnswer, Receipt, Subject
from yizheng_client.session import Retries, Session, Settings, checked

DEFAULT_RETRIES: Final = Retries()


class _Base(ABC):
    """What both clients are made of."""

    def __init__(
        self,
        base_url: str,
        *,
        client_id: str,
        key: bytes,
        kid: str | None = None,
        password: bytes | None = None,
        issuer: str | None = None,
        language: str = "zh-CN",
        timeout: float = 30.0,
        retries: Retries = DEFAULT_RETRIES,
        keep_receipt: KeepReceipt | None = None,
        log_key: str | None = None,
        tls: ssl.SSLContext | None = None,
        proxy: str | None = None,
    ) -> None:
        """Nothing is sent yet.

        Args:
            base_url: where the hub is reached, https; plain http on this machine only.
            key: the system's private key, P-256, PEM.
            kid: as the key was registered; by default its RFC 7638 thumbprint.
            issuer: what the hub calls itself, where that is not `base_url`.
            language: of reasons and next steps, `zh-CN` or `en`.
            timeout: seconds for a whole answer; at most 5 of them to connect.
            keep_receipt: is given each verified receipt before the answer is returned. What it raises is raised.
            log_key: the log's public key, `name+hash+base64`, for `check_receipt`.
            tls: for a hub behind a private authority; the environment's proxies and authorities are not used.
        Raises: ConfigurationError.
        """
        settings = checked(Settings(base_url, client_id, issuer or "", language, retries, log_key))
        self._core = Core(Session(settings, SigningKey.from_pem(key, kid=kid, password=password)), keep_receipt)
        self._shown = f"{type(self).__name__}({settings.base_url!r}, client_id={client_id!r})"
        options = {
            "base_url": settings.base_url,
            "timeout": httpx2.Timeout(timeout, connect=min(5.0, timeout)),
            "verify": tls if tls is not None else True,
            "proxy": proxy,
            "trust_env": False,
            "follow_redirects": False,  # a redirect would carry token and body elsewhere
        }
        self._connect(options, timeout)

    @abstractmethod
    def _connect(self, options: Mapping[str, Any], seconds: float) -> None:
        """Make the connection pool; nothing is sent."""

    def __repr__(self) -> str:
        return self._shown


class Client(_Base):
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

    def close_case(self, case_no: str) -> Case:
        """Nothing is disclosed for a closed case."""
        return self._driver.run(self._core.close_case(case_no))

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
        self, case_no: str, *, purpose: str, requirements: Sequence[str] | None = None, key: str | None = None
    ) -> EvidenceAnswer:
        """Evidence for the matter's requirements, or for those named, verified: each has its own outcome."""
        return self._driver.run(self._core.evidence(case_no, purpose=purpose, requirements=requirements, key=key))

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


class AsyncClient(_Base):
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

    async def close_case(self, case_no: str) -> Case:
        """See `Client.close_case`."""
        return await self._driver.run(self._core.close_case(case_no))

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
        self, case_no: str, *, purpose: str, requirements: Sequence[str] | None = None, key: str | None = None
    ) -> EvidenceAnswer:
        """See `Client.evidence`."""
        return await self._driver.run(self._core.evidence(case_no, purpose=purpose, requirements=requirements, key=key))

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
