"""A holder beside the people of the console: signed in, with something on each of his pages, which are looked at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from playwright.sync_api import Browser, Response, Route, expect
from sqlalchemy import select

from catalog.tables import table
from hub.access.actors import COMMAND
from hub.citizens.acting.proposed import Proposed
from hub.citizens.acting.values import Scope
from hub.citizens.authorising.values import Decision, Lasts
from hub.citizens.objections.values import Kind, Said
from hub.citizens.showing.values import Choice, Pick
from hub.citizens.values import Holder, Level
from hub.ledger.tables import LedgerEntryRow
from hub.runtime import Hub
from hub.witness.folder import WitnessFolder
from signing.log.checkpoint import note_body
from tests.citizens import others
from tests.citizens.conftest import session
from tests.citizens.test_superior import over, refused
from tests.hub.city import IDENTITY, PERSON, identity_claims
from tests.pages.browser import Site, faults, overflow, seen, visiting
from tests.pages.looking import LOOKS, NARROW, turn
from tests.support import (
    AMR,
    MATTER,
    POLICE,
    Place,
    grant_definition,
    issue,
    matter_definition,
    open_case,
    pull,
    requirement,
)
from tests.wallets.filled import put_into_wallet

HOLDER = "holder"
REGISTRATION_TYPE = "11990000MB0000002Q006"
NOTHING_WAITS = "/me/wallets/answer"
"""Found, but without a wallet that asks it says so."""
FIRST_VISIT_BYTES = 60_000
"""What a first page takes with its style, script and sign, as it goes over the line."""
PAGE_BYTES = 15_000
"""And each page after it, whose style and script the browser has."""


@dataclass(frozen=True)
class Furnished:
    """The cookie of somebody's session, and for each route with something in its path one that there is."""

    secret: str = field(repr=False)
    paths: Mapping[str, str]


async def found(place: Place) -> None:
    """Types that the served hub must know from its start: it looks for new ones every few seconds."""
    async with place.open() as hub:
        await others.furnish(hub, others.REGISTRATION)


async def furnish(place: Place) -> Furnished:
    """Somebody with a licence, a code that he shows, a showing, an objection that was refused, a closed case, an offer
    to a wallet, a copy in another, and an entry of the log about him that a witness has co-signed.
    """
    async with place.open() as hub:
        await issue(hub, identity_claims(), slug="identity_card", issuer=POLICE)
        async with place.client(hub) as client:
            headers = await place.headers(client)
            case_no = await open_case(client, headers, parties=[{"role": "applicant", **PERSON}])
            closed = await client.post(f"/api/v1/cases/{case_no}/close", headers=headers)
            assert closed.status_code == 200, closed.text
        secret = await session(hub, Level.HIGH)
        holder = await hub.citizens.sessions.find(secret)
        await _agreements(place, hub, holder)
        [licence], _ = await hub.citizens.licences.listed(holder)
        identifier = licence.identifier
        said = Said(kind=Kind.LICENCE, text="住址不是现在的", identifier=identifier)
        await hub.citizens.objections.raise_(holder, said)
        await over(hub, POLICE, AMR)
        objection = await refused(hub)
        await put_into_wallet(hub, holder, identifier)
        made = {
            **await _for_others(hub, holder),
            "identifier": identifier,
            "case_no": case_no,
            "objection_id": objection,
            "showing_id": await hub.showing.showings.make(holder, Choice([Pick(identifier, ("name",))])),
            "offer_id": await hub.wallets.offers.make(holder, identifier),
            "presentation_id": await hub.citizens.presentations.make(holder, AMR),
        }
        await hub.ledger.drain()
        made["entry_id"] = await _cosigned(hub, place)
        return Furnished(secret, made)


