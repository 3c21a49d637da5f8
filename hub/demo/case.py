"""The case that is walked: a couple asks for a housing-fund loan and brings one ID each."""

import json
import time
import uuid
from base64 import b64decode
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from certificates.verifying.pack import TrustPack
from certificates.verifying.pack_status import PackStatuses
from certificates.verifying.procedure import Result, verify_certificate
from hub.clock import utc_now
from hub.demo.client import HubClient
from hub.demo.steps import require
from hub.ledger.receipts import read_receipt
from signing.jose import read_header
from signing.keys import Es256Key
from signing.log.checkpoint import Checkpoint, NoteVerifier
from signing.log.merkle import leaf_hash, verify_inclusion
from signing.pem import wrap

MATTER = "housing_fund_loan"
INTERFACE = "social_insurance"


@dataclass(slots=True)
class CaseWalk:
    """The state of the walk, and one method a step. Each answers what happened, in Chinese and English."""

    client: HubClient
    sample: dict[str, Any]
    log: NoteVerifier
    case_no: str = ""
    answer: dict[str, Any] = field(default_factory=dict)
    raw: bytes = b""
    key: str = field(default_factory=lambda: str(uuid.uuid4()))
    checkpoint: str = ""

    def sign_in(self) -> tuple[str, str]:
        """The intake system authenticates with its own key."""
        self.client.sign_in()
        return (
            f"系统 {self.client.client_id} 用自己的密钥换得令牌",
            f"{self.client.client_id} got a token with its own key",
        )

    def open(self) -> tuple[str, str]:
        """A case with two parties."""
        holder, spouse = self._couple()
        answer = self.client.post("/api/v1/cases", self._body([_party("applicant", holder), _party("spouse", spouse)]))
        require(answer.status_code == 201, f"the case was not opened: {answer.text[:300]}")
        self.case_no = answer.json()["case_no"]
        return (
            f"办件 {self.case_no}：申请人与配偶各出示一个证件",
            f"case {self.case_no}: applicant and spouse, one ID each",
        )

    def pull(self) -> tuple[str, str]:
        """All requirements of the matter at once."""
        answer = self.client.post(self._evidence(), {"purpose": self._purpose()}, key=self.key)
        require(answer.status_code == 200, f"no evidence: {answer.text[:300]}")
        self.raw, self.answer = answer.content, answer.json()
        expected = self._expected()
        for item in self.answer["requirements"]:
            require(item["outcome"] == expected[item["code"]], f"{item['code']} is {item['outcome']}")
        saved, asked = self.answer["saved"]["papers"], len(self.answer["still_needed"])
        titles = "、".join(self.answer["saved"]["titles"])
        return f"免交 {saved} 份（{titles}），仍需 {asked} 份", f"{saved} papers saved, {asked} still asked for"

    def ask_a_source(self) -> tuple[str, str]:
        """One question to the social insurance register, under the case; a field outside the grant is refused."""
        asked = {"case_no": self.case_no, "purpose": self._purpose(), "party": "applicant"}
        path = f"/api/v1/interfaces/{INTERFACE}/query"
        answer = self.client.post(path, asked)
        require(answer.status_code == 200, f"no answer of the source: {answer.text[:300]}")
        found = answer.json()
        require(found["outcome"] == "satisfied", f"the source answered {found['outcome']}")
        beyond = self.client.post(path, {**asked, "fields": ["base"]})
        require(beyond.status_code == 403, f"a field outside the grant got {beyond.status_code}")
        record = found["records"][0]
        return (
            f"直接查询人社部门的库：{record['status']}，累计缴费 {record['months_paid']} 个月；未授权的字段得 403",
            f"asked a bureau's own database: {record['months_paid']} months paid; a field outside the grant is a 403",
        )

    def same_again(self) -> tuple[str, str]:
        """The same Idempotency-Key."""
        again = self.client.post(self._evidence(), {"purpose": self._purpose()}, key=self.key)
        require(again.content == self.raw, "a repeat gave other bytes")
        return (
            "同一幂等键得到逐字节相同的回答，账本不增加",
            "the same Idempotency-Key gives the same bytes and no new entry",
        )

    def in_the_log(self) -> tuple[str, str]:
        """The receipt's entry is in the signed tree."""
        keys = {jwk["kid"]: jwk for jwk in json.loads(self.client.text("/.well-known/jwks.json"))["keys"]}
        token = self._satisfied()["receipt"]
        claims = read_receipt(token, key=Es256Key.from_jwk(keys[read_header(token)["kid"]]))
        proof = self._proof(claims["entry"])
        checkpoint = Checkpoint.parse(proof["checkpoint"], verifier=self.log)
        verify_inclusion(
            leaf_hash(proof["leaf"].encode()),
            index=proof["index"],
            size=checkpoint.size,
            proof=[b64decode(node) for node in proof["path"]],
            root=checkpoint.root,
        )
        require(json.loads(proof["leaf"])["commitment"] == claims["commitment"], "the receipt names another entry")
        self.checkpoint = proof["checkpoint"]
        return (
            f"查看先记账后返回：第 {proof['index']} 条，树长 {checkpoint.size}，包含证明成立",
            f"the look was logged before the answer left: entry {proof['index']} of {checkpoint.size}, proof holds",
        )

    def copy_for_one_receiver(self) -> tuple[str, str]:
        """A purpose copy verifies for its receiver and for nobody else."""
        token = self._satisfied()["evidence"]["token"]
        mine = self.client.public("/api/v1/verify", {"token": token, "audience": self.client.client_id})
        other = self.client.public("/api/v1/verify", {"token": token, "audience": "somebody-else"})
        require(
            (mine["result"], other["reason"]) == ("passed", "audience_mismatch"), f"{mine['reason']}, {other['reason']}"
        )
        return (
            "加注件只对接收方有效，转给别人核验不通过",
            "the purpose copy passes for its receiver and fails for anyone else",
        )

    def page_for_people(self, file: Path) -> tuple[str, str]:
        """The same copy as a signed page; it verifies like the token."""
        page = self.client.get(f"/api/v1/evidence-requests/{self.answer['evidence_request_id']}/copies/1?format=pdf")
        require(page.status_code == 200, f"no page: {page.text[:300]}")
        file.write_bytes(page.content)
        mine = self.client.upload("/api/v1/verify", page.content, {"audience": self.client.client_id})
        require((mine["result"], mine["format"]) == ("passed", "pdf"), f"the page: {mine['reason']}")
        return (
            f"带水印、签名和二维码的 PDF，上传即可核验：{file}",
            f"a PDF with watermark, signature and QR code, verified by upload: {file}",
        )

    def offline(self, pack_file: Path) -> tuple[str, str]:
        """With the network unplugged."""
        now = utc_now()
        pack = TrustPack.read(pack_file.read_bytes(), now=now)
        token = self._satisfied()["evidence"]["token"].encode()
        verdict = verify_certificate(
            token, trust=pack.policy, statuses=PackStatuses(pack, now=now), audience=self.client.client_id, now=now
        )
        require(verdict.result is Result.PASSED, f"offline: {verdict.reason}")
        return "断网也能核验：信任包内含根证书与状态列表", "verified offline, with roots and status lists from one pack"

    def wrong_name(self) -> tuple[str, str]:
        """A clerk tries a neighbour's number with a guessed name."""
        holder, _ = self._couple()
        answer = self.client.post("/api/v1/cases", self._body([_party("applicant", {**holder, "name": "冒名"})]))
        case_no = answer.json()["case_no"]
        answer = self.client.post(f"/api/v1/cases/{case_no}/evidence", {"purpose": self._purpose()})
        outcomes = {item["outcome"] for item in answer.json()["requirements"] if item["party"] == "applicant"}
        require(outcomes == {"identity_unconfirmed"}, f"a wrong name got {outcomes}")
        return (
            "姓名不符：什么也得不到，且与查无此人无从分辨",
            "a wrong name gets nothing, and looks like an unknown person",
        )

    def revoked(self, identifier: str) -> tuple[str, str]:
        """After the department revoked a licence."""
        verdict = self.client.public(
            "/api/v1/verify", {"token": self._copy_of(identifier), "audience": self.client.client_id}
        )
        require(verdict["reason"] == "certificate_revoked", f"a revoked licence got {verdict['reason']}")
        answer = self.client.post(self._evidence(), {"purpose": self._purpose()})
        outcomes = {item["outcome"] for item in answer.json()["requirements"]}
        require("refused" in outcomes, f"a revoked licence was used: {outcomes}")
        return (
            "发证部门撤销后立即失效：取证被拒，旧加注件核验为已撤销",
            "revoked: the next pull is refused, the old copy says so",
        )

    def close(self) -> tuple[str, str]:
        """Nothing leaves for a closed case."""
        require(self.client.post(f"/api/v1/cases/{self.case_no}/close").status_code == 200, "the case was not closed")
        late = self.client.post(self._evidence(), {"purpose": self._purpose()})
        require(late.status_code == 409, f"a closed case answered {late.status_code}")
        return "办结后再取证得 409，拒绝也记入账本", "after closing, a pull is 409, and the refusal is on the ledger"

    def archive(self, file: Path, roots: Path, pack_file: Path) -> tuple[str, str]:
        """The package of the closed case, and the roots to check it under."""
        answer = self.client.get(f"/api/v1/cases/{self.case_no}/archive")
        for _ in range(100):
            if answer.status_code != 503:
                break
            time.sleep(0.2)
            answer = self.client.get(f"/api/v1/cases/{self.case_no}/archive")
        require(answer.status_code == 200, f"no archive: {answer.text[:300]}")
        file.write_bytes(answer.content)
        policy = TrustPack.read(pack_file.read_bytes(), now=utc_now()).policy
        roots.write_bytes(b"".join(wrap(der, "CERTIFICATE") for der in {*policy.anchors, *policy.stamp_anchors}))
        return f"归档包 {len(answer.content) // 1024} KB", f"a package of {len(answer.content) // 1024} KB"

    def certificate_to_revoke(self) -> str:
        """The licence behind the applicant's last satisfied requirement: not one that confirms who somebody is."""
        requirements = self.answer["requirements"]
        satisfied = [item for item in requirements if item["outcome"] == "satisfied" and item["party"] == "applicant"]
        return str(satisfied[-1]["evidence"]["certificate"]["identifier"])

    def papers_before(self) -> int:
        """Requirements that concern a party of this case: what used to be asked for."""
        return sum(1 for item in self.answer["requirements"] if item["outcome"] != "not_applicable")

    def _couple(self) -> tuple[dict[str, Any], dict[str, Any]]:
        holder = next(item for item in self.sample["holders"] if "spouse" in item)
        return holder, holder["spouse"]

    def _expected(self) -> dict[str, str]:
        holder, spouse = self._couple()
        return {**holder["expect"], **spouse["expect"]}

    def _purpose(self) -> str:
        return str(self.sample["systems"][0]["purpose"])

    def _evidence(self) -> str:
        return f"/api/v1/cases/{self.case_no}/evidence"

    def _body(self, parties: list[dict[str, str]]) -> dict[str, Any]:
        return {
            "matter": MATTER,
            "kind": "application",
            "parties": parties,
            "operator": self.sample["operator"],
            "channel": "counter",
            "external_no": str(uuid.uuid4()),
            "corroboration": self.sample["corroboration"],
        }

    def _satisfied(self) -> dict[str, Any]:
        return next(item for item in self.answer["requirements"] if item["outcome"] == "satisfied")

    def _copy_of(self, identifier: str) -> str:
        found = (item["evidence"] for item in self.answer["requirements"] if "evidence" in item)
        return str(next(item["token"] for item in found if item["certificate"]["identifier"] == identifier))

    def _proof(self, entry: str) -> dict[str, Any]:
        for _ in range(30):
            answer = self.client.get(f"/api/v1/ledger/entries/{entry}/proof")
            if answer.status_code == 200:
                return answer.json()  # type: ignore[no-any-return]
            time.sleep(0.1)
        require(False, "the entry was not in the tree within three seconds")  # noqa: FBT003
        raise AssertionError


def _party(role: str, holder: dict[str, Any]) -> dict[str, str]:
    return {"role": role, **{name: holder[name] for name in ("id_type", "id_number", "name")}}
