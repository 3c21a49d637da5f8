"""One way in for whatever is presented: text, page, metadata, photo of a QR code, control code."""

import asyncio
import re
from functools import partial
from typing import Final
from urllib.parse import parse_qs, urlsplit

from certificates.control_code import read_control_code
from certificates.errors import ProofRefusedError
from certificates.offline_code import PREFIX
from certificates.verifying.papers_files import MAX_FILE_BYTES
from certificates.verifying.papers_reading import is_picture, read_paper
from certificates.verifying.proof import MAX_PROOF_BYTES
from certificates.verifying.verdict import Verdict
from hub.verification.asking import Question
from hub.verification.by_code import ControlCodes
from hub.verification.pictures import PictureError, read_codes
from hub.verification.service import VerificationService

MAX_UPLOAD_BYTES: Final = MAX_FILE_BYTES + MAX_PROOF_BYTES + 65_536
"""The file, a proof beside it, and the form around them."""
_SAYS_NOTHING: Final = frozenset({"control_code", "licence_unreadable"})
"""What a control code may come to while the offline code beside it still says something."""
_CODE: Final = re.compile(r"[0-9A-Za-z -]{20,64}")


class UnreadableError(Exception):
    """No verdict can be given: `reason` is "picture", "picture_too_large", "no_code_in_picture",
    "several_pages", "file_too_large" or "proof".
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class PresentationDesk:
    """Takes what anybody presents."""

    def __init__(self, verification: VerificationService, codes: ControlCodes) -> None:
        self._verification = verification
        self._codes = codes

    async def present(self, data: bytes, question: Question) -> Verdict:
        """The verdict on these bytes, whichever they are; told apart by content, never by name.

        Raises: UnreadableError for a picture in which nothing can be read, for what is too large, and for a proof that
            is of something else.
        """
        if len(data) > MAX_FILE_BYTES:
            raise UnreadableError("file_too_large")
        if is_picture(data):
            return await self._pictured(data, question)
        return await self._judge(data, question)

    async def _judge(self, data: bytes, question: Question) -> Verdict:
        code = control_code_in(data)
        if code is not None:
            return await self.judge_code(None, code, question)
        try:
            return await self._verification.judge(
                read_paper(data),
                data,
                audience=question.audience,
                rules=question.rules,
                as_of=question.as_of,
                proof=question.proof,
            )
        except ProofRefusedError as error:
            raise UnreadableError("proof") from error

    async def judge_code(self, identifier: str | None, code: str, question: Question) -> Verdict:
        """The verdict on the page that carries this control code, by the licence that the hub holds; with an
        identifier, both must fit.

        Not checked: what the page says.
        """
        now = self._verification.clock()
        found = await self._codes.find(identifier, code, now=now, as_of=question.as_of)
        return await self._verification.judge_known(
            found.paper,
            found.looked,
            now=now,
            size=0 if found.paper.token is None else len(found.paper.token),
            audience=question.audience,
            rules=question.rules,
            as_of=question.as_of,
        )

    async def judge_text(self, text: str, question: Question) -> Verdict:
        """The verdict on a pasted text: a licence, a purpose copy, signed metadata."""
        data = text.strip().encode()
        paper = read_paper(data)
        return await self._verification.judge(
            paper, data, audience=question.audience, rules=question.rules, as_of=question.as_of
        )

    async def _pictured(self, picture: bytes, question: Question) -> Verdict:
        """Of several codes the control code, since the hub knows more than stands on a page; of another hub's page the
        offline code, which takes a closer look to find.

        Codes that name two licences get no verdict: whoever reads it would take it for the one in his hand.
        """
        found = await _codes_in(picture)
        if not found:
            raise UnreadableError("no_code_in_picture")
        ours = [text for text in found if control_code_in(text.encode())]
        offline = [text for text in found if text.startswith(PREFIX)]
        named = {read_paper(text.encode()).presented() for text in offline} - {None}
        if len({control_code_in(text.encode()) for text in ours}) > 1 or len(named) > 1:
            raise UnreadableError("several_pages")
        verdict = await self._judge([*ours, *offline, *found][0].encode(), question)
        if verdict.reason not in _SAYS_NOTHING:
            if verdict.certificate is not None and not named <= {verdict.certificate.get("identifier")}:
                raise UnreadableError("several_pages")
            return verdict
        closer = offline or await _codes_in(picture, beginning=PREFIX)
        return await self._judge(closer[0].encode(), question) if closer else verdict


async def _codes_in(picture: bytes, *, beginning: str = "") -> list[str]:
    try:
        return await asyncio.to_thread(partial(read_codes, picture, beginning=beginning))
    except PictureError as error:
        raise UnreadableError(error.reason) from error


def control_code_in(data: bytes) -> str | None:
    """The control code that this text is, or that a link of a page holds behind its `#c=`."""
    if len(data) > 512:
        return None
    text = data.decode("utf-8", "replace").strip()
    if text.startswith(("https://", "http://")):
        try:
            text = parse_qs(urlsplit(text).fragment).get("c", [""])[0]
        except ValueError:  # no address: `http://[`
            return None
    return read_control_code(text) if _CODE.fullmatch(text) else None