async def _agreements(place: Place, hub: Hub, holder: Holder) -> None:
    """Uses of his identity card: by law, by a yes with an end, by none yet, and one that a case asks him for."""
    card = {"type": IDENTITY, "owner": POLICE, "fields": ["name"]}
    await hub.registry.add_grant(grant_definition(hub, **card))
    needed = requirement("who", "身份", "applicant", [[{"type": IDENTITY, "fields": ["name"]}]])
    agreed = {"code": "AGREED", "name": {"zh": "租房备案", "en": "Letting a home"}, "requirements": [needed]}
    await hub.registry.add_matter(matter_definition() | agreed)
    given, _ = [
        await hub.registry.add_grant(grant_definition(hub, **card | {"matters": [matter], "consent": True}))
        for matter in (MATTER, "AGREED")
    ]
    await hub.citizens.authorisations.decide(holder, given, Decision.GIVE, lasts=Lasts.YEAR)
    await hub.registry.add_grant(grant_definition(hub, consent=True))  # of companies' licences
    async with place.client(hub) as client:
        headers = await place.headers(client)
        case_no = await open_case(client, headers, matter="AGREED", parties=[{"role": "applicant", **PERSON}])
        assert (await pull(client, headers, case_no)).status_code == 200


async def _for_others(hub: Hub, holder: Holder) -> dict[str, str]:
    """He acts for a company, and has let somebody act for himself."""
    await others.in_office(hub)
    await others.resident(hub, others.NEIGHBOUR)
    delegating, until = hub.citizens.others.delegating, hub.clock().date() + timedelta(days=30)
    to = others.NEIGHBOUR
    scope = frozenset({Scope.LICENCES, Scope.FILE})
    delegation = await delegating.give(holder, Proposed(to["id_number"], to["name"], scope, None, until, "腿脚不便"))
    company = await others.begun(hub, holder, "legal_representative")
    key, [licence, *_] = company.key, (await hub.dossier.cards.page(company.id)).cards
    said = Said(kind=Kind.MISSING, text="少一份许可证", type_code=REGISTRATION_TYPE, department=AMR)
    theirs = await hub.citizens.objecting_for.raise_(holder, key, said)
    return {"key": key, "delegation_id": delegation, "theirs": theirs, "their_licence": licence.identifier}


async def _cosigned(hub: Hub, place: Place) -> str:
    """An entry about a holder, under a checkpoint that a witness co-signed."""
    signer = WitnessFolder.make(place.home.parent / "witness-of-pages", "witness.example/archive").signer
    given = {"vkey": signer.verifier.text, "body": "示例市档案馆", "contact": "12345"}
    await hub.database.write(lambda tx: hub.witnessing.register.add(tx, given, COMMAND, hub.clock()))
    await hub.ledger.drain()
    await hub.witnessing.sweep()
    note = await hub.database.read(hub.witnessing.to_cosign)
    assert note is not None
    await hub.witnessing.take(note + signer.line(note_body(note), time=int(hub.clock().timestamp())))
    entries = table(LedgerEntryRow)
    about = select(entries.c.id).where(entries.c.subject_id.is_not(None)).order_by(entries.c.id.desc())
    return str(await hub.database.read(lambda tx: tx.execute(about.limit(1)).scalar_one()))


def check_proof(browser: Browser, site: Site, secret: str, path: str) -> None:
    """The page finds the entry in the co-signed log; and, where one hash of the path is another, says that it does not
    fit.
    """

    def bent(route: Route) -> None:
        answer = route.fetch()
        proof = answer.json()
        proof["path"][0] = proof["checkpoint"].split("\n")[2]
        route.fulfill(response=answer, json=proof)

    with visiting(browser, site, None, "en") as page:
        page.context.add_cookies([{"name": "yz_holder", "value": secret, "url": site.url}])
        page.goto(path)
        expect(page.locator(".outcome")).to_have_text("✓ In a log co-signed by 1")
        expect(page.locator("[data-check=witnesses]")).to_contain_text("witness.example/archive")
        expect(page.locator("[data-check][data-state=yes]")).to_have_count(3)
        page.get_by_text("How to check yourself").click()
        seen(page, f"en-{HOLDER}-proof-open")
        page.route("**/proof?*", bent)
        page.goto(path)
        expect(page.locator(".outcome")).to_contain_text("✗")
        seen(page, f"en-{HOLDER}-proof-wrong")


