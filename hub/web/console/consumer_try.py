"""The sandbox in the browser: sample persons, one real call made by the server, and the same call as code to copy."""

import hashlib
import json
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse
from sqlalchemy import Connection

from catalog.interface_store import StoredInterface, answering_interface, list_interfaces
from catalog.interfaces import InterfaceState, Origin
from catalog.matters import Matter
from catalog.store import list_matters
from hub.access.actors import Actor, Role
from hub.access.service import Caller
from hub.clock import new_id
from hub.deps import HubDep
from hub.exchange.question import QueryCall
from hub.exchange.sandbox import PURPOSE
from hub.exchange.sandbox_answers import sample_param
from hub.exchange.sandbox_people import SamplePerson, by_number, sample_people
from hub.intake.cases import Opening, PartyInput
from hub.problems import INTERNAL, document, problem_of
from hub.registry.systems import SystemView
from hub.registry.viewers import Viewer
from hub.runtime import Hub
from hub.storage.errors import MissingError
from hub.web.console import consumer_words as words
from hub.web.console.forms import form
from hub.web.console.frame import render
from hub.web.console.view import view_of
from hub.web.console.visit import ConsoleDep
from hub.web.snippets import LANGUAGES, Filling, snippet
from signing.canonical import strict_loads, unb64u

router = APIRouter()
_ANSWER_BYTES: Final = 16_777_216


@dataclass(frozen=True, slots=True)
class Choice:
    """Who is asked about, by which credential, for which matter."""

    system: SystemView
    person: SamplePerson
    matter: Matter


@dataclass(frozen=True, slots=True)
class Ran:
    """A call that was made: what went out, what came back."""

    status: int
    sent: str
    body: dict[str, Any]
    milliseconds: int

    @property
    def signed(self) -> dict[str, str]:
        """Receipt and signed answer."""
        return {name: self.body[name] for name in ("receipt", "answer") if name in self.body}

    @property
    def shortened(self) -> dict[str, Any]:
        """The body with the signed texts cut, to be read."""
        return self.body | {name: f"{token[:32]}…" for name, token in self.signed.items()}

    @property
    def entry(self) -> str:
        """The ledger entry of the answer, if it has a receipt."""
        token = self.body.get("receipt", "")
        return _entry_of(token) if token else ""


