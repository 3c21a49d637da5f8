"""Status lists against the draft's vectors, hostile lists, and the replays a verifier must refuse."""

import json
import random
import tracemalloc
import zlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signing.canonical import b64u, unb64u
from signing.errors import ClaimError, MalformedError, SignatureError, SigningError, StatusListError
from signing.jose import sign_jws
from signing.keys import SoftwareSigner
from signing.status_list import (
    INVALID,
    MAX_ENTRIES,
    SUPERSEDED,
    SUSPENDED,
    TYP,
    VALID,
    StatusList,
    decode,
    empty,
    encode,
    permute,
    read_status_list,
    replaced,
    sign_status_list,
)

VECTORS = sorted((Path(__file__).parents[1] / "vectors" / "status_list").glob("*.json"))
NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
URI = "https://hub.example.gov.cn/status-lists/1"
SIGNER = SoftwareSigner.generate("status-1")


def token(now: datetime = NOW, statuses: Mapping[int, int] = {3: INVALID}) -> str:
    return sign_status_list(
        uri=URI,
        statuses=replaced(empty(64), statuses),
        signer=SIGNER,
        header={},
        now=now,
        expires_in=timedelta(hours=1),
        ttl=timedelta(minutes=5),
    )


def signed(**changes: Any) -> str:
    """A token with claims replaced; None removes one."""
    claims = {
        "sub": URI,
        "iat": int(NOW.timestamp()),
        "exp": int(NOW.timestamp()) + 60,
        "status_list": {"bits": 2, "lst": encode(empty(8))},
    }
    claims |= changes
    return sign_jws({name: value for name, value in claims.items() if value is not None}, signer=SIGNER, typ=TYP)


def test_all_four_vectors_of_the_draft_are_here() -> None:
    assert len(VECTORS) == 4


@pytest.mark.parametrize("path", VECTORS, ids=lambda path: path.stem)
def test_list_of_the_draft_reads_as_the_draft_says(path: Path) -> None:
    vector = json.loads(path.read_text())
    statuses = {int(index): status for index, status in vector["statuses"].items()}
    found = decode(vector["lst"], vector["bits"], max_entries=vector["size"])
    assert len(found) == vector["size"]
    assert {index: status for index in range(len(found)) if (status := found.get(index))} == statuses


@pytest.mark.parametrize("path", VECTORS, ids=lambda path: path.stem)
def test_list_of_the_draft_is_packed_to_the_same_bytes(path: Path) -> None:
    vector = json.loads(path.read_text())
    statuses = {int(index): status for index, status in vector["statuses"].items()}
    ours = encode(replaced(empty(vector["size"], vector["bits"]), statuses))
    assert zlib.decompress(unb64u(ours)) == zlib.decompress(unb64u(vector["lst"]))


@given(st.sampled_from([1, 2, 4, 8]), st.data())
def test_whatever_is_packed_reads_back(bits: int, data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 500))
    statuses = data.draw(st.dictionaries(st.integers(0, size - 1), st.integers(0, 2**bits - 1)))
    found = decode(encode(replaced(empty(size, bits), statuses)), bits, max_entries=size)
    assert [found.get(index) for index in range(size)] == [statuses.get(index, VALID) for index in range(size)]


@pytest.mark.parametrize(
    ("statuses", "bits", "reason"),
    [
        ({8: 1}, 2, "index"),
        ({-1: 1}, 2, "index"),
        ({0: 4}, 2, "status"),
        ({0: -1}, 2, "status"),
        ({0: 2}, 1, "status"),
        ({}, 3, "bits"),
        ({}, 0, "bits"),
    ],
)
def test_entry_that_does_not_fit_is_not_packed(statuses: dict[int, int], bits: int, reason: str) -> None:
    with pytest.raises(StatusListError) as error:
        replaced(empty(8, bits), statuses)
    assert error.value.reason == reason


@given(st.data())
def test_a_list_changed_bit_by_bit_is_the_list_packed_at_once(data: st.DataObject) -> None:
    steps = data.draw(st.lists(st.dictionaries(st.integers(0, 99), st.integers(0, 3)), max_size=5))
    changed, wanted = empty(100), {}
    for step in steps:
        changed = replaced(changed, step)
        wanted |= step
    assert changed == replaced(empty(100), wanted)


