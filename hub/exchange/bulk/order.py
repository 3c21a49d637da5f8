"""What a bulk run is asked for: its order, and the list of those it is about, read line by line. Pure.

A list may have a hundred thousand lines: its bytes are in memory, its subjects one at a time.
"""

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final, Protocol

from adapters.port import Value
from catalog.identifiers import normalise_name
from catalog.interfaces import Interface
from catalog.matters.roles import RoleRule
from hub.edge.errors import Fault
from hub.exchange.errors import QuestionError
from hub.exchange.judging import Reader
from hub.exchange.question import Identity, QueryCall, bind_params, needs_party
from hub.intake.errors import PartyError
from hub.intake.parties import PartyInput, check_rule, checked_number
from signing.canonical import strict_loads
from signing.errors import MalformedError

MAX_LINE_BYTES: Final = 4096
_MAX_FAULTS: Final = 20
_MAX_TYPE, _MAX_NUMBER, _MAX_NAME = 8, 40, 200


@dataclass(frozen=True, slots=True)
class BulkOrder:
    """A run as it is asked for. `fields` None asks for all that the grant covers; `params` serve every subject."""

    interface: str
    case_no: str
    purpose: str
    officer: str = field(repr=False)
    fields: tuple[str, ...] | None = None
    params: Mapping[str, Value] = field(default_factory=dict, repr=False)
    language: str = "zh-CN"
    matter: str | None = None
    """Of a campaign over a matter; `interface` is empty then."""
    requirements: tuple[str, ...] | None = None
    """Of it; None asks for all that are about the holder."""

    def call(self) -> QueryCall:
        """The question that is put about each subject."""
        return QueryCall(
            interface=self.interface,
            case_no=self.case_no,
            purpose=self.purpose,
            party=None,
            subject=None,
            params=self.params,
            fields=self.fields,
            material="",
            language=self.language,
            request_hash="",
        )


Listed = tuple[int, Identity | Fault]
"""A place in the list from 0, and who stands there or why it cannot be read."""


class Parties(Protocol):
    """A list that can be read more than once."""

    def __iter__(self) -> Iterator[Listed]: ...


@dataclass(frozen=True, slots=True)
class PartyObjects:
    """A short list that came as JSON."""

    items: tuple[Mapping[str, Any], ...] = field(repr=False)

    def __iter__(self) -> Iterator[Listed]:
        return ((place, _identity(place, item)) for place, item in enumerate(self.items))


@dataclass(frozen=True, slots=True)
class PartyLines:
    """JSON lines, from an offset on; blank ones do not count."""

    raw: bytes = field(repr=False)
    start: int = 0

    def __iter__(self) -> Iterator[Listed]:
        place, at = 0, self.start
        while at < len(self.raw):
            end = self.raw.find(b"\n", at)
            end = len(self.raw) if end < 0 else end
            # Longer lines are not even copied.
            line = self.raw[at : min(end, at + MAX_LINE_BYTES + 1)].strip()
            at = end + 1
            if line:
                yield place, _read(place, line)
                place += 1


def faults_of(parties: Parties, interface: Interface, reader: Reader, order: BulkOrder) -> tuple[int, list[Fault]]:
    """How many there are, and the first faults; the whole list is read. For a thread.

    Each must be one the interface can be asked about. That nobody stands there twice is for whoever stores them.
    """
    call, count = order.call(), 0
    if not needs_party(interface):
        return 0, [Fault("/parties", "not_asked_for")]
    faults: list[Fault] = []
    for place, who in parties:
        count += 1
        fault = who if isinstance(who, Fault) else _unfit(place, who, interface, reader, call)
        if fault is not None:
            faults.append(fault)
            if len(faults) == _MAX_FAULTS:
                break
    return count, faults or ([] if count else [Fault("/parties", "missing")])


def faults_of_holders(parties: Parties, rule: RoleRule, most: int) -> tuple[int, list[Fault]]:
    """The same for a campaign over a matter: each must be one whom its role takes."""
    count, faults = 0, list[Fault]()
    for place, who in parties:
        count += 1
        fault = who if isinstance(who, Fault) else _unfit_holder(place, who, rule)
        if fault is not None:
            faults.append(fault)
            if len(faults) == _MAX_FAULTS:
                break
    if count > most:
        faults.append(Fault("/parties", f"at_most:{most}"))
    return count, faults or ([] if count else [Fault("/parties", "missing")])


def pages_of(parties: Parties, size: int) -> Iterator[list[tuple[int, Identity]]]:
    """The list page by page. It has been checked: what cannot be read is left out."""
    known = ((place, who) for place, who in parties if isinstance(who, Identity))
    return iter(lambda: list(islice(known, size)), [])


def who_is(identity: Identity) -> tuple[str | None, ...]:
    """Whom a row is about, as `bulk_mark.WHO` has it."""
    return identity.id_type, identity.id_number, identity.name


def _unfit(place: int, who: Identity, interface: Interface, reader: Reader, call: QueryCall) -> Fault | None:
    try:
        params = bind_params(interface, call, who, ())
    except QuestionError as error:
        about = error.pointer.startswith("/party")
        return Fault(f"/parties/{place}" if about else error.pointer, error.rule)
    return next((Fault(f"/parties/{place}", fault.rule) for fault in reader.contract.check_params(params)), None)


def _unfit_holder(place: int, who: Identity, rule: RoleRule) -> Fault | None:
    try:
        check_rule(rule, PartyInput("", who.name, who.id_type, who.id_number), f"/parties/{place}")
    except PartyError as error:
        return Fault(error.pointer, error.rule)
    return None


def _read(place: int, line: bytes) -> Identity | Fault:
    try:
        value = strict_loads(line, max_bytes=MAX_LINE_BYTES, max_depth=2)
    except MalformedError as error:
        return Fault(f"/parties/{place}", error.reason)
    return _identity(place, value)


def _identity(place: int, value: Any) -> Identity | Fault:
    where = f"/parties/{place}"
    if not isinstance(value, Mapping) or not value.keys() <= {"id_type", "id_number", "name"}:
        return Fault(where, "members")
    texts: dict[str, str | None] = {}
    for member, most in (("id_type", _MAX_TYPE), ("id_number", _MAX_NUMBER), ("name", _MAX_NAME)):
        text = value.get(member)
        if text is not None and (not isinstance(text, str) or not 1 <= len(text.strip()) <= most):
            return Fault(f"{where}/{member}", "malformed")
        texts[member] = unicodedata.normalize("NFC", text).strip() if text is not None else None
    name = texts["name"]
    if name is None or not normalise_name(name):
        return Fault(f"{where}/name", "missing")
    try:
        number = checked_number(PartyInput("", name, texts["id_type"], texts["id_number"]), place)
    except PartyError as error:
        return Fault(error.pointer, error.rule)
    return Identity(texts["id_type"], number, name)


def count_of(outcomes: Iterable[str], before: Mapping[str, int]) -> dict[str, int]:
    """Counts by outcome, with these."""
    counts = dict(before)
    for outcome in outcomes:
        counts[outcome] = counts.get(outcome, 0) + 1
    return counts
