"""Cases 办件: opened with a matter and its parties by role, closed once; only the system that opened one sees it."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

from catalog.errors import IdentifierError
from catalog.grants import CaseKind
from catalog.identifiers import check, normalise_id
from catalog.matters import Matter
from catalog.store import find_matter
from hub.access.errors import InvalidTokenError
from hub.access.service import Caller
from hub.clock import Clock, new_id
from hub.intake import store
from hub.intake.errors import (
    CaseClosedError,
    CaseNotFoundError,
    DuplicateCaseError,
    IdempotencyError,
    PartyError,
    UnknownMatterError,
)
from hub.issuing.plan import lookup_hash, name_hash
from hub.ledger.entries import Draft, append, seal
from hub.storage.crash import crash_at
from hub.storage.database import Database
from hub.storage.errors import ConflictError
from hub.storage.idempotency import RequestKey, find_effect, record_effect
from hub.storage.vault import DataKey, Vault
from signing.canonical import canonical, strict_loads

_ALPHABET: Final = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
_NUMBER_LENGTH: Final = 20


@dataclass(frozen=True, slots=True)
class PartyInput:
    """A party as the intake system names it. A person without an ID (a newborn) has neither type nor number."""

    role: str
    name: str
    id_type: str | None = None
    id_number: str | None = None


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


class CaseService:
    """Opens, shows and closes cases."""

    def __init__(
        self,
        database: Database,
        *,
        vault: Vault,
        log_key: DataKey,
        clock: Clock,
        sandbox_numbers: frozenset[str] = frozenset(),
        write_back: Callable[[Connection, store.Case, datetime], None] | None = None,
    ) -> None:
        """`sandbox_numbers` are the sample persons: cases of sandbox credentials take nobody else.

        `write_back` runs in the transaction that closes a real case.
        """
        self._write_back = write_back
        self._database = database
        self._sandbox_numbers = sandbox_numbers
        self._vault = vault
        self._log_key = log_key
        self._clock = clock

    async def open(self, caller: Caller, opening: Opening, *, request: RequestKey | None) -> store.Case:
        """Open a case; the same Idempotency-Key gives the same case.

        Raises: UnknownMatterError, PartyError, DuplicateCaseError, IdempotencyError, StorageError.
        """
        now = self._clock()
        try:
            case = await self._database.write(lambda tx: self._open(tx, caller, opening, request, now))
        except ConflictError:
            case = await self._database.write(lambda tx: self._after_conflict(tx, caller, opening, request, now))
        crash_at("case.opened")
        return case

    async def get(self, caller: Caller, case_no: str) -> store.Case:
        """The caller's own case. Raises CaseNotFoundError; a look at somebody else's goes on the ledger."""
        case = await self._database.read(lambda tx: store.find_case(tx, case_no))
        if case is not None and case.system_id == caller.system_id:
            return case
        await self.refuse(caller, "case_not_own" if case else "case_unknown", {"case_no": case_no})
        raise CaseNotFoundError

    async def close(self, caller: Caller, case_no: str) -> store.Case:
        """Close the case: nothing is disclosed for it from this commit on.

        Raises: CaseNotFoundError, CaseClosedError.
        """
        case = await self.get(caller, case_no)
        now = self._clock()
        kind = caller.marked("case.close")
        if not await self._database.write(lambda tx: self._close(tx, case, kind, now)):
            raise CaseClosedError
        crash_at("case.closed")
        return await self.get(caller, case_no)

    async def refuse(
        self, caller: Caller, reason: str, detail: dict[str, Any], *, case: store.Case | None = None
    ) -> None:
        """Put a refusal on the ledger, by itself, before the caller hears of it."""
        key = self._vault.data_key(case.data_key, case.kek_kid) if case else self._log_key
        content = {"reason": reason, "client_id": caller.client_id, **detail}
        draft = Draft(kind=caller.marked("refusal"), detail=content, key=key, case_id=case.id if case else None)
        now = self._clock()
        await self._database.write(lambda tx: append(tx, [seal(draft, now=now)]))

    def _open(
        self, tx: Connection, caller: Caller, opening: Opening, request: RequestKey | None, now: datetime
    ) -> store.Case:
        known = self._known(tx, request, now)
        if known is not None:
            return known
        found = find_matter(tx, opening.matter)
        if found is None:
            raise UnknownMatterError
        matter_id, matter, _ = found
        _check_roles(matter, opening.parties)
        if caller.sandbox:
            self._check_sample(opening.parties)
        key = self._vault.new_data_key()
        case_id = new_id()
        case_no = "YZ" + "".join(secrets.choice(_ALPHABET) for _ in range(_NUMBER_LENGTH))
        row = {
            "id": case_id,
            "case_no": case_no,
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
        }
        store.add_case(
            tx, row, [self._party_row(case_id, key, index, party) for index, party in enumerate(opening.parties)]
        )
        detail = {
            "case_no": case_no,
            "matter": matter.code,
            "client_id": caller.client_id,
            "operator": opening.operator,
            "kind": opening.kind,
        }
        append(tx, [seal(Draft(kind=caller.marked("case.open"), detail=detail, key=key, case_id=case_id), now=now)])
        if request is not None:
            record_effect(tx, request, case_id, now=now)
        crash_at("case.opening")
        case = store.find_case(tx, case_no)
        assert case is not None  # noqa: S101  # written two statements above, in this transaction
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

    def _after_conflict(
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

    def _party_row(self, case_id: str, key: DataKey, index: int, party: PartyInput) -> dict[str, Any]:
        party_id = new_id()
        number = checked_number(party, index)
        identity = {"name": party.name, "id_number": number}
        return {
            "id": party_id,
            "case_id": case_id,
            "role": party.role,
            "id_type": party.id_type,
            "lookup_hash": lookup_hash(self._vault, party.id_type, number) if party.id_type and number else None,
            "name_hash": name_hash(self._vault, party.name),
            "identity": key.encrypt(store.identity_place(party_id), canonical(identity)),
        }

    def _close(self, tx: Connection, case: store.Case, kind: str, now: datetime) -> bool:
        if not store.close_case(tx, case.id, now=now):
            return False
        key = self._vault.data_key(case.data_key, case.kek_kid)
        draft = Draft(kind=kind, detail={"case_no": case.case_no}, key=key, case_id=case.id)
        append(tx, [seal(draft, now=now)])
        if self._write_back is not None and kind == "case.close":
            self._write_back(tx, case, now)
        return True


def hold_case(tx: Connection, case_id: str, *, kid: str | None) -> None:
    """Nothing ends the case, its system or the system's key until this transaction ends.

    `kid` None is for work that goes on by itself: no key asked for it.

    Raises: InvalidTokenError when system or key is out of use, CaseClosedError.
    """
    state, active = store.lock_case(tx, case_id, kid=kid)
    if not active:
        raise InvalidTokenError("client_disabled")
    if state != "open":
        raise CaseClosedError


def officer_of(vault: Vault, case: store.Case) -> str | None:
    """The id of the operator of an ex officio case, whom its grants must name; None for any other case."""
    if case.kind != CaseKind.EX_OFFICIO.value:
        return None
    plain = vault.data_key(case.data_key, case.kek_kid).decrypt(store.operator_place(case.id), case.operator)
    return str(strict_loads(plain, max_bytes=len(plain))["id"])


def _check_roles(matter: Matter, parties: Sequence[PartyInput]) -> None:
    roles = [party.role for party in parties]
    for index, role in enumerate(roles):
        if role not in matter.roles:
            raise PartyError(f"/parties/{index}/role", "unknown_role")
        if role in roles[:index]:
            raise PartyError(f"/parties/{index}/role", "repeated_role")
    if matter.roles[0] not in roles:
        raise PartyError("/parties", f"missing_role:{matter.roles[0]}")


def checked_number(party: PartyInput, index: int) -> str | None:
    """The party's number as it is compared; None without one. Raises: PartyError."""
    if (party.id_type is None) != (party.id_number is None):
        raise PartyError(f"/parties/{index}", "id_type_and_id_number_together")
    if party.id_type is None or party.id_number is None:
        return None
    try:
        normalised = normalise_id(party.id_type, party.id_number)
        check(party.id_type, normalised.value)
    except IdentifierError as error:
        raise PartyError(f"/parties/{index}/id_number", error.reason) from error
    return normalised.value
