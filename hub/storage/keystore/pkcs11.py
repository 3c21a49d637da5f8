"""Signing keys in a PKCS #11 token: made there, used there, never outside. Sensitive and not extractable.

A token that went away is looked for again at the next signature. A PIN that was refused once is never offered again
by this process: a few more would lock the token.
"""

import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as LateError
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from hub.storage.errors import IntegrityBrokenError, SignerUnavailableError
from hub.storage.suites import Suite
from signing.errors import SignatureError, SuiteUnavailableError
from signing.port import Named, Signer, VerifyingKey
from signing.suites import key_from_der

if TYPE_CHECKING:
    import pkcs11

SESSIONS: Final = 4
"""Signatures at once in one process; tokens do not get faster beyond a few."""
SIGN_SECONDS: Final = 3.0
MAKING_SECONDS: Final = 60.0
"""An RSA key is found by search: small tokens take half a minute for one."""
_LATE_SECONDS: Final = 10.0
"""After a call that never came back nobody waits for another one: whoever signs may be holding up others."""
_AGAIN_SECONDS: Final = 1.0
"""After a failed connection nobody tries for so long: a thousand waiting signatures are not a thousand connections."""
_RSA_BITS: Final = 3072
T = TypeVar("T")


@dataclass(slots=True)
class _Session:
    """An open session, and the keys found by it. Of one life of the connection."""

    opened: "pkcs11.Session"
    life: int
    keys: dict[bytes, Any] = field(default_factory=dict)


class Pkcs11Token:
    """A `SigningToken`. Nothing is reached before the first key is made or used."""

    def __init__(self, module: Path, *, label: str, pin: str) -> None:
        """`module` is the vendor's library; one process holds one of them."""
        self._module = str(module)
        self._label = label
        self._pin = pin
        self._idle: list[_Session] = []
        self._life = 0
        self._busy = 0
        self._down_until = 0.0
        self._late_until = 0.0
        self._pin_refused = False
        self._changed = threading.Condition()
        self._login = threading.Lock()
        self._logged_in = -1
        self._workers = ThreadPoolExecutor(SESSIONS, thread_name_prefix="pkcs11")

    def __repr__(self) -> str:
        return f"Pkcs11Token({self._label!r})"

    def create(self, suite: Suite) -> tuple[bytes, Signer]:
        """Make a key in the token; a first signature of it is checked before anybody is told of it.

        Raises: SignerUnavailableError; SuiteUnavailableError: PKCS #11 has no mechanism for SM2.
        """
        if suite is Suite.SM2:
            raise SuiteUnavailableError(suite.value)
        key_id = secrets.token_bytes(16)
        der = self._bounded(lambda session: _generate(session, suite, key_id), seconds=MAKING_SECONDS)
        signer = Pkcs11Signer(self, suite, key_id, key_from_der(der))
        signer.sign(b"first signature")
        reference = {"suite": suite.value, "id": key_id.hex(), "token": self._label, "public": der.hex()}
        return json.dumps(reference).encode(), signer

    def open(self, reference: bytes) -> Signer:
        """The signer of a key of this token. Raises: SignerUnavailableError: it is in another one."""
        try:
            said = json.loads(reference)
            suite, key_id, der = Suite(said["suite"]), bytes.fromhex(said["id"]), bytes.fromhex(said["public"])
        except (ValueError, KeyError, TypeError) as error:
            raise IntegrityBrokenError("key file entry of a token") from error
        if said["token"] != self._label:
            raise SignerUnavailableError("other_token")
        return Pkcs11Signer(self, suite, key_id, key_from_der(der))

    def sign(self, suite: Suite, key_id: bytes, message: bytes) -> bytes:
        """Sign. Not checked: by which key; `Pkcs11Signer.sign`. Raises: SignerUnavailableError: nothing was signed."""
        return self._bounded(lambda session: _sign(session, suite, key_id, message))

    def reachable(self) -> bool:
        """Whether the token answers now."""
        try:
            return self._bounded(lambda _: True)
        except SignerUnavailableError:
            return False

    def _bounded(self, work: Callable[[_Session], T], *, seconds: float | None = None) -> T:
        """In a thread of our own: a token that hangs must not hold whoever asked."""
        if time.monotonic() < self._late_until:
            raise SignerUnavailableError("token_late")
        try:
            return self._workers.submit(self._work, work).result(seconds or SIGN_SECONDS)
        except LateError as error:
            self._late_until = time.monotonic() + _LATE_SECONDS
            raise SignerUnavailableError("token_late") from error

    def _work(self, work: Callable[[_Session], T]) -> T:
        import pkcs11

        for attempt in range(2):
            life = self._life
            try:
                with self._in_use():
                    session = self._take()
                    found = work(session)
                    self._idle.append(session)
                    return found
            except pkcs11.NoSuchKey as error:
                raise SignerUnavailableError("key_not_in_token") from error
            except pkcs11.PKCS11Error as error:
                self._check_pin(error)
                if attempt:
                    self._down_until = time.monotonic() + _AGAIN_SECONDS
                    raise SignerUnavailableError("token_away") from error
                self._connect_again(life)
        raise SignerUnavailableError("token_away")

    def _take(self) -> _Session:
        """An idle session of this life of the connection, or a new one."""
        while self._idle:
            session = self._idle.pop()
            if session.life == self._life:
                return session
        if self._pin_refused:
            raise SignerUnavailableError("pin_refused")
        if time.monotonic() < self._down_until:
            raise SignerUnavailableError("token_away")
        return _Session(self._open_session(), self._life)

    def _open_session(self) -> "pkcs11.Session":
        import pkcs11

        token = pkcs11.lib(self._module).get_token(token_label=self._label)
        with self._login:  # a login is the process's, not the session's
            if self._logged_in == self._life:
                return token.open(rw=True)
            try:
                opened = token.open(rw=True, user_pin=self._pin)
            except pkcs11.UserAlreadyLoggedIn:
                opened = token.open(rw=True)
            self._logged_in = self._life
            return opened

    def _check_pin(self, error: Exception) -> None:
        import pkcs11

        if isinstance(error, pkcs11.PinIncorrect | pkcs11.PinLocked | pkcs11.PinExpired | pkcs11.PinInvalid):
            self._pin_refused = True
            raise SignerUnavailableError("pin_refused") from error

    def _connect_again(self, life: int) -> None:
        """Begin a new life of the connection, once nobody is in a call: the library must not end under one."""
        import pkcs11

        with self._changed:
            if not self._changed.wait_for(lambda: self._busy == 0 or self._life != life, SIGN_SECONDS):
                raise SignerUnavailableError("token_late")
            if self._life != life:
                return
            self._life += 1
            self._idle.clear()
            try:
                pkcs11.lib(self._module).reinitialize()
            except pkcs11.PKCS11Error as error:
                self._down_until = time.monotonic() + _AGAIN_SECONDS
                raise SignerUnavailableError("token_away") from error

    @contextmanager
    def _in_use(self) -> Iterator[None]:
        with self._changed:
            self._busy += 1
        try:
            yield
        finally:
            with self._changed:
                self._busy -= 1
                self._changed.notify_all()


