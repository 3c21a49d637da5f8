"""An OFD in a reader that is not ours: ofd.js 0.2.6 in Chromium, with its own zip, XML, ASN.1, SM2 and SM3.

The reader shows text in the fonts of the machine; the page lends it the document's own, as its makers' programs do.
It takes a letter outside of the basic plane for two, so its words are put together again before they are compared.
"""

import base64
import re
from collections.abc import Iterator
from typing import Any

import pytest
from lxml import etree
from playwright.sync_api import Page

from certificates.rendering.ofd.sealing import SIGNATURE, SIGNED_VALUE
from certificates.rendering.ofd.zip import read_package, write_package
from signing.sm2 import sm3
from tests.certificates.ofd_faces import ROWS, face, picture, sealed
from tests.certificates.test_ofd_pages import LOOKS, OFD
from tests.judges import FOLDER
from tests.judges.absence import missing
from tests.pages.browser import launched
from tests.signing.chains import NAME
from tests.signing.sealed import stamp

READER = FOLDER / "node_modules" / "ofd.js" / "ofd.umd.min.js"
pytestmark = pytest.mark.browser
SMALL = face(rows=ROWS[1:2], marks=(), qr=None)
"""The reader takes seconds for the digests of larger fonts."""
SHOW = """async ([file, fonts, digests]) => {
  const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer;
  document.fonts.clear();
  for (const [name, data] of fonts) document.fonts.add(await new FontFace(name, bytes(data)).load());
  const [read] = await new Promise((success, fail) => ofd.parseOfdDocument({ofd: bytes(file), success, fail}));
  document.body.replaceChildren(...ofd.renderOfd(900, read));
  const shown = [...document.querySelectorAll("text")].map((node) => node.textContent).join("");
  const told = ({eseal, timeInfo}) => ({
    id: eseal.esealInfo.esID, name: eseal.esealInfo.property.name,
    from: eseal.esealInfo.property.validStart, until: eseal.esealInfo.property.validEnd,
    picture: [eseal.esealInfo.picture.type, ...eseal.esealInfo.picture.data.byte], time: timeInfo,
  });
  return {
    pages: document.body.children.length,
    words: [...new TextEncoder().encode(shown)],
    seals: Object.values(read.stampAnnot).flat().map(({stamp}) => ({
      page: stamp.stampAnnot["@_PageRef"],
      place: stamp.stampAnnot["@_Boundary"],
      signature: stamp.sealObj.verifyRet,
      digests: digests && ofd.digestCheck(window.toBeChecked.get(stamp.signedInfo.signatureID)),
      method: stamp.signedInfo.SignatureMethod,
      told: told(stamp.sealObj.SES_Signature.toSign),
    })),
  };
}"""


@pytest.fixture(scope="module")
def reader() -> Iterator[Page]:
    """A page that loaded the reader and can load nothing else."""
    if not READER.exists():
        missing("ofd.js (npm)")
    with launched() as browser:
        page = browser.new_page()
        page.route("**/*", lambda route: route.fulfill(body="<!doctype html><body></body>", content_type="text/html"))
        page.goto("http://localhost/")
        page.add_script_tag(path=READER)
        yield page


def show(reader: Page, package: bytes, *, digests: bool = False) -> dict[str, Any]:
    files = read_package(package)
    resources = etree.fromstring(files["Doc_0/PublicRes.xml"])
    fonts = [
        (
            node.get("FontName"),
            base64.b64encode(files[f"Doc_0/Res/{node.findtext('ofd:FontFile', namespaces=OFD)}"]).decode(),
        )
        for node in resources.iterfind(".//ofd:Font", OFD)
    ]
    found: dict[str, Any] = reader.evaluate(SHOW, [base64.b64encode(package).decode(), fonts, digests])
    found["words"] = re.sub(r"\s", "", bytes(found["words"]).decode())
    return found


@pytest.mark.parametrize("look", ["certificate", "card", "purpose copy"])
def test_the_reader_shows_every_word(look: str, reader: Page) -> None:
    shown = LOOKS[look]
    found = show(reader, sealed(shown))
    wanted = [row.value for row in shown.rows if len(row.value) < 200] + [shown.title.zh, shown.identifier]
    assert [text for text in wanted if re.sub(r"\s", "", text) not in found["words"]] == []
    assert found["pages"] >= 1


def test_the_reader_reads_the_seal_and_finds_signature_and_digests_right(reader: Page) -> None:
    (seal,) = show(reader, sealed(SMALL, stamp=stamp), digests=True)["seals"]
    assert (seal["signature"], seal["digests"]) == (True, True)
    assert (seal["page"], seal["place"]) == ("1", "145 232 40 40")
    assert seal["method"] == "1.2.156.10197.1.501"
    told = seal["told"]
    assert (told["id"], told["name"]) == ("YZ-0001", NAME)
    assert told["picture"] == ["OFD", *picture().data]
    assert told["time"].startswith("2026-03-11 08:00:00")
    assert (told["from"][:10], told["until"][:10]) == ("2026-03-02", "2026-09-17")


def test_the_reader_finds_a_changed_page_and_a_changed_seal(reader: Page) -> None:
    files = read_package(sealed(SMALL))
    page = "Doc_0/Pages/Page_0/Content.xml"
    changed = {**files, page: files[page].replace(b"91990100", b"91990101", 1)}
    (seal,) = show(reader, write_package(changed), digests=True)["seals"]
    assert (seal["signature"], seal["digests"]) == (True, False)
    digest = sm3(files[SIGNATURE])
    value = files[SIGNED_VALUE].replace(digest, sm3(b"another"))
    assert value != files[SIGNED_VALUE]
    (seal,) = show(reader, write_package({**files, SIGNED_VALUE: value}))["seals"]
    assert seal["signature"] is False
