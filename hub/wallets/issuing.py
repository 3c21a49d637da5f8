"""Licences bound to a wallet's keys: the licence's own claims again, fresh salts, the key in `cnf`.

What a wallet holds is no second licence: it names the same version, and is revoked, suspended and superseded with it.
All copies of one request have one entry of the status list to themselves, so that they can end while the licence goes
on. The ledger row commits to the exact object before the key is used; that commit is the moment of giving out. What a
crash loses after it, the wallet asks for again.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import structlog
from sqlalchemy import Connection, insert

from catalog.tables import table
from certificates.copies.store import Copies, add_copies
from certificates.lifecycle.states import Status
from certificates.stores.holders import subject_by_id
from certificates.stores.status import take_status_counters
from hub.citizens.confirming import Confirming
from hub.clock import Clock, new_id
from hub.issuing.keys.desk import Certified, SigningDesk
from hub.issuing.keys.errors import SigningKeyError
from hub.ledger.entries import Draft, append, seal
from hub.ledger.guards import guarded_copies
from hub.storage.database import Database
from hub.storage.errors import ConflictError, IntegrityBrokenError
from hub.storage.vault import Vault
from hub.wallets.errors import NotForWalletsError, WalletError
from hub.wallets.licences import Giving, WalletLicences
from hub.wallets.metadata import BATCH
from hub.wallets.once import replayed, use_nonce
from hub.wallets.proofs import Dpop, KeyProof, read_key_proof
from hub.wallets.sealing import Receiver
from hub.wallets.tables import WalletBatchRow, WalletCredentialRow
from hub.wallets.tokens import Token, Tokens, names_of
from signing import sd_jwt
from signing.keys import Es256Key
from signing.status_list import permute

_log = structlog.get_logger(__name__)
_CREDENTIALS: Final = table(WalletCredentialRow)
_BATCHES: Final = table(WalletBatchRow)
_DENIED: Final = WalletError("credential_request_denied", "the licence cannot be given out now")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A credential request. One of the two names is None."""

    configuration: str | None
    identifier: str | None
    proofs: Sequence[str] = field(repr=False)
    receiver: Receiver | None = None
    """To whom the answer is encrypted, if it is."""


@dataclass(frozen=True, slots=True)
class Given:
    """What a wallet gets, and the id under which it tells what became of it."""

    copies: Sequence[str] = field(repr=False)
    notification_id: str


@dataclass(frozen=True, slots=True)
class _Ready:
    batch_id: str
    certified: Certified
    prepared: Sequence[sd_jwt.Prepared]


