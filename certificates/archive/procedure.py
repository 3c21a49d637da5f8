"""The steps of checking an archive, each with what the steps before it have verified."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from certificates.archive.evidence import CopyShown, EvidenceError, EvidenceGround, check_answer
from certificates.archive.keys import KeyCertificates
from certificates.archive.ledger import ProvenLedger, check_checkpoint, check_proofs
from certificates.archive.manifest import MANIFEST, SIGNATURE, STAMPS, Listed, Manifest, Part, manifest_signer, sm3_of
from certificates.archive.package import check_files
from certificates.archive.records import Records
from certificates.archive.stamps import Finding, Stamped, check_stamps
from certificates.archive.status import check_descriptions, check_statements
from certificates.errors import ArchiveError, TrustPackError
from certificates.verifying.pack import MAX_PACK_BYTES, TrustPack
from signing.canonical import sha256, strict_loads
from signing.errors import ChainError, SignatureError, SigningError, SuiteUnavailableError
from signing.jose import take_apart
from signing.log.cosignature import WitnessVerifier
from signing.tsp.tokens import TOLERANCE
from signing.x509.leaf import Leaf

_ONCE: Final = (Part.CASE, Part.MATTER, Part.PROOFS, Part.CHECKPOINT, Part.TRUST_LIST, Part.KEYS, Part.ANCHORS)


@dataclass(slots=True)
class Procedure:
    """One check. Each step answers what it finds; what it verified is there for the next."""

    files: Mapping[str, bytes]
    anchors: tuple[bytes, ...]
    at: datetime
    strict: bool
    witnesses: tuple[WitnessVerifier, ...] = ()
    manifest: Manifest | None = None
    stamped: Stamped = field(default_factory=lambda: Stamped((), ()))
    leaf: Leaf | None = None
    ledger: ProvenLedger | None = None
    shown: list[CopyShown] = field(default_factory=list)
    answers: int = 0
    remarks: list[str] = field(default_factory=list)

    @property
    def moment(self) -> datetime:
        """When the signatures in it were made at the latest."""
        return self.stamped.proven_at or self.at

    def structure(self) -> list[Finding]:
        """(1) Plain files, a manifest that reads, and one file of each part that every archive has."""
        try:
            check_files(self.files)
            for name in (MANIFEST, SIGNATURE):
                if name not in self.files:
                    return [Finding("missing", name)]
            self.manifest = manifest = Manifest.read(self.files[MANIFEST])
        except ArchiveError as error:
            return [Finding(error.reason, file) for file in error.files or ("",)]
        if any(len(manifest.of(part)) != 1 for part in _ONCE):
            return [Finding("parts", MANIFEST)]
        return []

    def time_stamps(self) -> list[Finding]:
        """(2) The chain of stamps, and what it says of every file."""
        self.stamped = check_stamps(self.files, anchors=self.anchors, at=self.at)
        found = list(self.stamped.findings)
        for item in self.stamped.stamps:
            if item.aged:
                self.remarks.append(f"stamp_aged:{item.number}")
                if self.strict:
                    found.append(Finding("stamp_aged", f"{STAMPS}{item.number:04}.tst", undecided=True))
        if any(item.stamp.trial for item in self.stamped.stamps):
            self.remarks.append("trial_time_stamp")
        return found

    def signature(self) -> list[Finding]:
        """(3) The manifest is signed by a hub whose certificate was in force at the proven time."""
        if self.manifest is None:
            return []
        try:
            leaf = manifest_signer(self.files[MANIFEST], self.files[SIGNATURE], anchors=self.anchors, now=self.moment)
        except ChainError as error:
            # Without its first stamp nobody knows when its certificate would have had to be in force.
            return [Finding(f"chain_{error.reason}", SIGNATURE, undecided=not self.stamped.whole)]
        except SuiteUnavailableError:
            return [Finding("suite_unavailable", SIGNATURE, undecided=True)]
        except SignatureError as error:
            return [Finding(error.reason, MANIFEST if error.reason == "digest" else SIGNATURE)]
        except SigningError as error:
            return [Finding(error.reason, SIGNATURE)]
        if self.manifest.hub not in leaf.uris:
            return [Finding("hub_other", MANIFEST)]
        self.leaf = leaf
        return []

    def checksums(self) -> list[Finding]:
        """(4) Every file is the one that the manifest lists, and nothing lies beside them."""
        if self.manifest is None:
            return []
        listed = {item.path: item for item in self.manifest.files}
        found = [Finding("missing", path) for path in listed if path not in self.files]
        for name, content in self.files.items():
            if name in {MANIFEST, SIGNATURE} or name.startswith(STAMPS):
                continue
            if name not in listed:
                found.append(Finding("unlisted", name))
            elif not self._as_listed(listed[name], content):
                found.append(Finding("digest", name))
        return found

    def _as_listed(self, listed: Listed, content: bytes) -> bool:
        if listed.size != len(content) or listed.sha256 != sha256(content).hex():
            return False
        computed = sm3_of(content) if listed.sm3 is not None else None
        if listed.sm3 is not None and computed is None and "sm3_not_computed" not in self.remarks:
            self.remarks.append("sm3_not_computed")
        return computed is None or computed == listed.sm3

    def check_ledger(self) -> list[Finding]:
        """(5) The checkpoint is signed by the log that the manifest names; all entries stand in it, the closing too."""
        manifest = self._manifest()
        checkpoint_at, proofs_at = self._one(Part.CHECKPOINT), self._one(Part.PROOFS)
        note = self.files[checkpoint_at]
        try:
            checkpoint = check_checkpoint(note, manifest.log_key)
        except (SigningError, ValueError):
            return [Finding("checkpoint", checkpoint_at)]
        try:
            self.ledger = check_proofs(self.files[proofs_at], checkpoint, note, witnesses=self.witnesses)
        except (SigningError, ArchiveError) as error:
            return [Finding(error.reason, proofs_at)]
        closing = self.ledger.entries.get(manifest.closing)
        if closing is None or closing.time != manifest.closed_at:
            return [Finding("closing_not_proven", proofs_at)]
        if closing.recorded_at > self.moment + TOLERANCE:
            return [Finding("entry_time", proofs_at)]
        return []

    def evidence(self) -> list[Finding]:
        """(6) Every answer: its signatures at the time of its entries, receipts, tokens, and what it shows in clear."""
        manifest, keys = self._manifest(), self._keys()
        if keys is None or self.ledger is None:
            return [Finding("keys", self._one(Part.KEYS))]
        ground, found = self._ground(keys, self.ledger), []
        for item in manifest.of(Part.EVIDENCE):
            try:
                self.shown += check_answer(self.files[item.path], ground)
                self.answers += 1
            except EvidenceError as error:
                undecided = error.reason == "suite_unavailable"
                found.append(Finding(error.reason, item.path, undecided=undecided))
        return found

    def status(self) -> list[Finding]:
        """(7) Every licence that was shown was good when it was, and is described as it was shown."""
        manifest, keys = self._manifest(), self._keys()
        assert keys is not None  # noqa: S101  # step 6 went before
        statements = [(item.path, self.files[item.path]) for item in manifest.of(Part.STATUS)]
        described = [(item.path, self.files[item.path]) for item in manifest.of(Part.LICENCE)]
        case = manifest.hub, manifest.case_no, manifest.closed_at
        found = check_statements(statements, self.shown, keys=keys, case=case, proven_at=self.moment)
        return found + check_descriptions(described, self.shown)

    def trust(self) -> list[Finding]:
        """(8) The trust list of the day is signed by this hub. Who may issue what is for the reader to compare."""
        manifest, keys, path = self._manifest(), self._keys(), self._one(Part.TRUST_LIST)
        assert keys is not None  # noqa: S101
        token = self.files[path]
        try:
            of_the_day = min(self.moment, _made_at(token))  # it is to be replaced soon; here it is history
            keys.by_header(token.strip(), role="hub", times=(of_the_day, self.moment))
            pack = TrustPack.read(token, now=of_the_day)
        except (SigningError, TrustPackError) as error:
            return [Finding(error.reason, path)]
        except (KeyError, TypeError, ValueError, OverflowError):
            return [Finding("content", path)]
        if pack.policy.hub_uri != manifest.hub:
            return [Finding("hub_other", path)]
        if not self._of_this_case():
            return [Finding("case_other", self._one(Part.CASE))]
        for copy in self.shown:
            issuer = pack.policy.issuers.get(copy.issuer)
            if issuer is None or copy.type_code not in issuer.types:
                self.remarks.append(f"issuer_not_listed:{copy.identifier}")
        return []

    def records(self) -> list[Finding]:
        """(9) Form, steps, officers' answers, sealed copies, promises; archives made before these have none."""
        keys, found = self._keys(), []
        if keys is None or self.ledger is None:
            return []  # steps 5 and 6 have said so
        checking = Records(self.files, self._ground(keys, self.ledger))
        for item in self._manifest().of(Part.RECORDS):
            found += [Finding(reason, path) for reason, path in checking.check(item.path)]
        self.remarks += checking.remarks
        return found

    def _ground(self, keys: KeyCertificates, ledger: ProvenLedger) -> EvidenceGround:
        manifest = self._manifest()
        return EvidenceGround(manifest.hub, manifest.case_no, ledger.entries, keys, self.moment, TOLERANCE)

    def _of_this_case(self) -> bool:
        try:
            case = strict_loads(self.files[self._one(Part.CASE)], max_bytes=1 << 20)
            told = case["case_no"], case["closed_at"]
        except (SigningError, KeyError, TypeError):
            return False
        return bool(told == (self._manifest().case_no, self._manifest().closed_at))

    def _manifest(self) -> Manifest:
        assert self.manifest is not None  # noqa: S101  # a failed integrity ends the procedure
        return self.manifest

    def _one(self, part: Part) -> str:
        return self._manifest().of(part)[0].path

    def _keys(self) -> KeyCertificates | None:
        try:
            content = self.files[self._one(Part.KEYS)]
            return KeyCertificates.read(content, anchors=self.anchors, hub=self._manifest().hub)
        except ArchiveError:
            return None


def _made_at(pack: bytes) -> datetime:
    """What a trust list says of its day. Raises: MalformedError; KeyError, TypeError, ValueError, OverflowError."""
    payload = take_apart(pack.strip(), max_bytes=MAX_PACK_BYTES).payload
    return datetime.fromtimestamp(strict_loads(payload, max_bytes=MAX_PACK_BYTES)["iat"], UTC)
