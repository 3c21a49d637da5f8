"""What must hold after every drill, looked at from outside: command line, HTTP, and read-only SQL beside the hub.

Each finding is a sentence with the number of the invariant it breaks (I1 issued is fetched and verifies, I2 no evidence
without its entry, I3 receipts and checkpoints, I4 one key one effect, I5 status indexes, I6 revoked stays revoked,
I7 every intent ends once, I9 outcomes never mixed). An empty list means: nothing was lost and nothing was doubled.
"""

import asyncio
import json
import time
from base64 import b64decode
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from catalog.bulk import decode
from certificates.verifying.pack import TrustPack
from certificates.verifying.pack_status import PackStatuses
from certificates.verifying.procedure import Result, verify_certificate
from hub.issuing.files import read_document
from hub.issuing.sheaves import VERSIONS
from hub.ledger.receipts import read_receipt
from hub.runtime import open_keys
from signing import sd_jwt
from signing.errors import SigningError
from signing.jose import read_header
from signing.log.checkpoint import Checkpoint
from signing.log.merkle import leaf_hash, verify_consistency, verify_inclusion
from signing.suites import key_from_jwk
from tests.drills.town import Server, Town

_VERSIONS = """
    SELECT v.id, v.certificate_id, v.version, v.identifier, v.state, v.status, v.status_list, v.status_index,
           v.payload_digest, c.current_version, c.record_hash, c.type_code, c.owner_department_id
    FROM certificate_versions v JOIN certificates c ON c.id = v.certificate_id ORDER BY v.certificate_id, v.version
"""


def intents(town: Town) -> list[dict[str, Any]]:
    """What is committed and unsigned, as a crash left it, alone or in sheaves: to be handed to `after`."""
    found = [row for row in town.look(_VERSIONS) if row["state"] == "intended"]
    for sheaf in town.look("SELECT version_columns, versions FROM intent_sheaves"):
        columns = sheaf["version_columns"]
        names = json.loads(columns) if isinstance(columns, str) else columns
        found += decode(VERSIONS, names, bytes(sheaf["versions"]))
    return found


def examine(town: Town, *, begun: Sequence[dict[str, Any]] = (), licences: int = 12, reserved: int = 0) -> list[str]:
    """Everything, after the hub has been started once more. Empty is good.

    Args:
        reserved: status indexes that killed runs may have reserved and nobody has.
    """
    findings = list(town.history.faults)
    with town.serving() as server:
        _settle(town, server)
        findings += _receipts(town, server)
        findings += _checkpoints(town, server)
        findings += _effects(town)
    findings += _library(town, reserved)
    findings += _ended(town, begun)
    findings += asyncio.run(_licences(town, begun, licences))
    findings += _exported(town)
    findings += _remembered(town)
    return findings


def shown_and_not_kept(town: Town) -> bool:
    """Whether the store holds a signed checkpoint that the folder outside it does not know yet."""
    note = town.look("SELECT note FROM ledger_head")[0]["note"]
    kept = json.loads((town.place.home / "witness" / "last-checkpoint.json").read_bytes())["note"]
    return note is not None and _checkpoint(town, note).size > _checkpoint(town, kept).size


def _settle(town: Town, server: Server) -> None:
    """Within a second everything committed is under a signed checkpoint; wait for that, and keep it."""
    for _ in range(100):
        waiting = town.look("SELECT count(*) AS n FROM ledger_entries WHERE position IS NULL")[0]["n"]
        unsigned = town.look("SELECT count(*) AS n FROM ledger_head WHERE note IS NULL")[0]["n"]
        if not waiting and not unsigned:
            break
        time.sleep(0.05)
    town.remember_checkpoint(server)


def _receipts(town: Town, server: Server) -> list[str]:
    """I2, I3: every receipt is a promise kept."""
    findings = []
    keys = {item["kid"]: key_from_jwk(item) for item in server.http.get("/.well-known/jwks.json").json()["keys"]}
    for answer in town.history.evidence().values():
        for item in answer["requirements"]:
            token = item["receipt"]
            claims = read_receipt(token, key=keys[read_header(token, max_bytes=8192)["kid"]])
            got = server.http.get(f"/api/v1/ledger/entries/{claims['entry']}/proof")
            if got.status_code != 200:
                findings.append(f"I3: receipt of entry {claims['entry']} has no proof: {got.status_code}")
                continue
            proof = got.json()
            leaf = json.loads(proof["leaf"])
            if (leaf["commitment"], leaf["time"]) != (claims["commitment"], claims["time"]):
                findings.append(f"I3: entry {claims['entry']} is not the one its receipt promised")
            checkpoint = _checkpoint(town, proof["checkpoint"])
            try:
                verify_inclusion(
                    leaf_hash(proof["leaf"].encode()),
                    index=proof["index"],
                    size=checkpoint.size,
                    proof=[b64decode(node) for node in proof["path"]],
                    root=checkpoint.root,
                )
            except SigningError as error:
                findings.append(f"I3: entry {claims['entry']}: {error.reason}")
            if item["outcome"] in {"no_source", "source_unavailable"} and "evidence" in item:
                findings.append(f"I9: {item['code']} is {item['outcome']} and carries evidence")
    return findings


