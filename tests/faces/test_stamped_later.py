"""Pages that were made while no time-stamp could be had get it later; stored PDF are stamped anew, for as long as
somebody does it; what a department has yet to approve waits without an alarm.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from structlog.testing import capture_logs

from hub.issuing.files import read_document
from hub.runtime import Hub
from hub.storage.errors import SignatureRefusedError, SignatureWaitingError
from signing.errors import MalformedError
from signing.pades.check import PdfSignature, check
from tests.faces.papers import text_of, words_of_ofd
from tests.faces.test_ofd_renditions import checked
from tests.faces.test_renditions import licence, looks, renditions
from tests.hub.command import yizheng
from tests.keys.department import OwnSigner
from tests.support import Place

pytestmark = pytest.mark.embedded


@asynccontextmanager
async def without_authority(place: Place, folder: Path) -> AsyncIterator[Hub]:
    """The hub when its time-stamp authority is away."""
    roots = folder / "roots.pem"
    async with place.open() as opened:
        root = x509.load_der_x509_certificate(opened.desk.anchors()[0])
        roots.write_bytes(root.public_bytes(Encoding.PEM))
    async with place.open(tsa_url="http://127.0.0.1:9/tsa", tsa_ca=roots) as hub:
        yield hub


def read(hub: Hub, pdf: bytes) -> PdfSignature:
    return check(pdf, anchors=hub.desk.anchors(), now=hub.clock())


async def test_a_page_made_while_the_authority_is_away_says_so_and_is_stamped_later(
    place: Place, tmp_path: Path
) -> None:
    async with without_authority(place, tmp_path) as hub:
        identifier = await licence(hub)
        pdf, ofd = [await read_document(hub, identifier, form) for form in ("pdf", "ofd")]
        assert read(hub, pdf).level == "B-B"
        assert checked(hub, ofd).sealed.stamp is None
        assert (await hub.stamp_queue.waiting()).count == 2
        assert await hub.faces.stamps.attach_arrived() == 0
    assert "出具时未加盖时间戳" in text_of(pdf, tmp_path)
    assert "出具时未加盖时间戳" in words_of_ofd(ofd)
    async with place.open() as hub:
        await hub.stamp_queue.work()
        assert (await hub.stamp_queue.waiting()).count == 0
        await asyncio.gather(*(hub.faces.stamps.attach_arrived() for _ in range(2)))
        later, sealed = [await read_document(hub, identifier, form) for form in ("pdf", "ofd")]
        assert read(hub, later).level == "B-T"
        stamp = checked(hub, sealed).sealed.stamp
        assert stamp is not None
        assert len(later) == len(pdf)
        assert words_of_ofd(sealed) == words_of_ofd(ofd)
        assert await looks(hub, "certificate.restamp") == 2
        assert await hub.faces.stamps.attach_arrived() == 0


async def test_a_stamp_that_does_not_fit_is_one_alarm_and_the_page_stays_as_it_was(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from signing.pades import archive as pades_archive

    def too_small(_pdf: bytes, _token: bytes) -> bytes:
        raise MalformedError("hole_too_small")

    async with without_authority(place, tmp_path) as hub:
        identifier = await licence(hub)
        pdf = await read_document(hub, identifier, "pdf")
    monkeypatch.setattr(pades_archive, "attach_stamp", too_small)
    async with place.open() as hub:
        await hub.stamp_queue.work()
        with capture_logs() as logged:
            assert [await hub.faces.stamps.attach_arrived() for _ in range(2)] == [0, 0]
        assert [entry["reason"] for entry in logged if entry.get("alarm")] == ["hole_too_small"]
        assert await read_document(hub, identifier, "pdf") == pdf


async def test_stored_pdf_are_stamped_over_the_whole_and_again_before_that_stamp_ends(
    place: Place, hub: Hub, client: httpx2.AsyncClient, tmp_path: Path
) -> None:
    identifier = await licence(hub)
    pdf = await read_document(hub, identifier, "pdf")
    done = await yizheng(place, "certificate", "restamp", "--within", "30", "--json")
    assert (done.code, done.json()) == (0, {"stamped": 1, "failed": 0})
    archived = await read_document(hub, identifier, "pdf")
    assert archived.startswith(pdf)
    assert read(hub, archived).level == "B-LTA"
    assert text_of(archived, tmp_path) == text_of(pdf, tmp_path)
    assert (await hub.faces.stamps.renew(within=timedelta(days=30))).stamped == 0
    assert (await hub.faces.stamps.renew(within=timedelta(days=36_500))).stamped == 1
    again = read(hub, await read_document(hub, identifier, "pdf"))
    assert (again.level, len(again.stamps)) == ("B-LTA", 3)
    [row] = await renditions(hub)
    assert row.renew_by == again.stamps[-1].not_after
    assert await looks(hub, "certificate.restamp") == 2
    for file in (pdf, archived):  # fetched before, and since
        verdict = (await client.post("/api/v1/verify", files={"file": ("licence.pdf", file)})).json()
        assert verdict["result"] == "passed", verdict


async def test_a_reader_who_comes_between_gets_one_whole_file_or_the_other(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file in the store is replaced while somebody holds the row of before."""
    identifier = await licence(hub)
    pdf = await read_document(hub, identifier, "pdf")
    read_before = hub.faces.renditions._read

    async def overtaken(*given: object) -> bytes | None:
        monkeypatch.setattr(hub.faces.renditions, "_read", read_before)
        await hub.faces.stamps.renew(within=timedelta(0))
        return await read_before(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(hub.faces.renditions, "_read", overtaken)
    found = await read_document(hub, identifier, "pdf")
    assert found != pdf
    assert read(hub, found).level == "B-LTA"


async def test_a_page_waits_for_its_departments_approval_without_an_alarm(
    place: Place, hub: Hub, client: httpx2.AsyncClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = OwnSigner(tmp_path, approve_all=False, kinds=frozenset({"licence", "rendition"}))
    identifier, headers = await licence(hub), await place.headers(client)
    path, now = f"/api/v1/certificates/{identifier}/file?format=pdf", datetime.now(UTC)
    with own.serving(), capture_logs() as logged:
        await own.attach(hub)
        for _ in range(2):  # the second is told so without anybody being asked
            answer = await client.get(path, headers=headers)
            assert (answer.status_code, answer.json()["type"].rsplit("/", 1)[1]) == (503, "approval-pending")
            assert int(answer.headers["retry-after"]) > 0
        [line] = own.book.lines(only_waiting=True)
        assert (line.identifier, line.kind) == (identifier, "rendition")
        monkeypatch.setattr(hub.faces.renditions, "_clock", lambda: now + timedelta(seconds=40))
        assert await hub.faces.renditions.finish() == 0
        own.book.decide(own.book.lines(only_waiting=True), approve=True, by="王科长", reason="", now=now)
        with pytest.raises(SignatureWaitingError):
            await read_document(hub, identifier, "pdf")
        monkeypatch.setattr(hub.faces.renditions, "_clock", lambda: now + timedelta(seconds=80))
        assert await hub.faces.renditions.finish() == 1
    assert not [entry for entry in logged if entry.get("alarm")]
    pdf = (await client.get(path, headers=headers)).content
    assert read(hub, pdf).signer.public.thumbprint == own.signer.kid
    assert read(hub, pdf).level == "B-T"
    assert len(own.book.lines(only_waiting=False)) == 1


async def test_a_refused_page_is_told_so_and_not_asked_for_again_and_again(hub: Hub, tmp_path: Path) -> None:
    own = OwnSigner(tmp_path, approve_all=False, kinds=frozenset({"rendition"}))
    identifier = await licence(hub)
    with own.serving():
        await own.attach(hub)
        with pytest.raises(SignatureWaitingError):
            await read_document(hub, identifier, "pdf")
        waiting = own.book.lines(only_waiting=True)
        own.book.decide(waiting, approve=False, by="王科长", reason="not ours", now=datetime.now(UTC))
        hub.faces.renditions._leases._clock = lambda: datetime.now(UTC) + timedelta(seconds=40)
        with pytest.raises(SignatureRefusedError):
            await read_document(hub, identifier, "pdf")
    with pytest.raises(SignatureRefusedError):  # the signer is away now: it was not asked
        await read_document(hub, identifier, "pdf")