@pytest.mark.parametrize("index", [-1, 12, 2**40])
def test_index_beyond_the_list_is_no_status_at_all(index: int) -> None:
    with pytest.raises(StatusListError) as error:
        decode("eNo76fITAAPfAgc", 2).get(index)
    assert error.value.reason == "index"


def test_list_of_unknown_width_is_refused() -> None:
    with pytest.raises(StatusListError) as error:
        StatusList(b"\0", 3)
    assert error.value.reason == "bits"


@pytest.mark.parametrize(
    ("lst", "bits", "reason"),
    [
        ("eNo76fITAAPfAgc", 3, "bits"),
        ("eNo76fITAAPfAgc=", 2, "base64url"),
        (b64u(b"not zlib"), 2, "compression"),
        (b64u(b""), 2, "compression"),
        (b64u(unb64u("eNo76fITAAPfAgc")[:-1]), 2, "compression"),
        (b64u(unb64u("eNo76fITAAPfAgc")[:-1] + b"\0"), 2, "compression"),
        (b64u(unb64u("eNo76fITAAPfAgc") + b"more"), 2, "compression"),
        (b64u(zlib.compress(bytes(MAX_ENTRIES // 4 + 1))), 2, "too_large"),
    ],
)
def test_unreadable_list_names_the_reason(lst: str, bits: int, reason: str) -> None:
    with pytest.raises((MalformedError, StatusListError)) as error:
        decode(lst, bits)
    assert error.value.reason == reason


def test_list_of_exactly_the_largest_size_is_read() -> None:
    assert len(decode(encode(empty(MAX_ENTRIES)), 2, max_entries=MAX_ENTRIES)) == MAX_ENTRIES


def test_decompression_bomb_costs_no_more_memory_than_the_cap() -> None:
    bomb = b64u(zlib.compress(bytes(20_000_000)))
    tracemalloc.start()
    try:
        with pytest.raises(StatusListError):
            decode(bomb, 2, max_entries=MAX_ENTRIES)
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
    finally:
        tracemalloc.stop()


def test_signed_list_reads_back() -> None:
    found = read_status_list(
        token(NOW.replace(microsecond=9), {3: INVALID, 4: SUSPENDED, 5: SUPERSEDED}),
        key=SIGNER.public,
        uri=URI,
        now=NOW,
    )
    assert [found.list.get(index) for index in range(2, 7)] == [VALID, INVALID, SUSPENDED, SUPERSEDED, VALID]
    assert (found.uri, len(found.list)) == (URI, 64)
    assert (found.issued_at, found.expires_at) == (NOW, NOW + timedelta(hours=1))
    assert found.ttl == timedelta(minutes=5)


def test_list_without_ttl_is_read() -> None:
    assert read_status_list(signed(), key=SIGNER.public, uri=URI, now=NOW).ttl is None


@pytest.mark.parametrize("past", [timedelta(hours=1), timedelta(days=1)])
def test_expired_list_is_refused_even_where_it_shows_a_revocation(past: timedelta) -> None:
    with pytest.raises(ClaimError) as error:
        read_status_list(token(), key=SIGNER.public, uri=URI, now=NOW + past)
    assert error.value.reason == "expired"


def test_list_is_good_until_the_second_it_expires() -> None:
    read_status_list(token(), key=SIGNER.public, uri=URI, now=NOW + timedelta(minutes=59, seconds=59))


def test_list_of_another_uri_is_refused() -> None:
    with pytest.raises(ClaimError) as error:
        read_status_list(token(), key=SIGNER.public, uri=URI + "0", now=NOW)
    assert error.value.reason == "subject"


def test_older_list_than_one_already_seen_is_a_replay() -> None:
    replayed, newest = token(), NOW + timedelta(seconds=1)
    with pytest.raises(ClaimError) as error:
        read_status_list(replayed, key=SIGNER.public, uri=URI, now=newest, not_before=newest)
    assert error.value.reason == "older_than_seen"
    assert read_status_list(replayed, key=SIGNER.public, uri=URI, now=newest, not_before=NOW).issued_at == NOW


def test_list_from_the_future_is_refused() -> None:
    with pytest.raises(ClaimError) as error:
        read_status_list(token(NOW + timedelta(minutes=1)), key=SIGNER.public, uri=URI, now=NOW)
    assert error.value.reason == "issued_in_future"


def test_list_under_another_key_is_refused() -> None:
    other = SoftwareSigner.generate(SIGNER.kid)
    with pytest.raises(SignatureError):
        read_status_list(token(), key=other.public, uri=URI, now=NOW)


def test_token_of_another_kind_is_refused() -> None:
    other = sign_jws({"sub": URI}, signer=SIGNER, typ="dc+sd-jwt")
    with pytest.raises(ClaimError) as error:
        read_status_list(other, key=SIGNER.public, uri=URI, now=NOW)
    assert error.value.reason == "typ"


LST = encode(empty(8))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"sub": None}, "missing_sub"),
        ({"iat": None}, "missing_iat"),
        ({"exp": None}, "missing_exp"),
        ({"status_list": None}, "missing_status_list"),
        ({"sub": [URI]}, "bad_sub"),
        ({"exp": 253402300800}, "bad_exp"),
        ({"iat": -1}, "bad_iat"),
        ({"ttl": 0}, "bad_ttl"),
        ({"ttl": True}, "bad_ttl"),
        ({"ttl": "5"}, "bad_ttl"),
        ({"ttl": 2**40}, "bad_ttl"),
        ({"status_list": LST}, "status_list"),
        ({"status_list": {"lst": LST}}, "status_list"),
        ({"status_list": {"bits": True, "lst": LST}}, "status_list"),
        ({"status_list": {"bits": 2}}, "status_list"),
        ({"status_list": {"bits": 5, "lst": LST}}, "bits"),
        ({"status_list": {"bits": 2, "lst": "é"}}, "base64url"),
    ],
)
def test_signed_claim_of_another_form_is_refused(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(SigningError) as error:
        read_status_list(signed(**changes), key=SIGNER.public, uri=URI, now=NOW)
    assert error.value.reason == reason


def test_naive_now_is_a_value_error() -> None:
    naive = NOW.replace(tzinfo=None)
    with pytest.raises(ValueError):
        token(naive)
    with pytest.raises(ValueError):
        read_status_list(token(), key=SIGNER.public, uri=URI, now=naive)


def test_largest_list_that_does_not_compress_fits_a_token() -> None:
    statuses = dict(enumerate(random.Random(1).choices(range(4), k=MAX_ENTRIES)))
    text = sign_status_list(
        uri=URI,
        statuses=replaced(empty(MAX_ENTRIES), statuses),
        signer=SIGNER,
        header={},
        now=NOW,
        expires_in=timedelta(hours=1),
        ttl=timedelta(minutes=5),
    )
    assert read_status_list(text, key=SIGNER.public, uri=URI, now=NOW).list.get(65) == statuses[65]


@pytest.mark.parametrize("bits", [2, 4, 10])
def test_permutation_reaches_every_index_once(bits: int) -> None:
    assert sorted(permute(counter, key=b"k" * 32, bits=bits) for counter in range(2**bits)) == list(range(2**bits))


def test_neighbouring_counters_land_far_apart() -> None:
    indexes = [permute(counter, key=b"k" * 32) for counter in range(2000)]
    assert len(set(indexes)) == 2000
    halves = sum(index < 2**19 for index in indexes)
    assert 850 < halves < 1150
    assert sum(abs(a - b) < 2**10 for a, b in pairwise(indexes)) < 20


def test_another_key_or_width_gives_another_order() -> None:
    orders = {
        tuple(permute(counter, key=key, bits=bits) for counter in range(50))
        for key in (b"k" * 32, b"l" * 32)
        for bits in (18, 20)
    }
    assert len(orders) == 4


def test_permutation_never_changes() -> None:
    # Indexes already in signed certificates depend on it: another result would hand one index out twice.
    assert [permute(counter, key=bytes(range(32))) for counter in range(4)] == PINNED


PINNED = [288288, 259076, 911583, 153309]


@pytest.mark.parametrize(
    ("counter", "key", "bits"), [(2**20, b"k" * 16, 20), (-1, b"k" * 16, 20), (0, b"k" * 15, 20), (0, b"k" * 16, 19)]
)
def test_permutation_without_room_or_key_is_a_value_error(counter: int, key: bytes, bits: int) -> None:
    with pytest.raises(ValueError):
        permute(counter, key=key, bits=bits)
