"""Keys in a PKCS #11 token: never outside, found again after it went away, and the hub says what it cannot do."""

import asyncio
import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from certificates.verifying.procedure import Result
from hub.access.actors import COMMAND
from hub.founding import found
from hub.settings import Settings
from hub.storage.errors import SignerUnavailableError
from hub.storage.keystore import pkcs11 as keystore_pkcs11
from hub.storage.keystore.file import KeyFile
from hub.storage.keystore.pkcs11 import Pkcs11Token
from hub.storage.keystore.port import Place
from hub.storage.suites import Suite
from signing.errors import SuiteUnavailableError
from tests.contracts.conftest import MASTER_KEY
from tests.keys.device import CLIENT, LABEL, PIN, Device
from tests.keys.library import ISSUER, companies, signed_by, tokens
from tests.support import Place as Home
from tests.support import fill, issue

pytestmark = pytest.mark.embedded


@pytest.fixture
def token(device: Device) -> Pkcs11Token:
    del device
    return Pkcs11Token(CLIENT, label=LABEL, pin=PIN)


@pytest.mark.parametrize("suite", [Suite.ES256, Suite.RSA])
def test_a_key_is_made_in_the_token_and_cannot_leave_it(token: Pkcs11Token, suite: Suite) -> None:
    import pkcs11
    from pkcs11 import Attribute, ObjectClass

    reference, made = token.create(suite)
    again = Pkcs11Token(CLIENT, label=LABEL, pin=PIN).open(reference)
    assert (again.kid, again.alg) == (made.kid, suite.alg)
    made.public.verify(b"message", again.sign(b"message"))
    with pkcs11.lib(str(CLIENT)).get_token(token_label=LABEL).open() as session:
        for key in session.get_objects({Attribute.CLASS: ObjectClass.PRIVATE_KEY}):
            assert (key[Attribute.SENSITIVE], key[Attribute.EXTRACTABLE], key[Attribute.LOCAL]) == (True, False, True)
            with pytest.raises(pkcs11.PKCS11Error):
                key[Attribute.VALUE if suite is Suite.ES256 else Attribute.PRIVATE_EXPONENT]
    assert PIN not in repr(token) + repr(made)


def test_sm2_is_refused_and_not_replaced(token: Pkcs11Token) -> None:
    with pytest.raises(SuiteUnavailableError):
        token.create(Suite.SM2)


def test_a_wrong_pin_is_offered_once(device: Device) -> None:
    token = Pkcs11Token(CLIENT, label=LABEL, pin="000000")
    import pkcs11

    pkcs11.lib(str(CLIENT)).reinitialize()  # nobody is logged in
    for _ in range(20):
        with pytest.raises(SignerUnavailableError, match="pin_refused"):
            token.create(Suite.ES256)
    device.unplug()
    device.plug()
    assert Pkcs11Token(CLIENT, label=LABEL, pin=PIN).reachable()  # not locked


@pytest.mark.parametrize("suite", [Suite.ES256, Suite.RSA])
def test_another_keys_signature_never_leaves(token: Pkcs11Token, suite: Suite) -> None:
    """Whoever has the PIN, or sets the token up anew, gives one key the name of another."""
    import pkcs11
    from pkcs11 import Attribute, ObjectClass

    references = [token.create(suite)[0] for _ in range(2)]
    ids = [bytes.fromhex(json.loads(reference)["id"]) for reference in references]
    with pkcs11.lib(str(CLIENT)).get_token(token_label=LABEL).open(rw=True) as session:
        first, second = (session.get_key(object_class=ObjectClass.PRIVATE_KEY, id=name) for name in ids)
        first[Attribute.ID] = b"-"
        second[Attribute.ID] = ids[0]
        first[Attribute.ID] = ids[1]
    with pytest.raises(SignerUnavailableError, match="token_faulty"):
        Pkcs11Token(CLIENT, label=LABEL, pin=PIN).open(references[0]).sign(b"message")


def test_sixteen_threads_share_its_sessions(token: Pkcs11Token) -> None:
    _, signer = token.create(Suite.ES256)
    messages = [str(number).encode() for number in range(200)]
    with ThreadPoolExecutor(16) as pool:
        for message, signature in zip(messages, pool.map(signer.sign, messages), strict=True):
            signer.public.verify(message, signature)


