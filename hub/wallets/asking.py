"""A system asks a wallet (OpenID4VP 1.0): a signed question, an encrypted answer, our own verification for the verdict.

The question lives five minutes and is answered once. The answer must be signed by the key that the licence is bound to,
over this question's nonce and for this hub: what was shown to somebody else, or to another question, is nothing here.
What comes of it is what a holder showed, and no disclosure of the hub's: it needs no grant, and stands on the ledger.
"""

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import Any, Final, Self
from urllib.parse import quote

from sqlalchemy import Connection, Row, delete, insert, select, update

from catalog.tables import DepartmentRow, table
from certificates.claims import Disclosure
from certificates.profile import VCT_PREFIX
from certificates.stores.certificates import find_version
from certificates.stores.holders import subject_by_id
from certificates.verifying.known import VerifierRules
from certificates.verifying.papers import SdJwtPaper
from hub.access.actors import Actor, Role
from hub.access.service import Caller
from hub.access.sessions import hashed
from hub.clock import Clock, new_id
from hub.issuing.keys.desk import SigningDesk
from hub.issuing.types.registry import TypeRegistry
from hub.ledger.entries import Draft, append, seal
from hub.storage.database import Database
from hub.storage.errors import MissingError
from hub.storage.vault import DataKey, Vault
from hub.verification.service import VerificationService
from hub.wallets.answers import ANSWERED, QUERY, WAITING, Outcome, outcome_of, presented, private_key
from hub.wallets.errors import WalletError
from hub.wallets.jwe import ENCRYPTIONS, encryption_jwk
from hub.wallets.metadata import FORMAT, PREFIX
from hub.wallets.returning import kept_of, opens, redirect_of, way_back
from hub.wallets.tables import WalletAskRow
from signing.canonical import b64u, canonical, sha256, strict_loads
from signing.jose import sign_jws
from signing.keys import SoftwareSigner

