"""Access tokens of wallets: for an offer and its digits, for a code and its PKCE verifier, for a refresh token; each
bound to a key by DPoP.

Opaque, of 256 random bits and the MAC of its row, ten minutes; of token, code and offer the database has a hash.
"""

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, insert, select, update

from catalog.tables import table
from certificates.tables import SubjectRow
from hub.access.sessions import hashed
from hub.clock import Clock, new_id
from hub.ledger.spent import spent
from hub.storage.database import Database
from hub.storage.errors import ConflictError
from hub.storage.vault import Vault
from hub.wallets import bonds
from hub.wallets.authorizing import CODE_MEANING, details_of
from hub.wallets.bearing import bearer, bears
from hub.wallets.bonds import Bond
from hub.wallets.errors import WalletError
from hub.wallets.metadata import AUTHORIZATION, BATCH, DETAILS, PRE_AUTHORIZED, REFRESH
from hub.wallets.offers import ENDED, LIVE, TAKEN, TRIES, end_on_ledger, typed_hash
from hub.wallets.once import use
from hub.wallets.proofs import Dpop
from hub.wallets.tables import WalletAuthorizationRow, WalletOfferRow, WalletTokenRow
from signing.canonical import b64u, sha256

LIFE: Final = timedelta(minutes=10)
COPIES: Final = 2 * BATCH
"""How many copies of licences one token is good for."""
REPLAYED: Final = WalletError("invalid_dpop_proof", "used before")
_OFFERS: Final = table(WalletOfferRow)
_SUBJECTS: Final = table(SubjectRow)
_OFFERED: Final = select(_OFFERS, _SUBJECTS.c.data_key, _SUBJECTS.c.kek_kid).join(
    _SUBJECTS, _SUBJECTS.c.id == _OFFERS.c.subject_id
)
_AUTHORIZATIONS: Final = table(WalletAuthorizationRow)
_TOKENS: Final = table(WalletTokenRow)
_VERIFIER: Final = range(43, 129)
_REFUSED: Final = WalletError("invalid_grant", "unknown, used or over")
_MEANING: Final = (
    "id",
    "subject_id",
    "configuration",
    "certificate_ids",
    "by_identifier",
    "thumbprint",
    "client_id",
    "expires_at",
    "bond_id",
)
"""What a token vouches for: all but how many copies are left."""
_GIVEN: Final = ("subject_id", "configuration", "certificate_ids", "by_identifier", "thumbprint", "client_id")
"""What a token has of its bond."""


@dataclass(frozen=True, slots=True)
class Token:
    """What a token is good for."""

    id: str
    subject_id: str
    configuration: str
    certificate_ids: Sequence[str]
    by_identifier: bool
    client_id: str
    copies_left: int
    bond_id: str


