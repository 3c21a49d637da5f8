"""One system's session with a hub: tokens, retries, problems, keys. Flows only; see `yizheng_client.flow`.

A call is repeated when the hub's problem document says that this helps, after the time it names, and when the network
failed in a way that either cannot have reached the hub or may be repeated without doing anything twice.
"""

import random
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final
from urllib.parse import urlsplit

from yizheng_client.errors import (
    ConfigurationError,
    NetworkError,
    ProblemError,
    UnknownKeyError,
    VerificationError,
    YizhengError,
    problem_error,
)
from yizheng_client.flow import Alone, Failure, Flow, Pause, Pieces, Reply, Request, T
from yizheng_client.jose import Jwks, SigningKey, read_json

ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
CLOCK_LEEWAY_SECONDS: Final = 300
"""How much older than its question an answer may look: two clocks are compared."""

_NOTHING_WRITTEN: Final = frozenset({"rate-limited", "store-busy", "store-unavailable", "invalid-token"})
"""Refusals after which even a call without an Idempotency-Key may be repeated."""

_BETWEEN: Final = frozenset({502, 503, 504})
"""Without a problem document these come from something between: the network failed."""

_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True)
class Retries:
    """How patient a client is. Waits double from `first_seconds`, each shortened at random by up to a half.

    `attempts` 1 never repeats. A wait longer than `longest_seconds`, also one the hub asks for, is not waited: the
    error is raised, and says how long.
    """

    attempts: int = 5
    first_seconds: float = 0.25
    longest_seconds: float = 10.0

    def wait(self, attempt: int, asked: float | None) -> float | None:
        """Seconds before the next attempt; None to give up."""
        if attempt >= self.attempts:
            return None
        backoff = min(self.first_seconds * 2 ** (attempt - 1), self.longest_seconds)
        wait = max(backoff * random.uniform(0.5, 1.0), asked or 0.0)  # noqa: S311  # spreads load, hides nothing
        return wait if wait <= self.longest_seconds else None


@dataclass(frozen=True, slots=True)
class Settings:
    """Who calls which hub. `issuer`: what the hub calls itself, where that is not the URL it is reached at."""

    base_url: str
    client_id: str
    issuer: str
    language: str
    retries: Retries
    log_key: str | None


@dataclass(frozen=True, slots=True)
class Call:
    """One use of the API. `repeatable`: sending it twice does nothing twice."""

    method: str
    path: str
    body: bytes | None = field(default=None, repr=False)
    key: str | None = None
    repeatable: bool = True
    signed_in: bool = True
    accept: str = "application/json"
    pieces: Pieces | None = None


@dataclass(frozen=True, slots=True)
class _Token:
    value: str = field(repr=False)
    renew_at: float


