"""Anything at all: no changed byte passes, and no text or payload makes anything but an error of signing."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signing import prepared
from signing.canonical import b64u, canonical
from signing.disclosures import digest
from signing.errors import MalformedError, SigningError
from signing.sd_jwt import NEVER_DISCLOSABLE, Prepared, parse, prepare, sign, verify
from tests.signing.sd_tokens import SALT, SIGNER, bind, disclosure, forge, present, refusal, token


def test_every_flipped_byte_is_refused() -> None:
    text = token().encode()
    for position, byte in enumerate(text):
        for other in (byte ^ 1, byte ^ 0x80, ord("A"), ord("~")):
            if other != byte:
                changed = text[:position] + bytes([other]) + text[position + 1 :]
                refusal(changed, SigningError)


@pytest.mark.parametrize("change", [lambda t: t[:-1] + "~junk", lambda t: t + "a.b.c", lambda t: t + "\n"])
def test_junk_after_the_last_tilde_is_refused(change: Callable[[str], str]) -> None:
    text = change(token())
    refusal(text)
    with pytest.raises(MalformedError):
        parse(text)


@pytest.mark.parametrize("text", ["", "~", "~~", "a.b.c", "~a.b.c~", "é~", b"\xff~", "a" * 70000])
def test_what_is_no_sd_jwt_is_refused(text: str | bytes) -> None:
    refusal(text)
    with pytest.raises(MalformedError):
        parse(text)


_ANY_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-9, 9)
    | st.floats()
    | st.text(max_size=5)
    | st.just(digest(disclosure(SALT, "a", 1))),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["_sd", "...", "_sd_alg", "a", "b", "cnf", "jwk"]), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(st.text() | st.binary() | st.text("aZ09-_=.~", max_size=60))
def test_no_text_makes_anything_but_a_signing_error(text: str | bytes) -> None:
    refusal(text, SigningError)


@given(_ANY_JSON, st.lists(_ANY_JSON | st.lists(_ANY_JSON | st.just(SALT), min_size=2, max_size=3), max_size=3))
def test_no_signed_payload_makes_anything_but_a_signing_error(payload: Any, contents: list[Any]) -> None:
    try:
        text = forge(payload, *[b64u(canonical(content)) for content in contents])
        verified = verify(present(text), key=SIGNER.public)
        names = json.dumps(verified.claims)
        bind(verified)
    except SigningError:
        return
    assert '"_sd"' not in names


@given(st.data())
def test_no_mutation_of_a_genuine_token_passes(data: st.DataObject) -> None:
    text = present(token()).encode()
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(start + 8, len(text))))
    changed = text[:start] + data.draw(st.binary(max_size=8) | st.text("~.", max_size=3).map(str.encode)) + text[end:]
    if changed != text:
        with pytest.raises(SigningError):
            bind(verify(changed, key=SIGNER.public))


@given(st.dictionaries(st.text(max_size=4), _ANY_JSON, max_size=5), st.data())
def test_whatever_can_be_prepared_is_verified_and_shown_whole(claims: dict[str, Any], data: st.DataObject) -> None:
    disclosable = data.draw(st.sets(st.sampled_from(sorted(claims)))) if claims else set()
    try:
        data_at_rest = prepare(claims, disclosable - NEVER_DISCLOSABLE).to_bytes()
    except MalformedError:
        return
    stored = Prepared.from_bytes(data_at_rest)
    assert verify(sign(stored, signer=SIGNER), key=SIGNER.public).claims == claims


@given(st.dictionaries(st.text(max_size=4) | st.sampled_from(["_sd", "..."]), _ANY_JSON, max_size=5), st.data())
def test_the_quick_way_of_preparing_gives_what_the_close_look_gives(
    claims: dict[str, Any], data: st.DataObject
) -> None:
    names = sorted(data.draw(st.sets(st.sampled_from(sorted(claims)))) - NEVER_DISCLOSABLE if claims else ())
    salts = [f"{SALT}{data.draw(st.sampled_from(['', '一', chr(34), chr(92), chr(1)]))}{name}" for name in names]
    given_salts = dict(zip([name for name in claims if name in names], salts, strict=True))

    def outcome(way: Callable[[], Prepared]) -> Prepared | str:
        try:
            return way()
        except MalformedError as error:
            return error.reason

    quick = outcome(lambda: prepare(claims, names, salt=iter(salts).__next__))
    close = outcome(lambda: prepared._prepare_closely(claims, list(given_salts), salts))
    assert quick == close
    if isinstance(quick, Prepared):
        assert quick.signed == canonical(quick.payload)
        assert quick.to_bytes() == canonical({"disclosures": quick.disclosures, "payload": quick.payload})
