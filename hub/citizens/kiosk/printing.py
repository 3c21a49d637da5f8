"""A licence on paper from a terminal: a purpose copy's page, with purpose, receiver and end across it.

One transaction holds the licence as it was opened and commits who printed what for whom; only then is the page made,
signed by the hub, and sent. What a crash or a jammed printer loses, the person prints again, as another copy.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

from certificates.control_code import new_control_code
from certificates.numbering import parse
from certificates.purpose_copy import copy_claims
from certificates.rendering.store import Wanted
from hub.citizens.accesses import Access, Accesses
from hub.citizens.errors import HolderSignInNeededError
from hub.citizens.kiosk.errors import KioskOverError, NotPrintableError
from hub.citizens.kiosk.standing import Visit
from hub.citizens.kiosk.values import LASTS, OTHERS, PURPOSES, Choice
from hub.citizens.looks import Looks, count_looks
from hub.citizens.present import lock_holder
from hub.citizens.presentations import refuse_other
from hub.citizens.showing.licences import Showable, showable_claims
from hub.citizens.showing.values import Choice as Picks
from hub.citizens.showing.values import ChoiceError, Pick
from hub.clock import Clock, new_id
from hub.intake.counter.case_slips import LATELY
from hub.issuing.renditions.errors import FormatError
from hub.issuing.renditions.files import control_code_hash
from hub.issuing.renditions.leases import Request
from hub.issuing.renditions.service import RenditionService
from hub.issuing.renditions.source import PDF, Opened, RenditionSource
from hub.ledger.entries import Draft, append, seal
from hub.registry.departments.store import read_departments
from hub.storage.database import Database
from hub.storage.errors import MissingError
from hub.storage.vault import DataKey, Vault
from signing.canonical import canonical, sha256

AUDIENCE_MOST: Final = 64
"""Characters of a receiver that whoever verifies may name."""


class KioskPrints:
    """What leaves a terminal on paper. Each is on the ledger before it leaves, under its person's key."""

    def __init__(
        self,
        database: Database,
        *,
        vault: Vault,
        showable: Showable,
        source: RenditionSource,
        renditions: RenditionService,
        accesses: Accesses,
        log_key: DataKey,
        clock: Clock,
        public_url: str,
    ) -> None:
        self._database = database
        self._vault = vault
        self._showable = showable
        self._source = source
        self._renditions = renditions
        self._accesses = accesses
        self._log_key = log_key
        self._clock = clock
        self._public_url = public_url

    async def print(self, visit: Visit, choice: Choice, language: str) -> bytes:
        """The page as PDF, for 30 days and for this receiver.

        Raises: MissingError: no such purpose or receiver, or not his licence, which goes on the ledger;
            NotPrintableError; KioskOverError: erased, or gone; what making a rendition raises.
        """
        now = self._clock()
        try:
            request = await self._database.write(lambda tx: self._commit(tx, visit, choice, language, now))
        except HolderSignInNeededError:
            raise KioskOverError from None
        except (ChoiceError, FormatError):
            raise NotPrintableError from None
        if request is None:
            await refuse_other(self._database, self._log_key, visit.holder, "certificate", now)
            raise MissingError("certificate")
        await self._source.make_copies_ready(request.wanted)
        return await self._renditions.get(request)

    async def looks(self, visit: Visit) -> tuple[Looks, list[Access]]:
        """Who looked, by department in the last 90 days, and the newest thirty one by one; that it was shown is on the
        ledger before. Raises: KioskOverError.
        """
        now = self._clock()

        def unit(tx: Connection) -> Looks:
            subject = lock_holder(tx, visit.holder.id)
            visit.must_stand(tx)
            counted = count_looks(tx, self._vault, subject, since=now - LATELY, case_id=None, now=now)
            key = self._vault.data_key(subject.data_key, subject.kek_kid)
            detail = {**_where(visit), "departments": len(counted.all)}
            append(tx, [seal(Draft(kind="kiosk.looks", detail=detail, key=key, subject_id=subject.id), now=now)])
            return counted

        try:
            counted = await self._database.write(unit)
        except HolderSignInNeededError:
            raise KioskOverError from None
        newest, _ = await self._accesses.listed(visit.holder)
        return counted, list(newest)

    def _commit(self, tx: Connection, visit: Visit, choice: Choice, language: str, now: datetime) -> Request | None:
        """None: it is not his."""
        receiver = self._receiver(tx, choice.receiver)
        if choice.purpose not in PURPOSES or not receiver:
            raise MissingError("purpose")
        lock_holder(tx, visit.holder.id)
        visit.must_stand(tx)
        picks = self._showable.chosen(tx, visit.holder.id, Picks((Pick(choice.identifier, ()),)), now)
        opened = self._showable.open(tx, visit.holder.id, picks[0]) if picks else None
        if opened is None:
            return None
        if PDF not in self._source.pages_of(opened.type):
            raise FormatError(PDF)
        if not self._showable.as_opened(tx, opened):
            raise NotPrintableError
        print_id, ends_at = new_id(), (now + LASTS).replace(microsecond=0)
        payload = self._payload(visit, choice, opened, receiver, (print_id, now, ends_at))
        version, code = opened.version, new_control_code()
        detail = {
            **_where(visit),
            "certificates": [version.identifier],
            "fields": sorted(showable_claims(opened.type).keys() & opened.payload.keys()),
            "payload_hash": sha256(canonical(payload)).hex(),
            "print": print_id,
            "purpose": payload["purpose"]["text"],
            "receiver": receiver,
            "until": ends_at.isoformat(),
        }
        entry = Draft(kind="kiosk.printed", detail=detail, key=opened.key, subject_id=version.subject_id)
        append(tx, [seal(entry, now=now)])
        suite = self._source.suite(tx, version, PDF)
        return Request(
            wanted=Wanted(version.id, PDF, suite, "en" if language == "en" else "zh-CN", f"kiosk:{print_id}"),
            identifier=version.identifier,
            subject_id=version.subject_id,
            key=opened.key,
            code_hash=control_code_hash(self._vault, code),
            ends_at=ends_at,
            audience=str(payload["aud"]),
            plan={"code": code, "copy": {"payload": payload, "receiver": receiver}},
        )

    def _payload(
        self, visit: Visit, choice: Choice, opened: Opened, receiver: str, made: tuple[str, datetime, datetime]
    ) -> dict[str, Any]:
        """Everything that stands on the licence: it is his own, and he hands it on himself. Its audience is the
        receiver as printed: whoever verifies it has nothing else to name.
        """
        print_id, now, ends_at = made
        payload, _ = copy_claims(
            source=opened.payload,
            granted=showable_claims(opened.type).keys() & opened.payload.keys(),
            identifier=parse(opened.version.identifier),
            type=opened.type,
            audience=receiver[:AUDIENCE_MOST],
            receiver_jwk=None,
            case_no=f"自助打印 {visit.kiosk.name}",
            matter="",
            purpose=PURPOSES[choice.purpose][0],
            hub_uri=self._public_url,
            issued_at=now,
            expires_at=ends_at,
            jti=print_id,
        )
        return payload

    def _receiver(self, tx: Connection, code: str) -> str:
        if code in OTHERS:
            return OTHERS[code][0]
        found = read_departments(tx).by_code(code)
        return found.name_zh if found else ""


def _where(visit: Visit) -> Mapping[str, Any]:
    kiosk = visit.kiosk
    return {"by": kiosk.as_json(), "department_id": kiosk.department_id, "session": visit.id}
