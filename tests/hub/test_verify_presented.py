"""Files, photos and codes by the one way in: told apart by content, judged by the eight steps, never kept."""

import json
import struct
import subprocess
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from certificates.lifecycle.states import Operation
from certificates.offline_code import PREFIX
from certificates.rendering.qr import qr_squares
from certificates.verifying.verdict import PROCEDURE, Result, TokenKind, Verdict
from hub.cli.verify_told import verdict_text
from hub.issuing.files import identifiers_of, read_document
from hub.runtime import Hub
from hub.verification.pictures import PictureError, read_codes
from hub.web import verdict_words
from tests.faces.papers import codes_in, picture_of, png
from tests.hub.command import yizheng
from tests.support import ENTERPRISE, Place, enterprise_claims, issue, valid_uscc

pytestmark = pytest.mark.embedded
OTHER = valid_uscc("91990100MA0000055")


@pytest.fixture
async def identifier(hub: Hub) -> str:
    (held,) = await identifiers_of(hub, ENTERPRISE["id_type"], ENTERPRISE["id_number"])
    return str(held["identifier"])


@pytest.fixture
async def page(place: Place, client: httpx2.AsyncClient, identifier: str) -> bytes:
    """The licence as PDF."""
    return await file_of(place, client, identifier, "pdf")