@router.get("/console/consumer/sandbox", response_class=HTMLResponse)
async def sandbox(request: Request, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """What it is, my credentials, and everybody who lives in it."""
    people = sample_people()
    states = (InterfaceState.LIVE.value, InterfaceState.DEPRECATED.value)
    found = await hub.database.read(lambda tx: list_interfaces(tx, states=states))
    return render(
        request,
        "console/consumer/sandbox.html",
        actor,
        systems=[item for item in await hub.systems.list(actor) if item.sandbox],
        pairs=list(zip(people[::2], people[1::2], strict=True)),
        interfaces=sorted({item.interface.code: item.interface.title for item in reversed(found)}.items()),
        may_write=Role.CONSUMER_ENGINEER in actor.roles,
        **words.SHARED,
    )


@router.get("/console/consumer/try/{code}", response_class=HTMLResponse)
async def try_page(
    request: Request, code: str, hub: HubDep, actor: ConsoleDep, system: Annotated[str, Query(max_length=64)] = ""
) -> HTMLResponse:
    """Choose, and copy the code."""
    return await _page(request, hub, actor, code, system=system)


@router.post("/console/consumer/try/{code}", response_class=HTMLResponse)
async def run(request: Request, code: str, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """Open a case and ask, with the sandbox credential, through the services that the API uses."""
    given = await form(request)
    return await _page(
        request,
        hub,
        actor,
        code,
        system=given.text("system"),
        person=given.text("person"),
        matter=given.text("matter"),
        runs=True,
    )


async def _page(
    request: Request,
    hub: Hub,
    actor: Actor,
    code: str,
    *,
    system: str = "",
    person: str = "",
    matter: str = "",
    runs: bool = False,
) -> HTMLResponse:
    actor.require(Role.CONSUMER_ENGINEER)
    shown = await hub.catalogue.reader.interface(Viewer.of(actor), code)
    now = hub.clock()

    def unit(tx: Connection) -> tuple[StoredInterface | None, list[Matter]]:
        return answering_interface(tx, code, now=now), list_matters(tx)

    stored, matters = await hub.database.read(unit)
    if stored is None:
        raise MissingError("interface")
    systems = [item for item in await hub.systems.list(actor) if item.sandbox and item.active]
    wanted = {param.id_type for param in stored.interface.params.values() if param.id_type}
    persons = [item for item in sample_people() if not wanted or item.id_type in wanted] or list(sample_people())
    chosen = Choice(
        next((item for item in systems if item.client_id == system), systems[0]),
        by_number().get(person, persons[0]),
        next((item for item in matters if item.code == matter), matters[0]),
    ) if systems and matters else None  # fmt: skip
    language = view_of(request).language
    ran = await _run(hub, actor, stored, chosen, language) if chosen and runs else None
    return render(
        request,
        "console/consumer/try.html",
        actor,
        shown=shown,
        systems=systems,
        persons=persons,
        matters=matters,
        chosen={
            "system": chosen.system.client_id if chosen else "",
            "person": chosen.person.id_number if chosen else "",
            "matter": chosen.matter.code if chosen else "",
        },
        ran=ran,
        snippets=_snippets(hub, code, chosen) if chosen else [],
        wants_more=json.dumps(_extra(stored), ensure_ascii=False) if _extra(stored) else "",
        **words.SHARED,
    )


async def _run(hub: Hub, actor: Actor, stored: StoredInterface, chosen: Choice, language: str) -> Ran:
    caller = await hub.systems.sandbox_caller(actor, chosen.system.client_id)
    begun = hub.clock()
    sent: dict[str, Any] = {}
    try:
        case_no = await _open(hub, caller, stored, chosen)
        sent = {"case_no": case_no, "purpose": PURPOSE} | _extra(stored)
        body: dict[str, Any] = strict_loads(
            await hub.sandbox.query(caller, _call(stored, sent, language)), max_bytes=_ANSWER_BYTES, max_depth=64
        )
        status = 200
    except Exception as error:
        kind = problem_of(error)
        if kind is INTERNAL:
            raise
        url = hub.settings.public_url
        body, _ = document(kind, error=error, language=language, request_id=new_id(), public_url=url)
        status = kind.status
    path = f"POST {hub.settings.public_url}/api/v1/interfaces/{stored.interface.code}/query"
    shown = f"{path}\n\n{json.dumps(sent, ensure_ascii=False, indent=2)}"
    return Ran(status, shown, body, round((hub.clock() - begun).total_seconds() * 1000))


async def _open(hub: Hub, caller: Caller, stored: StoredInterface, chosen: Choice) -> str:
    person = chosen.person
    subjects = [
        {"kind": "sample", "code": str(sample_param(param, person))}
        for param in stored.interface.params.values()
        if param.origin is Origin.SUBJECT
    ]
    opening = Opening(
        matter=chosen.matter.code,
        kind="application",
        parties=[PartyInput(chosen.matter.roles[0], person.name, person.id_type, person.id_number)],
        subjects=subjects[:1],
        operator={"id": "sandbox", "name": "沙箱操作员"},
        channel="console",
        external_no=new_id(),
        corroboration=[],
    )
    return (await hub.cases.open(caller, opening, request=None)).case_no


def _call(stored: StoredInterface, sent: dict[str, Any], language: str) -> QueryCall:
    code = stored.interface.code
    raw = json.dumps(sent, ensure_ascii=False, separators=(",", ":")).encode()
    return QueryCall(
        interface=code,
        case_no=sent["case_no"],
        purpose=sent["purpose"],
        party=None,
        subject=sent.get("subject"),
        params=sent.get("params", {}),
        fields=None,
        material="",
        language=language,
        request_hash=hashlib.sha256(f"POST\n/api/v1/interfaces/{code}/query\n".encode() + raw + b"\n").hexdigest(),
    )


def _extra(stored: StoredInterface) -> dict[str, Any]:
    """Members of the query that this interface wants beside case and purpose."""
    params = stored.interface.params.values()
    given = {item.name: sample_param(item, sample_people()[0]) for item in params if item.origin is Origin.CALLER}
    subject = {"subject": 0} if any(item.origin is Origin.SUBJECT for item in params) else {}
    return subject | ({"params": given} if given else {})


def _snippets(hub: Hub, code: str, chosen: Choice) -> list[tuple[str, str]]:
    key = next((item for item in chosen.system.keys if item.active and item.kind == "key"), None)
    if key is None:
        return []
    person = chosen.person
    filling = Filling(
        hub=hub.settings.public_url,
        client_id=chosen.system.client_id,
        kid=key.kid,
        interface=code,
        matter=chosen.matter.code,
        purpose=PURPOSE,
        party={
            "role": chosen.matter.roles[0],
            "id_type": person.id_type,
            "id_number": person.id_number,
            "name": person.name,
        },
        key_file=f"{chosen.system.client_id}.pem",
    )
    return [(language, snippet(language, filling)) for language in LANGUAGES]


def _entry_of(token: str) -> str:
    """The entry that a receipt of our own names."""
    claims = strict_loads(unb64u(token.split(".")[1]), max_bytes=8192)
    return str(claims["entry"])
