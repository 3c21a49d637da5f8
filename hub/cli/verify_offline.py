"""`yizheng verify --offline`: the same steps by a trust pack, without the hub."""

import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from hub.cli.common import Exit, fail
from hub.cli.verify_told import ASK_PROOF

if TYPE_CHECKING:
    from certificates.verifying.known import Known
    from certificates.verifying.pack import TrustPack
    from certificates.verifying.papers import Paper
    from certificates.verifying.verdict import Verdict
    from hub.verification.asking import Question


def judged_offline(
    data: bytes, pack_file: Path, question: "Question", remember: Path | None
) -> "tuple[Verdict, TrustPack]":
    """The verdict, and the pack it rests on; `remember` keeps how new each list was seen. What cannot be read ends the
    command.
    """
    from certificates.errors import TrustPackError
    from certificates.verifying.pack import TrustPack
    from certificates.verifying.pack_status import PackStatuses
    from certificates.verifying.papers_reading import is_picture, read_paper
    from certificates.verifying.procedure import verify_paper
    from hub.clock import utc_now

    now = utc_now()
    if is_picture(data):
        data = _pictured(data)
    try:
        pack = TrustPack.read(pack_file.read_bytes(), now=now)
    except OSError as error:
        fail(f"{pack_file}: {error.strerror}", "name a file from `yizheng export-trust`", Exit.USAGE)
    except TrustPackError as error:
        fail(str(error), "get a fresh pack with `yizheng export-trust`", Exit.USAGE)
    statuses = PackStatuses(pack, now=now, seen=_remembered(remember))
    paper = read_paper(data)
    verdict = verify_paper(
        paper,
        known=None if question.proof is None else _proven(question.proof.strip(), paper, pack, now),
        trust=pack.policy,
        statuses=statuses,
        audience=question.audience,
        now=now,
        rules=question.rules,
        as_of=question.as_of,
    )
    if remember is not None:
        times = {uri: at.isoformat() for uri, at in statuses.newest().items()}
        remember.write_text(json.dumps(times, indent=1) + "\n", encoding="utf-8")
    return verdict, pack


def _pictured(data: bytes) -> bytes:
    """The offline code in a photo of a page."""
    from certificates.offline_code import PREFIX
    from certificates.verifying.papers_reading import read_paper
    from hub.verification.pictures import PictureError, read_codes

    try:
        found = read_codes(data, beginning=PREFIX)
    except PictureError as error:
        fail(f"nothing to verify in it: {error.reason}", "give the file itself, or a sharper photo", Exit.USAGE)
    if not found:
        fail("there is no offline code in it", "go closer; the other QR code of a page is for the hub", Exit.USAGE)
    if len({read_paper(text.encode()).presented() for text in found}) > 1:
        fail("it has offline codes of several pages", "photograph one page at a time", Exit.USAGE)
    return found[0].encode()


def _proven(proof: bytes, paper: "Paper", pack: "TrustPack", now: datetime) -> "Known":
    from certificates.errors import ProofRefusedError
    from certificates.verifying.proof import read_proof

    try:
        return read_proof(proof, trust=pack.policy, now=now).known_of(paper)
    except ProofRefusedError as error:
        fail(str(error), ASK_PROOF, Exit.USAGE)


def _remembered(file: Path | None) -> dict[str, datetime]:
    if file is None or not file.exists():
        return {}
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        return {str(uri): datetime.fromisoformat(at) for uri, at in found.items()}
    except (OSError, ValueError, AttributeError, TypeError):
        # To begin anew unasked would let an old list in.
        fail(f"{file} cannot be read", "put it right, or remove it to begin anew", Exit.USAGE)
