"""The text of an offline code: RFC 9285, one spelling, nothing more than fits, nothing in it that was not signed."""

import zlib
from typing import Any

import pytest

from certificates.offline_code import (
    _base45,
    _deflated,
    _unbase45,
    copy_content,
    key_name,
    licence_content,
    read_offline_code,
    write_offline_code,
)
from signing.canonical import canonical
from signing.errors import MalformedError
from tests.certificates.trusted import CLAIMS, COPY_KEY, IDENTIFIER, INDEX, ISSUER, LIST, copy_payload, licence_payload

AT = 1_770_000_000
BINDING = "5a" * 32


def licence_code(*shown: str, room: int = 970, **claims: Any) -> str | None:
    payload = licence_payload()[0] | claims
    content = licence_content(payload, shown=shown or tuple(CLAIMS), type_name="营业执照", binding=BINDING, at=AT)
    return write_offline_code(content, signer=ISSUER.signer, room=room)


@pytest.mark.parametrize(
    ("data", "text"),
    [(b"AB", "BB8"), (b"Hello!!", "%69 VD92EX0"), (b"base-45", "UJCLQE7W581"), (b"ietf!", "QED8WEX0"), (b"", "")],
)
def test_the_examples_of_rfc_9285(data: bytes, text: str) -> None:
    assert _base45(data) == text
    assert _unbase45(text) == data


def test_every_text_of_bytes_is_the_only_one() -> None:
    """RFC 9285 §4.2, §6: FGW is FFFF, GGW nothing; so are a lone character, lower case, what QR codes lack."""
    assert _unbase45("FGW") == b"\xff\xff"
    for text in ("GGW", "GGX", ":::", "U5:", "::", "A", "AAAA", "bb8", "BB_", "Ａ12"):
        with pytest.raises(MalformedError, match="base45"):
            _unbase45(text)


def test_a_code_says_what_was_put_in_and_names_its_key() -> None:
    code = licence_code()
    assert code is not None
    assert code == code.strip()
    read = read_offline_code(code.encode())
    assert read.key_name == key_name(ISSUER.signer.public.thumbprint)
    ISSUER.signer.public.verify(read.message, read.signature)
    assert read.content["c"] == CLAIMS
    assert (read.content["i"], read.content["s"]) == (IDENTIFIER.text, [LIST, INDEX])


def test_no_code_ends_in_a_space() -> None:
    """What was pasted may be trimmed: the last character of a group stands for less than a space does."""
    for last in range(256):
        assert not _base45(bytes([last])).endswith(" ")
        assert not _base45(bytes([last, 255])).endswith(" ")
        assert not _base45(bytes([255, last])).endswith(" ")


def test_what_does_not_fit_is_left_out_from_the_longest_on_and_then_there_is_no_code() -> None:
    long = {"business_scope": "".join(chr(0x4E00 + 7 * place) for place in range(600))}
    code = licence_code(**long)
    assert code is not None
    assert len(code) <= 970
    assert read_offline_code(code.encode()).content["c"] == {k: v for k, v in CLAIMS.items() if k != "business_scope"}
    bare = licence_code(room=440)
    assert bare is not None
    assert read_offline_code(bare.encode()).content["c"] == {"legal_representative": "王晨光"}
    assert licence_code(room=300) is None


def test_a_copy_says_for_whom_and_carries_nothing_that_ties_it_to_another() -> None:
    payload, _ = copy_payload()
    content = copy_content(payload, shown=tuple(CLAIMS), type_name="营业执照", at=AT)
    code = write_offline_code(content, signer=COPY_KEY.signer)
    assert code is not None
    read = read_offline_code(code.encode()).content
    assert (read["a"], read["e"], read["p"]) == ("intake", payload["exp"], ["办理食品经营许可", "C-1", "FOOD"])
    assert read["c"].keys() == {"name", "uscc", "address"}
    assert read.keys().isdisjoint({"b", "s"})


def enveloped(body: bytes) -> bytes:
    return f"YZ1:{_base45(bytes(72) + body)}".encode()


GOOD: dict[str, Any] = {
    "b": "A" * 43,
    "c": {},
    "d": ["2026-01-01", "2026-01-01", None],
    "i": IDENTIFIER.text,
    "n": "x",
    "s": [LIST, 1],
    "t": AT,
}
BROKEN: dict[str, tuple[bytes, str]] = {
    "no prefix": (b"YZ2:BB8", "offline_code"),
    "nothing": (b"YZ1:", "offline_code"),
    "cut": (enveloped(_deflated(canonical(GOOD))[:-3]), "offline_code"),
    "more behind": (enveloped(_deflated(canonical(GOOD)) + b"x"), "offline_code"),
    "not deflated": (enveloped(canonical(GOOD)), "offline_code"),
    "a bomb": (enveloped(_deflated(b" " * 1_000_000)), "zip_bomb"),
    "too long": (b"YZ1:" + b"A" * 4300, "too_large"),
    "twice one name": (enveloped(_deflated(canonical(GOOD)[:-1] + b',"t":1}')), "duplicate_name"),
    "half a pair": (enveloped(_deflated(canonical(GOOD | {"n": "@"}).replace(b"@", b"\\ud800"))), "character"),
    "deep": (enveloped(_deflated(canonical(GOOD | {"c": {"x": [[1]]}}))), "depth"),
    "a member more": (enveloped(_deflated(canonical(GOOD | {"z": 1}))), "offline_code"),
    "both forms": (enveloped(_deflated(canonical(GOOD | {"a": "x", "e": 1, "p": ["", "", ""]}))), "offline_code"),
    "a reserved claim": (enveloped(_deflated(canonical(GOOD | {"c": {"exp": 1}}))), "offline_code"),
    "a claim that is none": (enveloped(_deflated(canonical(GOOD | {"c": {"x": True}}))), "offline_code"),
    "a list": (enveloped(_deflated(b"[]")), "offline_code"),
    "a short binding": (enveloped(_deflated(canonical(GOOD | {"b": "AAAA"}))), "offline_code"),
    "another alphabet": ("YZ1:证".encode(), "base45"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_two_readers_could_read_differently_is_not_read(name: str) -> None:
    text, reason = BROKEN[name]
    with pytest.raises(MalformedError) as told:
        read_offline_code(text)
    assert told.value.reason == reason


def test_the_good_one_of_these_is_good() -> None:
    assert read_offline_code(enveloped(_deflated(canonical(GOOD)))).content == GOOD
    assert zlib.decompress(_deflated(b"x" * 9), -15) == b"x" * 9
