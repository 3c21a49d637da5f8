"""The system's libcrypto (OpenSSL 3) through ctypes: the dozen calls SM2 needs, each object freed by its owner.

Part of `sm2`; nothing else imports it. The library inside `cryptography` has no SM2, so the system's is used, and its
absence is an error: no call here falls back to another library or another suite.

Concurrency: ctypes releases the interpreter lock; an EVP_PKEY may be used by several threads, a context by one.
"""

import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ctypes import POINTER, byref, c_char_p, c_int, c_long, c_size_t, c_void_p
from functools import lru_cache
from typing import Final, NoReturn, TypeVar

from signing.errors import MalformedError, SignatureError, SigningError, SuiteUnavailableError

_LIBRARY: Final = "libcrypto.so.3"
_SM2: Final = b"SM2"
_SM3: Final = b"SM3"
_MAX_SIGNATURE_BYTES: Final = 128
_POINTER_TO_BYTES: Final = POINTER(c_char_p)
_Error = TypeVar("_Error", bound=SigningError)

# Without argument types ctypes would cut pointers to 32 bits. Only calls of one fixed form: none takes "...".
_SIGNATURES: Final[dict[str, tuple[object, tuple[object, ...]]]] = {
    "BN_bn2binpad": (c_int, (c_void_p, c_char_p, c_int)),
    "BN_clear_free": (None, (c_void_p,)),
    "CRYPTO_clear_free": (None, (c_void_p, c_size_t, c_char_p, c_int)),
    "ERR_clear_error": (None, ()),
    "EVP_DigestSign": (c_int, (c_void_p, c_char_p, POINTER(c_size_t), c_char_p, c_size_t)),
    "EVP_DigestSignInit_ex": (c_int, (c_void_p, c_void_p, c_char_p, c_void_p, c_char_p, c_void_p, c_void_p)),
    "EVP_DigestVerify": (c_int, (c_void_p, c_char_p, c_size_t, c_char_p, c_size_t)),
    "EVP_DigestVerifyInit_ex": (c_int, (c_void_p, c_void_p, c_char_p, c_void_p, c_char_p, c_void_p, c_void_p)),
    "EVP_MD_CTX_free": (None, (c_void_p,)),
    "EVP_MD_CTX_new": (c_void_p, ()),
    "EVP_MD_CTX_set_pkey_ctx": (None, (c_void_p, c_void_p)),
    "EVP_PKEY2PKCS8": (c_void_p, (c_void_p,)),
    "EVP_PKEY_CTX_free": (None, (c_void_p,)),
    "EVP_PKEY_CTX_new_from_name": (c_void_p, (c_void_p, c_char_p, c_char_p)),
    "EVP_PKEY_CTX_new_from_pkey": (c_void_p, (c_void_p, c_void_p, c_char_p)),
    "EVP_PKEY_CTX_set1_id": (c_int, (c_void_p, c_char_p, c_int)),
    "EVP_PKEY_check": (c_int, (c_void_p,)),
    "EVP_PKEY_free": (None, (c_void_p,)),
    "EVP_PKEY_generate": (c_int, (c_void_p, POINTER(c_void_p))),
    "EVP_PKEY_get_bn_param": (c_int, (c_void_p, c_char_p, POINTER(c_void_p))),
    "EVP_PKEY_is_a": (c_int, (c_void_p, c_char_p)),
    "EVP_PKEY_keygen_init": (c_int, (c_void_p,)),
    "EVP_Q_digest": (
        c_int,
        (c_void_p, c_char_p, c_char_p, c_char_p, c_size_t, c_char_p, POINTER(c_size_t)),
    ),
    "PKCS8_PRIV_KEY_INFO_free": (None, (c_void_p,)),
    "d2i_AutoPrivateKey": (c_void_p, (c_void_p, _POINTER_TO_BYTES, c_long)),
    "d2i_PUBKEY": (c_void_p, (c_void_p, _POINTER_TO_BYTES, c_long)),
    "i2d_PKCS8_PRIV_KEY_INFO": (c_int, (c_void_p, POINTER(c_void_p))),
}


class Key:
    """An SM2 key in the library's memory, freed with this object; its `repr` shows nothing of it."""

    __slots__ = ("_free", "pointer")

    def __init__(self, pointer: int) -> None:
        self.pointer = pointer
        self._free = library().EVP_PKEY_free

    def __del__(self) -> None:
        self._free(self.pointer)

    def __reduce__(self) -> NoReturn:
        """A copy would free the same memory a second time. Raises: TypeError."""
        raise TypeError("a key of the library is neither copied nor pickled")

    def __repr__(self) -> str:
        return "Key()"


@lru_cache(maxsize=1)
def library() -> ctypes.CDLL:
    """Load and try the library once; later calls answer from memory.

    Raises: SuiteUnavailableError ("no_libcrypto", "no_sm2").
    """
    try:
        found = ctypes.CDLL(_LIBRARY)
        for name, (result, arguments) in _SIGNATURES.items():
            function = getattr(found, name)
            function.restype, function.argtypes = result, arguments
    except (OSError, AttributeError) as error:
        raise SuiteUnavailableError("no_libcrypto", f"{_LIBRARY} of OpenSSL 3 cannot be loaded") from error
    context = found.EVP_PKEY_CTX_new_from_name(None, _SM2, None)
    found.EVP_PKEY_CTX_free(context)
    if not context or _digest(found, b"") is None:
        found.ERR_clear_error()
        raise SuiteUnavailableError("no_sm2", f"{_LIBRARY} was built without SM2 or SM3")
    return found


def sm3(data: bytes) -> bytes:
    """SM3 digest (GB/T 32905), 32 bytes."""
    digest = _digest(library(), data)
    if digest is None:  # pragma: no cover - out of memory
        raise MemoryError
    return digest


