"""Forms: shown filled, answered once, signed as a whole. A signed form stays as it was signed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

from catalog.forms.filling import Filled, Sourced, checked_answers, fill
from catalog.forms.merging import OneField, Part, merge
from catalog.matters.roles import role_of
from hub.access.service import Caller
from hub.clock import Clock, new_id, rfc3339
from hub.intake import store as cases_store
from hub.intake.cases import CaseService
from hub.intake.errors import (
    CaseClosedError,
    FormAnswerError,
    FormChangedError,
    FormOpenError,
    FormSignedError,
)
from hub.intake.forms import store
from hub.intake.forms.disclosed import Disclosed, Disclosures
from hub.intake.forms.sealing import form_place, opened, signatures, signed_content
from hub.intake.forms.signing import Signature, checked_signature
from hub.intake.forms.store import StoredForm, StoredSignature
from hub.ledger.entries import Draft, append, seal
from hub.registry.matters.guard import MatterBook
from hub.storage.database import Database
from hub.storage.errors import ConflictError, MissingError
from hub.storage.vault import DataKey, Vault
from signing.canonical import canonical, sha256

_SAID: Final = ("key", "value", "state", "records")
Within = Callable[[Connection], None]


@dataclass(frozen=True, slots=True)
class Sheet:
    """The ground of one form: its fields, what fills them, under whose key it is kept, and who signs it.

    Attributes:
        about: `case:ID` or `family:ID`.
        number: by which its system calls the case or family.
        signers: at most two: of several of a role, the first stands for all.
        case_id: of a form of one case, the case that its ledger entries belong to.
    """

    about: str
    number: str
    key: DataKey
    fields: tuple[OneField, ...]
    signers: tuple[str, ...]
    disclosed: Disclosed
    case_id: str | None = None


class FormService:
    """Shows, takes answers, takes signatures."""

    def __init__(
        self, database: Database, *, vault: Vault, cases: CaseService, disclosures: Disclosures, clock: Clock
    ) -> None:
        self._database = database
        self._vault = vault
        self._cases = cases
        self._disclosures = disclosures
        self._clock = clock
        self._book = MatterBook(vault)

    async def of_case(self, caller: Caller, case_no: str) -> Sheet:
        """The ground of a case's own form. Raises: CaseNotFoundError, CaseClosedError; MissingError: it has none."""
        case = await self._cases.get(caller, case_no)
        if case.state != cases_store.OPEN:
            raise CaseClosedError
        matter, parties = await self._database.read(
            lambda tx: (self._book.matter(tx, case.matter_id), cases_store.parties_of(tx, case.id))
        )
        if not matter.form.fields:
            raise MissingError("form")
        held = {role: tuple(key for key in parties if role_of(key) == role) for role in matter.roles}
        names = {key: key for key in parties}
        return Sheet(
            about=f"case:{case.id}",
            number=case.case_no,
            key=self._vault.data_key(case.data_key, case.kek_kid),
            fields=merge([Part(matter.code, matter.form, held)]),
            signers=tuple(role for role in matter.form.signers if role in parties),
            disclosed=await self._disclosures.of_case(caller, case, parties, names),
            case_id=case.id,
        )

    async def shown(self, sheet: Sheet, language: str) -> dict[str, Any]:
        """The form as it stands: each field with its value, who says so, and what is still asked."""
        stored, signed = await self._database.read(lambda tx: _stored(tx, sheet))
        filled = fill(sheet.fields, sheet.disclosed.said, self._answers(sheet, stored))
        told = [_told(item, language) for item in filled]
        _, digest = _content(sheet, filled)
        if stored is not None and (kept := signed_content(sheet.key, stored)) is not None:
            digest, told = stored.digest or "", _as_signed(told, kept)
        return {
            "number": sheet.number,
            "change_no": stored.change_no if stored else 0,
            "pulls": sheet.disclosed.pulls,
            "withheld": sheet.disclosed.withheld,
            "fields": told,
            "asked": [item.field.key for item in filled if item.open] if not signed else [],
            "digest": digest,
            "signers": list(sheet.signers),
            "signatures": [
                {"party": item.party, "kind": item.kind, "signed_at": rfc3339(item.signed_at),
                 "ledger_entry": item.ledger_entry_id}
                for item in signed
            ],
        }  # fmt: skip

    async def answer(
        self,
        caller: Caller,
        sheet: Sheet,
        given: Mapping[str, Any],
        change_no: int | None,
        *,
        within: Within | None = None,
    ) -> None:
        """What the person says, in the place of all that was said before. `within`: what has to be written, or to hold,
        in the same transaction, once nobody closes the case any more.

        Raises: FormAnswerError; FormSignedError; FormChangedError: `change_no` is not what it is now.
        """
        answers, (key, rule) = checked_answers(sheet.fields, given)
        if rule:
            raise FormAnswerError(f"/answers/{key}" if key else "/answers", rule)
        now = self._clock()
        try:
            await self._database.write(lambda tx: self._answer(tx, caller, sheet, answers, change_no, now, within))
        except ConflictError:
            raise FormChangedError from None

    async def sign(self, caller: Caller, sheet: Sheet, signature: Signature, *, within: Within | None = None) -> None:
        """Take a party's signature of the whole, by the digest that was shown. The same party's again is none. `within`
        as of `answer`.

        Raises: PartyError: it does not sign this form; FormOpenError; FormChangedError: the form is not what was shown;
        FormSignatureError.
        """
        how = checked_signature(signature, sheet.number, sheet.signers)
        now = self._clock()
        await self._database.write(lambda tx: self._sign(tx, caller, sheet, signature, how, now, within))

    def _answer(
        self,
        tx: Connection,
        caller: Caller,
        sheet: Sheet,
        answers: dict[str, Any],
        change_no: int | None,
        now: datetime,
        within: Within | None,
    ) -> None:
        _require_open(tx, sheet)
        if within is not None:
            within(tx)
        stored = store.find_form(tx, sheet.about, change=True)
        if stored is not None and stored.digest is not None:
            raise FormSignedError
        if change_no is not None and change_no != (stored.change_no if stored else 0):
            raise FormChangedError
        if stored is None:
            form_id = new_id()
            store.add_form(tx, sheet.about, form_id=form_id, answers=_sealed(sheet, "answers", answers), now=now)
        elif not store.change_answers(tx, stored, _sealed(sheet, "answers", answers), now=now):
            raise FormChangedError
        self._record(tx, sheet, caller.marked("form.answers"), {"fields": sorted(answers)}, now)

    def _sign(
        self,
        tx: Connection,
        caller: Caller,
        sheet: Sheet,
        signature: Signature,
        how: dict[str, Any],
        now: datetime,
        within: Within | None,
    ) -> None:
        _require_open(tx, sheet)
        if within is not None:
            within(tx)
        stored = store.find_form(tx, sheet.about, change=True)
        if stored is None:
            store.add_form(tx, sheet.about, form_id=new_id(), answers=_sealed(sheet, "answers", {}), now=now)
            stored = store.find_form(tx, sheet.about, change=True)
        assert stored is not None  # noqa: S101  # written just above, in this transaction
        if stored.digest is None:
            filled = fill(sheet.fields, sheet.disclosed.said, self._answers(sheet, stored))
            if lacking := tuple(item.field.key for item in filled if item.open):
                raise FormOpenError(lacking)
            content, digest = _content(sheet, filled)
            if digest != signature.digest:
                raise FormChangedError
            frozen = _sealed(sheet, "content", content)
            if not store.freeze(tx, stored, content=frozen, digest=digest, now=now):
                raise FormChangedError
        elif stored.digest != signature.digest:
            raise FormChangedError
        if any(item.party == signature.party for item in store.signatures_of(tx, stored.id)):
            return
        detail = {"digest": signature.digest, "party": signature.party} | how
        entry_id = self._record(tx, sheet, caller.marked("form.signed"), detail, now)
        store.add_signature(
            tx, form_id=stored.id, party=signature.party, kind=signature.kind, signed_at=now,
            detail=_sealed(sheet, f"signature:{signature.party}", how | {"digest": signature.digest}),
            ledger_entry_id=entry_id,
        )  # fmt: skip

    def _record(self, tx: Connection, sheet: Sheet, kind: str, detail: dict[str, Any], now: datetime) -> str:
        draft = Draft(kind=kind, detail={"number": sheet.number} | detail, key=sheet.key, case_id=sheet.case_id)
        append(tx, [seal(draft, now=now)])
        return draft.id

    def _answers(self, sheet: Sheet, stored: StoredForm | None) -> Mapping[str, Any]:
        return {} if stored is None else opened(sheet.key, sheet.about, "answers", stored.answers)


