"""What a run works with: whom it asks as whom about whom, raw calls, and what earlier checks left for later ones."""

import json
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Self

import httpx2

from yizheng_client.conformance.listening import Listening
from yizheng_client.conformance.report import NotSoError, SkippedError, same, want
from yizheng_client.errors import ConfigurationError
from yizheng_client.jose import Jwks, SigningKey, write_json
from yizheng_client.session import ASSERTION_TYPE
from yizheng_client.verifying import SANDBOX_PREFIX

PROBLEM_TYPE: Final = "application/problem+json"
PROBLEM_MEMBERS: Final = {"type", "title", "status", "who_must_act", "retryable", "instance"}


@dataclass(frozen=True, slots=True)
class Told:
    """What to ask about: a matter, its parties, a granted purpose; what must come out, where that is known."""

    matter: str
    parties: tuple[Mapping[str, Any], ...] = field(repr=False)
    purpose: str
    expect: Mapping[str, str] = field(default_factory=dict)
    corroboration: tuple[Mapping[str, Any], ...] = ()
    interface: str | None = None
    """One that this system may ask about the first party."""

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> Self:
        """From a case file. Raises: ConfigurationError."""
        try:
            return cls(
                str(given["matter"]),
                tuple(given["parties"]),
                str(given["purpose"]),
                dict(given.get("expect") or {}),
                tuple(given.get("corroboration") or ()),
                given.get("interface"),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ConfigurationError("the case file wants matter, parties and purpose") from error

    @classmethod
    def of_sample(cls, sample: Mapping[str, Any], client_id: str) -> Self:
        """The sample city's case for this system: the holder of whom most is known. Raises: ConfigurationError."""
        system = next((item for item in sample["systems"] if item["client_id"] == client_id), None)
        if system is None or not system.get("matters"):
            raise ConfigurationError("sample.json has no such system, or no matter of it")
        matters = {item["code"]: item for item in sample["matters"]}
        best: tuple[int, Mapping[str, Any], Mapping[str, Any]] | None = None
        for code in system["matters"]:
            listed = matters[code]["requirements"]
            role = listed[0]["party"]
            refused = set(system.get("not_granted") or ())
            for holder in (item for item in sample["holders"] if item.get("party") == role):
                expect = {
                    item["code"]: "not_granted" if item["code"] in refused else holder["expect"][item["code"]]
                    for item in listed
                    if item["party"] == role and item["code"] in holder["expect"]
                }
                known = sum(value == "satisfied" for value in expect.values())
                if best is None or known > best[0]:
                    best = known, {"matter": code, "role": role, "expect": expect}, holder
        if best is None:
            raise ConfigurationError("sample.json has no holders")
        _, chosen, holder = best
        party = {"role": chosen["role"], **{name: holder[name] for name in ("id_type", "id_number", "name")}}
        mine = {"client_id": client_id}.items()
        asked = (
            item["code"]
            for item in sample.get("interfaces") or ()
            if item["party"] == holder["id_type"]
            and any(mine <= grant.items() and chosen["matter"] in grant["matters"] for grant in item["grants"])
        )
        shown = tuple(sample.get("corroboration") or ())
        return cls(chosen["matter"], (party,), system["purpose"], chosen["expect"], shown, next(asked, None))


@dataclass(slots=True)
class HubUnder:
    """A hub under examination, as one system sees it."""

    http: httpx2.Client
    issuer: str
    client_id: str
    key: SigningKey = field(repr=False)
    told: Told
    log_key: str | None = None
    listen: str | None = None
    limits: int = 0
    jwks: Jwks = field(default_factory=Jwks)
    token: str = field(default="", repr=False)
    case_no: str = ""
    external_no: str = field(default_factory=lambda: f"conformance-{uuid.uuid4()}")
    evidence_key: str = field(default_factory=lambda: str(uuid.uuid4()))
    evidence: bytes = field(default=b"", repr=False)
    evidence_id: str = ""
    listening: Listening | None = None
    subscription: str = ""

    def stop_listening(self) -> None:
        """Take back what was subscribed, and listen no more."""
        if self.subscription:
            self.http.delete(f"/api/v1/subscriptions/{self.subscription}", headers=self._headers(None))
            self.subscription = ""
        if self.listening is not None:
            self.listening.stop()
            self.listening = None

    @property
    def sandbox(self) -> bool:
        """Whether these credentials reach sample data only."""
        return self.client_id.startswith(SANDBOX_PREFIX)

    def opening(self, **changes: Any) -> dict[str, Any]:
        """The body that opens the case."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        return {
            "matter": self.told.matter,
            "parties": [dict(party) for party in self.told.parties],
            "operator": {"id": "conformance", "name": "一致性检查"},
            "channel": "counter",
            "external_no": self.external_no,
            "corroboration": list(self.told.corroboration)
            or [{"kind": "card_read", "at": now, "reference": "conformance"}],
        } | changes

    def assertion(self, **changes: Any) -> str:
        """A client assertion (RFC 7523)."""
        now = int(time.time())
        claims = {
            "iss": self.client_id, "sub": self.client_id, "aud": self.issuer, "jti": str(uuid.uuid4()), "iat": now - 5,
            "exp": now + 50,
        }  # fmt: skip
        return self.key.sign(claims | changes, typ="client-authentication+jwt")

    def ask_token(self, assertion: str) -> httpx2.Response:
        """Exchange an assertion."""
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": assertion,
        }
        return self.http.post("/oauth/token", data=form)

    def get(self, path: str, **query: str) -> httpx2.Response:
        """GET as this system."""
        return self.http.get(path, params=query or None, headers=self._headers(None))

    def post(
        self, path: str, body: Mapping[str, Any] | bytes | None = None, *, key: str | None = None
    ) -> httpx2.Response:
        """POST these bytes, or this as JSON, as this system."""
        sent = body if isinstance(body, bytes) or body is None else write_json(body)
        headers = self._headers(key) | ({"Content-Type": "application/json"} if sent is not None else {})
        return self.http.post(path, content=sent, headers=headers)

    def streamed(
        self, method: str, path: str, body: bytes | None = None, *, key: str | None = None, last: str | None = None
    ) -> httpx2.Response:
        """A whole stream of events, from behind `last`."""
        headers = self._headers(key) | {"Accept": "text/event-stream"}
        headers |= {"Content-Type": "application/json"} if body is not None else {}
        return self.http.request(
            method, path, content=body, headers=headers | ({"Last-Event-ID": last} if last else {})
        )

    def case_path(self, rest: str = "") -> str:
        """Of the case that an earlier check opened. Raises: SkippedError."""
        if not self.case_no:
            raise SkippedError("no case was opened")
        return f"/api/v1/cases/{self.case_no}{rest}"

    def pulled(self) -> bytes:
        """The evidence that an earlier check got. Raises: SkippedError."""
        if not self.evidence:
            raise SkippedError("no evidence was answered")
        return self.evidence

    def _headers(self, key: str | None) -> dict[str, str]:
        headers = {"Authorization": f"Bearer {self.token}", "Accept-Language": "en"}
        return headers | ({"Idempotency-Key": key} if key else {})


def problem(answer: httpx2.Response, status: int, *slugs: str, canary: str = "") -> Mapping[str, Any]:
    """A whole problem document (RFC 9457) with this status, of one of these kinds, that repeats nothing of `canary`.

    Raises: NotSoError.
    """
    same(answer.status_code, status, "status")
    same(answer.headers.get("content-type", "").partition(";")[0], PROBLEM_TYPE, "content type")
    told: dict[str, Any] = answer.json()
    want(isinstance(told, dict), "the problem is no JSON object")
    lacking = sorted(PROBLEM_MEMBERS - set(told))
    want(not lacking, f"members lacking: {', '.join(lacking)}")
    slug = str(told["type"]).rpartition("/")[2]
    if slug not in slugs:
        raise NotSoError(f"problem {slug}, should be {' or '.join(slugs)}")
    same(told["status"], status, "its member status")
    want(not canary or canary not in answer.text, "it repeats what was sent")
    if told["retryable"] and status in {409, 429, 503}:
        want(answer.headers.get("retry-after"), "retryable, and no Retry-After")
    return told


def read_file(path: Path) -> Any:
    """JSON of a file. Raises: ConfigurationError."""
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path.name} cannot be read as JSON") from error
