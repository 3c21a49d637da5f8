"""The token endpoint: for an offer and its digits, for a code and its PKCE verifier, for a refresh token.

Each use counts before it is answered: a wrong digit, and a code or refresh token that comes a second time.
"""

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, select, update

from catalog.tables import table
from certificates.tables import SubjectRow
from hub.access.sessions import hashed
from hub.clock import Clock, new_id
from hub.ledger.entries import Draft, append, seal
from hub.ledger.spent import END, id_of, spent
from hub.storage.database import Database
from hub.storage.errors import ConflictError
from hub.storage.vault import Vault
from hub.wallets import bonds
from hub.wallets.authorizing import CODE_MEANING
from hub.wallets.bearing import bears
from hub.wallets.errors import WalletError
from hub.wallets.metadata import AUTHORIZATION, PRE_AUTHORIZED, REFRESH
from hub.wallets.offers import ENDED, LIVE, TAKEN, TRIES, end_on_ledger, typed_hash
from hub.wallets.once import replayed, use
from hub.wallets.proofs import Dpop
from hub.wallets.pushing import details_of
from hub.wallets.tables import WalletAuthorizationRow, WalletOfferRow
from hub.wallets.tokens import Tokens
from signing.canonical import b64u, sha256

_OFFERS: Final = table(WalletOfferRow)
_SUBJECTS: Final = table(SubjectRow)
_OFFERED: Final = select(_OFFERS, _SUBJECTS.c.data_key, _SUBJECTS.c.kek_kid).join(
    _SUBJECTS, _SUBJECTS.c.id == _OFFERS.c.subject_id
)
_AUTHORIZATIONS: Final = table(WalletAuthorizationRow)
_ALLOWED: Final = select(_AUTHORIZATIONS, _SUBJECTS.c.data_key, _SUBJECTS.c.kek_kid).join(
    _SUBJECTS, _SUBJECTS.c.id == _AUTHORIZATIONS.c.subject_id
)
_VERIFIER: Final = range(43, 129)
_REFUSED: Final = WalletError("invalid_grant", "unknown, used or over")
_OTHER: Final = WalletError("invalid_authorization_details", "it was agreed to another configuration")


@dataclass(frozen=True, slots=True)
class _Request:
    """`named`: the configuration in its authorization details, if it has any."""

    form: Mapping[str, str] = field(repr=False)
    dpop: Dpop
    named: str | None
    now: datetime

    def text(self, name: str) -> str:
        return self.form.get(name, "")


