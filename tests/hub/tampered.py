"""What is presented in a licence's place: the licence, changed in every way that somebody might try."""

import json
from collections.abc import Callable
from typing import Any

from signing.canonical import b64u, unb64u
from signing.jose import sign_jws
from signing.keys import SoftwareSigner


def flip(token: str, at: int) -> str:
    """Another character of the same alphabet."""
    return token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :]


def parts_of(token: str) -> tuple[list[str], list[str]]:
    jws, *disclosures = token.rstrip("~").split("~")
    return jws.split("."), disclosures


def joined(jws: list[str], disclosures: list[str]) -> str:
    return "~".join([".".join(jws), *disclosures, ""])


def _in_jws(part: int) -> Callable[[str], str]:
    def mutate(token: str) -> str:
        jws, disclosures = parts_of(token)
        jws[part] = flip(jws[part], len(jws[part]) // 2)
        return joined(jws, disclosures)

    return mutate


def _in_disclosure(token: str) -> str:
    jws, disclosures = parts_of(token)
    disclosures[0] = flip(disclosures[0], 40)
    return joined(jws, disclosures)


def _with(*, header: dict[str, Any] | None = None, payload: dict[str, Any] | None = None) -> Callable[[str], str]:
    """Change header or payload without signing again."""

    def mutate(token: str) -> str:
        jws, disclosures = parts_of(token)
        for part, changes in ((0, header), (1, payload)):
            if changes is not None:
                jws[part] = b64u(json.dumps(json.loads(unb64u(jws[part])) | changes).encode())
        return joined(jws, disclosures)

    return mutate


def _disclosed(change: Callable[[list[str]], list[str]]) -> Callable[[str], str]:
    def mutate(token: str) -> str:
        jws, disclosures = parts_of(token)
        return joined(jws, change(disclosures))

    return mutate


def _own_signature(token: str) -> str:
    """The same content under a stranger's key."""
    jws, disclosures = parts_of(token)
    header = {name: value for name, value in json.loads(unb64u(jws[0])).items() if name == "x5c"}
    signed = sign_jws(unb64u(jws[1]), signer=SoftwareSigner.generate(), typ="dc+sd-jwt", header=header)
    return joined(signed.split("."), disclosures)


EXTRA = b64u(json.dumps(["c2FsdHNhbHRzYWx0c2FsdA", "legal_representative", "李冒名"]).encode())
MUTATIONS: dict[str, Callable[[str], str]] = {
    "header_flipped": _in_jws(0),
    "payload_flipped": _in_jws(1),
    "signature_flipped": _in_jws(2),
    "disclosure_flipped": _in_disclosure,
    "disclosure_added": _disclosed(lambda found: [*found, EXTRA]),
    "disclosure_duplicated": _disclosed(lambda found: [*found, found[0]]),
    "last_tilde_removed": lambda token: token.rstrip("~"),
    "tilde_doubled": lambda token: token + "~",
    "tildes_replaced": lambda token: token.replace("~", "."),
    "junk_at_the_end": lambda token: token + "junk",
    "cut": lambda token: token[:200],
    "padded": lambda token: token.replace("~", "=~", 1),
    "own_signature": _own_signature,
    "alg_none": _with(header={"alg": "none"}),
    "typ_of_a_token": _with(header={"typ": "at+jwt"}),
    "crit": _with(header={"crit": ["exp"]}),
    "without_chain": _with(header={"x5c": []}),
    "chain_of_lists": _with(header={"x5c": [[]]}),
    "chain_of_objects": _with(header={"x5c": [{}]}),
    "chain_text": _with(header={"x5c": "MAA="}),
    "chain_of_junk": _with(header={"x5c": ["MAA="]}),
    "chain_of_numbers": _with(header={"x5c": [1]}),
    "identifier_list": _with(payload={"certificate": {"identifier": ["x"]}}),
    "identifier_object": _with(payload={"certificate": {"identifier": {}}}),
    "identifier_number": _with(payload={"certificate": {"identifier": 5}}),
    "certificate_list": _with(payload={"certificate": ["identifier"]}),
    "certificate_text": _with(payload={"certificate": "identifier"}),
    "payload_list": lambda token: token.replace(token.split(".")[1], b64u(b"[]")),
    "issued_far_ahead": _with(payload={"iat": 2**53}),
    "garbage": lambda _: "hello",
    "markup": lambda _: "<script>alert(1)</script>~",
    "not_ascii": lambda _: "证照~",
    "only_tildes": lambda _: "~~~~",
    "only_dots": lambda _: "..~",
    "seventy_thousand": lambda token: token + "A" * 70_000,
    "seventy_thousand_tildes": lambda _: "~" * 70_000,
}
