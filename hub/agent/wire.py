"""What hub and agent say to each other, and how either knows the other: signed questions, signed answers.

A question is a JWS of the hub's key, which the agent has pinned; an answer is a JWS of the agent's key over the
question's id and the digest of its content. Both name their audience, live for a minute or two, and count once.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, get_args

from adapters.errors import (
    DefinitionFaultError,
    DeniedError,
    FaultyAnswerError,
    SourceError,
    TimedOutError,
    TimeoutPhase,
    UnreachableError,
    UnreachableReason,
)
from adapters.port import Budget, Context, Value
from signing.canonical import b64u, sha256
from signing.errors import ClaimError
from signing.jose import read_header, sign_jws, verify_jwt
from signing.keys import Signer, VerifyingKey

QUESTION_TYPE: Final = "agent-question+jwt"
DELIVERY_TYPE: Final = "agent-delivery+jwt"
ANSWER_TYPE: Final = "agent-answer+jwt"
LIFETIME: Final = timedelta(seconds=120)
"""What a token may live beyond the time of its question: room for clocks that are not quite right."""
MAX_LIFETIME: Final = timedelta(seconds=300)
MAX_QUESTION_BYTES: Final = 262_144
MAX_CONTENT_BYTES: Final = 16_777_216
MAX_WAIT_SECONDS: Final = 25.0
ANSWER_HEADER: Final = "Agent-Answer"
"""Where the token of an answer stands when its content is the body."""
CONTENT_TYPE: Final = "application/octet-stream"
_CODE: Final = re.compile(r"[A-Za-z0-9_./~-]{0,100}", re.ASCII)
_REQUIRED: Final = frozenset({"iss", "aud", "exp", "iat", "jti"})


@dataclass(frozen=True, slots=True)
class Question:
    """One question to an agent. `attempt` above 1: an agent that had it before died."""

    id: str
    source: str
    operation: str
    attempt: int
    params: Mapping[str, Value] = field(repr=False)
    budget: Budget
    context: Context


@dataclass(frozen=True, slots=True)
class Delivery:
    """One effect that an agent is to bring about, once; `id` is its idempotency key."""

    id: str
    source: str
    operation: str
    fields: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Party:
    """Who signs to whom: the `iss` and `aud` of a token."""

    issuer: str
    audience: str


def sign_question(question: Question, *, signer: Signer, party: Party, now: datetime) -> str:
    """The question as the agent is given it."""
    claims = _claims(party, question.id, now, timedelta(seconds=question.budget.total_seconds)) | {
        "source": question.source,
        "operation": question.operation,
        "attempt": question.attempt,
        "params": dict(question.params),
        "budget": asdict(question.budget),
        "context": asdict(question.context),
    }
    return sign_jws(claims, signer=signer, typ=QUESTION_TYPE)


def sign_delivery(delivery: Delivery, *, jti: str, signer: Signer, party: Party, now: datetime) -> str:
    """The delivery as the agent is given it; every handing over has a `jti` of its own."""
    claims = _claims(party, jti, now, timedelta()) | {
        "delivery": delivery.id,
        "source": delivery.source,
        "operation": delivery.operation,
        "fields": dict(delivery.fields),
    }
    return sign_jws(claims, signer=signer, typ=DELIVERY_TYPE)


def read_item(
    token: str, *, keys: Collection[VerifyingKey], party: Party, source: str, now: datetime
) -> tuple[Question | Delivery, str, int]:
    """What the hub sent, its `jti` and `exp`, checked but for having been seen before.

    Raises: SigningError: not signed by a pinned key, of another kind, for another agent or source, expired.
    """
    header = read_header(token, max_bytes=MAX_QUESTION_BYTES)
    key = next((key for key in keys if key.kid == header.get("kid")), None)
    if key is None:
        raise ClaimError("kid")
    claims = verify_jwt(
        token,
        key=key,
        typ=frozenset({QUESTION_TYPE, DELIVERY_TYPE}),
        issuer=party.issuer,
        audience=party.audience,
        now=now,
        max_lifetime=MAX_LIFETIME,
        required=_REQUIRED | {"source", "operation"},
        max_bytes=MAX_QUESTION_BYTES,
    )
    if claims["source"] != source:
        raise ClaimError("source")
    return _item(claims, header["typ"]), claims["jti"], claims["exp"]


def _item(claims: dict[str, Any], kind: str) -> Question | Delivery:
    try:
        if kind == DELIVERY_TYPE:
            return Delivery(str(claims["delivery"]), claims["source"], str(claims["operation"]), dict(claims["fields"]))
        return Question(
            id=claims["jti"],
            source=claims["source"],
            operation=str(claims["operation"]),
            attempt=int(claims["attempt"]),
            params=dict(claims["params"]),
            budget=Budget(**claims["budget"]),
            context=Context(**claims["context"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ClaimError("shape") from error


def sign_answer(
    subject: str, content: bytes, error: SourceError | None, *, signer: Signer, party: Party, jti: str, now: datetime
) -> str:
    """The agent's word on a question or a delivery: the digest of what goes with it, or the error instead."""
    said: dict[str, Any] = {"error": error_as_json(error)} if error else {"content": b64u(sha256(content))}
    return sign_jws(_claims(party, jti, now, timedelta()) | {"re": subject} | said, signer=signer, typ=ANSWER_TYPE)


