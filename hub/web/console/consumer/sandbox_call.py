"""A question put to the sandbox by the hub itself, as a system would put it, and the same as code to copy."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Final

from catalog.interface_store import StoredInterface
from catalog.interfaces import Origin
from catalog.matters.values import Matter
from hub.access.actors import Actor
from hub.access.service import Caller
from hub.clock import new_id
from hub.exchange.question import QueryCall
from hub.exchange.sandbox.answers import sample_param
from hub.exchange.sandbox.people import SamplePerson, sample_people
from hub.exchange.sandbox.steps import PURPOSE
from hub.intake.opening import Opening
from hub.intake.parties import PartyInput
from hub.problems import INTERNAL, document, problem_of
from hub.registry.systems import SystemView
from hub.runtime import Hub
from hub.web.snippets import LANGUAGES, Filling, snippet
from signing.canonical import strict_loads, unb64u

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


async def ask_sandbox(hub: Hub, actor: Actor, stored: StoredInterface, chosen: Choice, language: str) -> Ran:
    """Open a case for the sample person and ask once; every refusal is an answer, too."""
    caller = await hub.systems.sandbox_caller(actor, chosen.system.client_id)
    begun = hub.clock()
    sent: dict[str, Any] = {}
    try:
        case_no = await _open(hub, caller, stored, chosen)
        sent = {"case_no": case_no, "purpose": PURPOSE} | extra_params(stored)
        body: dict[str, Any] = strict_loads(
            await hub.exchange.sandbox.query(caller, _call(stored, sent, language)),
            max_bytes=_ANSWER_BYTES,
            max_depth=64,
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


def extra_params(stored: StoredInterface) -> dict[str, Any]:
    """Members of the query that this interface wants beside case and purpose."""
    params = stored.interface.params.values()
    given = {item.name: sample_param(item, sample_people()[0]) for item in params if item.origin is Origin.CALLER}
    subject = {"subject": 0} if any(item.origin is Origin.SUBJECT for item in params) else {}
    return subject | ({"params": given} if given else {})


def snippets_for(hub: Hub, code: str, chosen: Choice) -> list[tuple[str, str]]:
    """The same question as a program in each language; none without an active key."""
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