class Exchanging:
    """Gives tokens for what a holder agreed to."""

    def __init__(
        self,
        database: Database,
        *,
        vault: Vault,
        tokens: Tokens,
        clients: Mapping[str, Sequence[str]],
        clock: Clock,
        public_url: str,
    ) -> None:
        self._database = database
        self._vault = vault
        self._tokens = tokens
        self._clients = clients
        self._clock = clock
        self._public_url = public_url

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
        details = form.get("authorization_details")
        named = None if details is None else details_of(details, issuer=self._public_url)
        request = _Request(form, dpop, named, self._clock())

        def unit(tx: Connection) -> dict[str, Any] | WalletError:
            if not use(tx, dpop.once, dpop.until, request.now):
                return replayed()
            return flow(tx, request)

        try:
            answer = await self._database.write(unit)
        except ConflictError:
            raise replayed() from None
        if isinstance(answer, WalletError):
            raise WalletError(answer.error, answer.description)
        return answer

    def _for_offer(self, tx: Connection, request: _Request) -> dict[str, Any] | WalletError:
        now = request.now
        code_hash = hashed(request.text("pre-authorized_code"))
        where = (_OFFERS.c.code_hash == code_hash) & (_OFFERS.c.state == LIVE) & (_OFFERS.c.expires_at > now)
        row = tx.execute(_OFFERED.where(where, ~spent(_OFFERS.c.id)).with_for_update(of=_OFFERS)).one_or_none()
        if row is None:
            return _REFUSED
        digits = request.form.get("tx_code")
        if digits is None:
            return WalletError("invalid_request", "tx_code is needed")
        if not hmac.compare_digest(typed_hash(self._vault, row._asdict(), digits), row.typed_hash):
            return self._guessed(tx, row, row.tries + 1, now)
        if request.named not in {None, row.configuration}:
            return _OTHER
        tx.execute(update(_OFFERS).where(_OFFERS.c.id == row.id).values(state=TAKEN, content=None))
        key = self._vault.data_key(row.data_key, row.kek_kid)
        end_on_ledger(tx, "wallet.offer_taken", row.id, row.subject_id, key, now)
        return self._begun(
            tx,
            request,
            row,
            certificate_ids=[row.certificate_id],
            by_identifier=request.named is not None,
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

    def _for_code(self, tx: Connection, request: _Request) -> dict[str, Any] | WalletError:
        rows, code = _AUTHORIZATIONS, request.text("code")
        where = (rows.c.code_hash == hashed(code)) & (rows.c.expires_at > request.now) & (rows.c.state == "allowed")
        once = id_of(self._vault, "wallet-code", hashed(code))
        row = tx.execute(_ALLOWED.where(where, ~spent(once)).with_for_update(of=rows)).one_or_none()
        if row is None or not bears(self._vault, CODE_MEANING, row._asdict(), code):
            return _REFUSED
        tx.execute(update(rows).where(rows.c.request_hash == row.request_hash).values(state="used"))
        key, detail = self._vault.data_key(row.data_key, row.kek_kid), {"wallet": row.client_id}
        draft = Draft(
            kind="wallet.code_used", detail=detail, key=key, subject_id=row.subject_id, object_id=once,
            object_version=END,
        )  # fmt: skip
        append(tx, [seal(draft, now=request.now)])
        verifier = request.text("code_verifier")
        challenge = b64u(sha256(verifier.encode()))
        if len(verifier) not in _VERIFIER or not hmac.compare_digest(challenge, row.challenge):
            return WalletError("invalid_grant", "code_verifier")
        if request.form.get("redirect_uri") != row.redirect_uri or request.form.get("client_id") != row.client_id:
            return WalletError("invalid_grant", "another redirect_uri or client_id")
        if row.thumbprint is not None and row.thumbprint != request.dpop.thumbprint:
            return WalletError("invalid_dpop_proof", "the request named another key")
        if request.named not in {None, row.configuration}:
            return _OTHER
        return self._begun(
            tx,
            request,
            row,
            certificate_ids=row.certificate_ids,
            by_identifier=row.detailed or request.named is not None or len(row.certificate_ids) > 1,
            client_id=row.client_id,
        )

    def _for_refresh(self, tx: Connection, request: _Request) -> dict[str, Any] | WalletError:
        bond = bonds.renew(tx, self._vault, request.text("refresh_token"), request.dpop.thumbprint, request.now)
        if bond is None:
            return _REFUSED
        if bond.row["client_id"] and bond.row["client_id"] not in self._clients:  # struck off by the operator
            raise WalletError(_REFUSED.error, _REFUSED.description)
        if request.named not in {None, bond.row["configuration"]}:
            raise WalletError(_OTHER.error, _OTHER.description)  # and nothing is used up by it
        return self._tokens.give(tx, bond, request.now, by_identifier=request.named is not None)

    def _begun(
        self,
        tx: Connection,
        request: _Request,
        agreed: Row[Any],
        *,
        certificate_ids: Sequence[str],
        by_identifier: bool,
        client_id: str,
    ) -> dict[str, Any]:
        """The first token of a new bond."""
        row: dict[str, Any] = {
            "id": new_id(),
            "subject_id": agreed.subject_id,
            "configuration": agreed.configuration,
            "certificate_ids": list(certificate_ids),
            "by_identifier": by_identifier,
            "thumbprint": request.dpop.thumbprint,
            "client_id": client_id,
        }
        return self._tokens.give(tx, bonds.begin(tx, self._vault, row, request.now), request.now)
