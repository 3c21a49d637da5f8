"""What the department's signer looks at before anybody is asked to approve: the object itself, not what is said of it.

A hub that says one thing and has another signed is refused: the summary that people read must be what the message says.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from certificates.offline_code import PREFIX
from certificates.profile import VCT_PREFIX
from certificates.verifying.papers import METADATA_TYPE
from hub.storage.keystore.remote import MAX_DISCLOSURES, MAX_MESSAGE_BYTES
from signing.canonical import b64u, sha256, strict_loads, unb64u
from signing.cms.der import INTEGER, SEQUENCE, SET, Node, children, integer, read
from signing.disclosures import reveal
from signing.errors import SigningError
from signing.sd_jwt import SD_JWT_TYP

LICENCE: Final = "licence"
REQUEST: Final = "certificate-request"
RENDITION: Final = "rendition"
SEAL: Final = "seal"
KINDS: Final = (LICENCE, REQUEST, RENDITION, SEAL, "other")
"""Of all but the first only the summary can be read; they are refused unless the department allows them by name. What
they are is looked at all the same: a licence that goes by another kind would pass by the types.
"""
WITHHELD: Final = "…"
"""Beside the claims: how many more the message commits to, which did not come along."""
_OF_THE_FORMAT: Final = frozenset({"iss", "iat", "exp", "vct", "status", "cnf"})
_LONGEST: Final = 200
_IA5_STRING: Final = 0x16


class RefusedError(Exception):
    """Not to be signed, whoever approves. `code`: kid, digest, kind, type, summary, claims, malformed."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Policy:
    """What the department told its signer: its key, the types it issues, other kinds of objects it allows."""

    kid: str
    types: frozenset[str]
    kinds: frozenset[str] = frozenset({LICENCE})


@dataclass(frozen=True, slots=True)
class Judged:
    """An object that may be signed once it is approved."""

    id: str
    message: bytes
    digest: str
    kind: str
    type_code: str
    identifier: str
    number: int
    claims: str = field(default="", repr=False)
    """Of a licence: what it says, JSON. Read from the message; disclosures that it does not commit to are refused."""

    @property
    def key(self) -> tuple[str, str]:
        """By what it is found again."""
        return self.id, self.digest


def judge(asked: Mapping[str, Any], policy: Policy) -> Judged:
    """Read one object of a question. Raises: RefusedError."""
    try:
        message, summary = unb64u(_text(asked["message"], 2 * MAX_MESSAGE_BYTES)), dict(asked["summary"])
        name, kind = _text(asked["id"]), _text(summary["kind"])
        number = summary.get("number", 1)
        type_code, identifier = _text(summary.get("type", "")), _text(summary.get("identifier", ""))
    except (KeyError, TypeError, ValueError, SigningError):
        raise RefusedError("malformed") from None
    if len(message) > MAX_MESSAGE_BYTES or type(number) is not int or not name.isascii():
        raise RefusedError("malformed")
    if asked.get("kid") != policy.kid:
        raise RefusedError("kid")
    if asked.get("digest") != (digest := b64u(sha256(message))):
        raise RefusedError("digest")
    if kind not in policy.kinds:
        raise RefusedError("kind")
    claims = ""
    if kind == LICENCE:
        claims = _claims(_licence(message, type_code, identifier, policy), asked.get("disclosures", []))
    elif not _is(kind, message):
        raise RefusedError("summary")
    elif _typ(message) == METADATA_TYPE:
        _check_metadata(message, policy)
    return Judged(name, message, digest, kind, type_code, identifier, number, claims)


def _licence(message: bytes, type_code: str, identifier: str, policy: Policy) -> dict[str, Any]:
    if type_code not in policy.types:
        raise RefusedError("type")
    try:
        header, payload = (strict_loads(unb64u(part), max_bytes=MAX_MESSAGE_BYTES) for part in message.split(b"."))
        said = payload["vct"], payload["certificate"]["identifier"], header["typ"]
    except (KeyError, TypeError, ValueError, SigningError):
        raise RefusedError("malformed") from None
    if said != (VCT_PREFIX + type_code, identifier, SD_JWT_TYP):
        raise RefusedError("summary")
    return dict(payload)


def _check_metadata(message: bytes, policy: Policy) -> None:
    """Signed metadata passes for its licence wherever a file does: of the department's types alone."""
    try:
        payload = strict_loads(unb64u(message.split(b".")[1]), max_bytes=MAX_MESSAGE_BYTES)
        type_code = payload["metadata"]["certificate_type_name_code"]
    except (KeyError, IndexError, TypeError, ValueError, SigningError):
        raise RefusedError("malformed") from None
    if type_code not in policy.types:
        raise RefusedError("type")


def _claims(payload: dict[str, Any], disclosures: object) -> str:
    """What people read before they approve: everything that the licence says, and how much of it did not come along."""
    try:
        if not isinstance(disclosures, list) or sum(map(len, disclosures)) > MAX_DISCLOSURES:
            raise RefusedError("claims")
        said = reveal(payload, disclosures)
        withheld = len(payload.get("_sd", [])) - len(disclosures)
    except (SigningError, TypeError, AttributeError):
        raise RefusedError("claims") from None
    shown = {name: value for name, value in said.items() if name not in _OF_THE_FORMAT}
    return json.dumps(shown | ({WITHHELD: withheld} if withheld else {}), ensure_ascii=False)


def _is(kind: str, message: bytes) -> bool:
    """Whether the message can be of a kind that is not read further, and can be nothing else."""
    first, *_ = parts = _elements(message)
    if kind == REQUEST:  # CertificationRequestInfo: version 0, subject, key, attributes (RFC 2986 §4.1)
        return first.tag == SEQUENCE and [part.tag for part in parts[1:]] == [INTEGER, SEQUENCE, SEQUENCE, 0xA0]
    if kind == RENDITION:  # the attributes of a CMS signature; or a seal put on a document (GB/T 38540 §7: version 4)
        return first.tag == SET or (first.tag == SEQUENCE and parts[1:2] == [read(integer(4))])
    if kind == SEAL:  # SES_SealInfo: its header first
        return first.tag == SEQUENCE and [part.tag for part in parts[1:]] == [SEQUENCE, _IA5_STRING, SEQUENCE, SEQUENCE]
    # The offline code of a page is a licence too, and none is made under a department's own key.
    stated = _typ(message) == SD_JWT_TYP or message.startswith(PREFIX.encode())
    return first.tag not in {SET, SEQUENCE} and not stated


def _elements(message: bytes) -> list[Node]:
    """The element in DER that a message is, and those in it; one that is none in DER for anything else."""
    try:
        node = read(message)
        return [node, *children(node)]
    except SigningError:
        return [Node(0, b"", b"")]


def _typ(message: bytes) -> object:
    """The kind of token that a message says it is the beginning of."""
    try:
        header = strict_loads(unb64u(message.partition(b".")[0]), max_bytes=MAX_MESSAGE_BYTES)
    except SigningError:
        return None
    return header.get("typ") if isinstance(header, dict) else None


def _text(value: Any, longest: int = _LONGEST) -> str:
    if not isinstance(value, str) or len(value) > longest or not value.isprintable():
        raise ValueError("text")
    return value
