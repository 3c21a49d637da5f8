"""The manifest of a released run: what is in the file, for whom, under what; signed after the entry that commits to it.

It names no person. Signed once: whoever asks again gets the same bytes.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from hub.clock import rfc3339
from hub.exchange.bulk import store
from hub.exchange.bulk.files import MANIFEST_TYPE, manifest_place
from hub.exchange.bulk.store import Run
from hub.intake.answers import case_key
from hub.intake.errors import CaseNotFoundError
from hub.intake.store import case_by_id
from hub.issuing.keys.desk import SigningDesk
from hub.ledger.entries import Sealed
from hub.ledger.receipts import receipt
from hub.storage.database import Database
from hub.storage.errors import MissingError
from hub.storage.vault import Vault
from signing.canonical import unb64u
from signing.jose import sign_jws


def manifest_claims(run: Run, public_url: str) -> dict[str, Any]:
    """The unsigned payload, to whose hash the entry of the release commits."""
    return {
        "iss": public_url,
        "aud": run.client_id,
        "run": run.id,
        "case_no": run.case_no,
        "grant": run.grant_id,
        **({"matter": run.interface} if "matter" in run.ordered else {"interface": run.interface}),
        "purpose": run.ordered["purpose"],
        "fields": run.ordered["fields"],
        **({"requirements": run.ordered["requirements"], "grants": run.grants} if "matter" in run.ordered else {}),
        "subjects": run.subjects,
        "outcomes": run.outcomes,
        "bytes": run.file["bytes"],
        "sha256": run.file["sha256"],
        "finished_at": rfc3339(run.finished_at) if run.finished_at else None,
    }


class BulkManifests:
    """Signs manifests, and keeps them."""

    def __init__(
        self, database: Database, *, vault: Vault, desk: SigningDesk, public_url: str, log_origin: str
    ) -> None:
        self._database = database
        self._vault = vault
        self._desk = desk
        self._public_url = public_url
        self._log_origin = log_origin

    async def signed(self, run: Run) -> str:
        """The manifest of a run whose release is committed. Raises: MissingError, IntegrityBrokenError."""
        if "entry" not in run.decision or not run.file:
            raise MissingError("manifest")
        if run.manifest is None:
            await self._sign(run)
        return await self._database.read(lambda tx: self._kept(tx, run.id))

    async def _sign(self, run: Run) -> None:
        hub = self._desk.hub("hub")
        decided = run.decision
        entry = Sealed(decided["entry"], datetime.fromisoformat(decided["at"]), unb64u(decided["commitment"]), {})
        claims = manifest_claims(run, self._public_url) | {
            "iat": int(entry.recorded_at.timestamp()),
            "jti": run.id,
            "released_at": decided["at"],
            "expires_at": rfc3339(run.expires_at) if run.expires_at else None,
            "receipt": receipt(entry, issuer=self._public_url, log_origin=self._log_origin, signer=hub.signer),
        }
        token = sign_jws(claims, signer=hub.signer, typ=MANIFEST_TYPE, header=hub.header).encode()

        def unit(tx: Connection) -> None:
            case = case_by_id(tx, run.case_id)
            if case is None:
                raise CaseNotFoundError
            key = case_key(self._vault, case)
            store.keep_manifest(tx, run.id, key.encrypt(manifest_place(run.id), token))

        await self._database.write(unit)

    def _kept(self, tx: Connection, run_id: str) -> str:
        run = store.find_run(tx, run_id)
        case = case_by_id(tx, run.case_id) if run else None
        if run is None or case is None or run.manifest is None:
            raise MissingError("manifest")
        return case_key(self._vault, case).decrypt(manifest_place(run_id), run.manifest).decode()
