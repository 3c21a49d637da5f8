"""From a stored licence to a purpose copy: decrypt, verify, keep only granted claims, salt afresh."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Connection

from certificates.numbering import parse
from certificates.purpose_copy import copy_claims
from hub.access.service import Caller
from hub.clock import Clock, new_id, rfc3339
from hub.intake.compose import Copy, Item
from hub.intake.resolver import Outcome, Resolution, Source, Why
from hub.intake.store import Case
from hub.issuing.desk import find_key_certificate
from hub.issuing.drafting import document_place
from hub.issuing.types import TypeRegistry
from hub.storage.errors import IntegrityBrokenError
from hub.storage.vault import Vault
from signing import sd_jwt
from signing.errors import SigningError
from signing.keys import VerifyingKey

_log = structlog.get_logger(__name__)


class CopyMaker:
    """Makes the unsigned copies of an answer."""

    def __init__(
        self, *, vault: Vault, types: TypeRegistry, clock: Clock, public_url: str, lifetime: timedelta
    ) -> None:
        self._vault = vault
        self._types = types
        self._clock = clock
        self._public_url = public_url
        self._lifetime = lifetime
        self._keys: dict[str, VerifyingKey] = {}

    def learn_keys(self, tx: Connection, kids: set[str]) -> None:
        """Look up issuing keys not seen before; their certificates never change."""
        for kid in kids - self._keys.keys():
            found = find_key_certificate(tx, kid)
            if found is not None:
                self._keys[kid] = found.public

    def make(self, resolution: Resolution, caller: Caller, case: Case, purpose: str) -> Item:
        """The item with its copies. A stored licence that does not verify is never passed on: the item then says
        `source_unavailable`, and an alarm is raised.
        """
        try:
            copies = tuple(self._copy(source, caller, case, purpose) for source in resolution.sources)
        except (IntegrityBrokenError, SigningError, KeyError) as error:
            identifiers = [source.held.record.identifier for source in resolution.sources]
            _log.error("stored_licence_broken", alarm=True, certificates=identifiers, error=type(error).__name__)
            broken = replace(resolution, outcome=Outcome.SOURCE_UNAVAILABLE, why=Why("integrity"), sources=())
            return Item(broken, ())
        return Item(resolution, copies)

    def _copy(self, source: Source, caller: Caller, case: Case, purpose: str) -> Copy:
        record, subject = source.held.record, source.held.subject
        key = self._vault.data_key(subject.data_key, subject.kek_kid)
        token = key.decrypt(document_place(record.id), record.document)
        licence = sd_jwt.verify(token, key=self._keys[record.signing_kid])
        certificate_type = self._types.version(record.type_code, record.type_version)
        now = self._clock()
        described: dict[str, Any] = licence.claims["certificate"]
        claims, disclosable = copy_claims(
            source=licence.claims,
            granted=source.need.fields,
            identifier=parse(record.identifier),
            type=certificate_type,
            audience=caller.client_id,
            receiver_jwk=caller.key_jwk,
            case_no=case.case_no,
            matter=case.matter_code,
            purpose=purpose,
            hub_uri=self._public_url,
            issued_at=now,
            expires_at=_whole_seconds(now + self._lifetime),
            jti=new_id(),
        )
        return Copy(
            prepared=sd_jwt.prepare(claims, disclosable),
            claims={name: claims[name] for name in disclosable},
            source={"kind": "certificate_library", "department": described["issuer"]},
            certificate={"identifier": record.identifier, "type": record.type_code, "status": record.status},
            obtained_at=rfc3339(now),
        )


def _whole_seconds(instant: datetime) -> datetime:
    return instant.replace(microsecond=0)
