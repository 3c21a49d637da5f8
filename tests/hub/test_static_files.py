"""Style sheets and scripts are fetched once: for good under a name with their hash, asked about under their plain one.
Pages are compressed for whom takes it, each to another length.
"""

import gzip

import pytest

from hub.web.framing import packed
from hub.web.static_files import static
from tests.support import Place

pytestmark = pytest.mark.embedded
PACKED = {"Accept-Encoding": "gzip"}
PLAIN = {"Accept-Encoding": "identity"}


async def test_a_browser_fetches_a_file_once(place: Place) -> None:
    async with place.open() as hub, place.client(hub) as client:
        page = (await client.get("/")).text
        for name in ("style.css", "ui.js", "seal.svg"):
            assert static(name) in page
            kept = await client.get(static(name), headers=PACKED)
            assert (kept.status_code, kept.headers["cache-control"]) == (200, "public, max-age=31536000, immutable")
            asked = await client.get(f"/static/{name}", headers=PACKED)
            assert asked.headers["cache-control"] == "public, no-cache"
            assert asked.content == kept.content == (await client.get(static(name), headers=PLAIN)).content
            again = await client.get(f"/static/{name}", headers=PACKED | {"If-None-Match": asked.headers["etag"]})
            assert (again.status_code, again.content) == (304, b"")
        for given, coded in (("gzip", True), ("br, GZIP;q=0.5", True), ("br, gzip; q=0", False), ("identity", False)):
            got = await client.get(static("style.css"), headers={"Accept-Encoding": given})
            assert ("content-encoding" in got.headers) is coded, given


async def test_what_is_no_file_of_ours_is_not_found(place: Place) -> None:
    async with place.open() as hub, place.client(hub) as client:
        for path in ("/static/nothing.css", "/static/style.0123456789ab.css", "/static/", "/static/..%2fframing.py"):
            assert (await client.get(path)).status_code == 404
        refused = await client.post("/static/style.css")
        assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD")
        assert (await client.head("/static/style.css")).status_code == 200


async def test_pages_are_compressed_for_whom_takes_it_and_their_length_says_nothing(place: Place) -> None:
    async with place.open() as hub, place.client(hub) as client:
        got = [await client.get("/help", headers=PACKED) for _ in range(20)]
        plain = await client.get("/help", headers=PLAIN)
    assert "content-encoding" not in plain.headers
    assert {answer.headers["content-encoding"] for answer in got} == {"gzip"}
    assert {len(answer.text) for answer in got} == {len(plain.text)}
    assert len({answer.headers["content-length"] for answer in got}) > 1
    assert gzip.decompress(packed(b"abc" * 1000)) == b"abc" * 1000