def test_a_key_file_keeps_the_reference_and_the_order(token: Pkcs11Token, tmp_path: Path) -> None:
    keys = KeyFile(tmp_path / "keystore.json", master_key=MASTER_KEY, token=token)
    old, new = keys.create_signer("issuer/1"), keys.create_signer("issuer/1")
    again = KeyFile(tmp_path / "keystore.json", master_key=MASTER_KEY, token=token)
    assert again.kids("issuer/1") == (old.kid, new.kid)
    assert again.place("issuer/1", old.kid) is Place.PKCS11
    old.public.verify(b"m", again.signer("issuer/1", old.kid).sign(b"m"))
    without = KeyFile(tmp_path / "keystore.json", master_key=MASTER_KEY)
    with pytest.raises(SignerUnavailableError, match="token_not_configured"):
        without.signer("issuer/1")


def test_drill_38_the_daemon_is_killed_and_comes_back(token: Pkcs11Token, device: Device) -> None:
    _, signer = token.create(Suite.ES256)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(signer.sign, [b"m"] * 32))  # every session is open
        device.unplug()
        failed = [future.exception() for future in [pool.submit(signer.sign, b"m") for _ in range(64)]]
        assert {type(error) for error in failed} == {SignerUnavailableError}
        assert not token.reachable()
        device.plug()
        _until(token)
        for signature in pool.map(signer.sign, [b"m"] * 32):
            signer.public.verify(b"m", signature)


def _until(token: Pkcs11Token) -> None:
    deadline = time.monotonic() + 10
    while not token.reachable():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_token_that_hangs_holds_nobody_for_long(
    token: Pkcs11Token, device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, signer = token.create(Suite.ES256)
    monkeypatch.setattr(keystore_pkcs11, "SIGN_SECONDS", 0.3)
    monkeypatch.setattr(keystore_pkcs11, "_LATE_SECONDS", 0.2)
    device.hang()
    for _ in range(3):
        with pytest.raises(SignerUnavailableError, match="token_late"):
            signer.sign(b"m")
    device.wake()
    monkeypatch.setattr(keystore_pkcs11, "SIGN_SECONDS", 10)
    _until(token)
    signer.public.verify(b"m", signer.sign(b"m"))


async def test_a_hub_on_a_token(device: Device, tmp_path: Path) -> None:
    """Founded, filled, its token lost and found: nothing half signed, ready for everything but signing meanwhile."""
    settings = Settings(
        home=tmp_path / "home",
        public_url="http://127.0.0.1:8700",
        hsm_module=CLIENT,
        hsm_token=LABEL,
        hsm_pin=PIN,  # type: ignore[arg-type]
    )
    await found(settings)
    home = OnToken(tmp_path / "home", None)
    async with home.open() as hub, home.client(hub) as client:
        await fill(hub, home.home)
        keys = await hub.keyring.keys.list(COMMAND)
        assert {view.key.place for view in keys} == {Place.PKCS11}
        before = await signed_by(hub)
        assert (await client.get("/health/ready")).json()["degraded"] == []  # its status list is published
        device.unplug()
        with pytest.raises(SignerUnavailableError):
            await issue(hub, *companies(1_000, 3))
        ready = await client.get("/health/ready")
        assert (ready.status_code, ready.json()["signing"], ready.json()["degraded"]) == (200, False, ["signing"])
        assert await signed_by(hub) == before
        device.plug()
        await asyncio.sleep(1.1)
        assert await hub.issuing.finish() == 3
        after = await signed_by(hub)
        assert len(after) == len(before) + 3
        for found_token in (await tokens(hub, list(after))).values():
            assert (await hub.verification.verify(found_token, audience=None)).result is Result.PASSED
        assert (await client.get("/health/ready")).json()["signing"] is True
        assert (await hub.keyring.keys.rotate(COMMAND, ISSUER, reason="in the token")).key.place is Place.PKCS11


class OnToken(Home):
    """A hub whose signing keys are in the token."""

    def settings(self, **changes: object) -> Settings:
        return super().settings(hsm_module=CLIENT, hsm_token=LABEL, hsm_pin=PIN, **changes)
