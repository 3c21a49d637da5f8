"""Offline codes on real pages: read from the printed page, checked with the trust pack alone, and equal to the page."""

import struct
import subprocess
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest

from certificates.offline_code import MOST_CHARACTERS, PREFIX, read_offline_code
from certificates.rendering.qr import qr_squares
from certificates.rendering.templates import SHIPPED
from certificates.rendering.typesetting import Typesetter
from hub.access.actors import COMMAND
from hub.issuing.files import read_document
from hub.runtime import Hub
from hub.verification.asking import Question
from tests.faces.papers import codes_in, picture_of, picture_of_ofd, png, text_of, words_of_ofd
from tests.faces.test_copies import copied
from tests.faces.test_renditions import licence
from tests.faces.test_typesetting import face, set_page
from tests.hub.command import yizheng
from tests.hub.test_erasure import erase
from tests.keys.department import OwnSigner
from tests.support import ENTERPRISE, INTAKE, PURPOSE, Place

pytestmark = pytest.mark.embedded


def offline_in(picture: bytes) -> str:
    [code] = [text for text in codes_in(picture) if text.startswith(PREFIX)]
    return code


async def offline(place: Place, pack: bytes, shown: bytes, folder: Path, *options: str) -> dict[str, Any]:
    """The verdict of the command with this pack and nothing else: not even a home to look into."""
    (folder / "pack").write_bytes(pack)
    (folder / "shown").write_bytes(shown)
    arguments = ("verify", str(folder / "shown"), "--offline", "--trust", str(folder / "pack"), *options, "--json")
    done = await yizheng(Place(folder / "no-home", None), *arguments)
    assert done.out, done.err
    return dict(done.json())


async def test_the_code_on_a_printed_page_says_what_the_page_says_and_needs_no_hub(
    place: Place, hub: Hub, tmp_path: Path
) -> None:
    identifier = await licence(hub)
    pages = {wanted: await read_document(hub, identifier, wanted) for wanted in ("pdf", "ofd")}
    pack = await hub.verification.trust_pack()
    printed = {"pdf": picture_of(pages["pdf"], tmp_path), "ofd": picture_of_ofd(pages["ofd"])}
    words = {"pdf": text_of(pages["pdf"], tmp_path).replace(" ", ""), "ofd": words_of_ofd(pages["ofd"])}
    for wanted, picture in printed.items():
        code = offline_in(picture)
        verdict = await offline(place, pack, code.encode(), tmp_path)
        assert (verdict["result"], verdict["reason"]) == ("passed", "ok"), wanted
        assert (verdict["format"], verdict["suite"], verdict["trial"]) == ("offline_code", "ES256", True)
        assert verdict["certificate"]["identifier"] == identifier
        assert verdict["claims"].keys() == {"name", "uscc", "established_on"}
        for value in (ENTERPRISE["name"], ENTERPRISE["id_number"]):
            assert value in verdict["claims"].values()
            assert value in words[wanted]
        assert verdict["certificate"]["issuer"]["name"] in words[wanted]
        binding = read_offline_code(code.encode()).content["b"]
        assert binding == read_offline_code(offline_in(printed["pdf"]).encode()).content["b"]


async def test_a_photo_of_a_page_is_verified_by_its_offline_code_with_the_hub_and_without(
    place: Place, hub: Hub, client: httpx2.AsyncClient, tmp_path: Path
) -> None:
    photo = png(picture_of(await read_document(hub, await licence(hub), "pdf"), tmp_path))
    answer = await client.post("/api/v1/verify", files={"file": ("x.jpg", photo, "image/jpeg")})
    assert (answer.json()["result"], answer.json()["format"]) == ("passed", "control_code")
    assert [step["result"] for step in answer.json()["steps"]] == ["passed"] * 8
    assert answer.json()["claims"] == {}
    alone = await offline(place, await hub.verification.trust_pack(), photo, tmp_path)
    assert (alone["result"], alone["claims"]["name"]) == ("passed", ENTERPRISE["name"])
    code = offline_in(picture_of(await read_document(hub, await licence(hub), "pdf"), tmp_path))
    page = await client.post("/verify?lang=en", data={"token": f" {code}\r\n"})
    assert "Genuine and valid" in page.text
    assert ENTERPRISE["name"] in page.text


