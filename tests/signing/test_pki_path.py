"""A path from a leaf to an anchor: those that hold, and every way one must not."""

import subprocess
from datetime import timedelta
from pathlib import Path
from shutil import which

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from signing.x509.pki import (
    chain_from_header,
    fingerprint,
    issue_leaf,
    new_root,
    validate_chain,
    x5c,
)
from tests.judges.absence import missing
from tests.signing.chains import LEAF, NAME, NOW, ROOT, SIGNER, URI, USCC, Recipe, intermediate, reason


def test_chain_travels_through_the_header() -> None:
    assert chain_from_header({"x5c": x5c([LEAF, ROOT.certificate])}) == [LEAF, ROOT.certificate]


def test_openssl_accepts_the_chain_and_prints_the_same_fingerprint(tmp_path: Path) -> None:
    if which("openssl") is None:
        missing("openssl")
    for name, der in (("root", ROOT.certificate), ("leaf", LEAF)):
        (tmp_path / name).write_bytes(x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM))
    instant = str(int(NOW.timestamp()) + 1)
    verified = subprocess.run(
        ["openssl", "verify", "-x509_strict", "-attime", instant, "-CAfile", tmp_path / "root", tmp_path / "leaf"],
        capture_output=True,
        check=False,
    )
    assert verified.returncode == 0, verified.stderr
    printed = subprocess.run(
        ["openssl", "x509", "-in", tmp_path / "leaf", "-noout", "-fingerprint", "-sha256"],
        capture_output=True,
        check=True,
        text=True,
    )
    assert printed.stdout.strip().endswith(fingerprint(LEAF))


def test_good_leaf_of_another_authority_is_accepted() -> None:
    assert validate_chain([Recipe().make()], anchors=[ROOT.certificate], now=NOW).uris == (URI,)


def test_chain_over_three_intermediates_is_accepted() -> None:
    one = intermediate(ROOT, "One")
    two = intermediate(one, "Two")
    three = intermediate(two, "Three")
    chain = [Recipe().make(three), three.certificate, two.certificate, one.certificate]
    assert validate_chain(chain, anchors=[ROOT.certificate], now=NOW).organization_id == USCC


def test_chain_longer_than_four_is_refused() -> None:
    authorities = [ROOT]
    for name in ("One", "Two", "Three", "Four"):
        authorities.append(intermediate(authorities[-1], name))
    chain = [Recipe().make(authorities[-1]), *(ca.certificate for ca in reversed(authorities[1:]))]
    assert reason(chain) == "too_long"
    assert reason([]) == "empty"


def test_leaf_never_outlives_its_root() -> None:
    root = new_root("Root", now=NOW, years=1)
    der = issue_leaf(
        root, public=SIGNER.public, organization=NAME, organization_id=USCC, role="hub", uri=URI, now=NOW, days=4000
    )
    assert validate_chain([der], anchors=[root.certificate], now=NOW).not_after == NOW + timedelta(days=365)


def test_certificates_in_another_order_are_refused() -> None:
    one = intermediate(ROOT, "One")
    two = intermediate(one, "Two")
    assert reason([Recipe().make(two), one.certificate, two.certificate]) == "unused_certificate"


def test_negative_serial_number_is_refused() -> None:
    at = LEAF.index(b"\xa0\x03\x02\x01\x02") + 7  # the version, then tag and length of the serial number
    assert reason([LEAF[:at] + b"\xff" + LEAF[at + 1 :]]) in {"certificate", "path"}


@given(st.binary())
def test_garbage_is_refused(data: bytes) -> None:
    assert reason([data]) == "certificate"
    assert reason([LEAF, data]) == "certificate"
    assert reason([LEAF + data + b"\0"]) == "certificate"


def test_naive_now_is_a_value_error() -> None:
    naive = NOW.replace(tzinfo=None)
    with pytest.raises(ValueError):
        validate_chain([LEAF], anchors=[ROOT.certificate], now=naive)
    with pytest.raises(ValueError):
        new_root("Root", now=naive)