LIFE: Final = timedelta(minutes=5)
REQUEST_TYP: Final = "oauth-authz-req+jwt"
_KEPT: Final = timedelta(hours=1)
_WALLETS: Final = "https://self-issued.me/v2"
_ROWS: Final = table(WalletAskRow)
_DEPARTMENTS: Final = table(DepartmentRow)


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, and alone hears the answer: a system, or a clerk at his counter. `by` is for the ledger."""

    department_id: str
    by: Mapping[str, Any]
    system_id: str | None = None
    staff_id: str | None = None

    @classmethod
    def system(cls, caller: Caller) -> Self:
        """A system that calls."""
        return cls(caller.department_id, {"system": caller.client_id}, system_id=caller.system_id)

    @classmethod
    def clerk(cls, actor: Actor) -> Self:
        """A clerk. Raises: ForbiddenError for everybody else."""
        actor.require(Role.CLERK)
        return cls(str(actor.department_id), actor.as_json(), staff_id=actor.id)


@dataclass(frozen=True, slots=True)
class Question:
    """A new question: its id, and what the QR says."""

    id: str
    scan: str = field(repr=False)
    seconds: int


class Asking:
    """Questions of systems and clerks, and the answers of wallets."""

    def __init__(
        self,
        database: Database,
        *,
        vault: Vault,
        desk: SigningDesk,
        types: TypeRegistry,
        verification: VerificationService,
        log_key: DataKey,
        clock: Clock,
        public_url: str,
    ) -> None:
        self._database = database
        self._vault = vault
        self._desk = desk
        self._types = types
        self._verification = verification
        self._log_key = log_key
        self._clock = clock
        self._public_url = public_url

    async def ask(
        self, asker: Asker, type_code: str, claims: Sequence[str], purpose: str, *, return_to: str | None = None
    ) -> Question:
        """Make a question for claims of one type of licence, for a purpose that the ledger keeps.

        Args:
            return_to: where the wallet leads the browser of this same device, which `may_return_to` was asked about.
        Raises: MissingError: no such type. WalletError ("invalid_request"): a claim that licences of it never show.
        """
        kind = self._types.newest(type_code)
        if kind is None:
            raise MissingError("certificate type")
        shown = {item.name for item in kind.claims.values() if item.disclosure is not Disclosure.NEVER}
        if not claims or not set(claims) <= shown:
            raise WalletError("invalid_request", "claims of this type are to be named")
        now, ask_id, reference = self._clock(), new_id(), secrets.token_urlsafe(32)
        key = self._vault.new_data_key()
        content = {
            "client_id": self._client_id(),
            "key": SoftwareSigner.generate().to_pem().decode(),
            "nonce": secrets.token_urlsafe(32),
            "reference": reference,
            "state": secrets.token_urlsafe(32),
            **way_back(return_to),
        }
        row: dict[str, Any] = {
            "id": ask_id,
            "system_id": asker.system_id,
            "staff_id": asker.staff_id,
            "department_id": asker.department_id,
            "reference_hash": hashed(reference),
            "type_code": kind.code,
            "claims": list(dict.fromkeys(claims)),
            "purpose": purpose,
            "state": WAITING,
            "content": key.encrypt(_place(ask_id, asker.system_id or asker.staff_id), canonical(content)),
            "data_key": key.wrapped,
            "kek_kid": key.kek_kid,
            "made_at": now,
            "expires_at": now + LIFE,
        }
        detail = {"ask": ask_id, "department_id": asker.department_id, "fields": row["claims"]}
        detail |= {"by": dict(asker.by), "purpose": purpose, "type": kind.code}
        entry = seal(Draft(kind="wallet.asked", detail=detail, key=self._log_key), now=now)

        def unit(tx: Connection) -> None:
            tx.execute(insert(_ROWS).values(**row))
            append(tx, [entry])

        await self._database.write(unit)
        return Question(ask_id, self._scan(content), int(LIFE.total_seconds()))

    async def request(self, reference: str) -> str:
        """The signed question behind a QR. Raises: MissingError, alike for every cause."""
        row, content, name = await self._database.read(lambda tx: self._live(tx, reference))
        now = self._clock()
        wanted = [{"path": [claim]} for claim in row.claims]
        query = {"id": QUERY, "format": FORMAT, "meta": {"vct_values": [VCT_PREFIX + row.type_code]}, "claims": wanted}
        payload = {
            "aud": _WALLETS,
            "client_id": content["client_id"],
            "client_metadata": {
                "client_name": name,
                "encrypted_response_enc_values_supported": list(ENCRYPTIONS),
                "jwks": {"keys": [encryption_jwk(private_key(content))]},
                "vp_formats_supported": {FORMAT: {"kb-jwt_alg_values": ["ES256"], "sd-jwt_alg_values": ["ES256"]}},
            },
            "dcql_query": {"credentials": [query]},
            "exp": int(row.expires_at.timestamp()),
            "iat": int(now.timestamp()),
            "nonce": content["nonce"],
            "response_mode": "direct_post.jwt",
            "response_type": "vp_token",
            "response_uri": f"{self._public_url}{PREFIX}/responses/{content['reference']}",
            "state": content["state"],
        }
        certified = self._desk.hub("hub")
        signed = partial(sign_jws, payload, signer=certified.signer, typ=REQUEST_TYP, header=certified.header)
        return await asyncio.to_thread(signed)

    async def answer(self, reference: str, response: str) -> str | None:
        """Take what a wallet answers, once; the verdict is the system's to fetch, and no wallet's to learn. Answers
        where the browser goes, if it is on the same device.

        Raises: MissingError: no such question, or over; WalletError ("invalid_request"): not an answer to this one.
        """
        row, content, _ = await self._database.read(lambda tx: self._live(tx, reference))
        token = await asyncio.to_thread(presented, response, content)
        data = token.encode()
        rules = VerifierRules(nonce=content["nonce"])
        verdict = await self._verification.judge(SdJwtPaper(data), data, audience=content["client_id"], rules=rules)
        outcome = outcome_of(verdict, type_code=row.type_code, wanted=row.claims)
        back = kept_of(content)
        await self._database.write(lambda tx: self._store(tx, row, outcome, back))
        return redirect_of(back)

    async def look(self, asker: Asker, ask_id: str, *, code: str | None = None) -> Outcome:
        """What came of it so far; on the same device the outcome only with the code that came back by the browser.

        Raises: MissingError: not his, or forgotten.
        """
        his = _ROWS.c.staff_id == asker.staff_id if asker.staff_id else _ROWS.c.system_id == asker.system_id
        where = (_ROWS.c.id == ask_id) & his
        row = await self._database.read(lambda tx: tx.execute(select(_ROWS).where(where)).one_or_none())
        now = self._clock()
        if row is None or row.expires_at < now - _KEPT:
            raise MissingError("wallet request")
        if row.state != ANSWERED and row.expires_at <= now:
            return Outcome("over", type_code=row.type_code)
        found = self._content(row)
        if row.state != ANSWERED:
            return Outcome(WAITING, scan=self._scan(found), type_code=row.type_code)
        if not opens(found, code):
            return Outcome(ANSWERED, type_code=row.type_code)
        outcome = Outcome(ANSWERED, found["result"], found["reason"], found["identifier"], found["claims"])
        return replace(outcome, type_code=row.type_code)

    async def sweep(self) -> None:
        """Part of the housekeeping: questions and their answers are deleted after an hour."""
        old = _ROWS.c.expires_at < self._clock() - _KEPT
        if await self._database.read(lambda tx: tx.execute(select(_ROWS.c.id).where(old).limit(1)).first()):
            await self._database.write(lambda tx: tx.execute(delete(_ROWS).where(old)))

    def _scan(self, content: Mapping[str, Any]) -> str:
        where = f"{self._public_url}{PREFIX}/requests/{content['reference']}"
        return f"openid4vp://?client_id={quote(content['client_id'], safe='')}&request_uri={quote(where, safe='')}"

    def _client_id(self) -> str:
        """The digest of the certificate that signs (OpenID4VP 1.0 §5.9.3): no name that a certificate must have.

        A question keeps it: an answer to one that was read before the key was rotated is not one to somebody else.
        """
        return f"x509_hash:{b64u(sha256(self._desk.hub('hub').chain[0]))}"

    def _live(self, tx: Connection, reference: str) -> tuple[Row[Any], dict[str, Any], str]:
        where = (_ROWS.c.reference_hash == hashed(reference)) & (_ROWS.c.state == WAITING)
        row = tx.execute(select(_ROWS).where(where, _ROWS.c.expires_at > self._clock())).one_or_none()
        if row is None:
            raise MissingError("wallet request")
        name = select(_DEPARTMENTS.c.name_zh).where(_DEPARTMENTS.c.id == row.department_id)
        return row, self._content(row), tx.execute(name).scalar_one()

    def _content(self, row: Row[Any]) -> dict[str, Any]:
        plain = self._vault.data_key(row.data_key, row.kek_kid).decrypt(
            _place(row.id, row.system_id or row.staff_id), row.content
        )
        content: dict[str, Any] = strict_loads(plain, max_bytes=len(plain))
        return content

    def _store(self, tx: Connection, row: Row[Any], outcome: Outcome, back: Mapping[str, str]) -> None:
        now, key = self._clock(), self._vault.data_key(row.data_key, row.kek_kid)
        content = {
            "claims": dict(outcome.claims),
            "identifier": outcome.identifier,
            "reason": outcome.reason,
            "result": outcome.result,
            **back,
        }
        place = _place(row.id, row.system_id or row.staff_id)
        values = {"state": ANSWERED, "content": key.encrypt(place, canonical(content))}
        mine = (_ROWS.c.id == row.id) & (_ROWS.c.state == WAITING)
        if tx.execute(update(_ROWS).where(mine).values(**values)).rowcount != 1:
            raise MissingError("wallet request")
        detail = {"ask": row.id, "department_id": row.department_id, "fields": sorted(outcome.claims)}
        detail |= {"identifier": outcome.identifier, "purpose": row.purpose, "result": outcome.result}
        draft = Draft(kind="wallet.shown", detail=detail, key=self._log_key)
        version = find_version(tx, outcome.identifier) if outcome.identifier else None
        if version is not None:
            subject = subject_by_id(tx, version.subject_id)
            held = self._vault.data_key(subject.data_key, subject.kek_kid)
            draft = Draft(kind="wallet.shown", detail=detail, key=held, subject_id=subject.id)
        append(tx, [seal(draft, now=now)])


def _place(ask_id: str, asker_id: str | None) -> str:
    """Where it is sealed: with who asked, so that an answer is not handed to another by SQL."""
    return f"wallet_asks:{ask_id}:{asker_id}:content"
