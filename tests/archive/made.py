"""A closed case of a hub, what its archive is made of, and archives made of something else with the hub's own keys."""

from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2

from certificates.archive.check import check_archive
from certificates.archive.package import read_zip
from certificates.archive.stamps import next_record
from certificates.archive.verdict import ArchiveVerdict
from hub.access.actors import COMMAND
from hub.archive import store
from hub.archive.composing import compose, sign
from hub.archive.gathering import answers
from hub.intake.store import find_case
from hub.issuing.keys.desk import Certified
from hub.runtime import Hub
from signing.canonical import sha256
from signing.rsa_keys import RsaSigner
from signing.tsp.authority import Authority
from signing.tsp.tokens import request, token_of
from signing.x509.pki import issue_leaf, new_root
from tests.signing.chains import USCC
from tests.support import Place, open_case, pull

YEAR = timedelta(days=365.25)
Files = dict[str, bytes]


@dataclass(frozen=True)
class Other:
    """A time-stamp authority of a later year."""

    root: bytes
    authority: Authority

    @classmethod
    def of(cls, moment: datetime, *, days: int = 3652) -> "Other":
        signer = RsaSigner.generate()
        root = new_root(f"Stamps of {moment.year}", now=moment, years=11)
        leaf = issue_leaf(
            root,
            public=signer.public,
            organization="时间戳中心",
            organization_id=USCC,
            role="timestamp",
            uri="https://tsa.example.gov.cn",
            now=moment,
            days=days,
        )
        return cls(root.certificate, Authority(signer, (leaf,), policy="1.3.6.1.4.1.99999.7"))

    def stamped(self, files: Files, moment: datetime) -> Files:
        """With one more stamp."""
        record_name, token_name, said = next_record(files)
        asked = request(sha256(said), nonce=1)
        answer = self.authority.answer(asked, now=moment, serial=int(moment.timestamp()))
        return files | {record_name: said, token_name: token_of(answer, digest=sha256(said), nonce=1)}


@dataclass(frozen=True)
class Made:
    """A package with the roots to check it by, and what it was made of."""

    files: Files
    anchors: tuple[bytes, ...]
    intent: dict[str, Any]
    bodies: tuple[bytes, ...]
    hub: Certified
    status: Certified
    stamper: Authority
    log_key: str

    def check(self, files: Files | None = None, *roots: bytes, years: float = 0, **options: Any) -> ArchiveVerdict:
        moment = datetime.now(UTC) + years * YEAR
        return check_archive(files or self.files, anchors=(*self.anchors, *roots), at=moment, **options)

    def other(self, *bodies: bytes, **changes: Any) -> Files:
        """What the hub would sign and stamp if its rows said something else: keys do not help."""
        intent = deepcopy(self.intent) | changes
        bodies = bodies or self.bodies
        intent["answers"] = [{"id": str(number), "sha256": sha256(body).hex()} for number, body in enumerate(bodies)]
        results = sign(intent, bodies, hub=self.hub, status=self.status, log_key=self.log_key)
        return Other(b"", self.stamper).stamped(compose(intent, results, bodies), datetime.now(UTC))


async def closed_case(hub: Hub, client: httpx2.AsyncClient, headers: dict[str, str], **changes: Any) -> str:
    """A case with an answer, closed, its entries under a signed checkpoint; its archive is not made yet."""
    case_no = await open_case(client, headers, **changes)
    answer = await pull(client, headers, case_no)
    assert answer.status_code == 200, answer.text
    await close(hub, client, headers, case_no)
    return case_no


async def close(hub: Hub, client: httpx2.AsyncClient, headers: dict[str, str], case_no: str) -> None:
    closed = await client.post(f"/api/v1/cases/{case_no}/close", headers=headers)
    assert closed.status_code == 200, closed.text
    await hub.ledger.drain()


async def archived(hub: Hub, case_no: str) -> Files:
    """Its package, made by the job."""
    await hub.jobs.sweep()
    return read_zip((await hub.archives.export(COMMAND, case_no)).data)


async def make(place: Place) -> Made:
    """The archive of a case on an embedded hub."""
    async with place.open() as hub, place.client(hub) as client:
        case_no = await closed_case(hub, client, await place.headers(client))
        files = await archived(hub, case_no)
        case = await hub.database.read(lambda tx: find_case(tx, case_no))
        assert case is not None
        archive = await hub.database.read(lambda tx: store.find_archive(tx, case.id))
        given = await hub.database.read(lambda tx: answers(tx, hub.vault, case))
        assert archive is not None
        assert archive.intent is not None
        stamping = hub.desk.hub("timestamp")
        return Made(
            files=files,
            anchors=hub.stamps.anchors(),
            intent=hub.archives._maker._opened(case, archive, "intent", archive.intent),
            bodies=tuple(body for _, body in given),
            hub=hub.desk.hub("hub"),
            status=hub.desk.hub("status"),
            stamper=Authority(stamping.signer, stamping.chain),
            log_key=hub.ledger.verifier,
        )
