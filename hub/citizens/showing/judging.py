"""The verdict on each licence of a showing, exactly the claims that its holder picked, and a system's copy of them.

Read and judged before anything is committed, which changes nothing; signed after.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from sqlalchemy import Connection

from certificates.numbering import parse
from certificates.purpose_copy import copy_claims
from certificates.verifying.papers import SdJwtPaper
from certificates.verifying.verdict import Result, Verdict
from hub.citizens.showing.licences import Showable, showable_claims, values_of
from hub.citizens.showing.sealing import Content
from hub.citizens.showing.values import Pick, Received, Receiver, Taken
from hub.clock import new_id
from hub.issuing.keys.desk import SigningDesk
from hub.issuing.renditions.source import Opened
from hub.storage.database import Database
from hub.storage.errors import IntegrityBrokenError
from hub.verification.service import VerificationService
from signing import sd_jwt
from signing.errors import SigningError

_TOLD: Final = ("result", "reason", "kind", "status", "status_at", "signed_by", "custody", "trial", "checked_at")
_log = structlog.get_logger(__name__)


class UnopenedError(Exception):
    """A licence of the showing does not open: `why` is "broken", or "gone" to somebody else within this minute."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True, slots=True)
class Ready:
    """One licence, judged, and its copy without a signature."""

    received: Received
    opened: Opened = field(repr=False)
    prepared: sd_jwt.Prepared | None = field(repr=False)

    @property
    def passed(self) -> bool:
        """Whether its claims are shown."""
        return bool(self.received.verdict["result"] == Result.PASSED.value)

    def meaning(self) -> dict[str, Any]:
        """What the ledger commits to."""
        item = self.received
        copy = self.prepared.payload if self.prepared else None
        return {"licence": dict(item.licence), "verdict": dict(item.verdict), "claims": dict(item.claims), "copy": copy}


class Judging:
    """Judges what is shown; never writes."""

    def __init__(
        self,
        database: Database,
        *,
        showable: Showable,
        verification: VerificationService,
        desk: SigningDesk,
        public_url: str,
        lifetime: timedelta,
    ) -> None:
        self._database = database
        self._showable = showable
        self._verification = verification
        self._desk = desk
        self._public_url = public_url
        self._lifetime = lifetime

    async def judge(self, receiver: Receiver, subject_id: str, content: Content, now: datetime) -> list[Ready]:
        """Each licence in the holder's order. Raises: UnopenedError."""

        def unit(tx: Connection) -> list[tuple[Pick, Opened | None]]:
            return [(pick, self._showable.open(tx, subject_id, pick)) for pick in content.picks]

        try:
            found = await self._database.read(unit)
        except (IntegrityBrokenError, SigningError) as error:
            _log.error("stored_licence_broken", alarm=True, error=type(error).__name__)
            raise UnopenedError("broken") from None
        ready = []
        for pick, licence in found:
            if licence is None:
                raise UnopenedError("gone")
            verdict = await self._verification.judge(SdJwtPaper(licence.token), licence.token, audience=None)
            ready.append(self._ready(receiver, content, pick, licence, verdict, now))
        return ready

    def sign(self, taken: Taken, ready: Sequence[Ready]) -> Taken:
        """With the copies signed, once the ledger row is committed. Blocks for each signature."""
        if all(item.prepared is None for item in ready):
            return taken
        copier = self._desk.hub("purpose-copy")
        items = [
            replace(item.received, copy=sd_jwt.sign(item.prepared, signer=copier.signer, header=copier.header))
            if item.prepared
            else item.received
            for item in ready
        ]
        return replace(taken, items=items)

    def _ready(
        self, receiver: Receiver, content: Content, pick: Pick, licence: Opened, verdict: Verdict, now: datetime
    ) -> Ready:
        passed = verdict.result is Result.PASSED
        claims = values_of(licence, pick) if passed else {}
        said, described = verdict.to_json(), licence.payload["certificate"]
        received = Received(
            licence={
                "identifier": licence.version.identifier,
                "type": licence.type.code,
                "type_name": {"zh": licence.type.name.zh, "en": licence.type.name.en},
                **{name: described[name] for name in ("issuer", "issued_on", "valid_from", "valid_until")},
            },
            verdict={name: said[name] for name in _TOLD},
            claims=claims,
            titles={name: title for name, title in showable_claims(licence.type).items() if name in claims},
        )
        return Ready(received, licence, self._copy(receiver, content, claims, licence, now) if passed else None)

    def _copy(
        self, receiver: Receiver, content: Content, claims: Mapping[str, Any], licence: Opened, now: datetime
    ) -> sd_jwt.Prepared | None:
        if receiver.system is None:
            return None
        payload, disclosable = copy_claims(
            source=licence.payload,
            granted=claims,
            identifier=parse(licence.version.identifier),
            type=licence.type,
            audience=receiver.system.client_id,
            receiver_jwk=receiver.system.key_jwk,
            case_no="",
            matter=content.matter,
            purpose=content.purpose,
            hub_uri=self._public_url,
            issued_at=now,
            expires_at=(now + self._lifetime).replace(microsecond=0),
            jti=new_id(),
        )
        return sd_jwt.prepare(payload, disclosable)
