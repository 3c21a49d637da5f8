"""A holder beside the people of the console: signed in, with a code to show, and his pages looked at."""

from playwright.sync_api import Browser, Route, expect
from sqlalchemy import select

from catalog.tables import table
from hub.access.actors import COMMAND
from hub.citizens.values import Level
from hub.ledger.tables import LedgerEntryRow
from hub.runtime import Hub
from hub.witness.folder import WitnessFolder
from signing.log.checkpoint import note_body
from tests.citizens.conftest import session
from tests.hub.city import identity_claims
from tests.pages.browser import Site, faults, overflow, seen, visiting
from tests.pages.looking import LOOKS, turn
from tests.support import AMR, POLICE, Place, issue

HOLDER = "holder"


async def furnish(place: Place) -> tuple[str, str, str]:
    """The cookie of somebody's session, the path of a code that he has just made for a counter, and that of an entry of
    the log about him, which a witness has co-signed.
    """
    async with place.open() as hub:
        await issue(hub, identity_claims(), slug="identity_card", issuer=POLICE)
        secret = await session(hub, Level.HIGH)
        made = await hub.citizens.presentations.make(await hub.citizens.sessions.find(secret), AMR)
        await hub.ledger.drain()
        entry = await _cosigned(hub, place)
        return secret, f"/me/show/{made}", f"/me/accesses/{entry}"


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


def look(browser: Browser, site: Site, secret: str, lang: str, *paths: str) -> None:
    """None of the pages has a fault, or is wider than its window."""
    with visiting(browser, site, None, lang) as page:
        page.context.add_cookies([{"name": "yz_holder", "value": secret, "url": site.url}])
        for path in paths:
            answer = page.goto(path)
            assert answer is not None
            assert answer.status == 200, path
            for seen_as in LOOKS[lang]:
                turn(page, seen_as)
                assert (faults(page), overflow(page)) == ([], 0), (path, seen_as.name)
                seen(page, f"{lang}-{seen_as.name}-{HOLDER}{path.replace('/', '-')[:20]}")