def _checkpoints(town: Town, server: Server) -> list[str]:
    """I3: all checkpoints ever seen are of one log that only grew."""
    findings = []
    sizes: dict[int, bytes] = {}
    for note in dict.fromkeys(town.history.checkpoints):
        seen = _checkpoint(town, note)
        if sizes.setdefault(seen.size, seen.root) != seen.root:
            findings.append(f"I3: fork at size {seen.size}")
        got = server.http.get("/api/v1/ledger/consistency", params={"size": seen.size}).json()
        latest = _checkpoint(town, got["checkpoint"])
        try:
            verify_consistency(
                old_size=seen.size,
                old_root=seen.root,
                new_size=latest.size,
                new_root=latest.root,
                proof=[b64decode(node) for node in got["path"]],
            )
        except SigningError as error:
            findings.append(f"I3: the checkpoint of {seen.size} is no prefix of that of {latest.size}: {error.reason}")
    return findings


def _effects(town: Town) -> list[str]:
    """I2, I4: as many entries, requests and cases as there were answered keys, and the entries of each."""
    findings = []
    for sent, answer in town.history.cases().items():
        cases = town.look("SELECT case_no FROM cases WHERE external_no = ?", (sent.body or {})["external_no"])
        if [row["case_no"] for row in cases] != [answer["case_no"]]:
            findings.append(f"I4: {len(cases)} cases under one external number")
    opened = town.look("SELECT case_id, count(*) AS n FROM ledger_entries WHERE kind = 'case.open' GROUP BY case_id")
    if len(opened) != town.look("SELECT count(*) AS n FROM cases")[0]["n"] or any(row["n"] != 1 for row in opened):
        findings.append("I4: cases and their opening entries differ")
    wanted: Counter[str] = Counter()
    for answer in town.history.evidence().values():
        wanted[answer["case_no"]] += len(answer["requirements"])
    rows = town.look(
        "SELECT c.case_no, count(e.id) AS n FROM cases c JOIN ledger_entries e ON e.case_id = c.id"
        " WHERE e.kind IN ('disclosure', 'answer', 'refusal') GROUP BY c.case_no"
    )
    disclosed = {row["case_no"]: row["n"] for row in rows}
    requests = town.look(
        "SELECT c.case_no, count(r.id) AS n, sum(CASE WHEN r.state = 'done' THEN 1 ELSE 0 END) AS done"
        " FROM cases c JOIN evidence_requests r ON r.case_id = c.id WHERE r.state <> 'claimed' GROUP BY c.case_no"
    )
    asked = Counter(answer["case_no"] for answer in town.history.evidence().values())
    for case_no, entries in wanted.items():
        if disclosed.get(case_no, 0) != entries:
            findings.append(f"I2: case {case_no} has {disclosed.get(case_no, 0)} entries for {entries} answers")
    findings += [
        f"I4: {asked[row['case_no']]} keys had {row['n']} effects, {row['done']} finished"
        for row in requests
        if row["case_no"] in asked and (row["n"], row["done"]) != (asked[row["case_no"]],) * 2
    ]
    return findings


def _library(town: Town, reserved: int) -> list[str]:
    """I4, I5, I7 over all rows: numbers without gaps, indexes without repeats, one licence in force a record."""
    findings = []
    rows = town.look(_VERSIONS)
    entries = Counter(
        row["object_id"] for row in town.look("SELECT object_id FROM ledger_entries WHERE kind = 'certificate.issue'")
    )
    by_certificate: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by_certificate.setdefault(row["certificate_id"], []).append(row)
        if row["state"] != "issued":
            findings.append(f"I7: {row['identifier']} is still {row['state']}")
        if entries[row["id"]] != 1:
            findings.append(f"I7: {row['identifier']} has {entries[row['id']]} issuing entries")
    if len(entries) != len(rows):
        findings.append(f"I7: {len(entries)} issuing entries for {len(rows)} versions")
    for versions in by_certificate.values():
        if [row["version"] for row in versions] != list(range(1, len(versions) + 1)):
            findings.append(f"I7: versions {[row['version'] for row in versions]} of one certificate")
        if versions[-1]["current_version"] != len(versions):
            findings.append(f"I7: {versions[-1]['identifier']} is not current")
        if any(row["status"] in {"valid", "suspended"} for row in versions[:-1]):
            findings.append(f"I7: {versions[0]['identifier']} still counts beside its successor")
    records = Counter(
        (versions[0]["type_code"], bytes(versions[0]["record_hash"])) for versions in by_certificate.values()
    )
    if any(count > 1 for count in records.values()):
        findings.append("I4: two certificates for one record")
    indexes = Counter((row["status_list"], row["status_index"]) for row in rows)
    findings += [f"I5: status index {place} was given {count} times" for place, count in indexes.items() if count > 1]
    given = sum(row["next_counter"] for row in town.look("SELECT next_counter FROM status_lists"))
    if not len(rows) <= given <= len(rows) + reserved:
        findings.append(f"I5: {given} status indexes taken for {len(rows)} versions")
    if tied := town.look("SELECT count(*) AS n FROM intent_sheaves")[0]["n"]:
        findings.append(f"I7: {tied} sheaves of intents left")
    findings += [
        f"a job of kind {row['kind']} was given up" for row in town.look("SELECT kind FROM outbox WHERE failed")
    ]
    return findings


