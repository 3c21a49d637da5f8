"""A posted file with fields beside it, all in memory, each counted."""

from collections.abc import Collection
from dataclasses import dataclass, field

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from hub.edge.errors import BadRequestError, BodyTooLargeError, Fault
from hub.edge.form import CONTROLS, once


@dataclass(frozen=True, slots=True)
class Multipart:
    """Fields, each given once, and files by the name of their field. What a file is called is not kept."""

    fields: dict[str, str] = field(repr=False)
    files: dict[str, bytes] = field(repr=False)


def is_multipart(request: Request) -> bool:
    """Whether the body says that it is one."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() == "multipart/form-data"


async def read_multipart(
    request: Request, *, max_bytes: int, max_fields: int = 20, several: Collection[str] = ()
) -> Multipart:
    """The form; empty files are none. The body counts against the guard's limit for the route as well.

    Args:
        several: fields that may be given more than once, as for `read_form`.
    Raises: BadRequestError; BodyTooLargeError.
    """
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > max_bytes:
        raise BodyTooLargeError
    parser = MultiPartParser(request.headers, request.stream(), max_files=2, max_fields=max_fields)
    parser.spool_max_size = max_bytes  # what people present is not put on a disk
    try:
        parsed = await parser.parse()
    except (MultiPartException, KeyError) as error:
        raise BadRequestError(Fault("", "form")) from error
    except ClientDisconnect as error:
        raise BadRequestError(Fault("", "incomplete_body")) from error
    texts: list[tuple[str, str]] = []
    files: dict[str, bytes] = {}
    for name, value in parsed.multi_items():
        if isinstance(value, UploadFile):
            content = await value.read()
            if content:
                files[name] = content
            continue
        texts.append((name, value))
    await parsed.close()
    if any(CONTROLS.search(text) for pair in texts for text in pair):
        raise BadRequestError(Fault("", "character"))
    return Multipart(once(texts, several=several), files)
