"""A yes that has an end: worth what any yes is until then, none from then on, and nobody moves the end by SQL."""

import asyncio
import itertools
import re
from datetime import timedelta
from typing import Any, cast

import pytest
from sqlalchemy import text

from hub.access.actors import COMMAND
from hub.citizens.authorising.values import TERMS, Decision, Lasts
from hub.clock import rfc3339
from hub.runtime import Hub
from hub.storage.errors import IntegrityBrokenError, MissingError
from tests.citizens.conftest import Watch, session, signed_in
from tests.citizens.test_authorising import resting, said
from tests.hub.city import HOME, PERSON, grow, ledger
from tests.support import PUBLIC_URL, Place, open_case, pull

HERE = {"Origin": PUBLIC_URL}
DAY, SHORT = timedelta(days=1), timedelta(minutes=2)


async def test_at_its_end_it_is_none_and_he_is_asked_anew(
    place: Place, hub: Hub, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with place.client(hub) as client:
        city = await grow(place, hub, client)
        grant = await resting(city)
        mine = hub.citizens.authorisations
        # Tokens of systems live minutes: a day of two, so that nothing else ends on the way.
        monkeypatch.setitem(cast("dict[Lasts, timedelta | None]", TERMS), Lasts.DAY, SHORT)
        await mine.decide(await signed_in(hub), grant, Decision.GIVE, lasts=Lasts.DAY)
        await mine.decide(await signed_in(hub), grant, Decision.GIVE, lasts=Lasts.DAY)  # sent twice: one word
        given = [entry for entry in await ledger(hub) if entry.kind == "authorisation.given"]
        assert len(given) == 1
        first = await mine.one(await signed_in(hub), grant)
        assert first.given_until is not None
        assert first.decided_at is not None
        assert timedelta() <= first.decided_at + SHORT - first.given_until < timedelta(seconds=1)
        assert given[0].detail["until"] == rfc3339(first.given_until)

        parties = [{"role": "applicant", **PERSON}]
        case_no = await open_case(client, city.headers, matter=HOME, parties=parties, external_no="kept")
        keyed = city.headers | {"Idempotency-Key": "again"}
        answer = await pull(client, keyed, case_no, requirements=["title"])
        assert said(answer.json()["requirements"][0]) == ("satisfied", "satisfied")
        assert (await pull(client, keyed, case_no, requirements=["title"])).content == answer.content

        course, claim = hub.evidence._course, hub.evidence._course.claim

        async def claim_then_wait(*arguments: Any, **named: Any) -> Any:
            claimed = await claim(*arguments, **named)
            assert claimed.resolutions[0].sources  # it would have been disclosed
            watch.ahead += SHORT
            return claimed

        with monkeypatch.context() as between:
            between.setattr(course, "claim", claim_then_wait)
            late = await city.ask("title")
        assert (said(late), late.get("evidence")) == (("holder_decision_needed", "holder_word_over"), None)
        replayed = await hub.replaying.replay(COMMAND, case_no, "en")
        assert [item["judged"] for item in replayed["decisions"]] == ["same"]

        repeated = await pull(client, keyed, case_no, requirements=["title"])
        assert (repeated.status_code, repeated.json()["type"].rpartition("/")[2]) == (403, "grant-ended")
        asked = await city.ask("title")
        assert said(asked) == ("holder_decision_needed", "holder_decision_needed")
        assert "holder_asked" in asked
        holder = await signed_in(hub)
        over = (await mine.listed(holder))[0]
        assert (over.state, over.given_until) == ("ended", first.given_until)

        late_end = text("UPDATE holder_authorisations SET ends_at = ends_at + 864000000000")
        await hub.database.write(lambda tx: tx.execute(late_end))
        with pytest.raises(IntegrityBrokenError):
            await mine.listed(holder)
        assert (await city.pull("title")).status_code >= 500


@pytest.mark.embedded
async def test_he_chooses_the_end_on_the_page_and_by_the_api_and_changes_it(
    place: Place, hub: Hub, watch: Watch
) -> None:
    async with place.client(hub) as client:
        grant = await resting(await grow(place, hub, client))
        client.cookies.set("yz_holder", await session(hub))
        page = await client.get("/me/authorisations")
        csrf = re.findall(r'name="csrf" value="([^"]+)"', page.text)[0]
        for words in ("同意到什么时候", "直到我撤回", "30 天"):
            assert words in page.text
        path, api = f"/me/authorisations/{grant}", f"/api/v1/me/authorisations/{grant}"
        no_such = {"csrf": csrf, "decision": "give", "lasts": "for ever"}
        assert (await client.post(path, data=no_such, headers=HERE)).status_code == 404
        done = await client.post(path, data={"csrf": csrf, "decision": "give", "lasts": "30_days"}, headers=HERE)
        shown = (await client.get(done.headers["location"])).text
        assert "自动到期" in shown
        assert "改到什么时候" in shown
        token = HERE | {"X-CSRF-Token": csrf}

        async def decide(**body: str) -> dict[str, Any]:
            answer = await client.post(f"{api}/decision", json=body, headers=token)
            assert answer.status_code == 200, answer.text
            found: dict[str, Any] = answer.json()
            return found

        month = (await client.get(api)).json()
        year = await decide(decision="give", lasts="year")
        assert month["given_until"] < year["given_until"]
        open_end = await decide(decision="give")
        assert (open_end["state"], open_end["given_until"]) == ("given", None)
        assert (await decide(decision="refuse", lasts="day"))["state"] == "withdrawn"
        unknown = await client.post(f"{api}/decision", json={"decision": "give", "lasts": "x"}, headers=token)
        assert unknown.status_code == 422
        assert (await decide(decision="give", lasts="day"))["state"] == "given"
        watch.ahead += DAY
        client.cookies.set("yz_holder", await session(hub))
        assert "您的同意已到期" in (await client.get("/me/authorisations")).text


@pytest.mark.both
async def test_of_two_words_at_once_one_comes_first_and_the_last_one_stands(place: Place, hub: Hub) -> None:
    async with place.client(hub) as client:
        city = await grow(place, hub, client)
        grant = await resting(city)
        case_no = await open_case(client, city.headers, matter=HOME, parties=[{"role": "applicant", **PERSON}])
        await pull(client, city.headers, case_no, requirements=["title"])
        holder = await signed_in(hub)
        standing, asked = hub.citizens.authorisations, hub.citizens.asked_of
        [question] = await asked.listed(holder)
        words = (Decision.GIVE, Decision.REFUSE, Decision.GIVE, Decision.REFUSE)
        said_of_case = await asyncio.gather(
            *(asked.decide(holder, question.id, word) for word in words), return_exceptions=True
        )
        assert {type(one) for one in said_of_case} <= {type(None), MissingError}
        assert (await asked.one(holder, question.id)).state in {"refused", "withdrawn"}  # a no is not taken back
        await asyncio.gather(*(standing.decide(holder, grant, word) for word in words))
        state = (await standing.one(holder, grant)).state
        entries = [entry for entry in await ledger(hub) if entry.kind.startswith("authorisation.")]
        of_grant = [entry.kind.rpartition(".")[2] for entry in entries if "case_no" not in entry.detail]
        assert of_grant[-1] == state
        assert all(one != other for one, other in itertools.pairwise(of_grant)), "each word follows another"
