"""The records of a case in its archive 案卷材料: steps, signed form, officers' answers, sealed copies, promises.

Each names the ledger entry that it was made with, which must be proven, and of the same instant. What somebody signed
is verified at that time: seals and answers by certificates, a person's own signature by the key that the intake system
named for him, which proves no more than that system's word about the key.

Not checked: whether the person on a scan is who he says, and what an officer's answer rests on.
"""

import binascii
from collections.abc import Mapping
from typing import Any, Final

from certificates.archive.evidence import EvidenceError, EvidenceGround
from certificates.archive.ledger import ProvenEntry
from signing.canonical import canonical, sha256, strict_loads
from signing.errors import ChainError, SigningError
from signing.jose import read_header, verify_jws
from signing.keys import Es256Key
from signing.tsp.tokens import verify_token
from signing.x509.pki import chain_from_header, validate_chain

RECORDS_FILE: Final = "records.json"
FORM_TYPE: Final = "form-signature+jwt"
TASK_TYPE: Final = "verification-answer+jwt"
SEAL_TYPE: Final = "sealed-copy+jwt"
_ANSWER: Final = ("question", "result", "values", "reason", "department", "answered_by", "answered_at")
_MAX_BYTES: Final = 16 * 1024 * 1024
_DEPTH: Final = 64
Wrong = tuple[str, str]
"""A reason, and the file."""


class Records:
    """Checks records; each method answers what is wrong, in the order of the file."""

    def __init__(self, files: Mapping[str, bytes], ground: EvidenceGround) -> None:
        self._files = files
        self._ground = ground
        self.remarks: list[str] = []

    def check(self, path: str) -> list[Wrong]:
        """Everything that the file at `path` names. Never raises."""
        try:
            content: dict[str, Any] = strict_loads(self._files[path], max_bytes=_MAX_BYTES, max_depth=_DEPTH)
            found = self._steps(content["steps"], path)
            if content["form"] is not None:
                found += self._tried(lambda: self._form(content["form"]), path)
            for kind, check in (("tasks", self._task), ("copies", self._copy), ("promises", self._promise)):
                for item in content[kind]:
                    name = str(item.get("file", path))
                    found += self._tried(lambda item=item, check=check: check(item), name)
        except (SigningError, KeyError, TypeError, ValueError, AttributeError):
            return [("records", path)]
        return found

    def _tried(self, check: Any, name: str) -> list[Wrong]:
        try:
            check()
        except EvidenceError as error:
            return [(error.reason, name)]
        except SigningError as error:
            return [(error.reason, name)]
        except (KeyError, TypeError, ValueError, AttributeError, binascii.Error):
            return [("records", name)]
        return []

    def _steps(self, steps: list[dict[str, Any]], path: str) -> list[Wrong]:
        found: list[Wrong] = []
        for step in steps:
            found += self._tried(lambda step=step: self._entry(step["entry"], step["at"]), path)
        return found

    def _form(self, form: Mapping[str, Any]) -> None:
        """What was signed has the digest that its signatures name; of a family's form, its part has none of its own."""
        content = form["content"]
        if form["whole"]:
            if sha256(canonical(content)).hex() != form["digest"] or content["form"] != self._ground.case_no:
                raise EvidenceError("form_other")
        else:
            self._remark("form_in_part")
        if not form["signatures"]:
            raise EvidenceError("form_unsigned")
        for item in form["signatures"]:
            self._entry(item["entry"], item["signed_at"])
            if item["kind"] != "jws":
                continue
            key = Es256Key.from_jwk(dict(item["jwk"]))
            said = _payload(verify_jws(item["token"], key=key, typ=FORM_TYPE).payload)
            named = {"form": content["form"], "digest": form["digest"]}
            if said == named:
                self._remark(f"signature_names_no_party:{item['party']}")
            elif said != named | {"party": item["party"]}:
                raise EvidenceError("form_signature_other")

    def _task(self, item: Mapping[str, Any]) -> None:
        """An officer's answer is what its seal says, of the instant of its entry."""
        said = self._sealed(item["file"], TASK_TYPE, item["entry"])
        if sha256(canonical({name: said[name] for name in _ANSWER})).hex() != said["answer_sha256"]:
            raise EvidenceError("task_other")
        self._entry(item["entry"], said["answered_at"])

    def _copy(self, item: Mapping[str, Any]) -> None:
        """The seal is over this scan, in this case; the time-stamp is over the seal."""
        said = self._sealed(item["file"], SEAL_TYPE, item["entry"])
        self._entry(item["entry"], said["sealed_at"])
        if said["case_no"] != self._ground.case_no:
            raise EvidenceError("case_other")
        if item["scan"] is None:
            self._remark("scan_not_kept")
        elif sha256(self._files[item["scan"]]).hex() != said["digest"]:
            raise EvidenceError("scan_other")
        stamp = verify_token(
            self._files[item["stamp"]],
            digest=sha256(self._files[item["file"]]),
            anchors=self._ground.keys.anchors,
            now=self._ground.proven_at,
        )
        if stamp.time > self._ground.proven_at + self._ground.tolerance:
            raise EvidenceError("stamp_time")

    def _promise(self, item: Mapping[str, Any]) -> None:
        """The text is the one that was confirmed, and its entry of the instant of the confirmation."""
        if sha256(canonical(item["text"])).hex() != item["text_digest"]:
            raise EvidenceError("promise_other")
        self._entry(item["entry"], item["given_at"])

    def _sealed(self, name: str, typ: str, entry: str) -> dict[str, Any]:
        """What a department or the hub signed, its certificate in force at the entry's time or the archive's."""
        token, known = self._files[name].decode(), self._proven(entry)
        chain, leaf = chain_from_header(read_header(token, max_bytes=_MAX_BYTES)), None
        refused: ChainError | None = None
        for moment in (known.recorded_at, self._ground.proven_at):
            try:
                leaf = validate_chain(chain, anchors=self._ground.keys.anchors, now=moment)
                break
            except ChainError as error:
                refused = refused or error
        if leaf is None:
            raise refused or ChainError("empty")
        said = _payload(verify_jws(token, key=leaf.public, typ=typ, max_bytes=_MAX_BYTES).payload)
        hub, department = self._ground.hub, said.get("department", said.get("office"))
        if said["signed_by"] == "department":
            mine = "issuer" in leaf.roles and leaf.organization_id == department
            mine = mine and str(said["iss"]).startswith(f"{hub}/")
        else:  # no department's key speaks for the hub, and so for another department
            mine = "hub" in leaf.roles and said["iss"] == hub
        if not mine or said["iss"] not in leaf.uris:
            raise ChainError("role")
        return said

    def _proven(self, entry: object) -> ProvenEntry:
        known = self._ground.entries.get(str(entry))
        if known is None:
            raise EvidenceError("entry_not_proven")
        return known

    def _entry(self, entry: object, at: object) -> None:
        known = self._proven(entry)
        if known.time != at or known.recorded_at > self._ground.proven_at + self._ground.tolerance:
            raise EvidenceError("entry_time")

    def _remark(self, said: str) -> None:
        if said not in self.remarks:
            self.remarks.append(said)


def _payload(data: bytes) -> dict[str, Any]:
    payload = strict_loads(data, max_bytes=_MAX_BYTES, max_depth=_DEPTH)
    if not isinstance(payload, dict):
        raise EvidenceError("payload")
    return payload