class Session:
    """Sends calls. Its state is a token and a key set, each replaced whole."""

    def __init__(self, settings: Settings, key: SigningKey) -> None:
        self.settings = settings
        self.jwks = Jwks()
        self._key = key
        self._token: _Token | None = None
        self._issuer_checked = False

    def call(self, call: Call) -> Flow[Reply]:
        """The hub's answer to a call. Raises: ProblemError, NetworkError, each with the call's Idempotency-Key."""
        try:
            return (yield from self._insist(lambda: self._request(call), call))
        except YizhengError as error:
            error.idempotency_key = call.key
            raise

    def json(self, call: Call) -> Flow[Mapping[str, Any]]:
        """The answer as JSON."""
        reply = yield from self.call(call)
        try:
            return read_object(reply)
        except NetworkError as error:
            error.idempotency_key = call.key
            raise

    def verified(self, check: Callable[[Jwks], T], *, key: str | None = None) -> Flow[T]:
        """What `check` finds with the hub's keys; they are fetched again once when one is unknown.

        Raises: VerificationError, with `key`, that of the call which was answered.
        """
        try:
            known = self.jwks
            try:
                return check(known)
            except UnknownKeyError:
                yield Alone(self._fetch_keys(known))
            return check(self.jwks)
        except YizhengError as error:
            error.idempotency_key = key
            raise

    def fetch_keys(self) -> Flow[Jwks]:
        """The hub's keys as they are now, with all that were known before."""
        yield Alone(self._fetch_keys(self.jwks))
        return self.jwks

    def _fetch_keys(self, known: Jwks) -> Flow[None]:
        if self.jwks is not known:
            return  # another call fetched them while this one waited
        answer = yield from self.call(Call("GET", "/.well-known/jwks.json", signed_in=False))
        self.jwks = known.merged(Jwks.read(answer.body))

    def _insist(self, build: Callable[[], Flow[Request]], call: Call) -> Flow[Reply]:
        """Send until there is an answer that a repetition would not change, or patience ends."""
        attempt, renewed = 0, False
        while True:
            reply: Reply | Failure = yield (yield from build())
            if isinstance(reply, Reply) and 200 <= reply.status < 300:
                return reply
            error = _error_of(reply)
            if error.status == 401 and call.signed_in and not renewed:
                self._token, renewed = None, True  # a token may end early: once, at once, with a new one
                continue
            attempt += 1
            asked = error.retry_after if isinstance(error, ProblemError) else None
            wait = self.settings.retries.wait(attempt, asked) if _may_repeat(call, reply, error) else None
            if wait is None:
                error.attempts = attempt
                raise error
            yield Pause(wait)

    def _request(self, call: Call) -> Flow[Request]:
        headers = {"Accept": call.accept, "Accept-Language": self.settings.language}
        if call.signed_in:
            headers["Authorization"] = f"Bearer {(yield from self._access_token())}"
        if call.body is not None:
            headers["Content-Type"] = "application/json"
        if call.key is not None:
            headers["Idempotency-Key"] = call.key
        return Request(call.method, call.path, headers, call.body, call.pieces)

    def _access_token(self) -> Flow[str]:
        token = self._token
        if token is None or time.monotonic() >= token.renew_at:
            yield Alone(self._renew(token))
            token = self._token
        if token is None:  # a 401 of another thread took it away again
            return (yield from self._access_token())
        return token.value

    def _renew(self, seen: _Token | None) -> Flow[None]:
        if self._token is not None and self._token is not seen:
            return
        yield from self._check_issuer()
        reply = yield from self._insist(self._token_request, Call("POST", "/oauth/token", signed_in=False))
        given = read_object(reply)
        value, seconds = given.get("access_token"), given.get("expires_in", 60)
        if not isinstance(value, str) or not isinstance(seconds, int | float):
            raise NetworkError("not_the_hub", reply.status)
        self._token = _Token(value, time.monotonic() + seconds - min(30.0, seconds / 4))

    def _check_issuer(self) -> Flow[None]:
        """RFC 8414 §3.3: an assertion for a hub that calls itself otherwise could be used at that other one."""
        if self._issuer_checked:
            return
        path = "/.well-known/oauth-authorization-server"
        given = read_object((yield from self.call(Call("GET", path, signed_in=False))))
        if given.get("issuer") != self.settings.issuer:
            raise ConfigurationError(
                f"the hub at {self.settings.base_url} calls itself otherwise: pass its name as issuer"
            )
        self._issuer_checked = True

    def _token_request(self) -> Flow[Request]:
        """A new assertion for each attempt: one works once, even if its answer was lost."""
        yield from ()
        client_id, now = self.settings.client_id, int(time.time())
        claims = {"iss": client_id, "sub": client_id, "aud": self.settings.issuer, "jti": str(uuid.uuid4())}
        times = {"iat": now - 5, "exp": now + 50}  # the hub allows 60 s in all, and clocks differ
        assertion = self._key.sign({**claims, **times}, typ="client-authentication+jwt")
        form = f"grant_type=client_credentials&client_assertion_type={ASSERTION_TYPE}&client_assertion={assertion}"
        headers = {"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded"}
        return Request("POST", "/oauth/token", headers, form.replace(":", "%3A").encode())


def checked(settings: Settings) -> Settings:
    """The settings with the base URL in one form. Raises: ConfigurationError."""
    url = urlsplit(settings.base_url)
    if url.scheme not in {"http", "https"} or not url.hostname or url.query or url.fragment or url.username:
        raise ConfigurationError("base_url has the form https://host or https://host:port")
    if url.scheme == "http" and url.hostname not in _LOOPBACK:
        raise ConfigurationError("tokens and personal data do not travel over plain http: use https")
    base = settings.base_url.rstrip("/")
    return replace(settings, base_url=base, issuer=settings.issuer or base)


def read_object(reply: Reply) -> Mapping[str, Any]:
    """The JSON object in an answer. Raises: NetworkError: there is none, so it is not the hub's."""
    try:
        found = read_json(reply.body)
    except VerificationError as error:
        raise NetworkError("not_the_hub", reply.status) from error
    if not isinstance(found, dict):
        raise NetworkError("not_the_hub", reply.status)
    return found


def _error_of(reply: Reply | Failure) -> NetworkError | ProblemError:
    if isinstance(reply, Failure):
        return NetworkError(reply.reason)
    if reply.headers.get("content-type", "").partition(";")[0].strip() == "application/problem+json":
        try:
            document = read_object(reply)
        except NetworkError as error:
            return error
        return problem_error(document, status=reply.status, retry_after=_retry_after(reply, document))
    return NetworkError("not_the_hub", reply.status)


def _may_repeat(call: Call, reply: Reply | Failure, error: NetworkError | ProblemError) -> bool:
    if isinstance(error, ProblemError):
        return error.retryable and error.status != 401 and (call.repeatable or error.slug in _NOTHING_WRITTEN)
    if isinstance(reply, Failure):
        return error.reason != "too_large" and (call.repeatable or not reply.sent)
    return call.repeatable and reply.status in _BETWEEN


def _retry_after(reply: Reply, document: Mapping[str, Any]) -> float | None:
    for given in (reply.headers.get("retry-after"), document.get("retry_after_seconds")):
        try:
            return max(0.0, float(given))  # type: ignore[arg-type]  # absent or a date: the next one
        except (TypeError, ValueError):
            continue
    return None
