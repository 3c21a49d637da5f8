"""SM2 on the system's OpenSSL: the standard's vector, three other implementations, and what is refused."""

import base64
import copy
import pickle
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import gmalg
import pytest
from tongsuopy.crypto import hashes, serialization
from tongsuopy.crypto.asymciphers import ec
from tongsuopy.crypto.exceptions import InvalidSignature

from signing import libcrypto, sm2
from signing.canonical import b64u
from signing.errors import KeyPolicyError, MalformedError, SignatureError, SuiteUnavailableError
from signing.keys import SoftwareSigner

# GB/T 32918.5-2017, annex A.2.
PRIVATE = bytes.fromhex("3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8")
POINT = bytes.fromhex(
    "09F9DF311E5421A150DD7D161E4BC5C672179FAD1833FC076BB08FF356F35020"
    "CCEA490CE26775A52DC6EA718CC1AA600AED05FBF35E084A6632F6072DA9AD13"
)
SIGNATURE = bytes.fromhex(
    "F5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3"
    "B1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA"
)
MESSAGE = b"message digest"
ORDER = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123

SIGNER = sm2.Sm2Signer.generate()


def test_the_signature_of_the_standard_verifies() -> None:
    sm2.Sm2Key.from_point(POINT).verify(MESSAGE, SIGNATURE)


def test_the_digest_of_the_standard() -> None:
    # GB/T 32905-2016, annex A.1.
    assert sm2.sm3(b"abc").hex() == "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"


@pytest.mark.parametrize("length", [0, 1, 4096])
def test_openssl_and_ours_accept_each_other(tmp_path: Path, length: int) -> None:
    message, key, public, signature = (tmp_path / name for name in ("message", "key", "public", "signature"))
    message.write_bytes(b"m" * length)
    key.write_bytes(SIGNER.to_pem())
    public.write_bytes(SIGNER.public.to_pem())
    identity = ["-sigopt", f"distid:{sm2.USER_ID.decode()}"]
    subprocess.run(["openssl", "dgst", "-sm3", "-sign", key, *identity, "-out", signature, message], check=True)
    SIGNER.public.verify_der(message.read_bytes(), signature.read_bytes())
    signature.write_bytes(SIGNER.sign_der(message.read_bytes()))
    check = ["openssl", "dgst", "-sm3", "-verify", public, *identity, "-signature", signature, message]
    assert subprocess.run(check, capture_output=True, check=True).stdout == b"Verified OK\n"


def test_a_key_that_openssl_made_is_read(tmp_path: Path) -> None:
    made = tmp_path / "key"
    subprocess.run(["openssl", "genpkey", "-algorithm", "SM2", "-out", made], check=True, capture_output=True)
    signer = sm2.Sm2Signer.from_pem(made.read_bytes())
    public = subprocess.run(["openssl", "pkey", "-in", made, "-pubout"], check=True, capture_output=True).stdout
    assert sm2.Sm2Key.from_pem(public) == signer.public
    assert sm2.Sm2Signer.from_pem(signer.to_pem()).public == signer.public


def test_gmalg_and_ours_accept_each_other() -> None:
    r, s = gmalg.SM2(PRIVATE, sm2.USER_ID, b"\x04" + POINT).sign(MESSAGE)
    sm2.Sm2Key.from_point(POINT).verify(MESSAGE, r.rjust(32, b"\0") + s.rjust(32, b"\0"))
    judge = gmalg.SM2(uid=sm2.USER_ID, pk=b"\x04" + SIGNER.public.point)
    ours = SIGNER.sign(MESSAGE)
    assert judge.verify(MESSAGE, ours[:32], ours[32:])
    assert not judge.verify(b"another", ours[:32], ours[32:])


