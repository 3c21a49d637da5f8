"""The eight steps of docs/verification.md, one method each; `verifying` takes them in their order."""

import math
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from certificates.lifecycle.states import Status
from certificates.numbering import Identifier
from certificates.profile import CIVIL_ZONE, VCT_PREFIX
from certificates.verifying.course import Course
from certificates.verifying.known import (
    TYPE_HALTED,
    Known,
    KnownStatus,
    StatusQuestion,
)
from certificates.verifying.papers import FailedError
from certificates.verifying.possession import check_possession
from certificates.verifying.signed_claims import civil_date, instant_of, kind_of, read_identifier, status_entry
from certificates.verifying.trust import Vouched
from certificates.verifying.verdict import NO_LICENCE, Format, TokenKind
from signing.errors import ChainError, ClaimError, SigningError
from signing.jose import check_claims

_OF_THEMSELVES: Final = frozenset({Format.SD_JWT, Format.JSON, Format.OFFLINE_CODE, Format.CONTROL_CODE})
"""Formats that say their own dates."""
_WITH_ENTRY: Final = frozenset({Format.SD_JWT, Format.OFFLINE_CODE, Format.CONTROL_CODE})
"""Formats that name their status entry."""
_WITH_RECEIVER: Final = frozenset({Format.SD_JWT, Format.JSON, Format.OFFLINE_CODE})
"""Formats in which a purpose copy says whom it is for."""


