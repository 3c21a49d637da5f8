"""Seals before judges that share no code with ours: the standard's ASN.1 written a second time, openssl, two libraries
of SM2."""

import re
import subprocess
from pathlib import Path
from typing import ClassVar

import gmalg
import pytest
import tongsuopy.crypto.asymciphers.ec as tongsuo_ec
from asn1crypto import core, x509
from tongsuopy.crypto import hashes as tongsuo_hashes
from tongsuopy.crypto import serialization as tongsuo_serialization

from signing.sm2 import Sm2Key, sm3, to_raw
from tests.signing.chains import NAME
from tests.signing.sealed import DATA, ENDS, LOCATION, MADE, MAKER, MAKER_LEAF, PICTURE, SEAL, SEALED, sign, stamp
from tests.signing.sm2_chains import LEAF, SIGNER, openssl

STAMPED = sign(stamp=stamp)


# GB/T 38540-2020, annex A, type by type.
class Header(core.Sequence):  # type: ignore[misc]
    _fields: ClassVar = [("ID", core.IA5String), ("version", core.Integer), ("Vid", core.IA5String)]


class Certificates(core.SequenceOf):  # type: ignore[misc]
    _child_spec = core.OctetString


class Property(core.Sequence):  # type: ignore[misc]
    _fields: ClassVar = [
        ("type", core.Integer),
        ("name", core.UTF8String),
        ("certListType", core.Integer),
        ("certList", Certificates),
        ("createDate", core.GeneralizedTime),
        ("validStart", core.GeneralizedTime),
        ("validEnd", core.GeneralizedTime),
    ]


class Shown(core.Sequence):  # type: ignore[misc]
    _fields: ClassVar = [
        ("type", core.IA5String),
        ("data", core.OctetString),
        ("width", core.Integer),
        ("height", core.Integer),
    ]


class Extension(core.Sequence):  # type: ignore[misc]
    _fields: ClassVar = [
        ("extnID", core.ObjectIdentifier),
        ("critical", core.Boolean, {"default": False}),
        ("extnValue", core.OctetString),
    ]


class Extensions(core.SequenceOf):  # type: ignore[misc]
    _child_spec = Extension


class SealInfo(core.Sequence):  # type: ignore[misc]
    _fields: ClassVar = [
        ("header", Header),
        ("esID", core.IA5String),
        ("property", Property),
        ("picture", Shown),
        ("extDatas", Extensions, {"explicit": 0, "optional": True}),
    ]


class SESeal(core.Sequence):  # type: ignore[misc]
    _fields: ClassVar = [
        ("eSealInfo", SealInfo),
        ("cert", core.OctetString),
        ("signAlgID", core.ObjectIdentifier),
        ("signedValue", core.OctetBitString),
    ]


class TbsSign(core.Sequence):  # type: ignore[misc]
    _fields: ClassVar = [
        ("version", core.Integer),
        ("eseal", SESeal),
        ("timeInfo", core.GeneralizedTime),
        ("dataHash", core.OctetBitString),
        ("propertyInfo", core.IA5String),
        ("extDatas", Extensions, {"explicit": 0, "optional": True}),
    ]


class SesSignature(core.Sequence):  # type: ignore[misc]
    _fields: ClassVar = [
        ("toSign", TbsSign),
        ("cert", core.OctetString),
        ("signatureAlgID", core.ObjectIdentifier),
        ("signature", core.OctetBitString),
        ("timeStamp", core.OctetBitString, {"explicit": 0, "optional": True}),
    ]