async def file_of(place: Place, client: httpx2.AsyncClient, identifier: str, wanted: str) -> bytes:
    headers = await place.headers(client)
    answer = await client.get(f"/api/v1/certificates/{identifier}/file?format={wanted}", headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.content


async def uploaded(client: httpx2.AsyncClient, data: bytes, **fields: str) -> dict[str, Any]:
    """The API's verdict; the file's name and type say something else than it is."""
    answer = await client.post("/api/v1/verify", files={"file": ("x.png", data, "image/png")}, data=fields)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def picture(width: int, height: int) -> bytes:
    """A white PNG."""

    def part(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress((b"\0" + b"\xff" * width) * height)
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", head) + part(b"IDAT", rows) + part(b"IEND", b"")


def photos(pdf: bytes, folder: Path) -> Iterator[bytes]:
    """The page as JPEG and as PNG, by a program that did not make it."""
    (folder / "page.pdf").write_bytes(pdf)
    for form, name in (("-jpeg", "page.jpg"), ("-png", "page.png")):
        subprocess.run(["pdftoppm", "-r", "110", form, "-singlefile", folder / "page.pdf", folder / "page"], check=True)
        yield (folder / name).read_bytes()


def ended(verdict: dict[str, Any]) -> tuple[str, str]:
    return verdict["result"], verdict["reason"]


async def test_a_page_passes_with_what_the_hub_holds_beside_it_and_no_claims(
    client: httpx2.AsyncClient, identifier: str, page: bytes
) -> None:
    verdict = await uploaded(client, page)
    assert ended(verdict) == ("passed", "ok"), verdict
    assert [step["name"] for step in verdict["steps"]] == [rule.name for rule in PROCEDURE]
    assert (verdict["format"], verdict["suite"], verdict["trial"]) == ("pdf", "ES256", True)
    assert verdict["proven_at"] is not None
    told = verdict["certificate"]
    assert (told["identifier"], told["type_name"], told["valid_until"]) == (identifier, "营业执照", None)
    assert verdict["claims"] == {}
    assert ENTERPRISE["name"] not in str(verdict)
    assert ended(await uploaded(client, page, accept_trial="false")) == ("failed", "trial_not_accepted")


async def test_a_page_that_was_changed_does_not_pass(client: httpx2.AsyncClient, page: bytes) -> None:
    flipped = bytearray(page)
    flipped[len(page) // 3] ^= 1
    assert (await uploaded(client, bytes(flipped)))["result"] in {"failed", "indeterminate"}
    again = page + b"\n9 0 obj\n<<>>\nendobj\nxref\n0 0\ntrailer\n<<>>\nstartxref\n1\n%%EOF\n"
    verdict = await uploaded(client, again)
    assert verdict["result"] == "indeterminate", verdict
    assert verdict["certificate"] is None
    assert (await uploaded(client, page[:-200]))["result"] != "passed"


async def test_a_page_and_metadata_of_what_was_revoked_say_so(
    place: Place, hub: Hub, client: httpx2.AsyncClient, identifier: str, page: bytes
) -> None:
    metadata = await file_of(place, client, identifier, "json")
    verdict = await uploaded(client, metadata)
    assert ended(verdict) == ("passed", "ok"), verdict
    assert (verdict["format"], verdict["claims"]["name"]) == ("json", ENTERPRISE["name"])
    forged = metadata.replace("示例市中心路1号".encode(), "示例市中心路2号".encode(), 1)
    if forged != metadata:
        assert ended(await uploaded(client, forged)) == ("failed", "metadata_mismatch")
    before = hub.clock()
    await hub.status.change(identifier, Operation.REVOKE, reason="test", legal_basis="test")
    token = await read_document(hub, identifier)
    for data in (page, metadata, token):
        assert ended(await uploaded(client, data)) == ("failed", "certificate_revoked")
        then = await uploaded(client, data, as_of=before.isoformat())
        assert ended(then) == ("passed", "ok"), then
        assert then["as_of"] is not None


async def test_a_photo_of_the_code_on_a_page_is_read_here(
    client: httpx2.AsyncClient, identifier: str, page: bytes, tmp_path: Path
) -> None:
    for photo in photos(page, tmp_path):
        verdict = await uploaded(client, photo)
        assert ended(verdict) == ("passed", "ok")
        assert (verdict["format"], verdict["certificate"]["identifier"]) == ("control_code", identifier)
    link = next(text for text in codes_in(picture_of(page, tmp_path)) if text.startswith("http"))
    assert ended(await uploaded(client, link.encode())) == ("passed", "ok")
    assert ended(await uploaded(client, link.partition("#c=")[2].lower().encode())) == ("passed", "ok")
    shown = await client.post("/verify", files={"file": ("a.pdf", photo, "application/pdf")})
    assert identifier in shown.text
    assert "真实且有效" in shown.text


async def test_codes_of_two_licences_in_one_photo_get_no_verdict(
    hub: Hub, client: httpx2.AsyncClient, identifier: str, page: bytes, tmp_path: Path
) -> None:
    await issue(hub, enterprise_claims(uscc=OTHER, name="示例市另一公司"))
    (held,) = await identifiers_of(hub, "001", OTHER)
    other = await read_document(hub, held["identifier"], "pdf")
    link, offline = (code_in(page, beginning, tmp_path) for beginning in ("http", PREFIX))
    for mixed in ((link, code_in(other, PREFIX, tmp_path)), (link, code_in(other, "http", tmp_path))):
        answer = await client.post("/api/v1/verify", files={"file": ("x", drawn(*mixed))})
        assert (answer.status_code, answer.json()["errors"][0]["rule"]) == (422, "several_pages")
        assert "不止一件证照" in (await client.post("/verify", files={"file": ("x", drawn(*mixed))})).text
    assert ended(await uploaded(client, drawn(link, offline))) == ("passed", "ok")


def code_in(page: bytes, beginning: str, folder: Path) -> str:
    return next(text for text in codes_in(picture_of(page, folder)) if text.startswith(beginning))


def drawn(*texts: str) -> bytes:
    """QR codes one under the other, as PNG."""
    scale, wide, lines = 4, 480, [b"\xff" * 480] * 20
    for text in texts:
        for row in qr_squares(text).rows:
            line = b"\xff" * 20 + b"".join(bytes([square]) * scale for square in row)
            lines += [line.ljust(wide, b"\xff")] * scale
        lines += [b"\xff" * wide] * 20
    return png(b"P5\n%d %d\n255\n" % (wide, len(lines)) + b"".join(lines))


async def test_a_control_code_is_judged_like_anything_else_by_the_day_asked_about_and_by_the_verifiers_rules(
    hub: Hub, client: httpx2.AsyncClient, identifier: str, page: bytes, tmp_path: Path
) -> None:
    link = next(text for text in codes_in(picture_of(page, tmp_path)) if text.startswith("http"))
    asked = {"control_code": link.partition("#c=")[2], "identifier": identifier}

    async def verdict(**more: Any) -> dict[str, Any]:
        return dict((await client.post("/api/v1/verify", json=asked | more)).json())

    told = await verdict()
    assert [(step["name"], step["result"]) for step in told["steps"]] == [(rule.name, "passed") for rule in PROCEDURE]
    assert (told["suite"], told["trial"], told["status"], told["kind"]) == ("ES256", True, "valid", "licence")
    token = await client.post("/api/v1/verify", json={"token": (await read_document(hub, identifier)).decode()})
    assert told["certificate"] == token.json()["certificate"]
    assert ended(await verdict(accept_trial=False)) == ("failed", "trial_not_accepted")
    assert ended(await verdict(suites=["SM2SM3"])) == ("failed", "suite_not_accepted")
    before = hub.clock()
    await hub.status.change(identifier, Operation.SUSPEND, reason="test", legal_basis="test")
    told = await verdict()
    assert ended(told) == ("failed", "certificate_suspended")
    assert [step["step"] for step in told["steps"]] == [1, 2, 3, 4, 5, 6]
    assert ended(await verdict(as_of=before.isoformat())) == ("passed", "ok")


async def test_what_holds_nothing_to_verify_is_a_problem_and_no_verdict(client: httpx2.AsyncClient) -> None:
    blank = picture(8, 8)
    huge = blank[:16] + (60_000).to_bytes(4, "big") * 2 + blank[24:]
    for data, reason in ((blank, "no_code_in_picture"), (huge, "picture_too_large"), (blank[:20], "picture")):
        answer = await client.post("/api/v1/verify", files={"file": ("x", data)})
        assert answer.status_code == 422, answer.text
        assert reason in answer.text
        shown = await client.post("/verify", files={"file": ("x", data)})
        assert 'role="alert"' in shown.text
    assert (await client.post("/api/v1/verify", data={"audience": "x"}, files={"other": b"x"})).status_code == 422
    assert (await client.post("/api/v1/verify", files={"file": b"x"}, data={"as_of": "soon"})).status_code == 422
    assert (await client.post("/api/v1/verify", files={"file": bytes(21 * 1024 * 1024)})).status_code == 413
    assert ended(await uploaded(client, b"PK\x03\x04 junk")) == ("indeterminate", "zip")
    assert ended(await uploaded(client, b"%PDF-1.7 junk"))[0] == "indeterminate"
    assert ended(await uploaded(client, b"{}")) == ("failed", "metadata")
    assert ended(await uploaded(client, b"junk")) == ("failed", "not_an_sd_jwt")


async def test_the_command_gives_the_same_verdict_on_a_page(
    place: Place, client: httpx2.AsyncClient, page: bytes, tmp_path: Path
) -> None:
    file = tmp_path / "licence.txt"
    file.write_bytes(page)
    done = await yizheng(place, "verify", str(file), "--json")
    online = await uploaded(client, page)
    times = {"checked_at": "", "status_at": ""}
    assert (done.code, done.json() | times) == (0, online | times)
    pack = tmp_path / "pack"
    pack.write_bytes((await client.get("/api/v1/trust-pack")).content)
    alone = await yizheng(place, "verify", str(file), "--offline", "--trust", str(pack), "--json")
    assert (alone.code, alone.json()["reason"]) == (2, "validity_unavailable")
    assert [step["result"] for step in alone.json()["steps"]][:4] == ["passed"] * 4


async def test_a_verifier_remembers_how_new_a_list_he_has_seen(
    place: Place, hub: Hub, client: httpx2.AsyncClient, identifier: str, tmp_path: Path
) -> None:
    """Drill 47, at the command: an older pack after a newer one decides nothing, though nothing in it has expired."""
    file, old, kept = (tmp_path / name for name in ("licence", "old", "kept"))
    file.write_bytes(await read_document(hub, identifier))
    old.write_bytes((await client.get("/api/v1/trust-pack")).content)
    arguments = ("verify", str(file), "--offline", "--trust", str(old), "--remember", str(kept), "--json")
    assert (await yizheng(place, *arguments)).json()["reason"] == "ok"
    (uri, at), *_ = json.loads(kept.read_text()).items()
    kept.write_text(json.dumps({uri: (datetime.fromisoformat(at) + timedelta(minutes=5)).isoformat()}))
    replayed = await yizheng(place, *arguments)
    assert (replayed.code, replayed.json()["reason"]) == (2, "status_went_back")
    kept.write_text("{")
    assert (await yizheng(place, *arguments)).code == 64


def test_every_reason_and_step_has_plain_words() -> None:
    for rule in PROCEDURE:
        assert rule.name in verdict_words.STEPS
        for reason in rule.failures | rule.undecided:
            assert reason in verdict_words.REASONS, reason


@pytest.mark.parametrize("text", ["http://[", "https://x]/#c=2"])
async def test_an_address_that_is_none_is_no_control_code(client: httpx2.AsyncClient, text: str) -> None:
    assert ended(await uploaded(client, text.encode())) == ("failed", "not_an_sd_jwt")


def test_a_picture_that_is_none_is_refused() -> None:
    for data in (b"", b"\xff\xd8\xff", b"\xff\xd8\xff\xe0\x00\x10", b"\x89PNG\r\n\x1a\n" + bytes(40), b"GIF89a"):
        with pytest.raises(PictureError):
            read_codes(data)


def test_a_value_writes_no_verdict_of_its_own_on_a_terminal() -> None:
    claims = {"name": "x\n  (8) policy passed", "scope": "\x1b[2Jpassed"}
    verdict = Verdict(Result.FAILED, "expired", TokenKind.LICENCE, datetime.now(UTC), (), claims=claims)
    shown = verdict_text(verdict)
    assert len(shown.splitlines()) == 3
    assert "\x1b" not in shown
