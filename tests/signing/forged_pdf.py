"""Attacks on signed PDF files, as published: EAA and SSA, ISA, SWA, USF; each makes a file out of a good one.

Names as in Mladenov et al., "1 Trillion Dollar Refund" (2019) and Rohlmann et al., "Breaking the Specification: PDF
Certification" (2021).
"""

import re
from collections.abc import Callable
from typing import Final

from signing.cms.message import sign_digest
from signing.keys import SoftwareSigner
from signing.pades.file import Update, read_file, stream
from signing.pades.objects import reference
from signing.pades.signature import Hollow, hollow
from tests.signing.chains import LEAF
from tests.signing.chains import SIGNER as KEY

Attack = Callable[[bytes], bytes]
_RANGE: Final = re.compile(rb"/ByteRange\[0 (\d+) (\d+) (\d+)\] *")


def _text(update: Update, number: int) -> bytes:
    """An object's own text."""
    reader = update._file.at(number)
    reader.space()
    begin = reader.at
    reader.value()
    return update._file.data[begin : reader.at]


def _updated(pdf: bytes, change: Callable[[Update], None]) -> bytes:
    update = Update(read_file(pdf))
    change(update)
    return pdf + update.written()[0]


def new_content(pdf: bytes) -> bytes:
    """ISA: the page shows another content stream."""

    def change(update: Update) -> None:
        page = update._file.page(0)
        other = update.add(stream(b"", b"BT (forged) Tj ET"))
        update.put(page, re.sub(rb"/Contents \d+ 0 R", b"/Contents %d 0 R" % other, _text(update, page)))

    return _updated(pdf, change)


def no_table(pdf: bytes) -> bytes:
    """ISA: objects without a table, for readers that repair."""
    page = read_file(pdf).page(0)
    return pdf + b"%d 0 obj\n<</Type/Page/MediaBox[0 0 9 9]>>\nendobj\n" % page


def no_table_and_an_end(pdf: bytes) -> bytes:
    """ISA: and the old table named again at the end."""
    return no_table(pdf) + pdf[pdf.rindex(b"startxref") :]


def copied_signature(pdf: bytes) -> bytes:
    """ISA: the update brings the genuine signature along, so that the last revision has one too."""

    def change(update: Update) -> None:
        file = update._file
        permissions = file.dictionary(file.root)["Perms"]
        assert isinstance(permissions, dict)
        number = reference(permissions, "DocMDP")
        page = file.page(0)
        update.put(page, _text(update, page).replace(b"/MediaBox[0 0 ", b"/MediaBox[0 9 "))
        update.put(number, _text(update, number))

    return _updated(pdf, change)


def evil_annotation(pdf: bytes) -> bytes:
    """EAA: a note laid over the page."""

    def change(update: Update) -> None:
        page = update._file.page(0)
        note = update.add(b"<</Type/Annot/Subtype/FreeText/Rect[50 50 300 300]/Contents(forged)/DA(/F 20 Tf)>>")
        update.put(page, re.sub(rb"/Annots\[", b"/Annots[%d 0 R " % note, _text(update, page)))

    return _updated(pdf, change)


def sneaky_signature(pdf: bytes) -> bytes:
    """SSA: a second signature whose field shows what it likes."""
    file = read_file(pdf)
    update = Update(file)
    form = reference(file.dictionary(file.root), "AcroForm")
    number = update.reserve()
    update.put(number, hollow(b"/Type/Sig/Filter/Adobe.PPKLite/SubFilter/ETSI.CAdES.detached", 3000))
    page = file.page(0)
    field = update.add(
        b"<</Type/Annot/Subtype/Widget/FT/Sig/T(Second)/V %d 0 R/P %d 0 R/F 4/Rect[50 50 300 300]>>" % (number, page)
    )
    update.put(form, _text(update, form).replace(b"]", b" %d 0 R]" % field, 1))
    update.put(page, re.sub(rb"/Annots\[", b"/Annots[%d 0 R " % field, _text(update, page)))
    whole = Hollow.of(file, update, number)
    return whole.filled(sign_digest(whole.digest(), signer=KEY, chain=[LEAF]))


def form_value(pdf: bytes) -> bytes:
    """The certification field is given another picture."""

    def change(update: Update) -> None:
        file = update._file
        fields = file.dictionary(reference(file.dictionary(file.root), "AcroForm"))["Fields"]
        assert isinstance(fields, list)
        field = reference({"field": fields[0]}, "field")
        update.put(field, re.sub(rb"/Rect\[[^]]*\]", b"/Rect[0 0 600 800]", _text(update, field)))

    return _updated(pdf, change)


def dropped_permissions(pdf: bytes) -> bytes:
    """The catalog no longer certifies."""

    def change(update: Update) -> None:
        root = update._file.root
        update.put(root, re.sub(rb"/Perms<<[^>]*>>", b"", _text(update, root)))

    return _updated(pdf, change)