def generate() -> Key:
    """Make a new SM2 key."""
    lib = library()
    pointer = c_void_p()
    context = lib.EVP_PKEY_CTX_new_from_name(None, _SM2, None)
    try:
        done = lib.EVP_PKEY_keygen_init(context) == 1 and lib.EVP_PKEY_generate(context, byref(pointer)) == 1
    finally:
        lib.EVP_PKEY_CTX_free(context)
    if not done or not pointer.value:  # pragma: no cover - no randomness
        lib.ERR_clear_error()
        raise SuiteUnavailableError("no_sm2", "no key could be made")
    return Key(pointer.value)


def private_key(der: bytes) -> Key:
    """Read an unencrypted PKCS #8 and check that its halves belong together.

    Raises: MalformedError ("pem"): anything but an SM2 key.
    """
    lib = library()
    key = _read(lib.d2i_AutoPrivateKey, der)
    context = lib.EVP_PKEY_CTX_new_from_pkey(None, key.pointer, None)
    whole = bool(context) and lib.EVP_PKEY_check(context) == 1
    lib.EVP_PKEY_CTX_free(context)
    if not whole:
        raise _failed(MalformedError("pem"))
    return key


def public_key(der: bytes) -> Key:
    """Read a SubjectPublicKeyInfo whose point is on the curve. Raises: MalformedError ("pem")."""
    return _read(library().d2i_PUBKEY, der)


def private_bytes(key: Key) -> bytes:
    """The private key as unencrypted PKCS #8 in DER; the library's own copies are wiped."""
    lib = library()
    information = lib.EVP_PKEY2PKCS8(key.pointer)
    out = c_void_p()
    length = lib.i2d_PKCS8_PRIV_KEY_INFO(information, byref(out)) if information else 0
    try:
        if length <= 0 or not out.value:
            raise _failed(MalformedError("not_private"))
        return ctypes.string_at(out.value, length)
    finally:
        lib.CRYPTO_clear_free(out, max(length, 0), b"", 0)
        lib.PKCS8_PRIV_KEY_INFO_free(information)


def coordinates(key: Key) -> bytes:
    """The point as x || y, 64 bytes, whatever form of point the key was read from."""
    return _number(key, b"qx") + _number(key, b"qy")


def sign(key: Key, message: bytes, user_id: bytes) -> bytes:
    """SM2 with SM3; DER."""
    lib = library()
    with _message_context(key, user_id) as context:
        size = c_size_t(_MAX_SIGNATURE_BYTES)
        out = ctypes.create_string_buffer(_MAX_SIGNATURE_BYTES)
        if (
            lib.EVP_DigestSignInit_ex(context, None, _SM3, None, None, key.pointer, None) != 1
            or lib.EVP_DigestSign(context, out, byref(size), message, len(message)) != 1
        ):
            raise _failed(MalformedError("not_private"))
        return out.raw[: size.value]


def verify(key: Key, message: bytes, signature: bytes, user_id: bytes) -> None:
    """Return if the DER signature is this key's. Raises: SignatureError."""
    lib = library()
    with _message_context(key, user_id) as context:
        if (
            lib.EVP_DigestVerifyInit_ex(context, None, _SM3, None, None, key.pointer, None) != 1
            or lib.EVP_DigestVerify(context, signature, len(signature), message, len(message)) != 1
        ):
            raise _failed(SignatureError())


@contextmanager
def _message_context(key: Key, user_id: bytes) -> Iterator[int]:
    lib = library()
    context = lib.EVP_MD_CTX_new()
    key_context = lib.EVP_PKEY_CTX_new_from_pkey(None, key.pointer, None)
    try:
        # The identity is hashed before the message, so it must be set before the context starts.
        if not context or not key_context or lib.EVP_PKEY_CTX_set1_id(key_context, user_id, len(user_id)) != 1:
            raise _failed(SuiteUnavailableError("no_sm2", "the library refused the user id"))
        lib.EVP_MD_CTX_set_pkey_ctx(context, key_context)
        yield context
    finally:
        lib.EVP_MD_CTX_free(context)
        lib.EVP_PKEY_CTX_free(key_context)


def _read(decoder: Callable[..., int | None], der: bytes) -> Key:
    start, end = c_char_p(der), c_char_p(der)
    pointer = decoder(None, byref(end), len(der))
    if not pointer:
        raise _failed(MalformedError("pem"))
    key = Key(pointer)
    # The decoder takes keys of any kind with anything behind them, and remembers errors of those it tried on the way.
    if library().EVP_PKEY_is_a(pointer, _SM2) != 1 or _address(end) - _address(start) != len(der):
        raise _failed(MalformedError("pem"))
    library().ERR_clear_error()
    return key


def _address(pointer: c_char_p) -> int:
    return ctypes.cast(pointer, c_void_p).value or 0


def _number(key: Key, name: bytes) -> bytes:
    lib = library()
    number = c_void_p()
    out = ctypes.create_string_buffer(32)
    try:
        if lib.EVP_PKEY_get_bn_param(key.pointer, name, byref(number)) != 1 or lib.BN_bn2binpad(number, out, 32) != 32:
            raise _failed(MalformedError("pem"))
        return out.raw
    finally:
        lib.BN_clear_free(number)


def _digest(lib: ctypes.CDLL, data: bytes) -> bytes | None:
    out = ctypes.create_string_buffer(64)
    size = c_size_t()
    done = lib.EVP_Q_digest(None, _SM3, None, data, len(data), out, byref(size))
    return out.raw[: size.value] if done == 1 else None


def _failed(error: _Error) -> _Error:
    """Empty the thread's error queue: what is left there would be taken for the next caller's."""
    library().ERR_clear_error()
    return error
