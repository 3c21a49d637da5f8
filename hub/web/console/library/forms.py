"""What the library's forms have in common: claims as inputs by their schema, the reason of an act, check before send.

A form is sent to its own page with a `step`: `check` shows the answers, `edit` the form again, `send` does it. Between
them the answers travel in the page itself; what is personal is stored nowhere before it is a licence.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from catalog.errors import IdentifierError
from catalog.identifiers import CITIZEN_ID, USCC, normalise_id
from certificates.claims import Claim, Format
from certificates.definitions.certificate_type import CertificateType
from certificates.errors import ActError, ClaimsError, TransitionError, TypeHaltedError
from certificates.lifecycle.rules import REASON_WORDS, RULES, By, Reason
from certificates.lifecycle.states import MAKING, Operation
from hub.collection.errors import NotEntitledError
from hub.issuing.keys.errors import SigningKeyError
from hub.issuing.transitions.acts import Act
from hub.issuing.transitions.arriving import Arrival, taken_over
from hub.issuing.transitions.service import Outcome
from hub.registry.meanings import Words
from hub.registry.requests.errors import NoSecondPersonError
from hub.storage.errors import SignerUnavailableError
from hub.web.console.forms import FieldError, Form
from hub.web.console.library.words import ORIGIN_WORDS, STATUSES, act_fault, claim_faults

ACT_FIELDS: Final = ("reason_code", "reason", "legal_basis")
NO_SECOND: Final = FieldError(
    "",
    "本部门没有可以复核的第二名审批人，请平台运行人员先指定一名",
    "Your department has no second approver who could confirm: have the hub's operator appoint one first",
)
REFUSED: Final = (
    NoSecondPersonError,
    ActError,
    ClaimsError,
    TransitionError,
    TypeHaltedError,
    NotEntitledError,
    SigningKeyError,
    SignerUnavailableError,
)
"""What a form shows above itself, with everything that was typed still there."""
_NUMBERS: Final = {Format.USCC: USCC, Format.CITIZEN_ID: CITIZEN_ID}
_ORIGIN: Final = ("identifier", "number", "authority", "released")
"""What the form asks about a licence of another place."""
_AT_REGISTER: Final = frozenset({Reason.REGISTER_CHANGED, Reason.REGISTER_MISSING, Reason.REGISTER_REVOKED})


@dataclass(frozen=True, slots=True)
class Answer:
    """One line of the page on which answers are checked. `value_en` where the value has words of its own in English."""

    zh: str
    en: str
    value: str
    value_en: str = ""


def claims_in(kind: CertificateType, given: Form) -> dict[str, Any]:
    """The claims that a form says: what is empty is left out, numbers in their canonical spelling."""
    found = {}
    for claim in kind.claims.values():
        text = given.text(f"c.{claim.name}")
        if text:
            found[claim.name] = _value(claim, text)
    return found


def shown_claims(kind: CertificateType, claims: Mapping[str, Any]) -> dict[str, str]:
    """The inputs of a form for these claims."""
    return {f"c.{name}": str(claims[name]) for name in kind.claims if name in claims}


def reasons_of(operation: Operation) -> list[tuple[str, Words]]:
    """Reasons to choose from; those of a register are no officer's."""
    found = [reason for reason in Reason if reason in RULES[operation].reasons and reason not in _AT_REGISTER]
    return [(reason.value, REASON_WORDS[reason]) for reason in found]


def act_in(operation: Operation, given: Form, claims: Mapping[str, Any] | None, arrival: Arrival | None = None) -> Act:
    """The act that a form asks for. `arrival`: the licence that it takes over, where it was shown. Raises: ActError."""
    said = {name: given.text(name) or None for name in (*ACT_FIELDS, "effective_at", "issued_on")}
    origin = {name: given.text(f"origin.{name}") for name in _ORIGIN}
    if arrival is not None:
        origin |= {name: arrival.origin[name] for name in ("identifier", "number")}
    origin = {name: text for name, text in origin.items() if text}
    return Act.read({**said, "operation": operation.value, "claims": claims, "origin": origin or None})


