"""Client of a Yizheng 一证 hub: open a case, ask for evidence, query sources, and verify every answer.

    with Client("https://hub.example", client_id="one-window-intake", key=pem) as hub:
        case = hub.open_case(matter="food_business_permit", parties=[…], operator=…, channel="counter", external_no="1")
        answer = hub.query("enterprise_by_uscc", case_no=case.case_no, purpose="办理食品经营许可")

Stable names are those of `__all__`; verifying without a hub needs `Jwks` and the `verify_…` functions only.
"""

from yizheng_client.async_client import AsyncClient
from yizheng_client.catalogue import Entry, Grant, GrantRequest, SearchPage, Verdict, Wish
from yizheng_client.client import Client
from yizheng_client.errors import (
    AuthenticationError,
    ConfigurationError,
    ConflictError,
    Fault,
    HubError,
    InvalidRequestError,
    NetworkError,
    NotFoundError,
    NotPermittedError,
    ProblemError,
    RateLimitedError,
    UnknownKeyError,
    VerificationError,
    YizhengError,
)
from yizheng_client.jose import Jwks
from yizheng_client.log import Logged, check_receipt
from yizheng_client.models import (
    Case,
    CaseEvent,
    Corroboration,
    Evidence,
    EvidenceAnswer,
    Operator,
    Outcome,
    Party,
    QueryAnswer,
    Receipt,
    RequirementAnswer,
    Subject,
    Why,
)
from yizheng_client.session import Retries
from yizheng_client.streaming import Turned
from yizheng_client.verifying import Expected, request_hash, verify_evidence, verify_query_answer, verify_receipt

__all__ = [
    "AsyncClient",
    "AuthenticationError",
    "Case",
    "CaseEvent",
    "Client",
    "ConfigurationError",
    "ConflictError",
    "Corroboration",
    "Entry",
    "Evidence",
    "EvidenceAnswer",
    "Expected",
    "Fault",
    "Grant",
    "GrantRequest",
    "HubError",
    "InvalidRequestError",
    "Jwks",
    "Logged",
    "NetworkError",
    "NotFoundError",
    "NotPermittedError",
    "Operator",
    "Outcome",
    "Party",
    "ProblemError",
    "QueryAnswer",
    "RateLimitedError",
    "Receipt",
    "RequirementAnswer",
    "Retries",
    "SearchPage",
    "Subject",
    "Turned",
    "UnknownKeyError",
    "Verdict",
    "VerificationError",
    "Why",
    "Wish",
    "YizhengError",
    "check_receipt",
    "request_hash",
    "verify_evidence",
    "verify_query_answer",
    "verify_receipt",
]
