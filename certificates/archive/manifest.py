"""The manifest of an archive: every file with its role and its checksums, in canonical JSON, signed as it stands.

The signature is a detached CMS beside it, under the hub's own key, so that `openssl cms -verify` can tell without us.

Wire format: `yizheng-archive/1`. Members and roles are only ever added.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from itertools import permutations
from typing import Any, Final, Self

from certificates.errors import ArchiveError
from signing.canonical import canonical, sha256, strict_loads
from signing.cms import message as cms
from signing.cms.check import DOCUMENT_ATTRIBUTES, read_signed
from signing.cms.der import SEQUENCE, read
from signing.errors import ChainError, MalformedError, SigningError, SuiteUnavailableError
from signing.sm2 import sm3
from signing.x509.leaf import MAX_CHAIN, Leaf
from signing.x509.pki import validate_chain

FORMAT: Final = "yizheng-archive/1"
MANIFEST: Final = "manifest.json"
SIGNATURE: Final = "manifest.p7s"
STAMPS: Final = "stamps/"
MAX_MANIFEST_BYTES: Final = 8 * 1024 * 1024


class Part(StrEnum):
    """What a file of an archive is."""

    README = "readme"
    CASE = "case"
    MATTER = "matter"
    EVIDENCE = "evidence"
    LICENCE = "licence"
    STATUS = "status"
    PROOFS = "proofs"
    CHECKPOINT = "checkpoint"
    TRUST_LIST = "trust_list"
    KEYS = "keys"
    ANCHORS = "anchors"
    RECORDS = "records"
    TASK = "task"
    SEAL = "seal"
    SEAL_STAMP = "seal_stamp"
    SCAN = "scan"


@dataclass(frozen=True, slots=True)
class Listed:
    """A file as the manifest has it. `sm3` is None where the machine that made the archive has no SM3."""

    path: str
    part: Part
    size: int
    sha256: str
    sm3: str | None

    @classmethod
    def of(cls, path: str, part: Part, content: bytes) -> Self:
        """A file with its checksums."""
        return cls(path, part, len(content), sha256(content).hex(), sm3_of(content))


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an archive says it is.

    Attributes:
        hub: URI of the hub that made it.
        closed_at: instant, RFC 3339; `closing` is the ledger entry of the closing.
        log_key: the ledger's public key (C2SP signed-note), which the signature over the manifest vouches for.
        files: in order of path; neither the manifest, nor its signature, nor time-stamps are among them.
    """

    hub: str
    case_no: str
    closed_at: str
    closing: str
    log_key: str
    files: tuple[Listed, ...]

    def to_bytes(self) -> bytes:
        """Canonical JSON."""
        return canonical({"format": FORMAT, **asdict(self), "files": [asdict(item) for item in self.files]})

    @classmethod
    def read(cls, data: bytes) -> Self:
        """Read a manifest strictly: the one spelling that `to_bytes` has. Raises: ArchiveError ("manifest")."""
        try:
            content: dict[str, Any] = strict_loads(data, max_bytes=MAX_MANIFEST_BYTES)
            if content.pop("format") != FORMAT:
                raise ArchiveError("format", MANIFEST)
            files = tuple(Listed(**item | {"part": Part(item["part"])}) for item in content.pop("files"))
            found = cls(**content, files=files)
        except (SigningError, KeyError, TypeError, ValueError, AttributeError) as error:
            raise ArchiveError("manifest", MANIFEST) from error
        paths = [item.path for item in files]
        if paths != sorted(set(paths)) or found.to_bytes() != data:
            raise ArchiveError("manifest", MANIFEST)
        if any(not isinstance(value, str) for name, value in asdict(found).items() if name != "files"):
            raise ArchiveError("manifest", MANIFEST)
        return found

    def of(self, part: Part) -> list[Listed]:
        """Its files of one kind, in order of path."""
        return [item for item in self.files if item.part is part]


def sm3_of(content: bytes) -> str | None:
    """The SM3 in hex; None where this machine cannot compute it."""
    try:
        return sm3(content).hex()
    except SuiteUnavailableError:
        return None


def listing(files: Mapping[str, tuple[Part, bytes]]) -> tuple[Listed, ...]:
    """The files of a manifest, from their contents."""
    return tuple(Listed.of(path, part, content) for path, (part, content) in sorted(files.items()))


def manifest_signer(manifest: bytes, signature: bytes, *, anchors: tuple[bytes, ...], now: datetime) -> Leaf:
    """Who signed a manifest: a hub, whose certificate was in force at `now`.

    Raises: SigningError; ClaimError is never among them. ChainError ("role") for a key that is no hub's.
    """
    info = read(signature, tag=SEQUENCE)
    signed = read_signed(info, content_type=cms.ID_DATA, allowed=DOCUMENT_ATTRIBUTES)
    if signed.content is not None or signed.hash_name != "sha256":
        raise MalformedError("cms_content")
    signed.check(sha256(manifest))
    leaf = _path(signed.chain, anchors, now)
    if "hub" not in leaf.roles:
        raise ChainError("role")
    return leaf


def _path(chain: tuple[bytes, ...], anchors: tuple[bytes, ...], now: datetime) -> Leaf:
    """In CMS the certificates above the leaf stand in the order of their bytes, not of the path."""
    if len(chain) > MAX_CHAIN:
        raise ChainError("too_long")
    refused: ChainError | None = None
    for others in permutations(chain[1:]):
        try:
            return validate_chain([chain[0], *others], anchors=anchors, now=now)
        except ChainError as error:
            refused = error
    raise refused or ChainError("empty")
