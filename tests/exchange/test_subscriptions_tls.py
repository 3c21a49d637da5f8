"""Webhooks over TLS: to the receiver whose authority the subscriber named, and to nobody who only looks like him."""

import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from certificates.lifecycle.states import Operation
from hub.exchange.subscriptions.delivery import PAUSES
from tests.adapters.test_http_tls import Pair, certificate, server_context
from tests.exchange.receiver import listening
from tests.exchange.subscriber import Subscriber, subscribing
from tests.support import Place

pytestmark = pytest.mark.parametrize("template", ["sqlite"], indirect=True)
HOST = "127.0.0.1"


@dataclass
class Department:
    """A consumer's machine room: an authority of its own, and a receiver that shows what it is given."""

    authority: Pair
    tls: ssl.SSLContext
    folder: Path
    subscriber: Subscriber

    def show(self, pair: Pair) -> None:
        """From now on the receiver shows this certificate."""
        self.tls.load_cert_chain(pair.write(self.folder))


@pytest.fixture
async def department(place: Place, tmp_path: Path) -> AsyncIterator[Department]:
    authority = certificate("authority.example")
    tls = server_context(tmp_path, certificate(HOST, authority))
    async with listening(tls) as receiver, subscribing(place, receiver) as subscriber:
        yield Department(authority, tls, tmp_path, subscriber)


async def test_a_receiver_under_the_authority_it_named_is_told(department: Department) -> None:
    subscriber = department.subscriber
    subscription = await subscriber.subscribed(ca=department.authority.pem)
    case_no, _ = await subscriber.use()
    await subscriber.change(Operation.SUSPEND)
    [told] = subscriber.receiver.messages
    assert (told["event"], told["case_no"]) == ("certificate.suspended", case_no)
    assert [item["state"] for item in await subscriber.messages(subscription)] == ["delivered"]


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({}, ("/url", "handshake")),
        ({"ca": certificate("stranger.example").pem}, ("/url", "handshake")),
        ({"ca": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"}, ("/ca", "pem")),
        ({"ca": "secret:password"}, ("/ca", "pem")),
        ({"ca": certificate("a.example").pem, "url": "http://127.0.0.1/hook"}, ("/ca", "only_with_https")),
    ],
    ids=["the machine's authorities", "another authority", "no certificate", "a secret's name", "without TLS"],
)
async def test_an_address_that_cannot_be_trusted_is_not_subscribed(
    department: Department, changes: dict[str, str], fault: tuple[str, str]
) -> None:
    answer = await department.subscriber.subscribe(**changes)
    assert answer.status_code == 422
    assert [(item["pointer"], item["rule"]) for item in answer.json()["errors"]] == [fault]
    assert department.subscriber.receiver.got == []


@pytest.mark.parametrize(
    ("shown", "why"), [("wrong name", "tls_name"), ("expired", "tls_expired"), ("another authority", "tls_authority")]
)
async def test_a_receiver_whose_certificate_went_wrong_hears_nothing_and_the_dead_letter_says_why(
    department: Department, shown: str, why: str
) -> None:
    subscriber, authority = department.subscriber, department.authority
    subscription = await subscriber.subscribed(ca=authority.pem)
    await subscriber.use()
    wrong = {
        "wrong name": certificate("127.0.0.2", authority),
        "expired": certificate(HOST, authority, days=-1),
        "another authority": certificate(HOST, certificate("authority.example")),
    }
    department.show(wrong[shown])
    await subscriber.change(Operation.SUSPEND)
    for _ in PAUSES:
        await subscriber.sweep_now()
    [dead] = await subscriber.messages(subscription, "?state=dead")
    assert (dead["last_error"], dead["attempts"]) == (why, len(PAUSES) + 1)
    assert subscriber.receiver.messages == []
    department.show(certificate(HOST, authority))
    path = f"/api/v1/subscriptions/{subscription}/messages/{dead['message']}/replay"
    assert (await subscriber.client.post(path, headers=subscriber.headers)).status_code == 202
    await subscriber.sweep_now()
    assert [message["id"] for message in subscriber.receiver.messages] == [dead["message"]]