def test_tongsuo_and_ours_accept_each_other() -> None:
    algorithm = ec.ECDSA(hashes.SM3())
    key = serialization.load_pem_private_key(SIGNER.to_pem(), None)
    SIGNER.public.verify_der(MESSAGE, key.sign(MESSAGE, algorithm))
    public = serialization.load_pem_public_key(SIGNER.public.to_pem())
    public.verify(SIGNER.sign_der(MESSAGE), MESSAGE, algorithm)
    with pytest.raises(InvalidSignature):
        public.verify(SIGNER.sign_der(MESSAGE), b"another", algorithm)


def test_the_user_id_is_part_of_the_signature() -> None:
    signature = SIGNER.sign(MESSAGE, user_id=b"somebody")
    SIGNER.public.verify(MESSAGE, signature, user_id=b"somebody")
    with pytest.raises(SignatureError):
        SIGNER.public.verify(MESSAGE, signature)
    judge = gmalg.SM2(uid=b"somebody", pk=b"\x04" + SIGNER.public.point)
    assert judge.verify(MESSAGE, signature[:32], signature[32:])
    with pytest.raises(ValueError):
        SIGNER.sign(MESSAGE, user_id=b"x" * (sm2.MAX_USER_ID_BYTES + 1))
    longest = b"x" * sm2.MAX_USER_ID_BYTES
    SIGNER.public.verify(MESSAGE, SIGNER.sign(MESSAGE, user_id=longest), user_id=longest)


@pytest.mark.parametrize("change", ["message", "r", "s", "twin", "zero", "order", "short", "long", "empty"])
def test_no_other_signature_verifies(change: str) -> None:
    signature = SIGNER.sign(MESSAGE)
    twin = (ORDER - int.from_bytes(signature[32:], "big")).to_bytes(32, "big")
    forged = {
        "message": signature,
        "r": bytes([signature[0] ^ 1]) + signature[1:],
        "s": signature[:63] + bytes([signature[63] ^ 1]),
        "twin": signature[:32] + twin,  # SM2 has no second spelling as ECDSA has
        "zero": bytes(64),
        "order": (int.from_bytes(signature[:32], "big") + ORDER).to_bytes(33, "big")[-32:] + signature[32:],
        "short": signature[:63],
        "long": signature + b"\0",
        "empty": b"",
    }[change]
    with pytest.raises(SignatureError):
        SIGNER.public.verify(b"another" if change == "message" else MESSAGE, forged)


def test_der_has_one_spelling() -> None:
    signature = SIGNER.sign_der(MESSAGE)
    padded = b"\x30" + bytes([signature[1] + 1]) + b"\x02" + bytes([signature[3] + 1]) + b"\0" + signature[4:]
    for forged in (padded, signature + b"\0", b"", b"\x30\x80" + signature[2:] + b"\0\0"):
        with pytest.raises(SignatureError):
            SIGNER.public.verify_der(MESSAGE, forged)
        with pytest.raises(SignatureError):
            sm2.to_raw(forged)
    assert sm2.to_der(sm2.to_raw(signature)) == signature


def test_signatures_of_short_numbers_keep_their_length() -> None:
    numbers = (1).to_bytes(32, "big") + (2).to_bytes(32, "big")
    assert sm2.to_raw(sm2.to_der(numbers)) == numbers


def test_a_jwk_comes_back() -> None:
    jwk = SIGNER.public.jwk
    assert sm2.Sm2Key.from_jwk(jwk) == SIGNER.public
    assert sm2.Sm2Key.from_jwk({name: jwk[name] for name in ("kty", "crv", "x", "y")}).kid == SIGNER.kid
    assert "d" not in jwk
    # The same numbers under another curve are another key with another name.
    assert jwk["crv"] == "SM2"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"kty": "RSA"}, "key_type"),
        ({"crv": "P-256"}, "curve"),
        ({"alg": "ES256"}, "alg"),
        ({"use": "enc"}, "use"),
        ({"d": "AAAA"}, "private_key"),
        ({"x": 1}, "jwk"),
        ({"kid": 1}, "jwk"),
        ({"y": "AAAA"}, "point"),
        ({"x": "_" * 42 + "8"}, "point"),
    ],
)
def test_other_jwks_are_refused(change: dict[str, object], reason: str) -> None:
    with pytest.raises((KeyPolicyError, MalformedError)) as raised:
        sm2.Sm2Key.from_jwk({**SIGNER.public.jwk, **change})
    assert raised.value.reason == reason


