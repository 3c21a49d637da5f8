"""The provincial gateway's dialect towards consumers: software written for it moves here by a new URL and key.

What it never had to do there it must do here: `additional` names a real, open case of its own, that case's matter, a
party of it and a material which the matter demands. A call about anybody else is refused and on the ledger.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection

from adapters.port import Value
from catalog.identifiers import normalise_id
from catalog.interface_store import answering_interface
from catalog.interfaces import Interface, Origin
from catalog.store import find_system_id
from hub.access.actors import Actor, Role
from hub.access.service import SANDBOX_PREFIX, Caller
from hub.clock import Clock
from hub.exchange.errors import ExchangeError, GatewayError, NotGrantedError, QuestionError, UnknownInterfaceError
from hub.exchange.gateway import keys
from hub.exchange.question import QueryCall
from hub.exchange.service import QueryService
from hub.intake import store
from hub.intake.cases import CaseService
from hub.issuing.plan import lookup_hash, name_hash
from hub.ledger.entries import Draft, append, seal
from hub.registry.matters.guard import MatterBook
from hub.storage.database import Database
from hub.storage.errors import MissingError
from hub.storage.vault import DataKey, Vault
from hub.threads import off_loop
from signing.canonical import strict_loads

_ANSWER_BYTES: Final = 16_777_216


BAD_KEY: Final = GatewayError("11", "appKey、requestTime 或 sign 不正确")
EXPIRED: Final = GatewayError("12", "密钥已过期，请先刷新")
NO_CASE: Final = GatewayError("21", "additional.projectId 不是本系统在办的办件")
NO_MATTER: Final = GatewayError("22", "additional.powerMatters 与办件事项不符")
NO_MATERIAL: Final = GatewayError("23", "additional.materialName 不是该事项所需材料")
NO_SPONSOR: Final = GatewayError("24", "additional.sponsorName、sponsorCode 不是办件当事人")
NO_OPERATOR: Final = GatewayError("25", "additional.accesscardId 缺失")
OTHER_PERSON: Final = GatewayError("26", "查询条件与办件当事人不符")
_OUTCOMES: Final = {
    "satisfied": "00",
    "declared_none": "00",
    "no_source": "00",
    "not_granted": "31",
    "identity_unconfirmed": "32",
    "ambiguous": "33",
}
UNAVAILABLE: Final = "99"


@dataclass(frozen=True, slots=True)
class Signed:
    """What a call of the dialect is authenticated by."""

    app_key: str
    request_time: str
    sign: str


@dataclass(frozen=True, slots=True)
class Additional:
    """The purpose block. `case` is the case number or the system's own number of it."""

    case: str
    matter: str
    material: str
    operator: str
    sponsor_name: str = field(repr=False)
    sponsor_code: str = field(repr=False)


