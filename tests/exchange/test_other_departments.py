"""Every page and every call of staff, walked by somebody of another department: what is not his does not exist.

The routes are read from the application itself. A route with something in its path is walked as soon as it is there,
and fails here until it is known what stands behind its parameters: see `STEPS` and `things`.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import httpx2
import pytest
from sqlalchemy import select

from catalog.tables import SystemRow, table
from hub.access.actors import COMMAND, Role
from hub.access.staff_store import Staff
from hub.api.either import either
from hub.api.grants import acting
from hub.clock import new_id
from hub.deps import staff_actor
from hub.exchange.subscriptions import store as subscriptions_store
from hub.exchange.subscriptions.webhooks import Receiver
from hub.exchange.tables import AgentDeliveryRow
from hub.intake.lower.asking import task_place
from hub.intake.lower.task_store import add_task
from hub.intake.tables import CaseRow
from hub.issuing.files import identifiers_of
from hub.registry.notices import notify
from hub.runtime import Hub
from hub.web.console.visit import visiting
from signing.canonical import canonical
from tests.access.people import Visitor, add, visitor
from tests.access.test_staff_api import bearer
from tests.collection.test_batches import Sender
from tests.collection.test_uploads import uploaded
from tests.exchange.bulking import begin, bulk_grant
from tests.exchange.conftest import INTERFACE, Town
from tests.routes import calls, inside
from tests.support import AMR, ENTERPRISE, INTAKE, MATTER, POLICE, PUBLIC_URL, application

pytestmark = pytest.mark.parametrize("template", ["sqlite"], indirect=True)
EVERYTHING: Final = (Role.OWNER_ENGINEER, Role.OWNER_APPROVER, Role.CONSUMER_ENGINEER)
STAFF: Final = {visiting, staff_actor, either, acting}
AGENT: Final = "amr-agent"
PUBLIC: Final = {
    "/console/owner/usage/{what}.csv",
    "/console/consumer/interfaces/{code}",
    "/console/consumer/types/{code}",
    "/console/consumer/try/{code}",
    "/api/v1/certificate-types/{code}",
    "/api/v1/certificate-types/{code}/definition",
    "/api/v1/certificate-types/{code}/retire",
    "/console/licences/new/{code}",
    "/console/licences/new/{code}/transfer",
    "/console/licences/new/{code}/transfer/form",
}
"""The catalogue and its sandbox are there for every department; a table of one's own use names no object. Types are
public too: who may change or stop one, and issue by it, is proved in `tests/registry/test_types.py`,
`tests/hub/test_type_halt.py` and `tests/pages/test_library.py`.
"""
TYPES: Final = re.compile(r"/console/types/.*|/api/v1/certificate-types/.*")
ELSEWHERE: Final = re.compile(
    r"/api/v1/(?:certificate-act|collection-feeds|mandates|dead-ends|objections|late-orders).*|/console/licences/(?:lists|waiting)/.*"
    r"|/console/owner/(?:feeds|objections)/.*"
    r"|/console/matters/.*|/api/v1/replays/.*"
    r"|/console/(?:counter|approve|dead-ends|mandates|late-orders)/.*"
)
"""Acts and lists that wait, feeds, mandates of two departments, dead ends, matters, which all may read, the
desks of clerks and deciders, and replays, which only auditors may see: `tests/hub/test_acts_attacked.py`,
`tests/hub/test_act_lists.py`, `tests/collection/test_feed_desk.py`, `tests/hub/test_case_stages.py`,
`tests/hub/test_dead_ends.py`, `tests/registry/test_matters_published.py`, `tests/hub/test_counter.py`,
`tests/hub/test_approver.py`, `tests/citizens/test_objections.py`, `tests/citizens/test_late_signed.py`,
`tests/citizens/test_late_pages.py`, `tests/hub/test_replay.py`, `tests/hub/test_supervision_pages.py`.
"""
FORBIDDEN: Final = re.compile(
    r"/(?:console|api/v1)/(?:staff/\{staff_id\}/(?:roles|invite|state|disable|enable)|proposals/.*)"
    r"|/console/consumer/systems/\{client_id\}/gateway|/api/v1/keys/.*|/console/messages/.*"
)
"""What operators alone do is refused before anything is looked for."""
STEPS: Final[Mapping[str, tuple[str, ...]]] = {
    "GET /console/owner/register/{draft_id}/{step}": ("name", "check"),
    "POST /console/owner/register/{draft_id}/{step}": ("name", "connection", "test", "check"),
    "GET /console/owner/publish/{draft_id}/{step}": ("title", "check"),
    "POST /console/owner/publish/{draft_id}/{step}": ("title", "operation", "sample", "check"),
    "POST /console/owner/publish/{draft_id}/quality/{way}": ("try", "list"),
    "POST /console/owner/interfaces/{code}/{version}/{step}": (
        "test", "live", "deprecate", "reinstate", "withdraw", "lift",
    ),
    "GET /console/owner/requests/{request_id}/{step}": ("approve", "refuse", "ask", "extend"),
    "POST /console/owner/requests/{request_id}/{step}": ("approve", "refuse", "ask", "extend", "settle", "escalate"),
    "POST /console/owner/grants/{grant_id}/{step}": ("suspend", "resume", "withdraw"),
    "POST /console/owner/bulk/{run_id}/{step}": ("release", "refuse"),
    "POST /console/owner/demands/{demand_id}/{step}": ("publish", "refuse", "forward"),
    "GET /console/owner/batches/{batch}/report.{kind}": ("csv", "jsonl"),
    "PUT /api/v1/batches/{batch}/parts/{number}": ("1",),
    "GET /console/consumer/ask/{draft_id}/{step}": ("fields", "check"),
    "POST /console/consumer/ask/{draft_id}/{step}": ("fields", "check"),
    "POST /api/v1/grant-requests/{request_id}/{step}": (
        "refuse", "ask-more", "extend", "withdraw", "dispute", "settle", "escalate",
    ),
    "POST /api/v1/grants/{grant_id}/{step}": ("suspend", "resume", "withdraw"),
    "POST /api/v1/demands/{demand_id}/{step}": ("publish", "refuse", "forward"),
    "GET /console/licences/id/{identifier}/make/{operation}": ("renew", "change", "correct"),
    "POST /console/licences/id/{identifier}/make/{operation}": ("renew", "change", "correct"),
    "GET /console/licences/id/{identifier}/act/{operation}": ("suspend", "revoke"),
    "POST /console/licences/id/{identifier}/act/{operation}": ("suspend", "revoke"),
}  # fmt: skip
SILENT: Final = {"/console/account/sessions/{session_id}/end"}
"""One's own session that is over is as good as ended; another's stays: see the end of the walk."""
SAFE: Final = {
    "/console/notices/{notice_id}/seen",
    "/console/owner/sources/{code}/deliveries/{item}/retry",
    "/console/consumer/subscriptions/{subscription}/messages/{message}/replay",
}
"""Posts that whose it is may try here, because no page shows the object in their path."""
FILES: Final = ("/keys", "/file")
"""Forms with a file in them."""
WORDS: Final = {
    "reason": "示例理由", "withdraw_reason": "示例理由", "deprecate_reason": "示例理由", "refuse_reason": "示例理由",
    "forward_reason": "示例理由", "legal_basis": "示例依据", "approval": "示例", "to": POLICE, "code": INTERFACE,
    "kind": "interface", "ends_on": "2099-01-01", "active": "1", "key": "{}", "name": "pw", "value": "v", "why": "示例",
    "roles": "owner_engineer", "listing": "SELECT 1",
}  # fmt: skip
"""Enough of every form that nobody stops at what is missing."""


def routes(town: Town, *, lists: bool = False) -> list[tuple[str, str]]:
    """Methods and paths of what staff ask for in a browser or by a token: with an object in the path, or without."""

    with application(town.hub) as app:
        staff = [route for route in inside(app._app) if STAFF & set(calls(route.dependant))]
    found = [(method, route.path) for route in staff for method in sorted(route.methods - {"HEAD"})]
    if lists:
        return [(method, path) for method, path in found if "{" not in path]
    walked = [(method, path) for method, path in found if "{" in path and path not in PUBLIC]
    return [(method, path) for method, path in walked if not TYPES.fullmatch(path) and not ELSEWHERE.fullmatch(path)]


async def things(town: Town, insider: Staff) -> dict[str, str]:
    """One object of every kind, of the department that is looked at; by the parameter that names it."""
    hub, actor = town.hub, insider.actor()
    await hub.registry.add_grant(bulk_grant())
    agent = {"agent": INTAKE, "write_back": [{"matter": MATTER, "operation": "take", "fields": {"n": "case_no"}}]}
    names = {"zh": "前置库", "en": "Agent"}
    await hub.sources.add(
        COMMAND, {"code": AGENT, "department": AMR, "name": names, "kind": "agent", "connection": agent}
    )
    await town.client.post(f"/api/v1/cases/{await town.case()}/close", headers=town.headers)
    session = next(held for held in await hub.sessions.held_by(insider.id))
    subscription, message = await _subscribed(town)
    run = await begin(town)
    upload = await uploaded(hub, actor)
    asked = {
        "interface": INTERFACE, "system": INTAKE, "fields": ["uscc"], "matters": [MATTER], "purpose": "核验登记情况",
        "legal_basis": "条例第九条", "scene": "窗口受理", "valid_until": "2028-01-01T00:00:00+08:00", "contact": "科室",
        "quota_per_day": 5,
    }  # fmt: skip
    other = await add(hub, "colleague", *EVERYTHING)
    request = await hub.sharing.requests.file(other.actor(), asked)
    demand = await hub.catalogue.demands.file(
        other.actor(), {"what": "登记信息", "legal_basis": "条例", "contact": "科室"}
    )

    def told(tx: Any) -> str:
        notify(tx, "request.file", department_id=insider.department_id, role=Role.OWNER_APPROVER,
               about=("grant_request", request.request.id), now=datetime.now(UTC))  # fmt: skip
        item = tx.execute(select(table(AgentDeliveryRow).c.id)).scalars().first()
        return str(item)

    item = await hub.database.write(told)
    notices = await hub.sharing.notices.list(actor)
    [licence, *_] = await identifiers_of(hub, ENTERPRISE["id_type"], ENTERPRISE["id_number"])
    proposal = await hub.sharing.proposals.propose(COMMAND, "staff.operator", {"staff": insider.id}, "x")
    return {
        "{code}/deliveries": AGENT,
        "sources/{code}": "register",
        "code": INTERFACE,
        "source": AGENT,
        "version": "1",
        "item": item,
        "name": "pw",
        "run": run,
        "run_id": run,
        "batch": str((await Sender(town.client, town.headers).create()).json()["batch"]),
        "upload/{batch}": upload,
        "{batch}/look": upload,
        "{batch}/corrections": upload,
        "request_id": request.request.id,
        "grant_id": town.grant_id,
        "demand_id": demand.demand.id,
        "task_id": await asked_of(hub, actor.department_id or ""),
        "client_id": INTAKE,
        "subscription": subscription,
        "message": message,
        "staff_id": other.id,
        "session_id": session.id,
        "notice_id": notices[0].id,
        "proposal_id": proposal.id,
        "identifier": licence["identifier"],
        "kid": next(iter(hub.desk.public_keys())),
        **{
            f"{page}/{{draft_id}}": await hub.drafts.begin(actor, kind, {"definition": {"department": AMR} | more})
            for page, kind, more in (
                ("register", "source", {"kind": "rest"}),
                ("publish", "interface", {"source": "register"}),
                ("ask", "ask", {"interface": INTERFACE, "kind": "application"}),
            )
        },
    }


async def asked_of(hub: Hub, department_id: str) -> str:
    """A question to an officer of this department."""
    task_id, key, now = new_id(), hub.vault.new_data_key(), datetime.now(UTC)
    person = {"name": "示例", "id_type": "111", "id_number": None}
    title = {"zh": "示例", "en": "x"}
    question = {"person": person, "title": title, "matter": title, "legal_basis": "x", "form": [], "reusable_days": 0}

    def unit(tx: Any) -> None:
        case_id = tx.execute(select(table(CaseRow).c.id)).scalars().first()
        assert department_id
        row = {
            "id": task_id, "case_id": case_id, "code": "kin", "party": "applicant",
            "owner_department_id": department_id,
            "asker_department_id": department_id, "question_key": "0" * 64, "state": "open",
            "question": key.encrypt(task_place(task_id, "question"), canonical(question | {"bound": {}, "key": "x"})),
            "clock": {}, "opened_at": now, "due_at": now, "data_key": key.wrapped, "kek_kid": key.kek_kid,
            "ledger_entry_id": new_id(),
        }  # fmt: skip
        add_task(tx, row)

    await hub.database.write(unit)
    return task_id


async def _subscribed(town: Town) -> tuple[str, str]:
    subscription, message, now = new_id(), new_id(), datetime.now(UTC)

    def unit(tx: Any) -> None:
        system = tx.execute(select(table(SystemRow)).where(table(SystemRow).c.client_id == INTAKE)).one()
        subscriptions_store.add_subscription(
            tx, town.hub.vault, subscription_id=subscription, receiver=Receiver("https://receiver.example/", "s" * 40),
            system_id=system.id, owner_department_id=system.owner_department_id, events=["record.changed"],
            host="receiver.example", created_at=now, changed_at=now,
        )  # fmt: skip
        told = {"id": message, "subscription_id": subscription, "change_id": new_id(), "event": "record.changed",
                "case_no": "YZ1", "ledger_entry_id": new_id()}  # fmt: skip
        subscriptions_store.add_message(tx, told, now=now)

    await town.hub.database.write(unit)
    return subscription, message


def absent(name: str, value: str) -> str:
    """A name of the same kind that nothing has."""
    if name in {"version", "name"}:
        return value
    if name == "identifier":
        return "1.2.156.3005.2.11990000MB0000002Q001.11990000MB0000002Q.2026000000000000.001.0"
    return "00000000-0000-7000-8000-000000000000" if re.fullmatch(r"[0-9a-f-]{36}", value) else "no_such_thing"


def paths(route: str, method: str, known: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The route's paths to what there is, and the same to what there is not."""
    key = f"{method} {route}"
    for step in STEPS.get(key, ("",)):
        real = unreal = route
        for name in re.findall(r"\{(\w+)\}", route):
            if name in {"step", "way", "kind", "operation", "number"}:
                assert step, f"which steps has {key}? Name them in STEPS."
                here = there = step
            else:
                told = next((place for place in known if "{" in place and place in route and name in place), name)
                assert told in known, f"what stands behind {{{name}}} of {key}? Make one in `things`."
                here, there = known[told], absent(name, known[told])
            real, unreal = real.replace(f"{{{name}}}", here), unreal.replace(f"{{{name}}}", there)
        yield real, unreal


