"""A token ends in time: an assertion with its first use, an access token with its second, its system or its key."""

import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from hub.runtime import open_hub
from signing.jose import sign_jws
from tests.hub.forged import ask, use
from tests.support import INTAKE, PUBLIC_URL, Place, assertion, case_body, open_case, pull


async def test_a_used_assertion_is_refused_after_a_restart(place: Place) -> None:
    token = assertion(place.signer(), INTAKE)
    for expected in (200, 401, 401):
        async with place.open() as hub, place.client(hub) as client:
            assert (await ask(client, token))[0].status_code == expected


async def test_a_used_assertion_is_refused_when_the_clock_went_back(place: Place) -> None:
    """The guard keeps what has expired for a day, so that a clock put back by an hour opens no window."""
    token = assertion(place.signer(), INTAKE)
    for shift, expected in ((0, 200), (3700, 401), (0, 401)):
        moment = datetime.now(UTC) + timedelta(seconds=shift)
        async with open_hub(place.settings(), clock=lambda moment=moment: moment) as hub, place.client(hub) as client:
            if shift:
                fresh = sign_jws(
                    {"iss": INTAKE, "sub": INTAKE, "aud": PUBLIC_URL, "jti": str(uuid.uuid4())}
                    | {"iat": int(moment.timestamp()), "exp": int(moment.timestamp()) + 30},
                    signer=place.signer(),
                    typ="JWT",
                )
                assert (await ask(client, fresh))[0].status_code == 200  # this one sweeps the guard
            assert (await ask(client, token))[0].status_code == expected


async def test_an_access_token_dies_in_the_second_it_names(place: Place) -> None:
    shift = [0.0]

    def clock() -> datetime:
        return datetime.now(UTC) + timedelta(seconds=shift[0])

    async with open_hub(place.settings(), clock=clock) as hub, place.client(hub) as client:
        token = await place.token(client)
        assert (await use(client, token)).status_code == 200
        shift[0] = hub.settings.access_token_seconds
        assert (await use(client, token)).status_code == 401


@pytest.mark.parametrize("what", ["system", "key"])
async def test_a_disabled_system_is_out_at_once_on_every_route(place: Place, tmp_path: Path, what: str) -> None:
    """Also with a token that the hub has verified and remembers."""
    del tmp_path
    async with place.open() as hub, place.client(hub) as client:
        headers = await place.headers(client)
        case_no = await open_case(client, headers)
        keyed = headers | {"Idempotency-Key": str(uuid.uuid4())}
        first = await pull(client, keyed, case_no)
        request_id = first.json()["evidence_request_id"]
        assert first.status_code == 200
        disable = {
            "system": "UPDATE systems SET active = :off WHERE client_id = :client",
            "key": "UPDATE system_keys SET active = :off WHERE system_id IN"
            " (SELECT id FROM systems WHERE client_id = :client)",
        }[what]
        await hub.database.write(lambda tx: tx.execute(text(disable), {"off": False, "client": INTAKE}))
        answers = {
            "open": await client.post("/api/v1/cases", json=case_body(), headers=headers),
            "show": await client.get(f"/api/v1/cases/{case_no}", headers=headers),
            "pull": await pull(client, headers, case_no),
            "repeat": await pull(client, keyed, case_no),
            "fetch": await client.get(f"/api/v1/evidence-requests/{request_id}", headers=headers),
            "close": await client.post(f"/api/v1/cases/{case_no}/close", headers=headers),
            "types": await client.get("/api/v1/certificate-types", headers=headers),
            "matters": await client.get("/api/v1/matters", headers=headers),
            "certificate": await client.get("/api/v1/certificates/1.2.156.3001.2.1", headers=headers),
        }
        assert {name: answer.status_code for name, answer in answers.items()} == dict.fromkeys(answers, 401)
