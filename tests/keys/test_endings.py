"""Certificates come to their end: told sixty days ahead, and from that moment nothing is signed under them."""

from datetime import timedelta

import pytest
from cryptography import x509

from hub.access.actors import COMMAND
from hub.cli.key import _line
from hub.issuing.keys.errors import CertificateEndedError
from hub.problems import problem_of
from hub.runtime import open_hub
from tests.keys.library import ISSUER, companies, signed_by
from tests.keys.outside import outside
from tests.keys.test_outside import trust
from tests.keys.test_rotation import Watch
from tests.support import Place, issue

pytestmark = pytest.mark.embedded


async def test_a_certificate_that_ended_signs_nothing_until_it_is_rotated(place: Place) -> None:
    watch = Watch()
    async with open_hub(place.settings(), clock=watch) as hub, place.client(hub) as client:
        assert hub.desk.ending() == []
        end = min(view.key.not_after for view in await hub.keyring.keys.list(COMMAND))
        watch.now = end - timedelta(days=59)
        assert {ISSUER, "hub", "token"} <= set(hub.desk.ending())
        views = await hub.keyring.keys.list(COMMAND)
        assert {view.ends for view in views} == {"soon"}
        assert all("ends soon" in _line(view) for view in views)
        assert "key-certificates" in (await client.get("/health/ready")).json()["degraded"]
        await issue(hub, *companies(1_000, 1))
        await hub.keyring.keys.rotate(COMMAND, "hub", begins=end - timedelta(days=1), reason="in time")
        assert "hub" not in hub.desk.ending()
        watch.now = end + timedelta(days=1)
    async with open_hub(place.settings(), clock=watch) as hub:  # it starts all the same, for somebody to rotate them
        assert hub.desk.hub("hub").trial
        for ended in (hub.desk.token_signer, lambda: hub.desk.hub("status")):
            with pytest.raises(CertificateEndedError, match="yizheng key rotate"):
                ended()
        before = await signed_by(hub)
        with pytest.raises(CertificateEndedError, match=ISSUER) as caught:
            await issue(hub, *companies(1_001, 1))
        problem = problem_of(caught.value)
        assert problem is not None
        assert (problem.slug, problem.status, problem.who) == ("certificate-of-key-ended", 503, "operator")
        assert await signed_by(hub) == before
        rotated = await hub.keyring.keys.rotate(COMMAND, ISSUER, reason="too late")
        assert (rotated.use, rotated.ends) == ("signs", None)
        await issue(hub, *companies(1_001, 1))
        assert set((await signed_by(hub)).values()) - set(before.values()) == {rotated.key.kid}
        uses = {view.use for view in await hub.keyring.keys.list(COMMAND) if view.key.slot.name == "status"}
        assert uses == {"ended"}


async def test_an_end_above_a_key_is_its_end_too(place: Place) -> None:
    """Verifiers go by the first end on the path; the authority outside is the one to ask."""
    watch = Watch()
    async with open_hub(place.settings(), clock=watch) as hub:
        shorter = outside(began=timedelta(days=10 * 365 - 50))
        end = x509.load_der_x509_certificate(shorter.authority.certificate).not_valid_after_utc
        await trust(hub, shorter)
        _, request = await hub.keyring.outside.request(COMMAND, ISSUER)
        view = await hub.keyring.outside.install(COMMAND, ISSUER, shorter.certify(request))
        assert (view.key.not_after, view.ends) == (end, "soon")
        watch.now = end + timedelta(seconds=1)
        with pytest.raises(CertificateEndedError, match="yizheng key csr"):
            await issue(hub, *companies(1_000, 1))