class Somebody:
    """A member of staff, in a browser and by a token."""

    def __init__(self, client: httpx2.AsyncClient, browser: Visitor, headers: dict[str, str], csrf: str) -> None:
        self.client = client
        self.browser = browser
        self.headers = headers
        self.csrf = csrf

    async def ask(self, method: str, path: str) -> httpx2.Response:
        if not path.startswith("/console"):
            body = {} if method == "GET" else {"json": _body(path)}
            return await self.client.request(method, path, headers=self.headers, **body)
        if method == "GET":
            return await self.browser.get(path)
        sent: dict[str, Any] = {"data": WORDS | {"csrf": self.csrf}}
        if path.endswith(FILES):
            sent["files"] = {"file": ("rows.csv", b"a\n1\n")}
        headers = {"Origin": PUBLIC_URL, "Sec-Fetch-Site": "same-origin"}
        return await self.browser.client.post(path, headers=headers, **sent)


def _body(path: str) -> dict[str, Any]:
    """Of a call; what it takes is told apart by its last word."""
    reason = {"reason": "示例理由"}
    last = path.rpartition("/")[2]
    declared = {"code": last, "department": AMR, "name": {"zh": "x", "en": "x"}, "kind": "rest"}
    reached = {"connection": {"url": "https://register.example"}, "targets": ["register.example:443"]}
    definition = {"definition": declared | reached}
    bodies: dict[str, dict[str, Any]] = {
        "register": definition, "no_such_thing": definition, "pw": {"value": "v"}, "trials": {"params": {}},
        "quality": {"operation": {}},
        "transitions": {"operation": "suspend", "reason_code": "other", "reason": "示例", "legal_basis": "示例"},
        "roles": {"roles": ["owner_engineer"]},
        "deprecate": reason | {"ends_at": "2099-01-01T00:00:00+08:00"},
        "publish": {"kind": "interface", "code": INTERFACE} if "/demands/" in path else {},
    }  # fmt: skip
    takes_a_reason = {"refuse", "forward", "suspend", "resume", "withdraw", "disable", "reject", "ask-more", "extend"}
    return reason if last in takes_a_reason else bodies.get(last, {})