def read_answer(
    token: str, content: bytes, *, subject: str, key: VerifyingKey, party: Party, now: datetime
) -> SourceError | None:
    """Check an answer to `subject`; the error it tells of, or None when `content` is what was signed.

    Raises: SigningError for anything that is not this agent's word on this subject and this content.
    """
    claims = verify_jwt(
        token,
        key=key,
        typ=ANSWER_TYPE,
        issuer=party.issuer,
        audience=party.audience,
        now=now,
        max_lifetime=MAX_LIFETIME,
        required=_REQUIRED | {"re"},
    )
    if claims["re"] != subject:
        raise ClaimError("re")
    if "error" in claims:
        return error_of(claims["error"])
    if claims.get("content") != b64u(sha256(content)):
        raise ClaimError("content")
    return None


def error_as_json(error: SourceError) -> dict[str, str]:
    """A source's error for the wire: its class and codes, never a value."""
    match error:
        case UnreachableError():
            return {"kind": "unreachable", "reason": error.reason}
        case TimedOutError():
            return {"kind": "timed_out", "reason": error.phase}
        case DeniedError():
            return {"kind": "denied"}
        case DefinitionFaultError():
            return {"kind": "definition", "pointer": error.pointer, "reason": error.rule}
        case FaultyAnswerError():
            return {"kind": "faulty", "reason": error.reason}
        case _:
            return {"kind": "faulty", "reason": "unexpected"}


def error_of(value: Any) -> SourceError:
    """The error that an agent told of; what it should not be able to say is a faulty answer."""
    told = value if isinstance(value, dict) else {}
    kind, reason, pointer = (str(told.get(name, "")) for name in ("kind", "reason", "pointer"))
    if not (_CODE.fullmatch(reason) and _CODE.fullmatch(pointer)):
        return FaultyAnswerError("agent")
    if kind == "unreachable" and reason in get_args(UnreachableReason):
        return UnreachableError(reason)  # type: ignore[arg-type]  # one of the literals
    if kind == "timed_out" and reason in get_args(TimeoutPhase):
        return TimedOutError(reason)  # type: ignore[arg-type]
    if kind == "denied":
        return DeniedError("denied")
    if kind == "definition":
        return DefinitionFaultError(pointer, reason)
    return FaultyAnswerError(reason if kind == "faulty" and reason else "agent")


def _claims(party: Party, jti: str, now: datetime, more: timedelta) -> dict[str, Any]:
    seconds = int(now.timestamp())
    living = min(LIFETIME + more, MAX_LIFETIME)
    return {
        "iss": party.issuer,
        "aud": party.audience,
        "jti": jti,
        "iat": seconds,
        "exp": seconds + int(living.total_seconds()),
    }