class Tokens:
    """Gives out and reads them."""

    def __init__(self, database: Database, *, vault: Vault, clock: Clock) -> None:
        self._database = database
        self._vault = vault
        self._clock = clock

    async def exchange(self, form: Mapping[str, str], dpop: Dpop) -> dict[str, Any]:
        """The answer of the token endpoint.

        Raises: WalletError; a wrong digit is counted first, and a code that comes twice has ended by then.
        """
        flows = {
            PRE_AUTHORIZED: self._for_offer,
            AUTHORIZATION: self._for_code,
            REFRESH: self._for_refresh,
        }
        flow = flows.get(form.get("grant_type", ""))
        if flow is None:
            raise WalletError("unsupported_grant_type", f"grant_type must be one of {', '.join(flows)}")
        now = self._clock()

        def unit(tx: Connection) -> dict[str, Any] | WalletError:
            if not use(tx, dpop.once, dpop.until, now):
                return REPLAYED
            return flow(tx, form, dpop, now)

        try:
            answer = await self._database.write(unit)
        except ConflictError:
            raise REPLAYED from None
        if isinstance(answer, WalletError):
            raise WalletError(answer.error, answer.description)
        return answer

    def read(self, tx: Connection, token: str, dpop: Dpop, now: datetime) -> Token:
        """What a token is good for, in the hand of its key. Uses the proof up.

        Raises: WalletError ("invalid_token", "invalid_dpop_proof").
        """
        if not use(tx, dpop.once, dpop.until, now):
            raise WalletError("invalid_dpop_proof", "used before", status=401)
        where = (_TOKENS.c.token_hash == hashed(token)) & (_TOKENS.c.expires_at > now)
        row = tx.execute(select(_TOKENS).where(where).with_for_update()).one_or_none()
        if row is None or not self._good(tx, row, token, dpop):
            raise WalletError("invalid_token", "unknown, over, or of another key", status=401)
        return Token(
            row.id,
            row.subject_id,
            row.configuration,
            row.certificate_ids,
            row.by_identifier,
            row.client_id,
            row.copies_left,
            row.bond_id,
        )

    def _good(self, tx: Connection, row: Row[Any], token: str, dpop: Dpop) -> bool:
        ours = hmac.compare_digest(row.thumbprint, dpop.thumbprint) and bears(
            self._vault, _MEANING, row._asdict(), token
        )
        return ours and row.bond_id is not None and bonds.hold(tx, row.bond_id)

    @staticmethod
    def spend(tx: Connection, token: Token, copies: int) -> None:
        """So many copies are given out."""
        mine = update(_TOKENS).where(_TOKENS.c.id == token.id)
        tx.execute(mine.values(copies_left=_TOKENS.c.copies_left - copies))

    def _for_offer(
        self, tx: Connection, form: Mapping[str, str], dpop: Dpop, now: datetime
    ) -> dict[str, Any] | WalletError:
        code_hash = hashed(form.get("pre-authorized_code", ""))
        where = (_OFFERS.c.code_hash == code_hash) & (_OFFERS.c.state == LIVE) & (_OFFERS.c.expires_at > now)
        row = tx.execute(_OFFERED.where(where, ~spent(_OFFERS.c.id)).with_for_update(of=_OFFERS)).one_or_none()
        if row is None:
            return _REFUSED
        mine = update(_OFFERS).where(_OFFERS.c.id == row.id)
        digits = form.get("tx_code")
        if digits is None:
            return WalletError("invalid_request", "tx_code is needed")
        if not hmac.compare_digest(typed_hash(self._vault, row._asdict(), digits), row.typed_hash):
            return self._guessed(tx, row, row.tries + 1, now)
        asked = form.get("authorization_details")
        if asked is not None and details_of(asked) != row.configuration:
            return WalletError("invalid_authorization_details", "the offer is of another configuration")
        tx.execute(mine.values(state=TAKEN, content=None))
        key = self._vault.data_key(row.data_key, row.kek_kid)
        end_on_ledger(tx, "wallet.offer_taken", row.id, row.subject_id, key, now)
        return self._issue(
            tx,
            dpop,
            now,
            subject_id=row.subject_id,
            configuration=row.configuration,
            certificate_ids=[row.certificate_id],
            by_identifier=asked is not None,
            client_id="",  # whoever scanned says of himself what he likes: a registered name would be believed
        )

    def _guessed(self, tx: Connection, row: Row[Any], tries: int, now: datetime) -> WalletError:
        values: dict[str, Any] = {"tries": tries}
        if tries >= TRIES:
            values |= {"state": ENDED, "content": None}
            key = self._vault.data_key(row.data_key, row.kek_kid)
            end_on_ledger(tx, "wallet.guessed", row.id, row.subject_id, key, now)
        tx.execute(update(_OFFERS).where(_OFFERS.c.id == row.id).values(**values))
        return WalletError("invalid_grant", "wrong tx_code")

    def _for_code(
        self, tx: Connection, form: Mapping[str, str], dpop: Dpop, now: datetime
    ) -> dict[str, Any] | WalletError:
        rows = _AUTHORIZATIONS
        where = (rows.c.code_hash == hashed(form.get("code", ""))) & (rows.c.expires_at > now)
        row = tx.execute(select(rows).where(where, rows.c.state == "allowed").with_for_update()).one_or_none()
        if row is None or not bears(self._vault, CODE_MEANING, row._asdict(), form.get("code", "")):
            return _REFUSED
        tx.execute(update(rows).where(rows.c.request_hash == row.request_hash).values(state="used"))
        verifier = form.get("code_verifier", "")
        challenge = b64u(sha256(verifier.encode()))
        if len(verifier) not in _VERIFIER or not hmac.compare_digest(challenge, row.challenge):
            return WalletError("invalid_grant", "code_verifier")
        if form.get("redirect_uri") != row.redirect_uri or form.get("client_id") != row.client_id:
            return WalletError("invalid_grant", "another redirect_uri or client_id")
        if row.thumbprint is not None and row.thumbprint != dpop.thumbprint:
            return WalletError("invalid_dpop_proof", "the request named another key")
        return self._issue(
            tx,
            dpop,
            now,
            subject_id=row.subject_id,
            configuration=row.configuration,
            certificate_ids=row.certificate_ids,
            by_identifier=row.detailed or len(row.certificate_ids) > 1,
            client_id=row.client_id,
        )

    def _for_refresh(
        self, tx: Connection, form: Mapping[str, str], dpop: Dpop, now: datetime
    ) -> dict[str, Any] | WalletError:
        bond = bonds.renew(tx, self._vault, form.get("refresh_token", ""), dpop.thumbprint, now)
        return _REFUSED if bond is None else self._answer(tx, bond, now)

    def _issue(
        self,
        tx: Connection,
        dpop: Dpop,
        now: datetime,
        *,
        subject_id: str,
        configuration: str,
        certificate_ids: Sequence[str],
        by_identifier: bool,
        client_id: str,
    ) -> dict[str, Any]:
        row: dict[str, Any] = {
            "id": new_id(),
            "subject_id": subject_id,
            "configuration": configuration,
            "certificate_ids": list(certificate_ids),
            "by_identifier": by_identifier,
            "thumbprint": dpop.thumbprint,
            "client_id": client_id,
        }
        return self._answer(tx, bonds.begin(tx, self._vault, row, now), now)

    def _answer(self, tx: Connection, bond: Bond, now: datetime) -> dict[str, Any]:
        given = {name: bond.row[name] for name in _GIVEN}
        row = given | {
            "id": new_id(),
            "bond_id": bond.row["id"],
            "copies_left": max(COPIES, BATCH * len(given["certificate_ids"])),
            "expires_at": now + LIFE,
        }
        token = bearer(self._vault, _MEANING, row)
        tx.execute(insert(_TOKENS).values(token_hash=hashed(token), **row))
        details = {
            "type": DETAILS,
            "credential_configuration_id": given["configuration"],
            "credential_identifiers": list(given["certificate_ids"]),
        }
        answer: dict[str, Any] = {"access_token": token, "token_type": "DPoP", "expires_in": int(LIFE.total_seconds())}
        if bond.refresh_token is not None:
            answer["refresh_token"] = bond.refresh_token
        return answer | ({"authorization_details": [details]} if given["by_identifier"] else {})