@dataclass(slots=True)
class Procedure(Course):
    """One verification. Each step returns None, or why it could not decide; it raises what it fails with."""

    def structure(self) -> None:
        """(1) It can be read, strictly, as the format that its content says."""
        self.paper.structure()

    def signature(self) -> None:
        """(2) The signature holds, and covers all that is shown."""
        self.claims = self.paper.signature(self.trust, now=self.now, proven_at=self._proven())

    def trust_list(self) -> None:
        """(3) The signer's chain leads to a trust anchor, and this signer may sign this: a department its types, the
        hub its copies.
        """
        self.vouched = self._vouched()
        leaf, kind, identifier = self.vouched.leaf, kind_of(self.claims.get("vct")), read_identifier(self.claims)
        if kind in NO_LICENCE:
            identifier = self.known = None
        elif identifier is None:
            raise FailedError("identifier")
        if self.claims.get("iss") not in leaf.uris:
            raise FailedError("issuer_uri")
        if kind is TokenKind.LICENCE and identifier is not None:
            self._check_issuer(self.vouched, identifier)
        elif "purpose-copy" not in leaf.roles or self.claims["iss"] != self.trust.hub_uri:
            raise FailedError("not_the_hubs_copy_key")
        if self.trust.only is not None and (identifier is None or identifier.type_code not in self.trust.only):
            raise FailedError("type_not_entitled")
        self.kind, self.identifier = kind, identifier

    def _vouched(self) -> Vouched:
        try:
            return self.paper.vouch(self.trust, now=self.now)
        except ChainError as error:
            claimed = instant_of(self.claims.get("iat"))
            if error.reason not in {"expired", "path"} or claimed is None or claimed > self.now:
                raise
            try:  # what has ended since is for step 4: proven time decides
                found = self.paper.vouch(self.trust, now=claimed)
            except SigningError:
                raise error from None
            self.lapsed = True
            return found

    def _check_issuer(self, vouched: Vouched, identifier: Identifier) -> None:
        leaf = vouched.leaf
        issuer = self.trust.issuers.get(leaf.organization_id)
        if issuer is None or "issuer" not in leaf.roles or leaf.organization_id != identifier.issuer_code:
            raise FailedError("issuer_not_entitled")
        if identifier.type_code not in issuer.types or self.claims["vct"] != VCT_PREFIX + identifier.type_code:
            raise FailedError("type_not_entitled")
        match self.claims["certificate"]:
            case {"issuer": {"uscc": identifier.issuer_code}}:
                pass
            case _:  # people read the issuer on the licence, not the one in its chain
                raise FailedError("issuer_not_entitled")

    def time(self) -> str | None:
        """(4) Signed when it may be: what has expired, was revoked or stolen since counts only with proof of an earlier
        time.
        """
        assert self.vouched is not None  # noqa: S101  # step 3 went before
        required = self.paper.required(self.kind)
        try:
            seconds = self.now.timestamp()
            check_claims(self.claims, issuer=None, audience=None, seconds=seconds, max_lifetime=None, required=required)
        except ClaimError as error:
            if error.reason not in {"expired", "not_yet_valid"}:
                raise
            self.outside = error.reason
        leaf, proven = self.vouched.leaf, self._proven()
        if self.lapsed and (proven is None or proven > leaf.not_after):
            raise ChainError("expired")
        self.trust.check_compromised(leaf, proven)
        self.shown = True
        return None if self.trust.is_covered(leaf, self.now) else "revocation_unknown"

    def validity(self) -> str | None:
        """(5) Begun, and not ended: civil dates in Asia/Shanghai with an inclusive end."""
        if self.kind in NO_LICENCE:
            self._within()
            return None
        described = self.claims["certificate"]
        if self.known is not None and self.paper.format not in _OF_THEMSELVES:
            if self.kind is TokenKind.LICENCE and not self.known.binds(self.paper.binding):
                raise FailedError("binding_mismatch")
            self._describe(self.known)
        outside = self.outside if self.as_of is None else self._outside(self.as_of)
        if outside is not None:
            self._end(outside)
        if self.known is not None and self.known.ends_at is not None and self._moment() >= self.known.ends_at:
            self._end("expired")
        match described:
            case {"valid_from": begins, "valid_until": ends}:
                pass
            case _ if self.paper.format not in _OF_THEMSELVES:
                return "validity_unavailable"
            case _:
                raise FailedError("dates")
        today = self._moment().astimezone(CIVIL_ZONE).date()
        if today < civil_date(begins):
            raise FailedError("not_yet_valid")
        if ends is not None and today > civil_date(ends):
            self._end("expired")
        return None

    def _within(self) -> None:
        """What is no licence has no dates but its own times, and says what it is of."""
        outside = self.outside if self.as_of is None else self._outside(self.as_of)
        if outside is not None:
            raise FailedError(outside)
        if not isinstance(self.claims.get(NO_LICENCE[self.kind]), dict):
            raise FailedError("dates")

    def _describe(self, known: Known) -> None:
        """A page says of itself which it is, and who issued it; names and dates come from what is known."""
        described = self.claims["certificate"]
        described |= {name: value for name, value in known.described.items() if name not in described}
        named = known.described.get("issuer")
        if isinstance(named, Mapping) and described.get("issuer", {}).get("uscc") == named.get("uscc"):
            described["issuer"] = dict(named)

    def _outside(self, moment: datetime) -> str | None:
        seconds = moment.timestamp()
        if self.claims.get("nbf", seconds) > seconds:
            return "not_yet_valid"
        return "expired" if seconds >= self.claims.get("exp", math.inf) else None

    def _end(self, reason: str) -> None:
        """What was revoked says so after its end, too: the graver of two reasons."""
        if reason == "expired":
            try:
                self.check_status()
            except FailedError as error:
                if error.reason.startswith("certificate_"):
                    raise FailedError(error.reason, after=reason) from None
        raise FailedError(reason)

    def check_status(self) -> str | None:
        """(6) Its status, not older than the verifier puts up with.

        Not to be had is undecided for a licence; a copy carries none of its own. What a holder shows was in force when
        the hub signed it: where nobody knows better, that is its status, and of then.
        """
        if self.kind in NO_LICENCE:
            return None
        assert self.identifier is not None  # noqa: S101
        uri = index = None
        if self.identifier.type_code in self.trust.halted:
            return TYPE_HALTED
        if self.kind is TokenKind.LICENCE:
            uri, index = self._status_entry()
        found = self.statuses(StatusQuestion(self.identifier.text, uri, index))
        if found == TYPE_HALTED:
            return TYPE_HALTED
        if isinstance(found, Status):
            found = KnownStatus(found, self.now)
        if found is None and self.kind is TokenKind.SHOWING:
            found = KnownStatus(Status.VALID, instant_of(self.claims["iat"]) or self.now)
        if not isinstance(found, KnownStatus):
            return "status_unavailable" if self.kind is TokenKind.LICENCE else None
        self.status_at = found.at
        if found.status is None:
            return found.refusal
        if self.rules.max_status_age is not None and self.now - found.at > self.rules.max_status_age:
            return "status_too_old"
        if self.as_of is not None and not found.of_as_of:
            return "status_unavailable"
        self.status = found.status.value
        if found.status is Status.EXPIRED:
            raise FailedError("expired")
        if found.status is not Status.VALID:
            raise FailedError(f"certificate_{found.status.value}")
        if found.removed:
            raise FailedError("copy_removed")
        return None

    def _status_entry(self) -> tuple[str | None, int | None]:
        entry = self.claims.get("status")
        if self.paper.format not in _WITH_ENTRY:
            entry = None if self.known is None else self.known.status
            if entry is None:
                return None, None
        return status_entry(entry, hub_uri=self.trust.hub_uri)

    def holder(self) -> str | None:
        """(7) A purpose copy is for its receiver and its purpose alone; with a nonce, whoever presents has to hold the
        key in it.
        """
        undecided = self._receiver()
        if self.rules.purpose is not None and self._shown_as() is not TokenKind.LICENCE:
            reason = self._purpose(self.rules.purpose)
            undecided = undecided or reason
        if self.rules.nonce is not None:
            reason = check_possession(self.paper, nonce=self.rules.nonce, audience=self.audience, now=self.now)
            self.possessed = reason is None
            undecided = undecided or reason
        return undecided

    def _receiver(self) -> str | None:
        if self._shown_as() is TokenKind.LICENCE:
            return None
        if self.kind in {TokenKind.CASE_NOTICE, TokenKind.SHOWING} and "aud" not in self.claims:
            return None  # for whomever it is shown to
        if self.audience is None:
            return "audience_not_given"
        intended = self.claims.get("aud")
        if self.paper.format not in _WITH_RECEIVER:
            intended = None if self.known is None else self.known.audience
            if intended is None:
                return "audience_unknown"
        if intended != self.audience:
            raise FailedError("audience_mismatch")
        return None

    def _purpose(self, expected: str) -> str | None:
        match self.claims.get("purpose"):
            case {"text": str() as text}:
                pass
            case _:
                return "purpose_unknown"
        # Full and half width are one text to people; nothing else is made equal.
        if unicodedata.normalize("NFKC", text) != unicodedata.normalize("NFKC", expected):
            raise FailedError("purpose_mismatch")
        self.compared = True
        return None

    def policy(self) -> None:
        """(8) The verifier's own rules: authorities for trying out, suites, who holds the key."""
        assert self.vouched is not None  # noqa: S101
        if self.vouched.trial and not self.rules.trial:
            raise FailedError("trial_not_accepted")
        if self.rules.suites is not None and self.vouched.leaf.public.alg not in self.rules.suites:
            raise FailedError("suite_not_accepted")
        if self.rules.custodies is not None and self._custody() not in self.rules.custodies:
            raise FailedError("custody_not_accepted")
