"""A case as it is opened 收件: checked against its matter, written once, also when a key repeats."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection

from catalog.matters.values import Matter
from hub.access.service import Caller
from hub.clock import BEIJING, new_id
from hub.intake import store
from hub.intake.errors import DuplicateCaseError, FactError, IdempotencyError, PartyError, UnknownMatterError
from hub.intake.facts import checked_facts, facts_place
from hub.intake.handling.clocks import CaseClocks
from hub.intake.parties import PartyInput, check_agents, check_roles, checked_number, numbered, seated
from hub.issuing.plan import lookup_hash, name_hash
from hub.ledger.entries import Draft, append, seal
from hub.registry.matters.guard import MatterBook
from hub.storage.crash import crash_at
from hub.storage.errors import ConflictError
from hub.storage.idempotency import RequestKey, find_effect, record_effect
from hub.storage.vault import DataKey, Vault
from signing.canonical import canonical

_ALPHABET: Final = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
_NUMBER_LENGTH: Final = 20
_FILED_BEFORE: Final = timedelta(days=365)
"""How long ago a case may have been filed that is opened today: one that was taken on paper."""


@dataclass(frozen=True, slots=True)
class Opening:
    """What an intake system says of a new case."""

    matter: str
    kind: str
    parties: Sequence[PartyInput]
    subjects: Sequence[dict[str, str]]
    operator: dict[str, str]
    channel: str
    external_no: str
    corroboration: Sequence[dict[str, str]]
    facts: Mapping[str, Any] = field(default_factory=dict)
    """Answers to the matter's questions, as JSON."""
    filed_on: date | None = None
    """By whose law it is judged; None: today."""
    also: Callable[[Connection, str, str], None] | None = field(default=None, repr=False, compare=False)
    """What must happen with it or not at all, in its transaction: called with its id and number."""
    agents: Sequence[PartyInput] = ()
    """Who acts for which party, as the hub itself knows; the matter need not have a role for them."""


class Openings:
    """The unit that opens a case."""

    def __init__(
        self, vault: Vault, matters: MatterBook, clocks: CaseClocks, *, sandbox_numbers: frozenset[str]
    ) -> None:
        """`sandbox_numbers` are the sample persons: cases of sandbox credentials take nobody else."""
        self._vault = vault
        self._matters = matters
        self._clocks = clocks
        self._sandbox_numbers = sandbox_numbers

    def open_in(
        self,
        tx: Connection,
        caller: Caller,
        opening: Opening,
        request: RequestKey | None,
        now: datetime,
        found: tuple[str, Matter] | None = None,
    ) -> store.Case:
        """The new case, or the one that this request opened before; `found`: the matter's version, if it was read.

        Raises: UnknownMatterError, PartyError, FactError, IdempotencyError; ConflictError: somebody was first.
        """
        known = self._known(tx, request, now)
        if known is not None:
            return known
        today = now.astimezone(BEIJING).date()
        found = found or self._matters.opening(tx, opening.matter, opening.filed_on or today)
        if found is None:
            raise UnknownMatterError
        matter = found[1]
        check_roles(matter, opening.parties)
        keys = numbered([party.role for party in opening.parties])
        check_agents(matter, keys, opening.parties, opening.corroboration)
        more, agents = seated(matter, keys, opening.agents)
        facts = checked_facts(matter, opening.facts)
        if opening.filed_on is not None and not today - _FILED_BEFORE <= opening.filed_on <= today:
            raise FactError("/filed_on", "out_of_range")
        if caller.sandbox:
            self._check_sample(opening.parties)
        key, case_id = self._vault.new_data_key(), new_id()
        row = _case_row(caller, opening, found, facts, case_id=case_id, key=key, now=now)
        case_no = row["case_no"]
        store.add_case(
            tx,
            row,
            [
                party_row(self._vault, case_id, key, name, party, index)
                for index, (name, party) in enumerate(zip([*keys, *more], [*opening.parties, *agents], strict=True))
            ],
        )
        detail = _told(caller, opening, matter, facts, case_no)
        append(tx, [seal(Draft(kind=caller.marked("case.open"), detail=detail, key=key, case_id=case_id), now=now)])
        if opening.also is not None:
            opening.also(tx, case_id, case_no)
        if request is not None:
            record_effect(tx, request, case_id, now=now)
        crash_at("case.opening")
        case = store.find_case(tx, case_no)
        assert case is not None  # noqa: S101  # written two statements above, in this transaction
        if matter.accept_days is not None:
            self._clocks.order(tx, case, now)
        return case

    def _check_sample(self, parties: Sequence[PartyInput]) -> None:
        for index, party in enumerate(parties):
            number = checked_number(party, index)
            if number is not None and number not in self._sandbox_numbers:
                raise PartyError(f"/parties/{index}/id_number", "sample_persons_only")

    def _known(self, tx: Connection, request: RequestKey | None, now: datetime) -> store.Case | None:
        effect = find_effect(tx, request, now=now) if request else None
        if effect is None:
            return None
        object_id, same = effect
        if not same:
            raise IdempotencyError
        return store.case_by_id(tx, object_id)

    def after_conflict(
        self, tx: Connection, caller: Caller, opening: Opening, request: RequestKey | None, now: datetime
    ) -> store.Case:
        """Somebody committed first: either our own twin, or a case with the same external number."""
        known = self._known(tx, request, now)
        if known is not None:
            return known
        case_no = store.find_case_no(tx, caller.system_id, opening.external_no)
        if case_no is None:
            raise ConflictError("cases")
        raise DuplicateCaseError(case_no)


