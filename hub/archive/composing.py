"""From an intent to the files of an archive: statements and manifest signed once, the rest put together again at will.

With the same intent, results and answers the files are the same, byte for byte; only time-stamps come on top.
"""

import base64
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from certificates.archive.keys import keys_file
from certificates.archive.ledger import proofs_file
from certificates.archive.manifest import MANIFEST, SIGNATURE, Manifest, Part, listing
from certificates.archive.package import check_files
from certificates.archive.readme import README_FILE
from certificates.archive.records import RECORDS_FILE
from certificates.archive.status import StatusStatement
from hub.issuing.keys.desk import Certified
from signing.canonical import canonical, sha256, unb64u
from signing.cms import message as cms

CASE_FILE: Final = "case.json"
MATTER_FILE: Final = "matter.json"
NO_SCANS: Final[Mapping[str, bytes]] = MappingProxyType({})
_Parts = dict[str, tuple[Part, bytes]]


def sign(
    intent: Mapping[str, Any],
    bodies: Sequence[bytes],
    *,
    hub: Certified,
    status: Certified,
    log_key: str,
    scans: Mapping[str, bytes] = NO_SCANS,
) -> dict[str, Any]:
    """All signatures of an archive: the results that are stored, and never made a second time.

    Raises: KeyPolicyError: a key of a suite that CMS has not; ArchiveError: too much for one archive.
    """
    statements = [
        _statement(intent, licence).signed(signer=status.signer, header=status.header) for licence in intent["licences"]
    ]
    parts = _parts(intent, statements, bodies, scans)
    check_files({path: content for path, (_, content) in parts.items()})
    manifest = _manifest(intent, parts, log_key)
    signer = hub.about(kind="archive", case_no=intent["case"]["case_no"])
    signature = cms.sign_digest(sha256(manifest), signer=signer, chain=hub.chain)
    return {
        "statements": statements,
        "manifest": manifest.decode(),
        "signature": base64.b64encode(signature).decode(),
    }


def compose(
    intent: Mapping[str, Any],
    results: Mapping[str, Any],
    bodies: Sequence[bytes],
    scans: Mapping[str, bytes] = NO_SCANS,
) -> dict[str, bytes]:
    """The files of an archive, without time-stamps."""
    files = {path: content for path, (_, content) in _parts(intent, results["statements"], bodies, scans).items()}
    files[MANIFEST] = results["manifest"].encode()
    files[SIGNATURE] = base64.b64decode(results["signature"])
    return files


def _parts(
    intent: Mapping[str, Any], statements: Sequence[str], bodies: Sequence[bytes], scans: Mapping[str, bytes]
) -> _Parts:
    parts: _Parts = {
        README_FILE: (Part.README, intent["readme"].encode()),
        CASE_FILE: (Part.CASE, canonical(intent["case"])),
        MATTER_FILE: (Part.MATTER, canonical(intent["matter"])),
        "ledger/checkpoint.txt": (Part.CHECKPOINT, intent["checkpoint"].encode()),
        "ledger/proofs.json": (Part.PROOFS, proofs_file(intent["proofs"])),
        "trust/keys.json": (Part.KEYS, keys_file(intent["keys"])),
        "trust/trust-list.jws": (Part.TRUST_LIST, intent["trust_list"].encode()),
        "trust/anchors.pem": (Part.ANCHORS, _pem(intent["anchors"])),
    }
    for number, body in enumerate(bodies, 1):
        parts[f"evidence/{number:04}.json"] = (Part.EVIDENCE, body)
    for number, (licence, statement) in enumerate(zip(intent["licences"], statements, strict=True), 1):
        parts[f"licences/{number:04}.json"] = (Part.LICENCE, canonical(licence["description"]))
        parts[f"status/{number:04}.jws"] = (Part.STATUS, statement.encode())
    if "records" in intent:  # an intent of an earlier release has none
        parts[RECORDS_FILE] = (Part.RECORDS, canonical(intent["records"]))
        for path, token in intent["tokens"].items():
            parts[path] = (Part.TASK if path.startswith("tasks/") else Part.SEAL, token.encode())
        parts |= {path: (Part.SEAL_STAMP, unb64u(token)) for path, token in intent["stamps"].items()}
        parts |= {path: (Part.SCAN, content) for path, content in scans.items()}
    return parts


def _manifest(intent: Mapping[str, Any], parts: _Parts, log_key: str) -> bytes:
    case = intent["case"]
    return Manifest(
        hub=intent["hub"],
        case_no=case["case_no"],
        closed_at=case["closed_at"],
        closing=intent["closing"],
        log_key=log_key,
        files=listing(parts),
    ).to_bytes()


def _statement(intent: Mapping[str, Any], licence: Mapping[str, Any]) -> StatusStatement:
    case = intent["case"]
    return StatusStatement(
        hub=intent["hub"],
        case_no=case["case_no"],
        identifier=licence["description"]["identifier"],
        disclosed=licence["disclosed"],
        closed_at=case["closed_at"],
        at_close=licence["at_close"],
    )


def _pem(anchors: Sequence[str]) -> bytes:
    roots = [x509.load_der_x509_certificate(base64.b64decode(text)) for text in anchors]
    return b"".join(root.public_bytes(Encoding.PEM) for root in roots)
