"""Reading a licence that comes from another authority 转入, for whoever takes it over: a page, a call, a command."""

import base64
import binascii
from typing import Final

from certificates.errors import ActError
from certificates.verifying.papers_reading import is_picture
from hub.issuing.transitions.arriving import DOCUMENT, Arrival, arrival_of
from hub.issuing.types.registry import TypeRegistry
from hub.storage.errors import MissingError
from hub.storage.vault import Vault
from hub.threads import off_loop
from hub.verification.asking import Question
from hub.verification.presenting import PresentationDesk, UnreadableError

_TOKEN: Final = b"eyJ"
"""What a token begins with; files are taken byte by byte."""


async def read_arrival(
    desk: PresentationDesk, vault: Vault, types: TypeRegistry, type_code: str, document: bytes
) -> Arrival:
    """The licence in this document, verified by our own trust list or that of an accepted hub.

    Taken are SD-JWT, signed metadata, PDF and OFD. Raises: ActError ("origin/document", why not); MissingError for
    the type.
    """
    issued = types.find(type_code)
    if issued is None:
        raise MissingError("type")
    if is_picture(document):
        raise ActError(DOCUMENT, "code_only")
    document = document.strip() if document.lstrip().startswith(_TOKEN) else document
    try:
        verdict = await desk.present(document, Question())
    except UnreadableError as error:
        raise ActError(DOCUMENT, error.reason) from None
    return await off_loop(len(document), lambda: arrival_of(verdict, document, issued.type, vault))


def document_in(text: str) -> bytes:
    """A document as JSON carries it: an SD-JWT as it is, every other file in base64. Raises: ActError."""
    if "~" in text:
        return text.strip().encode()
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise ActError(DOCUMENT, "base64") from None