def _stored(tx: Connection, sheet: Sheet) -> tuple[StoredForm | None, list[StoredSignature]]:
    stored = store.find_form(tx, sheet.about)
    return stored, [] if stored is None else signatures(tx, sheet.key, stored)


def _require_open(tx: Connection, sheet: Sheet) -> None:
    """Nobody closes the case until this transaction ends; of a family, its own state is looked at by whoever asked."""
    if sheet.case_id is not None:
        case = cases_store.lock_for_change(tx, sheet.case_id)
        if case is None or case.state != cases_store.OPEN:
            raise CaseClosedError


def _content(sheet: Sheet, filled: Sequence[Filled]) -> tuple[dict[str, Any], str]:
    """What is signed: every value with what the records say of it; and its digest, SHA-256 of its canonical form."""
    fields = [
        {
            "key": item.field.key,
            "party": item.field.party,
            "title": {"zh": item.field.title_zh, "en": item.field.title_en},
            "matters": list(item.field.matters),
            "value": item.value,
            "state": item.state.value,
            "records": _records(item.records),
        }
        for item in filled
    ]
    content = {"form": sheet.number, "fields": fields}
    return content, sha256(canonical(content)).hex()


def _records(records: Sequence[Sourced]) -> list[dict[str, Any]]:
    return [{"value": item.value, "from": [dict(origin) for origin in item.origins]} for item in records]


def _told(item: Filled, language: str) -> dict[str, Any]:
    field = item.field
    choices = [{"value": one.value, "title": one.en if language == "en" else one.zh} for one in field.choices]
    return {
        "key": field.key,
        "party": field.party,
        "term": field.term or None,
        "title": field.title(language),
        "kind": field.kind.value,
        "required": field.required,
        "matters": list(field.matters),
        "state": item.state.value,
        "value": item.value,
        "records": _records(item.records),
    } | ({"choices": choices} if choices else {})


def _as_signed(told: Sequence[dict[str, Any]], content: Mapping[str, Any]) -> list[dict[str, Any]]:
    signed = {item["key"]: {name: item[name] for name in _SAID} for item in content["fields"]}
    return [item | signed[item["key"]] for item in told if item["key"] in signed]


def _sealed(sheet: Sheet, what: str, content: Mapping[str, Any]) -> bytes:
    return sheet.key.encrypt(form_place(sheet.about, what), canonical(dict(content)))