async def test_what_belongs_to_another_department_does_not_exist(town: Town) -> None:
    hub = town.hub
    insider = await add(hub, "insider", *EVERYTHING)
    outsider = await add(hub, "outsider", *EVERYTHING, department=POLICE)
    async with visitor(town.place, hub) as inside, visitor(town.place, hub) as outside:
        await inside.sign_in("insider")
        await outside.sign_in("outsider")
        known = await things(town, insider)
        his = Somebody(town.client, inside, await bearer(hub, insider), await inside.csrf())
        theirs = Somebody(town.client, outside, await bearer(hub, outsider), await outside.csrf())
        wrong, walked = [], set()
        for method, route in routes(town):
            for real, unreal in paths(route, method, known):
                found, none = await theirs.ask(method, real), await theirs.ask(method, unreal)
                wanted = {403} if FORBIDDEN.fullmatch(route) else {303} if route in SILENT else {404}
                if {found.status_code, none.status_code} != wanted:
                    wrong.append((method, real, found.status_code, none.status_code))
                walked.add(route)
        assert wrong == [], "\n".join(map(str, wrong))
        assert len(walked) > 80
        # And it is there: whose it is sees it, after all that was tried.
        unseen = []
        for method, route in routes(town):
            for real, _ in paths(route, method, known):
                if FORBIDDEN.fullmatch(route):
                    continue
                if (method == "GET" or route in SAFE) and (await his.ask(method, real)).status_code in {403, 404}:
                    unseen.append((method, real))
        assert unseen == []
        assert await inside.is_in()


async def test_no_list_shows_what_is_another_departments(town: Town) -> None:
    hub = town.hub
    insider = await add(hub, "insider", *EVERYTHING)
    outsider = await add(hub, "outsider", *EVERYTHING, department=POLICE)
    async with visitor(town.place, hub) as outside:
        await outside.sign_in("outsider")
        known = await things(town, insider)
        theirs = Somebody(town.client, outside, await bearer(hub, outsider), await outside.csrf())
        marks = {value for value in known.values() if len(value) == 36} | {"insider", "colleague", AGENT}
        lists = [path for method, path in routes(town, lists=True) if method == "GET"]
        assert len(lists) > 30
        for path in lists:
            page = await theirs.ask("GET", path)
            assert page.status_code in {200, 303, 403}, path
            assert {mark for mark in marks if mark in page.text} == set(), path