def faults_of(
    operation: Operation,
    given: Form,
    kind: CertificateType,
    claims: Mapping[str, Any] | None,
    by: By,
    arrival: Arrival | None = None,
) -> list[FieldError]:
    """Everything wrong with a form, in the order of its fields."""
    found: list[FieldError] = []
    if claims is not None:
        try:
            kind.require_claims(dict(claims))
        except ClaimsError as error:
            order = [f"c.{name}" for name in kind.claims]
            faults = claim_faults(error, kind)
            found += sorted(faults, key=lambda item: order.index(item.field) if item.field in order else -1)
    for name in ACT_FIELDS:
        if not 0 < len(given.text(name)) <= 500:
            found.append(act_fault(ActError(name, "required")))
    if any(item.field in ACT_FIELDS for item in found):
        return found
    try:
        act = taken_over(act_in(operation, given, claims, arrival), arrival)
        act.check(by, of_version=operation not in {Operation.ISSUE, Operation.TRANSFER_IN})
    except ActError as error:
        found.append(act_fault(error))
    return found


def refusal(error: Exception, kind: CertificateType) -> list[FieldError]:
    """Why the library did not do it, in words."""
    match error:
        case ActError():
            return [act_fault(error)]
        case ClaimsError():
            return claim_faults(error, kind)
        case TransitionError():
            zh, en, _ = STATUSES.get(str(error.status), (str(error.status), str(error.status), ""))
            return [FieldError("", f"证照现为{zh}，不能办理此操作", f"It is {en} now: this cannot be done to it")]
        case TypeHaltedError():
            return [FieldError("", "此类证照已停用，暂不颁发", "This type is stopped: nothing of it is issued")]
        case NoSecondPersonError():
            return [NO_SECOND]
        case NotEntitledError():
            return [FieldError("", "本部门不颁发此类证照", "Your department does not issue this type")]
        case _:
            return [
                FieldError(
                    "",
                    "签发密钥现在不能使用，没有签发。请联系平台运行人员",
                    "The signing key cannot be used now, and nothing was signed. Ask the hub's operator",
                )
            ]


def kept_fields(kind: CertificateType, given: Form) -> dict[str, str]:
    """Every field of the form, to travel on with the page that checks it."""
    claims = [f"c.{name}" for name in kind.claims]
    origin = [f"origin.{name}" for name in _ORIGIN]
    names = (*claims, *ACT_FIELDS, "issued_on", "effective_at", *origin, "arrival")
    return {name: given.raw(name) for name in names if given.text(name)}


def answers_of(
    kind: CertificateType, operation: Operation, given: Form, claims: Mapping[str, Any] | None
) -> list[Answer]:
    """What was answered, line by line."""
    lines = []
    for name, (zh, en) in ORIGIN_WORDS.items():
        if given.text(f"origin.{name}"):
            lines.append(Answer(zh, en, given.text(f"origin.{name}")))
    for name, claim in kind.claims.items():
        if claims is not None and (claim.required or name in claims):
            lines.append(Answer(claim.title.zh, claim.title.en, str(claims.get(name, ""))))
    code = given.text("reason_code")
    lines.append(Answer("原因", "Reason", *(REASON_WORDS[Reason(code)] if code in set(Reason) else (code, code))))
    lines.append(Answer("事由", "In words", given.text("reason")))
    lines.append(Answer("法律依据", "Legal basis", given.text("legal_basis")))
    day, title = ("issued_on", ("颁发日期", "Issued on"))
    if operation not in MAKING:
        day, title = ("effective_at", ("生效日期", "Counts from"))
    lines.append(Answer(*title, *((given.text(day),) if given.text(day) else ("今天", "today"))))
    return lines


def told(outcome: Outcome, list_path: str, done: Words) -> tuple[str, Words]:
    """Where to go after it, with what message."""
    if outcome.identifier is None:
        waits = ("已提出，须由本部门另一人复核后生效", "Asked for: somebody else of your department confirms it")
        return f"{list_path}/waiting/{outcome.waiting}", waits
    return f"{list_path}/id/{outcome.identifier}", done


def _value(claim: Claim, text: str) -> Any:
    if claim.format is Format.INTEGER:
        digits = text.replace(",", "").removeprefix("+")
        return int(digits) if digits.removeprefix("-").isascii() and digits.removeprefix("-").isdigit() else text
    if claim.format in _NUMBERS:
        try:
            return normalise_id(_NUMBERS[claim.format], text).value
        except IdentifierError:
            return text
    return text