def _ended(town: Town, begun: Sequence[dict[str, Any]]) -> list[str]:
    """I7: each intent a crash left was signed as it stood: same number, same index, same payload."""
    findings = []
    rows = {str(row["id"]): row for row in town.look(_VERSIONS)}
    for intent in begun:
        now = rows.get(str(intent["id"]))
        same = ("identifier", "status_list", "status_index", "payload_digest")
        if now is None or any(now[name] != intent[name] for name in same):
            findings.append(f"I7: the intent of {intent['identifier']} ended as something else")
    return findings


async def _licences(town: Town, begun: Sequence[dict[str, Any]], count: int) -> list[str]:
    """I1, I6: licences verify offline with an exported pack; those that a crash left unsigned, and some of the rest."""
    findings = []
    rows = town.look(_VERSIONS)
    left = {str(intent["id"]) for intent in begun}
    some = [row for row in rows if str(row["id"]) in left][:count] + rows[:: max(1, len(rows) // count)]
    pack_file = town.scratch / "pack.jws"
    await asyncio.to_thread(town.run, "export-trust", pack_file)
    now = datetime.now(UTC)
    pack = TrustPack.read(pack_file.read_bytes(), now=now)
    async with town.place.open() as hub:
        for row in some:
            token = await read_document(hub, row["identifier"])
            verdict = verify_certificate(
                token, trust=pack.policy, statuses=PackStatuses(pack, now=now), audience=None, now=now
            )
            expected = Result.PASSED if row["status"] == "valid" else Result.FAILED
            if verdict.result is not expected:
                findings.append(f"I1: {row['identifier']} is {row['status']} and verifies as {verdict.reason}")
            payload = sd_jwt.parse(token).payload
            index = payload["status"]["status_list"]["idx"]
            if (payload["certificate"]["identifier"], index) != (row["identifier"], row["status_index"]):
                findings.append(f"I7: {row['identifier']} was signed with another number or index")
        await hub.ledger.drain()
    return findings


def _exported(town: Town) -> list[str]:
    """I1 by the command line alone, for the newest licence in force."""
    row = town.look("SELECT identifier FROM certificate_versions WHERE status = 'valid' ORDER BY id DESC LIMIT 1")[0]
    out = town.scratch / "licence.jws"
    town.run("certificate", "export", row["identifier"], out)
    verdict = town.command("verify", out, "--json")
    return [] if verdict.returncode == 0 else [f"I1: {row['identifier']} exported: {verdict.stdout}"]


def _remembered(town: Town) -> list[str]:
    """`ledger verify` against the first and the last checkpoint that anybody kept."""
    findings = []
    notes = list(dict.fromkeys(town.history.checkpoints))
    for place, note in enumerate(dict.fromkeys([notes[0], notes[-1]])):
        path = town.scratch / f"checkpoint-{place}.txt"
        path.write_text(note)
        done = town.command("ledger", "verify", "--against", path, "--json")
        report = json.loads(done.stdout) if done.stdout else {"findings": [done.stderr]}
        if done.returncode != 0 or not report["rollback_checked"]:
            findings.append(f"I3: ledger verify: {report['findings']}")
    kept = json.loads((town.place.home / "witness" / "last-checkpoint.json").read_bytes())["note"]
    if _checkpoint(town, kept).size < max(_checkpoint(town, note).size for note in notes):
        findings.append("I3: a checkpoint was shown before it was kept outside the database")
    return findings


def examine_report(report: Path, *, rows: int, rejected: Sequence[int], totals: dict[str, int]) -> list[str]:
    """A collection's report is complete, each row once."""
    findings = []
    if sum(totals[name] for name in ("issued", "updated", "unchanged", "ended", "rejected")) != rows:
        findings.append(f"totals {totals} of {rows} rows")
    lines = [json.loads(line) for line in (report / "rejects.jsonl").read_bytes().splitlines()]
    if sorted(line["row"] for line in lines) != list(rejected):
        findings.append(f"rejected rows {sorted(line['row'] for line in lines)}, expected {list(rejected)}")
    repaired = [json.loads(line)["row"] for line in (report / "normalised.jsonl").read_bytes().splitlines()]
    if len(repaired) != len(set(repaired)) or len(repaired) != totals["normalised"]:
        findings.append(f"{len(repaired)} repaired rows in the report, {totals['normalised']} counted")
    summary = json.loads((report / "summary.json").read_bytes())
    if summary["state"] != "finished" or summary["totals"] != totals:
        findings.append(f"the summary says {summary}")
    if not (report / "rejects.csv").exists():
        findings.append("no rejects.csv")
    return findings


def _checkpoint(town: Town, note: str) -> Checkpoint:
    verifier = open_keys(town.place.settings()).note_signer("log").verifier
    return Checkpoint.parse(note, verifier=verifier)