def party_row(
    vault: Vault,
    case_id: str,
    key: DataKey,
    name: str,
    party: PartyInput,
    index: int,
    *,
    origin: str | None = None,
    party_id: str | None = None,
) -> dict[str, Any]:
    """A party as it is stored; `origin`: the requirement that named it. Raises: PartyError."""
    party_id = party_id or new_id()
    number = checked_number(party, index)
    identity = {"name": party.name, "id_number": number}
    return {
        "id": party_id,
        "case_id": case_id,
        "role": name,
        "id_type": party.id_type,
        "lookup_hash": lookup_hash(vault, party.id_type, number) if party.id_type and number else None,
        "name_hash": name_hash(vault, party.name),
        "identity": key.encrypt(store.identity_place(party_id), canonical(identity)),
        "acts_for": party.acts_for,
        "mandate": party.mandate if party.acts_for else None,
        "origin": origin,
    }


def _case_row(
    caller: Caller,
    opening: Opening,
    found: tuple[str, Matter],
    facts: Mapping[str, Any],
    *,
    case_id: str,
    key: DataKey,
    now: datetime,
) -> dict[str, Any]:
    """The row of a new case, under a number drawn for it."""
    matter_id, matter = found
    return {
        "id": case_id,
        "case_no": "YZ" + "".join(secrets.choice(_ALPHABET) for _ in range(_NUMBER_LENGTH)),
        "owner_department_id": caller.department_id,
        "system_id": caller.system_id,
        "external_no": opening.external_no,
        "matter_id": matter_id,
        "matter_code": matter.code,
        "kind": opening.kind,
        "channel": opening.channel,
        "state": "open",
        "subjects": list(opening.subjects),
        "corroboration": list(opening.corroboration),
        "operator": key.encrypt(store.operator_place(case_id), canonical(opening.operator)),
        "data_key": key.wrapped,
        "kek_kid": key.kek_kid,
        "opened_at": now,
        "facts": key.encrypt(facts_place(case_id), canonical(facts)) if facts else None,
        "filed_on": opening.filed_on.isoformat() if opening.filed_on else None,
    }


def _told(caller: Caller, opening: Opening, matter: Matter, facts: Mapping[str, Any], case_no: str) -> dict[str, Any]:
    """What the ledger says of its opening: of the facts, which were given."""
    detail = {
        "case_no": case_no,
        "matter": matter.code,
        "client_id": caller.client_id,
        "department_id": caller.department_id,
        "operator": opening.operator,
        "kind": opening.kind,
    }
    return detail | ({"facts": sorted(facts)} if facts else {})