def check_pages(browser: Browser, site: Site, holder: Furnished, lang: str, paths: Sequence[str]) -> None:
    """None of the pages has a fault, is wider than its window, or says a number or a name; each takes few bytes.

    Those in English are looked at without a script: what they promise they keep without one.
    """
    wrong: list[object] = []
    came: list[Response] = []

    def comes(answer: Response) -> None:
        came.append(answer)

    with visiting(browser, site, None, lang, java_script_enabled=lang != "en") as page:
        page.context.add_cookies([{"name": "yz_holder", "value": holder.secret, "url": site.url}])
        page.on("response", comes)
        for path in paths:
            first = not came
            answer = page.goto(path)
            assert answer is not None
            page.evaluate("window.stop()")  # a code's page comes anew when the code ends, which may be now
            html, size = page.content(), int(answer.headers["content-length"])
            if answer.status != (404 if path == NOTHING_WAITS else 200) or "<h1" not in html:
                wrong.append((path, answer.status))
            wrong += [(path, "unmasked") for secret in (PERSON["id_number"], PERSON["name"]) if secret in html]
            if size > PAGE_BYTES or (first and sum(map(length, came)) > FIRST_VISIT_BYTES):
                wrong.append((path, "bytes", size, sum(map(length, came))))
            for seen_as in LOOKS[lang]:
                turn(page, seen_as)
                wrong += [(path, seen_as.name, fault) for fault in faults(page)]
                wrong += [(path, seen_as.name, "wider", wider) for wider in [overflow(page)] if wider]
                seen(page, f"{lang}-{seen_as.name}-{HOLDER}{path.replace('/', '-')[:30]}")
    assert wrong == [], wrong


def length(answer: Response) -> int:
    """Bytes of its body on the line."""
    return int(answer.headers.get("content-length", 0))


def check_picture(browser: Browser, site: Site, secret: str, path: str) -> None:
    """It is drawn, under the policy of that page, which keeps the rules in every look; hidden, nothing of it stays."""
    with visiting(browser, site, None, "en") as page:
        page.context.add_cookies([{"name": "yz_holder", "value": secret, "url": site.url}])
        page.goto(path)
        page.get_by_role("button", name="See its face").click()
        picture = page.locator(".face img")
        expect(picture).to_be_visible()
        assert picture.evaluate("image => image.naturalWidth") > 500
        expect(page.locator(".revealed")).to_contain_text(PERSON["name"])
        for seen_as in LOOKS["en"]:
            turn(page, seen_as)
            assert (faults(page), overflow(page)) == ([], 0), seen_as.name
            seen(page, f"en-{seen_as.name}-{HOLDER}-picture")
        page.get_by_role("link", name="Hide it now").click()
        expect(page.locator(".revealed")).to_have_count(0)


def check_stillness(browser: Browser, site: Site, secret: str) -> None:
    """For whom movement is too much a code has no ring that runs, and says its time all the same; zoomed in to 400 %
    the bar of places lies where it covers nothing.
    """
    with visiting(browser, site, None, "en", reduced_motion="reduce", viewport=NARROW) as page:
        page.context.add_cookies([{"name": "yz_holder", "value": secret, "url": site.url}])
        page.goto("/me/show")
        page.get_by_role("button", name="Make the code").click()
        expect(page.locator(".square svg")).to_be_visible()
        expect(page.locator(".clock b")).to_be_visible()
        expect(page.locator(".ring")).to_be_hidden()
        assert page.evaluate("document.getAnimations().length") == 0
        assert page.locator(".clock [role=status]").count() == 1
        assert page.evaluate("getComputedStyle(document.querySelector('.tabs')).position") == "static"
        expect(page.locator(".tabs [aria-current]")).to_have_text("Show")
