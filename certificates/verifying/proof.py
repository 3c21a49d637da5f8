"""A proof that ships with a licence: since when the hub's ledger knows it, and what a verifier without the hub lacks.

The hub signs which licence it is of (digest of its signed part), its dates, its status entry and the binding of its
pages; the ledger's signed checkpoint and the path to it prove the entry's time. A time-stamp of an authority outside
may stand beside them. With it a licence verifies offline after its signer's certificate has ended, and so does a page.

Not checked: that the entry's content is this licence; the hub's signature says so, and an auditor can open the entry.
"""

from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from certificates.errors import ProofRefusedError
from certificates.verifying.known import Known
from certificates.verifying.papers import Paper, SdJwtPaper
from certificates.verifying.trust import TrustPolicy
from signing.canonical import b64u, canonical, sha256, strict_loads, unb64u
from signing.errors import SigningError
from signing.jose import read_header, sign_jws, take_apart, verify_jws
from signing.keys import Signer
from signing.log.checkpoint import Checkpoint, NoteVerifier
from signing.log.merkle import leaf_hash, verify_inclusion
from signing.tsp.tokens import verify_token

PROOF_TYPE: Final = "certificate-proof+jwt"
MAX_PROOF_BYTES: Final = 131_072


@dataclass(frozen=True, slots=True)
class Inclusion:
    """A ledger entry under a signed checkpoint. `time` is RFC 3339 as the leaf has it; `commitment` its base64url."""

    entry: str
    time: str
    commitment: str
    index: int
    size: int
    path: tuple[str, ...]
    checkpoint: str

    def leaf(self) -> bytes:
        """The bytes that the tree hashes."""
        return canonical({"commitment": self.commitment, "id": self.entry, "time": self.time})


@dataclass(frozen=True, slots=True)
class Proof:
    """What a proof that was checked says. `signed`: SHA-256 of the licence's signed part."""

    identifier: str
    signed: bytes = field(repr=False)
    known: Known

    def known_of(self, paper: Paper) -> Known:
        """What it says of a paper. Raises: ProofRefusedError ("other_licence")."""
        if paper.presented() != self.identifier:
            raise ProofRefusedError("other_licence")
        if isinstance(paper, SdJwtPaper) and signed_digest(paper.token) == self.signed:
            return self.known
        # The time is the licence's: of a page, or of another text, it proves nothing.
        return Known(self.known.described, self.known.binding, self.known.status)


def signed_digest(token: bytes) -> bytes:
    """SHA-256 of what does not change with the claims that are shown: the signed part of an SD-JWT."""
    return sha256(token.partition(b"~")[0])


def sign_proof(
    *,
    identifier: str,
    token: bytes,
    known: Known,
    inclusion: Inclusion,
    stamp: bytes | None,
    hub_uri: str,
    now: datetime,
    signer: Signer,
    header: Mapping[str, Any],
) -> str:
    """Write a proof.

    Args:
        known: dates, binding and status entry; its `proven_at` is the inclusion's to say.
        stamp: time-stamp token over `signed_digest(token)`.
    """
    content = {
        "iss": hub_uri,
        "sub": identifier,
        "iat": int(now.timestamp()),
        "signed": b64u(signed_digest(token)),
        "certificate": dict(known.described),
        "binding": known.binding,
        "status": None if known.status is None else dict(known.status),
        "ledger": {
            "entry": inclusion.entry,
            "time": inclusion.time,
            "commitment": inclusion.commitment,
            "index": inclusion.index,
            "size": inclusion.size,
            "path": list(inclusion.path),
            "checkpoint": inclusion.checkpoint,
        },
        "stamp": None if stamp is None else b64encode(stamp).decode(),
    }
    return sign_jws(content, signer=signer, typ=PROOF_TYPE, header=header)


def read_proof(data: bytes, *, trust: TrustPolicy, now: datetime) -> Proof:
    """Check a proof: signed by the trusted hub, its entry in the hub's ledger, its stamp of a trusted authority.

    Raises: ProofRefusedError; `reason` is of SigningError, or "not_the_hubs", "content", "no_ledger_key".
    """
    token = data.strip()
    try:
        leaf = trust.leaf(read_header(token, max_bytes=MAX_PROOF_BYTES), now=now)
        verified = verify_jws(token, key=leaf.public, typ=PROOF_TYPE, max_bytes=MAX_PROOF_BYTES)
        content = strict_loads(verified.payload, max_bytes=MAX_PROOF_BYTES)
        if "hub" not in leaf.roles or content["iss"] != trust.hub_uri:
            raise ProofRefusedError("not_the_hubs")
        signed = unb64u(content["signed"])
        times = [_included(content["ledger"], trust)]
        if content["stamp"] is not None:
            token = b64decode(content["stamp"], validate=True)
            times.append(verify_token(token, digest=signed, anchors=trust.stamp_roots(), now=now).time)
        known = Known(
            dict(content["certificate"]),
            content["binding"],
            content["status"],
            proven_at=min(times),
        )
        return Proof(str(content["sub"]), signed, known)
    except SigningError as error:
        raise ProofRefusedError(error.reason) from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ProofRefusedError("content") from error


def checkpoint_in(data: bytes) -> str:
    """The checkpoint with all its signature lines, of a proof that `read_proof` has checked: nothing is checked here.

    Raises: ProofRefusedError.
    """
    try:
        content = strict_loads(take_apart(data.strip(), max_bytes=MAX_PROOF_BYTES).payload, max_bytes=MAX_PROOF_BYTES)
        return str(content["ledger"]["checkpoint"])
    except SigningError as error:
        raise ProofRefusedError(error.reason) from error
    except (KeyError, TypeError) as error:
        raise ProofRefusedError("content") from error


def _included(told: Mapping[str, Any], trust: TrustPolicy) -> datetime:
    if not trust.log:
        raise ProofRefusedError("no_ledger_key")
    path: Sequence[str] = told["path"]
    inclusion = Inclusion(
        told["entry"], told["time"], told["commitment"], told["index"], told["size"], tuple(path), told["checkpoint"]
    )
    checkpoint = Checkpoint.parse(inclusion.checkpoint, verifier=NoteVerifier.from_text(trust.log))
    if checkpoint.size != inclusion.size:
        raise ProofRefusedError("content")
    hashes = [unb64u(item) for item in inclusion.path]
    leaf = leaf_hash(inclusion.leaf())
    verify_inclusion(leaf, index=inclusion.index, size=checkpoint.size, proof=hashes, root=checkpoint.root)
    return datetime.fromisoformat(inclusion.time).astimezone(UTC)
