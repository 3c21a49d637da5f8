"""Signing the one form 一表 at a terminal: the person reads the whole on a screen that he alone sees, says which of two
records is right, and signs by his card, read once more.

The counter's clerk fills in what nobody has on record and sees no value; here stand the values. Of another person's
records only those who has signed already: else a clerk who knows a number could name a friend as the other party, and
have him read what he may not see himself. Each looks after his own; the digest is of the whole. A look is an entry of
the person's, and one of each other whose records are shown, before anything leaves. The signature is an entry of the
case and, in the same transaction, one of the person's, and he is told of it elsewhere, too. For a company signs who
stands for it, judged as he is whenever he acts for it, and once more in the transaction that writes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from certificates.stores.holders import Subject, find_subjects, subject_by_id
from hub.citizens.acting.grounds import Grounds
from hub.citizens.acting.recording import told as told_of
from hub.citizens.acting.values import Ground
from hub.citizens.errors import HolderSignInNeededError
from hub.citizens.kiosk.errors import KioskOverError, KioskRefusedError
from hub.citizens.kiosk.form_entries import entry, for_office
from hub.citizens.kiosk.one_read import OneRead
from hub.citizens.kiosk.own_cases import OwnForm, own_forms
from hub.citizens.kiosk.own_fields import Said, as_seen_by, newly_said, said_before, whose_records
from hub.citizens.kiosk.reading import KioskReads
from hub.citizens.kiosk.standing import Visit
from hub.citizens.notices.kinds import NoticeKind
from hub.citizens.notices.notify import notify
from hub.citizens.present import lock_all
from hub.citizens.presentations import refuse_other
from hub.clock import Clock, rfc3339
from hub.intake.counter.card_reads import CARD_READ
from hub.intake.errors import CaseClosedError, FormChangedError, FormSignedError
from hub.intake.families.service import FamilyService
from hub.intake.forms import store
from hub.intake.forms.sealing import signatures
from hub.intake.forms.service import FormService, Sheet, Within
from hub.intake.forms.signing import Signature
from hub.ledger.entries import append, seal
from hub.storage.database import Database
from hub.storage.errors import ConflictError, MissingError
from hub.storage.vault import DataKey, Vault


@dataclass(frozen=True, slots=True)
class Listed:
    """One of his forms. `signed`: by him."""

    form: OwnForm
    signed: bool


@dataclass(frozen=True, slots=True)
class Shown:
    """The form as it stands, and whether he has signed it."""

    form: OwnForm
    told: Mapping[str, Any] = field(repr=False)

    @property
    def signed(self) -> bool:
        """By him."""
        return any(item["party"] == self.form.party for item in self.told["signatures"])


class KioskForms:
    """Use cases of who stands at a terminal. Each raises KioskOverError; MissingError for a form that he does not sign,
    which goes on the ledger; CaseClosedError.
    """

    def __init__(
        self,
        database: Database,
        *,
        vault: Vault,
        forms: FormService,
        families: FamilyService,
        reads: KioskReads,
        grounds: Grounds,
        log_key: DataKey,
        clock: Clock,
    ) -> None:
        self._database = database
        self._vault = vault
        self._forms = forms
        self._families = families
        self._reads = reads
        self._grounds = grounds
        self._log_key = log_key
        self._clock = clock

    async def listed(self, visit: Visit) -> list[Listed]:
        """What he signs, in cases that are open; nothing of what the forms say."""
        now = self._clock()

        def unit(tx: Connection) -> list[Listed]:
            return [Listed(one, one.party in _signed_by(tx, one)) for one in self._mine(tx, visit, now)]

        return await self._database.read(unit)

    async def read(self, visit: Visit, number: str, language: str) -> Shown:
        """The whole, after the entries of this look."""
        form, sheet = await self._sheet(visit, number)
        told = as_seen_by(form.party, await self._forms.shown(sheet, language))
        now = self._clock()
        try:
            await self._database.write(lambda tx: self._looked(tx, visit, form, told, now))
        except HolderSignInNeededError:
            raise KioskOverError from None
        return Shown(form, told)

    async def answer(self, visit: Visit, number: str, said: Said, change_no: int, language: str) -> None:
        """What he says of each field; of records that differ, `pick_of` the one that is right; None: nothing, and what
        was said of it before stays.

        Raises: FormAnswerError, FormSignedError, FormChangedError.
        """
        form, sheet = await self._sheet(visit, number)
        told = await self._forms.shown(sheet, language)
        before, new = said_before(told), newly_said(as_seen_by(form.party, told), said)
        detail = {"fields": sorted(new)}
        within = self._within(visit, form, "answered", detail)
        try:
            await self._forms.answer(form.caller, sheet, before | new, change_no, within=within)
        except HolderSignInNeededError:
            raise KioskOverError from None

    async def sign(self, visit: Visit, number: str, digest: str, token: str) -> None:
        """His signature of what was shown by `digest`, by his card, which the terminal's reader has read just now.

        Raises: KioskRefusedError: it was not, or is used; FormChangedError, FormOpenError; FormSignedError: he has.
        """
        form, sheet = await self._sheet(visit, number)
        card = await self._reads.again(visit, token)
        agent = told_of(visit.holder.id, visit.holder.identity) if form.office else None
        signature = Signature(
            form.party, digest, CARD_READ, at=rfc3339(card.at), reference=card.device, terminal=visit.kiosk.id,
            agent=agent,
        )  # fmt: skip
        detail = {"digest": digest, "party": form.party, **card.as_json()}
        within = self._within(visit, form, "signed", detail, card=card)
        try:
            await self._forms.sign(form.caller, sheet, signature, within=within)
        except HolderSignInNeededError:
            raise KioskOverError from None
        except KioskRefusedError:
            await self._reads.refused(visit.kiosk, "read_twice")
            raise
        except ConflictError:  # somebody was a moment faster: with the form, or with this very read
            raise FormChangedError from None

    async def _sheet(self, visit: Visit, number: str) -> tuple[OwnForm, Sheet]:
        now = self._clock()
        found = await self._database.read(lambda tx: self._mine(tx, visit, now))
        form = next((one for one in found if one.number == number), None)
        if form is None:
            await refuse_other(self._database, self._log_key, visit.holder, "form", self._clock())
            raise MissingError("form")
        if form.family:
            return form, await self._families.sheet(form.caller, number)
        return form, await self._forms.of_case(form.caller, number)

    def _looked(self, tx: Connection, visit: Visit, form: OwnForm, told: Mapping[str, Any], now: datetime) -> None:
        form, me = self._judged(tx, visit, form, now)
        shown = whose_records(told)
        hashes = {form.people[key].lookup_hash for key in shown if key in form.people}
        others = find_subjects(tx, [one for one in hashes if one is not None])
        entries = [entry(self._vault, "form.read_at_kiosk", visit, form, me, {"digest": told["digest"]})]
        entries += [
            entry(self._vault, "form.read_by_signer", visit, form, other, {"digest": told["digest"]})
            for other in others.values()
            if other.id not in {me.id, form.office.id if form.office else ""}
        ]
        append(tx, [seal(one, now=now) for one in entries])
        for_office(tx, self._vault, visit, form, "form.read_by_agent", {"digest": told["digest"]}, now)

    def _within(
        self, visit: Visit, form: OwnForm, step: str, detail: Mapping[str, Any], *, card: OneRead | None = None
    ) -> Within:
        """What is written with his word: that he stands there, that the card is used, his own entry, the notice."""

        def unit(tx: Connection) -> None:
            now = self._clock()
            judged, me = self._judged(tx, visit, form, now)
            if card is not None:
                card.use_up(tx, now)
                # Nothing would be signed by it, and nobody is told that it was. A family's form is locked by itself.
                if judged.party in _signed_by(tx, judged, change=True):
                    raise FormSignedError
            ends = card.ends if card else {}
            draft = entry(self._vault, f"form.{step}_at_kiosk", visit, judged, me, detail, ends=ends)
            append(tx, [seal(draft, now=now)])
            for_office(tx, self._vault, visit, judged, f"form.{step}_by_agent", detail, now)
            if card is not None:
                notify(tx, me.id, NoticeKind.FORM_SIGNED, about=draft.id, now=now)

        return unit

    def _mine(self, tx: Connection, visit: Visit, now: datetime, *, lock: bool = False) -> list[OwnForm]:
        """His own, and those of companies that he stands for at this moment."""
        holder, reader = visit.holder, self._families.reader
        found = own_forms(tx, self._vault, reader, holder.identity)
        known = {one.about for one in found}
        for office in self._grounds.of(tx, holder.id, holder.identity, now, lock=lock):
            if office.ground is Ground.LEGAL_REPRESENTATIVE:
                theirs = own_forms(tx, self._vault, reader, office.identity)
                found += [replace(one, office=office) for one in theirs if one.about not in known]
        return found

    def _judged(self, tx: Connection, visit: Visit, form: OwnForm, now: datetime) -> tuple[OwnForm, Subject]:
        """In the transaction that writes: he stands there, and the form is still his, or a company's that he stands
        for, to sign; and his subject. Raises: KioskOverError, HolderSignInNeededError, CaseClosedError.
        """
        gone = lock_all(tx, {visit.holder.id, *([form.office.id] if form.office else ())})
        if visit.holder.id in gone:
            raise HolderSignInNeededError
        visit.must_stand(tx)
        named = (form.about, form.party)
        found = next((one for one in self._mine(tx, visit, now, lock=True) if (one.about, one.party) == named), None)
        if found is None or gone:
            raise CaseClosedError
        return found, subject_by_id(tx, visit.holder.id)


def _signed_by(tx: Connection, form: OwnForm, *, change: bool = False) -> set[str]:
    stored = store.find_form(tx, form.about, change=change)
    return {item.party for item in signatures(tx, form.key, stored)} if stored is not None else set()