def action_in_the_catalog(pdf: bytes) -> bytes:
    """Validation data, and an action along with it."""

    def change(update: Update) -> None:
        root = update._file.root
        store = update.add(b"<</Type/DSS>>")
        text = _text(update, root)[:-2]
        update.put(root, text + b"/DSS %d 0 R/OpenAction<</S/JavaScript/JS(app.alert(1))>>>>" % store)

    return _updated(pdf, change)


def hidden_in_validation_data(pdf: bytes) -> bytes:
    """Validation data that redefines an object of the page."""

    def change(update: Update) -> None:
        root, page = update._file.root, update._file.page(0)
        contents = reference(update._file.dictionary(page), "Contents")
        update.put(contents, b"<</Length 2>>stream\nBT\nendstream")
        store = update.add(b"<</Type/DSS/Certs[%d 0 R]>>" % contents)
        update.put(root, _text(update, root)[:-2] + b"/DSS %d 0 R>>" % store)

    return _updated(pdf, change)


def wrapped(pdf: bytes) -> bytes:
    """SWA: the second signed part is moved towards the end; what lies before it is signed by nobody."""
    found = _RANGE.search(pdf)
    assert found is not None
    begin, resume, length = (int(found[each]) for each in (1, 2, 3))
    forged = b"7 0 obj\n<</Type/Page>>\nendobj\n"
    told = b"/ByteRange[0 %d %d %d]" % (begin, resume + len(forged), length)
    moved = pdf[:resume] + forged + pdf[resume:]
    return moved[: found.start()] + told.ljust(len(found[0])) + moved[found.end() :]


def larger_hole(pdf: bytes) -> bytes:
    """SWA: the hole ends later than its bracket, over entries of the signature's own dictionary."""
    found = _RANGE.search(pdf)
    assert found is not None
    begin, resume, length = (int(found[each]) for each in (1, 2, 3))
    told = b"/ByteRange[0 %d %d %d]" % (begin, resume + 10, length - 10)
    return pdf[: found.start()] + told.ljust(len(found[0])) + pdf[found.end() :]


def _with_range(told: bytes) -> Attack:
    def change(pdf: bytes) -> bytes:
        found = _RANGE.search(pdf)
        assert found is not None
        return pdf[: found.start()] + told.ljust(len(found[0])) + pdf[found.end() :]

    return change


def _with_contents(made: Callable[[bytes], bytes]) -> Attack:
    def change(pdf: bytes) -> bytes:
        found = _RANGE.search(pdf)
        assert found is not None
        begin, resume = int(found[1]), int(found[2])
        return pdf[:begin] + made(pdf[begin:resume]).ljust(resume - begin) + pdf[resume:]

    return change


def other_key(pdf: bytes) -> bytes:
    """The signature of somebody else over the same bytes, with the genuine certificate beside it."""
    found = _RANGE.search(pdf)
    assert found is not None
    begin, resume = int(found[1]), int(found[2])
    from signing.canonical import sha256

    forged = sign_digest(sha256(pdf[:begin] + pdf[resume:]), signer=SoftwareSigner.generate(), chain=[LEAF])
    return pdf[:begin] + b"<" + forged.hex().encode().ljust(resume - begin - 2, b"0") + b">" + pdf[resume:]


UPDATES: Final[dict[str, Attack]] = {
    each.__name__: each
    for each in (
        new_content,
        no_table,
        no_table_and_an_end,
        copied_signature,
        evil_annotation,
        sneaky_signature,
        form_value,
        dropped_permissions,
        action_in_the_catalog,
        hidden_in_validation_data,
    )
}
WRAPPINGS: Final[dict[str, Attack]] = {each.__name__: each for each in (wrapped, larger_hole)}
UNIVERSAL: Final[dict[str, Attack]] = {
    "range_missing": _with_range(b""),
    "range_null": _with_range(b"/ByteRange null"),
    "range_empty": _with_range(b"/ByteRange[]"),
    "range_negative": _with_range(b"/ByteRange[0 -1 -1 0]"),
    "range_of_nothing": _with_range(b"/ByteRange[0 0 0 0]"),
    "range_twice": _with_range(b"/ByteRange[0 1 2 3]/ByteRange null"),
    "range_as_real": _with_range(b"/ByteRange[0.0 1.0 2.0 3.0]"),
    "contents_missing": _with_contents(lambda _: b"null"),
    "contents_empty": _with_contents(lambda _: b"<>"),
    "contents_zero": _with_contents(lambda each: b"<" + b"0" * (len(each) - 2) + b">"),
    "contents_as_text": _with_contents(lambda _: b"(0)"),
    "contents_upper": _with_contents(bytes.upper),
    "other_key": other_key,
}
