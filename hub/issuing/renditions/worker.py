"""The process in which faces are set: it opens no file, reaches no network and has little memory.

A designer's template is a program. It may loop (the other side kills this process), fill memory (the limit ends it),
ask for a package of the network or a file (there is no descriptor left to open one with).

Frames: four bytes of length, then JSON. One question, one answer, in turn.
"""

import json
import os
import resource
import sys
from base64 import b64encode
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, Final

from certificates.errors import RenderingError, TemplateError
from certificates.rendering.typesetting import Typesetter

MEMORY_BYTES: Final = 1024 * 1024 * 1024
"""Of address space, beyond what the process has when it is ready."""
_BROKEN: Final = "#unknown-word"


def main() -> None:
    """Serve until the other side closes. The argument is the hub's own folder of fonts, if it has one."""
    asked, answers = os.fdopen(0, "rb", buffering=0), os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # what a library prints is no frame
    setter = Typesetter(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
    with suppress(TemplateError):  # whatever an error needs is imported while files can be opened
        setter.set(_BROKEN, '{"qr": null, "orientation": "", "language": "", "accent": "#000000"}', "pdf", at=0)
    _confine()
    write_frame(answers, {"ready": True})
    while (question := read_frame(asked)) is not None:
        write_frame(answers, _answer(setter, question))


def _answer(setter: Typesetter, question: dict[str, Any]) -> dict[str, Any]:
    try:
        made = setter.set(
            question["template"], question["data"], question["output"], at=question["at"], ppi=question["ppi"]
        )
    except TemplateError as error:
        problems = [[item.message, item.line, item.column, item.hint] for item in error.problems]
        return {"reason": error.reason, "problems": problems}
    except RenderingError as error:
        return {"reason": error.reason, "characters": list(error.characters)}
    seal = made.seal
    return {
        "files": [b64encode(file).decode() for file in made.files],
        "seal": None if seal is None else [seal.page, seal.x, seal.y, seal.size],
    }


def _confine() -> None:
    pages = Path("/proc/self/statm")
    used = int(pages.read_text(encoding="ascii").split()[0]) * resource.getpagesize() if pages.exists() else 0
    limit = used + MEMORY_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    free = os.dup(0)
    os.close(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free, free))


def read_frame(stream: BinaryIO) -> dict[str, Any] | None:
    """The next frame; None at the end."""
    head = _exactly(stream, 4)
    if head is None:
        return None
    body = _exactly(stream, int.from_bytes(head, "big"))
    found: dict[str, Any] | None = None if body is None else json.loads(body)
    return found


def write_frame(stream: BinaryIO, content: dict[str, Any]) -> None:
    """Send one frame."""
    body = json.dumps(content, ensure_ascii=False).encode()
    rest = memoryview(len(body).to_bytes(4, "big") + body)
    while rest:
        rest = rest[stream.write(rest) :]


def _exactly(stream: BinaryIO, count: int) -> bytes | None:
    found = bytearray()
    while len(found) < count:
        piece = stream.read(count - len(found))
        if not piece:
            return None
        found += piece
    return bytes(found)


if __name__ == "__main__":
    main()