def test_the_published_asn1_reads_what_we_wrote() -> None:
    value = SesSignature.load(STAMPED, strict=True)
    told, seal = value["toSign"], value["toSign"]["eseal"]
    assert value.dump(force=True) == STAMPED
    assert (told["version"].native, told["propertyInfo"].native) == (4, LOCATION)
    assert (told["timeInfo"].native, told["dataHash"].native) == (SEALED, sm3(DATA))
    assert value["signatureAlgID"].dotted == seal["signAlgID"].dotted == "1.2.156.10197.1.501"
    assert (value["cert"].native, seal["cert"].native) == (LEAF, MAKER_LEAF)
    info = seal["eSealInfo"].native
    assert (info["header"]["ID"], info["header"]["version"]) == ("ES", 4)
    assert info["property"] == {
        "type": 1,
        "name": NAME,
        "certListType": 1,
        "certList": [LEAF],
        "createDate": MADE,
        "validStart": MADE,
        "validEnd": ENDS,
    }
    assert info["picture"] == {"type": "PNG", "data": PICTURE.data, "width": 40, "height": 40}
    assert seal.dump() == SEAL
    assert value["timeStamp"].native[:1] == b"\x30"


def test_openssl_reads_the_same_types_in_the_same_order(tmp_path: Path) -> None:
    (tmp_path / "value").write_bytes(sign())
    text = openssl("asn1parse", "-inform", "DER", "-in", tmp_path / "value").decode("utf-8", "replace")
    found = re.findall(r"d=(\d+) .*?(?:cons|prim): ([A-Z0-9 ]+?) *(?::|\n|$|\[)", text)
    seal = "2SEQUENCE 3SEQUENCE 4SEQUENCE 5IA5STRING 5INTEGER 5IA5STRING 4IA5STRING 4SEQUENCE"
    seal += " 5INTEGER 5UTF8STRING 5INTEGER"
    seal += " 5SEQUENCE 6OCTET-STRING 5GENERALIZEDTIME 5GENERALIZEDTIME 5GENERALIZEDTIME 4SEQUENCE 5IA5STRING"
    seal += " 5OCTET-STRING 5INTEGER 5INTEGER 3OCTET-STRING 3OBJECT 3BIT-STRING"
    whole = f"0SEQUENCE 1SEQUENCE 2INTEGER {seal} 2GENERALIZEDTIME 2BIT-STRING 2IA5STRING"
    whole += " 1OCTET-STRING 1OBJECT 1BIT-STRING"
    assert " ".join(depth + kind.replace(" ", "-") for depth, kind in found) == whole


# What is signed, by whose key, and the signature; cut out by the second reader.
_VALUE = SesSignature.load(STAMPED)
_SEAL = _VALUE["toSign"]["eseal"]
SIGNED = {
    "document": (_VALUE["toSign"].dump(), SIGNER.public, _VALUE["signature"].native),
    "seal": (_SEAL["eSealInfo"].dump(), MAKER.public, _SEAL["signedValue"].native),
}


@pytest.mark.parametrize("what", SIGNED)
def test_openssl_accepts_the_signature(what: str, tmp_path: Path) -> None:
    message, key, signature = SIGNED[what]
    for name, content in (("message", message), ("key", key.to_pem()), ("signature", signature)):
        (tmp_path / name).write_bytes(content)
    command = ["openssl", "dgst", "-sm3", "-verify", tmp_path / "key", "-sigopt", "distid:1234567812345678"]
    command += ["-signature", tmp_path / "signature", tmp_path / "message"]
    assert subprocess.run(command, capture_output=True, check=True).stdout == b"Verified OK\n"


@pytest.mark.parametrize("what", SIGNED)
def test_two_other_libraries_accept_it(what: str) -> None:
    message, key, signature = SIGNED[what]
    public = tongsuo_serialization.load_pem_public_key(key.to_pem())
    public.verify(signature, message, tongsuo_ec.ECDSA(tongsuo_hashes.SM3()))
    raw = to_raw(signature)
    judge = gmalg.SM2(uid=b"1234567812345678", pk=b"\x04" + key.point)
    assert judge.verify(message, raw[:32], raw[32:])


def test_the_keys_are_those_of_the_certificates() -> None:
    for certificate, key in ((LEAF, SIGNER.public), (MAKER_LEAF, MAKER.public)):
        point = x509.Certificate.load(certificate).public_key["public_key"].native
        assert Sm2Key.from_point(point) == key