class GatewayService:
    """Serves the dialect over `QueryService`."""

    def __init__(
        self,
        database: Database,
        *,
        vault: Vault,
        cases: CaseService,
        queries: QueryService,
        log_key: DataKey,
        clock: Clock,
    ) -> None:
        self._database = database
        self._vault = vault
        self._matters = MatterBook(vault)
        self._cases = cases
        self._queries = queries
        self._log_key = log_key
        self._clock = clock

    async def enable(self, actor: Actor, client_id: str) -> tuple[str, str]:
        """Give a system a key of the dialect; appKey and appSecret, the latter shown this once.

        Raises: ForbiddenError, MissingError.
        """
        actor.require(Role.OPERATOR)
        if client_id.startswith(SANDBOX_PREFIX):
            raise MissingError("system")
        found = keys.GatewaySecrets.new()

        def unit(tx: Connection) -> str:
            app_key = keys.add_key(tx, _system(tx, client_id), found, self._vault, now=self._clock())
            self._record(tx, "gateway.enabled", client_id, actor)
            return app_key

        return await self._database.write(unit), found.app

    async def disable(self, actor: Actor, client_id: str) -> None:
        """End the dialect for a system, at once. Raises: ForbiddenError, MissingError."""
        actor.require(Role.OPERATOR)

        def unit(tx: Connection) -> None:
            if not keys.remove_keys(tx, _system(tx, client_id)):
                raise MissingError("gateway key")
            self._record(tx, "gateway.disabled", client_id, actor)

        await self._database.write(unit)

    async def holder(self, signed: Signed, *, by_app_secret: bool) -> keys.GatewayKey:
        """Whose key it is, signed with the application secret or the refresh secret. Raises: GatewayError."""
        key = await self._key(signed.app_key)
        if not by_app_secret and not keys.alive(key.secrets.refresh_until, self._clock()):
            raise EXPIRED
        self._check(signed, key.secrets.app if by_app_secret else key.secrets.refresh)
        return key

    async def refresh(self, key: keys.GatewayKey) -> keys.GatewaySecrets:
        """New inner secrets for its holder. Raises: GatewayError."""
        now = self._clock()
        found = key.secrets.refreshed(now)
        if not await self._database.write(lambda tx: keys.replace_secrets(tx, key, found, self._vault, now=now)):
            raise GatewayError("13", "密钥正在刷新，请稍后重试")
        return found

    async def caller(self, signed: Signed) -> Caller:
        """The system behind a signed call. Raises: GatewayError."""
        key = await self._key(signed.app_key)
        self._check(signed, key.secrets.request)
        if not keys.alive(key.secrets.request_until, self._clock()):
            raise EXPIRED
        return key.caller

    async def ask(
        self, caller: Caller, code: str, additional: Additional, params: Mapping[str, Value], request_hash: str
    ) -> dict[str, Any]:
        """The envelope. Raises: GatewayError, and what `QueryService.query` raises."""
        try:
            call = await self._database.read(lambda tx: self._call(tx, caller, code, additional, params, request_hash))
        except ExchangeError as error:
            await self._cases.refuse(caller, f"gateway_{refused(error)['code']}", {"interface": code})
            raise
        body = await self._queries.query(caller, call)
        return await off_loop(len(body), lambda: envelope(strict_loads(body, max_bytes=_ANSWER_BYTES, max_depth=64)))

    async def _key(self, app_key: str) -> keys.GatewayKey:
        found = await self._database.read(lambda tx: keys.find_key(tx, app_key, self._vault))
        if found is None:
            raise BAD_KEY
        return found

    def _check(self, signed: Signed, secret: str) -> None:
        good = keys.signed_by(signed.sign, app_key=signed.app_key, secret=secret, request_time=signed.request_time)
        if not good or not keys.is_fresh(signed.request_time, self._clock()):
            raise BAD_KEY

    def _call(
        self,
        tx: Connection,
        caller: Caller,
        code: str,
        additional: Additional,
        params: Mapping[str, Value],
        request_hash: str,
    ) -> QueryCall:
        case = _case(tx, caller, additional.case)
        if case.matter_code != additional.matter:
            raise NO_MATTER
        if not additional.operator:
            raise NO_OPERATOR
        matter = self._matters.matter(tx, case.matter_id)
        named = {requirement.title("zh-CN") for requirement in matter.requirements}
        if additional.material not in named:
            raise NO_MATERIAL
        party = self._party(tx, case, additional)
        stored = answering_interface(tx, code, now=self._clock())
        if stored is None:
            raise UnknownInterfaceError
        return QueryCall(
            interface=code,
            case_no=case.case_no,
            purpose=None,
            party=party.role,
            subject=0 if case.subjects else None,
            params=self._own(stored.interface, params, party, case.subjects),
            fields=None,
            material=additional.material,
            language="zh-CN",
            request_hash=request_hash,
        )

    def _party(self, tx: Connection, case: store.Case, additional: Additional) -> store.Party:
        name = name_hash(self._vault, additional.sponsor_name)
        for party in store.parties_of(tx, case.id).values():
            if party.name_hash == name and self._is_number(party, additional.sponsor_code):
                return party
        raise NO_SPONSOR

    def _own(
        self,
        interface: Interface,
        params: Mapping[str, Value],
        party: store.Party,
        subjects: list[dict[str, str]],
    ) -> dict[str, Value]:
        """What is the caller's to give; the rest must be what the case says."""
        left = dict(params)
        for name, param in interface.params.items():
            if param.origin is Origin.CALLER:
                continue
            if name not in left:
                raise QuestionError(f"/params/{name}", "missing")
            given = str(left.pop(name))
            if not self._same(param.origin, given, party, subjects):
                raise OTHER_PERSON
        return left

    def _same(self, origin: Origin, given: str, party: store.Party, subjects: list[dict[str, str]]) -> bool:
        match origin:
            case Origin.PARTY_ID:
                return self._is_number(party, given)
            case Origin.PARTY_NAME:
                return name_hash(self._vault, given) == party.name_hash
            case _:
                return bool(subjects) and given == subjects[0]["code"]

    def _is_number(self, party: store.Party, value: str) -> bool:
        if party.id_type is None:
            return False
        number = normalise_id(party.id_type, value).value
        return lookup_hash(self._vault, party.id_type, number) == party.lookup_hash

    def _record(self, tx: Connection, kind: str, client_id: str, actor: Actor) -> None:
        detail = {"client_id": client_id, "actor": actor.as_json()}
        append(tx, [seal(Draft(kind=kind, detail=detail, key=self._log_key), now=self._clock())])


def envelope(answer: Mapping[str, Any]) -> dict[str, Any]:
    """An answer in the dialect's words; the signed answer goes along for software that has learnt to check it."""
    records = answer["records"]
    return {
        "code": _OUTCOMES.get(answer["outcome"], UNAVAILABLE),
        "msg": "成功" if answer["outcome"] == "satisfied" else answer["why"]["text"],
        "datas": records,
        "dataCount": len(records),
        "requestId": answer["query_id"],
        "answer": answer["answer"],
    }


def refused(error: Exception) -> dict[str, Any]:
    """A refusal in the dialect's words."""
    match error:
        case GatewayError():
            code, msg = error.code, error.msg
        case NotGrantedError():
            code, msg = "31", "没有可用的共享授权"
        case UnknownInterfaceError():
            code, msg = "41", "没有该数据接口"
        case _:
            code, msg = "42", "请求参数不符合接口约定"
    return {"code": code, "msg": msg, "datas": [], "dataCount": 0}


def _case(tx: Connection, caller: Caller, number: str) -> store.Case:
    case_no = store.find_case_no(tx, caller.system_id, number) or number
    case = store.find_case(tx, case_no)
    if case is None or case.system_id != caller.system_id or case.state != "open":
        raise NO_CASE
    return case


def _system(tx: Connection, client_id: str) -> str:
    found = find_system_id(tx, client_id)
    if found is None:
        raise MissingError("system")
    return found
