"""A question as a caller asks it, and the parameters that the hub makes of it. Pure.

A caller names a party of the case by role, never a number: what is asked about a person follows from the case alone
(a clerk cannot look up a neighbour who has none).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from adapters.port import Value
from catalog.interfaces import Interface, Origin, Param
from hub.exchange.errors import QuestionError


@dataclass(frozen=True, slots=True)
class QueryCall:
    """One question as it came in. `fields` None asks for all that the grant covers.

    `purpose` None is the grant's own: only for callers whose dialect has no word for it.
    """

    interface: str
    case_no: str
    purpose: str | None
    party: str | None
    subject: int | None
    params: Mapping[str, Value] = field(repr=False)
    fields: tuple[str, ...] | None
    material: str
    language: str
    request_hash: str
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True)
class Identity:
    """A party in clear, for the source alone."""

    id_type: str | None
    id_number: str | None = field(repr=False)
    name: str = field(repr=False)


def needs_party(interface: Interface) -> bool:
    """Whether the interface is asked about a person or company of the case."""
    return any(param.origin in {Origin.PARTY_ID, Origin.PARTY_NAME} for param in interface.params.values())


def bind_params(
    interface: Interface, call: QueryCall, party: Identity | None, subjects: Sequence[Mapping[str, str]]
) -> dict[str, Value]:
    """The parameters of a question: every declared one, from where it is declared to come from.

    Raises: QuestionError for a party, subject or parameter that is missing, of the wrong kind, or not asked for. What
    the caller gives is checked against its schema by `hub.exchange.contract`.
    """
    given = {name for name, param in interface.params.items() if param.origin is Origin.CALLER}
    if not given.issuperset(call.params):
        raise QuestionError("/params", "unknown_parameter")
    return {name: _bound(param, call, party, subjects) for name, param in interface.params.items()}


def _bound(param: Param, call: QueryCall, party: Identity | None, subjects: Sequence[Mapping[str, str]]) -> Value:
    match param.origin:
        case Origin.CALLER:
            if param.name not in call.params:
                raise QuestionError(f"/params/{param.name}", "missing")
            return call.params[param.name]
        case Origin.SUBJECT:
            if call.subject is None or not 0 <= call.subject < len(subjects):
                raise QuestionError("/subject", "no_such_subject")
            return subjects[call.subject]["code"]
        case Origin.PARTY_NAME:
            return _party(party).name
        case Origin.PARTY_ID:
            found = _party(party)
            if found.id_number is None:
                raise QuestionError("/party", "party_without_number")
            if param.id_type is not None and found.id_type != param.id_type:
                raise QuestionError("/party", "wrong_id_type")
            return found.id_number


def _party(party: Identity | None) -> Identity:
    if party is None:
        raise QuestionError("/party", "missing")
    return party