async def test_a_copys_code_says_what_was_granted_and_fails_for_anybody_else(
    place: Place, hub: Hub, client: httpx2.AsyncClient, tmp_path: Path
) -> None:
    path, headers = await copied(place, client)
    pack = await hub.verification.trust_pack()
    code = offline_in(picture_of((await client.get(path, headers=headers)).content, tmp_path)).encode()
    own = await offline(place, pack, code, tmp_path, "--audience", INTAKE)
    assert (own["result"], own["kind"], own["status"]) == ("passed", "purpose_copy", "unknown")
    assert own["purpose"]["text"] == PURPOSE
    assert "legal_representative" not in own["claims"]
    assert "b" not in read_offline_code(code).content
    other = await offline(place, pack, code, tmp_path, "--audience", "narrow")
    assert (other["result"], other["reason"]) == ("failed", "audience_mismatch")
    online = await client.post("/api/v1/verify", json={"token": code.decode()})
    assert (online.json()["result"], online.json()["reason"]) == ("indeterminate", "audience_not_given")


async def test_a_stopped_type_is_known_to_a_pack_made_then(place: Place, hub: Hub, tmp_path: Path) -> None:
    """Also whatever else is shown of it: the licence itself."""
    identifier = await licence(hub)
    code = offline_in(picture_of(await read_document(hub, identifier, "pdf"), tmp_path)).encode()
    text = await read_document(hub, identifier)
    await hub.halts.halt(COMMAND, "business_licence", reason="模板有误", legal_basis="示例办法")
    pack = await hub.verification.trust_pack()
    for shown in (code, text):
        verdict = await offline(place, pack, shown, tmp_path)
        assert (verdict["result"], verdict["reason"]) == ("indeterminate", "type_halted")


async def test_of_an_erased_persons_page_the_hub_knows_no_more_and_its_offline_code_does(
    hub: Hub, tmp_path: Path
) -> None:
    printed = picture_of(await read_document(hub, await licence(hub), "pdf"), tmp_path)
    link = next(text for text in codes_in(printed) if text.startswith("http"))
    await erase(hub)
    told = await hub.presentation.judge_code(None, link.partition("#c=")[2], Question())
    assert (told.result, told.reason, told.certificate) == ("indeterminate", "licence_unreadable", None)
    photo = await hub.presentation.present(png(printed), Question())
    assert (photo.result, photo.format, photo.status) == ("passed", "offline_code", "valid")


async def test_a_department_that_keeps_its_key_is_asked_once_for_a_page_which_has_no_offline_code(
    hub: Hub, tmp_path: Path
) -> None:
    (tmp_path / "signer").mkdir()
    own = OwnSigner(tmp_path / "signer", kinds=frozenset({"rendition"}))
    with own.serving():
        await own.attach(hub)
        page = await read_document(hub, await licence(hub), "pdf")
    assert [text[:4] for text in codes_in(picture_of(page, tmp_path))] == ["http"]
    assert len(own.book.lines(only_waiting=False)) == 1


@pytest.mark.parametrize("template", SHIPPED)
def test_the_largest_code_is_read_by_programs_of_two_makers(
    typesetter: Typesetter, template: str, tmp_path: Path
) -> None:
    largest = PREFIX + "A1 $%*+-./:ZXC"[:14] * ((MOST_CHARACTERS - len(PREFIX)) // 14)
    shown = replace(face(), template=template, offline_code=largest)
    made = set_page(typesetter, shown, template)
    assert set(codes_in(picture_of(made, tmp_path))) == {shown.qr, largest}
    picture_of(made, tmp_path, dpi=300)
    read = subprocess.run(["zbarimg", "-q", "--raw", tmp_path / "page.pgm"], capture_output=True, check=True, text=True)
    assert set(read.stdout.splitlines()) == {shown.qr, largest}


def test_squares_are_wide_enough_to_be_printed() -> None:
    """0.33 mm: four dots of a 300 dpi printer; the quiet zone counts."""
    squares = qr_squares(PREFIX + ("Z%" * MOST_CHARACTERS)[: MOST_CHARACTERS - len(PREFIX)])
    assert 36 / (squares.side + 8) >= 0.33
    for pixels in (1, 3):
        drawn = squares.png(pixels)
        width, height, depth, kind = struct.unpack(">IIBB", drawn[16:26])
        assert (width, height, depth, kind) == (squares.side * pixels, squares.side * pixels, 1, 0)
        rows = zlib.decompress(drawn[41:-16])
        wide = 1 + -(-width // 8)
        whites = sum(row.count(255) for row in squares.rows)
        assert len(rows) == wide * height
        assert sum(map(int.bit_count, rows)) == whites * pixels**2
    assert sum(length for _, _, length in squares.runs()) == sum(row.count(0) for row in squares.rows)
