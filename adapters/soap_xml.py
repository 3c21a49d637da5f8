"""XML from outside, looked at before any tree is built (pitfall F16).

What is refused can do no harm in a parser that has it: a document type (entities, bombs, external subsets), XInclude,
depth, references between elements (each level of which a reader copies again), a charset other than it says.
"""

import re
from typing import Any, Final
from xml.parsers import expat

from lxml import etree

from adapters.errors import FaultyAnswerError

_DECLARATION: Final = re.compile(r"\s*<\?xml\s([^>]{0,200}?)\?>")
_ENCODING: Final = re.compile(r"""\bencoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")
_CODECS: Final = {
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "us-ascii": "utf-8",
    "gb18030": "gb18030",
    "gbk": "gb18030",
    "gb2312": "gb18030",
}
_XINCLUDE: Final = "http://www.w3.org/2001/XInclude"
_MARK: Final = b"\xef\xbb\xbf"
_SPACE: Final = "\n"  # no namespace can hold one


def clean_xml(raw: bytes, *, charset: str | None, max_depth: int) -> bytes:
    """The document in UTF-8, without its declaration, free of what is refused.

    Nothing is parsed by any other parser before this returned, and nothing here builds a tree or follows a reference.

    Args:
        charset: what the transport said; it must agree with what the document says.
        max_depth: cap on nested elements.
    Raises: FaultyAnswerError: `charset`, `doctype`, `xinclude`, `references`, `too_deep`, `not_xml`.
    """
    text = _decoded(raw, charset)
    declared = _DECLARATION.match(text)
    clean = (text[declared.end() :] if declared else text).encode()
    _scan(clean, max_depth)
    return clean


def _decoded(raw: bytes, charset: str | None) -> str:
    # Every charset accepted here writes the declaration in ASCII: UTF-16 and UTF-7 cannot hide a document type.
    bare = raw.removeprefix(_MARK)
    declared = _DECLARATION.match(bare[:300].decode("ascii", "replace"))
    inside = _ENCODING.search(declared[1]) if declared else None
    named = {name.lower() for name in (charset, inside[1] if inside else None) if name}
    codecs = {_CODECS.get(name) for name in named} or {"utf-8"}
    codec = codecs.pop()
    if codecs or codec is None or (len(bare) < len(raw) and codec != "utf-8"):
        raise FaultyAnswerError("charset")
    try:
        return bare.decode(codec)
    except UnicodeDecodeError:
        raise FaultyAnswerError("charset") from None


def _scan(document: bytes, max_depth: int) -> None:
    depth = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > max_depth:
            raise FaultyAnswerError("too_deep")
        if name.startswith(f"{_XINCLUDE}{_SPACE}"):
            raise FaultyAnswerError("xinclude")
        if attributes.get("href", "").startswith("#"):
            raise FaultyAnswerError("references")

    def end(_: str) -> None:
        nonlocal depth
        depth -= 1

    def refuse(*_: Any) -> None:
        raise FaultyAnswerError("doctype")

    parser = expat.ParserCreate("utf-8", _SPACE)
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.buffer_text = True
    try:
        parser.Parse(document, True)  # noqa: FBT003  # the signature of expat
    except expat.ExpatError:
        raise FaultyAnswerError("not_xml") from None


def parse(clean: bytes) -> Any:
    """The tree of a document that `clean_xml` let through. Raises: FaultyAnswerError(`not_xml`)."""
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        huge_tree=False,
        load_dtd=False,
        dtd_validation=False,
        remove_comments=True,
        remove_pis=True,
        recover=False,
    )
    try:
        return etree.fromstring(clean, parser)
    except (etree.XMLSyntaxError, ValueError):
        raise FaultyAnswerError("not_xml") from None