def test_only_sm2_keys_are_read() -> None:
    other = SoftwareSigner.generate()
    with pytest.raises(MalformedError):
        sm2.Sm2Signer.from_pem(other.to_pem())
    with pytest.raises(KeyPolicyError):
        sm2.Sm2Key.from_pem(other.public.to_pem())
    for pem in (b"", b"junk", SIGNER.public.to_pem(), SIGNER.to_pem()[:-40], SIGNER.to_pem().replace(b"M", b"!", 1)):
        with pytest.raises(MalformedError):
            sm2.Sm2Signer.from_pem(pem)
    for point in (b"", bytes(64), b"\x02" + POINT, POINT[:32] + PRIVATE):
        with pytest.raises(MalformedError):
            sm2.Sm2Key.from_point(point)


def test_halves_that_do_not_belong_together_are_refused() -> None:
    der = libcrypto.private_bytes(libcrypto.private_key(_der(SIGNER.to_pem())))
    assert SIGNER.public.point in der
    with pytest.raises(MalformedError):
        libcrypto.private_key(der.replace(SIGNER.public.point, POINT))


def test_a_public_key_cannot_sign() -> None:
    public = libcrypto.public_key(SIGNER.public.to_der())
    with pytest.raises(MalformedError):
        libcrypto.sign(public, MESSAGE, sm2.USER_ID)
    with pytest.raises(MalformedError):
        libcrypto.private_bytes(public)


def test_nothing_shows_the_private_key() -> None:
    assert repr(SIGNER) == f"Sm2Signer(kid={SIGNER.kid!r})"
    assert repr(SIGNER._key) == "Key()"
    assert "point" not in repr(SIGNER.public)


def test_coordinates_have_their_length_each() -> None:
    point = SIGNER.public.point
    for x, y in ((point[:31], point[31:]), (b"\x04" + point, b"")):
        with pytest.raises(MalformedError) as raised:
            sm2.Sm2Key.from_jwk({**SIGNER.public.jwk, "x": b64u(x), "y": b64u(y)})
        assert raised.value.reason == "point"


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, pickle.dumps])
def test_memory_of_the_library_is_freed_once(again: Callable[[object], object]) -> None:
    for holder in (SIGNER._key, SIGNER.public):
        if again is not copy.copy or holder is SIGNER._key:  # a shallow copy of the holder shares its key
            with pytest.raises(TypeError):
                again(holder)


def test_several_threads_sign_and_verify_at_once() -> None:
    def work(number: int) -> bool:
        message = b"%d" % number
        for _ in range(10):
            SIGNER.public.verify(message, SIGNER.sign(message))
            with pytest.raises(SignatureError):
                SIGNER.public.verify(message, bytes(64))
        return True

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(8)))


@pytest.mark.parametrize("name", ["libno-such-library.so.9", "libc.so.6"])
def test_without_the_library_the_suite_says_so(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    libcrypto.library.cache_clear()
    monkeypatch.setattr(libcrypto, "_LIBRARY", name)
    for use in (sm2.Sm2Signer.generate, lambda: sm2.Sm2Key.from_point(POINT), lambda: sm2.sm3(b"")):
        with pytest.raises(SuiteUnavailableError) as raised:
            use()
        assert raised.value.reason == "no_libcrypto"
    monkeypatch.undo()
    assert sm2.sm3(b"")


def _der(pem: bytes) -> bytes:
    return base64.b64decode(b"".join(pem.splitlines()[1:-1]))