class WalletIssuing:
    """The credential endpoint."""

    def __init__(
        self,
        database: Database,
        *,
        vault: Vault,
        desk: SigningDesk,
        confirming: Confirming,
        licences: WalletLicences,
        tokens: Tokens,
        clock: Clock,
        public_url: str,
    ) -> None:
        self._database = database
        self._vault = vault
        self._desk = desk
        self._confirming = confirming
        self._licences = licences
        self._tokens = tokens
        self._clock = clock
        self._public_url = public_url

    async def give(self, token: str, dpop: Dpop, wanted: Wanted) -> Given:
        """A copy for each key. Nonce and proof are used up by it, and by nothing that was refused.

        Raises: WalletError.
        """
        now = self._clock()
        keys = await asyncio.to_thread(self._keys, wanted, now)
        try:
            ready = await self._database.write(lambda tx: self._commit(tx, token, dpop, wanted, keys, now))
        except ConflictError:
            raise replayed(status=401) from None
        except (NotForWalletsError, SigningKeyError):
            raise WalletError(_DENIED.error, _DENIED.description) from None
        except IntegrityBrokenError as error:
            _log.error("guarded_row_broken", alarm=True, where=error.where)
            raise WalletError(_DENIED.error, _DENIED.description) from None
        return Given(await asyncio.to_thread(_signed, ready), ready.batch_id)

    def _keys(self, wanted: Wanted, now: datetime) -> list[KeyProof]:
        if not 1 <= len(wanted.proofs) <= BATCH:
            raise WalletError("invalid_proof", f"1 to {BATCH} proofs are taken")
        keys = [read_key_proof(proof, issuer=self._public_url, now=now) for proof in wanted.proofs]
        if len({item.key.thumbprint for item in keys}) != len(keys):
            raise WalletError("invalid_proof", "one key twice")
        if len({item.nonce for item in keys}) != 1:
            raise WalletError("invalid_nonce", "proofs of one request share one nonce")
        return keys

    def _commit(
        self, tx: Connection, token: str, dpop: Dpop, wanted: Wanted, keys: Sequence[KeyProof], now: datetime
    ) -> _Ready:
        good_for = self._tokens.read(tx, token, dpop, now)
        certificate_id = _chosen(good_for, wanted)
        if good_for.copies_left < len(keys):
            raise WalletError("credential_request_denied", "the token has given out all its copies")
        use_nonce(tx, self._vault, keys[0].nonce, now)
        if self._confirming.died(tx, subject_by_id(tx, good_for.subject_id), now):  # his phone outlives him
            raise NotForWalletsError("state")
        giving = self._licences.give(tx, good_for.subject_id, certificate_id, now=now)
        # Before the version is held: whoever issues takes the two in this order.
        [(number, counter)] = take_status_counters(tx, 1, now=now)
        place = number, permute(counter, key=self._vault.permutation_key)
        self._licences.hold(tx, giving)
        self._desk.check_usable(tx, [giving.certified.signer.kid])
        entry = {"status_list": {"idx": place[1], "uri": f"{self._public_url}/status-lists/{number}"}}
        prepared = [_prepared(giving, item.key, entry, now) for item in keys]
        self._tokens.spend(tx, good_for, len(keys))
        batch_id = self._record(tx, good_for, giving, prepared, keys, place, now)
        return _Ready(batch_id, giving.certified, prepared)

    def _record(
        self,
        tx: Connection,
        token: Token,
        giving: Giving,
        prepared: Sequence[sd_jwt.Prepared],
        keys: Sequence[KeyProof],
        place: tuple[int, int],
        now: datetime,
    ) -> str:
        version, opened, batch_id = giving.opened.version, giving.opened, new_id()
        detail = {
            "identifier": version.identifier,
            "keys": [item.key.thumbprint for item in keys],
            "payloads": [item.digest().hex() for item in prepared],
            "status": list(place),
            "wallet": token.client_id,
        }
        entry = Draft(
            kind="wallet.issued",
            detail=detail,
            key=opened.key,
            subject_id=token.subject_id,
            object_id=batch_id,
            object_version=1,
        )
        append(tx, [seal(entry, now=now)])
        copies = Copies(
            id=batch_id,
            version_id=version.id,
            subject_id=token.subject_id,
            status_list=place[0],
            status_index=place[1],
            licence_status=Status.VALID.value,
            made_at=now,
            ended_at=None,
            row_version=1,
            ledger_entry_id=entry.id,
        )
        add_copies(tx, guarded_copies(copies, self._vault))
        batch: dict[str, Any] = {"id": batch_id, "bond_id": token.bond_id, "certificate_id": version.certificate_id}
        batch |= {"subject_id": token.subject_id, "copies": len(keys), "made_at": now}
        tx.execute(insert(_BATCHES).values(**batch))
        rows = [
            {
                "id": new_id(),
                "subject_id": token.subject_id,
                "version_id": version.id,
                "thumbprint": of.key.thumbprint,
                "client_id": token.client_id,
                "payload_digest": item.digest(),
                "signing_kid": giving.certified.signer.kid,
                "ledger_entry_id": entry.id,
                "made_at": now,
                "batch_id": batch_id,
            }
            for of, item in zip(keys, prepared, strict=True)
        ]
        tx.execute(insert(_CREDENTIALS), rows)
        return batch_id


def _chosen(token: Token, wanted: Wanted) -> str:
    """Which certificate: named by its identifier where the token's answer named identifiers, else the only one there is
    (OpenID4VCI 1.0 §8.2).
    """
    if token.by_identifier:
        if wanted.identifier is None:
            raise WalletError("invalid_credential_request", "the token's answer named identifiers: use one")
        found = names_of(token.configuration, token.certificate_ids).get(wanted.identifier)
        if found is None:
            raise WalletError("unknown_credential_identifier", "none of the token's")
        return found
    if wanted.configuration != token.configuration:
        raise WalletError("unknown_credential_configuration", "not the one that the token is for")
    return token.certificate_ids[0]


def _prepared(giving: Giving, key: Es256Key, status: Mapping[str, Any], now: datetime) -> sd_jwt.Prepared:
    """The licence's claims, each as selective as it is there, under the entry of this batch."""
    claims = dict(giving.opened.payload)
    selective = claims.keys() - sd_jwt.parse(giving.opened.token).payload.keys()
    bound = {name: key.jwk[name] for name in ("kty", "crv", "x", "y")}
    own = {"iat": int(now.timestamp()), "cnf": {"jwk": bound}, "status": dict(status)}
    return sd_jwt.prepare(claims | own, selective)


def _signed(ready: _Ready) -> list[str]:
    signer, header = ready.certified.signer, ready.certified.header
    return [sd_jwt.sign(item, signer=signer, header=header) for item in ready.prepared]
