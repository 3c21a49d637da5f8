import hashlib
import hmac

import pytest

from hub.issuing.fingerprint import fingerprint

_KEY = bytes(range(32))


def test_fingerprint_is_the_keyed_hash_of_canonical_json() -> None:
    expected = hmac.new(_KEY, '{"a":1,"b":"甲"}'.encode(), hashlib.sha256).digest()
    assert fingerprint({"b": "甲", "a": 1}, _KEY) == expected


def test_fingerprint_differs_by_value_type_claim_and_key() -> None:
    values = [
        fingerprint({"a": 1}, _KEY),
        fingerprint({"a": "1"}, _KEY),
        fingerprint({"a": 2}, _KEY),
        fingerprint({"b": 1}, _KEY),
        fingerprint({"a": 1, "b": ""}, _KEY),
        fingerprint({"a": 1}, _KEY[::-1]),
    ]
    assert len(set(values)) == len(values)


def test_short_key_is_refused() -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        fingerprint({"a": 1}, b"short")
