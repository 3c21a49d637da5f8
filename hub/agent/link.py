"""The line to the hub: calls out only, over TLS with the pinned authority, as a system with a key of its own.

The hub is known twice: by the certificate of its TLS, and by the pinned key under every question. What came from
anywhere else has no effect, whatever it says.
"""

import ssl
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

import httpx2

from hub.agent.config import HubConfig, read_key
from hub.agent.errors import LinkError
from hub.agent.wire import ANSWER_HEADER, CONTENT_TYPE, MAX_QUESTION_BYTES, MAX_WAIT_SECONDS
from hub.clock import Clock, new_id
from signing.errors import SigningError
from signing.jose import sign_jws
from signing.keys import Es256Key, Signer, VerifyingKey

_CONNECT_SECONDS: Final = 5.0
_ANSWER_SECONDS: Final = 20.0
_ASSERTION: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_EARLY: Final = timedelta(seconds=30)


class HubLink:
    """Talks to one hub as one client. Of one event loop."""

    def __init__(self, config: HubConfig, *, signer: Signer, clock: Clock) -> None:
        """Nothing is connected yet. Raises: ConfigError, LinkError when a certificate file cannot be used."""
        self._config = config
        self._signer = signer
        self._clock = clock
        self._token = ""
        self._token_until = clock()
        self._keys: tuple[VerifyingKey, ...] = ()
        self._http = httpx2.AsyncClient(
            base_url=config.url,
            verify=_trust(config),
            proxy=config.proxy,
            trust_env=False,
            follow_redirects=False,
            timeout=httpx2.Timeout(_ANSWER_SECONDS, connect=_CONNECT_SECONDS),
            limits=httpx2.Limits(max_connections=128, max_keepalive_connections=64),
        )

    async def keys(self) -> tuple[VerifyingKey, ...]:
        """The hub's keys that this agent has pinned, as the hub shows them. Raises: LinkError: there is none."""
        if not self._keys:
            shown = _json(await self._send("GET", "/.well-known/jwks.json"))
            found = []
            for jwk in shown.get("keys", []):
                try:
                    key = Es256Key.from_jwk(jwk)
                except (SigningError, AttributeError):
                    continue
                if key.thumbprint in self._config.thumbprints:
                    found.append(key)
            if not found:
                raise LinkError(
                    "hub_key",
                    "the hub shows none of the keys in hub.keys: it is another hub, or its key changed",
                    "hub",
                )
            self._keys = tuple(found)
        return self._keys

    def forget_keys(self) -> None:
        """Look again at the next question: the hub may have begun to use another pinned key."""
        self._keys = ()

    async def poll(self, source: str, body: Mapping[str, Any]) -> str | None:
        """The next signed item, or None. Raises: LinkError."""
        patience = float(body.get("wait_seconds", MAX_WAIT_SECONDS)) + _ANSWER_SECONDS
        answer = await self._call(f"/api/v1/agents/{source}/poll", patience, json=dict(body))
        if answer.status_code == 204:
            return None
        item = _json(answer).get("item")
        return item if isinstance(item, str) and len(item) <= MAX_QUESTION_BYTES else None

    async def answer(self, source: str, kind: str, item: str, token: str, content: str) -> bool:
        """Bring one of the `answers` or `deliveries`; whether anybody waited for it. Raises: LinkError."""
        path = f"/api/v1/agents/{source}/{kind}/{item}"
        if kind == "answers":
            headers = {ANSWER_HEADER: token, "Content-Type": CONTENT_TYPE}
            found = _json(await self._call(path, _ANSWER_SECONDS, content=content.encode(), headers=headers))
        else:
            found = _json(await self._call(path, _ANSWER_SECONDS, json={"token": token, "content": content}))
        return found.get("accepted") is True

    async def close(self) -> None:
        """Hang up."""
        await self._http.aclose()

    async def sign_in(self) -> None:
        """Get an access token now. Raises: LinkError."""
        now = self._clock()
        seconds = int(now.timestamp())
        client_id = self._config.client_id
        claims = {"iss": client_id, "sub": client_id, "aud": self._config.issuer, "jti": new_id()}
        assertion = sign_jws(
            {**claims, "iat": seconds, "exp": seconds + 60}, signer=self._signer, typ="client-authentication+jwt"
        )
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": _ASSERTION,
            "client_assertion": assertion,
        }
        found = _json(await self._send("POST", "/oauth/token", data=form))
        token, living = found.get("access_token"), found.get("expires_in")
        if not isinstance(token, str) or not isinstance(living, int):
            raise LinkError("no_token", "the hub gave no access token", "hub")
        self._token = token
        self._token_until = now + max(timedelta(seconds=living) - _EARLY, timedelta(seconds=living / 2))

    async def _call(self, path: str, seconds: float, **body: Any) -> httpx2.Response:
        if self._clock() >= self._token_until:
            await self.sign_in()
        try:
            return await self._authorised(path, seconds, **body)
        except LinkError as error:
            if error.code != "status_401":
                raise
        await self.sign_in()  # the hub was restarted with another token key, or the clock jumped
        return await self._authorised(path, seconds, **body)

    async def _authorised(
        self, path: str, seconds: float, *, headers: Mapping[str, str] | None = None, **body: Any
    ) -> httpx2.Response:
        timeout = httpx2.Timeout(seconds, connect=_CONNECT_SECONDS)
        bearer = {"Authorization": f"Bearer {self._token}"}
        return await self._send("POST", path, headers={**(headers or {}), **bearer}, timeout=timeout, **body)

    async def _send(self, method: str, path: str, **options: Any) -> httpx2.Response:
        try:
            answer = await self._http.request(method, path, **options)
        except httpx2.ConnectError as error:
            if isinstance(error.__cause__, ssl.SSLError) or "CERTIFICATE" in str(error).upper():
                raise LinkError(
                    "tls",
                    "the hub's certificate is not the one this agent trusts (hub.ca_file), or it wants one",
                    "agent",
                ) from None
            raise _unreached() from None
        except httpx2.ConnectTimeout:
            raise _unreached() from None
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise LinkError("transport", f"the line to the hub broke ({type(error).__name__})", "hub") from None
        if answer.status_code in {200, 204}:
            return answer
        raise _refusal(answer.status_code)


def _unreached() -> LinkError:
    return LinkError("connect", "the hub cannot be reached: address, name or firewall", "agent")


def _refusal(status: int) -> LinkError:
    code = f"status_{status}"
    if status in {400, 401}:
        return LinkError(
            code, "the hub does not know this agent: client_id, registered key, issuer or clock", "hub", final=True
        )
    if status == 404:
        return LinkError(
            code,
            "this system is not the agent of the source: connection.agent of the source names it",
            "hub",
            final=True,
        )
    return LinkError(code, f"the hub answered {status}", "hub")


def _trust(config: HubConfig) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=str(config.ca_file) if config.ca_file else None)
        if config.certificate_file:
            key_file = config.certificate_key_file or config.certificate_file
            read_key(key_file)
            context.load_cert_chain(str(config.certificate_file), str(key_file))
    except (OSError, ssl.SSLError):
        raise LinkError(
            "tls_files", "hub.ca_file or hub.certificate_file cannot be used", "agent", final=True
        ) from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _json(answer: httpx2.Response) -> dict[str, Any]:
    try:
        value = answer.json()
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise LinkError("not_json", "what answers at hub.url is not the hub", "agent")
    return value