class Pkcs11Signer(Named[VerifyingKey]):
    """A `Signer` whose private key is in a token. Its public half is known without it."""

    __slots__ = ("_key_id", "_suite", "_token")

    def __init__(self, token: Pkcs11Token, suite: Suite, key_id: bytes, public: VerifyingKey) -> None:
        super().__init__(public)
        self._token = token
        self._suite = suite
        self._key_id = key_id

    def sign(self, message: bytes) -> bytes:
        """Sign the message; no signature leaves that is not this key's, over this message.

        A token that was set up anew gives an old handle to another key, and one faulty RSA signature can give away the
        key that made it (Boneh, DeMillo, Lipton 1997). Raises: SignerUnavailableError: nothing was signed.
        """
        signature = self._token.sign(self._suite, self._key_id, message)
        try:
            self._public.verify(message, signature)
        except SignatureError as error:
            raise SignerUnavailableError("token_faulty") from error
        return signature


def _sign(session: _Session, suite: Suite, key_id: bytes, message: bytes) -> bytes:
    from pkcs11 import Mechanism, ObjectClass

    key: Any = session.keys.get(key_id)
    if key is None:
        key = session.keys[key_id] = session.opened.get_key(object_class=ObjectClass.PRIVATE_KEY, id=key_id)
    if suite is Suite.RSA:
        return bytes(key.sign(message, mechanism=Mechanism.SHA256_RSA_PKCS))
    # Many tokens have no ECDSA that hashes by itself, and those that have it differ in nothing else.
    return bytes(key.sign(hashlib.sha256(message).digest(), mechanism=Mechanism.ECDSA))


def _generate(session: _Session, suite: Suite, key_id: bytes) -> bytes:
    """Make a pair; answers the public half as SubjectPublicKeyInfo."""
    from pkcs11 import Attribute, KeyType
    from pkcs11.util.ec import encode_ec_public_key, encode_named_curve_parameters

    policy = {
        Attribute.SENSITIVE: True,
        Attribute.EXTRACTABLE: False,
        Attribute.SIGN: True,
        Attribute.DECRYPT: False,
        Attribute.UNWRAP: False,
        Attribute.DERIVE: False,
    }
    named: dict[str, Any] = {"id": key_id, "label": f"yizheng {key_id.hex()}", "store": True}
    named["private_template"] = policy
    if suite is Suite.RSA:
        public, private = session.opened.generate_keypair(KeyType.RSA, _RSA_BITS, **named)
    else:
        curve = {Attribute.EC_PARAMS: encode_named_curve_parameters("secp256r1")}
        public, private = session.opened.create_domain_parameters(KeyType.EC, curve, local=True).generate_keypair(
            **named
        )
    # A token that ignores what it was asked for is no token: whoever copies the key signs without it.
    if not private[Attribute.SENSITIVE] or private[Attribute.EXTRACTABLE]:
        private.destroy()
        public.destroy()
        raise SignerUnavailableError("token_policy")
    return _rsa_der(public) if suite is Suite.RSA else bytes(encode_ec_public_key(public))


def _rsa_der(public: Any) -> bytes:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
    from pkcs11 import Attribute

    modulus, exponent = (int.from_bytes(public[item], "big") for item in (Attribute.MODULUS, Attribute.PUBLIC_EXPONENT))
    key = RSAPublicNumbers(exponent, modulus).public_key()
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
